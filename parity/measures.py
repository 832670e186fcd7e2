"""How far two answers are apart, and how far they may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from parity.answers import Answer

Floats = npt.NDArray[np.float64]
Deltas = dict[str, float]


@attrs.frozen
class Bar:
    """How far apart is too far.

    Attributes:
        limit: What still passes; ``None`` for what is only shown.
        least: Whether the limit is the least that passes; else the most.
    """

    limit: float | None
    least: bool = False

    def passes(self, value: float) -> bool:
        """Whether a value is within the bar; never if it is no number."""
        if self.limit is None:
            return True
        return value >= self.limit if self.least else value <= self.limit

    def worse(self, one: float, other: float) -> float:
        """The worse of two; what is no number is worst."""
        if np.isnan(one) or np.isnan(other):
            return float("nan")
        return min(one, other) if self.least else max(one, other)


BARS: Mapping[str, Bar] = {
    "tensor": Bar(1 / 255 + 1e-5),
    "other counts": Bar(0),
    "other labels": Bar(0),
    "other texts": Bar(0),
    "box px": Bar(1.0),
    "box IoU": Bar(None, least=True),
    "score": Bar(1e-4),
    "mask IoU": Bar(0.99, least=True),
    "mask IoU inside": Bar(0.99, least=True),
    "key point px": Bar(1.0),
    "covariance": Bar(1e-3),
    "map agreement": Bar(0.99, least=True),
    "depth": Bar(1e-3),
    "angle": Bar(1e-4),
    "vector": Bar(1e-4),
}


def worst(deltas: list[Deltas]) -> Deltas:
    """The worst of each measure."""
    found: Deltas = {}
    for one in deltas:
        for name, value in one.items():
            found[name] = BARS[name].worse(found[name], value) if name in found else value
    return found


def failures(deltas: Deltas) -> list[str]:
    """The measures beyond their bars."""
    return [name for name, value in deltas.items() if not BARS[name].passes(value)]


def compare(ours: Answer, theirs: Answer) -> Deltas:
    """Measures one picture."""
    if "xyxy" in theirs:
        return _instances(ours, theirs)
    found: Deltas = {}
    compared = theirs.get("compared")
    for name, expected in theirs.items():
        if name == "compared":
            continue
        got = ours[name]
        if compared is not None and np.shape(got) == np.shape(expected):
            got, expected = np.asarray(got)[compared], expected[compared]
        if np.shape(got) != np.shape(expected):
            found["other counts"] = 1
        else:
            measure, distance = _PLAIN[name]
            found[measure] = BARS[measure].worse(found.get(measure, distance(got, expected)), distance(got, expected))
    return found


def _largest(one: Any, other: Any) -> float:
    return float(np.abs(np.asarray(one, float) - other).max(initial=0))


def _agreement(one: Any, other: Any) -> float:
    return float(np.mean(np.asarray(one) == other)) if np.size(one) else 1.0


_PLAIN: Mapping[str, tuple[str, Callable[[Any, Any], float]]] = {
    "label": ("other labels", lambda one, other: float(one != other)),
    "reading_order": ("box px", _largest),
    "text": ("other texts", lambda one, other: float(np.any(one != other))),
    "labels": ("other labels", lambda one, other: float(np.any(one != other))),
    "scores": ("score", _largest),
    "map": ("map agreement", _agreement),
    "map_confidence": ("map agreement", lambda one, other: float(np.mean(np.abs(one - other) <= 1e-2))),
    "depth": ("depth", lambda one, other: _largest(one, other) / max(float(np.ptp(other)), 1e-6)),
    "angles": ("angle", _largest),
    "vector": ("vector", lambda one, other: _largest(one, other) / max(float(np.abs(other).max()), 1e-6)),
}


def _instances(ours: Answer, theirs: Answer) -> Deltas:
    if len(ours["xyxy"]) != len(theirs["xyxy"]):
        return {"other counts": 1.0}
    found = {"other counts": 0.0, "other labels": 0.0}
    if not len(ours["xyxy"]):
        return found | ({"other counts": 1.0} if _masks_differ_in_shape(ours, theirs) else {})
    pairs = _paired(ours, theirs)
    mine = {name: np.asarray(values)[[one for one, _ in pairs]] for name, values in ours.items()}
    other = {name: np.asarray(values)[[two for _, two in pairs]] for name, values in theirs.items()}
    found["other labels"] = float(np.sum(mine["class_id"] != other["class_id"]))
    found["box px"] = _largest(mine["xyxy"], other["xyxy"])
    found["box IoU"] = float(_box_iou(np.round(mine["xyxy"]), np.round(other["xyxy"])).min())
    found["score"] = _largest(mine["confidence"], other["confidence"])
    if "masks" in other:
        found["mask IoU"] = _mask_iou(mine["masks"], other["masks"])
        found["mask IoU inside"] = _mask_iou(*_without_rims(mine["masks"], other["masks"]))
    if "key_points" in other:
        found["key point px"] = _largest(mine["key_points"], other["key_points"])
    if "key_points_confidence" in other:
        found["score"] = max(found["score"], _largest(mine["key_points_confidence"], other["key_points_confidence"]))
    if "covariance" in other:
        found["covariance"] = _covariance(mine["covariance"], other["covariance"])
    return found


def _masks_differ_in_shape(ours: Answer, theirs: Answer) -> bool:
    return "masks" in theirs and np.shape(ours["masks"]) != np.shape(theirs["masks"])


def _paired(ours: Answer, theirs: Answer) -> list[tuple[int, int]]:
    """Each of ours with the nearest of theirs that is left: equal scores may come in any order."""
    far = (
        np.abs(np.asarray(ours["xyxy"], float)[:, None] - theirs["xyxy"]).max(axis=2)
        + 1e4 * np.abs(np.asarray(ours["confidence"], float)[:, None] - theirs["confidence"])
        + 1e6 * (np.asarray(ours["class_id"])[:, None] != theirs["class_id"])
    )
    pairs = []
    for one in range(len(far)):
        two = int(far[one].argmin())
        far[:, two] = np.inf
        pairs.append((one, two))
    return pairs


def _box_iou(one: Floats, other: Floats) -> Floats:
    """Of boxes side by side; boxes without area that are equal overlap fully."""
    left_top, right_bottom = np.maximum(one[:, :2], other[:, :2]), np.minimum(one[:, 2:], other[:, 2:])
    common = np.prod(np.clip(right_bottom - left_top, 0, None), axis=1)
    total = np.prod(one[:, 2:] - one[:, :2], axis=1) + np.prod(other[:, 2:] - other[:, :2], axis=1) - common
    return np.where(total > 0, common / np.where(total > 0, total, 1), np.all(one == other, axis=1))


def _mask_iou(ours: Any, theirs: Any) -> float:
    if np.shape(ours) != np.shape(theirs):
        return float("nan")
    common, total = (ours & theirs).sum(axis=(1, 2)), (ours | theirs).sum(axis=(1, 2))
    # Where one pixel is more than a share of 1 %, one pixel may differ.
    near = np.where(total > 0, common / np.maximum(total, 1), 1.0)
    return float(np.where(total - common <= 1, np.maximum(near, 0.99), near).min())


def _without_rims(ours: Any, theirs: Any) -> tuple[Any, Any]:
    """Both without the first and last row and column of where either is."""
    kept = np.zeros(np.shape(theirs), bool)
    if np.shape(ours) != np.shape(theirs):
        return ours, theirs
    for one, plane in zip(kept, ours | theirs, strict=True):
        rows, columns = (np.flatnonzero(plane.any(axis=axis)) for axis in (1, 0))
        if len(rows):
            one[rows[0] + 1 : rows[-1], columns[0] + 1 : columns[-1]] = True
    return ours & kept, theirs & kept


def _covariance(ours: Any, theirs: Any) -> float:
    """Relative to the size of each matrix; those of hidden key points are no numbers in both."""
    if np.any(np.isnan(ours) != np.isnan(theirs)):
        return float("nan")
    size = np.abs(theirs).max(axis=(2, 3), keepdims=True)
    return float(np.nanmax(np.abs(ours - theirs) / (size + 1e-6), initial=0)) if not np.isnan(theirs).all() else 0.0
