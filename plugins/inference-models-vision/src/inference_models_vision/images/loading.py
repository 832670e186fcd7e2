"""The pictures of a prediction call, whatever they were given as."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
import numpy as np
from inference_models_core.errors import ImageNotFoundError, InputError, UrlInputForbiddenError
from inference_models_core.predictions.image_source import ImageSource
from inference_models_core.types.preprocessing import ColorOrder
from inference_models_core.types.value import Value

from inference_models_vision.defaults import MAX_IMAGE_PIXELS
from inference_models_vision.images.arrays import check_picture, is_tensor, pixels_of_tensor
from inference_models_vision.images.decoding import check_pixels, decode, pixels_of_pil

if TYPE_CHECKING:
    import numpy.typing as npt

_ACCEPTED = (
    "a path, bytes, a PIL image, a uint8 numpy array (height, width, channels), a torch tensor (channels, height, "
    "width), or a list of them"
)
_URL_PREFIXES = ("http://", "https://")
_OTHER_SCHEMES = ("file:", "data:", "ftp:", "s3:", "gs:")


class Picture(NamedTuple):
    """One picture, ready for pre-processing.

    Attributes:
        pixels: (H, W) or (H, W, 3) uint8; may be the caller's own memory: never written to.
        order: Order of the channels.
        source: What predictions refer to.
    """

    pixels: npt.NDArray[np.uint8]
    order: ColorOrder
    source: ImageSource


@attrs.frozen(kw_only=True, repr=False)
class ImageLoader(Value):
    """Reads the pictures of a call.

    Attributes:
        max_pixels: Most pixels of one picture.
        allow_urls: Whether pictures may be fetched from URLs.
        allow_private_hosts: Whether those URLs may lead into private networks and to this machine.
    """

    max_pixels: int = MAX_IMAGE_PIXELS
    allow_urls: bool = False
    allow_private_hosts: bool = False

    def load(self, images: Any, color_order: ColorOrder | None = None) -> list[Picture]:
        """Reads pictures.

        Args:
            images: A path (``str`` or path-like), encoded bytes, a PIL image, a numpy array (H, W), (H, W, 1 | 3 | 4)
                or (N, H, W, 1 | 3 | 4) of uint8, a torch tensor (1 | 3 | 4, H, W) or (N, 1 | 3 | 4, H, W) of uint8
                or of floats from 0 to 1, or a list or tuple of single pictures of any of these kinds. URLs only where
                they are allowed.
            color_order: Channel order of arrays and tensors; by default BGR for numpy and RGB for tensors. Encoded
                pictures and PIL images know theirs.

        Returns:
            The pictures in order, turned upright where EXIF says how, without alpha.

        Raises:
            InputError: If something is no picture; subclasses say what is wrong with it.
        """
        if isinstance(images, (list, tuple)):
            if not images:
                raise InputError("the list of pictures is empty", hint=f"give {_ACCEPTED}")
            return [self._load_one(image, color_order, f"image {i}") for i, image in enumerate(images)]
        if _is_batch(images):
            return [self._load_one(image, color_order, f"image {i}") for i, image in enumerate(_batch(images))]
        return [self._load_one(images, color_order, "the given image")]

    def _load_one(self, image: Any, color_order: ColorOrder | None, name: str) -> Picture:
        url = _url_of(image)
        fetched = None if url is None else self._fetched(url)
        pixels, order = self._pixels(image if fetched is None else fetched, color_order, name)
        source = ImageSource(reference=image, size=pixels.shape[:2], color_order=color_order, fetched=fetched)
        return Picture(pixels, order, source)

    def _pixels(
        self, image: Any, color_order: ColorOrder | None, name: str
    ) -> tuple[npt.NDArray[np.uint8], ColorOrder]:
        if isinstance(image, np.ndarray):
            return self._checked(check_picture(image, name), name), color_order or ColorOrder.BGR
        if isinstance(image, (str, os.PathLike)):
            path = os.fsdecode(image)
            return decode(_read_file(path), max_pixels=self.max_pixels, name=path)
        if isinstance(image, (bytes, bytearray, memoryview)):
            data = bytes(image) if isinstance(image, memoryview) else image
            return decode(data, max_pixels=self.max_pixels, name=f"{name} (bytes)")
        if _is_pil(image):
            return pixels_of_pil(image, max_pixels=self.max_pixels, name=name), ColorOrder.RGB
        if is_tensor(image):
            return self._checked(pixels_of_tensor(image, name), name), color_order or ColorOrder.RGB
        raise InputError(f"{name} is a {type(image).__name__}, not a picture", hint=f"give {_ACCEPTED}")

    def _checked(self, pixels: npt.NDArray[np.uint8], name: str) -> npt.NDArray[np.uint8]:
        check_pixels(pixels.shape[0], pixels.shape[1], self.max_pixels, name)
        return pixels

    def _fetched(self, url: str) -> bytes:
        if not self.allow_urls:
            from inference_models_core.network.origins import redacted

            raise UrlInputForbiddenError(  # without its query, which may be a signature
                f"{redacted(url)} is a URL, and fetching pictures from URLs is not allowed",
                hint="allow it with LoadOptions(allow_url_input=True), or download the picture and pass its bytes",
            )
        from inference_models_vision.images.urls import fetch

        return fetch(url, allow_private_hosts=self.allow_private_hosts)


def _url_of(image: Any) -> str | None:
    text = os.fsdecode(image) if isinstance(image, (str, os.PathLike)) else ""
    return text if text.lower().startswith(_URL_PREFIXES) else None


def _read_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib would be imported for nothing else
            return file.read()
    except (FileNotFoundError, NotADirectoryError) as error:
        scheme = next((scheme for scheme in _OTHER_SCHEMES if path.lower().startswith(scheme)), None)
        hint = f"{scheme} addresses are not read; pass the picture's path or bytes" if scheme else "check the path"
        raise ImageNotFoundError(f"there is no picture at {path}", hint=hint) from error
    except (OSError, ValueError) as error:  # a directory, no permission, a null byte in the name
        raise InputError(f"cannot read the picture {path}: {error}", hint="give the path of a picture file") from error


def _is_pil(image: Any) -> bool:
    module = sys.modules.get("PIL.Image")  # a PIL image exists only where PIL was imported
    return module is not None and isinstance(image, module.Image)


def _is_batch(images: Any) -> bool:
    return (isinstance(images, np.ndarray) or is_tensor(images)) and len(images.shape) == 4


def _batch(images: Any) -> Any:
    if not len(images):
        raise InputError("the batch of pictures is empty", hint=f"give {_ACCEPTED}")
    return images
