"""Model classes that a package brings itself; imported only when the caller allowed it by name."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

from inference_models_core.errors import PackageError, PackageFileMissingError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from inference_models_core.types.packages import LocalCode


def load_local_class(directory: Path, code: LocalCode) -> Any:
    """Imports a package's own module and returns its model class.

    ``sys.path`` is not touched, so the package's files cannot shadow anybody's modules. The module gets a name of its
    own, made from its path, under which pickling and dataclasses find it.

    Args:
        directory: The package.
        code: Module file and class name; the file must lie in the directory itself.

    Returns:
        The class.

    Raises:
        PackageFileMissingError: If the module file is not there.
        PackageError: If it lies elsewhere, fails to import, or has no such class.
    """
    module = _import_file(_confined(directory, code.module))
    found = getattr(module, code.class_name, None)
    if not hasattr(found, "from_pretrained"):
        raise PackageError(f"{code.module} has no class {code.class_name!r} with from_pretrained")
    return found


def _confined(directory: Path, name: str) -> Path:
    root = directory.resolve()
    file = (root / name).resolve()
    if file.parent != root or file.suffix != ".py":
        raise PackageError(f"model_module must name a Python file in the package's own folder, not {name!r}")
    if not file.is_file():
        raise PackageFileMissingError(f"the package's module {name} is missing in {directory}")
    return file


def _import_file(file: Path) -> ModuleType:
    digest = hashlib.sha256(str(file).encode()).hexdigest()[:16]
    name = f"inference_models_local_code_{digest}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PackageError(f"{file.name} is not a module that can be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
