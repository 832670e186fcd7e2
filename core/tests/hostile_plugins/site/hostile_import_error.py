"""Imports what is not installed."""

import a_module_that_is_not_installed  # noqa: F401

INFERENCE_MODELS_API = "0.1"
