"""A small package for every row of the catalog: what its graph gives, and the documents beside it."""
