"""Pictures given as arrays: what is accepted, and one layout for all of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from inference_models_core.errors import InputError

from inference_models_vision.opencv import cv2

if TYPE_CHECKING:
    import numpy.typing as npt

_CHANNELS = (1, 3, 4)


def check_picture(array: npt.NDArray[Any], name: str) -> npt.NDArray[np.uint8]:
    """Checks an array with the channels last.

    Args:
        array: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), uint8.
        name: What to call it in errors.

    Returns:
        (H, W) or (H, W, 3) uint8; shares memory where there is no alpha to drop.

    Raises:
        InputError: If the type or shape is another.
    """
    if array.dtype != np.uint8:
        raise InputError(
            f"{name} is an array of {array.dtype}; expected uint8 with values from 0 to 255",
            hint='convert it: (image * 255).astype("uint8") for values from 0 to 1',
        )
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in _CHANNELS) or 0 in array.shape:
        raise InputError(
            f"{name} is an array of shape {array.shape}; expected (height, width) or (height, width, 1, 3 or 4)",
            hint="channels come last in numpy: image.transpose(1, 2, 0)",
        )
    if array.ndim == 3 and array.shape[2] != 3:
        return _without_alpha(array) if array.shape[2] == 4 else array[:, :, 0]
    return array


def is_tensor(value: Any) -> bool:
    """Whether a value is a torch tensor, without importing torch."""
    torch = sys.modules.get("torch")  # a tensor exists only where torch was imported
    return torch is not None and isinstance(value, torch.Tensor)


def pixels_of_tensor(tensor: Any, name: str) -> npt.NDArray[np.uint8]:
    """Pixels of a torch tensor.

    Args:
        tensor: (C, H, W) with 1, 3 or 4 channels; (H, W, C) is recognised where the first axis cannot be the
            channels. uint8 from 0 to 255, or floats from 0 to 1, which are rounded to 8 bits. On any device.
        name: What to call it in errors.

    Returns:
        (H, W) or (H, W, 3) uint8.

    Raises:
        InputError: If the type, shape or range of values is another.
    """
    if tensor.ndim not in (2, 3):
        raise InputError(f"{name} is a tensor of shape {tuple(tensor.shape)}; expected (channels, height, width)")
    array = _to_uint8(tensor.detach().cpu(), name)
    if array.ndim == 3 and (array.shape[0] in _CHANNELS or array.shape[2] not in _CHANNELS):
        array = _interleaved(array, name)
    return check_picture(array, name)


def _to_uint8(tensor: Any, name: str) -> npt.NDArray[np.uint8]:
    if not tensor.dtype.is_floating_point:
        array: npt.NDArray[Any] = tensor.numpy()
        if array.dtype != np.uint8:
            raise InputError(f"{name} is a tensor of {tensor.dtype}; expected uint8, or floats from 0 to 1")
        return array
    values: npt.NDArray[np.float32] = tensor.float().numpy()  # numpy knows no bfloat16
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise InputError(
            f"{name} is a tensor of {tensor.dtype} with values from {values.min():g} to {values.max():g}; floats are "
            "expected from 0 to 1",
            hint="divide it by 255, or pass uint8",
        )
    levels: npt.NDArray[np.float32] = np.rint(values * np.float32(255))
    return levels.astype(np.uint8)


def _interleaved(array: npt.NDArray[np.uint8], name: str) -> npt.NDArray[np.uint8]:
    if array.shape[0] not in _CHANNELS or 0 in array.shape:
        raise InputError(f"{name} is a tensor of shape {array.shape}; expected (1, 3 or 4, height, width)")
    return array[0] if array.shape[0] == 1 else np.ascontiguousarray(array.transpose(1, 2, 0))


def _without_alpha(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(array, cv2.COLOR_BGRA2BGR))  # only drops the fourth channel: also right for RGBA
