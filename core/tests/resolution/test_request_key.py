"""Which requests are the same request."""

from __future__ import annotations

import enum
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inference_models_core import PluginHost, hookimpl
from inference_models_core.resolution.request_key import (
    OPTIONS_LEFT_OUT,
    REQUEST_FIELDS_LEFT_OUT,
    request_key,
)
from inference_models_core.resolution.stable import UnstableValueError, stable_text, stable_value
from inference_models_core.types.backends import BackendSpec
from inference_models_core.types.devices import CPU, Device
from inference_models_core.types.references import ModelRef
from inference_models_core.types.requests import LoadOptions, LoadRequest
from inference_models_core.types.secrets import Secret

REQUEST_CHANGES = {
    "ref": ModelRef(text="table", model_id="table"),
    "weights_provider": "attic",
    "api_key": "other",
    "revision": "2",
    "backends": ("loopback",),
    "device": CPU,
    "quantizations": ("fp32",),
    "batch_size": (1, 4),
    "package_id": "p",
    "allow_untrusted_packages": True,
    "allow_local_code_packages": True,
    "fallback": "none",
    "options": LoadOptions(task="classification"),
    "model_kwargs": {"confidence": 0.5},
}
"""A value for each field of a request that changes the choice, or may."""

OPTION_CHANGES = {
    "prefer": ("loopback",),
    "architecture": "brightness",
    "task": "classification",
    "class_names": ("a", "b"),
    "input_size": (4, 4),
    "backend_options": {"loopback": {"threads": 1}},
    "provider_options": {"gateway": "http://10.0.0.1"},
    "trusted_code": ("p@sha256:aa",),
    "max_image_pixels": 1,
    "allow_url_input": True,
    "allow_unhashed_files": True,
    "max_file_size": 1,
    "dependency_options": {"features": {"device": "cpu"}},
    "beyond_tolerance": "refuse",
    "tolerance": {"boxes": 2.0},
}
"""The same for its options."""


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@attrs.frozen
class Threshold:
    value: float


@pytest.fixture
def key(world, host, cache):
    return lambda request=None, using=None: request_key(request or world.request(), using or host, cache.scope)


@pytest.mark.parametrize(
    ("owner", "changes", "left_out"),
    [(LoadRequest, REQUEST_CHANGES, REQUEST_FIELDS_LEFT_OUT), (LoadOptions, OPTION_CHANGES, OPTIONS_LEFT_OUT)],
)
def test_every_field_is_classified(owner, changes, left_out):
    """Whoever adds a field says here whether it changes the choice: with a value, or with a reason why not."""
    indirect = {"ref", "weights_provider", "api_key", "options"}
    assert {*changes} | {*left_out} == {field.name for field in attrs.fields(owner)}
    assert {*changes} & {*left_out} <= indirect


@pytest.mark.parametrize("field", REQUEST_CHANGES)
def test_each_field_changes_the_key(world, key, field):
    base = world.request(api_key="key")
    assert key(base) == key(world.request(api_key="key"))
    assert key(attrs.evolve(base, **{field: REQUEST_CHANGES[field]})) not in (key(base), None)


@pytest.mark.parametrize("field", OPTION_CHANGES)
def test_each_option_changes_the_key(world, key, field):
    changed = world.request(options=LoadOptions(**{field: OPTION_CHANGES[field]}))
    assert key(changed) not in (key(), None)


@pytest.mark.parametrize(
    "wishes",
    [
        {"offline": True},
        {"force_download": True},
        {"cache_dir": "/elsewhere"},
        {"options": LoadOptions(verify="full", offline_fallback="strict", use_resolution_cache=False, progress=True)},
        {"options": LoadOptions(shared_cache=True)},
    ],
)
def test_what_does_not_change_the_choice_does_not_change_the_key(world, key, wishes):
    assert key(world.request(**wishes)) == key()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    first=st.fixed_dictionaries({}, optional={name: st.just(value) for name, value in REQUEST_CHANGES.items()}),
    second=st.fixed_dictionaries({}, optional={name: st.just(value) for name, value in REQUEST_CHANGES.items()}),
)
def test_no_two_combinations_share_a_key(world, key, first, second):
    one, two = world.request(name="lamp"), world.request()
    assert (key(attrs.evolve(one, **first)) == key(attrs.evolve(two, **second))) is (first == second)


class Named:
    @hookimpl
    def register_backends(self):
        yield BackendSpec(name="fast", names=("speedy",))
        yield BackendSpec(name="slow")


def test_the_order_of_backends_and_precisions_counts_and_their_spelling_does_not(world, cache):
    host = world.host(Named())

    def key(**wishes):
        return request_key(world.request(**wishes), host, cache.scope)

    assert key(backends=("speedy", "slow")) == key(backends=("fast", "slow"))
    assert key(backends=("fast", "slow")) != key(backends=("slow", "fast"))
    assert key(quantizations=("fp16", "fp32")) != key(quantizations=("fp32", "fp16"))
    assert key(device=Device("cuda")) != key(device=Device("cuda", 0))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (LoadOptions(prefer=("My_Dist",)), LoadOptions(prefer=("my-dist",))),
        (LoadOptions(trusted_code=("a", "b")), LoadOptions(trusted_code=("b", "a", "a"))),
        (LoadOptions(provider_options={"a": 1, "b": 2}), LoadOptions(provider_options={"b": 2, "a": 1})),
        (LoadOptions(class_names=["a"]), LoadOptions(class_names=("a",))),
    ],
)
def test_order_and_spelling_that_mean_the_same_do_not_count(world, key, first, second):
    assert key(world.request(options=first)) == key(world.request(options=second)) != key()


def test_the_ways_to_name_a_provider_mean_the_same(world, key):
    named = {key(world.request(name, weights_provider=given)) for name, given in
             [("attic://lamp", None), ("loft://lamp", None), ("lamp", "attic"), ("lamp", "ATTIC"),
              ("shelf://lamp", "attic")]}  # fmt: skip
    assert len(named) == 1
    assert named.isdisjoint({key(), key(world.request("shelf://lamp")), None})


def test_the_configured_providers_and_their_order_count(world, key, monkeypatch):
    keys = {key()}
    for value in ("shelf", "attic", "shelf,attic", "attic,shelf"):
        monkeypatch.setenv("INFERENCE_MODELS_PROVIDERS", value)
        keys.add(key())
    assert len(keys) == 5


def test_the_key_of_the_environment_counts_as_the_callers(world, key, monkeypatch):
    request = world.request("shelf://lamp")
    without = key(request)
    monkeypatch.setenv("SHELF_KEY", "secret")
    assert key(request) == key(world.request("shelf://lamp", api_key="secret")) != without
    assert key(world.request("attic://lamp")) == key(world.request("attic://lamp"))


def test_variables_of_a_provider_that_is_not_asked_do_not_count(world, key, monkeypatch):
    asked, other = world.request("shelf://lamp"), world.request("attic://lamp")
    before = key(asked), key(other)
    monkeypatch.setenv("SHELF_HOST", "https://eu.example")
    assert key(asked) != before[0]
    assert key(other) == before[1]


def test_a_variable_that_is_empty_is_not_one_that_is_unset(world, key, monkeypatch):
    monkeypatch.setenv("SHELF_HOST", "")
    empty = key()
    monkeypatch.delenv("SHELF_HOST")
    assert key() != empty


def test_plugins_and_the_key_of_the_cache_count(world, key, tmp_path):
    assert key(using=world.host(Named())) != key()
    before = key()
    (tmp_path / "scope.key").unlink()
    assert key() != before


def test_a_lock_file_counts_by_its_content(world, key, tmp_path):
    first, second = tmp_path / "a.lock", tmp_path / "b.lock"
    first.write_text("{}")
    second.write_text("{}")
    one, two = (world.request(options=LoadOptions(lockfile=path)) for path in (first, second))
    assert key(one) == key(two) != key()
    second.write_text("[]")
    assert key(two) != key(one)
    second.unlink()
    assert key(two) is None


class Undecided:
    @hookimpl
    def rank_candidates(self, request, candidates):
        return None


@pytest.mark.parametrize(
    "request_",
    [
        LoadRequest(ref=ModelRef(text="./x", path=Path("x"))),
        LoadRequest(ref=ModelRef(text="cellar://x", model_id="x", scheme="cellar")),
        LoadRequest(ref=ModelRef(text="x", model_id="x"), weights_provider="cellar"),
    ],
)
def test_what_is_not_remembered(key, request_):
    assert key(request_) is None


def test_nothing_is_remembered_where_a_plugin_that_decides_has_no_version(world, key):
    host = world.host()
    host.register(Undecided(), "undecided")
    assert key(using=host) is None


def test_nothing_is_remembered_without_a_key_of_the_cache(world, host, cache):
    cache.writable = False
    assert request_key(world.request(), host, cache.scope) is None


class Plain:
    pass


class Text(str):
    __slots__ = ("hidden",)


@pytest.mark.parametrize(
    "value", [Plain(), print, Text("a"), object, [Plain()], {"a": {1: Plain()}}, {Plain()}, iter([])]
)
def test_a_value_without_a_stable_text_is_never_a_wrong_hit(world, key, value):
    assert key(world.request(model_kwargs={"x": value})) is None
    assert key(world.request(options=LoadOptions(provider_options={"x": value}))) is None


def test_a_value_that_contains_itself_is_not_remembered(world, key):
    endless = []
    endless.append(endless)
    assert key(world.request(model_kwargs={"x": endless})) is None


DISTINCT = [None, True, 1, 1.5, "1", "True", b"1", "31", "", [], {}, {1: 2}, {"1": 2}, [1], ["1"], [[1]], {1},
            {"set": []}, Path("1"), Colour.RED, Colour.BLUE, Threshold(1.0), Threshold(2.0), Secret("1"), Secret("2"),
            float("inf"), {"a": None}, {"b": None}, [None], "\udcff", 2**70]  # fmt: skip


def seal(secret):
    return f"sealed {secret.reveal()}"


def test_different_values_have_different_texts():
    texts = [stable_text(stable_value(value, seal)) for value in DISTINCT]
    assert len(set(texts)) == len(DISTINCT)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
    | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2) | st.integers(), inner, max_size=3),
    max_leaves=6,
)


@given(json_values, json_values)
def test_texts_are_equal_exactly_where_values_are(first, second):
    same = stable_text(stable_value(first, seal)) == stable_text(stable_value(second, seal))
    if same:
        assert first == second
    assert stable_text(stable_value(first, seal)) == stable_text(stable_value(_copy(first), seal))


def _copy(value):
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in reversed(value.items())}
    return tuple(map(_copy, value)) if isinstance(value, list) else value


def test_unstable_values_raise():
    with pytest.raises(UnstableValueError):
        stable_value(object(), seal)


def test_no_secret_is_in_a_key_file_or_in_memory_that_is_shown(world, key, tmp_path, monkeypatch):
    monkeypatch.setenv("SHELF_HOST", "https://user:canary@host")
    assert key(world.request(api_key="canary", options=LoadOptions(provider_options={"header": "canary"})))
    assert not any(b"canary" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_core_alone_remembers_nothing_for_a_provider_it_does_not_have(cache, world):
    assert request_key(world.request("shelf://lamp"), PluginHost(discover=False), cache.scope) is None
