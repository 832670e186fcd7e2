"""The base of the value classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import attrs


class Value:
    """Prints a value class's fields; one method for all costs less at import than one generated for each."""

    __slots__ = ()
    __attrs_attrs__: ClassVar[tuple[attrs.Attribute[Any], ...]]

    def __repr__(self) -> str:
        shown = [f"{field.name}={getattr(self, field.name)!r}" for field in self.__attrs_attrs__ if field.repr]
        return f"{type(self).__qualname__}({', '.join(shown)})"
