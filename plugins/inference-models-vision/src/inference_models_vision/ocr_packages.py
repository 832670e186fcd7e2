"""pyclipper and PyYAML, or an error that says how to get them. Import them from here and nowhere else."""

from __future__ import annotations

from inference_models_core.errors import MissingDependencyError

from inference_models_vision.installation import INSTALL_OCR

try:
    import pyclipper
    import yaml
except ImportError as error:
    raise MissingDependencyError(f"reading text needs a package that is not here: {error}", hint=INSTALL_OCR) from error

__all__ = ["pyclipper", "yaml"]
