"""From a remembered choice back to a negotiation with one candidate: no network, no detection, no matcher.

The rules on trust, backends, implementations and precision are applied anew, and so is the host's policy: a plugin
that is gone or a policy that changed makes the choice one to be made again.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

from inference_models_core.errors import MalformedDocumentError
from inference_models_core.log import debug
from inference_models_core.negotiation.negotiate import candidate_of
from inference_models_core.negotiation.shortlist import shortlist
from inference_models_core.providers.asking import Found, found_by
from inference_models_core.providers.documents import read_model
from inference_models_core.providers.manifests import read_manifest
from inference_models_core.runtime.modules import missing_modules
from inference_models_core.types.negotiation import Negotiation

if TYPE_CHECKING:
    from inference_models_core.negotiation.context import Review, Survivor
    from inference_models_core.registry import Registry
    from inference_models_core.resolution.choice import Choice
    from inference_models_core.types.packages import ModelMetadata
    from inference_models_core.types.requests import LoadRequest


class Restored(NamedTuple):
    """A choice that can be loaded.

    Attributes:
        found: The provider's answer as far as it is remembered: the model with one package.
        negotiation: One candidate, and the rejections and warnings of the time when it was chosen.
    """

    found: Found
    negotiation: Negotiation


def restore(
    choice: Choice, request: LoadRequest, registry: Registry, *, review: Review | None = None
) -> Restored | None:
    """Makes a remembered choice again.

    Args:
        choice: The choice.
        request: What the caller asks for; the same as when it was made.
        registry: What is registered now.
        review: The host application's policy; ``None`` for no policy.

    Returns:
        The answer and the negotiation; ``None`` if the choice cannot or must not be made any more.
    """
    spec = registry.provider(choice.provider, request.options.prefer).spec
    metadata = _metadata(choice, request, registry)
    if spec is None or metadata is None:
        return None
    found = found_by(spec, request, metadata)
    found = found._replace(trusted=found.trusted and choice.trusted)
    missing = missing_modules(registry.required_modules)
    listed = shortlist(request, metadata, registry, provider_trusted=found.trusted, missing_modules=missing)
    if len(listed.survivors) != 1 or not _is_for(choice, listed.survivors[0], request):
        return None
    survivor = listed.survivors[0]
    if review is not None and review(survivor.package, request) is not None:
        return None
    candidate = candidate_of(survivor, choice.report, choice.device, choice.fit)
    negotiation = Negotiation(
        metadata=metadata, accepted=(candidate,), rejected=choice.rejected, warnings=choice.warnings
    )
    return Restored(found, negotiation)


def _metadata(choice: Choice, request: LoadRequest, registry: Registry) -> ModelMetadata | None:
    try:
        return read_model(choice.model, "choice: model", functools.partial(read_manifest, registry))
    except MalformedDocumentError as error:
        debug("%s: what was chosen before cannot be read: %s", request.ref, error.message)
        return None


def _is_for(choice: Choice, survivor: Survivor, request: LoadRequest) -> bool:
    """Whether report and device belong to this package and this request."""
    if survivor.backend.spec is None or survivor.backend_name != choice.report.backend:
        return False
    there = any(choice.device.covers(device) for device in choice.report.devices)
    return there and (request.device.is_auto or request.device.covers(choice.device))
