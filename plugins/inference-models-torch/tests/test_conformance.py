"""The conformance kit of core, run on this plugin."""

from __future__ import annotations

import pytest
from inference_models_core.testing import PluginConformance, TensorBackendConformance


class TestPlugin(PluginConformance):
    plugin_name = "torch"


@pytest.mark.filterwarnings("ignore:`torch.jit")
class TestTorchScript(TensorBackendConformance):
    backend_name = "torch-script"

    def write_graph(self, path, batch):
        torch = pytest.importorskip("torch")

        class Affine(torch.nn.Module):
            def forward(self, x):
                return 2 * (x if batch is None else x.reshape(batch, 3)) + 1

        torch.jit.trace(Affine(), torch.zeros(batch or 1, 3)).save(str(path))
