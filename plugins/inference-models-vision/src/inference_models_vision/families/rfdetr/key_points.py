"""RF-DETR key-point detection, on every tensor backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from inference_models_core.errors import ModelOutputError
from inference_models_core.predictions.key_points import KeyPointDetections
from inference_models_core.tasks.keypoint_detection import KeyPointDetectionModel

from inference_models_vision.configuration.key_points_metadata import package_key_points
from inference_models_vision.decoding.confidence import check_share
from inference_models_vision.decoding.kernels import namespace
from inference_models_vision.decoding.key_points import picture_points, used_slots
from inference_models_vision.decoding.queries import probabilities, rows_to_numpy
from inference_models_vision.families.rfdetr.family import Found, RfDetrFamily, RfDetrSettings, checked_limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from inference_models_core.predictions.image_source import ImageSource
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.packages import RecommendedParameters
    from inference_models_core.types.tensors import Array

    from inference_models_vision.families.base import FamilyParts

    Floats = npt.NDArray[np.float64]

_FIELDS = 7
"""Of each key point: x, y, logit of being findable, logit of being visible, and three of its uncertainty's."""
_FUSION_EXPONENT = 0.20
_TINY = 1e-12


class RfDetrKeyPointDetection(RfDetrFamily[KeyPointDetections], KeyPointDetectionModel):
    """RF-DETR: boxes, logits, and key points per query (batch, queries, classes * slots, 8)."""

    graph_outputs: ClassVar[tuple[str, ...]] = ("dets", "labels", "keypoints")
    every_pair: ClassVar[bool] = True

    def __init__(self, parts: FamilyParts, *, recommended_parameters: RecommendedParameters | None = None) -> None:
        """Takes the parts, and reads ``keypoints_metadata.json``."""
        super().__init__(parts, recommended_parameters=recommended_parameters)
        known = package_key_points(
            parts.directory,
            parts.package,
            class_names=self._network_names or (),
            removed_classes=parts.config.removed_classes,
        )
        if known is not None:
            self.key_point_names, self.skeletons = known.names, known.skeletons

    def post_process(
        self,
        outputs: Sequence[tuple[Array, ...]],
        preprocessed: Preprocessed,
        *,
        confidence: float | str = "default",
        max_detections: int | None = None,
        key_points_threshold: float = 0.3,
    ) -> list[KeyPointDetections]:
        """Turns network outputs into boxes with key points.

        Args:
            outputs: What :meth:`forward` returned.
            preprocessed: What :meth:`pre_process` returned.
            confidence: Score that an object must exceed: a number in [0, 1], ``"default"`` (0.4) or ``"best"``, what
                the model was tuned for. The score weighs the probability of the class with how sure the network is of
                where the key points are.
            max_detections: Most objects per picture; by default all.
            key_points_threshold: Confidence, in [0, 1], that a key point needs; those below are at (0, 0) with
                confidence 0.

        Returns:
            One result per picture, in the caller's order; objects by descending score.

        Raises:
            InputError: If an argument is out of its range.
            ModelOutputError: If the outputs are not those of this family, or of another number of classes.
        """
        settings = RfDetrSettings(
            self.threshold(confidence),
            checked_limit(max_detections),
            check_share("key_points_threshold", key_points_threshold),
        )
        return self.decode_all(outputs, preprocessed, settings)

    def decode(
        self, outputs: tuple[Array, ...], geometry: Geometry, source: ImageSource, settings: RfDetrSettings
    ) -> KeyPointDetections:
        """Makes the result of one picture; see the base class."""
        found = self.found(outputs, 0.0, geometry)
        found = found._replace(scores=fused_scores(found.scores, points_of(outputs, found)))
        found = found.take(np.argsort(-found.scores, kind="stable")).chosen(settings)
        points = points_of(outputs, found)
        scores = np.nan_to_num(probabilities(points[..., 2]))
        xy = picture_points(points[..., :2] * np.array(geometry.network_size[::-1]), geometry)
        used = used_slots(found.class_ids, self.key_point_names, points.shape[1])
        seen = used & (scores >= settings.key_points_threshold) & np.isfinite(xy).all(axis=2)
        return KeyPointDetections(
            xyxy=geometry.boxes_to_picture(found.xyxy),
            class_id=found.class_ids,
            confidence=found.scores,
            key_points=np.where(seen[..., None], xy, 0.0),
            key_points_confidence=np.where(seen, scores, 0.0),
            covariance=np.where(seen[..., None, None], covariances(points, geometry), np.float32(np.nan)),
            key_point_names=self.key_point_names,
            skeletons=self.skeletons,
            class_names=self.class_names,
            image=source,
        )


def points_of(outputs: Sequence[Array], found: Found) -> Floats:
    """The key points of each object's class.

    Args:
        outputs: Of one picture; the third is (queries, classes * slots, 7 or more).
        found: The objects.

    Returns:
        (n, slots, 7 or more) float64.

    Raises:
        ModelOutputError: If the third output does not fit the logits.
    """
    classes, shape = outputs[1].shape[1], tuple(outputs[2].shape)
    if len(shape) != 3 or not shape[1] or shape[1] % classes or shape[2] < _FIELDS:
        raise ModelOutputError(
            f"key points should come as (queries, {classes} classes * slots, 8) per picture; the graph gives {shape}"
        )
    blocks = namespace(outputs[2]).reshape(outputs[2], (shape[0] * classes, shape[1] // classes, shape[2]))
    return rows_to_numpy(blocks, found.rows * classes + found.columns).astype(np.float64)


def fused_scores(scores: npt.NDArray[Any], points: Floats) -> npt.NDArray[np.float32]:
    """Weighs the probability of the class with how sure the network is of the key points.

    With the expected squared error of each key point (the trace of its covariance) and their mean, weighted by how
    likely each is findable: ``s = score * mean ** -0.20``, then ``s / (1 + s)``. In logarithms, since errors span
    many orders of magnitude.

    Args:
        scores: (n,) probabilities.
        points: (n, slots, 7 or more).

    Returns:
        (n,) float32; NaN where the network's numbers have no mean.
    """
    log_11, low, log_22 = points[..., 4], points[..., 5], points[..., 6]
    with np.errstate(all="ignore"):
        log_trace = np.logaddexp(-2 * log_11, -2 * log_22)
        log_trace = np.logaddexp(log_trace, 2 * (np.log(np.maximum(np.abs(low), _TINY)) - log_11 - log_22))
        log_weight = np.log(np.maximum(probabilities(points[..., 2]), _TINY))
        total = np.logaddexp.reduce(log_weight, axis=1)
        log_mean = np.logaddexp.reduce(log_trace + log_weight, axis=1) - total
        return np.asarray(1 / (1 + np.exp(_FUSION_EXPONENT * log_mean) / scores), np.float32)


def covariances(points: Floats, geometry: Geometry) -> npt.NDArray[np.float32]:
    """Covariance of each key point, from the Cholesky factor L of its inverse: ``inv(L @ L.T)``.

    Args:
        points: (n, slots, 7 or more): from field 4 on log L11, L21, log L22, of fractions of the network's input.
        geometry: The picture's mapping.

    Returns:
        (n, slots, 2, 2) float32 in square pixels of the picture; NaN where a number is not finite.
    """
    with np.errstate(all="ignore"):
        first, second = np.exp(-points[..., 4]), np.exp(-points[..., 6])  # 1 / L11, 1 / L22
        mixed = -points[..., 5] * first * second  # inv(L) = [[first, 0], [mixed, second]]
        rows = [[first**2 + mixed**2, mixed * second], [mixed * second, second**2]]
        covariance = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
        (height, width) = geometry.network_size
        scale = np.array([width / geometry.scale_x, height / geometry.scale_y])
        pixels = (covariance * scale[:, None] * scale).astype(np.float32)
    whole = np.isfinite(pixels).all(axis=(-2, -1), keepdims=True)
    return np.asarray(np.where(whole, pixels, np.nan), np.float32)
