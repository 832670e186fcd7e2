"""Packages that would run code if anybody let them: what their files do is create a file."""
# ruff: noqa: E501 -- a table: one package, one line

from __future__ import annotations

import base64
import io
import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto, helper


class Payload:
    """Unpickling this creates a file."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"open({str(self.sentinel)!r}, 'w').close()",)


class Hostile(NamedTuple):
    """One package.

    Attributes:
        name: Of its folder.
        config: ``model_config.json``.
        files: Name -> content.
        backend: Of its manifest, where it is served.
    """

    name: str
    config: Mapping[str, Any]
    files: Mapping[str, bytes]
    backend: str


def source(sentinel: Path) -> bytes:
    """A module that creates a file when it is imported."""
    return f"open({str(sentinel)!r}, 'w').close()\n".encode()


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _npy(sentinel: Path) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Payload(sentinel)], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def _graph(operator: str = "Identity", domain: str = "", **attributes: Any) -> bytes:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 64, 64]) for name in ("images", "output0")]
    node = helper.make_node(operator, ["images"], ["output0"], domain=domain, **attributes)
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    model = helper.make_model(helper.make_graph([node], "g", values[:1], values[1:]), opset_imports=opsets)
    model.ir_version = 8
    return model.SerializeToString()


def _external(location: str) -> bytes:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in ("images", "output0")]
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value=location)
    node = helper.make_node("Add", ["images", "w"], ["output0"])
    model = helper.make_model(helper.make_graph([node], "g", values[:1], values[1:], [weights]))
    model.ir_version = 8
    return model.SerializeToString()


SELF_CONTAINED = _graph()
"""A graph that does nothing; what is beside it is the attack."""


def hostile_packages(sentinel: Path) -> list[Hostile]:
    """All of them; each would create the sentinel in its own way."""
    pickled, code = pickle.dumps(Payload(sentinel)), source(sentinel)
    base = {"model_architecture": "yolov8", "task_type": "object-detection"}
    script = _zip({"archive/data.pkl": pickled, "archive/code/__torch__.py": code, "archive/version": b"3"})
    eager = _zip({"archive/data.pkl": pickled, "archive/byteorder": b"little", "archive/version": b"3"})

    def made(name: str, backend: str, files: Mapping[str, bytes], **config: Any) -> Hostile:
        return Hostile(name, {**base, "backend_type": backend, **config}, files, backend)

    def beside(name: str, files: Mapping[str, bytes], **config: Any) -> Hostile:
        return made(name, "onnx", {"weights.onnx": SELF_CONTAINED, **files}, **config)

    hugging = {"weights.safetensors": b"\x02\0\0\0\0\0\0\0{}"}
    nested = {"text_config": {"vision_config": {"trust_remote_code": True}}}
    own = {"model_module": "model.py", "model_class": "Mine"}
    return [
        made("pickle-pt", "torch", {"weights.pt": pickled}),
        made("pickle-pth", "torch", {"weights.pth": pickled}),
        made("pickle-pt-zip", "torch", {"weights.pt": eager}),
        made("pickle-pkl", "torch", {"weights.pkl": pickled}),
        made("pickle-bin", "hugging-face", {"pytorch_model.bin": eager}),
        made("torch-script", "torch-script", {"weights.torchscript": script}),
        made("tensorrt", "trt", {"engine.plan": b"ftrt" + pickled}),
        made("tensorrt-lean", "trt", {"engine.plan": b"ftrt" + code, "libnvinfer_lean.so": b"\x7fELF"}),
        made("auto-map", "hugging-face", {**hugging, "config.json": _json(auto_map={"AutoModel": "evil.Model"}), "evil.py": code}),
        made("attention-of-a-repository", "hugging-face", {**hugging, "config.json": _json(_attn_implementation="evil/kernel")}),
        made("nested-trust-remote-code", "hugging-face", {**hugging, "config.json": _json(**nested)}),
        made("tokenizer-with-code", "hugging-face", {**hugging, "tokenizer_config.json": _json(auto_map={"AutoTokenizer": ["t.T", None]}), "t.py": code}),
        made("media-pipe-bundle", "mediapipe", {"model.task": _zip({"model.tflite": pickled, "sitecustomize.py": code})}),
        made("a-backend-of-its-own", "evil-backend", {"evil_backend.py": code, "weights.evil": pickled}),
        made("python-in-the-name", "evil.backend:Backend", {"backend.py": code}),
        made("engine-in-a-node", "onnx", {"weights.onnx": _graph("EPContext", "com.microsoft", ep_cache_context=str(sentinel), embed_mode=0)}),
        made("python-operator", "onnx", {"weights.onnx": _graph("PyOp", "ai.onnx.contrib", func="exec")}),
        made("custom-domain", "onnx", {"weights.onnx": _graph("Evil", "evil.domain"), "custom_ops.so": b"\x7fELF"}),
        made("external-data-above", "onnx", {"weights.onnx": _external("../../../../../../etc/passwd")}),
        made("external-data-absolute", "onnx", {"weights.onnx": _external("/etc/passwd")}),
        beside("pickled-array", {"class_names.npy": _npy(sentinel)}),
        beside("pickled-archive", {"arrays.npz": _zip({"a.npy": _npy(sentinel)})}),
        beside("joblib", {"preprocessor.joblib": pickled}),
        beside("yaml", {"config.yaml": f"!!python/object/apply:os.system ['touch {sentinel}']".encode()}),
        beside("site-file", {"evil.pth": b"import os; " + code}),
        beside("site-customize", {"sitecustomize.py": code, "usercustomize.py": code}),
        beside("a-package-of-python", {"__init__.py": code, "__main__.py": code, "conftest.py": code}),
        beside("modules-of-everybody", dict.fromkeys(("numpy.py", "onnxruntime.py", "json.py", "plugin.py"), code)),
        beside("entry-points", {"evil-1.0.dist-info/entry_points.txt": b"[inference_models.plugins]\nevil = evil\n", "evil.py": code}),
        Hostile("own-code", {**own, "model_class": "Mine"}, {"model.py": code}, "custom"),
        Hostile("own-code-outside", {**own, "model_module": "../outside.py"}, {"model.py": code}, "custom"),
        Hostile("own-code-of-a-backend", {**base, **own, "backend_type": "onnx"}, {"model.py": code, "weights.onnx": SELF_CONTAINED}, "onnx"),
    ]  # fmt: skip


def _json(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def write(folder: Path, package: Hostile) -> Path:
    """Writes a package as a user would have it on the disk."""
    at = folder / package.name
    for name, content in package.files.items():
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        (at / name).write_bytes(content)
    (at / "model_config.json").write_text(json.dumps(package.config))
    return at


def to_json(package: Hostile) -> dict[str, Any]:
    """The package as plain text, for another process."""
    files = {name: base64.b64encode(content).decode() for name, content in package.files.items()}
    return {**package._asdict(), "files": files}
