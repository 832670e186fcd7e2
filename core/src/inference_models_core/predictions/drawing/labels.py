"""Labels beside the things they name: inside the picture, and on each other as little as possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.predictions.drawing.palette import text_color
from inference_models_core.predictions.drawing.shapes import blend, rounded_rectangle
from inference_models_core.predictions.drawing.text import typeface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.predictions.drawing.canvas import Canvas
    from inference_models_core.predictions.drawing.palette import Color

    Window = tuple[int, int, int, int]


def draw_labels(
    canvas: Canvas, texts: Sequence[str], boxes: Sequence[tuple[float, float, float, float]], colors: Sequence[Color]
) -> None:
    """Writes a text at each box; the last ones choose their place first and lie on top."""
    face = typeface(list(texts), canvas.font_size, canvas.font)
    margin_x, margin_y = max(2, canvas.font_size // 3), max(1, canvas.font_size // 5)
    coverages = [face.coverage(face.shortened(text, canvas.width - 2 * margin_x)) for text in texts]
    windows: list[Window] = []
    for coverage, box in zip(reversed(coverages), reversed(boxes), strict=True):
        height, width = coverage.shape
        windows.append(_place(canvas, box, width + 2 * margin_x, height + 2 * margin_y))
        canvas.occupied.append(windows[-1])
    for coverage, window, color in zip(coverages, reversed(windows), colors, strict=True):
        rounded_rectangle(canvas.pixels, window, canvas.font_size / 5, color)
        blend(canvas.pixels, window[0] + margin_x, window[1] + margin_y, coverage, text_color(color))


def _place(canvas: Canvas, box: tuple[float, float, float, float], width: int, height: int) -> Window:
    """Above the box, else in its upper corner, below it, in its lower corner: where least is covered."""
    edge = canvas.line_width // 2
    left, top, right, bottom = round(box[0]) - edge, round(box[1]) - edge, round(box[2]) + edge, round(box[3]) + edge
    wishes = [
        (left, top - height),
        (left, top),
        (left, bottom),
        (right - width, top - height),
        (right - width, top),
        (left, bottom - height),
        (right - width, bottom - height),
    ]
    windows = [_inside(canvas, x, y, width, height) for x, y in wishes]
    costs = [
        sum(_overlap(window, other) for other in canvas.occupied)
        + abs(window[0] - x) * height
        + abs(window[1] - y) * width
        for window, (x, y) in zip(windows, wishes, strict=True)
    ]
    return windows[costs.index(min(costs))]


def _inside(canvas: Canvas, left: int, top: int, width: int, height: int) -> Window:
    x = min(max(0, left), max(0, canvas.width - width))
    y = min(max(0, top), max(0, canvas.height - height))
    return x, y, x + width, y + height


def _overlap(a: Window, b: Window) -> int:
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
