"""Runs every package of a model on the same pictures and compares what they answer.

Nothing of it is imported before somebody verifies; the negotiation gets what was found out as plain values.
"""
