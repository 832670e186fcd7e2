"""The checks that run beside every test find what they are there to find."""

from __future__ import annotations

import base64
import hashlib
import logging
import subprocess
import sys

import platformdirs
import pytest
from inference_models_core import settings
from inference_models_core.errors import InferenceModelsError, ModelNotFoundError
from inference_models_core.store.store import Store
from inference_models_core.types.secrets import Secret

from suite_checks import canaries, listening, own_cache, public_errors
from suite_checks.secrets import CANARIES, LOGIN, Canaries

OTHER = Canaries()
"""Secrets that nobody listens for, to be let out."""


# Cache folders


def test_the_cache_of_a_test_is_its_own(own_cache_folder, request):
    assert settings.cache_folder() == own_cache_folder
    assert not own_cache_folder.exists()
    (state_folder,) = own_cache.folders(request.config)
    assert own_cache_folder.is_relative_to(state_folder)


def test_a_child_and_a_store_use_it(own_cache_folder):
    code = "from inference_models_core.store.store import Store; print(Store.open().root)"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == str(own_cache_folder) == str(Store.open().root)


def test_the_census_sees_what_changes(tmp_path):
    assert own_cache.census(tmp_path / "none") == {}
    before = own_cache.census(tmp_path)
    (tmp_path / "new").write_text("")
    assert set(own_cache.census(tmp_path)) - set(before) == {str(tmp_path / "new")}


def test_what_is_touched_is_reported(request, tmp_path, monkeypatch):
    state = request.config.stash[own_cache._state]
    assert own_cache.touched(request.config) == []
    monkeypatch.setattr(state, "users_own", tmp_path)
    monkeypatch.setattr(state, "before", own_cache.census(tmp_path))
    (tmp_path / "new").write_text("")
    assert str(tmp_path / "new") in own_cache.touched(request.config)


def test_the_variables_are_those_of_platformdirs(monkeypatch, tmp_path):
    if sys.platform != "linux":
        pytest.skip("which variable counts differs")
    monkeypatch.setenv(own_cache.VARIABLES[0], str(tmp_path))
    assert platformdirs.user_cache_path("x", appauthor=False) == tmp_path / "x"


# Errors that leave the public interface


class UndocumentedError(InferenceModelsError):
    code = "nobody-wrote-this-down"


def _raise(error, cause=None, suppress=False):
    try:
        if cause is not None:
            raise cause
    except Exception:
        if suppress:
            raise error from None
        raise error  # noqa: B904 - a cause that is hidden is what the test is about
    raise error


def outcome(function, *allowed, handled=None):
    try:
        public_errors.watched(function, (), "f")()
    except BaseException as error:
        return public_errors.faults_of(error.with_traceback(error.__traceback__.tb_next), allowed, handled)


@pytest.fixture
def faults():
    """What was noted is expected here, and must not fail the test."""
    yield public_errors._faults
    public_errors._faults.clear()


@pytest.mark.parametrize(
    ("error", "cause", "says"),
    [
        (KeyError("x"), None, "KeyError, which is none of ours"),
        (TypeError("from inside"), None, "TypeError, which is none of ours"),
        (UndocumentedError("x"), None, "not documented"),
        (ModelNotFoundError("x"), OSError("y"), "hides its cause"),
    ],
)
def test_faults_are_found(faults, error, cause, says):
    (fault, *_) = outcome(lambda: _raise(error, cause))
    assert says in fault
    assert faults


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), MemoryError(), ModelNotFoundError("x")])
def test_what_may_pass(faults, error):
    assert outcome(lambda: _raise(error)) == []
    assert not faults


def test_a_wrong_signature_is_pythons_business(faults):
    with pytest.raises(TypeError):
        public_errors.watched(lambda one: one, (), "f")()
    assert not faults


def test_an_allowed_error_and_one_without_context_on_purpose(faults):
    assert outcome(lambda: _raise(FileNotFoundError()), FileNotFoundError) == []
    assert outcome(lambda: _raise(ModelNotFoundError("x"), OSError("y"), suppress=True)) == []


def test_what_the_caller_was_handling_is_no_hidden_cause(faults):
    try:
        raise OSError("of the caller")
    except OSError:
        with pytest.raises(ModelNotFoundError):
            public_errors.watched(lambda: _raise(ModelNotFoundError("x")), (), "f")()
    assert not faults


def test_the_entry_points_are_watched():
    from inference_models_core import AutoModel
    from inference_models_core.download.engine import download

    for function in (AutoModel.from_pretrained.__func__, AutoModel.plan.__func__, Store.find_blob, download):
        assert function.__code__.co_filename == public_errors.__file__
    assert {"model-not-found", "disk-full", "error"} <= public_errors.CODES


# Secrets


@pytest.mark.parametrize(
    "spelling",
    [
        lambda value: value,
        lambda value: f"https://host/x?sig={value}&a=b",
        lambda value: f"Bearer {value}".encode(),
        lambda value: base64.b64encode(f"{LOGIN}:{value}".encode()),
        lambda value: hashlib.sha256(value.encode()).hexdigest(),
        lambda value: f"{hashlib.sha256(value.encode()).hexdigest()[:32]}.json",
    ],
)
def test_every_spelling_is_recognised(spelling):
    for name in ("api_key", "bearer", "signature", "password"):
        assert OTHER.found_in(spelling(getattr(OTHER, name))) == [name]
    assert CANARIES.found_in(spelling(OTHER.api_key)) == []


def test_secrets_in_files_and_their_names_are_found(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "log").write_bytes(b"\0" * (canaries._BLOCK - 5) + OTHER.api_key.encode() + b"\0")
    (tmp_path / f"{OTHER.bearer}.part").touch()
    (tmp_path / "harmless").write_text("nothing")
    lines, count = canaries.found_in_files([tmp_path], OTHER)
    assert len(lines) == 2
    assert {line.split(" ")[0] for line in lines} == {"api_key", "bearer"}
    assert count == 4


def test_a_secret_in_a_variable_of_our_frames_is_found():
    def call(reference, **arguments):
        try:
            settings_of = sys.modules["inference_models_core.reference"].parse_reference
            settings_of(reference, **arguments)
        except InferenceModelsError as error:
            return "".join(str(text) for text in listening.texts_of(error))

    assert OTHER.found_in(call(f"..{OTHER.api_key}/../", suffixes=())) == ["api_key"]
    assert OTHER.found_in(call("../x\0", suffixes=(Secret(OTHER.api_key),))) == []


@pytest.fixture
def let_out():
    """What was let out on purpose is not counted."""
    before = len(listening.found)
    yield lambda: [line.split(" ")[0] for line in listening.found[before:]]
    del listening.found[before:]


def test_a_log_message_is_heard_whatever_the_level(let_out, caplog):
    logging.getLogger("inference_models").debug("asking with %s", CANARIES.bearer)
    assert let_out() == ["bearer"]
    assert caplog.records == []  # nobody else hears what he did not ask for


def test_output_is_heard(let_out, capsys):
    print(CANARIES.signature)  # noqa: T201
    capsys.readouterr()
    assert let_out() == ["signature"]


def test_children_are_heard(let_out):
    code = "import os; print(os.environ['ROBOFLOW_API_KEY'])"
    subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert let_out() == ["api_key"]
    subprocess.run([sys.executable, "-c", "pass", CANARIES.password], check=True)
    assert let_out()[1:] == ["password"]
