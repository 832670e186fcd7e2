"""Key points, skeletons and directions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from inference_models_core.predictions.drawing.palette import INK, WHITE, class_color
from inference_models_core.predictions.drawing.shapes import disc, segment

if TYPE_CHECKING:
    from inference_models_core.predictions.drawing.canvas import Canvas
    from inference_models_core.predictions.drawing.palette import Color
    from inference_models_core.predictions.gaze import GazeDetections
    from inference_models_core.predictions.key_points import KeyPointDetection, KeyPointDetections

_ARROW_HEAD_ANGLE = math.radians(28)


def draw_skeletons(canvas: Canvas, detections: KeyPointDetections) -> None:
    """Joins and dots; points of confidence 0, and joins to them, are left out."""
    for detection in detections:
        edges = detections.skeleton_for(detection.class_id)
        for i, (start, end) in enumerate(edges):
            _draw_join(canvas, detection, start, end, class_color(i))
        for (x, y), confidence in zip(
            detection.key_points.tolist(), detection.key_points_confidence.tolist(), strict=True
        ):
            if confidence > 0:
                _draw_dot(canvas, x, y, class_color(detection.class_id))


def _draw_join(canvas: Canvas, detection: KeyPointDetection, start: int, end: int, color: Color) -> None:
    if min(detection.key_points_confidence[start], detection.key_points_confidence[end]) <= 0:
        return
    (ax, ay), (bx, by) = detection.key_points[start].tolist(), detection.key_points[end].tolist()
    segment(canvas.pixels, (ax, ay), (bx, by), canvas.line_width * 1.5, color, opacity=0.9)


def _draw_dot(canvas: Canvas, x: float, y: float, color: Color) -> None:
    radius = 1.5 * canvas.line_width
    disc(canvas.pixels, x, y, radius + max(1.0, canvas.line_width / 2), WHITE)
    disc(canvas.pixels, x, y, radius, color)


def draw_gaze(canvas: Canvas, detections: GazeDetections) -> None:
    """An arrow from the middle of each face, as long as the face is wide when it looks sideways."""
    for face in detections:
        x0, y0, x1, y1 = face.xyxy.tolist()
        x, y, length = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0
        dx = -length * math.cos(face.pitch) * math.sin(face.yaw)
        dy = -length * math.sin(face.pitch)
        _draw_arrow(canvas, (x, y), (x + dx, y + dy), class_color(face.class_id))


def _draw_arrow(canvas: Canvas, start: tuple[float, float], end: tuple[float, float], color: Color) -> None:
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    head = min(6.0 * canvas.line_width, math.dist(start, end) / 2)
    wings = [
        (end[0] - head * math.cos(angle + turn), end[1] - head * math.sin(angle + turn))
        for turn in (_ARROW_HEAD_ANGLE, -_ARROW_HEAD_ANGLE)
    ]
    for width, ink in ((canvas.line_width * 2.4, INK), (canvas.line_width * 1.5, color)):
        for tail, tip in ((start, end), (end, wings[0]), (end, wings[1])):
            segment(canvas.pixels, tail, tip, width, ink)
    disc(canvas.pixels, *start, 2.0 * canvas.line_width, color)
