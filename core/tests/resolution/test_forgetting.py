"""What an error about an exchanged file tells the user to run must work, also where no package is in the cache."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from inference_models_core.cli import main
from inference_models_core.errors import HashDowngradeError
from inference_models_core.resolution.forgetting import forget, remembered_models
from inference_models_core.store.store import Store


@pytest.fixture
def run(cache):
    def run(*arguments):
        return CliRunner().invoke(main, [*arguments, "--cache-dir", str(cache.root)])

    cache.root = Store.open(cache.root / "cache").root
    return run


def test_models_are_found_by_anything_that_is_remembered(world, host, cache):
    cache.answers.remember_public("shelf", world.metadata(world.package(sha256=None), model_id="answered"))
    request = world.request()
    cache.choices().remember("0" * 64, world.choice(host, request, world.metadata(model_id="chosen")))
    cache.answers.pins.check("attic", world.metadata(model_id="pinned"))
    models = {("shelf", "answered"), ("shelf", "chosen"), ("attic", "pinned")}
    assert remembered_models(cache.scope) == models
    for model in models:
        assert forget(cache.scope, *model) == 1
    assert remembered_models(cache.scope) == frozenset()


def test_the_command_in_the_error_accepts_the_exchange(world, cache, run):
    cache.answers.remember(world.shelf, world.request("small-lamp"), world.metadata())
    exchanged = world.metadata(world.package(sha256=world.other_sha256))
    with pytest.raises(HashDowngradeError) as caught:
        cache.answers.remember(world.shelf, world.request(), exchanged)
    command = caught.value.hint.rpartition("inference-models ")[2].split()
    done = run(*command)
    assert done.exit_code == 0, done.output
    assert cache.answers.remember(world.shelf, world.request(), exchanged)


def test_the_command_still_refuses_what_it_does_not_know(world, cache, run):
    cache.answers.remember(world.shelf, world.request(), world.metadata())
    cache.answers.remember(world.attic, world.request(), world.metadata())
    assert "table is not in the cache" in run("cache", "rm", "table").output
    assert "write one of: attic://lamp, shelf://lamp" in run("cache", "rm", "lamp").output
    assert run("cache", "rm", "attic://lamp", "--json").exit_code == 0
    assert remembered_models(cache.scope) == {("shelf", "lamp")}
