"""What the gates of a host application are asked and may answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from inference_models_core.types.packages import ModelPackage
    from inference_models_core.types.secrets import Secret


@attrs.frozen(kw_only=True, repr=False)
class Access(Value):
    """Somebody wants to load a model.

    Attributes:
        reference: What the caller wrote.
        model_id: Canonical id once the provider has answered, else the id in the reference.
        provider: Name of the weights provider, or empty before one was chosen.
        package: The package whose files would be used; ``None`` before look-up.
        credential: The caller's key; prints as asterisks.
    """

    reference: str
    model_id: str
    provider: str = ""
    package: ModelPackage | None = None
    credential: Secret | None = None


@attrs.frozen(kw_only=True, repr=False)
class Denial(Value):
    """A gate's no.

    Attributes:
        reason: One sentence for the caller.
        code: Stable identifier.
        fix: What would change it.
    """

    reason: str
    code: str = "access-denied"
    fix: str = ""
