"""Models in one archive, for machines without a network."""
