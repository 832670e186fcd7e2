"""What PyTorch raises, and what it means for us."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inference_models_core.errors import CannotOpenHereError, LoadError, PackageError

from inference_models_torch.builds import UPGRADE

if TYPE_CHECKING:
    from inference_models_core.errors import InferenceModelsError

RUNTIME_ERRORS = (RuntimeError, ValueError, TypeError, NotImplementedError, IndexError, OSError, AttributeError)
"""What PyTorch raises; what its own code raises in C++ arrives as ``RuntimeError``."""

_MEMORY = r"out of memory|can't allocate memory|bad_alloc|DefaultCPUAllocator"
_DAMAGED = r"PytorchStreamReader|central directory|unpickl|corrupt|invalid pickle"
_OPERATOR = re.compile(r"Unknown builtin op: (\w+)::(\w+)")
_TOO_NEW = r"file version|format version|does not support the file version|op.version|Unknown builtin op: aten"
_OTHER_DEVICE = r"same device|device type|on different devices|no kernel image"
_MOST_TEXT = 600


def explain_open_error(error: Exception, name: str, version: str) -> InferenceModelsError:
    """The typed error for a file that PyTorch did not open.

    Args:
        error: What it raised.
        name: The file's name.
        version: Version of PyTorch.

    Returns:
        A package error for a file that no PyTorch could open, a load error for exhausted memory, and
        :class:`CannotOpenHereError` for everything that another release or another library might do.
    """
    text = short(error)
    if says(_MEMORY, text):
        return LoadError(f"not enough memory to open {name}: {text}")
    operator = _OPERATOR.search(str(error))
    if operator and operator[1] != "aten":
        return CannotOpenHereError(
            f"{name} uses the operator {operator[1]}::{operator[2]}, which nothing in this process registers",
            hint=f"install and import the library that brings the operators of {operator[1]!r}",
        )
    if says(_DAMAGED, text) and not says(_TOO_NEW, text):
        return PackageError(f"{name} is damaged: {text}", hint="fetch or export the model again")
    return CannotOpenHereError(
        f"PyTorch {version} cannot open {name}: {text}", hint=UPGRADE if says(_TOO_NEW, text) else ""
    )


def hint_for_run(error: Exception, device: str) -> str:
    """What a user can do about an error of a run, as far as its text tells."""
    text = str(error)
    if says(_MEMORY, text):
        return "use smaller batches or pictures"
    if says(_OTHER_DEVICE, text):
        return f'the graph does not run on {device}: export it there, or pass device="cpu"'
    return ""


def says(pattern: str, text: str) -> bool:
    """Whether a text has a pattern, in any case."""
    return re.search(pattern, text, re.IGNORECASE) is not None


def short(error: Exception) -> str:
    """The part of an error that a person can use: TorchScript puts a listing of the graph's code around it."""
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [line for line in lines if line and not re.match(r"File \"code/|Traceback of|at:|[~<]+ ?-*$", line)]
    text = "; ".join([kept[-1], *kept[:1]] if len(kept) > 2 and "Error" in kept[-1] else kept[:3])
    return text[:_MOST_TEXT] or type(error).__name__
