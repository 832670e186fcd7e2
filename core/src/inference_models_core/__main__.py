"""``python -m inference_models_core`` is ``inference-models``."""

from __future__ import annotations

from inference_models_core.cli import main

main(prog_name="inference-models")
