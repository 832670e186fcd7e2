"""Models from a folder on any web server: an example of a weights provider."""
