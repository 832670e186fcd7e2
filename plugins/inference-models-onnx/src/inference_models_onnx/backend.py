"""Opens ONNX files with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference_models_core.errors import (
    CannotOpenHereError,
    DeviceMismatchError,
    InvalidRequestError,
    PackageFileMissingError,
)
from inference_models_core.log import debug
from inference_models_core.types.devices import CPU, Device

from inference_models_onnx.builds import gpu_line, installed_builds, mending_line, upgrade_line
from inference_models_onnx.detect import import_runtime
from inference_models_onnx.opsets import release_of
from inference_models_onnx.options import OnnxOptions, parse_options
from inference_models_onnx.provider_setup import configured_providers, prepare_libraries
from inference_models_onnx.providers import device_kind, missing
from inference_models_onnx.runtime_errors import explain_open_error, runtime_errors
from inference_models_onnx.safety import INSPECTION_OPTIONAL_FROM, check_file
from inference_models_onnx.session import OnnxSession

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_models_core.types.packages import ModelPackage

_FATAL_ONLY = 4
_LEVELS = {
    "disable": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}


class OnnxBackend:
    """The factory of ONNX Runtime sessions."""

    def open_session(
        self,
        path: Path,
        *,
        device: Device = CPU,
        package: ModelPackage | None = None,
        options: Mapping[str, Any] | OnnxOptions | None = None,
    ) -> OnnxSession:
        """Opens an ONNX file.

        Args:
            path: The file.
            device: Where to compute.
            package: The package it belongs to, for the files that it may refer to.
            options: See :class:`~inference_models_onnx.options.OnnxOptions`.

        Returns:
            The session; it really computes on ``device``.

        Raises:
            InvalidRequestError: For options that do not exist or do not fit.
            PackageError: For a file that is missing, damaged or unsafe.
            CannotOpenHereError: If this runtime, version or provider cannot open it.
            DeviceMismatchError: If the runtime would not compute where it was asked to.
        """
        settings = parse_options(options)
        runtime = _runtime()
        path = Path(path)
        _check_contents(path, package, settings, runtime.__version__)
        providers = configured_providers(settings, device, path)
        _check_available(providers, runtime.get_available_providers(), device)
        session = _create(runtime, path, settings, providers)
        _check_used([name for name, _ in providers], session.get_providers(), device)
        return OnnxSession(session, device, path.name)


def _runtime() -> Any:
    try:
        return import_runtime()
    except (ImportError, OSError, AttributeError) as error:
        builds = installed_builds() or {"onnxruntime": ""}
        raise CannotOpenHereError(f"ONNX Runtime cannot be imported: {error}", hint=mending_line(builds)) from error


def _check_contents(path: Path, package: ModelPackage | None, settings: OnnxOptions, version: str) -> None:
    release = release_of(version)
    optional = release is None or release >= INSPECTION_OPTIONAL_FROM
    if not settings.inspect and not optional:
        least = ".".join(map(str, INSPECTION_OPTIONAL_FROM))
        raise InvalidRequestError(
            f"inspect=False needs ONNX Runtime {least} or newer, this is {version}",
            hint=upgrade_line(installed_builds(), least),
        )
    if settings.inspect:
        check_file(path, _declared_files(package), settings.custom_op_domains)
    elif not path.is_file():
        raise PackageFileMissingError(f"no such file: {path}")


def _declared_files(package: ModelPackage | None) -> frozenset[str] | None:
    """Files that a provider declared; a directory or file of the caller declares nothing."""
    if package is None or package.directory is not None or not package.artifacts:
        return None
    return frozenset(artifact.handle for artifact in package.artifacts)


def _check_available(providers: list[tuple[str, dict[str, Any]]], available: list[str], device: Device) -> None:
    absent = missing((name for name, _ in providers), available)
    if not providers or absent:
        raise DeviceMismatchError(
            f"this build of ONNX Runtime has no {' or '.join(absent) or f'provider for {device.kind!r}'}; "
            f"it has {', '.join(available)}",
            hint=gpu_line(installed_builds()) if device.kind == "cuda" else "",
        )
    if all(device_kind(name) != device.kind for name, _ in providers):
        raise DeviceMismatchError(
            f"none of the providers {', '.join(name for name, _ in providers)} computes on {device}",
            hint=f'pass device="{device_kind(providers[0][0])}", or name a provider for {device.kind!r}',
        )


def _create(runtime: Any, path: Path, settings: OnnxOptions, providers: list[tuple[str, dict[str, Any]]]) -> Any:
    prepare_libraries(runtime, [name for name, _ in providers])
    try:
        # The runtime's own fallback would print and silently compute elsewhere.
        return runtime.InferenceSession(
            str(path),
            sess_options=session_options(runtime, settings),
            providers=providers,
            enable_fallback=0,
        )
    except runtime_errors() as error:
        names = [name for name, _ in providers]
        raise explain_open_error(error, path.name, names, runtime.__version__) from error


def session_options(runtime: Any, settings: OnnxOptions) -> Any:
    """The runtime's ``SessionOptions`` for ours."""
    options = runtime.SessionOptions()
    options.log_severity_level = _FATAL_ONLY  # every error is raised; the runtime would print it as well
    options.add_session_config_entry("session.load_model_format", "ONNX")  # whatever the file is called
    _set(options, "intra_op_num_threads", settings.intra_op_threads)
    _set(options, "inter_op_num_threads", settings.inter_op_threads)
    _set(options, "enable_cpu_mem_arena", settings.memory_arena)
    _set(options, "enable_mem_pattern", settings.memory_pattern)
    if settings.graph_optimization is not None:
        level = getattr(runtime.GraphOptimizationLevel, _LEVELS[settings.graph_optimization])
        options.graph_optimization_level = level
    if settings.execution_mode is not None:
        options.execution_mode = getattr(runtime.ExecutionMode, f"ORT_{settings.execution_mode.upper()}")
    if settings.allow_spinning is not None:
        for pool in ("intra_op", "inter_op"):
            options.add_session_config_entry(f"session.{pool}.allow_spinning", str(int(settings.allow_spinning)))
    return options


def _set(options: Any, name: str, value: Any) -> None:
    if value is not None:
        setattr(options, name, value)


def _check_used(wanted: list[str], used: list[str], device: Device) -> None:
    """What the runtime lists as available is a claim; what the session uses is the truth."""
    unused = missing(wanted, used)
    if unused:
        raise DeviceMismatchError(
            f"asked for {', '.join(unused)} on {device}, but the session uses {', '.join(used)}",
            hint="the runtime could not load a library of the provider; for CUDA, "
            'pip install "onnxruntime-gpu[cuda,cudnn]" brings the libraries of the right versions',
        )
    debug("ONNX session on %s with %s", device, ", ".join(used))
