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

from typing import TYPE_CHECKING, Any

from inference_models_core.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from inference_models_core.testing.plugin import PluginConformance as PluginConformance
    from inference_models_core.testing.tensor_backend import TensorBackendConformance as TensorBackendConformance

__all__ = ["PluginConformance", "TensorBackendConformance"]

_get_attribute, __dir__ = lazy_exports(
    __name__, {"plugin": ("PluginConformance",), "tensor_backend": ("TensorBackendConformance",)}
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        import pytest

        # Before the modules are imported: failing assertions in them then show both sides.
        pytest.register_assert_rewrite(f"{__name__}.plugin", f"{__name__}.tensor_backend")
    return _get_attribute(name)
