"""Boxes, masks and points of instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inference_models_core.predictions.drawing.labels import draw_labels
from inference_models_core.predictions.drawing.palette import WHITE, class_color
from inference_models_core.predictions.drawing.shapes import box, disc, fill, outline

if TYPE_CHECKING:
    import numpy.typing as npt

    from inference_models_core.predictions.detections import Detections
    from inference_models_core.predictions.drawing.canvas import Canvas
    from inference_models_core.predictions.masks import Masks
    from inference_models_core.predictions.points import Points


def draw_boxes(canvas: Canvas, detections: Detections) -> None:
    """Frames and labels; the most confident ones on top. Boxes that are not finite are left out."""
    usable = detections[np.flatnonzero(np.isfinite(detections.xyxy).all(axis=1))]
    ordered = usable[np.argsort(usable.confidence, kind="stable")]
    boxes = [(x0, y0, x1, y1) for x0, y0, x1, y1 in ordered.xyxy.tolist()]
    colors = [class_color(class_id) for class_id in ordered.class_id.tolist()]
    for corners, color in zip(boxes, colors, strict=True):
        box(canvas.pixels, corners, canvas.line_width, color)
    if canvas.labels:
        draw_labels(canvas, ordered.labels(), boxes, colors)


def draw_masks(canvas: Canvas, masks: Masks, color_ids: npt.NDArray[np.int64]) -> None:
    """Translucent masks with an outline, small ones on top of large ones.

    Args:
        canvas: Where to.
        masks: n masks.
        color_ids: (n,) int64; masks of one id share a colour.
    """
    width = max(1, canvas.line_width * 2 // 3)
    for i in np.argsort(-masks.area, kind="stable").tolist():
        left, top = masks.windows[i, :2].tolist()
        color = class_color(int(color_ids[i]))
        fill(canvas.pixels, masks.crops[i], left, top, color, canvas.opacity)
        outline(canvas.pixels, masks.crops[i], left, top, width, color)


def draw_points(canvas: Canvas, points: Points) -> None:
    """Dots with a white rim, and labels."""
    usable = points[np.flatnonzero(np.isfinite(points.xy).all(axis=1))]
    radius = 2.2 * canvas.line_width
    places = usable.xy.tolist()
    colors = [class_color(class_id) for class_id in usable.class_id.tolist()]
    for (x, y), color in zip(places, colors, strict=True):
        disc(canvas.pixels, x, y, radius + canvas.line_width / 2, WHITE)
        disc(canvas.pixels, x, y, radius, color)
    if canvas.labels:
        boxes = [(x - radius, y - radius, x + radius, y + radius) for x, y in places]
        draw_labels(canvas, usable.class_name.tolist(), boxes, colors)
