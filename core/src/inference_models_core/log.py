"""The one logger of the framework."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging


def logger() -> logging.Logger:
    """The logger ``inference_models``; the standard library's ``logging`` is imported with the first message."""
    import logging

    return logging.getLogger("inference_models")


def debug(message: str, *arguments: object) -> None:
    """Logs a detail, if anybody can be listening: nobody has set a level while ``logging`` is not imported."""
    if "logging" in sys.modules:
        logger().debug(message, *arguments)
