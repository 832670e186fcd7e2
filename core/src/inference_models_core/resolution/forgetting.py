"""What is remembered of a model, and forgetting it: answers of providers, choices, pinned digests, verifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.resolution.answers import Answers
from inference_models_core.resolution.choices import Choices
from inference_models_core.resolution.pins import Pins
from inference_models_core.resolution.verifications import Verifications

if TYPE_CHECKING:
    from inference_models_core.resolution.scope import Scope


def forget(scope: Scope, provider: str, model_id: str) -> int:
    """Forgets all about a model, whoever asked for it and with whatever credential.

    Args:
        scope: The cache.
        provider: Name of the provider.
        model_id: Canonical id of the model.

    Returns:
        How many files were removed.
    """
    parts = Answers(scope), Choices(scope, max_age=0), Pins(scope), Verifications(scope)
    return sum(part.forget(provider, model_id) for part in parts)


def remembered_models(scope: Scope) -> frozenset[tuple[str, str]]:
    """Provider and canonical id of every model of which anything is remembered, whoever asked for it."""
    parts = Answers(scope), Choices(scope, max_age=0), Pins(scope), Verifications(scope)
    return frozenset().union(*(part.models() for part in parts))
