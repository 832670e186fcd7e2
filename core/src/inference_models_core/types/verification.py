"""What running a package beside another one has shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs

from inference_models_core.types.converters import to_dict
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = "verifications"
"""Where in the cache they are."""
VerificationKey: TypeAlias = tuple[str, str, str, str]
"""Content of a package, backend, version of its runtime, kind of device: the same ones give the same results."""


@attrs.frozen(kw_only=True, repr=False)
class Verification(Value):
    """How far the results of one package were from those of another one, on the same pictures.

    Attributes:
        package_id: The package.
        content: Digest of its files as their provider promises them; see ``negotiation.trust.content_key``.
        backend: Name of the backend that ran it.
        version: Version of the runtime; empty where unknown.
        device: Kind of device, such as ``"cpu"``.
        reference: Id of the package that it was compared with; its own id for the reference itself.
        reference_backend: Backend of that one.
        pictures: How many pictures both saw.
        things: How many objects, classes, pixels' maps or vectors were compared; 0 where nothing was found.
        deltas: Name of a figure -> largest difference over all pictures, never negative, 0 for equal results; the
            names and units are those of ``negotiation.tolerance.FULL_PRECISION``.
        created_at: When, in seconds since the epoch.
    """

    package_id: str
    content: str
    backend: str
    version: str
    device: str
    reference: str
    reference_backend: str
    pictures: int
    things: int
    deltas: Mapping[str, float] = attrs.field(converter=to_dict)
    created_at: float

    @property
    def key(self) -> VerificationKey:
        """What it holds for."""
        return self.content, self.backend, self.version, self.device
