"""Names of optional wheels, and the commands that install them."""

from __future__ import annotations

OPENCV_BUILDS = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python-headless",
    "opencv-contrib-python",
)
INSTALL_OPENCV = 'pip install "inference-models-vision[opencv]"'

OCR_MODULES = {"pyclipper": "pyclipper", "yaml": "PyYAML"}
"""What reading text needs besides OpenCV: module -> the package that brings it."""
INSTALL_OCR = 'pip install "inference-models-vision[ocr]"'
