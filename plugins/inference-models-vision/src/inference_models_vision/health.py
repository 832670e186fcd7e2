"""Optional packages: the builds of OpenCV, which overwrite each other's files, and what reading text needs."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from inference_models_core.runtime.modules import has_module
from inference_models_core.types.health import CheckResult, Verdict

from inference_models_vision.installation import INSTALL_OCR, INSTALL_OPENCV, OCR_MODULES, OPENCV_BUILDS

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_opencv_builds() -> CheckResult:
    """Checks that ``cv2`` comes from exactly one distribution.

    Returns:
        A warning where several builds are installed, a failure where there is none and ``cv2`` cannot be found.
    """
    return judge(installed_builds(), cv2_found=has_module("cv2"))


def installed_builds() -> tuple[str, ...]:
    """Names of the installed OpenCV wheels."""
    return tuple(name for name in OPENCV_BUILDS if _is_installed(name))


def judge(builds: Sequence[str], *, cv2_found: bool) -> CheckResult:
    """What the found builds mean.

    Args:
        builds: Installed OpenCV distributions.
        cv2_found: Whether a module ``cv2`` can be found; JetPack and Linux distributions bring one without a wheel.

    Returns:
        The verdict with the command that mends it.
    """
    if len(builds) > 1:
        return CheckResult(
            verdict=Verdict.WARNING,
            message=f"{', '.join(builds)} all own the module cv2 and overwrite each other's files",
            fix=f"pip uninstall -y {' '.join(builds)} && pip install {builds[0]}",
        )
    if builds and cv2_found:
        return CheckResult(verdict=Verdict.OK, message=f"cv2 comes from {builds[0]}")
    if builds:
        return CheckResult(
            verdict=Verdict.FAILED,
            message=f"{builds[0]} is installed but its module cv2 is gone, as after uninstalling another build",
            fix=f"pip install --force-reinstall --no-deps {builds[0]}",
        )
    if cv2_found:
        return CheckResult(verdict=Verdict.OK, message="cv2 comes from the system, not from a wheel")
    return CheckResult(verdict=Verdict.FAILED, message="OpenCV is not installed", fix=INSTALL_OPENCV)


def check_ocr_packages() -> CheckResult:
    """Checks that the packages of the extra ``ocr`` are there.

    Returns:
        No failure in any case: whoever reads no text needs none of them. The message and the command say what is
        missing for those who do.
    """
    return judge_ocr([package for module, package in OCR_MODULES.items() if not has_module(module)])


def judge_ocr(missing: Sequence[str]) -> CheckResult:
    """What it means that packages of the extra ``ocr`` are missing."""
    if not missing:
        return CheckResult(verdict=Verdict.OK, message="PP-OCR can read text")
    message = f"PP-OCR (pp-ocrv6-det, pp-ocrv6-rec) cannot be used here: {' and '.join(missing)} not installed"
    return CheckResult(verdict=Verdict.OK, message=message, fix=INSTALL_OCR)


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
