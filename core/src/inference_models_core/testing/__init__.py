"""The conformance kit: tests that plugin authors run against their own plugin, and a backend in pure Python.

Needs pytest: ``pip install "inference-models-core[testing]"``. A plugin's whole test file::

    from inference_models_core.testing import PluginConformance, TensorBackendConformance

    class TestPlugin(PluginConformance):
        plugin_name = "onnx"

    class TestBackend(TensorBackendConformance):
        backend_name = "onnx"

        def write_graph(self, path, batch):
            ...  # y = 2 * x + 1 in the backend's own format
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inference_models_core.testing.plugin import PluginConformance as PluginConformance
    from inference_models_core.testing.tensor_backend import TensorBackendConformance as TensorBackendConformance

__all__ = ["PluginConformance", "TensorBackendConformance"]

_MODULES = {
    "PluginConformance": "inference_models_core.testing.plugin",
    "TensorBackendConformance": "inference_models_core.testing.tensor_backend",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pytest

    # Before the module is imported: failing assertions in it then show both sides.
    pytest.register_assert_rewrite(_MODULES[name])
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
