"""The command line on the real thing: sample model, vision, ONNX Runtime."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

pytest.importorskip("onnxruntime")
provider = pytest.importorskip("inference_models_provider_samples.provider")
MODEL = "samples/shapes-detector"


def run(*arguments):
    command = [sys.executable, "-m", "inference_models_core", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_predict_finds_shapes_and_goes_on_after_broken_pictures(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "words.jpg").write_text("this is no picture")
    (tmp_path / "cut.jpg").write_bytes(sorted(provider.PICTURES.iterdir())[0].read_bytes()[:2000])
    done = run(
        "predict", MODEL, tmp_path, provider.PICTURES, "--jsonl", "-", "--output", tmp_path / "out", "--batch", 2
    )
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [outcome["error"]["code"] for outcome in outcomes[:3]] == ["image-decode-failed"] * 3
    good = outcomes[3:]
    assert len(good) == len(list(provider.PICTURES.iterdir())) == len(list((tmp_path / "out").iterdir()))
    assert all(outcome["predictions"]["predictions"] for outcome in good)


def test_batches_give_the_same_answers():
    def boxes(batch):
        done = run("predict", MODEL, provider.PICTURES, "--json", "--batch", batch)
        assert done.returncode == 0, done.stderr
        found = [box for each in json.loads(done.stdout)["results"] for box in each["predictions"]["predictions"]]
        return [box["class_name"] for box in found], [box["xyxy"] for box in found]

    (names, corners), (same_names, same_corners) = boxes(1), boxes(4)
    assert names == same_names
    for one, other in zip(corners, same_corners, strict=True):
        assert one == pytest.approx(other, abs=0.1)


def test_plan_describe_and_list_know_the_sample():
    best = "torch-script" if importlib.util.find_spec("torch") else "onnx"
    assert json.loads(run("plan", MODEL, "--json").stdout)["accepted"][0]["backend"] == best
    assert json.loads(run("describe", MODEL, "--json").stdout)["packages"][0]["status"] == "used"
    listed = json.loads(run("list", "--provider", "samples", "--json").stdout)
    assert MODEL in [model["model_id"] for model in listed["providers"][0]["models"]]


def test_a_wrong_argument_of_the_call_names_the_nearest(tmp_path):
    done = run("predict", MODEL, provider.PICTURES, "--no-save", "--option", "iou_treshold=0.5")
    assert done.returncode == 1
    assert done.stderr.count("iou_threshold") >= 1
    assert done.stdout == ""
