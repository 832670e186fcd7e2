"""R-36, the half on disk: what providers said, by credential, and what was imported."""

from __future__ import annotations

import json

import attrs
import pytest
from inference_models_core import PluginHost
from inference_models_core.errors import HashDowngradeError
from inference_models_core.resolution.answers import Answers, RememberedModel
from inference_models_core.resolution.forgetting import forget
from inference_models_core.resolution.scope import Scope
from inference_models_core.types.packages import Artifact, DownloadAccess
from inference_models_core.types.secrets import Secret


@pytest.fixture
def recall(world, cache, host):
    def recall(name="lamp", spec=world.shelf, **wishes):
        return cache.answers.recall(spec, world.request(name, **wishes), host.registry())

    return recall


def without_urls(metadata):
    packages = [
        attrs.evolve(package, artifacts=[attrs.evolve(artifact, urls=()) for artifact in package.artifacts])
        for package in metadata.packages
    ]
    return attrs.evolve(metadata, packages=packages)


def test_an_answer_comes_back_whole_but_for_urls_and_access(world, cache, recall):
    metadata = world.metadata(world.package(), world.package("q", backend="torch", manifest=None), revision="7")
    access = DownloadAccess(headers={"https://x.y": {"Authorization": Secret("canary")}})
    assert cache.answers.remember(world.shelf, world.request(), attrs.evolve(metadata, download_access=access))
    cache.time += 5
    assert recall().age_seconds == 5
    remembered = recall().metadata
    expected = without_urls(metadata)
    assert remembered.packages[0] == expected.packages[0]
    assert attrs.evolve(remembered, packages=()) == attrs.evolve(expected, packages=())
    assert [package.package_id for package in remembered.packages] == ["p", "q"]
    for path in cache.root.rglob("*.json"):
        assert "https" not in path.read_text()
        assert "canary" not in path.read_text()


def test_an_answer_is_found_by_the_same_question_only(world, cache, recall, monkeypatch):
    cache.answers.remember(world.shelf, world.request(api_key="key"), world.metadata())
    assert recall(api_key="key") is not None
    assert recall() is None
    assert recall(api_key="other") is None
    assert recall(api_key="key", revision="2") is None
    assert recall(api_key="key", spec=world.attic) is None
    assert recall("table", api_key="key") is None
    monkeypatch.setenv("SHELF_KEY", "key")
    assert recall() is not None
    for value in ("", "https://eu"):
        monkeypatch.setenv("SHELF_HOST", value)
        assert recall(api_key="key") is None
        cache.answers.remember(world.shelf, world.request(api_key="key"), world.metadata())
        assert recall(api_key="key") is not None


def test_no_key_is_not_an_empty_key_and_values_do_not_move_between_variables(world, cache, recall, monkeypatch):
    spec = attrs.evolve(world.shelf, environment=("SHELF_HOST", "SHELF_REGION"))
    monkeypatch.setenv("SHELF_HOST", "eu")
    cache.answers.remember(spec, world.request(), world.metadata())
    assert recall(spec=spec) is not None
    monkeypatch.delenv("SHELF_HOST")
    monkeypatch.setenv("SHELF_REGION", "eu")
    assert recall(spec=spec) is None


def test_without_its_key_the_cache_knows_only_what_is_public(world, cache, recall):
    cache.answers.remember(world.shelf, world.request(), world.metadata())
    cache.answers.remember_public("shelf", world.metadata(model_id="table"))
    (cache.root / "scope.key").unlink()
    assert recall() is None
    assert recall("table") is not None


def test_an_alias_and_the_canonical_id_find_one_answer(world, cache, recall):
    cache.answers.remember(world.shelf, world.request("small-lamp"), world.metadata())
    assert recall("small-lamp").metadata == recall("lamp").metadata
    newer = world.metadata(world.package(licence="MIT"))
    cache.answers.remember(world.shelf, world.request("lamp"), newer)
    assert recall("small-lamp").metadata.packages[0].licence == "MIT"


def test_an_alias_without_its_answer_finds_nothing(world, cache, recall):
    cache.answers.remember(world.shelf, world.request("small-lamp"), world.metadata())
    for path in cache.files("answers"):
        if "model" in json.loads(path.read_text()):
            path.unlink()
    assert recall("small-lamp") is None


def test_revisions_are_answers_of_their_own(world, cache, recall):
    for revision in (None, "1", ""):
        metadata = world.metadata(revision=revision or "2")
        cache.answers.remember(world.shelf, world.request(revision=revision), metadata)
    assert [recall(revision=each).metadata.revision for each in (None, "1", "")] == ["2", "1", "2"]
    assert len(cache.files("answers")) == 3


def test_what_was_imported_is_found_by_everybody_and_gives_way_to_ones_own(world, cache, recall):
    imported = world.metadata(world.package(licence="imported"))
    assert cache.answers.remember_public("shelf", imported, aliases=["small-lamp"], created_at=world.now - 50)
    for name, key in (("lamp", None), ("lamp", "any"), ("small-lamp", "other")):
        found = recall(name, api_key=key)
        assert found.metadata.packages[0].licence == "imported"
        assert found.age_seconds == 50
    cache.answers.remember(world.shelf, world.request(api_key="key"), world.metadata(world.package(licence="own")))
    assert recall(api_key="key").metadata.packages[0].licence == "own"
    assert recall().metadata.packages[0].licence == "imported"


def test_what_was_imported_is_found_in_a_cache_without_key_that_cannot_be_written(world, cache, recall):
    cache.answers.remember_public("shelf", world.metadata())
    assert not (cache.root / "scope.key").exists()
    cache.writable = False
    assert recall() is not None
    assert recall("table") is None
    assert not (cache.root / "scope.key").exists()


def test_a_clock_that_was_turned_back_shows(world, cache, recall):
    cache.answers.remember(world.shelf, world.request(), world.metadata())
    cache.time -= 1000
    assert recall().age_seconds == -1000


def test_a_cache_that_cannot_be_written_keeps_nothing(world, cache):
    cache.writable = False
    assert cache.answers.remember(world.shelf, world.request(), world.metadata()) is False
    assert cache.answers.remember_public("shelf", world.metadata()) is False
    assert list(cache.root.iterdir()) == []


@pytest.mark.parametrize("package", [{"manifest": None, "requirements": object()}, {"directory": "wheel"}])
def test_an_answer_that_is_no_document_is_not_kept(world, cache, recall, package):
    metadata = world.metadata(world.package(**package))
    assert cache.answers.remember(world.shelf, world.request(), metadata) is False
    assert recall() is None


def test_an_answer_that_breaks_a_promise_is_not_kept(world, cache, recall):
    cache.answers.remember(world.shelf, world.request(), world.metadata())
    for sha256 in (None, world.other_sha256):
        worse = world.metadata(world.package(sha256=sha256))
        with pytest.raises(HashDowngradeError):
            cache.answers.remember(world.shelf, world.request(api_key="other"), worse)
        with pytest.raises(HashDowngradeError):
            cache.answers.remember_public("shelf", worse)
    assert recall().metadata.packages[0].artifacts[0].sha256 == world.sha256
    assert recall(api_key="other") is None


def test_a_package_whose_plugin_is_gone_says_so(world, cache):
    cache.answers.remember(world.shelf, world.request(), world.metadata())
    alone = PluginHost(discover=False).registry()
    remembered = cache.answers.recall(world.shelf, world.request(), alone)
    assert remembered.metadata.packages[0].unusable.code == "manifest-not-readable"


DAMAGE = ["", "{", "[]", "null", '{"owner": "x"}']


@pytest.mark.parametrize("content", DAMAGE)
def test_a_damaged_answer_is_put_aside_with_one_warning(world, cache, recall, content, caplog):
    cache.answers.remember(world.shelf, world.request(), world.metadata())
    (path,) = cache.files("answers")
    path.write_text(content)
    assert recall() is None
    assert len(caplog.records) == 1
    assert [kept.read_text() for kept in cache.files("quarantine")] == [content]
    cache.answers.remember(world.shelf, world.request(), world.metadata())
    assert recall() is not None


def test_a_model_in_it_that_does_not_read_is_no_answer(world, cache, recall, caplog):
    cache.answers.remember(world.shelf, world.request(), world.metadata())
    (path,) = cache.files("answers")
    document = json.loads(path.read_text())
    document["model"]["modelPackages"] = 7
    path.write_text(json.dumps(document))
    assert recall() is None
    assert "modelPackages" in caplog.text


def test_the_list_has_what_could_be_recalled(world, cache, monkeypatch):
    answers = cache.answers
    answers.remember(world.shelf, world.request("small-lamp", api_key="key"), world.metadata())
    cache.time += 5
    answers.remember(world.shelf, world.request("table", api_key="other"), world.metadata(model_id="table"))
    answers.remember(world.attic, world.request("chair", revision="2"), world.metadata(model_id="chair"))
    answers.remember_public("gone", world.metadata(model_id="stool"), aliases=["seat"])
    specs = (world.shelf, world.attic)
    stool = RememberedModel("gone", "stool", None, world.now + 5, ("seat",))
    chair = RememberedModel("attic", "chair", "2", world.now + 5, ())
    lamp = RememberedModel("shelf", "lamp", None, world.now, ("small-lamp",))
    assert answers.list_remembered(specs) == (chair, stool)
    assert answers.list_remembered(()) == (stool,)
    assert answers.list_remembered(specs, Secret("key")) == (stool, lamp)
    monkeypatch.setenv("SHELF_KEY", "key")
    assert answers.list_remembered(specs) == (chair, stool, lamp)


def test_an_empty_cache_lists_nothing(world, tmp_path):
    assert Answers(Scope(tmp_path / "missing", writable=False)).list_remembered((world.shelf,)) == ()


def test_forgetting_a_model_leaves_others_alone(world, cache, host, recall):
    answers, request = cache.answers, world.request("small-lamp", api_key="key")
    answers.remember(world.shelf, request, world.metadata())
    answers.remember_public("shelf", world.metadata())
    answers.remember(world.shelf, world.request("table"), world.metadata(model_id="table"))
    cache.choices().remember("0" * 64, world.choice(host, request))
    cache.choices().remember("1" * 64, world.choice(host, request, provider="attic"))
    assert forget(cache.scope, "shelf", "lamp") == 5  # answer, alias, import, choice, pins
    assert recall("lamp") is None
    assert recall("small-lamp", api_key="key") is None
    assert recall("table") is not None
    assert len(cache.files("choices")) == 1
    exchanged = world.metadata(world.package(sha256=world.other_sha256))
    answers.remember(world.shelf, request, exchanged)
    with pytest.raises(HashDowngradeError):
        answers.remember(
            world.shelf, world.request("table"), world.metadata(world.package(sha256=None), model_id="table")
        )


def test_ids_that_differ_in_case_or_form_are_not_one(world, cache, recall):
    ids = ["Lamp", "lamp", "l\u00e4mp", "la\u0308mp", "lamp ", "a/b", "a-b"]
    for number, model_id in enumerate(ids):
        package = world.package(artifacts=[Artifact(handle=f"w{number}", md5=world.md5)])
        cache.answers.remember(world.shelf, world.request(model_id), world.metadata(package, model_id=model_id.strip()))
    names = [recall(model_id).metadata.packages[0].artifacts[0].handle for model_id in ids]
    assert names == ["w0", "w4", "w2", "w3", "w4", "w5", "w6"]
