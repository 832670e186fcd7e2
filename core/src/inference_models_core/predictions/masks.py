"""Masks of many instances, kept as small as their boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import attrs
import numpy as np

from inference_models_core.errors import InvalidRequestError, ModelOutputError
from inference_models_core.predictions.arrays import as_index, int64_array, require_shape, size_pair
from inference_models_core.predictions.rle import compressed, counts_of_crop, crop_of_counts, decompressed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt


def _crop_tuple(value: Iterable[npt.NDArray[np.bool_]]) -> tuple[npt.NDArray[np.bool_], ...]:
    return tuple(value)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Masks:
    """n masks of one picture. Each keeps only the pixels of its window; outside it is zero.

    ``masks[i]`` and iterating give whole (H, W) planes, made on demand; ``masks[1:3]``, ``masks[keep]`` and
    ``masks[[2, 0]]`` give :class:`Masks`.

    Attributes:
        image_size: (height, width) of the picture in pixels.
        windows: (n, 4) int64: left, top, right, bottom in whole pixels, right and bottom exclusive, inside the
            picture.
        crops: n bool arrays (bottom - top, right - left), referenced as they come.

    Raises:
        ModelOutputError: A window leaves the picture, or a crop does not have its window's size.
    """

    image_size: tuple[int, int] = attrs.field(converter=size_pair)
    windows: npt.NDArray[np.int64] = attrs.field(converter=int64_array)
    crops: tuple[npt.NDArray[np.bool_], ...] = attrs.field(converter=_crop_tuple)

    def __attrs_post_init__(self) -> None:
        require_shape(self, "windows", self.windows, (len(self.crops), 4))
        height, width = self.image_size
        corners, sizes = self.windows.reshape(-1, 2, 2), np.diff(self.windows.reshape(-1, 2, 2), axis=1)[:, 0]
        if (corners < 0).any() or (corners > (width, height)).any() or (sizes < 0).any():
            raise ModelOutputError(f"A mask's window leaves the picture of {width}x{height} pixels.")
        for crop, (columns, rows) in zip(self.crops, sizes.tolist(), strict=True):
            if crop.shape != (rows, columns) or crop.dtype != np.bool_:
                raise ModelOutputError(
                    f"A mask's crop is {crop.dtype} {crop.shape}, its window asks for bool ({rows}, {columns})."
                )

    @classmethod
    def from_dense(cls, planes: npt.NDArray[Any]) -> Masks:
        """Masks from whole planes.

        Args:
            planes: (n, H, W) bool, or any numbers, where everything but 0 belongs to the mask.
        """
        if planes.ndim != 3:
            raise InvalidRequestError(f"Dense masks have the shape (n, H, W), not {planes.shape}.")
        windows = [_window(plane) for plane in planes]
        crops = [
            plane[top:bottom, left:right].astype(np.bool_)
            for plane, (left, top, right, bottom) in zip(planes, windows, strict=True)
        ]
        return cls(image_size=planes.shape[1:], windows=np.array(windows, np.int64).reshape(-1, 4), crops=crops)

    @classmethod
    def from_rle(cls, encodings: Iterable[Mapping[str, Any]], image_size: tuple[int, int] | None = None) -> Masks:
        """Masks from COCO's run-length encodings.

        Args:
            encodings: Mappings with ``size`` [height, width] and ``counts``: compressed text, or a list of run
                lengths.
            image_size: (height, width); needed only where there may be no encodings.

        Raises:
            InvalidRequestError: An encoding is damaged, sizes differ, or there are no encodings and no size.
        """
        encodings = list(encodings)
        sizes = {(int(height), int(width)) for height, width in (encoding["size"] for encoding in encodings)}
        sizes |= {image_size} if image_size is not None else set()
        if len(sizes) != 1:
            raise InvalidRequestError(f"Masks of one picture have one size; given: {sorted(sizes) or 'none'}.")
        size = sizes.pop()
        pairs = [crop_of_counts(_counts(encoding["counts"]), size) for encoding in encodings]
        windows = np.array([window for window, _ in pairs], np.int64).reshape(-1, 4)
        return cls(image_size=size, windows=windows, crops=[crop for _, crop in pairs])

    @property
    def area(self) -> npt.NDArray[np.int64]:
        """(n,) int64 number of pixels of each mask."""
        return np.array([np.count_nonzero(crop) for crop in self.crops], dtype=np.int64)

    def dense(self) -> npt.NDArray[np.bool_]:
        """All masks as whole planes: (n, H, W) bool, n * H * W bytes."""
        planes = np.zeros((len(self), *self.image_size), dtype=np.bool_)
        for plane, crop, (left, top, right, bottom) in zip(planes, self.crops, self.windows.tolist(), strict=True):
            plane[top:bottom, left:right] = crop
        return planes

    def rle(self) -> list[dict[str, Any]]:
        """COCO's compressed run-length encodings, as pycocotools writes them.

        Returns:
            One ``{"size": [height, width], "counts": bytes}`` per mask.
        """
        height, width = self.image_size
        corners = self.windows[:, :2].tolist()
        counts = [
            counts_of_crop(crop, left, top, self.image_size)
            for crop, (left, top) in zip(self.crops, corners, strict=True)
        ]
        return [{"size": [height, width], "counts": text} for text in compressed(counts)]

    def __len__(self) -> int:
        return len(self.crops)

    def __iter__(self) -> Iterator[npt.NDArray[np.bool_]]:
        return (self[i] for i in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> npt.NDArray[np.bool_]: ...
    @overload
    def __getitem__(self, index: slice | Sequence[int] | npt.NDArray[Any]) -> Masks: ...
    def __getitem__(self, index: Any) -> Any:
        positions = np.arange(len(self))[as_index(index, len(self))]
        chosen = attrs.evolve(
            self, windows=self.windows[positions], crops=tuple(self.crops[i] for i in positions.tolist())
        )
        return chosen.dense()[0] if np.ndim(index) == 0 and not isinstance(index, slice) else chosen

    def __repr__(self) -> str:
        height, width = self.image_size
        return f"Masks({len(self)}; picture {width}x{height})"


def _window(plane: npt.NDArray[Any]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _counts(counts: Any) -> npt.NDArray[np.int64]:
    return decompressed(counts) if isinstance(counts, (bytes, str)) else int64_array(counts)
