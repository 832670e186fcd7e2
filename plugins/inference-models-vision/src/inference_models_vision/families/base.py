"""What the families of images share: reading pictures, pre-processing, running the graph, one result per picture."""

from __future__ import annotations

import abc
import functools
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import attrs
from inference_models_core.errors import InputError, ModelOutputError, PackageError
from inference_models_core.tasks.base import ImageModel
from inference_models_core.types.preprocessing import ColorOrder

from inference_models_vision.configuration.inference_config import InferenceConfig
from inference_models_vision.configuration.package import package_config
from inference_models_vision.defaults import MAX_IMAGE_PIXELS
from inference_models_vision.images.loading import ImageLoader
from inference_models_vision.preprocessing.engine import CpuEngine
from inference_models_vision.preprocessing.tensors import default_dtype

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from inference_models_core.predictions.image_source import ImageSource
    from inference_models_core.runner import Runner
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.packages import ModelPackage
    from inference_models_core.types.preprocessing import PreprocessingDeclaration
    from inference_models_core.types.tensors import Array, TensorSpec

Result = TypeVar("Result")

_NUMBERS = ("float", "bfloat", "int", "uint8", "bool")
"""How types begin that decoding computes with; not every library does with the wider unsigned integers."""


class FamilyParts(NamedTuple):
    """Everything a family is built from.

    Attributes:
        runner: Runs the graph.
        config: The package's configuration.
        package: The package's metadata.
        directory: The package's files.
        loader: Reads pictures.
        engine: Pre-processes them.
    """

    runner: Runner
    config: InferenceConfig
    package: ModelPackage
    directory: Path
    loader: ImageLoader
    engine: CpuEngine


class TensorFamily(ImageModel[Result]):
    """A family with one graph: pictures in, tensors through the runner, one result per picture.

    Subclasses write :meth:`post_process`, usually with :meth:`decode` per picture.
    """

    def __init__(self, parts: FamilyParts) -> None:
        """Takes the parts; see :func:`build_parts`."""
        self._parts = parts

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of the network's input in pixels."""
        return self._parts.engine.declaration.size

    def pre_process(
        self,
        images: Any,
        *,
        input_color_format: str | None = None,
        image_size: int | tuple[int, int] | None = None,
        disable_static_crop: bool = False,
        disable_grayscale: bool = False,
        disable_contrast_enhancement: bool = False,
    ) -> Preprocessed:
        """Turns pictures into batches of input tensors.

        Args:
            images: A path, bytes, a PIL image, a numpy array (H, W), (H, W, 1 | 3 | 4) or (N, H, W, 1 | 3 | 4) of
                uint8, a torch tensor (1 | 3 | 4, H, W) or (N, 1 | 3 | 4, H, W) of uint8 or of floats from 0 to 1, or
                a list of single pictures of any of these kinds. A URL where the model was loaded with
                ``allow_url_input``.
            input_color_format: ``"rgb"`` or ``"bgr"``: channel order of arrays and tensors; by default BGR for numpy
                and RGB for tensors.
            image_size: (height, width) of the network's input in pixels, or one number for a square, for networks
                that take other sizes than their own.
            disable_static_crop: Use the whole picture although the package crops.
            disable_grayscale: Keep the colours although the package drops them.
            disable_contrast_enhancement: Leave the contrast although the package changes it.

        Returns:
            Batches, each of one network size, with the way back for each picture.

        Raises:
            InputError: If something is not a picture, or the size is not possible.
        """
        return self._parts.engine(
            self._parts.loader.load(images, color_order(input_color_format)),
            image_size=image_size,
            disable_static_crop=disable_static_crop,
            disable_grayscale=disable_grayscale,
            disable_contrast_enhancement=disable_contrast_enhancement,
        )

    def forward(self, preprocessed: Preprocessed) -> list[tuple[Array, ...]]:
        """Runs the network; for each batch the outputs as the backend's own arrays."""
        return [self._parts.runner.run(group.tensor) for group in preprocessed.groups]


class PerPictureFamily(TensorFamily[Result], abc.ABC):
    """A family that decodes each picture on its own."""

    @abc.abstractmethod
    def decode(self, outputs: tuple[Array, ...], geometry: Geometry, source: ImageSource, settings: Any) -> Result:
        """Makes the result of one picture.

        Args:
            outputs: The picture's part of each output, without the batch axis.
            geometry: Its way back.
            source: What the result refers to.
            settings: The call's arguments, as the family's ``post_process`` resolved them.
        """

    def decode_all(
        self, outputs: Sequence[tuple[Array, ...]], preprocessed: Preprocessed, settings: Any
    ) -> list[Result]:
        """Decodes every picture of a call, in the caller's order.

        Raises:
            ModelOutputError: If there is no output, or one does not hold real numbers.
        """
        results: dict[int, Result] = {}
        for group, batch in zip(preprocessed.groups, outputs, strict=True):
            check_numbers(batch)
            for row, (index, geometry) in enumerate(zip(group.indices, group.geometries, strict=True)):
                single = tuple(output[row] for output in batch)
                results[index] = self.decode(single, geometry, preprocessed.sources[index], settings)
        return [results[index] for index in range(len(preprocessed.sources))]


def check_numbers(outputs: tuple[Array, ...]) -> None:
    """Makes sure that a graph gives anything, and real numbers only.

    Raises:
        ModelOutputError: If it does not.
    """
    take_outputs(outputs, 1)
    for index, output in enumerate(outputs):
        if not _is_of_numbers(output.dtype):
            raise ModelOutputError(f"output {index} of the graph holds {output.dtype}, not real numbers")


@functools.cache
def _is_of_numbers(dtype: Any) -> bool:
    return str(dtype).rpartition(".")[2].startswith(_NUMBERS)  # torch.float32


def take_outputs(outputs: tuple[Array, ...], count: int) -> tuple[Array, ...]:
    """The first outputs of a graph.

    Raises:
        ModelOutputError: If it has fewer.
    """
    if len(outputs) < count:
        raise ModelOutputError(
            f"this family reads {count} outputs, the graph gives {len(outputs)}",
            hint="the graph is of another family or task",
        )
    return outputs[:count]


def build_parts(
    package_dir: Path,
    *,
    package: ModelPackage,
    runners: Mapping[str, Runner],
    graph: str = "weights",
    max_image_pixels: int = MAX_IMAGE_PIXELS,
    allow_url_input: bool = False,
    allow_private_url_hosts: bool = False,
    declaration: PreprocessingDeclaration | None = None,
    **config_rules: Any,
) -> FamilyParts:
    """Builds what every family of one graph needs.

    Args:
        package_dir: The package's files.
        package: Its metadata.
        runners: One runner per graph.
        graph: Name of the graph that takes pictures.
        max_image_pixels: Largest picture accepted, in pixels.
        allow_url_input: Whether prediction calls may fetch pictures from URLs.
        allow_private_url_hosts: Whether from private networks, too.
        declaration: How to feed networks of a family whose packages do not say; ``None`` where they do.
        **config_rules: ``resize_modes``, ``substitutions`` and ``bare_input`` of the family.

    Returns:
        The parts.

    Raises:
        PackageError: If the package's documents are missing, malformed, or contradict the graph.
    """
    runner = runners[graph]
    if declaration is None:
        config = package_config(package_dir, package, **config_rules)
    else:
        config = InferenceConfig(preprocessing=declaration)
    declaration = matched_to_graph(config.preprocessing, runner.inputs)
    loader = ImageLoader(
        max_pixels=max_image_pixels, allow_urls=allow_url_input, allow_private_hosts=allow_private_url_hosts
    )
    return FamilyParts(
        runner=runner,
        config=config,
        package=package,
        directory=package_dir,
        loader=loader,
        engine=CpuEngine(declaration),
    )


def matched_to_graph(
    declaration: PreprocessingDeclaration, inputs: tuple[TensorSpec, ...] | None
) -> PreprocessingDeclaration:
    """Checks a declaration against the graph's input, and takes over its floating-point type.

    Args:
        declaration: What the package says.
        inputs: What the graph says; ``None`` where it cannot.

    Returns:
        The declaration, with the graph's own type where the package leaves it open.

    Raises:
        PackageError: If the graph has a fixed size or channels and the package says another, or takes whole numbers
            where the package scales pixels to fractions.
    """
    if not inputs or inputs[0].shape is None:
        return declaration
    spec = inputs[0]
    _check_shape(declaration, spec)
    scaled = default_dtype(declaration) != "uint8"
    if scaled and spec.dtype is not None and "int" in spec.dtype:
        raise PackageError(f"the package scales pixels to fractions, the graph takes {spec.dtype}")
    if declaration.dtype is None and scaled and spec.dtype == "float16":
        return attrs.evolve(declaration, dtype="float16")
    return declaration


def _check_shape(declaration: PreprocessingDeclaration, spec: TensorSpec) -> None:
    declared = (declaration.channels, *declaration.size)
    shape = spec.shape or ()
    if len(shape) != 4:
        raise PackageError(f"the graph's input has the shape {list(shape)}; expected (batch, channels, height, width)")
    if any(isinstance(size, int) and size != said for size, said in zip(shape[1:], declared, strict=True)):
        raise PackageError(
            f"the package declares an input of {list(declared)} (channels, height, width), the graph takes "
            f"{list(shape[1:])}",
            hint="network_input.training_input_size and the graph have to agree; export the graph again",
        )


def color_order(name: str | None) -> ColorOrder | None:
    """The channel order that a caller names; ``None`` for the usual one of what is given.

    Raises:
        InputError: If it is neither ``"rgb"`` nor ``"bgr"``.
    """
    if name is None:
        return None
    try:
        return ColorOrder(name)
    except ValueError as error:
        raise InputError(f'input_color_format is "rgb" or "bgr"; got {name!r}') from error
