"""The weights of a package, from a format that cannot do more than hold numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference_models_core.errors import PackageError, PackageFileMissingError

from inference_models_torch.archive import with_archive
from inference_models_torch.eager.safetensors_file import read_safetensors
from inference_models_torch.runtime_errors import RUNTIME_ERRORS, explain_open_error, short
from inference_models_torch.torchscript_file import read_storages

if TYPE_CHECKING:
    from pathlib import Path

    from inference_models_torch.archive import Archive

FILE_NAMES = ("weights.safetensors", "weights.pt", "weights.pth")
"""Files that hold weights, best first: of the first one nothing but numbers can come."""

_STRUCTURE = "data.pkl"


def load_weights(runtime: Any, package_dir: Path) -> dict[str, Any]:
    """Loads the weights of a package into the memory of the CPU.

    Args:
        runtime: The module ``torch``.
        package_dir: The package's files.

    Returns:
        Name -> tensor.

    Raises:
        PackageFileMissingError: If there are none.
        PackageError: If the file is damaged or holds something else than named tensors.
        UnsafeModelFileError: If it has what PyTorch does not write.
    """
    for name in FILE_NAMES:
        path = package_dir / name
        if path.is_file():
            return _from_safetensors(runtime, path) if path.suffix == ".safetensors" else _from_archive(runtime, path)
    raise PackageFileMissingError(f"{package_dir.name} has none of {', '.join(FILE_NAMES)}")


def _from_safetensors(runtime: Any, path: Path) -> dict[str, Any]:
    tensors, content = read_safetensors(path)
    loaded = {}
    for tensor in tensors:
        dtype = getattr(runtime, tensor.dtype)
        count = (tensor.end - tensor.start) // dtype.itemsize
        flat = runtime.frombuffer(content, dtype=dtype, count=count, offset=tensor.start) if count else runtime.empty(0)
        loaded[tensor.name] = flat.to(dtype).reshape(tensor.shape)
    return loaded


def _from_archive(runtime: Any, path: Path) -> dict[str, Any]:
    with_archive(path, _check)
    try:
        loaded = runtime.load(str(path), map_location="cpu", weights_only=True)
    except RUNTIME_ERRORS as error:
        raise explain_open_error(error, path.name, runtime.__version__) from error
    return named_tensors(runtime, loaded, path.name)


def _check(archive: Archive) -> None:
    archive.check_contents()
    list(read_storages(archive, _STRUCTURE, classes=False))


def named_tensors(runtime: Any, loaded: Any, name: str) -> dict[str, Any]:
    """What was saved, if it is named tensors; those of training scripts stand under ``"state_dict"``.

    Raises:
        PackageError: If it is something else.
    """
    inner = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else loaded
    plain = isinstance(inner, dict) and all(
        isinstance(key, str) and isinstance(value, runtime.Tensor) for key, value in inner.items()
    )
    if not plain or not inner:
        raise PackageError(f"{name} does not hold named tensors", hint="save model.state_dict() and nothing else")
    return dict(inner)


def fill(network: Any, weights: dict[str, Any], name: str) -> None:
    """Puts weights into a network; each has its place, and no place is left empty.

    Raises:
        PackageError: If they are of another network.
    """
    try:
        network.load_state_dict(weights, strict=True)
    except RUNTIME_ERRORS as error:
        raise PackageError(
            f"the weights of {name} are not of this network: {short(error)}",
            hint="model_initialization in inference_config.json names the network and the number of classes",
        ) from error
