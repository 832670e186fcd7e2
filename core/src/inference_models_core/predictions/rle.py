"""COCO's run-length encoding of masks, on numpy, straight from a crop.

The format (``maskApi.c`` of the COCO API): the picture is read column by column; ``counts`` are lengths of runs, the
first of them of zeros. The compressed text writes each count from the fourth on as the difference to the count two
before it, in groups of five bits, lowest first; bit 6 of a character says that more groups follow, bit 5 of the last
group is the sign, and 48 is added to make it printable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inference_models_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_GROUP_BITS = 5
_GROUP = 0x1F
_SIGN = 0x10
_MORE = 0x20
_FIRST_CHARACTER = 48


def counts_of_crop(
    crop: npt.NDArray[np.bool_], left: int, top: int, image_size: tuple[int, int]
) -> npt.NDArray[np.int64]:
    """Run lengths of a mask that is zero outside a window.

    Args:
        crop: (h, w) bool, the window's pixels.
        left: The window's first column in the picture.
        top: The window's first row in the picture.
        image_size: (height, width) of the picture.

    Returns:
        (m,) int64 run lengths, zeros first; they sum to height * width.
    """
    height, width = image_size
    rows, columns = crop.shape
    # Where a pixel differs from the one above; sorting those few is faster than reading the pixels column by column.
    changes = np.zeros((rows + 1, columns), np.bool_)
    changes[:-1] = crop
    changes[1:] ^= crop
    row, column = np.divmod(np.flatnonzero(changes), max(columns, 1))
    edges = np.sort((left + column) * height + (top + row))
    if rows == height:  # a run down to the last row goes on in the next column's first row
        edges = _without_touching_runs(edges)
    counts: npt.NDArray[np.int64] = np.diff(edges, prepend=0, append=height * width)
    return counts[:-1] if len(counts) > 1 and counts[-1] == 0 else counts


def _without_touching_runs(edges: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    keep = np.ones(len(edges), dtype=np.bool_)
    touching = np.flatnonzero(edges[1:-1:2] == edges[2::2])
    keep[2 * touching + 1] = False
    keep[2 * touching + 2] = False
    kept: npt.NDArray[np.int64] = edges[keep]
    return kept


def compressed(counts: Sequence[npt.NDArray[np.int64]]) -> list[bytes]:
    """Run lengths of masks, (m,) each, as COCO's compressed text; byte for byte what pycocotools writes."""
    if not counts:
        return []
    lengths = np.array([len(each) for each in counts])
    starts = np.cumsum(lengths) - lengths
    groups, more = _groups(_differences(np.concatenate(counts), starts, lengths))
    written = np.logical_and.accumulate([np.ones_like(more[0]), *more[:-1]])
    text = np.stack(groups, axis=1)[written.T].tobytes()
    stops = np.cumsum(np.add.reduceat(written.sum(axis=0), starts)).tolist()
    return [text[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]


def _differences(
    counts: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """What is written for each count: itself, or from a mask's fourth on the difference to the one two before."""
    place = np.arange(len(counts)) - np.repeat(starts, lengths)
    values: npt.NDArray[np.int64] = counts.astype(np.int64)
    values[2:] -= np.where(place[2:] > 2, counts[:-2], 0)
    return values


def _groups(values: npt.NDArray[np.int64]) -> tuple[list[npt.NDArray[np.uint8]], list[npt.NDArray[np.bool_]]]:
    """Characters of the first, second, ... group of each value, and whether more follow."""
    groups, more = [], [np.ones(len(values), np.bool_)]
    while more[-1].any():
        group, values = values & _GROUP, values >> _GROUP_BITS
        more.append(np.where(group & _SIGN, values != -1, values != 0))
        groups.append((group + _FIRST_CHARACTER + _MORE * more[-1]).astype(np.uint8))
    return groups, more[1:]


def decompressed(text: bytes | str) -> npt.NDArray[np.int64]:
    """Run lengths (m,) int64 of COCO's compressed text.

    Raises:
        InvalidRequestError: The text is not of this format.
    """
    raw = text.encode("ascii", "replace") if isinstance(text, str) else bytes(text)
    codes = np.frombuffer(raw, dtype=np.uint8).astype(np.int64) - _FIRST_CHARACTER
    if not len(codes) or codes.min() < 0 or codes.max() > (_MORE | _GROUP) or codes[-1] & _MORE:
        raise InvalidRequestError("The run lengths of a mask are not COCO's compressed text.")
    last = np.flatnonzero(codes & _MORE == 0)
    first = np.concatenate([[0], last[:-1] + 1])
    digit = np.arange(len(codes)) - np.repeat(first, last - first + 1)
    if digit.max() > 11:  # twelve groups fill 60 bits: no picture is larger
        raise InvalidRequestError("A run length of a mask is too large.")
    values = np.add.reduceat((codes & _GROUP) << (_GROUP_BITS * digit), first)
    negative = codes[last] & _SIGN != 0
    values[negative] -= np.int64(1) << (_GROUP_BITS * (digit[last][negative] + 1))
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def crop_of_counts(
    counts: npt.NDArray[np.int64], image_size: tuple[int, int]
) -> tuple[tuple[int, int, int, int], npt.NDArray[np.bool_]]:
    """The smallest window that holds a mask, and its pixels.

    Args:
        counts: (m,) run lengths, zeros first.
        image_size: (height, width) of the picture.

    Returns:
        (left, top, right, bottom), right and bottom exclusive, and the bool pixels of that window in column-major
        order; zeros and an empty array for an empty mask.

    Raises:
        InvalidRequestError: The counts do not fit the size.
    """
    height, width = image_size
    pixels = height * width
    if not len(counts) or counts.min() < 0 or counts.max() > pixels or counts.sum() != pixels:
        raise InvalidRequestError(f"The run lengths of a mask do not fill a picture of {width}x{height} pixels.")
    edges = np.cumsum(counts)
    starts, stops = edges[0 : len(edges) - 1 : 2], edges[1::2]
    starts, stops = starts[stops > starts], stops[stops > starts]
    if not len(starts):
        return (0, 0, 0, 0), np.zeros((0, 0), dtype=np.bool_)
    left, right = int(starts[0]) // height, (int(stops[-1]) - 1) // height + 1
    lengths = np.diff(np.stack([starts, stops], axis=1).ravel(), prepend=left * height, append=right * height)
    columns = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(right - left, height)
    rows = np.flatnonzero(columns.any(axis=0))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    return (left, top, right, bottom), np.ascontiguousarray(columns[:, top:bottom]).T
