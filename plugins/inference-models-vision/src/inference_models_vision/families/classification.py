"""Classification, one class or any number of labels per picture, on every tensor backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from inference_models_core import parsing
from inference_models_core.errors import ModelOutputError
from inference_models_core.predictions.classification import Classification, MultiLabelClassification
from inference_models_core.tasks.classification import ClassificationModel
from inference_models_core.tasks.multi_label_classification import MultiLabelClassificationModel

from inference_models_vision import defaults
from inference_models_vision.configuration.inference_config import FILE_NAME
from inference_models_vision.configuration.package import kept_classes, numbered_class_names, package_class_names
from inference_models_vision.decoding.confidence import resolve_confidence
from inference_models_vision.decoding.kernels import to_numpy
from inference_models_vision.decoding.queries import probabilities
from inference_models_vision.families.base import FamilyParts, take_outputs
from inference_models_vision.families.packaged import InputRules, PackagedFamily
from inference_models_vision.families.yolo.family import INPUT_RULES
from inference_models_vision.preprocessing.centre_square import CentreSquareEngine
from inference_models_vision.preprocessing.pillow_engine import PillowEngine

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from inference_models_core.predictions.image_source import ImageSource
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.packages import RecommendedParameters
    from inference_models_core.types.tensors import Array

Result = TypeVar("Result")

_TOLERANCE = 1e-3
"""How far beyond 0 and 1 the scores of a graph of half precision may be."""


class ScoresFamily(PackagedFamily[Result]):
    """Networks that give (batch, classes): logits, or scores where the graph ends in the activation.

    Attributes:
        activation: Turns logits into scores, as ``post_processing.type`` calls it.
        optional: Whether packages may leave ``post_processing`` out; they give logits then.
        fused: Whether the network gives scores; ``None``: as the package says. Eager networks, which know it
            themselves, set it.
        bare_fused: The same for a bare model file, which does not say.
        class_names: The vocabulary, by class id, less the classes that the package removes.
    """

    activation: ClassVar[str]
    optional: ClassVar[bool] = False
    fused: ClassVar[bool | None] = None
    bare_fused: ClassVar[bool] = False

    def __init__(self, parts: FamilyParts, *, recommended_parameters: RecommendedParameters | None = None) -> None:
        """Takes the parts; see :meth:`from_pretrained`.

        Raises:
            MalformedDocumentError: If the package wants another activation, or does not say.
        """
        super().__init__(parts, recommended_parameters=recommended_parameters)
        self._gives_scores = self._is_fused(parts) if self.fused is None else self.fused
        names = package_class_names(parts.directory, parts.package)
        self._name_classes(names or ())

    def _name_classes(self, names: tuple[str, ...]) -> None:
        kept = kept_classes(names, self._parts.config.removed_classes) >= 0
        self.class_names: tuple[str, ...] = tuple(np.array(names, object)[kept])
        self._kept = kept

    def _is_fused(self, parts: FamilyParts) -> bool:
        declared = parts.config.post_processing
        if declared is None and parts.package.preprocessing is not None:
            return self.bare_fused
        if declared is None and self.optional:
            return False
        if declared is None or declared.type != self.activation:
            found = "nothing" if declared is None else declared.type
            parsing.malformed(f"{FILE_NAME}: post_processing.type", f"{self.activation!r} for this task", found)
        return declared.fused

    def scores(self, outputs: tuple[Array, ...]) -> npt.NDArray[np.float32]:
        """(classes,) float32, 0 to 1: the score of every class of one picture.

        Args:
            outputs: The picture's part of each output, on the CPU.

        Raises:
            ModelOutputError: If the first output is not (classes,), of another number of classes, or not finite.
        """
        (output,) = take_outputs(outputs, 1)
        if output.ndim == 1 and not len(self._kept):
            self._name_classes(numbered_class_names(len(output)))
        if output.shape != self._kept.shape or not output.size:
            raise ModelOutputError(
                f"the package names {len(self._kept)} classes; its graph gives an output of shape {output.shape} per "
                "picture",
                hint="class_names.txt does not belong to this graph, or the graph is of another family or task",
            )
        found = self._activated(output)
        if not ((found >= -_TOLERANCE) & (found <= 1 + _TOLERANCE)).all():  # false for NaN
            raise ModelOutputError(
                "the graph gives scores that are not from 0 to 1",
                hint="should it give scores and not logits? post_processing.fused in inference_config.json says so"
                if self._gives_scores
                else "the graph's logits are not finite",
            )
        return found.clip(0, 1)[self._kept]

    def _activated(self, output: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        if self._gives_scores:
            with np.errstate(over="ignore"):  # what is too great becomes infinite
                return np.asarray(output, np.float32)
        return _softmax(output) if self.activation == "softmax" else probabilities(output)


class SoftmaxClassification(ScoresFamily[Classification], ClassificationModel):
    """ViT, ResNet and DINOv3: one class per picture."""

    activation: ClassVar[str] = "softmax"

    def post_process(self, outputs: Sequence[tuple[Array, ...]], preprocessed: Preprocessed) -> list[Classification]:
        """Turns network outputs into the scores of all classes.

        Args:
            outputs: What :meth:`forward` returned.
            preprocessed: What :meth:`pre_process` returned.

        Returns:
            One result per picture, in the caller's order.

        Raises:
            ModelOutputError: If the outputs are not those of this family, or of another number of classes.
        """
        return self.decode_all(_on_cpu(outputs), preprocessed, None)

    def decode(
        self,
        outputs: tuple[Array, ...],
        geometry: Geometry,  # noqa: ARG002
        source: ImageSource,
        settings: Any,  # noqa: ARG002
    ) -> Classification:
        """Makes the result of one picture; see the base class."""
        scores = self.scores(outputs)
        return Classification(confidence=scores, class_names=self.class_names, image=source)


class YoloClassification(SoftmaxClassification):
    """YOLO's classifiers: the same, but for the pre-processing.

    Bare files end in the softmax, and see the square in the middle of a picture whose shorter side fits; those whose
    input is no square see the whole picture, stretched.
    """

    input_rules: ClassVar[InputRules] = INPUT_RULES
    bare_fused: ClassVar[bool] = True

    def __init__(self, parts: FamilyParts, *, recommended_parameters: RecommendedParameters | None = None) -> None:
        """Takes the parts; see :meth:`from_pretrained`."""
        said = parts.package.preprocessing
        if said is not None and "resize_mode" not in said.get("network_input", {}):
            declaration = parts.engine.declaration
            square = declaration.size[0] == declaration.size[1]
            engine = CentreSquareEngine(declaration, "BILINEAR") if square else PillowEngine(declaration)
            parts = parts._replace(engine=engine)
        super().__init__(parts, recommended_parameters=recommended_parameters)


class SigmoidClassification(ScoresFamily[MultiLabelClassification], MultiLabelClassificationModel):
    """ViT and ResNet: any number of labels per picture.

    Attributes:
        default_confidence: What ``confidence="default"`` means.
    """

    activation: ClassVar[str] = "sigmoid"
    optional: ClassVar[bool] = True
    default_confidence: ClassVar[float] = defaults.CONFIDENCE

    def post_process(
        self,
        outputs: Sequence[tuple[Array, ...]],
        preprocessed: Preprocessed,
        *,
        confidence: float | str = "default",
    ) -> list[MultiLabelClassification]:
        """Turns network outputs into labels.

        Args:
            outputs: What :meth:`forward` returned.
            preprocessed: What :meth:`pre_process` returned.
            confidence: Score that a label needs at least: a number in [0, 1], ``"default"``
                (``default_confidence``) or ``"best"``, what the model was tuned for.

        Returns:
            One result per picture, in the caller's order.

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
        return self.decode_all(_on_cpu(outputs), preprocessed, threshold)

    def decode(
        self,
        outputs: tuple[Array, ...],
        geometry: Geometry,  # noqa: ARG002
        source: ImageSource,
        settings: float | npt.NDArray[np.float32],
    ) -> MultiLabelClassification:
        """Makes the result of one picture; see the base class."""
        scores = self.scores(outputs)
        labels = np.flatnonzero(scores >= settings)
        return MultiLabelClassification(class_id=labels, confidence=scores, class_names=self.class_names, image=source)


class DinoV3SigmoidClassification(SigmoidClassification):
    """DINOv3: the same with another threshold."""

    default_confidence: ClassVar[float] = 0.5


def _on_cpu(outputs: Sequence[tuple[Array, ...]]) -> list[tuple[Any, ...]]:
    """A few numbers per picture: one copy per batch beats many."""
    return [tuple(to_numpy(output) for output in batch) for batch in outputs]


def _softmax(logits: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    with np.errstate(invalid="ignore", under="ignore"):  # infinity less infinity
        weights = np.exp(logits.astype(np.float64) - logits.max())
        return np.asarray(weights / weights.sum(), np.float32)
