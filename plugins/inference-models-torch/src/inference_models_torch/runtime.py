"""PyTorch itself: its import, its devices, its settings. The only module that brings it into the process."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from inference_models_core.errors import CannotOpenHereError, DeviceMismatchError
from inference_models_core.log import logger
from inference_models_core.types.devices import Device

from inference_models_torch.builds import CHOOSE_BUILD, INSTALL, INSTALL_TORCHVISION, OLDEST_RUNTIME, UPGRADE, is_older

if TYPE_CHECKING:
    from collections.abc import Iterable


def import_runtime() -> Any:
    """Imports PyTorch.

    Raises:
        CannotOpenHereError: If it is not there, broken, or older than what is safe to open files with.
    """
    try:
        runtime = importlib.import_module("torch")
        version = str(runtime.__version__)
    except (ImportError, OSError, AttributeError) as error:
        raise CannotOpenHereError(f"PyTorch cannot be imported: {error}", hint=INSTALL) from error
    if is_older(version, OLDEST_RUNTIME):
        raise CannotOpenHereError(
            f"PyTorch {version} is older than {OLDEST_RUNTIME}: files can make it run code or corrupt memory "
            "(CVE-2025-32434, CVE-2026-24747)",
            hint=UPGRADE,
        )
    return runtime


def import_libraries(libraries: Iterable[str], name: str) -> None:
    """Imports the libraries whose operators a graph calls, and no others.

    Args:
        libraries: As the code of the graph names them.
        name: The file's name, for errors.

    Raises:
        CannotOpenHereError: If torchvision is needed and cannot be imported. Operators of libraries that are not known
            here have to be registered by the host application; if they are not, opening the file fails.
    """
    if "torchvision" not in libraries:
        return
    try:
        importlib.import_module("torchvision")
    except (ImportError, OSError, RuntimeError) as error:  # a build that does not fit PyTorch raises RuntimeError
        raise CannotOpenHereError(
            f"{name} uses operators of torchvision, which cannot be imported: {error}",
            hint=INSTALL_TORCHVISION,
        ) from error


def check_device(runtime: Any, device: Device) -> Any:
    """PyTorch's own device for ours, where it is really there.

    Args:
        runtime: The module ``torch``.
        device: Where to compute.

    Returns:
        A ``torch.device``, with its number where there are several of a kind.

    Raises:
        DeviceMismatchError: If this PyTorch cannot use it on this machine.
    """
    if device.kind == "cpu":
        return runtime.device("cpu")
    if device.kind == "mps":
        if not runtime.backends.mps.is_available():
            raise DeviceMismatchError("this PyTorch cannot use a GPU of Apple here", hint='pass device="cpu"')
        return runtime.device("mps")
    if device.kind != "cuda":
        raise DeviceMismatchError(f"PyTorch computes on cpu, cuda and mps here, not on {device}")
    count = runtime.cuda.device_count() if runtime.cuda.is_available() else 0
    index = device.index or 0
    if index >= count:
        build = f"PyTorch {runtime.__version__}"
        raise DeviceMismatchError(
            f"{build} finds {count} GPUs, {device} was asked for",
            hint=f'pass device="cpu", or {CHOOSE_BUILD}' if not count else f'pass device="cuda:{count - 1}"',
        )
    return runtime.device("cuda", index)


def set_threads(runtime: Any, count: int | None) -> None:
    """Changes the process's number of threads inside operators, if the caller asked for it; says so."""
    if count is None or count == runtime.get_num_threads():
        return
    logger().info("PyTorch now uses %d threads inside operators, in the whole process", count)
    runtime.set_num_threads(count)


def used_device(device: Any) -> Device:
    """Our device for PyTorch's own."""
    return Device(device.type, device.index if device.type == "cuda" else None)
