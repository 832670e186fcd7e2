"""What every test of this repository runs under."""

from __future__ import annotations

#: In this order: the first gives the folder that the last one looks through.
pytest_plugins = [
    "suite_checks.own_cache",
    "suite_checks.listening",
    "suite_checks.public_errors",
    "suite_checks.canaries",
]
