"""Families that are built from a package with nothing but its documents and its one graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from inference_models_core.types.preprocessing import ResizeMode

from inference_models_vision.defaults import MAX_IMAGE_PIXELS
from inference_models_vision.families.base import FamilyParts, PerPictureFamily, build_parts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inference_models_core.runner import Runner
    from inference_models_core.types.packages import ModelPackage, RecommendedParameters
    from typing_extensions import Self

Result = TypeVar("Result")

FIXED_INPUT_MODES = tuple(mode for mode in ResizeMode if mode is not ResizeMode.FIT_LONGER_EDGE)
"""All but the one that needs an input of any size."""


class InputRules(NamedTuple):
    """How a family reads ``network_input`` of its packages.

    Attributes:
        substitutions: Resize mode -> the mode and padding value that the family uses in its place.
        bare_input: What it takes ``network_input`` to be where a bare model file does not say; ``None`` where exporters
            of the family differ.
        resize_modes: Modes that it can live with.
    """

    substitutions: Mapping[ResizeMode, tuple[ResizeMode, int]]
    bare_input: Mapping[str, Any] | None = None
    resize_modes: tuple[ResizeMode, ...] = FIXED_INPUT_MODES


STRETCHED = InputRules({ResizeMode.FIT_LONGER_EDGE: (ResizeMode.STRETCH, 0)})
"""What the platform's packages of everything but YOLO do with a mode that a fixed input cannot have."""


class PackagedFamily(PerPictureFamily[Result]):
    """A family that takes its parts and what the model was tuned for.

    Attributes:
        input_rules: How it reads ``network_input``.
        recommended_parameters: What ``confidence="best"`` means.
    """

    input_rules: ClassVar[InputRules] = STRETCHED

    def __init__(self, parts: FamilyParts, *, recommended_parameters: RecommendedParameters | None = None) -> None:
        """Takes the parts; see :meth:`from_pretrained`."""
        super().__init__(parts)
        self.recommended_parameters = recommended_parameters

    @classmethod
    def from_pretrained(
        cls,
        package_dir: Path,
        *,
        package: ModelPackage,
        runners: Mapping[str, Runner],
        recommended_parameters: RecommendedParameters | None = None,
        max_image_pixels: int = MAX_IMAGE_PIXELS,
        allow_url_input: bool = False,
        allow_private_url_hosts: bool = False,
    ) -> Self:
        """Builds the model of a package.

        Args:
            package_dir: The package's files: ``inference_config.json``, and ``class_names.txt`` for families with
                classes, unless the package's metadata has their content.
            package: Its metadata.
            runners: The runner of the graph ``"weights"``.
            recommended_parameters: What ``confidence="best"`` means.
            max_image_pixels: Largest picture accepted, in pixels.
            allow_url_input: Whether prediction calls may fetch pictures from https URLs.
            allow_private_url_hosts: Whether those may lead into private networks and to this machine.

        Returns:
            The model.

        Raises:
            PackageError: If the package's documents are missing, malformed, or contradict the graph.
        """
        parts = build_parts(
            package_dir,
            package=package,
            runners=runners,
            max_image_pixels=max_image_pixels,
            allow_url_input=allow_url_input,
            allow_private_url_hosts=allow_private_url_hosts,
            **cls.input_rules._asdict(),
        )
        return cls(parts, recommended_parameters=recommended_parameters)
