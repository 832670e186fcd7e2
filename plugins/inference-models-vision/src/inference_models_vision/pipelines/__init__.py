"""Several models behind one call."""
