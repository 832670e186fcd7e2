"""What a backend says about itself, about this machine, and about files."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.object_ref import ObjectRef, to_object_ref, to_optional_object_ref
from inference_models_core.types.converters import to_dict, to_tuple
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_models_core.types.devices import Device


class FormatTier(enum.Enum):
    """How much a file format can do to the machine that opens it."""

    DATA = "T1"
    """Data, or a format that is parsed: anyone's is opened."""
    PROGRAM = "T2"
    """Program-like (TorchScript, ``weights_only`` pickles): only from a trusted publisher."""
    CODE = "T3"
    """Code and foreign engines: only when asked for by name and hash."""


class BackendKind(enum.Enum):
    """How models of a backend are built."""

    TENSOR = "tensor"
    """Opens a file and maps tensors to tensors; every general model family runs on it."""
    OWN = "own"
    """Brings model classes of its own."""


def _to_refs(value: Mapping[str, str | ObjectRef]) -> dict[str, ObjectRef]:
    return {key: to_object_ref(ref) for key, ref in dict(value).items()}


@attrs.frozen(kw_only=True, repr=False)
class BackendSpec(Value):
    """Static facts about one backend, returned by ``register_backends``.

    The text references lead to light modules: loading one must not import the runtime, except ``factory``.

    Attributes:
        name: Open name in lower case with hyphens, such as ``"onnx"``.
        kind: Tensor backend, or one with model classes of its own.
        factory: For tensor backends: ``"module:Name"`` of a class (called without arguments) or object with
            ``open_session(path, *, device, package, options) -> TensorSession``.
        requires_any: Requirements of which one installed is enough, such as
            ``("onnxruntime>=1.17", "onnxruntime-gpu>=1.17")``. Checked from metadata, before anything is imported.
        install_hint: Command that makes the backend usable, shown when no requirement is met.
        devices: Kinds of device it could ever use.
        suffixes: File suffixes it owns, such as ``(".onnx",)``; they make a bare text a path.
        aliases: Graph name -> file name, where it is not ``<graph><suffix>`` (``{"weights": "engine.plan"}``).
        names: Other spellings users may write (``("onnxruntime", "ort")``).
        tier: What its files can do; decides how much trust a package needs.
        rank: Place in the default order of backends; smaller is preferred.
        parsers: Manifest type -> ``(mapping, readers) -> BackendDetails``.
        matcher: ``(package, report, request) -> Rejection | Fit``, pure.
        inspector: ``path -> LocalFileFacts`` for a file with one of the suffixes.
        links_allowed: ``handles -> bool``: whether the runtime, and the tools its users have, open the files of a
            package with these names although they have second names on the disk (hard links); without it they do.
    """

    name: str = attrs.field(validator=attrs.validators.matches_re(r"[a-z0-9]+(-[a-z0-9]+)*"))
    kind: BackendKind = attrs.field(default=BackendKind.TENSOR, converter=BackendKind)
    factory: ObjectRef | None = attrs.field(default=None, converter=to_optional_object_ref)
    requires_any: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    install_hint: str = ""
    devices: tuple[str, ...] = attrs.field(default=("cpu",), converter=to_tuple)
    suffixes: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    aliases: Mapping[str, str] = attrs.field(factory=dict, converter=to_dict)
    names: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    tier: FormatTier = attrs.field(default=FormatTier.DATA, converter=FormatTier)
    rank: int = 100
    parsers: Mapping[str, ObjectRef] = attrs.field(factory=dict, converter=_to_refs)
    matcher: ObjectRef | None = attrs.field(default=None, converter=to_optional_object_ref)
    inspector: ObjectRef | None = attrs.field(default=None, converter=to_optional_object_ref)
    links_allowed: ObjectRef | None = attrs.field(default=None, converter=to_optional_object_ref)

    def file_name(self, graph: str) -> str:
        """Name of the file that holds a graph in a package of this backend."""
        suffix = self.suffixes[0] if self.suffixes else ""
        return self.aliases.get(graph, f"{graph}{suffix}")


class Availability(enum.Enum):
    """Whether a backend can be used on this machine."""

    AVAILABLE = "available"
    DEGRADED = "degraded"
    """Usable, though not as it could be: a GPU that stays unused, for instance."""
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


@attrs.frozen(kw_only=True, repr=False)
class BackendReport(Value):
    """What ``detect_backends`` found out about one backend on this machine.

    Attributes:
        backend: Name of the backend.
        availability: The verdict; anything but ``AVAILABLE`` carries a reason.
        version: Version of the runtime as text; empty if unknown.
        devices: Devices it can really use, best first.
        capabilities: Facts for the backend's own matcher, such as ``{"providers": "CUDA...,CPU..."}``.
        code: Stable identifier of the reason, such as ``"runtime-not-installed"``; may be empty.
        reason: Why not, or why less than one would hope.
        fix: Command that mends it.
    """

    backend: str
    availability: Availability = attrs.field(converter=Availability)
    version: str = ""
    devices: tuple[Device, ...] = attrs.field(default=(), converter=to_tuple)
    capabilities: Mapping[str, str] = attrs.field(factory=dict, converter=to_dict)
    code: str = ""
    reason: str = attrs.field(default="")
    fix: str = ""

    @reason.validator
    def _check_reason(self, _: object, value: str) -> None:
        if self.availability is not Availability.AVAILABLE and not value:
            raise ValueError(f"a report of {self.backend!r} that is not 'available' needs a reason")

    @property
    def usable(self) -> bool:
        """Whether models can be loaded on it at all."""
        return self.availability in (Availability.AVAILABLE, Availability.DEGRADED)


@attrs.frozen(kw_only=True, repr=False)
class BatchSupport(Value):
    """Batch sizes that a package accepts.

    Attributes:
        static: The one batch size of a graph with a fixed batch axis; ``None`` for a dynamic one.
        minimum: Smallest batch of a dynamic graph.
        maximum: Largest batch of a dynamic graph; ``None`` where unbounded or unknown.
        known: ``False`` where the package says nothing about batches.
    """

    static: int | None = None
    minimum: int = 1
    maximum: int | None = None
    known: bool = True

    @property
    def bounds(self) -> tuple[int, int | None]:
        """Smallest and largest batch one run may have; ``None`` for no upper bound."""
        return (self.static, self.static) if self.static is not None else (self.minimum, self.maximum)

    def fits(self, smallest: int, largest: int) -> bool:
        """Whether every batch of the range runs without padding or splitting."""
        low, high = self.bounds
        return low <= smallest and (high is None or largest <= high)

    def __str__(self) -> str:
        if not self.known:
            return "unknown"
        if self.static is not None:
            return str(self.static)
        return "dynamic" if self.maximum is None else f"{self.minimum}-{self.maximum}"


UNKNOWN_BATCH = BatchSupport(known=False)


@attrs.frozen(kw_only=True, repr=False)
class BackendDetails(Value):
    """What a manifest parser made of a package manifest.

    Attributes:
        backend: Name of the backend the package is for.
        quantization: Precision of the weights: ``"fp32"``, ``"fp16"``, ``"bf16"``, ``"int8"``; ``None`` if unknown.
        batch: Batch sizes it accepts.
        requirements: The backend's own value (opset, versions, compute capability); opaque to core, read by the
            backend's matcher and factory.
    """

    backend: str
    quantization: str | None = None
    batch: BatchSupport = UNKNOWN_BATCH
    requirements: Any = None


@attrs.frozen(kw_only=True, repr=False)
class Fit(Value):
    """A matcher's yes.

    Attributes:
        preference: Orders the packages of this backend only; larger is better.
        note: What is worth knowing, shown in the table of candidates.
    """

    preference: float = 0.0
    note: str = ""
