"""Finding, checking, loading and calling plugins; start at :mod:`inference_models_core.plugins.host`."""
