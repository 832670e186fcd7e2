"""Errors as the command line shows them."""

from __future__ import annotations

from typing import Any

from inference_models_core.cli.output import echo_error, emit_json
from inference_models_core.errors import InferenceModelsError, printable


def error_dict(error: BaseException) -> dict[str, Any]:
    """An error as ``code``, ``message`` and ``hint``; those that are not ours have the code ``"unexpected-error"``."""
    if isinstance(error, InferenceModelsError):
        return error.to_dict()
    return {
        "code": "unexpected-error",
        "message": printable(f"{type(error).__name__}: {error}"),
        "hint": "run the same command with --traceback to see where it comes from",
    }


def show_error(error: BaseException, *, as_json: bool) -> None:
    """Shows an error: as JSON on standard output, else as message and hint on standard error."""
    fields = error_dict(error)
    if as_json:
        emit_json({"error": fields})
    else:
        echo_error(fields["message"], fields["hint"])
