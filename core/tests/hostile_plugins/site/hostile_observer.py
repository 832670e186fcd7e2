"""Raises at every event."""

from inference_models_core.hookspecs import hookimpl

INFERENCE_MODELS_API = "0.1"

calls = []


@hookimpl
def on_event(event):
    calls.append(event)
    raise RuntimeError(f"event number {len(calls)}")
