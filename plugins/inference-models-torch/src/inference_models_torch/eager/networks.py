"""Builds networks by name with timm, an optional package."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from inference_models_core.errors import CannotOpenHereError, MalformedDocumentError
from inference_models_core.parsing import Fields

from inference_models_torch.builds import INSTALL_TIMM, INSTALL_TORCHVISION
from inference_models_torch.runtime_errors import RUNTIME_ERRORS, short

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_CLASSES = 100_000
_INITIALIZATION = "inference_config.json: model_initialization"


def build_classifier(initialization: Mapping[str, Any], channels: int) -> Any:
    """Builds a classifier without weights; nothing is downloaded.

    Args:
        initialization: ``model_name``, as timm calls the network, and ``num_classes``.
        channels: Of a picture.

    Returns:
        The module, in inference mode of its layers.

    Raises:
        MalformedDocumentError: If the package does not say what to build, or timm knows no such network.
        CannotOpenHereError: If timm is not there.
    """
    fields = Fields(initialization, _INITIALIZATION)
    name = fields.text("model_name")
    classes = fields.integer("num_classes", minimum=1, maximum=_MOST_CLASSES)
    timm = _timm()
    if not name.replace("_", "").replace(".", "").isalnum():  # "hf-hub:..." and "local-dir:..." would go elsewhere
        raise MalformedDocumentError(f"{_INITIALIZATION}.model_name: {name[:60]!r} is no name of a network of timm")
    try:
        return timm.create_model(name, pretrained=False, num_classes=classes, in_chans=channels).eval()
    except RUNTIME_ERRORS as error:
        raise MalformedDocumentError(
            f"{_INITIALIZATION}.model_name: timm {timm.__version__} cannot build {name!r}: {short(error)}"
        ) from error


def _timm() -> Any:
    try:
        return importlib.import_module("timm")
    except RuntimeError as error:  # a torchvision, which timm imports, of another build than PyTorch
        reason = f"timm, which builds the network, cannot be imported: {short(error)}"
        raise CannotOpenHereError(reason, hint=INSTALL_TORCHVISION) from error
    except (ImportError, OSError) as error:
        reason = f"timm, which builds the network, cannot be imported: {error}"
        raise CannotOpenHereError(reason, hint=INSTALL_TIMM) from error
