"""Reads model references: an id, an id at a named provider, or a path.

What a text means depends on the text alone, never on what happens to lie in the current folder: a folder named like a
model id must not be able to put itself in the model's place.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference_models_core.errors import InvalidReferenceError
from inference_models_core.types.references import ModelRef

if TYPE_CHECKING:
    from collections.abc import Collection

_MAX_LENGTH = 1024
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)  # two letters at least: "C://x" is a drive
_PATH = re.compile(
    r"""
    [/\\]                  # /x, \x, //server, \\server
    | ~                    # ~/x, ~user/x
    | \.{1,2} (?: [/\\] | $ )   # ./x, ..\x, "." and ".."
    | [A-Za-z]: (?: [/\\] | $ ) # C:\x, C:/x
    """,
    re.VERBOSE,
)


def parse_reference(value: Any, suffixes: Collection[str] = ()) -> ModelRef:
    r"""Reads a reference as users write it.

    Args:
        value: Text or a path object. ``"./x"``, ``"/x"``, ``"~/x"``, ``"C:\x"``, ``"file:x"``, a path object, or a
            text that ends in one of ``suffixes`` is a path, existing or not. ``"scheme://id"`` is an id at a named
            provider. Everything else is an id.
        suffixes: File suffixes that backends own, such as ``(".onnx",)``; compared without regard to case.

    Returns:
        The reference.

    Raises:
        InvalidReferenceError: If it is blank, has control characters, or is neither an id nor a path.
    """
    if isinstance(value, os.PathLike):
        return ModelRef(text=os.fspath(value), path=_path(os.fspath(value)))
    text = _checked(value)
    if text[:5].lower() == "file:":
        return ModelRef(text=text, path=_path_of_file_url(text))
    scheme = _SCHEME.fullmatch(text)
    if scheme is not None:
        return ModelRef(text=text, scheme=scheme[1].lower(), model_id=_checked_id(scheme[2], text))
    if _PATH.match(text) or text.lower().endswith(tuple(suffix.lower() for suffix in suffixes)):
        return ModelRef(text=text, path=_path(text))
    return ModelRef(text=text, model_id=_checked_id(text, text))


def _checked(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidReferenceError(f"a model is named by text or a path, not by {type(value).__name__}")
    if not value.strip() or len(value) > _MAX_LENGTH or not value.isprintable():
        raise InvalidReferenceError(
            f"not a model reference: {value[:80]!r}", hint="use a model id, scheme://id, or a path such as ./model_dir"
        )
    return value


def _checked_id(model_id: str, text: str) -> str:
    segments = model_id.split("/")
    if "\\" in model_id or any(segment in ("", ".", "..") or segment != segment.strip() for segment in segments):
        raise InvalidReferenceError(f"not a model id: {text!r}", hint=f"if you mean a path, write ./{model_id}")
    return model_id


def _path_of_file_url(text: str) -> Path:
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(text)
    if parts.netloc not in ("", "localhost"):
        raise InvalidReferenceError(f"a file: reference cannot name another host: {text!r}")
    path = unquote(parts.path)
    if re.match(r"/[A-Za-z]:(/|$)", path):  # file:///C:/x
        path = path[1:]
    if not path:
        raise InvalidReferenceError(f"a file: reference without a path: {text!r}")
    return _path(path)


def _path(text: str) -> Path:
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises for a user that does not exist
