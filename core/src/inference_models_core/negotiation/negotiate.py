"""Second step: with what detection found out, candidates in order and rejections with reasons.

Pure: what needs loading or asking comes in as values. Each package ends in exactly one list.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias

import attrs

from inference_models_core.errors import PluginContractError
from inference_models_core.negotiation import codes, rules
from inference_models_core.negotiation.context import RuntimeContext
from inference_models_core.negotiation.ranking import default_order
from inference_models_core.negotiation.shortlist import stamped
from inference_models_core.negotiation.tolerance import verdict_on
from inference_models_core.negotiation.unused_gpu import unused_gpu_warnings
from inference_models_core.types.negotiation import Candidate, Negotiation, Rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from inference_models_core.negotiation.context import Matcher, Review, Shortlist, Survivor
    from inference_models_core.types.backends import BackendReport, Fit
    from inference_models_core.types.devices import Device
    from inference_models_core.types.requests import LoadRequest
    from inference_models_core.types.verification import Verification, VerificationKey

    Rank: TypeAlias = Callable[[LoadRequest, Sequence[Candidate]], Sequence[Candidate]]


_BY_PACKAGE = attrgetter("package_id", "code", "backend", "reason", "fix")
"""Ids of duplicates are not enough to order them."""


def negotiate(
    request: LoadRequest,
    listed: Shortlist,
    reports: Mapping[str, BackendReport],
    matchers: Mapping[str, Matcher] | None = None,
    *,
    gpu_seen: str = "",
    review: Review | None = None,
    rank: Rank | None = None,
    verified: Mapping[VerificationKey, Verification] | None = None,
) -> Negotiation:
    """Applies the remaining rules and ranks what is left.

    Args:
        request: What the caller asked for.
        listed: The shortlist.
        reports: Backend name -> what its plugin found out, for the backends of the shortlist.
        matchers: Backend name -> its matcher; a backend without one fits always.
        gpu_seen: Name of a GPU of this machine, for the warning that it stays unused; empty if there is none.
        review: The host application's policy; ``None`` for no policy.
        rank: The host application's order, given the candidates in core's order; ``None`` for core's.
        verified: What was verified of the model, by what it holds for; packages that are not in it stay as they are.

    Returns:
        Candidates, best first, and the rejections of both steps by package id.

    Raises:
        PluginContractError: If ``rank`` returns something that is no candidate, or one of them twice.
    """
    judge = _Judge(RuntimeContext(request, reports, matchers or {}, review), verified or {})
    accepted: list[Candidate] = []
    rejected: list[Rejection] = list(listed.rejections)
    for survivor in listed.survivors:
        verdict = judge(survivor)
        if isinstance(verdict, Candidate):
            accepted.append(verdict)
        else:
            rejected.append(stamped(verdict, survivor.package))
    ordered = default_order(request, accepted)
    if rank is not None and ordered:
        ordered, left_out = _ranked(rank, request, ordered)
        rejected += left_out
    rejected.sort(key=_BY_PACKAGE)
    warnings = [*unused_gpu_warnings(request, ordered, rejected, gpu_seen), *_doubts(ordered)]
    return Negotiation(metadata=listed.metadata, accepted=ordered, rejected=rejected, warnings=warnings)


def _doubts(ordered: Sequence[Candidate]) -> Iterable[str]:
    """What is to be said of the best candidate where its results are in doubt."""
    if ordered and ordered[0].beyond_tolerance:
        yield f"package {ordered[0].package.package_id} is used although, {ordered[0].beyond_tolerance}"


class _Judge:
    """Applies the rules; those on backends once per backend."""

    def __init__(self, context: RuntimeContext, verified: Mapping[VerificationKey, Verification]) -> None:
        self._context = context
        self._verified = verified
        self._backends: dict[str, Rejection | tuple[BackendReport, Device]] = {}

    def __call__(self, survivor: Survivor) -> Rejection | Candidate:
        verdict = self._backends.get(survivor.backend_name)
        if verdict is None:
            verdict = self._backends[survivor.backend_name] = self._judge_backend(survivor)
        if isinstance(verdict, Rejection):
            return verdict
        report, device = verdict
        fit = rules.match(survivor, report, self._context)
        if isinstance(fit, Rejection):
            return fit
        return rules.reviewed(survivor, self._context) or self._held(candidate_of(survivor, report, device, fit))

    def _held(self, candidate: Candidate) -> Rejection | Candidate:
        """The candidate, held against the tolerance."""
        verdict = verdict_on(candidate, self._context.request, self._verified)
        if isinstance(verdict, Rejection) or not verdict:
            return verdict or candidate
        return attrs.evolve(candidate, beyond_tolerance=verdict)

    def _judge_backend(self, survivor: Survivor) -> Rejection | tuple[BackendReport, Device]:
        for rule in rules.BACKEND_RULES:
            rejection = rule(survivor, self._context)
            if rejection is not None:
                return rejection
        report = self._context.report(survivor)
        assert report is not None, "usable_backend made sure"
        device = self._context.device(report)
        assert device is not None, "available_device made sure"
        return report, device


def candidate_of(survivor: Survivor, report: BackendReport, device: Device, fit: Fit) -> Candidate:
    """A survivor with what was found out about its backend, and the matcher's verdict."""
    return Candidate(
        package=survivor.package,
        row=survivor.row.spec,
        row_plugin=survivor.row.plugin,
        report=report,
        device=device,
        fit=fit,
        ignored_rows=survivor.row.ignored,
        backend_spec=survivor.backend.spec,
    )


def _ranked(
    rank: Rank, request: LoadRequest, candidates: Sequence[Candidate]
) -> tuple[list[Candidate], Iterable[Rejection]]:
    ordered = list(rank(request, tuple(candidates)))
    known = {id(candidate): candidate for candidate in candidates}
    chosen = {id(candidate) for candidate in ordered}
    if not chosen <= known.keys() or len(chosen) != len(ordered):
        raise PluginContractError(
            "rank_candidates returned something other than the candidates it was given, each at most once",
            hint="return the given candidates, or a part of them, in a new order",
        )
    reason = "the host application's ranking left it out"
    left_out = Rejection(code=codes.LEFT_OUT_BY_RANKING, reason=reason)
    return ordered, [stamped(left_out, known[key].package) for key in known.keys() - chosen]
