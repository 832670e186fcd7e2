"""Opens TorchScript archives with PyTorch."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference_models_core.errors import DeviceMismatchError, PackageError
from inference_models_core.log import debug
from inference_models_core.types.devices import CPU, Device

from inference_models_torch.options import TorchOptions, parse_options
from inference_models_torch.runtime import check_device, import_libraries, import_runtime, set_threads
from inference_models_torch.runtime_errors import RUNTIME_ERRORS, explain_open_error
from inference_models_torch.session import TorchSession
from inference_models_torch.torchscript_file import read_torchscript_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inference_models_core.types.packages import ModelPackage

_PRECISIONS = {"fp16": "float16", "bf16": "bfloat16", "fp32": "float32"}
_WARNINGS = threading.Lock()


class TorchScriptBackend:
    """The factory of TorchScript sessions."""

    def open_session(
        self,
        path: Path,
        *,
        device: Device = CPU,
        package: ModelPackage | None = None,
        options: Mapping[str, Any] | TorchOptions | None = None,
    ) -> TorchSession:
        """Opens a TorchScript archive.

        Args:
            path: The file.
            device: Where to compute.
            package: The package it belongs to: its precision is that of the graph's input where the graph has no
                weights to tell.
            options: See :class:`~inference_models_torch.options.TorchOptions`.

        Returns:
            The session; it really computes on ``device``.

        Raises:
            InvalidRequestError: For options that do not exist or do not fit.
            PackageError: For a file that is missing, damaged or unsafe.
            CannotOpenHereError: If this PyTorch cannot open it, or lacks a library that the graph needs.
            DeviceMismatchError: If PyTorch would not compute where it was asked to.
        """
        settings = parse_options(options)
        runtime = import_runtime()
        path = Path(path)
        content = read_torchscript_file(path, max_unpacked_bytes=settings.max_unpacked_bytes)
        place = check_device(runtime, device)
        import_libraries(content.libraries, path.name)
        set_threads(runtime, settings.intra_op_threads)
        module = _load(runtime, path, place)
        _check_place(module, place, path.name)
        names, changed = _argument_names(module, path.name), changed_arguments(module)
        debug("TorchScript module on %s from %s", place, path.name)
        return TorchSession(
            runtime,
            module,
            names=names,
            changed=[name for i, name in enumerate(names) if i in changed],
            device=place,
            dtype=_dtype(runtime, module, package),
            thread_safe=not keeps_state(module),
            name=path.name,
        )


def _load(runtime: Any, path: Path, place: Any) -> Any:
    try:
        # PyTorch recommends another format to whoever exports; whoever got a file has no choice.
        with _WARNINGS, warnings.catch_warnings():
            for category in (DeprecationWarning, FutureWarning):  # which of them depends on the release
                warnings.filterwarnings("ignore", category=category)
            module = runtime.jit.load(str(path), map_location=place)
        module.eval()
    except RUNTIME_ERRORS as error:
        raise explain_open_error(error, path.name, runtime.__version__) from error
    return module


def _check_place(module: Any, place: Any, name: str) -> None:
    """A graph that holds its weights elsewhere would compute there."""
    for tensor in _weights(module):
        if (tensor.device.type, tensor.device.index or 0) != (place.type, place.index or 0):  # "mps" is "mps:0"
            raise DeviceMismatchError(f"the weights of {name} are on {tensor.device}, {place} was asked for")


def _weights(module: Any) -> Iterator[Any]:
    yield from module.parameters()
    yield from module.buffers()


def _argument_names(module: Any, name: str) -> tuple[str, ...]:
    """Of ``forward``, without the module itself and what has a default."""
    forward = getattr(module, "forward", None)
    if forward is None or not hasattr(forward, "schema"):
        raise PackageError(f"{name} has no method forward", hint="export the model again")
    arguments = [argument for argument in forward.schema.arguments[1:] if not argument.has_default_value()]
    return tuple(argument.name for argument in arguments)


def _dtype(runtime: Any, module: Any, package: ModelPackage | None) -> Any:
    """The floating-point type of most weights; where there are none, that of the package."""
    counts: dict[Any, int] = {}
    for tensor in _weights(module):
        if tensor.is_floating_point():
            counts[tensor.dtype] = counts.get(tensor.dtype, 0) + tensor.numel()
    if counts:
        return max(counts, key=lambda dtype: counts[dtype])
    said = _PRECISIONS.get(package.quantization or "") if package else None
    return getattr(runtime, said) if said else None


def keeps_state(module: Any) -> bool:
    """Whether a run changes the module: it sets an attribute, or changes one or a part of one in place.

    Then two runs at once could see each other's, and the runner takes turns.
    """
    graph = module.inlined_graph
    if graph.findAllNodes("prim::SetAttr", recurse=True):
        return True
    aliases = graph.alias_db()
    return any(aliases.has_writers(node.output()) for node in graph.findAllNodes("prim::GetAttr", recurse=True))


def changed_arguments(module: Any) -> frozenset[int]:
    """Which arguments of ``forward`` a run may change in place, the first being 0; too many rather than too few."""
    graph = module.inlined_graph
    aliases = graph.alias_db()
    return frozenset(i for i, value in enumerate(list(graph.inputs())[1:]) if aliases.has_writers(value))
