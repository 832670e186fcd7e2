"""The base of model classes, and what core remembers about every loaded model."""

from __future__ import annotations

import contextlib
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from typing_extensions import Self

    from inference_models_core.types.negotiation import Resolution

_resolutions: dict[int, Resolution] = {}


class Model:
    """Base class of models: closing, the context manager and ``resolution``.

    A model class has ``from_pretrained(package_dir, *, device, package, runners, model_dependencies,
    recommended_parameters, **model_kwargs)``; core passes those that the signature names. Deriving from this class is
    convenient, not required.
    """

    _owned: tuple[Any, ...] = ()

    def own(self, closables: Iterable[Any]) -> None:
        """Makes this model responsible for closing runners and dependency models with itself."""
        self._owned = (*self._owned, *closables)

    def close(self) -> None:
        """Frees what the model holds; later calls raise ``ModelClosedError``. May be called more than once."""
        owned, self._owned = self._owned, ()
        close_all(owned)

    @property
    def resolution(self) -> Resolution | None:
        """What was chosen for this model, what was not, and why; ``None`` if it was not loaded by ``AutoModel``."""
        return resolution_of(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def close_all(closables: Iterable[Any]) -> None:
    """Closes every object that has ``close``, last first; an error does not keep the others open."""
    with contextlib.ExitStack() as stack:
        for closable in closables:
            if hasattr(closable, "close"):
                stack.callback(closable.close)


def remember_resolution(model: Any, resolution: Resolution) -> None:
    """Notes how a model came to be, for as long as the model lives."""
    key = id(model)
    _resolutions[key] = resolution
    try:
        weakref.finalize(model, _resolutions.pop, key, None)
    except TypeError:
        # A class with __slots__ and no __weakref__: kept for the life of the process, and its id with it.
        _unweakable.append(model)


_unweakable: list[Any] = []


def resolution_of(model: Any) -> Resolution | None:
    """How a model came to be.

    Args:
        model: Any object that ``AutoModel`` returned, of whatever class.

    Returns:
        Its resolution, or ``None`` for an object that ``AutoModel`` did not load.
    """
    return _resolutions.get(id(model))
