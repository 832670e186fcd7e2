"""Core's conformance kit on this plugin."""

from __future__ import annotations

from inference_models_core.testing import PluginConformance


class TestPlugin(PluginConformance):
    plugin_name = "roboflow"
