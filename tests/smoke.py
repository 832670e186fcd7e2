"""What `nox -s wheels` runs in an environment that has nothing but our wheels: they are complete and they predict."""

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys
import sysconfig
from pathlib import Path

DISTRIBUTIONS = (
    "inference-models-core",
    "inference-models-vision",
    "inference-models-onnx",
    "inference-models-provider-samples",
    "inference-models-provider-roboflow",
)


def check_contents(name: str) -> None:
    """A wheel with its type marker and licence expression, imported from the environment and not from a checkout."""
    module = importlib.import_module(name.replace("-", "_"))
    installed = Path(sysconfig.get_path("purelib")).resolve()
    assert Path(str(module.__file__)).resolve().is_relative_to(installed), module.__file__
    files = {str(path) for path in importlib.metadata.files(name) or ()}
    assert f"{module.__name__}/py.typed" in files, "no py.typed"
    assert not any(path.startswith(("tests/", "training/")) for path in files), "tests in the wheel"
    metadata = importlib.metadata.metadata(name)
    assert metadata["License-Expression"] == "Apache-2.0", metadata["License-Expression"]
    assert metadata["Requires-Python"] == ">=3.10", metadata["Requires-Python"]
    assert metadata.get_payload(), "the description is empty"


def predict() -> int:
    """Number of objects that the sample detector finds in its pictures."""
    from inference_models_core import AutoModel
    from inference_models_provider_samples.provider import PICTURES

    with AutoModel.from_pretrained("samples/shapes-detector") as model:
        results = model(sorted(PICTURES.iterdir()))
        print(model.resolution)
    assert all(len(result) for result in results), "a sample picture in which nothing was found"
    return sum(len(result) for result in results)


def main() -> None:
    for name in DISTRIBUTIONS:
        check_contents(name)
    print(f"{predict()} objects in the sample pictures", flush=True)
    subprocess.run([sys.executable, "-I", "-m", "inference_models_core", "plugins", "list"], check=True)


if __name__ == "__main__":
    main()
