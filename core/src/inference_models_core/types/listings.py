"""What a weights provider has, a page at a time."""

from __future__ import annotations

import attrs

from inference_models_core.types.converters import to_tuple
from inference_models_core.types.value import Value


@attrs.frozen(kw_only=True, repr=False)
class ListedModel(Value):
    """One line of a provider's listing."""

    model_id: str
    task: str | None = None
    architecture: str | None = None
    summary: str = ""


@attrs.frozen(kw_only=True, repr=False)
class ModelListing(Value):
    """One page of a provider's listing.

    Attributes:
        models: The lines.
        cursor: What to pass for the next page; ``None`` at the end.
    """

    models: tuple[ListedModel, ...] = attrs.field(converter=to_tuple)
    cursor: str | None = None
