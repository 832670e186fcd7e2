"""Environment switches in effect, without what may be secret in them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "INFERENCE_MODELS_"
SHOWN = frozenset(
    PREFIX + name
    for name in (
        "CACHE",
        "DEBUG",
        "DETECT_TIMEOUT",
        "DISABLE_PLUGINS",
        "GATE_TIMEOUT",
        "OFFLINE",
        "OVERRIDE_CUDA",
        "PLUGINS",
        "PROGRESS",
        "PROVIDERS",
        "REQUIRE_PLUGINS",
        "RESOLUTION_MAX_AGE",
        "SHARED_CACHE",
        "STRICT_PLUGINS",
    )
)
"""Core's own switches, none of which takes a secret. Of any other, plugins' included, only the name is shown."""
HIDDEN = "(set; value not shown)"
_USER_INFORMATION = re.compile(r"//[^/@\s]*@")


def switches(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The switches that are set.

    Args:
        environ: The variables; those of the process if ``None``.

    Returns:
        Name -> value, sorted by name; a value that might be secret is replaced, user names and passwords in URLs are.
    """
    variables = os.environ if environ is None else environ
    return {name: _value(name, variables[name]) for name in sorted(variables) if name.startswith(PREFIX)}


def _value(name: str, value: str) -> str:
    return _USER_INFORMATION.sub("//***@", value) if name in SHOWN else HIDDEN
