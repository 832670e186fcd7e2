"""Answers for every pixel: classes and depths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inference_models_core.predictions.drawing.palette import class_color, color_scale
from inference_models_core.predictions.drawing.panels import PanelRow, draw_panel, draw_scale
from inference_models_core.predictions.drawing.shapes import fill, outline

if TYPE_CHECKING:
    from inference_models_core.predictions.depth import DepthMap
    from inference_models_core.predictions.drawing.canvas import Canvas
    from inference_models_core.predictions.semantic_segmentation import SemanticSegmentation


def draw_segmentation(canvas: Canvas, segmentation: SemanticSegmentation) -> None:
    """A colour over every class but the background, and a legend with each one's share of the picture."""
    regions = [region for region in segmentation if region.class_id != segmentation.background_id]
    width = max(1, canvas.line_width * 2 // 3)
    for region in regions:
        color = class_color(region.class_id)
        fill(canvas.pixels, region.mask, 0, 0, color, canvas.opacity)
        outline(canvas.pixels, region.mask, 0, 0, width, color)
    pixels = max(1, segmentation.segmentation_map.size)
    rows = [
        PanelRow(text=region.class_name, value=f"{region.area / pixels:.0%}", color=class_color(region.class_id))
        for region in sorted(regions, key=lambda region: -region.area)
    ]
    draw_panel(canvas, rows)


def draw_depth(canvas: Canvas, depth_map: DepthMap) -> None:
    """The colour scale from the smallest to the largest value; what is not finite keeps the picture."""
    low, high = depth_map.range
    finite = np.isfinite(depth_map.depth)
    span = (high - low) or 1.0
    levels = (depth_map.depth[finite] - np.float32(low)) * np.float32(255 / span)
    canvas.pixels[finite] = color_scale()[np.rint(levels).clip(0, 255).astype(np.uint8)]
    unit = " m" if depth_map.unit == "metre" else ""
    draw_scale(canvas, f"{low:.3g}{unit}", f"{high:.3g}{unit}")
