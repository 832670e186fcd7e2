"""L2CS-Net: the direction in which a face looks, from a crop of the face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from inference_models_core.errors import ModelOutputError
from inference_models_core.predictions.gaze import GazeDetections
from inference_models_core.tasks.gaze_detection import GazeDetectionModel
from inference_models_core.types.preprocessing import PreprocessingDeclaration

from inference_models_vision.decoding.kernels import to_numpy
from inference_models_vision.defaults import MAX_IMAGE_PIXELS
from inference_models_vision.families.base import PerPictureFamily, build_parts, take_outputs
from inference_models_vision.preprocessing.pillow_engine import PillowEngine

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

OUTPUTS = ("output_yaw", "output_pitch")
BINS = 90
_DEGREES_PER_BIN = 4
_FIRST_BIN = -180
_TOLERANCE = 1e-3
_DECLARATION = PreprocessingDeclaration(
    size=(448, 448), divisor=255.0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)


class L2csNetGazeDetection(PerPictureFamily[GazeDetections], GazeDetectionModel):
    """L2CS-Net. Its packages hold the graph and nothing else.

    The graph gives two outputs, yaw and pitch, in one of two forms: (batch,) or (batch, 1) angles in radians, as the
    platform exports it, or (batch, 90) logits of bins of 4 degrees that begin at -180 degrees, as its authors train
    it; the angle then is the mean over the bins, weighted by their softmax. Signs are those of the result: yaw is
    positive to the left side of the picture, pitch upwards. (Its authors' own demo calls the outputs pitch and yaw,
    in this order, but draws the first horizontally.)
    """

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
            package_dir: The package's files; only the graph is needed.
            package: Its metadata.
            runners: The runner of the graph ``"weights"``: (n, 3, 448, 448) RGB faces.
            max_image_pixels: Largest picture accepted, in pixels.
            allow_url_input: Whether prediction calls may fetch pictures from https URLs.
            allow_private_url_hosts: Whether those may lead into private networks and to this machine.

        Returns:
            The model.

        Raises:
            PackageError: If the graph takes something else.
        """
        parts = build_parts(
            package_dir,
            package=package,
            runners=runners,
            max_image_pixels=max_image_pixels,
            allow_url_input=allow_url_input,
            allow_private_url_hosts=allow_private_url_hosts,
            declaration=_DECLARATION,
        )
        return cls(parts._replace(engine=PillowEngine(parts.engine.declaration)))

    def forward(self, preprocessed: Preprocessed) -> list[tuple[Array, ...]]:
        """Runs the network; for each batch yaw and pitch as the backend's own arrays."""
        return [self._parts.runner.run(group.tensor, OUTPUTS) for group in preprocessed.groups]

    def post_process(self, outputs: Sequence[tuple[Array, ...]], preprocessed: Preprocessed) -> list[GazeDetections]:
        """Turns network outputs into angles.

        Args:
            outputs: What :meth:`forward` returned.
            preprocessed: What :meth:`pre_process` returned.

        Returns:
            One result per picture, in the caller's order, with one box: the whole picture, with confidence 1, since
            that it shows a face is taken for granted.

        Raises:
            ModelOutputError: If the outputs are not those of this family.
        """
        on_cpu = [tuple(to_numpy(output) for output in take_outputs(batch, len(OUTPUTS))) for batch in outputs]
        return self.decode_all(on_cpu, preprocessed, None)

    def decode(
        self,
        outputs: tuple[Array, ...],
        geometry: Geometry,
        source: ImageSource,
        settings: Any,  # noqa: ARG002
    ) -> GazeDetections:
        """Makes the result of one picture; see the base class."""
        yaw, pitch = map(radians, outputs)
        height, width = geometry.picture_size
        return GazeDetections(
            xyxy=[[0, 0, width, height]],
            class_id=[0],
            confidence=[1],
            yaw=[yaw],
            pitch=[pitch],
            class_names=("face",),
            image=source,
        )


def radians(output: Any) -> float:
    """The angle that one output gives for one picture.

    Args:
        output: One number, an angle in radians, or (90,) logits.

    Returns:
        Radians, from -pi to pi.

    Raises:
        ModelOutputError: If it is something else, or not finite.
    """
    values = np.asarray(output, np.float64).reshape(-1)
    if len(values) not in (1, BINS):
        raise ModelOutputError(
            f"an output of {len(values)} numbers per face; expected an angle or the logits of {BINS} bins",
            hint="the graph is of another family, or was trained with other bins: export it with angles in radians",
        )
    if not np.isfinite(values).all():
        raise ModelOutputError("the angles have values that are not finite")
    angle = float(values[0]) if len(values) == 1 else _mean_of_bins(values)
    if abs(angle) > np.pi + _TOLERANCE:
        raise ModelOutputError(f"an angle of {angle:g}; expected radians from -pi to pi", hint="does it give degrees?")
    return angle


def _mean_of_bins(logits: Any) -> float:
    weights = np.exp(logits - logits.max())
    mean = np.arange(BINS) @ weights / weights.sum()
    return float(np.deg2rad(mean * _DEGREES_PER_BIN + _FIRST_BIN))
