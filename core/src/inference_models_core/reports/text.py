"""Documents as plain text, for files, pipes and ``print``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.reports.layout import lay_out

if TYPE_CHECKING:
    from inference_models_core.reports.document import Document

WIDTH = 110
"""Characters per line that running text is wrapped to where no terminal says otherwise."""


def document_text(document: Document, width: int = WIDTH) -> str:
    """Renders a document as lines; no line break at the end."""
    return "\n".join("".join(text for text, _ in line) for line in lay_out(document, width))
