"""A model reference after it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from pathlib import Path


@attrs.frozen(kw_only=True, repr=False)
class ModelRef(Value):
    """An id, an id at a named provider, or a path; exactly one of ``model_id`` and ``path`` is set.

    Attributes:
        text: What the caller wrote.
        model_id: The id without its scheme.
        scheme: Provider named before ``://``; ``None`` for a bare id.
        path: The path; it may not exist.
    """

    text: str
    model_id: str | None = None
    scheme: str | None = None
    path: Path | None = None

    @property
    def name(self) -> str:
        """The id, or the path as text: for events and messages."""
        return self.model_id if self.model_id is not None else str(self.path)

    def __str__(self) -> str:
        return self.text
