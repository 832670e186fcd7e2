"""The loopback family: dark or bright."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from inference_models_core.errors import InputError
from inference_models_core.predictions.image_source import ImageSource
from inference_models_core.tasks.base import ImageModel
from inference_models_core.types.geometry import Geometry
from inference_models_core.types.images import Preprocessed, PreprocessedGroup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from inference_models_core.runner import Runner
    from inference_models_core.types.devices import Device
    from inference_models_core.types.packages import ModelPackage, RecommendedParameters
    from inference_models_core.types.tensors import Array


@attrs.frozen(kw_only=True)
class Brightness:
    """Result for one picture: its mean and the name of its class."""

    mean: float
    class_name: str


class BrightnessClassifier(ImageModel[Brightness]):
    """Calls a picture bright if the mean that the graph ``sum`` gives is above a threshold."""

    task = "classification"

    def __init__(self, runner: Runner, class_names: tuple[str, ...], threshold: float) -> None:
        self._runner = runner
        self.class_names = class_names
        self._threshold = threshold

    @classmethod
    def from_pretrained(
        cls,
        package_dir: Path,  # noqa: ARG003 - part of the contract
        *,
        device: Device,  # noqa: ARG003 - part of the contract
        package: ModelPackage,
        runners: Mapping[str, Runner],
        recommended_parameters: RecommendedParameters | None,
        threshold: float | None = None,
    ) -> BrightnessClassifier:
        """Builds the model.

        Args:
            package_dir: Not needed.
            device: Not needed.
            package: For the class names.
            runners: ``weights``: sums every picture.
            recommended_parameters: Their confidence is the threshold where the caller gives none.
            threshold: Mean in [0, 1] above which a picture is bright.
        """
        recommended = recommended_parameters.confidence if recommended_parameters else None
        names = package.class_names or ("dark", "bright")
        return cls(runners["weights"], names, threshold if threshold is not None else recommended or 0.5)

    def pre_process(self, images: Any, *, scale: float = 255.0) -> Preprocessed:
        """Numpy pictures of any sizes; one batch for each size.

        Args:
            images: Arrays HWC or a list of them.
            scale: Divisor of the pixel values.
        """
        pictures = images if isinstance(images, list) else [images]
        if not pictures or not all(isinstance(picture, np.ndarray) for picture in pictures):
            raise InputError("expected numpy arrays")
        sizes = sorted({picture.shape for picture in pictures})
        return Preprocessed(
            groups=tuple(_group(pictures, size, scale) for size in sizes),
            sources=tuple(ImageSource(reference=picture, size=picture.shape[:2]) for picture in pictures),
        )

    def forward(self, preprocessed: Preprocessed) -> list[tuple[Array, ...]]:
        """Sums."""
        return [self._runner.run(group.tensor) for group in preprocessed.groups]

    def post_process(
        self, outputs: Sequence[tuple[Array, ...]], preprocessed: Preprocessed, *, threshold: float | None = None
    ) -> list[Brightness]:
        """Compares means with the threshold."""
        limit = self._threshold if threshold is None else threshold
        found: dict[int, Brightness] = {}
        for (sums,), group in zip(outputs, preprocessed.groups, strict=True):
            pixels = group.tensor[0].size
            for index, total in zip(group.indices, sums, strict=True):
                mean = float(total) / pixels
                found[index] = Brightness(mean=mean, class_name=self.class_names[int(mean > limit)])
        return [found[index] for index in range(len(found))]


def _group(pictures: list[Any], size: tuple[int, ...], scale: float) -> PreprocessedGroup:
    indices = tuple(index for index, picture in enumerate(pictures) if picture.shape == size)
    height, width = size[:2]
    geometry = Geometry(picture_size=(height, width), region_size=(height, width), network_size=(height, width))
    tensor = np.stack([pictures[index] for index in indices]).astype(np.float32) / np.float32(scale)
    return PreprocessedGroup(tensor=tensor, indices=indices, geometries=(geometry,) * len(indices))
