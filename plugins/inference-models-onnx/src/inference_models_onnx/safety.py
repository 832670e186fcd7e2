"""What an ONNX file may contain before a runtime is let near it.

ONNX files are data, but runtimes before 1.24.4 follow external data out of the package, nodes can carry engines
compiled for a device, and operators outside the standard domains run whatever library registered them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NoReturn

from inference_models_core.errors import UnsafeModelFileError

from inference_models_onnx.onnx_file import read_onnx_file
from inference_models_onnx.onnx_messages import MAX_NESTING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from inference_models_onnx.onnx_file import OnnxFile
    from inference_models_onnx.onnx_messages import ExternalData

INSPECTION_OPTIONAL_FROM = (1, 24, 4)
"""First release of ONNX Runtime that keeps external data inside the model's directory by itself."""

STANDARD_DOMAINS = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview", "ai.onnx.preview.training", "com.microsoft"}
)
"""Operator domains of the ONNX standard, and the one that ONNX Runtime adds for every machine."""

_CODE_OPERATORS = {
    "EPContext": "carries an engine compiled for one device",
    "PyOp": "runs Python code",
    "PythonOp": "runs Python code",
    "PythonOpGrad": "runs Python code",
}
_EXTERNAL_KEYS = frozenset({"location", "offset", "length", "checksum"})
_NUMBER = re.compile(r"[0-9]{1,19}")
_MAX_OFFSET = 2**63 - 1


def check_file(path: Path, declared: Collection[str] | None, custom_op_domains: Collection[str] = ()) -> OnnxFile:
    """Reads a model file and refuses it if it could do more than compute.

    Args:
        path: The file.
        declared: Names, relative to its directory, of the files that belong to the package; ``None`` where nobody
            declared any, and any plain file beside the model may hold its data.
        custom_op_domains: Operator domains that the caller accepts beside the standard ones.

    Returns:
        What the file says about itself.

    Raises:
        PackageError: If it cannot be read.
        UnsafeModelFileError: If it is refused.
    """
    content = read_onnx_file(path)
    check_operators(content, path.name, custom_op_domains)
    check_function_nesting(content, path.name)
    for tensor in content.external_data:
        check_external_data(tensor, path, declared)
    return content


def check_operators(content: OnnxFile, name: str, custom_op_domains: Collection[str] = ()) -> None:
    """Refuses operators that run code, and domains that neither the runtime nor the file itself defines."""
    called = content.operators.union(*content.functions.values())
    allowed = STANDARD_DOMAINS.union(custom_op_domains)
    for domain, operator in sorted(called):
        if operator in _CODE_OPERATORS and (domain, operator) not in content.functions:
            raise UnsafeModelFileError(
                f"{name} has a node {operator!r}, which {_CODE_OPERATORS[operator]}",
                hint="export the model without it",
            )
        if domain not in allowed and (domain, operator) not in content.functions:
            raise UnsafeModelFileError(
                f"{name} uses the operator {operator!r} of the domain {domain!r}, which is not a standard one",
                hint=f'to accept it: LoadOptions(backend_options={{"onnx": {{"custom_op_domains": [{domain!r}]}}}})',
            )


def check_function_nesting(content: OnnxFile, name: str) -> None:
    """Refuses local functions that call themselves or each other deeper than any real model."""
    left = {key: sum(call in content.functions for call in calls) for key, calls in content.functions.items()}
    callers = defaultdict(list)
    for key, calls in content.functions.items():
        for call in calls:
            callers[call].append(key)
    settled = [key for key, count in left.items() if not count]
    for _ in range(MAX_NESTING):  # each round settles the functions whose own calls are all settled
        above = []
        for key in settled:
            del left[key]
            for caller in callers[key]:
                left[caller] -= 1
                if not left[caller]:
                    above.append(caller)
        settled = above
    if left:
        raise UnsafeModelFileError(f"{name} nests functions deeper than {MAX_NESTING} levels")


def check_external_data(tensor: ExternalData, path: Path, declared: Collection[str] | None) -> None:
    """Refuses external data that is not exactly a plain file of the package, or lies outside of it."""
    entries = _entries(tensor, path)
    location = entries.get("location", "")
    _check_location(location, tensor, path, declared)
    size = (path.parent / location).stat().st_size
    offset = _number(entries, "offset", tensor, path)
    length = _number(entries, "length", tensor, path)
    if offset + length > size:
        _refuse(tensor, path, f"bytes {offset} to {offset + length} of {location!r}, which has {size}")


def _entries(tensor: ExternalData, path: Path) -> Mapping[str, str]:
    entries = dict(tensor.entries)
    unknown = sorted(entries.keys() - _EXTERNAL_KEYS)
    if unknown or len(entries) != len(tensor.entries):
        _refuse(tensor, path, f"unknown or repeated keys ({', '.join(unknown) or 'repeated'})")
    return entries


def _check_location(location: str, tensor: ExternalData, path: Path, declared: Collection[str] | None) -> None:
    parts = location.split("/")
    if any(part in ("", ".", "..") for part in parts) or any(c in location for c in "\\:\0"):
        _refuse(tensor, path, f"{location!r}, which is not a plain name inside the package")
    if declared is not None and location not in declared:
        _refuse(tensor, path, f"{location!r}, which is not a file of the package")
    if not _is_plain_file(path.parent, parts):
        _refuse(tensor, path, f"{location!r}, which is no plain file in the directory of the model")


def _is_plain_file(directory: Path, parts: list[str]) -> bool:
    current = directory
    for part in parts:
        current /= part
        if current.is_symlink():
            return False
    return current.is_file()


def _number(entries: Mapping[str, str], key: str, tensor: ExternalData, path: Path) -> int:
    text = entries.get(key, "0")
    if not _NUMBER.fullmatch(text) or int(text) > _MAX_OFFSET:
        _refuse(tensor, path, f"{key} {text!r}")
    return int(text)


def _refuse(tensor: ExternalData, path: Path, what: str) -> NoReturn:
    raise UnsafeModelFileError(f"{path.name}: external data of the tensor {tensor.tensor!r}: {what}")
