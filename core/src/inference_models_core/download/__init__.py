"""From URLs to one verified file: ranges, resuming, floor rate, and everything that a server may do wrong."""
