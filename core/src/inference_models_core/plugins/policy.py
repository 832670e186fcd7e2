"""Which plugins may load: decided by name before anything of them is imported."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from inference_models_core.plugins.distributions import normalise_name
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inference_models_core.types.plugins import PluginIdentity

ALLOW_VARIABLE = "INFERENCE_MODELS_PLUGINS"
DISABLE_VARIABLE = "INFERENCE_MODELS_DISABLE_PLUGINS"
REQUIRE_VARIABLE = "INFERENCE_MODELS_REQUIRE_PLUGINS"
STRICT_VARIABLE = "INFERENCE_MODELS_STRICT_PLUGINS"
_TRUE = frozenset({"1", "true", "yes", "on"})


def _normalised(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(normalise_name(name.strip()) for name in names if name.strip()))


@attrs.frozen(kw_only=True, repr=False)
class PluginPolicy(Value):
    """Which plugins may load.

    Names are those of plugins or of distributions, in any spelling. The lists make an environment reproducible; they
    are no sandbox: a plugin is code that somebody installed.

    Attributes:
        allow: The only plugins that may load; ``None`` for all, empty for none.
        disable: Plugins that may not load, whatever ``allow`` says.
        require: Plugins without which no model loads.
        strict: Raise on the first plugin that is not in order instead of recording it; for authors.
    """

    allow: tuple[str, ...] | None = attrs.field(default=None, converter=attrs.converters.optional(_normalised))
    disable: tuple[str, ...] = attrs.field(default=(), converter=_normalised)
    require: tuple[str, ...] = attrs.field(default=(), converter=_normalised)
    strict: bool = False

    def reason_to_block(self, plugin: PluginIdentity) -> str:
        """Why a plugin may not load; empty if it may."""
        if names_plugin(self.disable, plugin):
            return f"switched off by {DISABLE_VARIABLE} or the host application"
        if self.allow is not None and not names_plugin(self.allow, plugin):
            return f"not in the list of allowed plugins ({ALLOW_VARIABLE} or the host application)"
        return ""


def names_plugin(names: Iterable[str], plugin: PluginIdentity) -> bool:
    """Whether one of the normalised names is the plugin's or its distribution's."""
    return not {normalise_name(plugin.name), plugin.distribution}.isdisjoint(names)


def policy_from_environment(environ: Mapping[str, str] | None = None) -> PluginPolicy:
    """Reads the policy from the environment variables, names separated by commas.

    Args:
        environ: The variables; those of the process if ``None``.

    Returns:
        The policy. To overrule one field, use ``attrs.evolve`` on it.
    """
    variables = os.environ if environ is None else environ
    allow = variables.get(ALLOW_VARIABLE)
    return PluginPolicy(
        allow=None if allow is None else allow.split(","),
        disable=variables.get(DISABLE_VARIABLE, "").split(","),
        require=variables.get(REQUIRE_VARIABLE, "").split(","),
        strict=variables.get(STRICT_VARIABLE, "").strip().lower() in _TRUE,
    )
