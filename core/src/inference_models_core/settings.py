"""Environment switches that core reads, each at the moment it matters and never at import.

``docs/environment.md`` lists them all.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from inference_models_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from pathlib import Path

_DAY = 24 * 60 * 60
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


def flag(name: str) -> bool:
    """Reads a switch.

    Args:
        name: Name of the environment variable.

    Returns:
        Whether it is on; unset is off.

    Raises:
        InvalidRequestError: If the value is neither a yes nor a no.
    """
    value = os.environ.get(name, "").strip().lower()
    if value not in _TRUE | _FALSE:
        raise InvalidRequestError(f"{name}={value!r} is neither on nor off", hint=f"set {name}=1 or {name}=0")
    return value in _TRUE


def names(name: str) -> tuple[str, ...]:
    """Reads a comma-separated list; unset and empty give no names."""
    return tuple(part.strip() for part in os.environ.get(name, "").split(",") if part.strip())


def offline() -> bool:
    """Whether the network is forbidden, by our own switch or by the Hugging Face one."""
    return flag("INFERENCE_MODELS_OFFLINE") or flag("HF_HUB_OFFLINE")


def configured_providers() -> tuple[str, ...]:
    """Weights providers a bare id goes to, in order; whoever configures a provider trusts it."""
    return names("INFERENCE_MODELS_PROVIDERS")


def resolution_max_age() -> float:
    """Seconds for which a remembered choice is used without asking the provider again; a day by default.

    Raises:
        InvalidRequestError: If ``INFERENCE_MODELS_RESOLUTION_MAX_AGE`` is not a number of seconds.
    """
    import math

    text = os.environ.get("INFERENCE_MODELS_RESOLUTION_MAX_AGE", "").strip() or str(_DAY)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:  # NaN, too
        hint = f"set it to a number of seconds, {_DAY} for a day"
        raise InvalidRequestError(f"INFERENCE_MODELS_RESOLUTION_MAX_AGE={text!r} is no age", hint=hint)
    return seconds


def chosen_cache() -> Path | None:
    """The cache folder that the user chose by ``INFERENCE_MODELS_CACHE``; ``None`` for the user's own."""
    from pathlib import Path

    text = os.environ.get("INFERENCE_MODELS_CACHE", "")
    return Path(text).expanduser() if text else None


def cache_folder() -> Path:
    """The folder of this user where files are kept that can be made or fetched again."""
    import platformdirs

    return platformdirs.user_cache_path("inference-models", appauthor=False)
