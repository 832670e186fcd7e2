"""Filling the cache, looking at it and clearing it up, over a real server."""

from __future__ import annotations

import json

import pytest
from hub import CANARY, FILES, GRAPH
from inference_models_core.reports.units import format_bytes

SIZE = sum(map(len, FILES.values()))


def test_pull_fetches_once(hub, answer):
    hub.publish()
    (first,) = answer("pull", "hub://ducks/1")["packages"]
    assert (first["provider"], first["model_id"], first["package_id"], first["backend"]) == (
        "hub", "ducks/1", "small", "loopback",
    )  # fmt: skip
    assert (first["files"], first["bytes"], first["fetched"]) == (len(FILES), SIZE, True)
    (again,) = answer("pull", "hub://ducks/1")["packages"]
    assert (again["fetched"], again["directory"]) == (False, first["directory"])
    assert len(hub.server.requests) == len(FILES)


def test_pull_as_text(hub, cli):
    hub.publish()
    run = cli("pull", "hub://ducks/1")
    assert run.exit_code == 0, run.output
    assert run.stderr == f"fetched: hub://ducks/1 package small ({format_bytes(SIZE)})\n"
    assert f"1 package, {format_bytes(SIZE)}" in run.stdout
    assert "was there: hub://ducks/1" in cli("pull", "hub://ducks/1").stderr
    assert CANARY not in run.output


def test_pull_fetches_what_the_model_needs(hub, answer):
    hub.publish("feathers/2", {"one": {"weights.loopback": GRAPH + b" "}})
    hub.publish(needs=["feathers/2"])
    assert [each["model_id"] for each in answer("pull", "hub://ducks/1")["packages"]] == ["ducks/1", "feathers/2"]


def test_pull_all_packages_also_those_that_cannot_run_here(hub, cli, answer):
    hub.publish(
        packages={"a": {"weights.loopback": GRAPH}, "b": {"engine.plan": b"for another machine"}}, backend="trt"
    )
    assert cli("pull", "hub://ducks/1").exit_code == 1
    assert hub.server.requests == []
    pulled = answer("pull", "hub://ducks/1", "--all-packages")["packages"]
    assert [each["package_id"] for each in pulled] == ["a", "b"]


def test_what_was_pulled_loads_without_a_network(hub, cli, pictures, monkeypatch):
    hub.publish()
    assert cli("pull", "hub://ducks/1").exit_code == 0
    hub.go_down()
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
    run = cli("predict", "hub://ducks/1", "pictures/a.jpg", "--no-save")
    assert run.exit_code == 0, run.output


def test_offline_says_which_command_helps(hub, cli):
    hub.publish()
    run = cli("pull", "hub://ducks/1", "--offline")
    assert run.exit_code == 1
    assert "inference-models pull hub://ducks/1" in run.stderr
    assert hub.server.requests == []


# Looking at the cache


def test_an_empty_cache_is_looked_at_and_not_made(hub, answer, cli, cache):
    assert answer("cache", "ls") == {"packages": []}
    facts = answer("cache", "info")
    assert (facts["exists"], facts["packages"], facts["total"], facts["root"]) == (False, 0, 0, str(cache))
    assert answer("cache", "verify")["findings"] == []
    assert "is made when it is needed" in cli("cache", "info").stdout
    assert "access" not in cli("cache", "info").stdout
    assert not cache.exists()


def test_ls_and_info(hub, answer, cli, cache):
    hub.publish()
    hub.publish("geese/1", {"large": {"weights.loopback": GRAPH, "more.bin": bytes(200_000)}})
    answer("pull", "hub://ducks/1", "hub://geese/1")
    packages = {each["model_id"]: each for each in answer("cache", "ls")["packages"]}
    assert packages.keys() == {"ducks/1", "geese/1"}
    assert packages["ducks/1"]["in_use"] in (False, None)
    assert packages["geese/1"]["bytes"] >= 200_000
    text = cli("cache", "ls").stdout
    assert text.index("last used") < text.index("geese/1")
    facts = answer("cache", "info")
    assert (facts["exists"], facts["packages"], facts["root"]) == (True, 2, str(cache))
    assert facts["total"] >= facts["models"] >= 200_000
    assert facts["free"] > 0
    assert "read and write" in cli("cache", "info").stdout


def test_another_cache(hub, answer, tmp_path):
    hub.publish()
    answer("pull", "hub://ducks/1", "--cache-dir", tmp_path / "elsewhere")
    assert answer("cache", "ls") == {"packages": []}
    assert len(answer("cache", "ls", "--cache-dir", tmp_path / "elsewhere")["packages"]) == 1


def test_verify_finds_damage_and_says_what_mends_it(hub, answer, cli):
    hub.publish()
    (package,) = answer("pull", "hub://ducks/1")["packages"]
    (package_file,) = [path for path in _files(package["directory"]) if path.name == "readme.txt"]
    package_file.chmod(0o644)
    package_file.write_bytes(b"a goose, or not")
    run = cli("cache", "verify", "--json")
    assert run.exit_code == 1
    report = json.loads(run.stdout)
    assert package["directory"] in [finding["path"] for finding in report["findings"]]
    assert report["repair"] == "inference-models pull hub://ducks/1"
    assert cli(*report["repair"].split()[1:]).exit_code == 0
    assert answer("cache", "verify")["findings"] == []


def _files(directory):
    from pathlib import Path

    return [path for path in Path(directory).rglob("*") if path.is_file()]


# Making room


@pytest.fixture
def two_models(hub, answer):
    hub.publish()
    hub.publish("geese/1", {"large": {"weights.loopback": GRAPH, "more.bin": bytes(200_000)}})
    answer("pull", "hub://geese/1")
    answer("pull", "hub://ducks/1")


def _models(answer):
    return {each["model_id"] for each in answer("cache", "ls")["packages"]}


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ((), {"ducks/1", "geese/1"}),
        (("--keep", "1GB"), {"ducks/1", "geese/1"}),
        (("--keep", "100kB"), {"ducks/1"}),
        (("--keep", "0"), set()),
        (("--older-than", "1h"), {"ducks/1", "geese/1"}),
        (("--older-than", "0s"), set()),
    ],
)
def test_prune_does_what_its_dry_run_says(two_models, answer, monkeypatch, options, left):
    expected = answer("cache", "prune", *options, "--dry-run")
    assert expected["dry_run"] is True
    assert len(_models(answer)) == 2
    done = answer("cache", "prune", *options)
    assert [each["model_id"] for each in done["removed"]] == [each["model_id"] for each in expected["removed"]]
    assert _models(answer) == left
    assert (done["freed"] > 0) is (len(left) < 2)


@pytest.mark.parametrize("options", [("--keep", "lots"), ("--older-than", "30")])
def test_what_is_no_quantity_is_a_usage_error(hub, cli, options):
    run = cli("cache", "prune", *options)
    assert run.exit_code == 2
    assert "such as" in run.stderr


def test_rm(two_models, hub, answer, cli):
    assert cli("cache", "rm", "swans/1").exit_code == 1
    assert cli("cache", "rm", "attic://ducks/1").exit_code == 1
    assert [each["model_id"] for each in answer("cache", "rm", "ducks/1")["removed"]] == ["ducks/1"]
    assert _models(answer) == {"geese/1"}
    assert cli("pull", "hub://ducks/1", "--offline").exit_code == 1


def test_rm_of_one_package(hub, answer):
    hub.publish(packages={"a": {"weights.loopback": GRAPH}, "b": {"weights.loopback": GRAPH + b" "}})
    answer("pull", "hub://ducks/1", "--all-packages")
    answer("cache", "rm", "hub://ducks/1", "--package", "b")
    assert [each["package_id"] for each in answer("cache", "ls")["packages"]] == ["a"]


def test_rm_gives_up_the_digests_that_were_promised(hub, answer, cli):
    hub.publish()
    answer("pull", "hub://ducks/1")
    hub.publish(packages={"small": {"weights.loopback": GRAPH + b" "}})
    run = cli("pull", "hub://ducks/1", "--json")
    assert json.loads(run.stdout)["error"]["code"] == "hash-downgrade"
    answer("cache", "rm", "ducks/1")
    answer("pull", "hub://ducks/1")


def test_clear_asks(two_models, answer, cli):
    assert cli("cache", "clear").exit_code != 0
    assert len(_models(answer)) == 2
    assert len(answer("cache", "clear", "--yes")["removed"]) == 2
    assert _models(answer) == set()
    assert answer("cache", "info")["models"] == 0


def test_a_model_in_use_stays(two_models, answer):
    from inference_models_core import AutoModel

    with AutoModel.from_pretrained("hub://ducks/1"):
        done = answer("cache", "clear", "--yes")
        assert [each["model_id"] for each in done["in_use"]] == ["ducks/1"]
        assert _models(answer) == {"ducks/1"}
    answer("cache", "clear", "--yes")
    assert _models(answer) == set()


def test_list_shows_what_is_in_the_cache(hub, answer, cli):
    hub.publish()
    assert answer("list")["cached"] == []
    assert "Models in the cache" not in cli("list").stdout
    answer("pull", "hub://ducks/1")
    assert [each["model_id"] for each in answer("list", "duck")["cached"]] == ["ducks/1"]
    assert answer("list", "geese")["cached"] == []
    assert "cached" not in answer("list", "--rows")
    table = cli("list").stdout
    assert "Models in the cache" in table
    assert "ducks/1" in table
