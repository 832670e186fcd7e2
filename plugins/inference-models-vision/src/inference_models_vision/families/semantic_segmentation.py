"""Semantic segmentation, on every tensor backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from inference_models_core.errors import ModelOutputError, PackageError
from inference_models_core.predictions.semantic_segmentation import SemanticSegmentation
from inference_models_core.tasks.semantic_segmentation import SemanticSegmentationModel
from inference_models_core.types.preprocessing import ResizeMode

from inference_models_vision.configuration.package import kept_classes, numbered_class_names, package_class_names
from inference_models_vision.decoding.confidence import resolve_confidence
from inference_models_vision.decoding.maps import Channels, class_map
from inference_models_vision.families.base import FamilyParts, take_outputs
from inference_models_vision.families.packaged import InputRules, PackagedFamily
from inference_models_vision.families.yolo.family import INPUT_RULES, YOLO26

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from inference_models_core.predictions.image_source import ImageSource
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.packages import RecommendedParameters
    from inference_models_core.types.tensors import Array

BACKGROUND = "background"


class SemanticSegmentationFamily(PackagedFamily[SemanticSegmentation], SemanticSegmentationModel):
    """Networks that give a plane of logits per class: (batch, channels, height, width), at any stride.

    There is a channel for each class, or for each but the background; a single channel then is binary.

    Attributes:
        default_confidence: What ``confidence="default"`` means.
        independent: Whether each logit has its own probability (sigmoid); else they share one (softmax).
        class_names: The vocabulary by class id: one is ``background``, and none is a class that the package removes.
    """

    default_confidence: ClassVar[float]
    independent: ClassVar[bool] = False

    def __init__(self, parts: FamilyParts, *, recommended_parameters: RecommendedParameters | None = None) -> None:
        """Takes the parts; see :meth:`from_pretrained`.

        Raises:
            PackageError: If the package's classes are not a background and at least one other.
        """
        super().__init__(parts, recommended_parameters=recommended_parameters)
        names = package_class_names(parts.directory, parts.package)
        if names is not None:
            self._name_classes(names)

    def _name_classes(self, names: tuple[str, ...]) -> None:
        if self._parts.package.preprocessing is not None and _background(names) < 0:
            names = (BACKGROUND, *names)  # a bare file names what its network was trained to see
        ids = kept_classes(names, self._parts.config.removed_classes)
        kept = tuple(name for name, new in zip(names, ids.tolist(), strict=True) if new >= 0)
        self.background_id = _background(kept)
        if self.background_id < 0 or len(kept) < 2:
            raise PackageError(
                f"a model of semantic segmentation needs the class {BACKGROUND!r} and at least one other; the package "
                f"names {', '.join(kept) or 'none'}",
                hint=f"where nothing is found, pixels are {BACKGROUND}: write it before the other names in "
                "class_names.txt, also if the graph has no channel for it",
            )
        self._ids = ids
        self._network_background = _background(names)
        self.class_names = kept

    def post_process(
        self,
        outputs: Sequence[tuple[Array, ...]],
        preprocessed: Preprocessed,
        *,
        confidence: float | str = "default",
    ) -> list[SemanticSegmentation]:
        """Turns network outputs into maps.

        Args:
            outputs: What :meth:`forward` returned.
            preprocessed: What :meth:`pre_process` returned.
            confidence: Score that a pixel needs at least, else it is background: a number in [0, 1], ``"default"``
                (``default_confidence``) or ``"best"``, what the model was tuned for.

        Returns:
            One result per picture, in the caller's order. Pixels that the package's static crop or a centre crop hides
            from the network are background, too, with confidence 0.

        Raises:
            InputError: If ``confidence`` is out of its range.
            ModelOutputError: If the outputs are not those of this family, or of another number of classes.
        """
        threshold = resolve_confidence(
            confidence,
            default=self.default_confidence,
            recommended=self.recommended_parameters,
            class_names=self.class_names,
        )
        return self.decode_all(outputs, preprocessed, threshold)

    def decode(
        self,
        outputs: tuple[Array, ...],
        geometry: Geometry,
        source: ImageSource,
        settings: float | npt.NDArray[np.float32],
    ) -> SemanticSegmentation:
        """Makes the result of one picture; see the base class."""
        (logits,) = take_outputs(outputs, 1)
        classes, confidence = class_map(logits, geometry, self._channels(tuple(logits.shape), settings))
        return SemanticSegmentation(
            segmentation_map=classes,
            confidence=confidence,
            class_names=self.class_names,
            background_id=self.background_id,
            image=source,
        )

    def _channels(self, shape: tuple[int, ...], threshold: float | npt.NDArray[np.float32]) -> Channels:
        """What the channels of one picture's output mean.

        Raises:
            ModelOutputError: If there are not as many as classes.
        """
        count = shape[0] if len(shape) == 3 else 0
        if not self.class_names and count:
            self._name_classes(numbered_class_names(count))
        ids = self._ids if self.class_names else np.empty(0, np.int64)
        if count == len(ids) - 1:
            ids = np.delete(ids, self._network_background)
        if not count or count != len(ids):
            raise ModelOutputError(
                f"the package names the classes {', '.join(self.class_names)}, so its graph should give a map of as "
                f"many channels, or one less without {BACKGROUND}; it gives an output of shape {shape} per picture",
                hint="class_names.txt does not belong to this graph, or the graph is of another family or task",
            )
        thresholds = np.broadcast_to(np.float32(threshold), len(self.class_names))[ids]
        return Channels(
            class_ids=ids.clip(0).astype(np.min_scalar_type(len(self.class_names))),
            thresholds=np.where(ids < 0, np.float32(np.inf), thresholds),
            background=self.background_id,
            independent=self.independent,
        )


class DeepLabV3PlusSemanticSegmentation(SemanticSegmentationFamily):
    """DeepLabV3+."""

    input_rules: ClassVar[InputRules] = InputRules({ResizeMode.FIT_LONGER_EDGE: (ResizeMode.LETTERBOX, 0)})
    default_confidence: ClassVar[float] = 0.5


class Yolo26SemanticSegmentation(SemanticSegmentationFamily):
    """YOLO26."""

    input_rules: ClassVar[InputRules] = INPUT_RULES
    default_confidence: ClassVar[float] = YOLO26.confidence


def _background(names: Sequence[str]) -> int:
    """Class id of the background, in whatever case; -1 for none."""
    lower = [name.lower() for name in names]
    return lower.index(BACKGROUND) if BACKGROUND in lower else -1
