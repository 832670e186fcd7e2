"""Depth estimation, on every tensor backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from inference_models_core.errors import ModelOutputError
from inference_models_core.predictions.depth import DepthMap
from inference_models_core.tasks.depth_estimation import DepthEstimationModel

from inference_models_vision.decoding.maps import value_map
from inference_models_vision.families.base import take_outputs
from inference_models_vision.families.packaged import InputRules, PackagedFamily
from inference_models_vision.families.yolo.family import INPUT_RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.predictions.image_source import ImageSource
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.tensors import Array


class Yolo26DepthEstimation(PackagedFamily[DepthMap], DepthEstimationModel):
    """YOLO26: distances in metres, (batch, 1, height, width) or (batch, height, width), at any stride."""

    input_rules: ClassVar[InputRules] = INPUT_RULES

    def post_process(self, outputs: Sequence[tuple[Array, ...]], preprocessed: Preprocessed) -> list[DepthMap]:
        """Turns network outputs into maps.

        Args:
            outputs: What :meth:`forward` returned.
            preprocessed: What :meth:`pre_process` returned.

        Returns:
            One result per picture, in the caller's order. The depth is 0 where it is not known: where the package's
            static crop or a centre crop hides the picture from the network, and where the network's answer is not
            finite.

        Raises:
            ModelOutputError: If the outputs are not those of this family.
        """
        return self.decode_all(outputs, preprocessed, None)

    def decode(
        self,
        outputs: tuple[Array, ...],
        geometry: Geometry,
        source: ImageSource,
        settings: Any,  # noqa: ARG002
    ) -> DepthMap:
        """Makes the result of one picture; see the base class."""
        (output,) = take_outputs(outputs, 1)
        shape = tuple(output.shape)
        if len(shape) == 3 and shape[0] == 1:
            output = output[0]
        elif len(shape) != 2:
            raise ModelOutputError(f"a depth per pixel should come as one plane per picture; the graph gives {shape}")
        return DepthMap(depth=value_map(output, geometry), unit="metre", image=source)
