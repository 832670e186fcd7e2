"""Text references to objects: ``"package.module:Name"``, imported only when loaded."""

from __future__ import annotations

import importlib
import re
from typing import Any

import attrs

from inference_models_core.errors import MissingDependencyError, PluginImportError
from inference_models_core.types.value import Value

_PATTERN = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


@attrs.frozen(repr=False)
class ObjectRef(Value):
    """A reference to an object in a module that is not imported yet.

    Attributes:
        value: ``"package.module:Name"``; the name may be dotted. Checked when constructed, so that a typing mistake
            fails in the plugin's own tests and not when a user loads a model.

    Raises:
        ValueError: If the text does not have this form.
        TypeError: If it is no text.
    """

    value: str = attrs.field()

    @value.validator
    def _check(self, _: object, value: str) -> None:
        if not _PATTERN.fullmatch(value):
            raise ValueError(f"not a reference of the form 'package.module:Name': {value!r}")

    def load(self) -> Any:
        """Imports the module and returns the object.

        Raises:
            PluginImportError: If the module cannot be imported or has no such attribute.
            MissingDependencyError: If the module says which optional package it needs.
        """
        module_name, _, attribute = self.value.partition(":")
        try:
            found: Any = importlib.import_module(module_name)
            for part in attribute.split("."):
                found = getattr(found, part)
        except MissingDependencyError:
            raise  # already says what to install
        except (ImportError, AttributeError) as error:
            raise PluginImportError(f"cannot load {self.value!r}: {type(error).__name__}: {error}") from error
        return found

    def __str__(self) -> str:
        return self.value


def to_object_ref(value: str | ObjectRef) -> ObjectRef:
    """Attrs converter: text becomes a checked reference."""
    return value if isinstance(value, ObjectRef) else ObjectRef(value)


def to_optional_object_ref(value: str | ObjectRef | None) -> ObjectRef | None:
    """As :func:`to_object_ref`; ``None`` stays ``None``."""
    return None if value is None else to_object_ref(value)
