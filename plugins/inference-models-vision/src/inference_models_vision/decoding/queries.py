"""Objects out of a fixed number of queries, as the DETR families answer: boxes in fractions, a logit per class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from inference_models_vision.decoding.kernels import is_numpy, kernels, namespace, to_numpy

if TYPE_CHECKING:
    import numpy.typing as npt
    from inference_models_core.types.tensors import Array

_SLACK = 1e-3
"""How far below the logit of the threshold a logit may lie and still be looked at: the probability decides."""


class Queries(NamedTuple):
    """Pairs of a query and a class, the best first.

    Attributes:
        scores: (n,) float32 probabilities.
        columns: (n,) int64: which class of the network.
        rows: (n,) int64: which query; one may occur with several classes.
    """

    scores: npt.NDArray[np.float32]
    columns: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]

    def take(self, chosen: npt.NDArray[Any] | slice) -> Queries:
        """Some of the pairs, by index, mask or slice."""
        return Queries(self.scores[chosen], self.columns[chosen], self.rows[chosen])


def best_queries(logits: Array, lowest: float, count: int) -> Queries:
    """The best pairs of a query and a class, less those that cannot count.

    Args:
        logits: (queries, classes) floats of any array library; NaN never counts.
        lowest: Probability that none of the pairs wanted is below; 0 for all.
        count: How many pairs at most, those included that cannot count.

    Returns:
        Pairs by descending probability. Those at the threshold are left to the caller.
    """
    xp = namespace(logits)
    classes = logits.shape[1]
    flat = xp.reshape(logits, (-1,))
    (places,) = xp.nonzero(flat > _logit(lowest))
    scores, order = kernels("numpy").topk(probabilities(to_numpy(xp.take(flat, places, axis=0))), count)
    rows, columns = np.divmod(to_numpy(places)[order], classes)
    return Queries(scores, columns, rows)


def probabilities(logits: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """1 / (1 + exp(-x)) as float32."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-logits.astype(np.float64))), np.float32)


def rows_to_numpy(array: Array, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Rows of an array, float32, on the CPU; only they leave the device.

    Args:
        array: (n, ...) floats of any array library.
        rows: (m,) places in it.
    """
    if is_numpy(array):
        return np.asarray(array[rows], np.float32)
    places = namespace(array).asarray(rows, device=array.device)
    return np.asarray(to_numpy(namespace(array).take(array, places, axis=0)), np.float32)


def corners_in_pixels(centers: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Boxes in pixels from boxes in fractions.

    Args:
        centers: (n, 4) centre x, centre y, width, height, from 0 to 1.
        size: (height, width) of the whole in pixels.

    Returns:
        (n, 4) x1, y1, x2, y2; NaN where infinity met infinity.
    """
    scale = np.array([size[1], size[0]], np.float64)
    middle, half = centers[:, :2] * scale, centers[:, 2:] * scale * 0.5
    with np.errstate(invalid="ignore"):
        return np.concatenate([middle - half, middle + half], axis=1)


def _logit(probability: float) -> float:
    if probability <= 0:
        return -math.inf
    probability = min(probability, 1 - 1e-6)
    return math.log(probability / (1 - probability)) - _SLACK
