"""The typed options of ONNX Runtime sessions: ``LoadOptions(backend_options={"onnx": {...}})``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import attrs
from inference_models_core.errors import InvalidRequestError
from inference_models_core.types.value import Value

from inference_models_onnx.providers import provider_name

if TYPE_CHECKING:
    from collections.abc import Callable

GRAPH_OPTIMIZATIONS = ("disable", "basic", "extended", "all")
EXECUTION_MODES = ("sequential", "parallel")
_MAX_THREADS = 4096


def _refuse(name: str, expected: str, value: Any) -> NoReturn:
    raise InvalidRequestError(f"ONNX option {name!r} must be {expected}, not {value!r}")


def _one_of(*choices: str) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is not None and value not in choices:
            _refuse(attribute.name, f"one of {', '.join(choices)}", value)

    return check


def _check_threads(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (whole and 1 <= value <= _MAX_THREADS):
        _refuse(attribute.name, f"a whole number from 1 to {_MAX_THREADS}", value)


def _check_boolean(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not isinstance(value, bool):
        _refuse(attribute.name, "True or False", value)


def _to_provider(value: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(value, str):
        return provider_name(value), {}
    if isinstance(value, Sequence) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], Mapping):
        return provider_name(value[0]), {str(key): option for key, option in value[1].items()}
    _refuse("providers", "names or (name, options) pairs", value)


def _to_providers(value: Any) -> tuple[tuple[str, dict[str, Any]], ...] | None:
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        _refuse("providers", "a list of names or (name, options) pairs", value)
    return tuple(_to_provider(entry) for entry in value)


def _to_domains(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(entry, str) for entry in value):
        _refuse("custom_op_domains", "a list of operator domains", value)
    return tuple(value)


@attrs.frozen(kw_only=True, repr=False)
class OnnxOptions(Value):
    """How a session is made; ``None`` leaves the runtime's own default.

    Attributes:
        providers: Execution providers in order of preference, as names (``"cuda"``, ``"CUDAExecutionProvider"``) or
            pairs of a name and its options. What is listed must really be used, or loading fails.
        intra_op_threads: Threads inside one operator.
        inter_op_threads: Threads across operators, in parallel mode.
        graph_optimization: ``"disable"``, ``"basic"``, ``"extended"`` or ``"all"`` (the runtime's default).
        execution_mode: ``"sequential"`` (the runtime's default) or ``"parallel"``.
        memory_arena: Whether the CPU allocator keeps freed memory.
        memory_pattern: Whether allocations are planned from the first run.
        allow_spinning: Whether idle threads of the pool spin; spinning is faster for small graphs and takes processor
            time from whatever runs next.
        custom_op_domains: Operator domains to accept beside the standard ones.
        inspect: Whether the file is read for unsafe contents before the runtime opens it. Only runtimes from 1.24.4
            on allow ``False``.
    """

    providers: tuple[tuple[str, dict[str, Any]], ...] | None = attrs.field(default=None, converter=_to_providers)
    intra_op_threads: int | None = attrs.field(default=None, validator=_check_threads)
    inter_op_threads: int | None = attrs.field(default=None, validator=_check_threads)
    graph_optimization: str | None = attrs.field(default=None, validator=_one_of(*GRAPH_OPTIMIZATIONS))
    execution_mode: str | None = attrs.field(default=None, validator=_one_of(*EXECUTION_MODES))
    memory_arena: bool | None = attrs.field(default=None, validator=_check_boolean)
    memory_pattern: bool | None = attrs.field(default=None, validator=_check_boolean)
    allow_spinning: bool | None = attrs.field(default=None, validator=_check_boolean)
    custom_op_domains: tuple[str, ...] = attrs.field(default=(), converter=_to_domains)
    inspect: bool = attrs.field(default=True, validator=_check_boolean)


def parse_options(options: Mapping[str, Any] | OnnxOptions | None) -> OnnxOptions:
    """Reads the options of the caller.

    Args:
        options: What stands under ``"onnx"`` in ``LoadOptions.backend_options``.

    Returns:
        The typed options.

    Raises:
        UnknownArgumentError: For an option that does not exist; names the nearest one.
        InvalidRequestError: For a value that an option does not take.
    """
    if isinstance(options, OnnxOptions):
        return options
    from inference_models_core.arguments import check_known

    given = dict(options or {})
    check_known(given, [field.name for field in attrs.fields(OnnxOptions)], 'backend_options["onnx"]')
    return OnnxOptions(**given)
