"""Rows of the registry: which class runs which architecture and task."""

from __future__ import annotations

import attrs

from inference_models_core.object_ref import ObjectRef, to_object_ref
from inference_models_core.types.converters import to_names, to_tuple
from inference_models_core.types.value import Value


@attrs.frozen(kw_only=True, repr=False)
class ModelSpec(Value):
    """One registered implementation, returned by ``register_models``.

    Attributes:
        architecture: Family, such as ``"yolov8"``.
        task: Open string, such as ``"object-detection"``.
        implementation: The model class.
        backend: The one backend it runs on; ``None`` makes a general row: any tensor backend.
        graphs: Names of the graphs it needs; each becomes one runner.
        supports_features: Package features it understands; a package with any other is not for this row.
        requires_features: Package features without which this row does not apply.
        requires_modules: Python modules that are optional for its distribution and that it needs all of, such as
            ``("timm",)``; top-level names. Where one is missing, packages for this row are rejected.
        install_hint: The command that brings them.
        summary: One line for listings.
    """

    architecture: str
    task: str
    implementation: ObjectRef = attrs.field(converter=to_object_ref)
    backend: str | None = None
    graphs: tuple[str, ...] = attrs.field(default=("weights",), converter=to_tuple)
    supports_features: frozenset[str] = attrs.field(default=frozenset(), converter=to_names)
    requires_features: frozenset[str] = attrs.field(default=frozenset(), converter=to_names)
    requires_modules: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    install_hint: str = ""
    summary: str = ""

    @requires_modules.validator
    def _check_modules(self, _: object, names: tuple[object, ...]) -> None:
        wrong = [name for name in names if not (isinstance(name, str) and name.isidentifier())]
        if wrong:
            raise ValueError(f"requires_modules: names of modules without dots, not {wrong[0]!r}")

    @property
    def class_name(self) -> str:
        """Name of the model class, without its module."""
        return str(self.implementation).rpartition(":")[2]

    def accepts(self, features: frozenset[str]) -> bool:
        """Whether a package with these features can be run by this row."""
        return self.requires_features <= features <= (self.supports_features | self.requires_features)


@attrs.frozen(kw_only=True, repr=False)
class PipelineSpec(Value):
    """Several models behind one call, returned by ``register_pipelines``.

    Attributes:
        pipeline_id: Name that users give to ``AutoModelPipeline``.
        implementation: Class with ``with_models(models, **kwargs)``.
        default_models: References loaded when the caller names none, in order.
        summary: One line for listings.
    """

    pipeline_id: str
    implementation: ObjectRef = attrs.field(converter=to_object_ref)
    default_models: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    summary: str = ""
