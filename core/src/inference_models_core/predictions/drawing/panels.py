"""Panels in a corner: scores, legends, texts, scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from inference_models_core.predictions.drawing.palette import INK, WHITE, class_color, color_scale
from inference_models_core.predictions.drawing.shapes import blend, rounded_rectangle
from inference_models_core.predictions.drawing.text import typeface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.predictions.classification import ClassScore
    from inference_models_core.predictions.drawing.canvas import Canvas
    from inference_models_core.predictions.drawing.palette import Color

_OPACITY = 0.78


@attrs.frozen(kw_only=True)
class PanelRow:
    """One line of a panel.

    Attributes:
        text: What it says.
        value: Text at the right end.
        color: Of a chip before the text; ``None`` for no chip.
        share: Length of a bar under the text, 0 to 1; ``None`` for no bar.
    """

    text: str
    value: str = ""
    color: Color | None = None
    share: float | None = None


def draw_scores(canvas: Canvas, scores: Sequence[ClassScore]) -> None:
    """Names and confidences with bars."""
    draw_panel(
        canvas,
        [
            PanelRow(
                text=score.class_name,
                value=f"{score.confidence:.2f}",
                color=class_color(score.class_id),
                share=score.confidence,
            )
            for score in scores
        ],
    )


def draw_text(canvas: Canvas, text: str) -> None:
    """A text in as many lines as it needs and half of the picture has room for."""
    face = typeface([text], canvas.font_size, canvas.font)
    lines = face.wrapped(text, canvas.width - 4 * canvas.font_size)
    room = max(1, canvas.height // 2 // (face.line_height + canvas.font_size // 2))
    shown = lines if len(lines) <= room else [*lines[: room - 1], "..."]
    draw_panel(canvas, [PanelRow(text=line) for line in shown])


def draw_panel(canvas: Canvas, rows: Sequence[PanelRow]) -> None:
    """Rows on a dark ground in the upper left corner; those that have no room are left out."""
    if not rows or not canvas.labels:
        return
    face = typeface([row.text + row.value for row in rows], canvas.font_size, canvas.font)
    margin = max(2, canvas.font_size // 2)
    chip = face.line_height + margin // 2 if any(row.color for row in rows) else 0
    value_width = max(face.width(row.value) for row in rows)
    gap = margin if value_width else 0
    room = max(1, canvas.width - 4 * margin - chip - gap - value_width)
    texts = [face.shortened(row.text, room) for row in rows]
    inner = chip + max(face.width(text) for text in texts) + gap + value_width
    step = face.line_height + margin
    fitting = max(1, (canvas.height - 3 * margin) // step)
    left, top = margin, margin
    window = (left, top, left + inner + 2 * margin, top + margin + step * min(len(rows), fitting))
    rounded_rectangle(canvas.pixels, window, margin / 2, INK, _OPACITY)
    canvas.occupied.append(window)
    for i, (row, text) in enumerate(zip(rows[:fitting], texts, strict=False)):
        x, y = left + margin, top + margin + i * step
        _draw_bar(canvas, row, x, y + face.line_height, inner)
        if row.color:
            size = face.line_height * 3 // 4
            middle = y + (face.line_height - size) // 2
            rounded_rectangle(canvas.pixels, (x, middle, x + size, middle + size), size / 4, row.color)
        blend(canvas.pixels, x + chip, y, face.coverage(text), WHITE)
        if row.value:
            blend(canvas.pixels, x + inner - face.width(row.value), y, face.coverage(row.value), WHITE)


def _draw_bar(canvas: Canvas, row: PanelRow, left: int, top: int, width: int) -> None:
    if row.share is None:
        return
    thickness = max(2, canvas.font_size // 8)
    y = top + max(1, canvas.font_size // 10)
    full = (left, y, left + width, y + thickness)
    filled = (left, y, left + max(thickness, round(width * min(1.0, max(0.0, row.share)))), y + thickness)
    rounded_rectangle(canvas.pixels, full, thickness / 2, WHITE, 0.2)
    rounded_rectangle(canvas.pixels, filled, thickness / 2, row.color or WHITE)


def draw_scale(canvas: Canvas, low: str, high: str) -> None:
    """The colour scale with the values at its ends, in the lower left corner."""
    if not canvas.labels:
        return
    face = typeface([low, high], canvas.font_size, canvas.font)
    margin = max(2, canvas.font_size // 2)
    low_width, high_width = face.width(low), face.width(high)
    length = min(canvas.font_size * 8, canvas.width - low_width - high_width - 6 * margin)
    if length < canvas.font_size:
        return
    bottom = canvas.height - margin
    top = bottom - face.line_height - 2 * margin
    window = (margin, top, 5 * margin + low_width + length + high_width, bottom)
    rounded_rectangle(canvas.pixels, window, margin / 2, INK, _OPACITY)
    x, y = 2 * margin, top + margin
    blend(canvas.pixels, x, y, face.coverage(low), WHITE)
    x += low_width + margin
    ramp = color_scale()[np.linspace(0, 255, length).round().astype(np.intp)]
    part = canvas.pixels[max(0, y) : max(0, y + face.line_height), x : x + length]
    part[:] = ramp
    blend(canvas.pixels, x + length + margin, y, face.coverage(high), WHITE)
