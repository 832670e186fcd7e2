"""Weights provider of inference-models: models that are hosted on Roboflow."""
