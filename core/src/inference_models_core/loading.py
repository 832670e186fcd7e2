"""From a candidate to a model: the only module that opens sessions and constructs model classes."""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from inference_models_core.arguments import check_known, keyword_names
from inference_models_core.artifacts.place import place_package
from inference_models_core.errors import (
    CannotOpenHereError,
    DeviceMismatchError,
    IntegrityError,
    LoadFailedError,
    NegotiationError,
    PackageFileMissingError,
)
from inference_models_core.log import logger
from inference_models_core.model import Model, close_all, remember_resolution
from inference_models_core.negotiation.failure import no_candidate_error
from inference_models_core.planning import access_of, admitted, check_access, dependency_requests, make_plan
from inference_models_core.plugins.calls import attributed
from inference_models_core.resolution.recall import recall_plan, remember_plan
from inference_models_core.runner import Runner
from inference_models_core.types.backends import BackendKind
from inference_models_core.types.devices import CPU
from inference_models_core.types.negotiation import Attempt, Resolution

_MOST_READS = 8  # where locks do nothing, each of many processes may put its own copy in place once

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from inference_models_core.errors import LoadError
    from inference_models_core.planning import Plan
    from inference_models_core.types.backends import BackendSpec
    from inference_models_core.types.negotiation import Candidate
    from inference_models_core.types.requests import LoadRequest
    from inference_models_core.types.tensors import TensorSession


def load_model(request: LoadRequest, *, depth: int = 0) -> Any:
    """Loads the best candidate that opens.

    Args:
        request: What the caller asked for.
        depth: 1 while loading another model's dependency; dependencies have none of their own.

    Returns:
        The model.

    Raises:
        NoCompatiblePackageError: If no package can run here.
        LoadFailedError: If every candidate refused to open here.
        InferenceModelsError: Whatever else goes wrong; only :class:`CannotOpenHereError` lets the next one try.
    """
    started = time.perf_counter()
    host = admitted(request)
    loaded = _load_recalled(recall_plan(request, host), depth) or _load_planned(make_plan(request, host), depth)
    model, plan, chosen, attempts = loaded
    resolution = Resolution(
        reference=request.ref.text,
        negotiation=plan.negotiation,
        chosen=chosen,
        attempts=tuple(attempts),
        remembered_seconds_ago=plan.age_seconds,
    )
    remember_resolution(model, resolution)
    if plan.host.is_observed:
        from inference_models_core.types.events import ModelLoadedEvent

        seconds = time.perf_counter() - started
        digest = "" if depth else request_digest(plan, chosen)
        plan.host.emit(
            ModelLoadedEvent(model_id=plan.model_id, model=model, resolution=resolution, digest=digest, seconds=seconds)
        )
    return model


def _load_recalled(plan: Plan | None, depth: int) -> _Loaded | None:
    """Loads what was chosen before; ``None`` if that does not open any more, so that the choice is made again."""
    if plan is None:
        return None
    candidate = plan.negotiation.accepted[0]
    _tell_attempt(plan, candidate)
    try:
        return _Loaded(_open(plan, candidate, depth), plan, candidate, [])
    except (CannotOpenHereError, DeviceMismatchError) as error:
        logger().warning("%s: what was chosen before does not open any more: %s", plan.request.ref, error.message)
        return None


def _load_planned(plan: Plan, depth: int) -> _Loaded:
    if plan.negotiation.best is None:
        raise no_candidate_error(plan.negotiation)
    model, chosen, attempts = _open_first(plan, depth)
    if not attempts:  # a second choice is made again each time, with its warning, until the first one opens
        remember_plan(plan)
    return _Loaded(model, plan, chosen, attempts)


class _Loaded(NamedTuple):
    """A model, and how it came to be."""

    model: Any
    plan: Plan
    chosen: Candidate
    attempts: list[Attempt]


def _open_first(plan: Plan, depth: int) -> tuple[Any, Candidate, list[Attempt]]:
    """Opens the first candidate that can be opened, on the device of the best; under ``auto`` else on the CPU."""
    attempts: list[Attempt] = []
    candidates = plan.negotiation.accepted
    best = candidates[0]
    try:
        on_same = [candidate for candidate in candidates if candidate.device == best.device]
        return (*_open_in_turn(plan, on_same, attempts, depth), attempts)
    except DeviceMismatchError as error:
        on_cpu = [attrs.evolve(candidate, device=CPU) for candidate in candidates if CPU in candidate.report.devices]
        may_fall = plan.request.device.is_auto and plan.request.fallback != "none" and best.device != CPU
        if not may_fall or not on_cpu:
            raise
        _note_attempt(plan, best, error, attempts)
        return (*_open_in_turn(plan, on_cpu, attempts, depth), attempts)


def _open_in_turn(
    plan: Plan, candidates: Sequence[Candidate], attempts: list[Attempt], depth: int
) -> tuple[Any, Candidate]:
    for candidate in candidates:
        _tell_attempt(plan, candidate)
        try:
            return _open(plan, candidate, depth), candidate
        except CannotOpenHereError as error:
            if plan.request.fallback == "none":
                raise
            _note_attempt(plan, candidate, error, attempts)
    last = attempts[-1].error
    raise LoadFailedError(
        "no candidate could be opened here:\n"
        + "\n".join(f"  {a.candidate.package.package_id} ({a.candidate.backend}): {a.error}" for a in attempts),
        hint=getattr(last, "hint", ""),
        attempts=[(attempt.candidate, attempt.error) for attempt in attempts],
    ) from last


def _tell_attempt(plan: Plan, candidate: Candidate) -> None:
    if plan.host.is_observed:
        from inference_models_core.types.events import CandidateTriedEvent

        plan.host.emit(CandidateTriedEvent(model_id=plan.model_id, candidate=candidate))


def _note_attempt(plan: Plan, candidate: Candidate, error: LoadError, attempts: list[Attempt]) -> None:
    attempts.append(Attempt(candidate=candidate, error=error))
    logger().warning(
        "%s: package %s cannot be opened with %s on %s: %s",
        plan.request.ref, candidate.package.package_id, candidate.backend, candidate.device, error,
    )  # fmt: skip
    if plan.host.is_observed:
        from inference_models_core.types.events import FallbackEvent

        plan.host.emit(FallbackEvent(model_id=plan.model_id, candidate=candidate, reason=error.message, fix=error.hint))


def _open(plan: Plan, candidate: Candidate, depth: int) -> Any:
    check_access(plan.host, plan.request, candidate.package, plan.found)
    if plan.host.has_gate("find_live_model") and not depth:  # a dependency belongs to its parent, which closes it
        access = access_of(plan.request, candidate.package, plan.found)
        live = plan.host.find_live_model(access, request_digest(plan, candidate))
        if live is not None:
            return live
    return _build(plan, candidate, depth)


def open_candidate(plan: Plan, candidate: Candidate) -> Any:
    """Opens one candidate and no other, as a model that the caller closes: never one from a pool of live models.

    Args:
        plan: The plan.
        candidate: One of its candidates.

    Returns:
        The model.

    Raises:
        InferenceModelsError: Whatever goes wrong; another candidate is not tried.
    """
    check_access(plan.host, plan.request, candidate.package, plan.found)
    return _build(plan, candidate, 0)


def _build(plan: Plan, candidate: Candidate, depth: int) -> Any:
    dependencies = _load_dependencies(plan, candidate, depth)
    try:
        model, owned = _construct_unchanged(plan, candidate, dependencies)
    except BaseException:
        close_all(dependencies.values())
        raise
    _hand_over(model, (*dependencies.values(), *owned))
    return model


def _construct_unchanged(
    plan: Plan, candidate: Candidate, dependencies: Mapping[str, Any]
) -> tuple[Any, tuple[Any, ...]]:
    """A model built from files that were the same, inode by inode, from their verification until it had read them."""
    for _ in range(_MOST_READS):
        placed = place_package(plan, candidate.package)
        try:
            model, runners = _construct(plan, candidate, placed.directory, dependencies)
            if placed.check_unchanged():
                return model, (placed, *runners)
            _discard(model, runners)
        except BaseException:
            placed.close()
            raise
        placed.close()
    raise IntegrityError(
        f"the files of package {candidate.package.package_id} were changed while they were read, {_MOST_READS} times",
        hint="see which other program writes to the cache, or use a folder of your own: cache_dir=...",
    )


def _discard(model: Any, runners: tuple[Runner, ...]) -> None:
    close_all((*runners, model))


def _construct(
    plan: Plan, candidate: Candidate, directory: Path, dependencies: Mapping[str, Any]
) -> tuple[Any, tuple[Runner, ...]]:
    model_class = _model_class(candidate, directory)
    offers = _offers(plan, candidate, dependencies)
    named, open_ended = keyword_names(model_class.from_pretrained)
    if not open_ended:  # a typing mistake of the caller is found before anything is opened
        legal = named - offers.keys()
        check_known(plan.request.model_kwargs, legal, f"{model_class.__name__}.from_pretrained")
    runners = _open_runners(plan, candidate, directory)
    offers["runners"] = runners
    try:
        wanted = {name: value for name, value in offers.items() if name in named}
        model = attributed(
            lambda: model_class.from_pretrained(directory, **wanted, **plan.request.model_kwargs),
            f"{model_class.__name__}.from_pretrained",
        )
    except BaseException:
        close_all(runners.values())
        raise
    return model, tuple(runners.values())


def _offers(plan: Plan, candidate: Candidate, dependencies: Mapping[str, Any]) -> dict[str, Any]:
    """What a model class may ask for by naming it in the signature of ``from_pretrained``."""
    return {
        "device": candidate.device,
        "package": candidate.package,
        "runners": {},
        "model_dependencies": dependencies,
        "recommended_parameters": candidate.package.recommended_parameters
        or plan.found.metadata.recommended_parameters,
        "max_image_pixels": plan.request.options.max_image_pixels,
        "allow_url_input": plan.request.options.allow_url_input,
    }


def _model_class(candidate: Candidate, directory: Path) -> Any:
    if candidate.package.local_code is not None:
        from inference_models_core.local_code import load_local_class

        return load_local_class(directory, candidate.package.local_code)
    if candidate.row is None:
        raise NegotiationError(f"package {candidate.package.package_id} has neither a registered class nor its own")
    return candidate.row.implementation.load()


def _open_runners(plan: Plan, candidate: Candidate, directory: Path) -> dict[str, Runner]:
    spec = plan.registry.backend(candidate.backend, plan.request.options.prefer).spec
    if candidate.row is None or spec is None or spec.kind is not BackendKind.TENSOR or spec.factory is None:
        return {}
    options = plan.request.options.backend_options.get(spec.name, {})
    runners: dict[str, Runner] = {}
    try:
        for graph in candidate.row.graphs:
            path = _graph_path(candidate, spec, directory, graph)
            session = _open_session(spec, path, candidate, options)
            runners[graph] = Runner(session, name=graph, batch=candidate.package.batch)
    except BaseException:
        close_all(runners.values())
        raise
    return runners


def _open_session(spec: BackendSpec, path: Path, candidate: Candidate, options: Mapping[str, Any]) -> TensorSession:
    def open_session() -> TensorSession:
        factory = spec.factory.load() if spec.factory else None
        backend: Any = factory() if isinstance(factory, type) else factory
        session: TensorSession = backend.open_session(
            path, device=candidate.device, package=candidate.package, options=options
        )
        return session

    return attributed(open_session, f"backend {spec.name!r}")


def _graph_path(candidate: Candidate, spec: BackendSpec, directory: Path, graph: str) -> Path:
    path = directory / candidate.package.graph_files.get(graph, spec.file_name(graph))
    if not path.is_file():
        raise PackageFileMissingError(f"package {candidate.package.package_id} has no {path.name} for {graph!r}")
    return path


def _load_dependencies(plan: Plan, candidate: Candidate, depth: int) -> dict[str, Any]:
    requests = dependency_requests(plan, candidate.device)
    if requests and depth:
        raise NegotiationError(f"{plan.request.ref} is a dependency and has dependencies itself: one level is allowed")
    loaded: dict[str, Any] = {}
    try:
        for name, request in requests.items():
            loaded[name] = load_model(request, depth=1)
    except BaseException:
        close_all(loaded.values())
        raise
    return loaded


def _hand_over(model: Any, closables: tuple[Any, ...]) -> None:
    """Makes the model responsible for its runners and dependencies.

    A class that does not derive from core's base has them closed when it is garbage, if not by itself before.
    """
    if isinstance(model, Model):
        model.own(closables)
    elif closables:
        weakref.finalize(model, close_all, closables)


def request_digest(plan: Plan, candidate: Candidate) -> str:
    """Identifies everything that changes the loaded model, for a pool of live models.

    Args:
        plan: The plan.
        candidate: The package and device in question.

    Returns:
        64 hex digits; equal for equal requests, and never equal for requests that load different models. Values that
        JSON cannot tell apart are told apart by their ``repr``.
    """
    import hashlib
    import json

    package = candidate.package
    parts = {
        "provider": plan.found.provider,
        "model": plan.found.metadata.model_id,
        "revision": plan.request.revision,
        "package": [package.package_id, str(package.directory), [[a.handle, a.sha256] for a in package.artifacts]],
        "device": str(candidate.device),
        "implementation": str(candidate.row.implementation) if candidate.row else None,
        "backend_options": plan.request.options.backend_options,
        "dependencies": [plan.found.metadata.dependencies, plan.request.options.dependency_options],
        "limits": [plan.request.options.max_image_pixels, plan.request.options.allow_url_input],
        "model_kwargs": plan.request.model_kwargs,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).hexdigest()
