"""``lock`` and ``sync`` over a real server, and loading what is locked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hub import CANARY, FILES, GRAPH

MODEL = "hub://ducks/1"
OTHER = {"weights.loopback": GRAPH + b"\n"}


def document(path="models.lock"):
    return json.loads(Path(path).read_text())


def error(run):
    assert run.exit_code == 1, run.output
    return json.loads(run.stdout)["error"]


@pytest.fixture
def locked(hub, answer):
    hub.publish()
    return answer("lock", MODEL)


def test_lock_writes_what_was_pulled(hub, locked, answer, workplace):
    assert (locked["lockfile"], locked["written"]) == ("models.lock", True)
    (model,) = document()["models"]
    assert {key: model[key] for key in ("provider", "id", "revision", "package", "backend")} == {
        "provider": "hub", "id": "ducks/1", "revision": "1", "package": "small", "backend": "loopback"
    }  # fmt: skip
    assert model["plugins"]["toy-hub"] == "2.0"
    assert model["plugins"]["toy-box"] == "1.0"
    assert [(file["name"], file["size"]) for file in model["files"]] == sorted((n, len(d)) for n, d in FILES.items())
    assert answer("lock", MODEL)["written"] is False


def test_a_lock_file_says_nothing_about_places_and_secrets(locked, hub, workplace):
    text = Path("models.lock").read_text()
    for secret in (CANARY, hub.server.origin, "127.0.0.1", str(workplace), "http"):
        assert secret not in text


def test_lock_keeps_other_models_and_replaces_its_own(hub, locked, answer):
    hub.publish("geese/1")
    answer("lock", "hub://geese/1")
    assert [model["id"] for model in document()["models"]] == ["ducks/1", "geese/1"]
    hub.publish(packages={"large": OTHER})
    answer("lock", MODEL, "--add")
    assert [model["package"] for model in document()["models"]] == ["large", "small", "small"]
    answer("lock", MODEL)
    assert [model["package"] for model in document()["models"]] == ["large", "small"]


def test_a_path_is_not_locked(hub, cli):
    assert error(cli("lock", "./toy.loopback", "--json"))["code"] == "invalid-request"
    assert not Path("models.lock").exists()


def test_a_damaged_lock_file_is_not_overwritten(hub, cli):
    hub.publish()
    Path("models.lock").write_text("{")
    assert error(cli("lock", MODEL, "--json"))["code"] == "lockfile"
    assert Path("models.lock").read_text() == "{"


# Sync


def test_sync_on_another_machine_fetches_what_is_locked(locked, hub, answer):
    hub.publish(packages={"best": OTHER, "small": FILES})
    (package,) = answer("sync", "--frozen", "--cache-dir", "elsewhere")["packages"]
    assert (package["package_id"], package["fetched"]) == ("small", True)
    (again,) = answer("sync", "--frozen", "--cache-dir", "elsewhere")["packages"]
    assert again["fetched"] is False


def test_sync_fetches_what_this_machine_cannot_run(hub, answer):
    hub.publish(backend="trt")
    answer("lock", MODEL, "--all-packages")
    assert [each["backend"] for each in answer("sync", "--frozen", "--cache-dir", "elsewhere")["packages"]] == ["trt"]


def test_sync_without_a_network_where_everything_is_there(locked, hub, answer):
    hub.go_down()
    assert len(answer("sync", "--frozen", "--offline")["packages"]) == 1


def test_frozen_shows_both_sides_and_changes_nothing(locked, hub, cli):
    before = Path("models.lock").read_bytes()
    hub.publish(packages={"small": {**FILES, "notes/readme.txt": b"a goose"}}, revision="2")
    fault = error(cli("sync", "--frozen", "--cache-dir", "elsewhere", "--json"))
    assert fault["code"] == "lockfile-mismatch"
    for words in (
        "revision: locked 1, found 2",
        "notes/readme.txt: locked sha256:",
        "(14 bytes), found sha256:",
        "(7 bytes)",
    ):
        assert words in fault["message"]
    assert "inference-models sync" in fault["hint"]
    assert Path("models.lock").read_bytes() == before
    assert not [request for request in hub.server.requests[len(FILES) :] if "readme" in request.path]


def test_frozen_shows_every_model_that_differs(locked, hub, cli, answer):
    hub.publish("geese/1")
    answer("lock", "hub://geese/1")
    hub.publish(packages={"other": FILES})
    hub.publish("geese/1", revision="2")
    message = error(cli("sync", "--frozen", "--cache-dir", "elsewhere", "--json"))["message"]
    assert "locked: package small" in message
    assert "found: other" in message
    assert "hub://geese/1" in message


def test_frozen_holds_plugins_to_their_versions(locked, cli):
    whole = document()
    whole["models"][0]["plugins"] |= {"toy-hub": "1.9", "not-installed-here": "7"}
    Path("models.lock").write_text(json.dumps(whole))
    message = error(cli("sync", "--frozen", "--json"))["message"]
    assert "version of toy-hub: locked 1.9, found 2.0" in message
    assert "not-installed-here" not in message


def test_sync_takes_over_what_changed(locked, hub, answer):
    hub.publish("geese/1")
    answer("lock", "hub://geese/1")
    geese = document()["models"][1]
    hub.publish(packages={"newer": OTHER})
    synced = answer("sync", "--cache-dir", "elsewhere")
    assert synced["written"] is True
    assert len(synced["changes"]) == 1
    ducks, same = document()["models"]
    assert (ducks["package"], same) == ("newer", geese)
    assert answer("sync", "--frozen", "--cache-dir", "elsewhere")["changes"] == []


def test_sync_keeps_what_it_knows_of_other_machines(locked, answer):
    whole = document()
    whole["models"][0]["plugins"]["not-installed-here"] = "7"
    Path("models.lock").write_text(json.dumps(whole))
    answer("sync")
    assert document()["models"][0]["plugins"]["not-installed-here"] == "7"


def test_sync_without_a_lock_file(hub, cli):
    fault = error(cli("sync", "--json"))
    assert fault["code"] == "lockfile"
    assert "inference-models lock" in fault["hint"]


# Loading


def test_loading_takes_what_is_locked(locked, hub, cli, pictures):
    hub.publish(packages={"a-better-one": OTHER, "small": FILES})
    plan = cli("plan", MODEL, "--lockfile", "models.lock", "--json")
    assert [each["package_id"] for each in json.loads(plan.stdout)["accepted"]] == ["small"]
    run = cli("predict", MODEL, "pictures/a.jpg", "--no-save", "--lockfile", "models.lock")
    assert run.exit_code == 0, run.output


def test_what_is_locked_loads_without_a_network(locked, hub, cli, pictures):
    hub.go_down()
    arguments = ("pictures/a.jpg", "--no-save", "--offline")
    assert cli("predict", MODEL, *arguments, "--lockfile", "models.lock").exit_code == 0
    assert cli("predict", MODEL, *arguments, "--revision", "1").exit_code == 0
    assert cli("predict", MODEL, *arguments, "--revision", "2").exit_code == 1


def test_loading_refuses_what_is_not_as_locked(locked, hub, cli, pictures):
    hub.publish(packages={"small": OTHER})
    arguments = ("pictures/a.jpg", "--no-save", "--lockfile", "models.lock", "--cache-dir", "elsewhere")
    run = cli("predict", MODEL, *arguments)
    assert run.exit_code == 1
    assert "is not what the lock file says" in run.stderr
    hub.publish("geese/1")
    run = cli("predict", "hub://geese/1", *arguments)
    assert "hub://geese/1 is not in the lock file" in run.stderr
