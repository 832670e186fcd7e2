"""Where a model computes."""

from __future__ import annotations

import re

import attrs

from inference_models_core.errors import InvalidRequestError
from inference_models_core.types.value import Value

_TEXT = re.compile(r"([a-z][a-z0-9_-]*)(?::(\d{1,4}))?")
_ALIASES = {"gpu": "cuda"}


@attrs.frozen(repr=False)
class Device(Value):
    """A kind of device and, where there are several, which one.

    Attributes:
        kind: ``"cpu"``, ``"cuda"``, ``"mps"``, ``"npu"`` or any name that a backend knows; ``"auto"`` lets the
            negotiation choose.
        index: Number of the device among those of its kind; ``None`` where the kind alone is meant.
    """

    kind: str = "cpu"
    index: int | None = None

    def __str__(self) -> str:
        return self.kind if self.index is None else f"{self.kind}:{self.index}"

    @property
    def is_auto(self) -> bool:
        """Whether the negotiation is to choose."""
        return self.kind == "auto"

    def covers(self, other: Device) -> bool:
        """Whether ``other`` satisfies a wish for this device: the same kind and, if an index is given, the same."""
        return self.kind == other.kind and (self.index is None or self.index == (other.index or 0))


CPU = Device("cpu")
AUTO = Device("auto")


def parse_device(value: object) -> Device:
    """Reads a device as users write it.

    Args:
        value: A :class:`Device`, text such as ``"auto"``, ``"cpu"``, ``"cuda:1"``, an integer (index of a CUDA
            device), ``None`` (auto), or a ``torch.device``, which is recognised by its ``type`` and ``index``
            without importing torch.

    Returns:
        The device.

    Raises:
        InvalidRequestError: If the value is none of these.
    """
    if isinstance(value, Device):
        return value
    if value is None:
        return AUTO
    if isinstance(value, int) and not isinstance(value, bool):
        return Device("cuda", value)
    text = value if isinstance(value, str) else _text_of_foreign_device(value)
    match = _TEXT.fullmatch(text.strip().lower()) if text is not None else None
    if match is None:
        raise InvalidRequestError(
            f"not a device: {value!r}", hint='use text such as "auto", "cpu", "cuda" or "cuda:1", or a torch.device'
        )
    kind, index = match.groups()
    return Device(_ALIASES.get(kind, kind), None if index is None else int(index))


def _text_of_foreign_device(value: object) -> str | None:
    kind, index = getattr(value, "type", None), getattr(value, "index", None)
    if not isinstance(kind, str):
        return None
    return kind if index is None else f"{kind}:{index}"
