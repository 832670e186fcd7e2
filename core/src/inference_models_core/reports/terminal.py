"""Documents for rich consoles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from rich.text import Text

from inference_models_core.reports.document import Document, Tone
from inference_models_core.reports.layout import lay_out

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_STYLES = {
    Tone.PLAIN: "",
    Tone.GOOD: "green",
    Tone.WARNING: "yellow",
    Tone.BAD: "red",
    Tone.DIM: "dim",
    Tone.STRONG: "bold",
    Tone.FIX: "cyan",
}


@attrs.frozen
class DocumentRenderable:
    """A document that a rich console prints, wrapped to its width."""

    document: Document

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in lay_out(self.document, options.max_width):
            # Text, never markup: what stands in metadata must not be read as style.
            yield Text.assemble(*((text, _STYLES[tone]) for text, tone in line))
