"""What observers are told. Frozen values; ``on_event`` cannot veto."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from pathlib import Path

    from inference_models_core.types.negotiation import Candidate, Negotiation, Resolution


@attrs.frozen(kw_only=True, repr=False)
class Event(Value):
    """Base of all events.

    Attributes:
        model_id: The model it is about.
    """

    model_id: str


@attrs.frozen(kw_only=True, repr=False)
class NegotiatedEvent(Event):
    """Candidates were ranked."""

    negotiation: Negotiation


@attrs.frozen(kw_only=True, repr=False)
class CandidateTriedEvent(Event):
    """A candidate is about to be opened."""

    candidate: Candidate


@attrs.frozen(kw_only=True, repr=False)
class FallbackEvent(Event):
    """A candidate could not be opened here and the next one is tried."""

    candidate: Candidate
    reason: str
    fix: str = ""


@attrs.frozen(kw_only=True, repr=False)
class ModelLoadedEvent(Event):
    """A model was loaded, from the cache or not.

    Attributes:
        model: The model object.
        resolution: How it came to be.
        seconds: Time from the call to the model.
        digest: What ``find_live_model`` is asked with for an equal request; empty for a dependency, which belongs to
            its parent and is closed with it.
    """

    model: Any
    resolution: Resolution
    seconds: float
    digest: str = ""


@attrs.frozen(kw_only=True, repr=False)
class FileCreatedEvent(Event):
    """A file was written."""

    path: Path


@attrs.frozen(kw_only=True, repr=False)
class DownloadProgressEvent(Event):
    """Bytes arrived.

    Attributes:
        handle: The file inside the package.
        received: Bytes so far.
        total: Bytes in all; ``None`` if unknown.
    """

    handle: str
    received: int
    total: int | None = None
