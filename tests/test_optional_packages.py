"""What needs optional packages says so before it is loaded: in `plan`, in `list` and when it is asked for."""

from __future__ import annotations

import json
import sys

import pytest
from click.testing import CliRunner
from families.packages import write_documents, write_graphs
from families.table import CATALOG, ENTRIES
from inference_models_core import AutoModel
from inference_models_core.cli.app import main
from inference_models_core.errors import NoCompatiblePackageError

OCR = "inference-models-vision[ocr]"
TIMM = "inference-models-torch[timm]"
ROWS = [
    ("pp-ocrv6-det", "object-detection", "onnx", "pyclipper", OCR),
    ("pp-ocrv6-rec", "text-only-ocr", "onnx", "yaml", OCR),
    ("vit", "classification", "torch", "timm", TIMM),
    ("resnet", "multi-label-classification", "torch", "timm", TIMM),
]


@pytest.fixture(params=ROWS, ids=lambda row: row[0])
def row(request, monkeypatch):
    """A row, one of whose modules is gone."""
    monkeypatch.setitem(sys.modules, request.param[3], None)
    return request.param


def ran(*command):
    return CliRunner().invoke(main, command, prog_name="inference-models")


def test_a_package_is_refused_with_the_command_that_mends_it(row, tmp_path):
    architecture, task, backend, module, extra = row
    spec, entry = CATALOG[architecture, task], ENTRIES[architecture, task][0]
    write_documents(tmp_path, spec, entry, backend)
    if backend == "onnx":
        pytest.importorskip("onnx")
        write_graphs(tmp_path, spec, entry)
    else:
        (tmp_path / "weights.pt").write_bytes(b"never opened")
    (refused,) = AutoModel.plan(tmp_path).rejected
    assert refused.code == "requirements-not-installed"
    assert module in refused.reason
    assert refused.fix == f'pip install "{extra}"'
    with pytest.raises(NoCompatiblePackageError) as caught:
        AutoModel.from_pretrained(tmp_path)
    assert extra in str(caught.value)
    shown = ran("plan", str(tmp_path)).output
    assert "requirements-not-installed" in shown
    assert extra in shown


def test_the_list_of_implementations_says_what_is_missing(row):
    architecture, task, backend, module, extra = row
    found = json.loads(ran("list", architecture, "--rows", "--task", task, "--json").stdout)["implementations"]
    (needy,) = (each for each in found if each["backend"] == backend)
    assert module in needy["missing"]
    assert needy["fix"] == f'pip install "{extra}"'
    shown = ran("list", architecture, "--rows", "--task", task).output
    assert "needs " in shown
    assert f'pip install "{extra}"' in shown


def test_what_needs_nothing_more_is_shown_as_usable(row):
    (found,) = json.loads(ran("list", "yolonas", "--rows", "--json").stdout)["implementations"][:1]
    assert (found["missing"], found["fix"], found["standing"]) == ([], "", "used")
    assert "needs " not in ran("list", "yolonas", "--rows").output
