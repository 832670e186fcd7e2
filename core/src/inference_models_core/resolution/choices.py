"""The resolution cache: what was chosen for a request, one small file each, ``choices/<name>.json``.

A choice is used while it is younger than a day, and where a provider cannot be asked for longer; it is replaced by the
next one and never removed before that. A clock that was turned back makes it old, not young.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from inference_models_core import settings
from inference_models_core.errors import MalformedDocumentError
from inference_models_core.log import debug
from inference_models_core.resolution.choice import Choice, choice_document, read_choice
from inference_models_core.resolution.notes import read_note, write_note
from inference_models_core.resolution.request_key import request_key
from inference_models_core.store import files
from inference_models_core.store.layout import CHOICES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from inference_models_core.plugins.host import PluginHost
    from inference_models_core.resolution.scope import Scope
    from inference_models_core.types.requests import LoadRequest


class RecalledChoice(NamedTuple):
    """A choice, and whether it may still be used without asking.

    Attributes:
        choice: The choice.
        age_seconds: Seconds since it was made; negative if the clock was turned back since.
        is_stale: Whether it is older than allowed, or of a time that is still to come.
    """

    choice: Choice
    age_seconds: float
    is_stale: bool


class Choices:
    """The choices that one cache remembers.

    Args:
        scope: The cache and its key.
        max_age: Seconds for which a choice is fresh; from ``INFERENCE_MODELS_RESOLUTION_MAX_AGE`` if ``None``, a day
            by default.
        now: The time, in seconds since the epoch.

    Raises:
        InvalidRequestError: If the variable is no number of seconds.
    """

    def __init__(self, scope: Scope, *, max_age: float | None = None, now: Callable[[], float] = time.time) -> None:
        self._scope = scope
        self._max_age = settings.resolution_max_age() if max_age is None else max_age
        self.now = now

    def key(self, request: LoadRequest, host: PluginHost) -> str | None:
        """The name of the choice for a request; see :func:`request_key`."""
        return request_key(request, host, self._scope)

    def recall(self, key: str | None, *, allow_stale: bool = False) -> RecalledChoice | None:
        """Looks a choice up.

        Args:
            key: Its name; ``None`` finds nothing.
            allow_stale: Whether to give one that is too old.

        Returns:
            The choice; ``None`` if there is none, or it is too old and that is not allowed. A damaged one is put aside
            with one warning.

        Raises:
            UnsafeCacheError: If something else than a file is in its place.
        """
        choice = None if key is None else read_note(self._path(key), read_choice, self._scope)
        if choice is None:
            return None
        age = self.now() - choice.created_at
        is_stale = not 0 <= age < self._max_age
        return None if is_stale and not allow_stale else RecalledChoice(choice, age, is_stale)

    def remember(self, key: str | None, choice: Choice | None) -> bool:
        """Keeps a choice in place of the one before.

        Args:
            key: Its name; ``None`` keeps nothing.
            choice: What was chosen; ``None`` keeps nothing.

        Returns:
            Whether it is kept.
        """
        if key is None or choice is None or not self._scope.writable:
            return False
        document = choice_document(choice)
        try:
            read_choice(document, "choice")
        except MalformedDocumentError as error:  # a plugin's text that is longer than readers accept
            debug("a choice is not remembered: %s", error.message)
            return False
        return write_note(self._path(key), document, self._scope)

    def forget(self, provider: str, model_id: str) -> int:
        """Removes every choice of a model, whoever made it; how many there were."""
        found = [path for path, choice in self._all() if _model(choice) == (provider, model_id)]
        return sum(map(files.remove, found))

    def models(self) -> set[tuple[str, str]]:
        """Provider and canonical id of every model that a choice is about."""
        return {_model(choice) for _, choice in self._all()}

    def _path(self, key: str) -> Path:
        return self._scope.layout.folder(CHOICES) / f"{key}.json"

    def _all(self) -> Iterator[tuple[Path, Choice]]:
        for path in sorted(self._scope.layout.folder(CHOICES).glob("*.json")):
            choice = read_note(path, read_choice, self._scope)
            if choice is not None:
                yield path, choice


def _model(choice: Choice) -> tuple[str, str]:
    return choice.provider, str(choice.model.get("modelId"))
