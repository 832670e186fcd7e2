"""Default values of prediction arguments, in one place."""

from __future__ import annotations

CONFIDENCE = 0.4
IOU_THRESHOLD = 0.3
MAX_DETECTIONS = 300
CLASS_AGNOSTIC_NMS = False
MAX_IMAGE_PIXELS = 64_000_000
