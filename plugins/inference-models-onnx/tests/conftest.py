"""Small ONNX graphs, built with the ``onnx`` package that the plugin itself never imports."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from inference_models_core.types.backends import BackendReport
from inference_models_core.types.devices import CPU
from inference_models_core.types.packages import ModelPackage
from inference_models_core.types.references import ModelRef
from inference_models_core.types.requests import LoadOptions, LoadRequest
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8  # both old enough for every runtime that the plugin drives


def value(name, shape=("n", 3), dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def model(nodes, inputs, outputs, initializers=(), *, opset=OPSET, ir_version=IR_VERSION, domains=(), **fields):
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), list(initializers))
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    made = helper.make_model(graph, opset_imports=imports, producer_name="tests", producer_version="1", **fields)
    made.ir_version = ir_version
    return made


def affine(batch="n", dtype=TensorProto.FLOAT, **fields):
    """``y = 2 * x + 1``, shape (batch, 3)."""
    numpy_dtype = helper.tensor_dtype_to_np_dtype(dtype)
    nodes = [helper.make_node("Mul", ["x", "two"], ["doubled"]), helper.make_node("Add", ["doubled", "one"], ["y"])]
    constants = [
        numpy_helper.from_array(np.full(3, number, numpy_dtype), name) for name, number in (("two", 2), ("one", 1))
    ]
    return model(nodes, [value("x", (batch, 3), dtype)], [value("y", (batch, 3), dtype)], constants, **fields)


def convolution(batch=1, size=(64, 48), classes=4, metadata=None):
    """A graph that looks like a detector: images -> (batch, 4 + classes, anchors)."""
    rng = np.random.default_rng(0)
    height, width = size
    weights = numpy_helper.from_array(rng.normal(size=(4 + classes, 3, 8, 8)).astype(np.float32), "conv.weight")
    shape = numpy_helper.from_array(np.array([0, 4 + classes, -1]), "shape")
    nodes = [
        helper.make_node("Conv", ["images", "conv.weight"], ["features"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Reshape", ["features", "shape"], ["output0"]),
    ]
    anchors = (height // 8) * (width // 8) if isinstance(height, int) and isinstance(width, int) else "anchors"
    made = model(
        nodes,
        [value("images", (batch, 3, height, width))],
        [value("output0", (batch, 4 + classes, anchors))],
        [weights, shape],
    )
    helper.set_model_props(made, metadata or {})
    return made


def external(location="weights.bin", **entries):
    """``y = x + w`` where the bytes of ``w`` lie in another file; entries as the file states them."""
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    for key, text in {"location": location, **entries}.items():
        weights.external_data.add(key=key, value=text)
    return model([helper.make_node("Add", ["x", "w"], ["y"])], [value("x")], [value("y")], [weights])


def nested(depth, leaf=None):
    """``depth`` If nodes inside each other; libraries stop at about 30."""
    body = [leaf or helper.make_node("Identity", ["x"], ["y"])]
    for level in range(depth):
        branch = helper.make_graph(body, f"branch{level}", [], [value("y")])
        body = [helper.make_node("If", ["condition"], ["y"], then_branch=branch)]
    return model(body, [value("x"), value("condition", (), TensorProto.BOOL)], [value("y")])


def varint(number):
    """A number as the wire format writes it."""
    number &= (1 << 64) - 1
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def field(number, payload):
    """A field of the wire format: bytes are a message or text, a number is a varint."""
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    return varint(number << 3 | 2) + varint(len(payload)) + payload


@pytest.fixture(scope="session")
def graphs():
    """The builders above."""
    return SimpleNamespace(
        value=value,
        model=model,
        affine=affine,
        convolution=convolution,
        external=external,
        nested=nested,
        field=field,
        varint=varint,
    )


@pytest.fixture
def save(tmp_path):
    """Writes a model (or bytes) and gives its path."""

    def write(made, name="weights.onnx"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
        return path

    return write


def request(device=None, **onnx_options):
    options = LoadOptions(backend_options={"onnx": onnx_options} if onnx_options else {})
    reference = ModelRef(text="some/model", model_id="some/model")
    return LoadRequest(ref=reference, options=options, **({} if device is None else {"device": device}))


def report(version="1.24.4", providers="CPUExecutionProvider", devices=(CPU,)):
    return BackendReport(
        backend="onnx",
        availability="available",
        version=version,
        devices=devices,
        capabilities={"providers": providers},
    )


def package(requirements=None, **fields):
    return ModelPackage(package_id="p", backend="onnx", requirements=requirements, **fields)


@pytest.fixture(scope="session")
def values():
    """Builders of core's values."""
    return SimpleNamespace(request=request, report=report, package=package)
