"""A plugin that is in order."""
