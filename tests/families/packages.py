"""Folders and graphs for the entries of the table."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from families.table import Entry, Outputs


def valid_outputs(spec: Any, entry: Entry) -> list[np.ndarray]:
    """What a graph of the row gives, by a seed of its own."""
    return _drawn(f"{spec.architecture} {spec.task} {entry.variant}", entry.outputs)


def _drawn(name: str, outputs: Outputs) -> list[np.ndarray]:
    seed = zlib.crc32(name.encode())
    return [np.ascontiguousarray(output, np.float32) for output in outputs(np.random.default_rng(seed))]


def write_documents(folder: Path, spec: Any, entry: Entry, backend: str = "onnx") -> Path:
    """Everything of a package but its graphs."""
    config = {"model_architecture": spec.architecture, "task_type": spec.task, "backend_type": backend}
    size = {"height": entry.size, "width": entry.size}
    network = {
        "training_input_size": size,
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "stretch",
        "input_channels": 3,
        "scaling_factor": 255,
    }
    inference: dict[str, Any] = {"image_pre_processing": {}, "network_input": network, "forward_pass": {}}
    if entry.post_processing is not None:
        inference["post_processing"] = entry.post_processing
    features = dict.fromkeys(entry.features, True) or None
    documents = {"model_config.json": {**config, "model_features": features}, "inference_config.json": inference}
    for name, document in {**documents, **entry.documents}.items():
        (folder / name).write_text(json.dumps(document))
    if entry.names:
        (folder / "class_names.txt").write_text("\n".join(entry.names))
    return folder


def write_graphs(folder: Path, spec: Any, entry: Entry) -> Path:
    """Graphs whose outputs move the further, the brighter the picture is or the higher the tokens are."""
    outputs = valid_outputs(spec, entry)
    moved = (
        _drawn(f"{spec.task} moved", entry.moved) if entry.moved else [output * np.float32(0.2) for output in outputs]
    )
    inputs = entry.inputs or {"weights": ("float32", (3, entry.size, entry.size))}
    for graph, (dtype, shape) in inputs.items():
        _save(folder / f"{graph}.onnx", dtype, shape, list(zip(outputs, moved, strict=True)))
    return folder


def _save(path: Path, dtype: str, shape: tuple[int, ...], outputs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    node, info = helper.make_node, helper.make_tensor_value_info
    axes = list(range(1, len(shape) + 1))
    nodes = [
        node("Cast", ["x"], ["numbers"], to=TensorProto.FLOAT),
        node("ReduceMean", ["numbers"], ["mean"], axes=axes, keepdims=0),
        node("Tanh", ["mean"], ["bounded"]),
    ]
    constants, given = {}, []
    for index, (output, moved) in enumerate(outputs):
        name = f"output{index}"
        constants |= {f"{name}.still": output[None], f"{name}.moved": moved[None]}
        constants[f"{name}.shape"] = np.array([-1] + [1] * output.ndim, np.int64)
        nodes += [
            node("Reshape", ["bounded", f"{name}.shape"], [f"{name}.seen"]),
            node("Mul", [f"{name}.seen", f"{name}.moved"], [f"{name}.by"]),
            node("Add", [f"{name}.by", f"{name}.still"], [name]),
        ]
        given.append(info(name, TensorProto.FLOAT, ("batch", *output.shape)))
    tensors = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(nodes, "graph", [info("x", kind, ("batch", *shape))], given, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
