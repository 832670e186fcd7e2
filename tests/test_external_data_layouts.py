"""Packages lie in the cache as every ONNX Runtime opens them, and `onnx.load`; `nox -s layouts` tries old ones."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from inference_models_core.store import files
from inference_models_core.store.store import Store, StoredFile, StoredPackage
from inference_models_core.types.packages import Artifact, ModelPackage
from inference_models_onnx.backend import OnnxBackend
from inference_models_onnx.layout import links_allowed
from onnx import TensorProto, helper, numpy_helper

SIZE = 40_000  # as float32 more than the bytes from which on the store makes links
WEIGHTS = np.arange(SIZE, dtype=np.float32)


def graph(location: str | None) -> bytes:
    """``y = x + w`` with the weights inside, or in another file."""
    weights = numpy_helper.from_array(WEIGHTS, "w")
    if location is not None:
        weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[SIZE], data_location=TensorProto.EXTERNAL)
        weights.external_data.add(key="location", value=location)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [SIZE]) for name in ("x", "y")]
    node = helper.make_node("Add", ["x", "w"], ["y"])
    made = helper.make_model(
        helper.make_graph([node], "g", values[:1], values[1:], [weights]), opset_imports=[helper.make_opsetid("", 17)]
    )
    made.ir_version = 8
    return made.SerializeToString()


PACKAGES = {
    "one file": {"weights.onnx": graph(None)},
    "data beside it": {"weights.onnx": graph("weights.onnx_data"), "weights.onnx_data": WEIGHTS.tobytes()},
    "data below it": {"weights.onnx": graph("data/w.bin"), "data/w.bin": WEIGHTS.tobytes()},
}


@pytest.fixture
def place(tmp_path):
    """Puts files into a cache and makes the package's folder, as a download does."""

    def place_(contents: dict[str, bytes], *, links: bool):
        store = Store.open(tmp_path / "cache")
        stored = []
        for handle, content in contents.items():
            sha256 = hashlib.sha256(content).hexdigest()
            part = store.part_folder(sha256) / "x.part"
            part.write_bytes(content)
            store.publish(part, None, sha256, len(content))
            stored.append(StoredFile(handle=handle, sha256=sha256, size=len(content)))
        package = StoredPackage(
            provider="p", model_id="m", package_id=f"{links}", files=tuple(stored), config={}, links=links
        )
        return store.place_package(package)

    return place_


def opens(folder: Path, contents: dict[str, bytes]) -> None:
    """With the runtime itself, with our backend, and with the tools of ONNX."""
    path, x = folder / "weights.onnx", np.ones(SIZE, np.float32)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(session.run(None, {"x": x})[0], WEIGHTS + 1)
    artifacts = [Artifact(handle=handle, urls=()) for handle in contents]
    package = ModelPackage(package_id="p", backend="onnx", artifacts=artifacts)
    ours = OnnxBackend().open_session(path, package=package)
    np.testing.assert_array_equal(ours.run({"x": x})[0], WEIGHTS + 1)
    loaded = onnx.load(path)
    np.testing.assert_array_equal(numpy_helper.to_array(loaded.graph.initializer[0]), WEIGHTS)


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize("reflinks", [True, False])
def test_as_we_place_it(place, monkeypatch, name, reflinks):
    """Blocks are shared where the file system can; where it cannot, one file is a link and external data a copy."""
    if not reflinks:
        monkeypatch.setattr(files, "reflink", _refuse)
    contents = PACKAGES[name]
    with_links = links_allowed(contents)
    lease = place(contents, links=with_links)
    opens(lease.directory, contents)
    names = [(lease.directory / handle).stat().st_nlink for handle in contents]
    if with_links and not reflinks:
        assert names == [2]
    if not with_links:
        assert set(names) == {1}
    assert not any((lease.directory / handle).is_symlink() for handle in contents)
    lease.close()


def _refuse(*_: int) -> None:
    raise OSError(95, os.strerror(95))


def test_the_runtime_opens_links_too(place, monkeypatch):
    """What a package would be if nobody asked: good enough for the runtime, though not for `onnx.load`."""
    monkeypatch.setattr(files, "reflink", _refuse)
    lease = place(PACKAGES["data beside it"], links=True)
    assert (lease.directory / "weights.onnx_data").stat().st_nlink == 2
    session = onnxruntime.InferenceSession(str(lease.directory / "weights.onnx"), providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(session.run(None, {"x": WEIGHTS})[0], WEIGHTS * 2)
    lease.close()
