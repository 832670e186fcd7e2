"""YAML documents of packages, within the bounds that JSON documents have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference_models_core import parsing
from inference_models_core.errors import MalformedDocumentError

from inference_models_vision.ocr_packages import yaml

if TYPE_CHECKING:
    from pathlib import Path

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same plain values as ``safe_load`` gives, six times as fast where PyYAML was built with libyaml."""
_OPENING = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
_CLOSING = (yaml.SequenceEndEvent, yaml.MappingEndEvent)


def read_yaml(path: Path) -> parsing.Fields:
    """Reads a YAML mapping from a file.

    Args:
        path: The file.

    Returns:
        Its fields; errors name the file.

    Raises:
        PackageFileMissingError: If the file does not exist or cannot be read.
        MalformedDocumentError: If it is too large, no YAML, nested too deep, no mapping, or refers to its own parts.
    """
    return parsing.as_object(parse_yaml(parsing.read_bytes(path), path.name), path.name)


def parse_yaml(content: bytes, where: str) -> Any:
    """Parses one YAML document; ``where`` names it in errors.

    The events are looked at first: a few lines of aliases become gigabytes, and deep nesting ends the process, both
    only once objects are made of them.

    Raises:
        MalformedDocumentError: If it is no YAML, too large, nested too deep, or refers to its own parts.
    """
    try:
        _check_events(content, where)
        loader = _LOADER(content)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, UnicodeError, OverflowError, ValueError) as error:
        if isinstance(error, MalformedDocumentError):
            raise
        parsing.malformed(where, "YAML", " ".join(str(error).split())[:200])


def _check_events(content: bytes, where: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(content, Loader=_LOADER)):
        depth += isinstance(event, _OPENING) - isinstance(event, _CLOSING)
        if depth > parsing.MAX_DEPTH:
            parsing.malformed(where, f"at most {parsing.MAX_DEPTH} levels", "deeper nesting")
        if count > parsing.MAX_VALUES:
            parsing.malformed(where, f"at most {parsing.MAX_VALUES} values", "more")
        if isinstance(event, yaml.AliasEvent):
            parsing.malformed(where, "plain values", f"an alias (*{event.anchor})")
