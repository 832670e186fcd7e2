"""What the code of a TorchScript archive asks for: operators of other libraries, and those that touch files.

TorchScript is a language of its own that knows tensors and little else; it cannot reach Python. Two of PyTorch's own
operators open files by name, though (``aten::save`` writes one, ``aten::from_file`` maps one), and a model needs
neither. This is a check of the text, as far as the language lets a name be written; it is no sandbox, which is why the
format is only for files of somebody who is trusted.
"""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from inference_models_core.errors import PackageError, UnsafeModelFileError

FILE_OPERATORS = ("save", "from_file")
"""Operators of PyTorch that open a file by name."""

_GAP = r"(?:\s|\\|#[^\n]*\n)*"
_NAMED = "|".join(FILE_OPERATORS)
_ATTRIBUTE = re.compile(rf"\.{_GAP}({_NAMED})\b(?!{_GAP}:)")
_TEXT = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')""", re.DOTALL)
_LIBRARY = re.compile(rf"\bops{_GAP}\.{_GAP}(\w+)")
_OWN = frozenset(("aten", "prim", "prims", "quantized", "mkldnn", "mkldnn_prepacked", "prepacked", "onednn", "sparse"))


class ScriptCode(NamedTuple):
    """What the code of an archive uses.

    Attributes:
        libraries: Other libraries whose operators it calls, such as ``"torchvision"``, sorted.
    """

    libraries: tuple[str, ...] = ()


def read_code(sources: dict[str, bytes], name: str) -> ScriptCode:
    """Looks through the code of an archive.

    Args:
        sources: Entry -> its text.
        name: The file's name, for errors.

    Raises:
        PackageError: If a source is no text.
        UnsafeModelFileError: If it opens files.
    """
    libraries: set[str] = set()
    for entry, content in sources.items():
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise PackageError(f"{name} is damaged: {entry!r} is no text", hint="fetch the file again") from error
        _check_files(text, name, entry)
        libraries.update(_LIBRARY.findall(text))
    return ScriptCode(tuple(sorted(libraries - _OWN)))


def _check_files(text: str, name: str, entry: str) -> None:
    found = _ATTRIBUTE.search(text)
    operator = found[1] if found else next(filter(_is_file_operator, _TEXT.findall(text)), None)
    if operator is not None:
        raise UnsafeModelFileError(
            f"{name} is refused: {entry!r} names {operator.strip(chr(34))!r}, an operator that opens files",
            hint="export the model without it",
        )


def _is_file_operator(literal: str) -> bool:
    """Whether a text is such a name, however it is written: ``getattr`` takes texts."""
    if literal[1:-1] in FILE_OPERATORS:
        return True
    if "\\" not in literal:
        return False
    try:
        return ast.literal_eval(literal) in FILE_OPERATORS
    except (ValueError, SyntaxError):
        return True  # an escape that Python does not know: nothing that PyTorch writes
