"""Models carried to a machine that never sees the network."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from hub import CANARY, FILES, GRAPH

MODEL = "hub://ducks/1"
BUNDLE = "models.bundle"


def error(run):
    assert run.exit_code == 1, run.output
    return json.loads(run.stdout)["error"]


@pytest.fixture
def bundle(hub, answer):
    """A bundle of two models, one of which needs a third; afterwards there is no network and no cache."""
    hub.publish("feathers/2", {"one": {"weights.loopback": GRAPH + b" "}})
    hub.publish(alias="duck", packages={"small": FILES, "large": {**FILES, "more.bin": os.urandom(100_000)}})
    hub.publish("geese/1", needs=["feathers/2"])
    created = answer("bundle", "create", "duck", "geese/1", "-o", BUNDLE, "--weights-provider", "hub", "--all-packages")
    hub.go_down()
    return created


@pytest.fixture
def air_gapped(bundle, monkeypatch, workplace):
    """Another machine: nothing cached, and every socket is an error."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(workplace / "another-home"))
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
    return workplace / "another-home" / "inference-models"


def keys(report):
    return [(each["model_id"], each["package_id"]) for each in report["packages"]]


def test_what_is_in_a_bundle(bundle, answer):
    expected = [("ducks/1", "large"), ("ducks/1", "small"), ("feathers/2", "one"), ("geese/1", "small")]
    assert keys(bundle) == expected
    assert keys(answer("bundle", "verify", BUNDLE)) == expected
    content = Path(BUNDLE).read_bytes()
    assert CANARY.encode() not in content
    assert b"127.0.0.1" not in content


def test_equal_models_give_equal_bundles(hub, answer):
    hub.publish()
    answer("bundle", "create", MODEL, "-o", "a.bundle")
    answer("bundle", "create", MODEL, "-o", "b.bundle", "--cache-dir", "elsewhere")
    assert Path("a.bundle").read_bytes() == Path("b.bundle").read_bytes()


@pytest.mark.parametrize("model", ["hub://ducks/1", "hub://duck", "hub://geese/1", "duck --weights-provider hub"])
def test_a_machine_that_never_saw_the_network_loads_by_id(air_gapped, answer, cli, pictures, model):
    assert error(cli("predict", *model.split(), "pictures/a.jpg", "--no-save", "--json"))["code"] == "offline"
    answer("bundle", "import", BUNDLE)
    run = cli("predict", *model.split(), "pictures/a.jpg", "--no-save")
    assert run.exit_code == 0, run.output


def test_it_also_loads_by_revision_and_by_lock_file(air_gapped, answer, cli, pictures):
    answer("bundle", "import", BUNDLE)
    from inference_models_core.bundles.archive import open_archive
    from inference_models_core.resolution.lockfile import lockfile_text

    with open_archive(Path(BUNDLE)) as archive:
        Path("models.lock").write_text(lockfile_text(archive.lockfile))
    for options in (("--revision", "1"), ("--lockfile", "models.lock")):
        run = cli("predict", MODEL, "pictures/a.jpg", "--no-save", *options)
        assert run.exit_code == 0, run.output
    assert len(answer("sync", "--frozen")["packages"]) == 4


def test_no_socket_is_opened(air_gapped, answer, cli, pictures):
    opened = []
    active = [True]
    sys.addaudithook(lambda event, arguments: opened.append(event) if active and event.startswith("socket.") else None)
    try:
        answer("bundle", "import", BUNDLE)
        assert cli("predict", MODEL, "pictures/a.jpg", "--no-save").exit_code == 0
    finally:
        active.clear()
    assert opened == []


def test_what_was_imported_is_a_cached_package_like_any_other(air_gapped, answer):
    answer("bundle", "import", BUNDLE)
    assert len(answer("cache", "ls")["packages"]) == 4
    assert answer("cache", "verify")["findings"] == []
    assert answer("cache", "info")["partial"] == 0
    answer("cache", "prune")
    assert len(answer("cache", "ls")["packages"]) == 4


def test_importing_twice_changes_nothing(air_gapped, answer):
    answer("bundle", "import", BUNDLE)
    before = {
        path: path.stat().st_ino for path in air_gapped.rglob("*") if "models" in path.parts or "blobs" in path.parts
    }
    answer("bundle", "import", BUNDLE)
    assert {path: path.stat().st_ino for path in before} == before


def test_a_key_of_the_other_machine_does_not_hide_what_was_imported(air_gapped, answer, cli, pictures):
    from inference_models_core import AutoModel

    answer("bundle", "import", BUNDLE)
    AutoModel.from_pretrained(MODEL, api_key="a-key-that-was-never-used").close()


@pytest.mark.parametrize("place", [0.3, 0.6, 0.95])
def test_a_damaged_bundle_gives_no_package(air_gapped, cli, answer, place):
    content = bytearray(Path(BUNDLE).read_bytes())
    content[int(len(content) * place)] ^= 1
    Path(BUNDLE).write_bytes(content)
    assert error(cli("bundle", "import", BUNDLE, "--json"))["code"] == "bundle"
    assert cli("bundle", "verify", BUNDLE).exit_code == 1
    assert answer("cache", "ls") == {"packages": []}
    assert answer("cache", "verify")["findings"] == []
    assert answer("cache", "info")["partial"] == 0
    assert cli("pull", MODEL).exit_code == 1


def test_a_bundle_that_is_no_bundle_writes_nothing(air_gapped, cli):
    Path("x.bundle").write_bytes(b"PK\x03\x04" + bytes(5000))
    assert error(cli("bundle", "import", "x.bundle", "--json"))["code"] == "bundle"
    assert not air_gapped.exists()


def test_another_content_under_a_known_name_is_refused(hub, answer, cli):
    hub.publish()
    answer("bundle", "create", MODEL, "-o", "old.bundle")
    hub.publish(packages={"small": {"weights.loopback": GRAPH + b" "}})
    answer("pull", MODEL, "--cache-dir", "elsewhere")
    fault = error(cli("bundle", "import", "old.bundle", "--cache-dir", "elsewhere", "--json"))
    assert fault["code"] == "hash-downgrade"


def test_without_the_provider_nothing_is_imported(air_gapped, cli, monkeypatch):
    from inference_models_core.plugins import host

    monkeypatch.setenv("INFERENCE_MODELS_DISABLE_PLUGINS", "hub")
    monkeypatch.setattr(host, "_host", None)
    assert error(cli("bundle", "import", BUNDLE, "--json"))["code"] == "unknown-provider"
    assert not air_gapped.exists()


def test_no_room(air_gapped, cli, monkeypatch):
    import shutil

    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    assert error(cli("bundle", "import", BUNDLE, "--json"))["code"] == "disk-full"
    assert not list(air_gapped.rglob("*.part"))


def test_a_path_is_not_bundled(hub, cli):
    assert error(cli("bundle", "create", "./toy.loopback", "-o", BUNDLE, "--json"))["code"] == "invalid-request"
    assert not Path(BUNDLE).exists()


def test_nothing_is_there(hub, cli):
    assert error(cli("bundle", "import", "nothing.bundle", "--json"))["code"] == "invalid-request"


def test_collecting_garbage_meanwhile_leaves_what_is_being_imported(air_gapped, answer, monkeypatch):
    from inference_models_core.download.parts import remove_dead_parts
    from inference_models_core.store import files

    def collect(operation):
        if operation in ("fsync", "rename"):
            for folder in air_gapped.glob("partial/*"):
                assert remove_dead_parts(folder, idle_seconds=3600) == 0

    monkeypatch.setattr(files, "on_operation", collect)
    assert len(answer("bundle", "import", BUNDLE)["packages"]) == 4
