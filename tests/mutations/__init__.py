"""Breaks the code on purpose, one way at a time, and wants to see a red test each time."""
