"""What the tasks of RF-DETR share: loading, pre-processing, class removal, and objects out of its queries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

import numpy as np
from inference_models_core.errors import ModelOutputError

from inference_models_vision import defaults
from inference_models_vision.configuration.package import (
    kept_classes,
    numbered_class_names,
    package_class_names,
)
from inference_models_vision.decoding.confidence import check_count, resolve_confidence
from inference_models_vision.decoding.queries import best_queries, corners_in_pixels, rows_to_numpy
from inference_models_vision.families.packaged import STRETCHED, InputRules, PackagedFamily
from inference_models_vision.preprocessing.pillow_engine import PillowEngine

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.packages import RecommendedParameters
    from inference_models_core.types.tensors import Array

    from inference_models_vision.families.base import FamilyParts

    Threshold = float | npt.NDArray[np.float32]

Result = TypeVar("Result")

_BARE_INPUT = {
    "dynamic_spatial_size_supported": False,
    "color_mode": "rgb",
    "resize_mode": "stretch",
    "input_channels": 3,
    "scaling_factor": 255,
    "normalization": [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
}
INPUT_RULES = STRETCHED._replace(bare_input=_BARE_INPUT)
"""How RF-DETR's packages are read; bare files that do not say are fed as its own exporter does."""


class RfDetrSettings(NamedTuple):
    """The arguments of one call, checked.

    Attributes:
        threshold: Score threshold, one or per class; strict.
        max_detections: Most objects per picture; ``None`` for all.
        key_points_threshold: Confidence that a key point needs.
    """

    threshold: Threshold
    max_detections: int | None = None
    key_points_threshold: float = 0.0


class Found(NamedTuple):
    """Objects of one picture.

    Attributes:
        xyxy: (n, 4) float64 in pixels of what the geometry calls the network's input.
        scores: (n,) float32.
        class_ids: (n,) int64, in the vocabulary of the model.
        columns: (n,) int64, the same in that of the network.
        rows: (n,) int64: which query.
    """

    xyxy: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]

    def take(self, chosen: npt.NDArray[Any] | slice) -> Found:
        """Some of the objects, by index, mask or slice."""
        return Found(
            self.xyxy[chosen], self.scores[chosen], self.class_ids[chosen], self.columns[chosen], self.rows[chosen]
        )

    def chosen(self, settings: RfDetrSettings) -> Found:
        """Those above the threshold, no more than the limit."""
        threshold = settings.threshold
        least = threshold if isinstance(threshold, float) else threshold[self.class_ids]
        return self.take(self.scores > least).take(slice(settings.max_detections))


class RfDetrFamily(PackagedFamily[Result]):
    """RF-DETR: boxes in fractions of the input and a logit per query and class, no suppression.

    Attributes:
        graph_outputs: What the graph's outputs are called, and their order where they are called otherwise.
        every_pair: Whether all pairs of a query and a class count; else the best, as many as there are queries.
        class_names: The vocabulary, by class id, less the classes that the package removes.
    """

    graph_outputs: ClassVar[tuple[str, ...]] = ("dets", "labels")
    every_pair: ClassVar[bool] = False
    input_rules: ClassVar[InputRules] = INPUT_RULES

    def __init__(self, parts: FamilyParts, *, recommended_parameters: RecommendedParameters | None = None) -> None:
        """Takes the parts; see :meth:`from_pretrained`."""
        engine = PillowEngine(parts.engine.declaration, dataset_size=parts.config.dataset_size)
        super().__init__(parts._replace(engine=engine), recommended_parameters=recommended_parameters)
        self._network_names = package_class_names(parts.directory, parts.package)
        names = self._network_names or ()
        self._class_ids = kept_classes(names, parts.config.removed_classes)
        self.class_names = tuple(name for name, new in zip(names, self._class_ids.tolist(), strict=True) if new >= 0)

    def forward(self, preprocessed: Preprocessed) -> list[tuple[Array, ...]]:
        """Runs the network; for each batch the outputs of :attr:`graph_outputs` as the backend's own arrays."""
        return [self._parts.runner.run(group.tensor, self.graph_outputs) for group in preprocessed.groups]

    def threshold(self, confidence: float | str) -> Threshold:
        """The score threshold of a call.

        Raises:
            InputError: If it is none.
        """
        return resolve_confidence(
            confidence,
            default=defaults.CONFIDENCE,
            recommended=self.recommended_parameters,
            class_names=self.class_names,
        )

    def found(self, outputs: Sequence[Array], lowest: float, geometry: Geometry) -> Found:
        """The objects among the best pairs of a query and a class.

        Args:
            outputs: Of one picture: boxes (queries, 4), logits (queries, classes), and what the task adds per query.
            lowest: Probability below which nothing is wanted.
            geometry: The picture's mapping.

        Returns:
            Objects by descending score, without what is no class of the model and boxes with NaN in them.

        Raises:
            ModelOutputError: If the outputs are not of this family, or of another number of classes.
        """
        check_outputs(outputs, self.graph_outputs)
        boxes, logits = outputs[:2]
        pairs = best_queries(logits, lowest, math.prod(logits.shape) if self.every_pair else logits.shape[0])
        class_ids = self._ids_of_columns(logits.shape[1])[pairs.columns]
        pairs, class_ids = pairs.take(class_ids >= 0), class_ids[class_ids >= 0]
        xyxy = corners_in_pixels(rows_to_numpy(boxes, pairs.rows), geometry.network_size)
        found = Found(xyxy, pairs.scores, class_ids, pairs.columns, pairs.rows)
        return found.take(np.flatnonzero(~np.isnan(xyxy).any(axis=1)))

    def _ids_of_columns(self, columns: int) -> npt.NDArray[np.int64]:
        """(columns,) int64: class id of each of the network's classes; -1 for none of the model's."""
        if self._network_names is None:
            self._network_names = self.class_names = numbered_class_names(columns)
            self._class_ids = np.arange(columns)
        missing = columns - len(self._class_ids)
        if missing < 0:
            raise ModelOutputError(
                f"the package names {len(self._class_ids)} classes, and its graph tells only {columns} apart",
                hint="class_names.txt does not belong to this graph, or the graph is of another family",
            )
        return np.concatenate([self._class_ids, np.full(missing, -1)])


def lowest(threshold: Threshold) -> float:
    """The threshold of the class that has the lowest; 1 where there is no class."""
    return threshold if isinstance(threshold, float) else float(threshold.min(initial=1.0))


def checked_limit(max_detections: int | None) -> int | None:
    """Most objects per picture; ``None`` for all.

    Raises:
        InputError: If it is neither.
    """
    return None if max_detections is None else check_count("max_detections", max_detections)


def check_outputs(outputs: Sequence[Array], names: Sequence[str]) -> None:
    """Checks that one picture's outputs are there and speak of the same queries.

    Raises:
        ModelOutputError: If not.
    """
    shapes = [tuple(output.shape) for output in outputs]
    if len(shapes) < len(names):
        raise ModelOutputError(f"the graph gives {len(shapes)} outputs, this family needs {', '.join(names)}")
    boxes, logits = shapes[:2]
    fits = len(boxes) == len(logits) == 2 and boxes[1] == 4 and logits[1] > 0
    if not fits or any(shape[:1] != boxes[:1] for shape in shapes[: len(names)]):
        raise ModelOutputError(
            f"the graph should give boxes (queries, 4) and logits (queries, classes) per picture, then one row per "
            f"query; it gives {', '.join(map(str, shapes))}"
        )
