"""Invents candidates."""

from inference_models_core.hookspecs import hookimpl

INFERENCE_MODELS_API = "0.1"


@hookimpl
def rank_candidates(candidates):
    return [*candidates, *candidates]
