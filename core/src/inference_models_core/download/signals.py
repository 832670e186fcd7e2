"""What one request can come to besides bytes; none of these leaves the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inference_models_core.errors import InferenceModelsError


class TransientError(Exception):
    """The same request may work in a moment."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pause = pause


class UrlFailedError(Exception):
    """This URL does not give the file."""

    def __init__(self, error: InferenceModelsError, *, refused: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.refused = refused


class StartAgainError(Exception):
    """What is there and what comes do not belong together."""

    def __init__(self, reason: str, *, without_ranges: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.without_ranges = without_ranges


class StoppedError(Exception):
    """Another thread has failed already."""
