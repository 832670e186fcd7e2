"""The command line ``inference-models``.

Standard output carries results, standard error everything else. Exit codes: 0 when all went well, 1 when something
failed, 2 for a command line that makes no sense, 130 when interrupted.
"""

from __future__ import annotations

from inference_models_core.cli.app import main

__all__ = ["main"]
