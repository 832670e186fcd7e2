"""What was chosen before, for the same request on the same machine with the same plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from inference_models_core.artifacts.cached import stored_files
from inference_models_core.artifacts.place import find_cached
from inference_models_core.log import logger
from inference_models_core.planning import Plan
from inference_models_core.resolution.choice import choice_of
from inference_models_core.resolution.choices import Choices
from inference_models_core.resolution.memory import open_memory
from inference_models_core.resolution.restoring import restore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.plugins.host import PluginHost
    from inference_models_core.store.packages import StoredFile
    from inference_models_core.types.negotiation import Negotiation
    from inference_models_core.types.packages import Artifact
    from inference_models_core.types.requests import LoadRequest


def recall_plan(request: LoadRequest, host: PluginHost) -> Plan | None:
    """A plan with one candidate, made without network, detection or matching.

    The host's policy is asked again, and all files of the package are in the cache and right.

    Args:
        request: What the caller asked for.
        host: The plugins, whose gates have let the request in.

    Returns:
        The plan; ``None`` if the choice has to be made, for whatever reason.

    Raises:
        UnsafeCacheError: If others may write into the cache.
    """
    if not _is_used(request):
        return None
    memory = open_memory(request)
    choices = Choices(memory.scope)
    recalled = choices.recall(choices.key(request, host), allow_stale=request.offline)
    if recalled is None:
        return None
    review = host.review_package if host.has_gate("review_package") else None
    restored = restore(recalled.choice, request, host.registry(), review=review)
    if restored is None:
        return None
    negotiation = _with_files(restored.negotiation, recalled.choice.files)
    plan = Plan(request, host, host.registry(), restored.found, negotiation, age_seconds=recalled.age_seconds)
    placed = find_cached(plan, memory.store, plan.negotiation.accepted[0].package)
    if placed is None:
        return None
    placed.close()
    for warning in negotiation.warnings:
        logger().warning("%s: %s", request.ref, warning)
    return plan


def remember_plan(plan: Plan) -> None:
    """Keeps the choice of a plan whose best candidate was loaded.

    Not one that was made from what a provider said before: it would be taken for new, and never be asked about again
    in a time of many short outages.
    """
    best = plan.negotiation.best
    if best is None or best.package.directory is not None or plan.request.offline or plan.found.is_remembered:
        return
    memory = open_memory(plan.request)
    files = stored_files(memory.store, best.package, allow_unhashed=True)
    if files is None:
        return
    choices = Choices(memory.scope)
    choice = choice_of(
        plan.negotiation, best, files, provider=plan.found.provider, trusted=plan.found.trusted, now=choices.now()
    )
    choices.remember(choices.key(plan.request, plan.host), choice)


def _with_files(negotiation: Negotiation, files: Sequence[StoredFile]) -> Negotiation:
    """The candidate with the digests that its files turned out to have, where the provider promised less."""
    (candidate,) = negotiation.accepted
    known = {file.handle: file for file in files}
    artifacts = [_with_digest(artifact, known.get(artifact.handle)) for artifact in candidate.package.artifacts]
    package = attrs.evolve(candidate.package, artifacts=artifacts)
    return attrs.evolve(negotiation, accepted=[attrs.evolve(candidate, package=package)])


def _with_digest(artifact: Artifact, file: StoredFile | None) -> Artifact:
    return artifact if file is None else attrs.evolve(artifact, sha256=file.sha256, size=file.size)


def _is_used(request: LoadRequest) -> bool:
    return request.ref.path is None and request.options.use_resolution_cache and not request.force_download
