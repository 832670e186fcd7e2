"""Texts in, tokens out."""
