"""Requires a core that is not here; must never be imported."""

import sys

sys.hostile_touched = [*getattr(sys, "hostile_touched", ()), __name__]
raise SystemExit("this module must never be imported")
