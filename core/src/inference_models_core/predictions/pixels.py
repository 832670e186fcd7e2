"""Pictures of every accepted kind as RGB pixels, for drawing."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inference_models_core.errors import ImageDecodeError, InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from inference_models_core.types.preprocessing import ColorOrder

_CHANNELS = (1, 3, 4)
_URL_SCHEMES = ("http://", "https://")


def rgb_pixels(picture: Any, color_order: ColorOrder | None = None) -> npt.NDArray[np.uint8]:
    """Reads a picture.

    Args:
        picture: A path, encoded bytes, a PIL image, a numpy array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), or a
            tensor (C, H, W) of any library that numpy can read or that has ``detach()``, ``cpu()`` and ``numpy()``.
        color_order: Channel order of an array; ``None`` means BGR for numpy and RGB for tensors.

    Returns:
        (H, W, 3) uint8, RGB. Encoded pictures and PIL images are turned as their EXIF orientation says; transparency
        is dropped; floats are read as 0 to 1 where no value exceeds 1, else as 0 to 255; 16-bit values keep their
        high byte.
        May share memory with ``picture``: copy before writing.

    Raises:
        InputError: The value is no picture, or a URL: this function does not use the network.
        ImageDecodeError: The file or the bytes cannot be read as a picture.
    """
    from PIL import Image

    if isinstance(picture, (str, os.PathLike)):
        return _decoded(_existing_file(picture))
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return _decoded(io.BytesIO(picture))
    if isinstance(picture, Image.Image):
        return _from_pil(picture)
    if isinstance(picture, np.ndarray):
        return _from_array(picture, bgr=color_order is None or color_order.value == "bgr")
    if hasattr(picture, "shape"):
        bgr = color_order is not None and color_order.value == "bgr"
        return _from_array(_channels_last(_on_cpu(picture)), bgr=bgr)
    raise InputError(
        f"A {type(picture).__name__} is not a picture.", hint="Give a path, bytes, a PIL image or an array."
    )


def _existing_file(picture: str | os.PathLike[Any]) -> Path:
    text = os.fsdecode(picture)
    if text.lower().startswith(_URL_SCHEMES):
        raise InputError(f"{text} is not read again for drawing.", hint="Pass the picture: plot(image=...).")
    return Path(text)


def _decoded(source: Path | io.BytesIO) -> npt.NDArray[np.uint8]:
    from PIL import Image

    try:
        with Image.open(source) as image:
            return _from_pil(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        where = source if isinstance(source, Path) else "The given bytes"
        raise ImageDecodeError(f"{where} cannot be read as a picture: {error}") from error


def _from_pil(image: Any) -> npt.NDArray[np.uint8]:
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):  # Pillow's own conversion would clip everything above 255
        return _from_array(np.asarray(image), bgr=False)
    return np.asarray(image.convert("RGB"))


def _on_cpu(tensor: Any) -> npt.NDArray[Any]:
    if str(getattr(tensor, "dtype", "")).endswith("bfloat16"):  # unknown to numpy
        tensor = tensor.float()
    for step in ("detach", "cpu", "numpy"):
        if hasattr(tensor, step):
            tensor = getattr(tensor, step)()
    return np.asarray(tensor)


def _channels_last(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim == 3 and (array.shape[0] in _CHANNELS or array.shape[2] not in _CHANNELS):
        return np.moveaxis(array, 0, 2)
    return array


def _from_array(array: npt.NDArray[Any], *, bgr: bool) -> npt.NDArray[np.uint8]:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in _CHANNELS or not array.size:
        raise InputError(
            f"An array of shape {array.shape} is not a picture.", hint="Give (H, W), (H, W, 3) or (H, W, 4)."
        )
    array = _to_uint8(array)
    if array.shape[2] == 1:
        return np.broadcast_to(array, (*array.shape[:2], 3))
    return array[:, :, 2::-1] if bgr else array[:, :, :3]


def _to_uint8(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        return (array >> 8).astype(np.uint8)
    if array.dtype.kind == "b" or (array.dtype.kind == "f" and array.size and np.nanmax(array) <= 1):
        array = array * np.float32(255)
    if array.dtype.kind not in "fiu":
        raise InputError(f"An array of {array.dtype} is not a picture.")
    rounded: npt.NDArray[np.uint8] = np.nan_to_num(np.rint(array)).clip(0, 255).astype(np.uint8)
    return rounded
