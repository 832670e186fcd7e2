"""Whole loads in real processes against a server that misbehaves; tests and `benchmarks/reliability.py` share it."""
