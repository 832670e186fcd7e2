"""Models whose network is built in Python and filled with weights."""
