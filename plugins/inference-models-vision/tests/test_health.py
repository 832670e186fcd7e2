import pytest
from inference_models_core.types.health import Verdict
from inference_models_vision.health import check_ocr_packages, check_opencv_builds, judge, judge_ocr


@pytest.mark.parametrize(
    ("builds", "cv2_found", "verdict", "fix"),
    [
        (["opencv-python-headless"], True, Verdict.OK, ""),
        ([], True, Verdict.OK, ""),
        ([], False, Verdict.FAILED, 'pip install "inference-models-vision[opencv]"'),
        (["opencv-python"], False, Verdict.FAILED, "pip install --force-reinstall --no-deps opencv-python"),
        (
            ["opencv-python-headless", "opencv-python"],
            True,
            Verdict.WARNING,
            "pip uninstall -y opencv-python-headless opencv-python && pip install opencv-python-headless",
        ),
    ],
)
def test_verdicts(builds, cv2_found, verdict, fix):
    result = judge(builds, cv2_found=cv2_found)
    assert (result.verdict, result.fix) == (verdict, fix)
    assert result.message


def test_this_environment_has_opencv():
    assert check_opencv_builds().verdict is not Verdict.FAILED


def test_missing_opencv_names_the_command(tmp_path):
    import subprocess
    import sys

    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1 is missing')")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from inference_models_core.errors import MissingDependencyError\n"
        "from inference_models_vision.catalog import MODELS\n"
        "try:\n    MODELS[0].implementation.load()\n"
        "except MissingDependencyError as error:\n    print(error)"
    )
    shown = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "libGL.so.1 is missing" in shown.stdout
    assert 'pip install "inference-models-vision[opencv]"' in shown.stdout


def test_reading_text_is_optional_and_the_doctor_says_what_it_needs():
    missing = judge_ocr(["pyclipper", "PyYAML"])
    assert (missing.verdict, missing.fix) == (Verdict.OK, 'pip install "inference-models-vision[ocr]"')
    assert "pyclipper and PyYAML" in missing.message
    assert judge_ocr([]).fix == ""


def test_what_is_missing_here_is_found_out():
    pytest.importorskip("pyclipper")
    pytest.importorskip("yaml")
    assert check_ocr_packages().fix == ""


@pytest.mark.parametrize("module", ["pyclipper", "yaml"])
def test_missing_ocr_packages_name_the_command(tmp_path, module):
    import subprocess
    import sys

    (tmp_path / f"{module}.py").write_text("raise ImportError('not here')")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from inference_models_core.errors import MissingDependencyError\n"
        "from inference_models_vision.catalog import MODELS\n"
        "rows = [row for row in MODELS if row.architecture.startswith('pp-ocr')]\n"
        "assert len(rows) == 2\n"
        "for row in rows:\n"
        "    try:\n        row.implementation.load()\n"
        "    except MissingDependencyError as error:\n        print(error)"
    )
    output = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert output.stdout.count('pip install "inference-models-vision[ocr]"') == 2
