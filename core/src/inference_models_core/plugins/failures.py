"""What active plugins did wrong."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from inference_models_core.errors import PluginContractError, printable
from inference_models_core.log import logger
from inference_models_core.plugins.calls import error_text
from inference_models_core.plugins.records import PluginFailure

if TYPE_CHECKING:
    from inference_models_core.types.plugins import PluginIdentity

_MOST_PER_HOOK = 10


class FailureLog:
    """Collects failures; the same one is kept and logged once, and only the first few of one hook of a plugin."""

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._failures: dict[PluginFailure, None] = {}
        self._lock = threading.Lock()

    def add(self, plugin: PluginIdentity, hook: str, error: BaseException | str, *, most: int = _MOST_PER_HOOK) -> str:
        """Notes a failure.

        Args:
            plugin: Whose fault it is.
            hook: The hook.
            error: What it raised, or a sentence.
            most: How many different failures of one hook of a plugin are kept.

        Returns:
            The failure in words, plugin and hook named.

        Raises:
            PluginContractError: In strict mode.
        """
        text = printable(error if isinstance(error, str) else error_text(error), 500)
        failure = PluginFailure(plugin=plugin, hook=hook, error=text)
        sentence = f"plugin {plugin}: {failure}"
        if self._keep(failure, most):
            logger().warning("%s", sentence)
        if self._strict:
            raise PluginContractError(sentence) from (error if isinstance(error, BaseException) else None)
        return sentence

    def _keep(self, failure: PluginFailure, most: int) -> bool:
        with self._lock:
            known = sum(each.plugin == failure.plugin and each.hook == failure.hook for each in self._failures)
            if failure in self._failures or known >= most:
                return False
            self._failures[failure] = None
            return True

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._failures.clear()

    def all(self) -> tuple[PluginFailure, ...]:
        """Every failure so far, oldest first."""
        with self._lock:
            return tuple(self._failures)
