"""PP-OCR's detector: where there is text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from inference_models_core.predictions.detections import Detections
from inference_models_core.tasks.object_detection import ObjectDetectionModel

from inference_models_vision.configuration.pp_ocr import DetectionConfig, RegionSettings, parse_detection_config
from inference_models_vision.decoding.confidence import check_share
from inference_models_vision.decoding.text_regions import text_regions
from inference_models_vision.defaults import MAX_IMAGE_PIXELS
from inference_models_vision.families.base import PerPictureFamily, take_outputs
from inference_models_vision.families.pp_ocr.family import GRAPH, fixed_sides, read_package
from inference_models_vision.preprocessing.text_engines import SideLimitEngine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from inference_models_core.predictions.image_source import ImageSource
    from inference_models_core.runner import Runner
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.packages import ModelPackage
    from inference_models_core.types.tensors import Array
    from typing_extensions import Self

    from inference_models_vision.families.base import FamilyParts

CLASS_NAMES = ("text",)


class PpOcrTextDetection(PerPictureFamily[Detections], ObjectDetectionModel):
    """PP-OCR's detector, a DB network: a graph from (n, 3, H, W) to (n, 1, H, W) probabilities.

    Each region of text is a box of the class ``text`` and, in ``data["polygon"]``, (n, 4, 2) float32, its corners
    from the upper left one clockwise, since text may be turned.
    """

    class_names = CLASS_NAMES

    def __init__(self, parts: FamilyParts, config: DetectionConfig) -> None:
        """Takes the parts; see :meth:`from_pretrained`."""
        super().__init__(parts)
        self._config = config

    @classmethod
    def from_pretrained(
        cls,
        package_dir: Path,
        *,
        package: ModelPackage,
        runners: Mapping[str, Runner],
        max_image_pixels: int = MAX_IMAGE_PIXELS,
        allow_url_input: bool = False,
        allow_private_url_hosts: bool = False,
    ) -> Self:
        """Builds the model of a package.

        Args:
            package_dir: The package's files: ``inference.yml``, which says what the network is fed and how its answer
                is read.
            package: Its metadata.
            runners: The runner of the graph ``"inference"``.
            max_image_pixels: Largest picture accepted, in pixels; also after it was enlarged for the network.
            allow_url_input: Whether prediction calls may fetch pictures from https URLs.
            allow_private_url_hosts: Whether those may lead into private networks and to this machine.

        Returns:
            The model.

        Raises:
            PackageError: If the package's document is missing or malformed, or contradicts the graph.
        """
        parts, config = read_package(
            package_dir,
            parse_detection_config,
            package=package,
            runners=runners,
            max_image_pixels=max_image_pixels,
            allow_url_input=allow_url_input,
            allow_private_url_hosts=allow_private_url_hosts,
        )
        engine = SideLimitEngine(
            parts.engine.declaration,
            limit=config.side_limit,
            fixed=fixed_sides(runners[GRAPH]),
            max_pixels=max_image_pixels,
        )
        return cls(parts._replace(engine=engine), config)

    def post_process(
        self, outputs: Sequence[tuple[Array, ...]], preprocessed: Preprocessed, *, confidence: float | None = None
    ) -> list[Detections]:
        """Turns maps of probabilities into regions.

        Args:
            outputs: What :meth:`forward` returned.
            preprocessed: What :meth:`pre_process` returned.
            confidence: Mean probability, from 0 to 1, that is enough for a region; by default the package's.

        Returns:
            One result per picture, in the caller's order.

        Raises:
            InputError: If ``confidence`` is no number from 0 to 1.
            ModelOutputError: If the outputs are not those of this family.
        """
        settings = self._config.regions
        if confidence is not None:
            settings = attrs.evolve(settings, box_threshold=check_share("confidence", confidence))
        return self.decode_all([take_outputs(batch, 1) for batch in outputs], preprocessed, settings)

    def decode(
        self, outputs: tuple[Array, ...], geometry: Geometry, source: ImageSource, settings: RegionSettings | Any
    ) -> Detections:
        """Makes the result of one picture; see the base class."""
        quads, scores = text_regions(outputs[0], geometry.picture_size, settings)
        return Detections(
            xyxy=np.concatenate([quads.min(axis=1), quads.max(axis=1)], axis=1),
            class_id=np.zeros(len(quads), np.int64),
            confidence=scores,
            class_names=self.class_names,
            data={"polygon": quads},
            image=source,
        )
