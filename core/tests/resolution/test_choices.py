"""R-35, the half on disk: choices that are fresh, stale, damaged, or of a clock that went wrong."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading

import attrs
import pytest
from inference_models_core import settings
from inference_models_core.errors import InvalidRequestError, MalformedDocumentError, UnsafeCacheError
from inference_models_core.negotiation import codes
from inference_models_core.parsing import MAX_DOCUMENT_BYTES
from inference_models_core.resolution.choice import TRANSIENT_CODES, choice_document, choice_of, read_choice
from inference_models_core.store import files
from inference_models_core.store.packages import StoredFile
from inference_models_core.types.backends import BackendReport, Fit
from inference_models_core.types.devices import CPU, Device
from inference_models_core.types.negotiation import Rejection
from inference_models_core.types.packages import LocalCode

KEY = "0" * 64
YEARS = 365 * 86400
FULL = {
    "report": BackendReport(
        backend="loopback", availability="degraded", version="1.2", devices=(Device("cuda", 1), CPU),
        capabilities={"providers": "A,B"}, code="gpu-unused", reason="no library", fix="pip install library",
    ),
    "device": Device("cuda", 1),
    "fit": Fit(preference=-2.5, note="slow"),
    "warnings": ("a GPU stays unused",),
    "trusted": True,
    "rejected": tuple(
        Rejection(code="x", reason=f"reason {number % 2}", fix="fix", package_id=f"r{number}", backend="trt")
        for number in range(5)
    ),
}  # fmt: skip


@pytest.fixture
def choice(world, host):
    return world.choice(host, world.request())


def test_a_choice_is_written_and_read_whole(choice):
    full = choice._replace(**FULL)
    assert read_choice(json.loads(json.dumps(choice_document(full))), "choice") == full
    assert read_choice(json.loads(json.dumps(choice_document(choice))), "choice") == choice


def test_reasons_that_many_packages_share_are_written_once(choice):
    many = [Rejection(code="x", reason="long " * 50, package_id=f"{n:04}") for n in range(1000)]
    document = choice_document(choice._replace(rejected=tuple(many)))
    assert len(json.dumps(document["rejected"])) < 12_000
    assert list(read_choice(document, "choice").rejected) == many


def test_the_document_has_no_urls(choice):
    assert "https" not in json.dumps(choice_document(choice))


AGES = {
    0: "fresh", 1: "fresh", 99: "fresh", 100: "stale", 101: "stale", 70 * YEARS: "stale",
    -1: "stale", -70 * YEARS: "stale",
}  # fmt: skip


@pytest.mark.parametrize(("age", "expected"), AGES.items())
def test_age(world, cache, choice, age, expected):
    cache.choices().remember(KEY, choice)
    cache.time = world.now + age
    fresh = cache.choices().recall(KEY)
    stale = cache.choices().recall(KEY, allow_stale=True)
    assert (fresh is None) is (expected == "stale")
    assert (stale.choice, stale.age_seconds, stale.is_stale) == (choice, age, expected == "stale")
    assert len(cache.files("choices")) == 1  # nothing is removed for its age


def test_a_choice_made_by_a_clock_of_1956_is_stale_and_not_damaged(cache, choice, caplog):
    cache.choices().remember(KEY, choice._replace(created_at=-14.0 * YEARS))
    assert cache.choices().recall(KEY) is None
    assert cache.choices().recall(KEY, allow_stale=True).is_stale
    assert not caplog.records


@pytest.mark.parametrize(
    ("text", "seconds"), [(None, 86400), ("", 86400), ("0", 0), ("1.5", 1.5), ("inf", float("inf"))]
)
def test_the_age_comes_from_the_environment(monkeypatch, text, seconds):
    if text is not None:
        monkeypatch.setenv("INFERENCE_MODELS_RESOLUTION_MAX_AGE", text)
    assert settings.resolution_max_age() == seconds


@pytest.mark.parametrize("text", ["-1", "nan", "a day"])
def test_an_age_that_is_none_is_refused(monkeypatch, cache, text):
    monkeypatch.setenv("INFERENCE_MODELS_RESOLUTION_MAX_AGE", text)
    with pytest.raises(InvalidRequestError, match="RESOLUTION_MAX_AGE"):
        cache.choices(max_age=None)


def test_with_an_age_of_zero_every_choice_is_stale(cache, choice):
    cache.choices().remember(KEY, choice)
    assert cache.choices(max_age=0).recall(KEY) is None
    assert cache.choices(max_age=0).recall(KEY, allow_stale=True).choice == choice


def test_a_newer_choice_replaces_the_older_one(cache, choice):
    cache.choices().remember(KEY, choice)
    cache.choices().remember(KEY, choice._replace(provider="attic"))
    assert cache.choices().recall(KEY).choice.provider == "attic"
    assert len(cache.files("choices")) == 1


def test_a_refresh_that_fails_leaves_the_old_choice(cache, choice, monkeypatch, caplog):
    cache.choices().remember(KEY, choice)
    for operation in ("create", "write", "fsync", "rename"):

        def fail(name, operation=operation):
            if name == operation:
                raise OSError(28, "No space left on device")

        monkeypatch.setattr(files, "on_operation", fail)
        assert cache.choices().remember(KEY, choice._replace(provider="attic")) is False
        monkeypatch.setattr(files, "on_operation", None)
        assert cache.choices().recall(KEY).choice == choice
    assert len(caplog.records) == 4
    assert [path.suffix for path in cache.files("choices")] == [".json"]


def damage(document):
    yield b""
    yield b"\0" * 100
    yield b"{" + b"a" * 10
    yield b"[" * 100_000
    yield b" " * (MAX_DOCUMENT_BYTES + 1)
    for name in document:
        yield json.dumps({key: value for key, value in document.items() if key != name}).encode()
        yield json.dumps({**document, name: 7 if not isinstance(document[name], float) else "x"}).encode()
    for bad in ({"device": "no device!"}, {"createdAt": 1e300}, {"files": [["../x", "a" * 64, 1]]},
                {"files": [["x", "A" * 64, 1]]}, {"files": [["x", "a" * 64, -1]]}, {"files": [["x"]]},
                {"report": {**document["report"], "availability": "unavailable"}},
                {"report": {**document["report"], "availability": "degraded"}}):  # fmt: skip
        yield json.dumps({**document, **bad}).encode()


def test_a_damaged_choice_is_put_aside_with_one_warning(cache, choice, caplog):
    for number, content in enumerate(damage(choice_document(choice)), 1):
        cache.choices().remember(KEY, choice)
        (path,) = cache.files("choices")
        path.write_bytes(content)
        caplog.clear()
        assert cache.choices().recall(KEY, allow_stale=True) is None, content[:80]
        assert len(caplog.records) == 1, content[:80]
        assert cache.files("choices") == []
        assert len(cache.files("quarantine")) == number
    assert number > 25


def test_a_damaged_choice_stays_in_a_cache_that_cannot_be_written(cache, choice):
    cache.choices().remember(KEY, choice)
    (path,) = cache.files("choices")
    path.write_text("{")
    cache.writable = False
    assert cache.choices().recall(KEY) is None
    assert path.read_text() == "{"


def test_a_cache_that_cannot_be_written_gives_and_keeps_nothing_new(cache, choice):
    cache.choices().remember(KEY, choice)
    cache.writable = False
    assert cache.choices().remember("1" * 64, choice) is False
    assert cache.choices().recall(KEY).choice == choice
    assert len(cache.files("choices")) == 1


def test_without_a_key_or_a_choice_nothing_happens(cache, choice):
    assert cache.choices().recall(None) is None
    assert cache.choices().recall(KEY) is None
    assert cache.choices().remember(None, choice) is False
    assert cache.choices().remember(KEY, None) is False
    assert not cache.files("")


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")
def test_only_the_owner_reads_a_choice(cache, choice):
    cache.choices().remember(KEY, choice)
    (path,) = cache.files("choices")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_choice_that_may_not_be_read_is_left_alone(cache, choice, monkeypatch, caplog):
    """As in a cache of a group whose members do not share everything."""

    def forbidden(path):
        raise PermissionError(13, "Permission denied")

    cache.choices().remember(KEY, choice)
    monkeypatch.setattr(files, "open_existing", forbidden)
    assert cache.choices().recall(KEY) is None
    assert len(cache.files("choices")) == 1
    assert not caplog.records


def test_a_link_in_the_place_of_a_choice_is_refused(cache, choice, tmp_path):
    cache.choices().remember(KEY, choice)
    (path,) = cache.files("choices")
    target = path.rename(tmp_path / "elsewhere")
    path.symlink_to(target)
    with pytest.raises(UnsafeCacheError):
        cache.choices().recall(KEY)


def test_readers_and_writers_at_once_see_whole_choices(cache, choice):
    versions = [choice._replace(provider=f"provider-{number}" * 50) for number in range(4)]
    cache.choices().remember(KEY, versions[0])
    stop, seen = threading.Event(), []

    def read():
        while not stop.is_set():
            seen.append(cache.choices().recall(KEY))

    def write(version):
        for _ in range(20):
            assert cache.choices().remember(KEY, version)

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(version,)) for version in versions]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert seen
    assert all(found is not None and found.choice in versions for found in seen)


def negotiate_with(world, host, *rejections, **package):
    request = world.request()
    negotiation = world.negotiation(host, request, world.metadata(world.package(**package)))
    return attrs.evolve(negotiation, rejected=rejections), negotiation.accepted[0]


def chosen(negotiation, candidate):
    files = [StoredFile(handle="w", sha256="a" * 64, size=1)]
    return choice_of(negotiation, candidate, files, provider="shelf", trusted=False, now=0)


@pytest.mark.parametrize("code", sorted(codes.MEANINGS))
def test_only_what_may_be_gone_in_a_moment_keeps_a_choice_from_being_remembered(world, host, code):
    negotiation, candidate = negotiate_with(world, host, Rejection(code=code, reason="r", package_id="q"))
    assert (chosen(negotiation, candidate) is None) is (code in TRANSIENT_CODES)


def test_files_at_a_place_of_their_own_and_own_code_are_not_remembered(world, host, tmp_path):
    negotiation, candidate = negotiate_with(world, host)
    for change in ({"directory": tmp_path}, {"local_code": LocalCode(module="m.py", class_name="C")},
                   {"manifest": None, "requirements": object()}):  # fmt: skip
        other = attrs.evolve(candidate, package=attrs.evolve(candidate.package, **change))
        assert chosen(negotiation, other) is None
    assert chosen(negotiation, candidate) is not None


@pytest.mark.parametrize("preference", [float("nan"), float("inf")])
def test_a_preference_that_json_has_not_is_not_remembered(world, host, preference):
    negotiation, candidate = negotiate_with(world, host)
    assert chosen(negotiation, attrs.evolve(candidate, fit=Fit(preference=preference))) is None


def test_a_text_that_could_not_be_read_back_is_not_written(cache, choice):
    assert cache.choices().remember(KEY, choice._replace(warnings=("x" * 70_000,))) is False
    assert not cache.files("choices")


def test_a_choice_is_no_document_of_another_kind():
    with pytest.raises(MalformedDocumentError):
        read_choice([], "choice")


def test_recalling_imports_nothing_heavy(cache, world, host, choice):
    cache.choices().remember(KEY, choice)
    code = f"""
import sys
from pathlib import Path
from inference_models_core import PluginHost
from inference_models_core.resolution.scope import Scope
from inference_models_core.resolution.choices import Choices
from inference_models_core.resolution.restoring import restore
from inference_models_core.types.references import ModelRef
from inference_models_core.types.requests import LoadRequest
import inference_models_core.testing.loopback.plugin as loopback
host = PluginHost(discover=False)
host.register(loopback, "loopback", "1")
request = LoadRequest(ref=ModelRef(text="lamp", model_id="lamp"))
choices = Choices(Scope(Path({str(cache.root)!r})), max_age=float("inf"), now=lambda: 2e9)
assert choices.key(request, host)
restore(choices.recall({KEY!r}).choice, request, host.registry())
heavy = ("requests", "urllib3", "filelock", "platformdirs", "rich", "click", "numpy", "importlib.metadata", "packaging")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
