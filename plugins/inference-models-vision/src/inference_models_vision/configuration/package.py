"""The documents of a package, from its directory or from what its provider said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from inference_models_core import parsing
from inference_models_core.log import logger

from inference_models_vision.configuration.inference_config import (
    FILE_NAME,
    InferenceConfig,
    parse_inference_config,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt
    from inference_models_core.types.packages import ModelPackage

CLASS_NAMES_FILE = "class_names.txt"


def package_config(
    package_dir: Path, package: ModelPackage, *, bare_input: Mapping[str, Any] | None = None, **family: Any
) -> InferenceConfig:
    """Reads how to feed a package's network.

    Args:
        package_dir: Directory with the package's files.
        package: Its metadata; ``package.preprocessing`` is used where it is set, since the package then has no file
            and a file in the same directory belongs to something else.
        bare_input: What the family takes ``network_input`` to be where a bare model file does not say.
        **family: ``resize_modes`` and ``substitutions`` of the family, see :func:`parse_inference_config`.

    Returns:
        The configuration.

    Raises:
        PackageFileMissingError: If there is neither.
        MalformedDocumentError: With file, key, what was expected and what was found.
    """
    if package.preprocessing is not None:
        document = dict(package.preprocessing)
        if package.graph_files and bare_input is not None:
            document["network_input"] = {**bare_input, **document.get("network_input", {})}
        return parse_inference_config(document, f"pre-processing of {package.package_id}", **family)
    return parse_inference_config(parsing.read_json(package_dir / FILE_NAME).mapping, FILE_NAME, **family)


def package_class_names(package_dir: Path, package: ModelPackage) -> tuple[str, ...] | None:
    """Reads the class names of a package by class id.

    Args:
        package_dir: Directory with the package's files.
        package: Its metadata; ``package.class_names`` is used where it is set.

    Returns:
        The names, or ``None`` for a package that is described by its metadata alone and has none.

    Raises:
        PackageFileMissingError: If the package should have a file with names and has not.
        MalformedDocumentError: If the file is not UTF-8 text or holds no name.
    """
    if package.class_names is not None:
        return package.class_names
    if package.preprocessing is not None:
        return None
    return read_class_names(package_dir / CLASS_NAMES_FILE)


def read_class_names(path: Path) -> tuple[str, ...]:
    """Reads ``class_names.txt``: one name per line, stripped; empty lines do not count.

    Args:
        path: The file.

    Returns:
        The names by class id.

    Raises:
        PackageFileMissingError: If it cannot be read.
        MalformedDocumentError: If it is not UTF-8 text or holds no name.
    """
    try:
        text = parsing.read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        parsing.malformed(path.name, "UTF-8 text", f"bytes that are not ({error.reason} at {error.start})")
    names = tuple(line.strip() for line in text.split("\n") if line.strip())
    if not names:
        parsing.malformed(path.name, "one class name per line", "an empty file")
    return names


def numbered_class_names(count: int) -> tuple[str, ...]:
    """Names for a bare file that has none: one for each class its graph tells apart; says so in a warning."""
    count = max(count, 0)
    logger().warning("the model has no class names; its %d classes are called class_0, class_1, ...", count)
    return tuple(f"class_{i}" for i in range(count))


def kept_classes(class_names: Sequence[str], removed: Sequence[str]) -> npt.NDArray[np.int64]:
    """(classes,) int64: new id of each class once the removed ones are gone; -1 for those."""
    kept = np.array([name not in removed for name in class_names], np.bool_)
    return np.where(kept, kept.cumsum() - 1, -1)
