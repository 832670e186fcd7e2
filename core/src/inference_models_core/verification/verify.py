"""Verifies the packages of a model: opens each, asks all the same, and keeps how far their answers are apart."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from inference_models_core.arguments import keyword_names
from inference_models_core.errors import InferenceModelsError, InvalidRequestError
from inference_models_core.loading import open_candidate
from inference_models_core.model import close_all
from inference_models_core.negotiation.failure import no_candidate_error
from inference_models_core.negotiation.tolerance import excess, limits_for, where_it_runs
from inference_models_core.negotiation.trust import content_key
from inference_models_core.planning import admitted, make_plan
from inference_models_core.plugins.calls import attributed
from inference_models_core.predictions.comparison import compare_all
from inference_models_core.resolution.memory import open_memory
from inference_models_core.resolution.verifications import Verifications
from inference_models_core.tasks.embedding import EmbeddingModel
from inference_models_core.types.converters import to_tuple
from inference_models_core.types.value import Value
from inference_models_core.types.verification import Verification
from inference_models_core.verification.pictures import golden_pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.planning import Plan
    from inference_models_core.registry import Registry
    from inference_models_core.types.negotiation import Candidate
    from inference_models_core.types.references import ModelRef
    from inference_models_core.types.requests import LoadRequest

CONFIDENCE = 0.1
"""Least score that models are asked for: lower than in use, so that there is more to compare."""
TEXTS = ("a photo of a cat", "a red triangle on a blue background", "two people who walk in the rain")
"""What models that embed texts embed."""
_PRECISIONS = ("fp32", None, "bf16", "fp16")


@attrs.frozen(kw_only=True, repr=False)
class Verified(Value):
    """What became of one package.

    Attributes:
        candidate: The package.
        verification: What was measured; ``None`` if it could not be.
        excess: What is beyond the tolerance, in words; empty if nothing is.
        error: Why nothing was measured.
    """

    candidate: Candidate
    verification: Verification | None = None
    excess: str = ""
    error: InferenceModelsError | None = None


@attrs.frozen(kw_only=True, repr=False)
class VerifiedModel(Value):
    """What became of the packages of a model.

    Attributes:
        model_id: Canonical id of the model.
        reference: Id of the package that the others were compared with.
        packages: What became of each that can run here, the reference first.
        stored: Whether it is in the cache now.
    """

    model_id: str
    reference: str
    packages: tuple[Verified, ...] = attrs.field(converter=to_tuple)
    stored: bool

    @property
    def agrees(self) -> bool:
        """Whether every package was measured and is within the tolerance."""
        return not any(each.excess or each.error for each in self.packages)


class _Answers(NamedTuple):
    """What a package answered."""

    candidate: Candidate
    answers: Sequence[Any]
    threshold: float | None


def verify_model(
    request: LoadRequest, *, reference: str | None = None, pictures: int = 8, seed: int = 0
) -> VerifiedModel:
    """Runs every package of a model that can run here, and compares its answers with those of one of them.

    Args:
        request: What :meth:`AutoModel.from_pretrained` would be asked for. With ``package_id``, only this package is
            compared.
        reference: Id of the package to compare with; ``None`` for the first in full precision that opens, CPU first,
            in the order of the negotiation.
        pictures: How many pictures to compare on.
        seed: Of the pictures.

    Returns:
        The figures for each package; they are in the cache, too, where the negotiation finds them.

    Raises:
        NoCompatiblePackageError: If no package can run here.
        InvalidRequestError: If there is nothing to compare, the reference is no package that can run here, or the
            model is a pipeline.
        InferenceModelsError: If no package opens, or that of ``reference`` does not.
    """
    plan = _plan(request)
    candidates = _wanted(plan, request.package_id, reference)
    seen = golden_pictures(pictures, seed)
    standard, failed = _first_answers(plan, candidates, seen, reference)
    tried = {id(each.candidate) for each in failed}
    rows = [_verified(plan, standard, standard, pictures), *failed]
    for candidate in candidates:
        if candidate is not standard.candidate and id(candidate) not in tried:
            rows.append(_measure(plan, candidate, standard, seen))
    return VerifiedModel(
        model_id=plan.model_id,
        reference=standard.candidate.package.package_id,
        packages=rows,
        stored=_remember(plan, rows),
    )


def _plan(request: LoadRequest) -> Plan:
    """All packages that can run, whatever was found out about them before."""
    options = attrs.evolve(request.options, beyond_tolerance="ignore")
    host = admitted(request)
    _check_is_model(request.ref, host.registry())
    plan = make_plan(attrs.evolve(request, package_id=None, options=options), host=host)
    if plan.negotiation.best is None:
        raise no_candidate_error(plan.negotiation)
    return plan


def _check_is_model(ref: ModelRef, registry: Registry) -> None:
    """A pipeline has no packages of its own; providers would look for a model of that name."""
    if ref.scheme is None and ref.model_id in {spec.pipeline_id for spec, _ in registry.pipelines}:
        what = f"{ref.model_id} is a pipeline: several models behind one call, without packages of its own"
        hint = f"verify its models one by one; a model of that name is PROVIDER://{ref.model_id}"
        raise InvalidRequestError(what, hint=hint)


def _wanted(plan: Plan, package_id: str | None, reference: str | None) -> list[Candidate]:
    """The candidates to run, best reference first."""
    candidates = sorted(plan.negotiation.accepted, key=_precision)
    for name in filter(None, (package_id, reference)):
        if name not in {each.package.package_id for each in candidates}:
            raise InvalidRequestError(f"{name} is no package of {plan.model_id} that can run here", hint=_SEE_PLAN)
    candidates.sort(key=lambda each: each.package.package_id != reference)
    if package_id is not None:
        candidates = _with_partner(candidates, package_id)
    if len(candidates) < 2:
        what = f"only one package of {plan.model_id} can run here: there is nothing to compare it with"
        raise InvalidRequestError(what, hint=_SEE_PLAN)
    return candidates


_SEE_PLAN = "see which can, and what the others lack: inference-models plan MODEL"


def _with_partner(candidates: list[Candidate], package_id: str) -> list[Candidate]:
    """The package with the best reference that is another one."""
    (wanted,) = (each for each in candidates if each.package.package_id == package_id)
    return [*[each for each in candidates if each is not wanted][:1], wanted]


def _precision(candidate: Candidate) -> tuple[int, bool]:
    quantization = candidate.package.quantization
    place = _PRECISIONS.index(quantization) if quantization in _PRECISIONS else len(_PRECISIONS)
    return place, candidate.device.kind != "cpu"


def _first_answers(
    plan: Plan, candidates: Sequence[Candidate], pictures: Sequence[Any], reference: str | None
) -> tuple[_Answers, list[Verified]]:
    """The reference's answers, and the packages before it that did not open."""
    failed: list[Verified] = []
    for candidate in candidates:
        try:
            return _answers(plan, candidate, pictures), failed
        except InferenceModelsError as error:
            if reference is not None or candidate is candidates[-1]:
                raise
            failed.append(Verified(candidate=candidate, error=error))
    raise AssertionError("there are candidates")


def _measure(plan: Plan, candidate: Candidate, standard: _Answers, pictures: Sequence[Any]) -> Verified:
    try:
        return _verified(plan, standard, _answers(plan, candidate, pictures), len(pictures))
    except InferenceModelsError as error:
        return Verified(candidate=candidate, error=error)


def _answers(plan: Plan, candidate: Candidate, pictures: Sequence[Any]) -> _Answers:
    model = open_candidate(plan, candidate)
    try:
        arguments = {"confidence": CONFIDENCE} if _takes_confidence(model) else {}
        what = f"predicting with package {candidate.package.package_id}"
        answers = attributed(lambda: _ask(model, list(pictures), arguments), what)
        return _Answers(candidate, answers, arguments.get("confidence"))
    finally:
        close_all([model])


def _ask(model: Any, pictures: list[Any], arguments: dict[str, float]) -> Sequence[Any]:
    if isinstance(model, EmbeddingModel):
        return [*model.embed_images(pictures), *model.embed_text(list(TEXTS))]
    return list((model if callable(model) else model.infer)(pictures, **arguments))


def _takes_confidence(model: Any) -> bool:
    stages = (getattr(model, name, None) for name in ("post_process", "infer", "__call__"))
    return any("confidence" in keyword_names(stage)[0] for stage in stages if stage is not None)


def _verified(plan: Plan, standard: _Answers, answers: _Answers, pictures: int) -> Verified:
    candidate, reference = answers.candidate, standard.candidate
    agreement = compare_all(standard.answers, answers.answers, answers.threshold)
    backend, version, device = where_it_runs(candidate)
    verification = Verification(
        package_id=candidate.package.package_id,
        content=content_key(candidate.package) or "",
        backend=backend,
        version=version,
        device=device,
        reference=reference.package.package_id,
        reference_backend=reference.backend,
        pictures=pictures,
        things=agreement.things,
        deltas=agreement.deltas,
        created_at=time.time(),
    )
    limits = limits_for(candidate.package.quantization, device, plan.request.options.tolerance)
    return Verified(candidate=candidate, verification=verification, excess=excess(agreement.deltas, limits))


def _remember(plan: Plan, rows: Sequence[Verified]) -> bool:
    """Keeps what has a content to be known by; files at a path have none.

    A reference that nothing could be compared with shows nothing, and must not replace what is known of it.
    """
    found = [each.verification for each in rows if each.verification is not None]
    known = [each for each in found if each.content]
    if len(found) < 2 or not known or plan.request.ref.path is not None:
        return False
    memory = open_memory(plan.request)
    return Verifications(memory.scope).remember(memory.store, plan.found.provider, plan.model_id, known)
