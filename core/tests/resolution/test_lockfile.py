from __future__ import annotations

import json
import random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_models_core.errors import LockfileError, LockfileMismatchError
from inference_models_core.resolution.lockfile import (
    LockedPackage,
    Lockfile,
    check_locked,
    differences,
    lockfile_text,
    parse_lockfile,
    read_lockfile,
)
from inference_models_core.store.store import StoredFile
from inference_models_core.types.packages import Artifact, ModelMetadata, ModelPackage

A, B = "a" * 64, "b" * 64
WEIGHTS = StoredFile(handle="weights.onnx", sha256=A, size=1000)
NAMES = StoredFile(handle="class_names.txt", sha256=B, size=20)
LOCKED = LockedPackage(
    provider="hub",
    model_id="acme/screws/3",
    package_id="fp32",
    backend="onnx",
    revision="3",
    files=(WEIGHTS, NAMES),
    plugins={"models-onnx": "1.2", "models-hub": "0.9"},
)


def model(**changes):
    """The provider's answer that fits what is locked, with changes."""
    facts = {"model_id": "acme/screws/3", "revision": "3", "package_id": "fp32", "backend": "onnx"} | changes
    artifacts = facts.get("artifacts", [Artifact(handle=f.handle, sha256=f.sha256, size=f.size) for f in LOCKED.files])
    package = ModelPackage(package_id=facts["package_id"], backend=facts["backend"], artifacts=artifacts)
    return ModelMetadata(model_id=facts["model_id"], revision=facts["revision"], packages=[package]), package


# The document


def test_what_is_written_is_read():
    lockfile = Lockfile(packages=[LOCKED, attrs.evolve(LOCKED, package_id="fp16", revision=None, plugins={})])
    assert parse_lockfile(lockfile_text(lockfile).encode()) == lockfile


def test_the_document_as_people_see_it():
    assert lockfile_text(Lockfile(packages=[LOCKED])) == (
        '{\n  "format": 1,\n  "models": [\n    {\n      "provider": "hub",\n      "id": "acme/screws/3",\n'
        '      "revision": "3",\n      "package": "fp32",\n      "backend": "onnx",\n      "plugins": {\n'
        '        "models-hub": "0.9",\n        "models-onnx": "1.2"\n      },\n      "files": [\n        {\n'
        f'          "name": "class_names.txt",\n          "sha256": "{B}",\n          "size": 20\n        }},\n'
        f'        {{\n          "name": "weights.onnx",\n          "sha256": "{A}",\n          "size": 1000\n'
        "        }\n      ]\n    }\n  ]\n}\n"
    )


NAME = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, categories=("L", "N", "P")), min_size=1, max_size=9)


@given(st.lists(st.tuples(NAME, NAME, NAME), unique=True, max_size=6), st.randoms(use_true_random=False))
def test_order_does_not_matter(keys: list[tuple[str, str, str]], shuffler: random.Random):
    packages = [attrs.evolve(LOCKED, provider=a, model_id=b, package_id=c) for a, b, c in keys]
    shuffled = [attrs.evolve(each, files=each.files[::-1]) for each in packages]
    shuffler.shuffle(shuffled)
    assert lockfile_text(Lockfile(packages=packages)) == lockfile_text(Lockfile(packages=shuffled))
    assert parse_lockfile(lockfile_text(Lockfile(packages=packages)).encode()) == Lockfile(packages=packages)


def document(**changes):
    """The document of one model, with changes to that model."""
    whole = json.loads(lockfile_text(Lockfile(packages=[LOCKED])))
    whole["models"][0] |= changes
    return whole


def files(**changes):
    return [{"name": "weights.onnx", "sha256": A, "size": 5} | changes]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[]", "expected an object"),
        ({"models": []}, "format: expected a value"),
        ({"format": True, "models": []}, "format: expected a whole number"),
        ({"format": 0, "models": []}, "whole number from 1"),
        ({"format": 1}, "models: expected a value"),
        ({"format": 1, "models": {}}, "models: expected a list"),
        ({"format": 1, "models": document()["models"] * 2}, "every package once"),
        (document(provider=None), "provider"),
        (document(provider="hub\x1b[2J"), "provider"),
        (document(id=""), "id"),
        (document(id="x" * 1025), "id"),
        (document(package=7), "package"),
        (document(backend=["onnx"]), "backend"),
        (document(revision=3), "revision"),
        (document(plugins={"models-onnx": 1}), "plugins"),
        (document(files=[]), "at least one file"),
        (document(files=files(name="../weights.onnx")), r"models\[0\].files\[0\].name: .*'..'"),
        (document(files=files(name="/etc/passwd")), "relative file name"),
        (document(files=files(name="C:\\weights.onnx")), "relative file name"),
        (document(files=files() * 2), "clash"),
        (document(files=files() + files(name="WEIGHTS.onnx")), "clash"),
        (document(files=files(sha256=A.upper())), "sha256"),
        (document(files=files(sha256=f"sha256:{A}")), "sha256"),
        (document(files=files(sha256=None)), "sha256"),
        (document(files=files(size=-1)), "size"),
        (document(files=files(size=1.0)), "size"),
        (document(files=files(size=None)), "size"),
    ],
)
def test_what_cannot_be_used(content, message):
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(LockfileError, match=message) as caught:
        parse_lockfile(content)
    assert type(caught.value) is LockfileError
    assert "inference-models lock" in caught.value.hint


def test_a_newer_format_says_what_to_update():
    with pytest.raises(LockfileError, match=r"format 2.*up to 1") as caught:
        parse_lockfile(json.dumps(document() | {"format": 2}).encode())
    assert caught.value.hint == "pip install --upgrade inference-models-core"


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(LockfileError, match=r"models\.lock") as caught:
        read_lockfile(tmp_path / "models.lock")
    assert "inference-models lock MODEL --output" in caught.value.hint


# Looking up and changing

OTHER = attrs.evolve(LOCKED, package_id="fp16")
ELSEWHERE = attrs.evolve(LOCKED, provider="attic")
GEARS = attrs.evolve(LOCKED, model_id="acme/gears/1")


def test_packages_of_a_model():
    lockfile = Lockfile(packages=[LOCKED, OTHER, GEARS])
    assert lockfile.of_model("acme/screws/3") == (OTHER, LOCKED)
    assert lockfile.of_model("acme/gears/1", "hub") == (GEARS,)
    with pytest.raises(LockfileError, match="hub://acme/nuts is not in the lock file") as caught:
        lockfile.of_model("acme/nuts", "hub")
    assert caught.value.hint == "add it: inference-models lock hub://acme/nuts"


def test_a_bare_id_that_several_providers_have():
    lockfile = Lockfile(packages=[LOCKED, ELSEWHERE])
    assert lockfile.of_model("acme/screws/3", "attic") == (ELSEWHERE,)
    with pytest.raises(LockfileError, match="several providers") as caught:
        lockfile.of_model("acme/screws/3")
    assert "attic://acme/screws/3, hub://acme/screws/3" in caught.value.hint


def test_locking_a_model_again_replaces_its_packages_and_no_others():
    new = attrs.evolve(LOCKED, package_id="int8")
    before = Lockfile(packages=[LOCKED, OTHER, GEARS, ELSEWHERE])
    assert before.updated([new]).packages == Lockfile(packages=[new, GEARS, ELSEWHERE]).packages
    kept = before.updated([new, attrs.evolve(LOCKED, backend="torch")], keep_others=True)
    assert (
        kept.packages
        == Lockfile(packages=[new, attrs.evolve(LOCKED, backend="torch"), OTHER, GEARS, ELSEWHERE]).packages
    )


# Comparing


def test_what_fits():
    check_locked(LOCKED, "hub", *model())
    check_locked(LOCKED, "hub", *model(), files=[NAMES, WEIGHTS])


def test_what_the_provider_does_not_say_is_no_difference():
    md5_only = [Artifact(handle="weights.onnx", md5="0" * 32), Artifact(handle="class_names.txt", size=20)]
    check_locked(LOCKED, "hub", *model(artifacts=md5_only))


@pytest.mark.parametrize(
    ("provider", "changes", "lines"),
    [
        ("attic", {}, ["provider: locked hub, found attic"]),
        ("hub", {"model_id": "acme/nuts"}, ["model: locked acme/screws/3, found acme/nuts"]),
        ("hub", {"revision": "4"}, ["revision: locked 3, found 4"]),
        ("hub", {"revision": None}, ["revision: locked 3, found none"]),
        (
            "hub",
            {"package_id": "fp16", "backend": "trt"},
            ["package: locked fp32, found fp16", "locked onnx, found trt"],
        ),
        (
            "hub",
            {"artifacts": [Artifact(handle="weights.onnx", sha256=B, size=1000)]},
            [
                f"class_names.txt: locked sha256:{B} (20 bytes), found nothing",
                f"weights.onnx: locked sha256:{A} (1000 bytes), found sha256:{B} (1000 bytes)",
            ],
        ),
        (
            "hub",
            {"artifacts": [*model()[1].artifacts, Artifact(handle="extra.bin")]},
            ["extra.bin: locked nothing, found sha256:unknown (? bytes)"],
        ),
        (
            "hub",
            {"artifacts": [Artifact(handle="weights.onnx", size=999), Artifact(handle="class_names.txt")]},
            [f"weights.onnx: locked sha256:{A} (1000 bytes), found sha256:{A} (999 bytes)"],
        ),
    ],
)
def test_a_difference_shows_both_sides(provider, changes, lines):
    with pytest.raises(LockfileMismatchError) as caught:
        check_locked(LOCKED, provider, *model(**changes))
    assert caught.value.message.startswith("hub://acme/screws/3 package fp32 is not what the lock file says:")
    for line in lines:
        assert line in caught.value.message
    assert len(caught.value.message.splitlines()) == 1 + len(lines)
    assert "inference-models sync" in caught.value.hint


def test_files_on_disk_count_more_than_what_was_said():
    with pytest.raises(LockfileMismatchError, match="1001 bytes"):
        check_locked(LOCKED, "hub", *model(), files=[NAMES, attrs.evolve(WEIGHTS, size=1001)])
    with pytest.raises(LockfileMismatchError, match="found nothing"):
        check_locked(LOCKED, "hub", *model(), files=[])


def test_versions_of_plugins_count_where_both_machines_have_them():
    assert differences(LOCKED, LOCKED) == ()
    assert differences(LOCKED, attrs.evolve(LOCKED, plugins={"models-onnx": "1.2"})) == ()
    assert differences(LOCKED, attrs.evolve(LOCKED, plugins={"models-onnx": "1.3", "models-trt": "7"})) == (
        "version of models-onnx: locked 1.2, found 1.3",
    )
