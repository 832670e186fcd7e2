"""The typed options of TorchScript sessions: ``LoadOptions(backend_options={"torch-script": {...}})``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from inference_models_core.errors import InvalidRequestError
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_THREADS = 4096
_MAX_BYTES = 2**48


def _check_whole_number(most: int) -> Any:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (whole and 1 <= value <= most):
            raise InvalidRequestError(
                f"TorchScript option {attribute.name!r} must be a whole number from 1 to {most}, not {value!r}"
            )

    return check


@attrs.frozen(kw_only=True, repr=False)
class TorchOptions(Value):
    """How a session is made; ``None`` leaves the default.

    Attributes:
        intra_op_threads: Threads inside one operator on the CPU. PyTorch has one such number for the whole process, so
            this changes it for everything else in it, too; it is logged.
        max_unpacked_bytes: Most bytes that an archive may unpack to; by default four times its size on the disk or 64
            MiB, whichever is more.
    """

    intra_op_threads: int | None = attrs.field(default=None, validator=_check_whole_number(_MAX_THREADS))
    max_unpacked_bytes: int | None = attrs.field(default=None, validator=_check_whole_number(_MAX_BYTES))


def parse_options(options: Mapping[str, Any] | TorchOptions | None) -> TorchOptions:
    """Reads the options of the caller.

    Args:
        options: What stands under ``"torch-script"`` in ``LoadOptions.backend_options``.

    Returns:
        The typed options.

    Raises:
        UnknownArgumentError: For an option that does not exist; names the nearest one.
        InvalidRequestError: For a value that an option does not take.
    """
    if isinstance(options, TorchOptions):
        return options
    from inference_models_core.arguments import check_known

    given = dict(options or {})
    check_known(given, [field.name for field in attrs.fields(TorchOptions)], 'backend_options["torch-script"]')
    return TorchOptions(**given)
