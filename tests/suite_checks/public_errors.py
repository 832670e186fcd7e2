"""Whatever leaves the public interface in any test: one of our errors, with a code that is documented and a cause."""

from __future__ import annotations

import functools
import importlib
import re
import sys
from collections import Counter
from types import TracebackType
from typing import Any

import pytest
from inference_models_core import errors
from inference_models_core.errors import InferenceModelsError

from suite_checks import listening

#: Every way into the library, with the built-in errors that its documentation allows beside our own.
ENTRY_POINTS: dict[str, tuple[type[Exception], ...]] = {
    "inference_models_core.auto_model:AutoModel.from_pretrained": (),
    "inference_models_core.auto_model:AutoModel.plan": (),
    "inference_models_core.auto_model:AutoModel.pull": (),
    "inference_models_core.auto_model:AutoModel.find_cached": (),
    "inference_models_core.auto_model:AutoModel.describe_model": (),
    "inference_models_core.auto_model:AutoModel.describe_runtime": (),
    "inference_models_core.auto_model_pipeline:AutoModelPipeline.from_pretrained": (),
    "inference_models_core.tasks.base:ImageModel.infer": (),
    "inference_models_core.reference:parse_reference": (),
    "inference_models_core.network.client:HttpClient.open": (),
    "inference_models_core.network.client:HttpClient.get_document": (),
    "inference_models_core.network.response:Response.readinto": (),
    "inference_models_core.download.engine:download": (),
    "inference_models_core.store.store:Store.open": (),
    "inference_models_core.store.store:Store.find_blob": (),
    "inference_models_core.store.store:Store.part_folder": (),
    "inference_models_core.store.store:Store.reserve": (),
    "inference_models_core.store.store:Store.publish": (),
    "inference_models_core.store.store:Store.known_digest": (),
    "inference_models_core.store.store:Store.remember_digest": (),
    "inference_models_core.store.store:Store.find_package": (),
    "inference_models_core.store.store:Store.place_package": (FileNotFoundError,),
    "inference_models_core.store.store:Store.model_folder": (),
    "inference_models_core.store.collect:prune": (),
    "inference_models_core.store.collect:remove_model": (),
    "inference_models_core.store.collect:clear": (),
    "inference_models_core.store.verifying:verify_all": (),
    "inference_models_core.store.inventory:cached_packages": (),
    "inference_models_core.store.inventory:usage": (),
    "inference_models_core.resolution.lockfile:read_lockfile": (),
    "inference_models_core.resolution.lock_models:sync": (),
    "inference_models_core.bundles.create:create_bundle": (),
    "inference_models_core.bundles.importing:verify_bundle": (),
    "inference_models_core.bundles.importing:import_bundle": (),
}

CODES = {
    value.code
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, InferenceModelsError) and value.__name__ in (errors.__doc__ or "")
}
"""Codes of the errors that stand in the tree of the documentation."""

seen: Counter[str] = Counter()
"""Code -> how often such an error left the public interface."""
_faults: list[str] = []
_failed: list[str] = []
"""Tests during which something else left it."""


def faults_of(
    error: BaseException, allowed: tuple[type[Exception], ...] = (), handled: BaseException | None = None
) -> list[str]:
    """What is wrong with an error that leaves the library.

    Args:
        error: With the frame that called the library as the first of its traceback.
        allowed: Built-in errors that may leave here.
        handled: What the caller was handling already: that is not what made this error.
    """
    if not isinstance(error, Exception) or isinstance(error, (MemoryError, *allowed)):
        return []  # Ctrl-C, the end of the process, and whatever a test uses to simulate them
    name = type(error).__name__
    if not isinstance(error, InferenceModelsError):
        return [] if _is_of_the_call(error) else [f"{name}, which is none of ours: {error}"]
    faults = [] if error.code in CODES else [f"{name} has the code {error.code!r}, which is not documented"]
    if not re.fullmatch(r"[a-z]+(-[a-z]+)*", error.code):
        faults.append(f"{name} has the code {error.code!r}, which is no code")
    return faults + [f"{name} hides its cause: {hidden!r}" for hidden in _hidden(error, handled)]


def _is_of_the_call(error: Exception) -> bool:
    """A wrong signature: raised by the call itself, before anything of the library ran."""
    traceback: TracebackType | None = error.__traceback__
    return isinstance(error, TypeError) and traceback is not None and traceback.tb_next is None


def _hidden(error: BaseException, handled: BaseException | None) -> list[BaseException]:
    """Foreign errors during whose handling ours was raised without naming them."""
    context = error.__context__
    if context is None or context is handled or error.__cause__ is not None or error.__suppress_context__:
        return []
    is_ours = type(context).__module__.startswith("inference_models_")  # signals between our own functions, too
    return [context] if isinstance(context, Exception) and not is_ours else []


def watched(function: Any, allowed: tuple[type[Exception], ...], name: str) -> Any:
    """The same function, with a look at whatever it raises."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        handled = sys.exc_info()[1]
        try:
            return function(*arguments, **named)
        except BaseException as error:
            if isinstance(error, InferenceModelsError):
                seen[error.code] += 1
            _faults.extend(f"{name}: {fault}" for fault in faults_of(error, allowed, handled))
            listening.hear_error(error)
            raise

    return call


def _replace(reference: str, allowed: tuple[type[Exception], ...]) -> None:
    module_name, _, path = reference.partition(":")
    *owners, name = path.split(".")
    module = importlib.import_module(module_name)
    owner = functools.reduce(getattr, owners, module)
    if owners:
        found = vars(owner)[name]
        kind = type(found)
        is_bound = kind in (classmethod, staticmethod)
        function = watched(found.__func__ if is_bound else found, allowed, path)
        setattr(owner, name, kind(function) if is_bound else function)
        return
    original = getattr(module, name)
    replacement = watched(original, allowed, path)
    for each in [found for key, found in sys.modules.items() if key.startswith("inference_models_")]:
        if vars(each).get(name) is original:
            setattr(each, name, replacement)


def pytest_configure() -> None:
    for reference, allowed in ENTRY_POINTS.items():
        _replace(reference, allowed)


@pytest.fixture(autouse=True)
def only_typed_errors_leave():
    """Fails the test during which something else left the public interface."""
    _faults.clear()
    yield
    if _faults:
        _failed.append(listening.where())
        pytest.fail("\n".join(dict.fromkeys(_faults)), pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    total = f"{sum(seen.values())} of {len(seen)} kinds"
    terminalreporter.line(
        f"errors that left the public interface: {total}; tests with one that is not as promised: {len(_failed)}"
    )
