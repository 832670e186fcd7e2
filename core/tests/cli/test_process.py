"""What only a process shows: exit codes, standard streams, signals, what is imported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from inference_models_core.testing.fault_server import Stall

TOY = "./toy.loopback"


def test_exit_codes(process, pictures):
    assert process("plan", TOY).returncode == 0
    assert process("plan", TOY, "--device", "cuda").returncode == 1
    assert process("plan").returncode == 2
    assert process("predict", TOY, "pictures/broken.png", "--no-save").returncode == 1


def test_streams_of_a_pipe_have_no_colours(process, pictures):
    run = process("predict", TOY, "pictures", "--no-save")
    assert "\x1b" not in run.stdout + run.stderr
    assert len(run.stdout.splitlines()) == 2


def test_traceback_only_when_asked_for(process, pictures):
    arguments = ("predict", "./bomb.loopback", "pictures/b.png")
    plain = process(*arguments)
    assert (plain.returncode, "Traceback" in plain.stderr, "kaboom" in plain.stderr) == (1, False, True)
    assert "\x1b" not in plain.stderr
    asked = process(*arguments, "--traceback")
    assert (asked.returncode, "Traceback" in asked.stderr) == (1, True)
    debugging = process(*arguments, env={**os.environ, "INFERENCE_MODELS_DEBUG": "1"})
    assert "Traceback" in debugging.stderr


def test_an_encoding_without_the_letter_shows_its_escape(process, pictures):
    (pictures / "a.jpg").rename(pictures / "日本.jpg")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    run = process("predict", TOY, "pictures", "--no-save", env=environment)
    assert run.returncode == 1, "the broken one"
    assert "\\u65e5\\u672c.jpg" in run.stdout


def test_a_pipe_that_closes_early_is_no_traceback(process, pictures):
    command = [sys.executable, "-m", "inference_models_core", "predict", TOY, "pictures", "--no-save"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        running.stdout.close()
        errors = running.stderr.read()
    assert errors == ""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("sent", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_interrupted(workplace, environment, pictures, sent, code, word):
    # Children of a background job inherit that Ctrl-C is ignored; a program that a person starts does not.
    start = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    start += "from inference_models_core.cli import main; sys.argv[0] = 'inference-models'; main()"
    command = [sys.executable, "-c", start, "predict", TOY, *["pictures/a.jpg"] * 20_000, "--no-save"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        running.stdout.readline()
        running.send_signal(sent)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == code
    assert errors.split() == [word]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_download_that_stands_still_ends_at_once_and_keeps_its_part(hub, cache, sent, code):
    content = os.urandom(300_000)
    hub.publish(packages={"small": {"weights.loopback": content}})
    hub.server.add("/ducks/1/small/weights.loopback", content, Stall(100_000, 600.0))
    start = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    start += "from inference_models_core.cli import main; sys.argv[0] = 'inference-models'; main()"
    command = [sys.executable, "-c", start, "pull", "hub://ducks/1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        _wait_for(lambda: any(part.stat().st_size for part in cache.glob("partial/*/*.part")))
        running.send_signal(sent)
        running.communicate(timeout=30)  # the server would take 600 seconds
    assert running.returncode == code
    assert [part.stat().st_size for part in cache.glob("partial/*/*.part")] == [100_000]


def _wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_who_has_sigterm_ignored_has_a_reason(workplace, environment, pictures):
    start = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    start += "from inference_models_core.cli import main; sys.argv[0] = 'inference-models'; main()"
    command = [sys.executable, "-c", start, "predict", TOY, *["pictures/a.jpg"] * 200, "--no-save"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
    assert running.returncode == 0


def test_a_plugin_that_ends_the_process_does_not_end_the_recovery(process, tmp_path):
    site = tmp_path / "rotten"
    info = site / "rotten-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rotten\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[inference_models.plugins]\nrotten = rotten_plugin\n")
    (site / "rotten_plugin.py").write_text("import os\nINFERENCE_MODELS_API = '0.1'\nos._exit(99)\n")
    environment = {**os.environ, "PYTHONPATH": str(site), "INFERENCE_MODELS_PLUGINS": "rotten"}
    assert process("plugins", "list", env=environment).returncode == 99
    run = process("plugins", "list", "--no-import", "--json", env=environment)
    assert [each["name"] for each in json.loads(run.stdout)["plugins"] if each["status"] == "installed"] == ["rotten"]
    cured = process("plugins", "list", env={**environment, "INFERENCE_MODELS_DISABLE_PLUGINS": "rotten"})
    assert cured.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], {"attrs", "rich", "numpy", "PIL", "requests", "pluggy", "logging"}),
        (["plugins", "list"], {"rich", "numpy", "PIL", "requests", "onnxruntime", "cv2", "torch"}),
        (["plan", TOY], {"rich", "numpy", "PIL", "onnxruntime", "cv2", "torch"}),
    ],
)
def test_what_is_imported(workplace, environment, arguments, heavy):
    code = "import json, sys\nfrom inference_models_core.cli import main\n"
    code += f"try:\n    main({arguments!r})\nfinally:\n    print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert not heavy & set(json.loads(run.stderr.splitlines()[-1]))


def test_the_entry_point_is_the_same_program(process):
    from importlib.metadata import entry_points

    (script,) = entry_points(group="console_scripts", name="inference-models")
    assert script.value == "inference_models_core.cli:main"
    from inference_models_core import cli

    assert script.load() is cli.main
