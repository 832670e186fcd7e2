"""Manifests reach the parser of the backend that knows their type; what parsers do wrong stays theirs."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from inference_models_core import PluginHost, hookimpl
from inference_models_core.plugins.known import KNOWN_PURPOSES
from inference_models_core.providers.generic_manifest import GENERIC_MANIFEST
from inference_models_core.providers.manifests import read_manifest
from inference_models_core.types.backends import BackendDetails, BackendSpec
from inference_models_core.types.negotiation import Rejection


@pytest.fixture
def read(monkeypatch):
    """Reads a manifest with a parser for the type ``"t"``."""
    module = ModuleType("manifest_test_parsers")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def make(parser):
        module.parse = parser

        class Plugin:
            @hookimpl
            def register_backends(self):
                parsers = {"t": "manifest_test_parsers:parse", GENERIC_MANIFEST: "manifest_test_parsers:parse"}
                yield BackendSpec(name="b", kind="own", parsers=parsers)

        host = PluginHost(discover=False)
        host.register(Plugin(), "p", "1")
        return lambda manifest: read_manifest(host.registry(), manifest, "doc: m")

    return make


def _raise(error):
    def parse(manifest, readers):
        raise error

    return parse


@pytest.mark.parametrize(
    "parser",
    [_raise(ValueError("x")), _raise(KeyError("x")), _raise(RecursionError()), lambda m, r: None, lambda m, r: {},
     lambda m, r: r.Fields(m, "m").integer("missing"), lambda m: None],
)  # fmt: skip
def test_what_a_parser_does_wrong_costs_one_package(read, parser):
    rejection = read(parser)({"type": "t"})
    assert (type(rejection), rejection.code) == (Rejection, "malformed-metadata")


@pytest.mark.parametrize(
    "manifest", [{}, {"type": None}, {"type": {}}, {"type": []}, {"type": 1}, {"type": "x" * 70_000}]
)
def test_types_that_are_none(read, manifest):
    assert read(lambda m, r: BackendDetails(backend="b"))(manifest).code == "malformed-metadata"


def test_the_generic_manifest_is_read_by_core_itself(read):
    details = read(_raise(AssertionError("a plugin was asked")))({"type": GENERIC_MANIFEST, "backendType": "b"})
    assert details == BackendDetails(backend="b")


def test_types_that_nobody_reads_say_what_they_are_for(read):
    for kind, purpose in KNOWN_PURPOSES.items():
        rejection = read(lambda m, r: None)({"type": kind})
        assert (rejection.code, rejection.fix) == ("manifest-not-readable", "")
        assert purpose in rejection.reason


def test_a_long_type_makes_no_long_reason(read):
    rejection = read(lambda m, r: None)({"type": "\x1b" * 60_000})
    assert len(rejection.reason) < 2000
    assert rejection.reason.isprintable()
