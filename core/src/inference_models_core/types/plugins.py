"""Who brought something."""

from __future__ import annotations

import attrs

from inference_models_core.types.value import Value


@attrs.frozen(kw_only=True, repr=False)
class PluginIdentity(Value):
    """The plugin that something came from.

    Attributes:
        name: Name of its entry point, or of its registration in this process.
        distribution: Normalised name of its distribution; empty for a plugin registered in this process.
        version: Version of the distribution, or the one given when registering; empty if none was given.
    """

    name: str
    distribution: str = ""
    version: str = ""

    def __str__(self) -> str:
        if not self.distribution:
            return f"{self.name} (in this process)"
        return f"{self.name} ({self.distribution} {self.version})"
