"""Packages that want to run code do not, whoever gives them: by path, and from a provider that nobody trusts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hostile.packages import hostile_packages, source, write
from hostile.providers import DANGEROUS, document
from inference_models_core.testing.fault_server import FaultServer

ROOT = Path(__file__).parents[1]
NAMES = [package.name for package in hostile_packages(Path("x"))]

#: What a package may be refused with; the last three name what would allow it.
HARMLESS = {"no-compatible-package", "unsafe-model-file", "package-damaged", "malformed-document",
            "package-file-missing", "cannot-open-here", "all-candidates-failed", "model-runtime-failed",
            "unexpected-model-output", "invalid-request"}  # fmt: skip
OPT_IN = {
    "own-code": "allow_local_code_packages=True",
    "own-code-outside": "allow_local_code_packages=True",
    "custom-domain": "custom_op_domains",
    "python-operator": "export the model without it",
    "engine-in-a-node": "export the model without it",
}


@pytest.fixture
def run(tmp_path):
    """Loads references in a child that is being watched."""
    sentinel = tmp_path / "sentinel"

    def run_(references, folders, *, dangerous=False, origin="", **arguments):
        job = {"references": references, "folders": list(map(str, folders)), "sentinel": str(sentinel),
               "dangerous": dangerous, "arguments": arguments}  # fmt: skip
        path = os.pathsep.join(filter(None, [str(ROOT / "tests"), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "PYTHONPATH": path, "HOSTILE_ORIGIN": origin}
        done = subprocess.run(
            [sys.executable, "-m", "hostile.loader"], input=json.dumps(job), capture_output=True, text=True,
            env=environment, timeout=200, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return {Path(each["reference"]).name: each for each in json.loads(done.stdout)}

    run_.sentinel = sentinel
    return run_


@pytest.fixture
def stranger(run):
    """The packages on a server."""
    with FaultServer() as server:
        for package in hostile_packages(run.sentinel):
            server.add(f"/{package.name}.json", json.dumps(document(server, package)).encode())
        yield server


@pytest.fixture
def folders(run, tmp_path):
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "outside.py").write_bytes(source(run.sentinel))
    return [write(tmp_path / "packages", package) for package in hostile_packages(run.sentinel)]


def check_harmless(outcomes):
    assert sorted(outcomes) == sorted(NAMES)
    assert {name: each["seen"] for name, each in outcomes.items() if each["seen"]} == {}
    assert [name for name, each in outcomes.items() if each["sentinel"]] == []
    codes = {name: each["error"]["code"] for name, each in outcomes.items() if each["error"]}
    assert {name: code for name, code in codes.items() if code not in HARMLESS} == {}
    assert len({tuple(each["path"]) for each in outcomes.values()}) == 1, "a package changed sys.path"


def test_there_are_thirty():
    assert len(set(NAMES)) >= 30


def test_as_folders(run, folders):
    outcomes = run(list(map(str, folders)), folders)
    check_harmless(outcomes)
    for name, opt_in in OPT_IN.items():
        assert opt_in in outcomes[name]["error"]["text"]


def test_from_a_stranger(run, stranger, own_cache_folder):
    outcomes = run([f"stranger://{name}" for name in NAMES], [own_cache_folder], origin=stranger.origin)
    check_harmless(outcomes)
    fetched = {request.path.split("/")[1] for request in stranger.requests if not request.path.endswith(".json")}
    assert fetched <= {package.name for package in hostile_packages(run.sentinel) if package.backend == "onnx"}


def test_from_a_stranger_on_a_machine_with_runtimes_that_obey(run, stranger, own_cache_folder):
    """Nothing is even fetched; the error names the one thing that would allow it."""
    names = [package.name for package in hostile_packages(run.sentinel) if package.backend in DANGEROUS]
    outcomes = run([f"stranger://{name}" for name in names], [own_cache_folder], dangerous=True, origin=stranger.origin)
    for package in hostile_packages(run.sentinel):
        if package.backend in DANGEROUS:
            outcome = outcomes[package.name]
            is_program = package.backend in ("torch", "torch-script")
            assert outcome["error"]["code"] == "no-compatible-package"
            assert ("untrusted-publisher" if is_program else "code-not-trusted") in outcome["error"]["text"]
            assert ("allow_untrusted_packages=True" if is_program else "trusted_code=(") in outcome["error"]["text"]
            assert not outcome["sentinel"]
    assert {request.path for request in stranger.requests} == {f"/{name}.json" for name in names}


def test_as_folders_on_a_machine_with_runtimes_that_obey(run, folders):
    """A path is the caller's own; what runs as code has to be allowed all the same."""
    code = [
        f for f in folders if f.name in ("tensorrt", "tensorrt-lean", "auto-map", "tokenizer-with-code", "own-code")
    ]
    for outcome in run(list(map(str, code)), folders, dangerous=True).values():
        assert "allow_local_code_packages=True" in outcome["error"]["text"]
        assert not outcome["sentinel"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("pickle-pt", {"allow_untrusted_packages": True}),
        ("torch-script", {"allow_untrusted_packages": True}),
        ("tensorrt", "trusted_code"),
    ],
)
def test_the_bait_works_once_it_is_allowed(run, stranger, own_cache_folder, name, arguments):
    """The packages are what they claim to be: with consent they do create the file, and the hook sees it."""
    reference = [f"stranger://{name}"]
    if arguments == "trusted_code":
        refused = run(reference, [own_cache_folder], dangerous=True, origin=stranger.origin)[name]["error"]["text"]
        arguments = {"trusted_code": [refused.split('trusted_code=("')[1].split('"')[0]]}
    outcome = run(reference, [own_cache_folder], dangerous=True, origin=stranger.origin, **arguments)[name]
    assert outcome["sentinel"], outcome
    assert outcome["seen"]


def test_own_code_runs_once_it_is_allowed(run, folders):
    (folder,) = (each for each in folders if each.name == "own-code")
    outcome = run([str(folder)], folders, allow_local_code_packages=True)["own-code"]
    assert outcome["sentinel"]
    assert any("executed" in line for line in outcome["seen"])
