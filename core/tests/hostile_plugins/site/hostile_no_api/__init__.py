"""States no API version; must never be imported."""

import sys

sys.hostile_touched = [*getattr(sys, "hostile_touched", ()), __name__]
raise SystemExit("this module must never be imported")
