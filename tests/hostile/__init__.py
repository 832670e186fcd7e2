"""Packages that try to run code, and the process in which they are loaded."""
