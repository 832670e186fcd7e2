"""States no API version; must never be imported."""
