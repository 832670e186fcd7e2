"""From a reference to a model's metadata."""
