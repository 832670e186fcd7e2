"""What is remembered of a model, and forgetting it: answers of providers, choices, and the digests that are pinned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.resolution.answers import Answers
from inference_models_core.resolution.choices import Choices
from inference_models_core.resolution.pins import Pins

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
    answers = Answers(scope).forget(provider, model_id)
    return answers + Choices(scope, max_age=0).forget(provider, model_id) + Pins(scope).forget(provider, model_id)


def remembered_models(scope: Scope) -> frozenset[tuple[str, str]]:
    """Provider and canonical id of every model of which anything is remembered, whoever asked for it."""
    parts = Answers(scope), Choices(scope, max_age=0), Pins(scope)
    return frozenset().union(*(part.models() for part in parts))
