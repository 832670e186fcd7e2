"""The default order of candidates.

Total, and independent of the order of plugins and packages: the last part of the key is the package id, which no two
candidates share.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from inference_models_core.normalise import UNKNOWN_QUANTIZATION
from inference_models_core.types.backends import FormatTier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inference_models_core.types.backends import BackendSpec, BatchSupport
    from inference_models_core.types.negotiation import Candidate
    from inference_models_core.types.requests import LoadRequest

    RankKey: TypeAlias = tuple[bool, int, int, int, int, int, tuple[int, int], float, int, str]

_ACCELERATOR_PRECISIONS: dict[str | None, int] = {"fp16": 0, "fp32": 1, "bf16": 2, None: 3}
_CPU_PRECISIONS: dict[str | None, int] = {"fp32": 0, None: 1, "bf16": 2, "fp16": 3}
_LAST_PRECISION = 4
_TIERS = {tier: place for place, tier in enumerate(FormatTier)}
_NO_RANK = 1000
"""Rank of a backend that no plugin registered: own code runs where nothing else does."""

_EXACT, _DYNAMIC, _UNKNOWN, _SMALLER, _LARGER = range(5)


def default_order(request: LoadRequest, candidates: Iterable[Candidate]) -> list[Candidate]:
    """Orders candidates, best first.

    The key: results within the tolerance, or never verified, before others; the caller's order of backends, then of
    precisions; accelerator before CPU; the backend's rank; precision (accelerator: fp16, fp32, bf16, unknown; CPU:
    fp32, unknown, bf16, fp16; then all others); batch (:func:`batch_fit`); the matcher's preference; data before
    program-like formats before code; package id.

    Args:
        request: What the caller asked for.
        candidates: In any order.

    Returns:
        All of them.
    """
    return sorted(candidates, key=rank_key(request))


def rank_key(request: LoadRequest) -> Callable[[Candidate], RankKey]:
    """The function that :func:`default_order` sorts by; smaller keys are better."""
    backends = {name: place for place, name in enumerate(request.backends or ())}
    quantizations = {name: place for place, name in enumerate(request.quantizations or ())}
    batches: dict[BatchSupport, tuple[int, int]] = {}

    def key(candidate: Candidate) -> RankKey:
        package, spec = candidate.package, candidate.backend_spec
        on_cpu = candidate.device.kind == "cpu"
        batch = batches.get(package.batch)
        if batch is None:
            batch = batches[package.batch] = batch_fit(package.batch, request.batch_size)
        return (
            candidate.beyond_tolerance != "",
            _backend_place(candidate.backend, spec, backends) if backends else 0,
            quantizations.get(package.quantization or UNKNOWN_QUANTIZATION, len(quantizations)),
            on_cpu,
            spec.rank if spec else _NO_RANK,
            (_CPU_PRECISIONS if on_cpu else _ACCELERATOR_PRECISIONS).get(package.quantization, _LAST_PRECISION),
            batch,
            _descending(candidate.fit.preference),
            _TIERS[spec.tier] if spec else len(_TIERS),
            package.package_id,
        )

    return key


def batch_fit(batch: BatchSupport, wish: tuple[int, int] | None) -> tuple[int, int]:
    """How well the batches of a package fit a wish; smaller is better.

    Args:
        batch: What the package accepts.
        wish: Smallest and largest batch that must run in one go; ``None`` for no wish. Then any number of pictures may
            come, which a dynamic graph takes as they are, and a small static one wastes less than a large one.

    Returns:
        The class (exact, dynamic, unknown, smaller, larger) and the order within it: for smaller ones, those that need
        fewer runs first; for larger ones, those that pad less.
    """
    if not batch.known:
        return _UNKNOWN, 0
    low, high = batch.bounds
    if wish is None:
        return (_DYNAMIC, 0) if batch.static is None else (_LARGER, batch.static)
    if batch.fits(*wish):
        return _EXACT if batch.static is not None else _DYNAMIC, 0
    return (_LARGER, low) if low > wish[1] or high is None or high > wish[1] else (_SMALLER, -high)


def _backend_place(name: str, spec: BackendSpec | None, wishes: dict[str, int]) -> int:
    spellings = (spec.name, *spec.names) if spec else (name,)
    return min((wishes[spelling] for spelling in spellings if spelling in wishes), default=len(wishes))


def _descending(preference: float) -> float:
    return 0.0 if math.isnan(preference) else -preference  # nothing orders a NaN
