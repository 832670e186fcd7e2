"""OpenCV, or an error that says how to get it. Import ``cv2`` from here and nowhere else."""

from __future__ import annotations

from inference_models_core.errors import MissingDependencyError

from inference_models_vision.installation import INSTALL_OPENCV

try:
    import cv2
except ImportError as error:
    raise MissingDependencyError(f"OpenCV cannot be imported: {error}", hint=INSTALL_OPENCV) from error

__all__ = ["cv2"]
