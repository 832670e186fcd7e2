"""Proof that the answers are the reference's: small packages, both systems, one table. `nox -s parity` runs it."""
