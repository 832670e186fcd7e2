"""Version of this distribution; hatchling reads it when building."""

__version__ = "0.1.0"
