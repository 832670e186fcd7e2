"""What the plugin may import before a model is loaded, and what object detection may never import."""

import subprocess
import sys

HEAVY = ("numpy", "cv2", "requests", "PIL", "torch", "onnxruntime", "array_api_compat")


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_hooks_import_nothing_heavy():
    code = (
        "import sys, inference_models_vision.plugin as plugin\n"
        "rows = tuple(plugin.register_models()); checks = list(plugin.register_health_checks())\n"
        "assert rows and checks\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert run(code) == "[]"


def test_detection_imports_only_numpy_and_opencv():
    code = (
        "import sys, inference_models_vision.families.yolo.object_detection\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert run(code) == "['numpy', 'cv2']"


def test_rows_lead_to_classes():
    from inference_models_vision.catalog import MODELS

    for row in MODELS:
        assert row.backend is None
        assert row.implementation.load().task == row.task
