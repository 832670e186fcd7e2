"""Small ONNX graphs whose outputs we choose, and which still see the picture.

Each output is ``base + amplitude * tanh(features @ projection)``, where the features are the means of a 4 x 4 grid of
the input, per channel. So a base of ours says what there is to find, and how bright each part of the picture is moves
it by at most the amplitude: pictures differ in their answers, and pixels in the wrong place or order show.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 13, 8
_GRID = 4
_CHANNELS = 3


@attrs.frozen(kw_only=True)
class Output:
    """One output of a graph.

    Attributes:
        base: What it gives for a grey picture, without the batch axis.
        amplitude: How far the picture moves it, a number or an array like ``base``.
        fixed: Whether it is the base alone, without a batch axis (YOLACT's priors).
    """

    base: Any
    amplitude: Any = 0.0
    fixed: bool = False


def save(
    path: Path, size: tuple[int, int], outputs: Sequence[Output], *, batch: int | None = None, seed: int = 0
) -> None:
    """Writes a graph.

    Args:
        path: Where to.
        size: (height, width) of its input in pixels, multiples of 4.
        outputs: In order.
        batch: Of the input, for graphs that take no other; ``None`` for any.
        seed: Of the projections.
    """
    nodes, constants, values = _features(size)
    for index, output in enumerate(outputs):
        more = _nodes_of(output, f"output{index}", batch, np.random.default_rng([seed, index]))
        nodes += more[0]
        constants |= more[1]
        values.append(more[2])
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, (batch or "batch", _CHANNELS, *size))
    save_graph(path, nodes, [given], values, constants)


def save_graph(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, Any]) -> None:
    """Writes nodes and constants as a model of an opset that every runtime knows."""
    tensors = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _features(size: tuple[int, int]) -> tuple[list[Any], dict[str, Any], list[Any]]:
    cell = [size[0] // _GRID, size[1] // _GRID]
    pooled = helper.make_node("AveragePool", ["images"], ["pooled"], kernel_shape=cell, strides=cell)
    return [pooled, helper.make_node("Flatten", ["pooled"], ["features"])], {}, []


def _nodes_of(
    output: Output, name: str, batch: int | None, rng: np.random.Generator
) -> tuple[list[Any], dict[str, Any], Any]:
    base = np.asarray(output.base, np.float32)
    constants: dict[str, Any] = {f"{name}.base": base if output.fixed else base[None]}
    if output.fixed:
        value = helper.make_tensor_value_info(name, TensorProto.FLOAT, base.shape)
        return [helper.make_node("Identity", [f"{name}.base"], [name])], constants, value
    width = _CHANNELS * _GRID * _GRID
    constants |= {
        f"{name}.projection": (rng.normal(size=(width, base.size)) / np.sqrt(width)).astype(np.float32) * 2,
        f"{name}.amplitude": np.broadcast_to(np.asarray(output.amplitude, np.float32), base.shape)[None],
        f"{name}.shape": np.array([-1, *base.shape], np.int64),
    }
    nodes = [
        helper.make_node("MatMul", ["features", f"{name}.projection"], [f"{name}.seen"]),
        helper.make_node("Tanh", [f"{name}.seen"], [f"{name}.bounded"]),
        helper.make_node("Reshape", [f"{name}.bounded", f"{name}.shape"], [f"{name}.shaped"]),
        helper.make_node("Mul", [f"{name}.shaped", f"{name}.amplitude"], [f"{name}.moved"]),
        helper.make_node("Add", [f"{name}.moved", f"{name}.base"], [name]),
    ]
    value = helper.make_tensor_value_info(name, TensorProto.FLOAT, (batch or "batch", *base.shape))
    return nodes, constants, value
