"""ONNX against TorchScript: the same weights in both formats, every row of the catalog, through `verify` itself."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import zlib
from types import ModuleType

import pytest
from click.testing import CliRunner
from families.packages import write_documents
from families.table import CASES, CATALOG
from inference_models_core import AutoModel, LoadOptions, PluginHost, hookimpl
from inference_models_core.auto_model import load_request
from inference_models_core.cli import main
from inference_models_core.negotiation.tolerance import FULL_PRECISION
from inference_models_core.plugins import host as host_module
from inference_models_core.predictions.comparison import compare_all
from inference_models_core.tasks.embedding import EmbeddingModel
from inference_models_core.types.packages import Artifact, ModelMetadata, ModelPackage
from inference_models_core.types.providers import WeightsProviderSpec
from inference_models_core.verification.pictures import golden_pictures
from inference_models_core.verification.verify import CONFIDENCE, verify_model

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from families.networks import (  # noqa: E402 - without PyTorch there are none
    Steps,
    TextMap,
    altered,
    example_of,
    network_of,
    save_onnx,
    save_torch_script,
    seeded,
)

BACKENDS = {
    "onnx": ("onnx", "onnx"),
    "script": ("torch-script", "torchscript"),
    "wrong": ("torch-script", "torchscript"),
}
"""Id of a package -> its backend and the ending of its graphs."""
PICTURES = 4
MOVES = 5e-3
"""How far answers to different pictures are apart at least; 50 times what two backends may be."""
BARS = {"labels": 0, "boxes": 1, "scores": 1e-4, "masks": 0.01, "key_points": 1}
CLIP_SIZE = 224
CHARACTERS = "abcdefgh"
READING = {
    ("pp-ocrv6-det", "object-detection"): ("PostProcess: {unclip_ratio: 0.5}", TextMap, (3, 64, 96)),
    ("pp-ocrv6-rec", "text-only-ocr"): (
        f"PostProcess: {{character_dict: [{', '.join(CHARACTERS)}]}}",
        lambda: Steps(len(CHARACTERS) + 2),
        (3, 48, 96),
    ),
}
"""Row -> its document, its network, and an input of it."""
ROWS = [
    *(name for name, (spec, _) in CASES.items() if (spec.architecture, spec.task) not in READING),
    *map(" ".join, READING),
]


def test_every_row_of_the_catalog_is_here():
    named = {(spec.architecture, spec.task) for spec, _ in CASES.values()}
    assert named | READING.keys() == CATALOG.keys()


class Shelf:
    """The folders of one model, as its packages."""

    packages = ()

    def __init__(self, context):
        pass

    def resolve(self, model_id, *, revision=None):
        return ModelMetadata(model_id=model_id, packages=Shelf.packages)


class Plugin:
    @hookimpl
    def register_weights_providers(self):
        yield WeightsProviderSpec(name="shelf", factory="shelf_of_both:Shelf", embedded=True)


@pytest.fixture
def host(monkeypatch):
    module = ModuleType("shelf_of_both")
    module.Shelf = Shelf
    monkeypatch.setitem(sys.modules, "shelf_of_both", module)
    host = PluginHost()
    host.register(Plugin(), "shelf", "1")
    monkeypatch.setattr(host_module, "_host", host)
    return host


@pytest.fixture
def write(tmp_path, monkeypatch, host):
    """Writes the packages of one row and puts them on the shelf; gives their folders."""

    def write_(name, ids=tuple(BACKENDS)):
        folders = {package_id: tmp_path / package_id for package_id in ids}
        spec, features = (_write_reader if name in map(" ".join, READING) else _write_row)(name, folders)
        monkeypatch.setattr(Shelf, "packages", tuple(_package(spec, folder, features) for folder in folders.values()))
        return folders

    return write_


def _write_row(name, folders):
    spec, entry = CASES[name]
    graphs = entry.inputs or {"weights": ("float32", (3, entry.size, entry.size))}
    for folder in folders.values():
        folder.mkdir()
        write_documents(folder, spec, entry)
    for place, (graph, (dtype, shape)) in enumerate(graphs.items()):
        side = (3, CLIP_SIZE, CLIP_SIZE) if spec.architecture == "clip" and len(shape) == 3 else shape
        network = network_of(entry, side, zlib.crc32(name.encode()) + place)
        _save(network, example_of(dtype, side), graph, folders, (0,))
    return spec, dict.fromkeys(entry.features, True)


def _write_reader(name, folders):
    spec = CATALOG[tuple(name.split())]
    document, build, shape = READING[spec.architecture, spec.task]
    for folder in folders.values():
        folder.mkdir()
        (folder / "inference.yml").write_text(document)
    _save(seeded(build, 3), example_of("float32", shape), "inference", folders, (0, 2, 3) if "det" in name else (0, 3))
    return spec, {}


def _save(network, example, graph, folders, free_axes):
    for package_id, folder in folders.items():
        path = folder / f"{graph}.{BACKENDS[package_id][1]}"
        used = altered(network) if package_id == "wrong" else network
        if path.suffix == ".onnx":
            save_onnx(used, example, path, free_axes=free_axes)
        else:
            save_torch_script(used, example, path)


def _package(spec, folder, features):
    files = [path for path in sorted(folder.iterdir()) if path.name != "model_config.json"]
    return ModelPackage(
        package_id=folder.name,
        backend=BACKENDS[folder.name][0],
        architecture=spec.architecture,
        task=spec.task,
        quantization="fp32",
        directory=folder,
        features=features,
        artifacts=[Artifact(handle=each.name, sha256=hashlib.sha256(each.read_bytes()).hexdigest()) for each in files],
    )


def verified(tmp_path, host):
    options = LoadOptions(host=host)
    request = load_request("shelf://both", cache_dir=tmp_path / "cache", device="cpu", options=options)
    return verify_model(request, reference="onnx", pictures=PICTURES)


def answers(package_id, tmp_path, host):
    """What one package says of the golden pictures."""
    arguments = {"model_package_id": package_id, "cache_dir": tmp_path / "cache", "options": LoadOptions(host=host)}
    with AutoModel.from_pretrained("shelf://both", device="cpu", **arguments) as model:
        pictures = golden_pictures(PICTURES)
        return model.embed_images(pictures) if isinstance(model, EmbeddingModel) else model(pictures)


@pytest.mark.parametrize("name", ROWS)
def test_both_formats_of_the_same_weights_agree(name, write, tmp_path, host):
    pytest.importorskip("yaml") if name.startswith("pp-ocr") else None
    write(name)
    found = verified(tmp_path, host)
    told = {each.candidate.package.package_id: each for each in found.packages}
    assert {key: each.error for key, each in told.items()} == dict.fromkeys(BACKENDS)
    same, wrong = told["script"], told["wrong"]
    assert same.excess == ""
    for figure, delta in same.verification.deltas.items():
        assert delta <= BARS.get(figure, FULL_PRECISION[figure]), figure
    assert same.verification.things >= PICTURES
    assert wrong.excess, "other weights are taken for the same: the pictures show nothing"
    seen = answers("script", tmp_path, host)
    agreement = compare_all(seen[:1] * (PICTURES - 1), seen[1:], CONFIDENCE)
    assert agreement.unlike or max(agreement.deltas.values()) > MOVES, "every picture gets the same answer"


@pytest.fixture
def run(tmp_path, host):
    def run_(*arguments):
        command = [*arguments, "--cache-dir", str(tmp_path / "cache")]
        return CliRunner().invoke(main, command, prog_name="inference-models")

    return run_


def verify(run, *arguments):
    """Exit code and package id -> what the command says of it."""
    done = run("verify", "shelf://both", "--pictures", str(PICTURES), "--json", *arguments)
    told = json.loads(done.stdout)
    return done.exit_code, {each["package_id"]: each for each in told["packages"]}


@pytest.mark.parametrize("name", ["yolov11 object-detection", "clip embedding", "pp-ocrv6-rec text-only-ocr"])
def test_the_command_tells_the_same_weights_from_others(name, write, run):
    pytest.importorskip("yaml") if name.startswith("pp-ocr") else None
    write(name, ("onnx", "script"))
    code, told = verify(run, "--offline")
    assert (code, [*told]) == (0, ["script", "onnx"])
    figures = {"yolov11": {"labels", "boxes", "scores"}, "clip": {"labels", "vectors"}, "pp-ocrv6-rec": {"labels"}}
    assert told["onnx"]["deltas"].keys() == figures[name.split()[0]]
    shown = run("verify", "shelf://both").stdout
    assert re.search(r"^  script .* reference$", shown, re.MULTILINE)
    assert re.search(r"^  onnx .* agrees$", shown, re.MULTILINE)


@pytest.fixture
def both_and_wrong(write):
    return write("yolov8 object-detection")


def test_limits_of_the_caller(both_and_wrong, run):
    code, told = verify(run, "--reference", "onnx")
    assert (code, told["script"]["beyond_tolerance"]) == (1, "")
    assert told["wrong"]["beyond_tolerance"]
    wide = [word for name in told["wrong"]["deltas"] for word in ("--tolerance", f"{name}=1000")]
    code, told = verify(run, "--reference", "onnx", *wide)
    assert (code, told["wrong"]["beyond_tolerance"]) == (0, "")
    code, told = verify(run, "--reference", "wrong")
    assert code == 1
    assert all(told[name]["beyond_tolerance"] for name in ("onnx", "script"))


def test_a_package_that_was_exported_again_inherits_nothing(both_and_wrong, run, monkeypatch):
    def comes_last():
        return [each["package_id"] for each in json.loads(run("plan", "shelf://both", "--json").stdout)["accepted"]][-1]

    assert comes_last() == "onnx"
    verify(run, "--reference", "onnx")
    assert comes_last() == "wrong"
    shutil.copy(both_and_wrong["script"] / "weights.torchscript", both_and_wrong["wrong"])
    spec = CATALOG["yolov8", "object-detection"]
    monkeypatch.setattr(Shelf, "packages", tuple(_package(spec, folder, {}) for folder in both_and_wrong.values()))
    assert "comes last" not in run("plan", "shelf://both").stdout
    assert comes_last() == "onnx"


@pytest.mark.parametrize("broken", ["script", "onnx"])
def test_a_damaged_package_is_named_and_the_others_are_measured(both_and_wrong, run, monkeypatch, broken):
    path = both_and_wrong[broken] / f"weights.{BACKENDS[broken][1]}"
    path.write_bytes(path.read_bytes()[:-200])
    spec = CATALOG["yolov8", "object-detection"]
    monkeypatch.setattr(Shelf, "packages", tuple(_package(spec, folder, {}) for folder in both_and_wrong.values()))
    code, told = verify(run)
    assert code == 1
    assert told[broken]["deltas"] == {}
    assert told[broken]["error"]["code"] == "package-damaged"
    assert [name for name, each in told.items() if each["deltas"]] == [name for name in told if name != broken]
    shown = run("verify", "shelf://both").stdout
    assert re.search(rf"^  {broken} .* not measured\n +\S.*weights", shown, re.MULTILINE)


def test_one_backend_alone_has_nothing_to_be_compared_with(write, run):
    write("yolov8 object-detection", ("onnx", "script"))
    done = run("verify", "shelf://both", "--backend", "torch-script")
    assert done.exit_code == 1
    assert "nothing to compare it with" in done.stderr
    assert "inference-models plan" in done.stderr
