"""Archives as PyTorch writes them, put together by hand, so that most tests need no PyTorch."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from types import SimpleNamespace

import pytest
from inference_models_core.types.backends import BackendReport
from inference_models_core.types.devices import CPU
from inference_models_core.types.packages import ModelPackage
from inference_models_core.types.references import ModelRef
from inference_models_core.types.requests import LoadOptions, LoadRequest

EXPORT = {
    "description": "Ultralytics YOLOv8n model trained on coco.yaml",
    "author": "Ultralytics",
    "version": "8.3.40",
    "task": "detect",
    "stride": 32,
    "batch": 1,
    "imgsz": [64, 64],
    "names": {"0": "cat", "1": "dog"},
    "args": {"dynamic": False},
}
CODE = b"class M(Module):\n  def forward(self: __torch__.M,\n    x: Tensor) -> Tensor:\n    return torch.mul(x, 2)\n"


def text(value):
    """The operation that puts a text onto the stack."""
    content = value.encode()
    return b"X" + struct.pack("<I", len(content)) + content


def number(value):
    return b"J" + struct.pack("<i", value)


def name(value):
    """A function or class, ``"module name"``."""
    return b"c" + value.replace(" ", "\n").encode() + b"\n"


def storage(kind="FloatStorage", key="0", count=3):
    fields = text("storage"), name(f"torch {kind}"), text(key), text("cpu"), number(count)
    return b"(" + b"".join(fields) + b"tQ"


def tensor(**fields):
    """A call that makes a tensor of a storage."""
    rest = (
        number(0)
        + b"("
        + number(3)
        + b"t"
        + b"("
        + number(1)
        + b"t"
        + b"\x89"
        + name("collections OrderedDict")
        + b")R"
    )
    return name("torch._utils _rebuild_tensor_v2") + b"(" + storage(**fields) + rest + b"tR"


def module(*tensors):
    """The pickle of a module with these tensors."""
    items = b"".join(text(f"t{i}") + content for i, content in enumerate(tensors))
    return b"\x80\x02" + name("__torch__ M") + b")\x81}(" + items + b"ub."


def parts(changes=None):
    """Entries of a small archive of three numbers; ``None`` leaves one out."""
    entries = {
        "data.pkl": module(tensor()),
        "constants.pkl": b"\x80\x02).",
        "code/__torch__.py": CODE,
        "data/0": struct.pack("<3f", 1, 2, 3),
        "version": b"3\n",
        "byteorder": b"little",
        ".data/serialization_id": b"0" * 40,
    }
    return {key: value for key, value in {**entries, **(changes or {})}.items() if value is not None}


def archive(entries=None, folder="weights", method=zipfile.ZIP_STORED):
    """The bytes of an archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        for entry, content in (parts() if entries is None else entries).items():
            made.writestr(f"{folder}/{entry}" if folder else entry, content)
    return buffer.getvalue()


def with_config(config, changes=None):
    return archive({**parts(changes), "extra/config.txt": json.dumps(config).encode()})


@pytest.fixture(scope="session")
def archives():
    """The builders above."""
    return SimpleNamespace(
        text=text, number=number, name=name, storage=storage, tensor=tensor, module=module, parts=parts, build=archive,
        with_config=with_config, export=EXPORT, code=CODE,
    )  # fmt: skip


@pytest.fixture
def save(tmp_path):
    """Writes bytes and gives their path."""

    def write(content, name="weights.torchscript"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def request(device=None, **torch_options):
    options = LoadOptions(backend_options={"torch-script": torch_options} if torch_options else {})
    reference = ModelRef(text="some/model", model_id="some/model")
    return LoadRequest(ref=reference, options=options, **({} if device is None else {"device": device}))


def report(version="2.13.0+cpu", torchvision="", devices=(CPU,)):
    return BackendReport(
        backend="torch-script",
        availability="available",
        version=version,
        devices=devices,
        capabilities={"torchvision": torchvision},
    )


def package(requirements=None, **fields):
    return ModelPackage(package_id="p", backend="torch-script", requirements=requirements, **fields)


@pytest.fixture(scope="session")
def values():
    """Builders of core's values."""
    return SimpleNamespace(request=request, report=report, package=package)
