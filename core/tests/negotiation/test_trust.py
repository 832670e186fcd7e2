from __future__ import annotations

import hashlib
from pathlib import Path

import attrs
import pytest
from inference_models_core.negotiation.trust import package_digest, trusted_code_entry
from inference_models_core.types.packages import Artifact, LocalCode
from inference_models_core.types.requests import LoadOptions

OWN_CODE = LocalCode(module="model.py", class_name="Mine")
PATH = Path("model_dir")


@pytest.mark.parametrize(
    ("backend", "trusted", "request_", "code"),
    [
        pytest.param("onnx", False, {}, 0, id="data is anyone's"),
        pytest.param("torch", True, {}, 0, id="program of a trusted provider"),
        pytest.param("torch", False, {}, "untrusted-publisher", id="program of anyone"),
        pytest.param("torch", False, {"allow_untrusted_packages": True}, 0, id="program with consent"),
        pytest.param("torch", False, {"package_id": "p"}, "untrusted-publisher", id="an id is no consent"),
        pytest.param("trt", True, {}, "code-not-trusted", id="code of a trusted provider"),
        pytest.param("trt", True, {"allow_untrusted_packages": True}, "code-not-trusted", id="consent is not a name"),
        pytest.param("trt", True, {"package_id": "p"}, "code-not-trusted", id="an id is not a hash"),
        pytest.param("trt", True, {"allow_local_code_packages": True}, "code-not-trusted", id="it is not local"),
        pytest.param("trt", True, {"path": PATH}, "code-not-trusted", id="code at a path"),
        pytest.param("trt", True, {"path": PATH, "allow_local_code_packages": True}, 0, id="code at a path, allowed"),
        pytest.param("torch", True, {"path": PATH}, 0, id="program at a path"),
    ],
)
def test_tier_against_publisher(world, backend, trusted, request_, code):
    negotiation = world.negotiate([world.pinned(backend=backend)], world.request(**request_), trusted=trusted)
    assert world.codes(negotiation) == {"p": code}


def with_trusted(world, *entries, **wishes):
    return world.request(options=LoadOptions(trusted_code=entries), **wishes)


def test_code_runs_when_named_with_its_digest(world):
    package = world.pinned()
    refused = world.negotiate([package]).rejected[0]
    assert refused.fix == f'LoadOptions(trusted_code=("{trusted_code_entry(package)}",))'
    for trusted in (True, False):
        allowed = world.negotiate([package], with_trusted(world, trusted_code_entry(package)), trusted=trusted)
        assert world.codes(allowed) == {"p": 0}


@pytest.mark.parametrize(
    "entry",
    [
        "p",
        "p@sha256:",
        "p@sha256:" + "0" * 64,
        "other@sha256:{digest}",
        "p@sha1:{digest}",
        "{digest}",
        "*",
    ],
)
def test_nothing_but_the_exact_entry_counts(world, entry):
    package = world.pinned()
    request = with_trusted(world, entry.replace("{digest}", package_digest(package)))
    assert world.codes(world.negotiate([package], request)) == {"p": "code-not-trusted"}


def test_changed_content_is_not_what_was_allowed(world):
    request = with_trusted(world, trusted_code_entry(world.pinned()))
    assert world.codes(world.negotiate([world.pinned(digest="b" * 64)], request)) == {"p": "code-not-trusted"}


def test_digests_at_a_path_are_claims_and_allow_nothing(world):
    package = world.pinned()
    request = with_trusted(world, trusted_code_entry(package), path=PATH)
    assert world.codes(world.negotiate([package], request)) == {"p": "code-not-trusted"}


def test_code_that_cannot_be_pinned_has_no_fix(world):
    package = world.package(backend="trt", artifacts=[Artifact(handle="engine.plan", md5="0" * 32)])
    (rejection,) = world.negotiate([package], world.request(allow_untrusted_packages=True)).rejected
    assert (rejection.code, rejection.fix) == ("code-not-trusted", "")
    assert "SHA-256" in rejection.reason


@pytest.mark.parametrize(
    ("request_", "pin", "code"),
    [
        pytest.param({}, False, "code-not-trusted", id="from a provider"),
        pytest.param({"allow_local_code_packages": True}, False, "code-not-trusted", id="allowed but not pinned"),
        pytest.param({}, True, "local-code-forbidden", id="pinned but not allowed"),
        pytest.param({"allow_local_code_packages": True}, True, 0, id="pinned and allowed"),
        pytest.param({"path": PATH}, False, "local-code-forbidden", id="at a path"),
        pytest.param({"path": PATH, "allow_local_code_packages": True}, False, 0, id="at a path, allowed"),
        pytest.param({"path": PATH, "allow_untrusted_packages": True}, False, "local-code-forbidden", id="other flag"),
    ],
)
def test_own_code_is_code_whatever_its_backend(world, request_, pin, code):
    package = world.pinned(backend="onnx", local_code=OWN_CODE)
    entries = (trusted_code_entry(package),) if pin else ()
    negotiation = world.negotiate([package], with_trusted(world, *entries, **request_))
    assert world.codes(negotiation) == {"p": code}


def test_tier_of_an_alias_is_that_of_its_backend(world):
    assert world.codes(world.negotiate([world.pinned(backend="tensorrt")])) == {"p": "code-not-trusted"}


# The digest


def test_digest_is_what_the_documentation_says(world):
    package = world.pinned(digest="9" * 64)
    assert package_digest(package) == hashlib.sha256(f"11:engine.plan64:{'9' * 64}".encode()).hexdigest()


def test_digest_does_not_depend_on_the_order_or_on_urls(world):
    files = [Artifact(handle="a", sha256="a" * 64), Artifact(handle="b", sha256="b" * 64)]
    moved = [attrs.evolve(file, urls=("https://mirror/x",), size=3) for file in reversed(files)]
    assert package_digest(world.package(artifacts=files)) == package_digest(world.package(artifacts=moved))


@pytest.mark.parametrize(
    "other",
    [
        [("a", "a" * 64)],
        [("a", "b" * 64), ("b", "a" * 64)],
        [("a", "a" * 64), ("c", "b" * 64)],
        [("a64:" + "a" * 64 + "1:b", "b" * 64)],
        [("a", "a" * 64), ("b", "b" * 64), ("b", "b" * 64)],
    ],
)
def test_digest_tells_packages_apart(world, other):
    ours = [("a", "a" * 64), ("b", "b" * 64)]
    digests = {
        package_digest(world.package(artifacts=[Artifact(handle=handle, sha256=sha) for handle, sha in pairs]))
        for pairs in (ours, other)
    }
    assert len(digests) == 2


@pytest.mark.parametrize(
    "artifacts", [[], [Artifact(handle="a")], [Artifact(handle="a", sha256="a" * 64), Artifact(handle="b")]]
)
def test_content_without_digests_cannot_be_pinned(world, artifacts):
    package = world.package(artifacts=artifacts)
    assert package_digest(package) is trusted_code_entry(package) is None
