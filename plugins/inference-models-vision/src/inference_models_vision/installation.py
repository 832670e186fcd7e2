"""Names of the OpenCV wheels, and the command that installs one."""

from __future__ import annotations

OPENCV_BUILDS = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python-headless",
    "opencv-contrib-python",
)
INSTALL_OPENCV = 'pip install "inference-models-vision[opencv]"'
