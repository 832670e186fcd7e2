"""What both networks of PP-OCR share: their packages, ``inference.onnx`` (or the like) with ``inference.yml``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from inference_models_vision.configuration.pp_ocr import FILE_NAME
from inference_models_vision.configuration.yaml_documents import read_yaml
from inference_models_vision.families.base import FamilyParts, build_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import TypeVar

    from inference_models_core import parsing
    from inference_models_core.runner import Runner

    from inference_models_vision.configuration.pp_ocr import DetectionConfig, RecognitionConfig

    Config = TypeVar("Config", DetectionConfig, RecognitionConfig)

GRAPH = "inference"


def read_package(
    package_dir: Path,
    parse: Callable[[parsing.Fields], Config],
    *,
    runners: Mapping[str, Runner],
    **loading: Any,
) -> tuple[FamilyParts, Config]:
    """Reads the package of either network.

    Args:
        package_dir: The package's files.
        parse: Reads the content of its document.
        runners: The runner of the graph ``"inference"``.
        **loading: Arguments for :func:`build_parts`.

    Returns:
        The parts of the family, and the document. Where the graph takes inputs of one height or width only, the
        declaration of the parts has those.

    Raises:
        PackageError: If the document is missing or malformed, or contradicts the graph.
    """
    config = parse(read_yaml(package_dir / FILE_NAME))
    height, width = fixed_sides(runners[GRAPH])
    said = config.preprocessing.size
    declaration = attrs.evolve(config.preprocessing, size=(height or said[0], width or said[1]))
    return build_parts(package_dir, runners=runners, graph=GRAPH, declaration=declaration, **loading), config


def fixed_sides(runner: Runner) -> tuple[int | None, int | None]:
    """Height and width that a graph insists on; ``None`` where it takes any or does not say."""
    shape = runner.inputs[0].shape if runner.inputs else None
    if shape is None or len(shape) != 4:
        return None, None
    height, width = (side if isinstance(side, int) else None for side in shape[2:])
    return height, width
