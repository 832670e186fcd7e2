"""YOLACT instance segmentation (https://arxiv.org/abs/1904.02689), on every tensor backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from inference_models_core.errors import ModelOutputError

from inference_models_vision.decoding.boxes import Boxes, BoxLayout
from inference_models_vision.decoding.kernels import namespace, to_numpy
from inference_models_vision.families.base import take_outputs
from inference_models_vision.families.yolo.family import NmsSettings, YoloTraits
from inference_models_vision.families.yolo.instance_segmentation import YoloInstanceSegmentation

if TYPE_CHECKING:
    import numpy.typing as npt
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.tensors import Array

_CENTER_VARIANCE, _SIZE_VARIANCE = 0.1, 0.2
"""How offsets to a prior box are scaled, as in SSD (https://arxiv.org/abs/1512.02325)."""


class YolactInstanceSegmentation(YoloInstanceSegmentation):
    """YOLACT: offsets to priors, scores, coefficients, the priors themselves, and prototypes.

    Their shapes are (batch, boxes, 4), (batch, boxes, 1 + classes), (batch, boxes, 32), (boxes, 4) and (batch, height,
    width, 32). Scores are probabilities, that of nothing first; priors are fractions of the input.
    """

    traits: ClassVar[YoloTraits] = YoloTraits(layout=BoxLayout(fields_first=False, corners=True), end_to_end=False)
    smoothing: ClassVar[bool] = True

    def boxes_and_prototypes(
        self, outputs: tuple[Array, ...], geometry: Geometry, settings: NmsSettings
    ) -> tuple[Boxes, Array]:
        """The boxes of one picture with their coefficients, and the prototypes; see the base class.

        Only boxes with a class above the lowest threshold are brought to the CPU and decoded.
        """
        *per_box, prototypes = _checked(take_outputs(outputs, 5))
        xp = namespace(per_box[1])
        lowest = settings.threshold if isinstance(settings.threshold, float) else float(settings.threshold.min())
        (places,) = xp.nonzero(xp.max(per_box[1][:, 1:], axis=1) > lowest)
        chosen = (to_numpy(xp.take(field, places, axis=0)) for field in per_box)
        offsets, scores, coefficients, priors = (field.astype(np.float32, copy=False) for field in chosen)
        corners = _corners(offsets, priors, geometry.network_size)
        rows = np.concatenate([corners, scores[:, 1:], coefficients], axis=1)
        return self.boxes(rows, settings, extras=coefficients.shape[1]), xp.moveaxis(prototypes, -1, 0)


def _checked(outputs: tuple[Array, ...]) -> tuple[Array, ...]:
    """The five outputs of one picture.

    Raises:
        ModelOutputError: If they do not fit each other.
    """
    shapes = [tuple(output.shape) for output in outputs]
    boxes, scores, coefficients, priors, prototypes = shapes
    fit = [len(shape) for shape in shapes] == [2, 2, 2, 2, 3]
    fit = fit and boxes[1] == priors[1] == 4 and scores[1] > 1 and coefficients[1] == prototypes[2]
    if not fit or len({shape[0] for shape in shapes[:4]}) != 1:
        raise ModelOutputError(
            "expected offsets (n, 4), scores (n, 1 + classes), coefficients (n, c), priors (n, 4) and prototypes "
            f"(height, width, c); the graph gives {shapes}",
            hint="the graph is of another family",
        )
    return outputs


def _corners(
    offsets: npt.NDArray[np.float32], priors: npt.NDArray[np.float32], size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Boxes in pixels of a (height, width): (n, 4) offsets and priors (centre, width, height) -> (n, 4) x1 y1 x2 y2."""
    scale = np.array([size[1], size[0]], np.float32)
    with np.errstate(all="ignore"):  # infinite ones; NaN is dropped later
        centers = priors[:, :2] + offsets[:, :2] * np.float32(_CENTER_VARIANCE) * priors[:, 2:]
        half = priors[:, 2:] * np.exp(offsets[:, 2:] * np.float32(_SIZE_VARIANCE)) * np.float32(0.5)
        return np.concatenate([(centers - half) * scale, (centers + half) * scale], axis=1)
