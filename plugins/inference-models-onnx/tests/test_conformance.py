"""The conformance kit of core, run on this plugin."""

from __future__ import annotations

import numpy as np
from inference_models_core.testing import PluginConformance, TensorBackendConformance
from onnx import TensorProto, helper, numpy_helper


class TestPlugin(PluginConformance):
    plugin_name = "onnx"


class TestBackend(TensorBackendConformance):
    backend_name = "onnx"

    def write_graph(self, path, batch):
        shape = ["n" if batch is None else batch, 3]
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy")
        nodes = [helper.make_node("Mul", ["x", "two"], ["z"]), helper.make_node("Add", ["z", "one"], ["y"])]
        numbers = [numpy_helper.from_array(np.float32(n), name) for n, name in ((2, "two"), (1, "one"))]
        graph = helper.make_graph(nodes, "graph", [x], [y], numbers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        path.write_bytes(model.SerializeToString())
