from __future__ import annotations

import sys
import zipfile
from importlib import metadata

import pytest
from inference_models_core.plugins.discovery import discover, parse_entry_points
from inference_models_core.plugins.distributions import (
    Environment,
    InstalledDistribution,
    normalise_name,
    parse_headers,
    scan_distributions,
)


def _found(path):
    return discover(scan_distributions([str(path)]).values())


def test_a_scan_of_this_interpreter_agrees_with_the_standard_library():
    expected = {}
    for distribution in metadata.distributions():
        expected.setdefault(normalise_name(distribution.metadata["Name"]), distribution.version)
    environment = Environment()
    assert {name: environment.version(name) for name in environment.distributions} == expected


def test_entry_points_agree_with_the_standard_library(install, tmp_path):
    for number in range(3):
        install(f"some-plugin-{number}", {f"p{number}": f"m{number}.plugin", f"q{number}": f"m{number}:x [extra]"})
    expected = sorted(
        (point.name, point.value, point.module, point.attr or "")
        for distribution in metadata.distributions(path=[str(tmp_path)])
        for point in distribution.entry_points
        if point.group == "inference_models.plugins"
    )
    assert [(c.identity.name, c.value, c.module, c.attribute) for c in _found(tmp_path)] == expected


def test_name_version_and_requirements_come_from_the_metadata(install, tmp_path):
    install("Some_Plugin.x", {"some": "some.plugin"}, version="1.2.3+cpu", requires=["a>=1", 'b; extra == "c"'])
    (candidate,) = _found(tmp_path)
    assert candidate.identity.distribution == "some-plugin-x"
    assert candidate.identity.version == "1.2.3+cpu"
    assert candidate.requires == ("a>=1", 'b; extra == "c"')
    assert candidate.metadata_path == str(tmp_path / "Some_Plugin.x-1.2.3+cpu.dist-info")


def test_the_order_does_not_depend_on_the_disk(install, tmp_path):
    for name in ("zeta", "alpha", "mid"):
        install(name, {"same": f"{name}.plugin", name[0]: f"{name}.plugin"})
    order = [(each.identity.name, each.identity.distribution) for each in _found(tmp_path)]
    assert order == sorted(order)
    assert len(order) == 6


def test_the_first_on_the_path_shadows_the_others(install, tmp_path):
    install("my-plugin", {"old": "old.plugin"}, version="1.0", folder=tmp_path / "behind")
    install("My_Plugin", {"new": "new.plugin"}, version="2.0", folder=tmp_path / "before")
    paths = [str(tmp_path / "before"), str(tmp_path / "behind")]
    assert [each.identity.name for each in discover(scan_distributions(paths).values())] == ["new"]
    assert [each.identity.name for each in discover(scan_distributions(paths[::-1]).values())] == ["old"]


def test_one_without_plugins_shadows_too(install, tmp_path):
    install("my-plugin", {"old": "old.plugin"}, version="1.0", folder=tmp_path / "behind")
    info = install("my-plugin", {}, version="2.0", folder=tmp_path / "before")
    (info / "entry_points.txt").unlink()
    assert not discover(scan_distributions([str(tmp_path / "before"), str(tmp_path / "behind")]).values())


def test_only_owners_of_plugins_have_their_metadata_read(install, tmp_path, monkeypatch):
    install("owner", {"owner": "owner.plugin"})
    (install("other", {}) / "entry_points.txt").write_text("[console_scripts]\nother = other:main\n")
    read = []
    original = InstalledDistribution.metadata
    monkeypatch.setattr(InstalledDistribution, "metadata", lambda self: read.append(self.name) or original(self))
    _found(tmp_path)
    assert read == ["owner"]


def test_egg_info_of_a_development_install_is_found(tmp_path):
    info = tmp_path / "old_style.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Name: old-style\nVersion: 0.5\n\n")
    (info / "entry_points.txt").write_text("[inference_models.plugins]\nold = old_style.plugin\n")
    (candidate,) = _found(tmp_path)
    assert (candidate.identity.distribution, candidate.identity.version) == ("old-style", "0.5")
    assert scan_distributions([str(tmp_path)])["old-style"].version == ""


def test_eggs_are_found(tmp_path):
    info = tmp_path / "laid-2.0.egg" / "EGG-INFO"
    info.mkdir(parents=True)
    (info / "PKG-INFO").write_text("Name: laid\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[inference_models.plugins]\nlaid = laid.plugin\n")
    (candidate,) = _found(info.parent)
    assert (candidate.identity.distribution, candidate.identity.version) == ("laid", "2.0")


def test_zip_archives_on_the_path_are_asked_through_the_standard_library(tmp_path):
    archive = tmp_path / "bundle.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("zipped-3.0.dist-info/METADATA", "Name: zipped\nVersion: 3.0\nRequires-Dist: a>=1\n\n")
        bundle.writestr("zipped-3.0.dist-info/entry_points.txt", "[inference_models.plugins]\nzip = zipped.plugin\n")
    (candidate,) = _found(archive)
    assert (candidate.identity.distribution, candidate.identity.version) == ("zipped", "3.0")
    assert candidate.requires == ("a>=1",)


def test_finders_of_others_are_asked(tmp_path, install, monkeypatch):
    install("hidden", {"hidden": "hidden.plugin"}, folder=tmp_path / "elsewhere")

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            return None

        @staticmethod
        def find_distributions(context):
            elsewhere = metadata.DistributionFinder.Context(path=[str(tmp_path / "elsewhere")])
            return metadata.MetadataPathFinder.find_distributions(elsewhere)

    assert "hidden" not in scan_distributions()
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert [c.value for c in discover([scan_distributions()["hidden"]])] == ["hidden.plugin"]


@pytest.mark.parametrize("entry", ["missing", "file.txt", ""])
def test_path_entries_that_hold_nothing_are_passed_over(tmp_path, monkeypatch, entry):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").write_text("no archive")
    assert scan_distributions([str(tmp_path / entry) if entry else ""]) == {}


def test_a_scan_imports_neither_the_standard_librarys_metadata_nor_packaging(run_fresh):
    imported = run_fresh(
        "from inference_models_core.plugins.distributions import scan_distributions\n"
        "from inference_models_core.plugins.discovery import discover\n"
        "discover(scan_distributions().values())"
    )
    assert not imported & {"importlib.metadata", "packaging", "email"}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("[g]\na = m.plugin\n", [("a", "m.plugin")]),
        ("[g]\n# c\n; c\n\n  a=m:x  \nbroken\n[other]\nb = n\n[ g ]\nc = o\n", [("a", "m:x"), ("c", "o")]),
        ("a = before.any.section\n[other]\nb = n\n", []),
    ],
)
def test_entry_points_are_parsed(document, expected):
    assert list(parse_entry_points(document, "g")) == expected


def test_headers_end_where_the_description_begins():
    document = b"Name: a\r\nRequires-Dist: b\r\n  >=1\r\nRequires-Dist: c\r\n\r\nName: not a header\r\n"
    assert parse_headers(document) == {"name": ["a"], "requires-dist": ["b\n>=1", "c"]}
