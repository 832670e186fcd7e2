from __future__ import annotations

import os
from pathlib import Path

import pytest
from inference_models_core.cli.sources import MissingSource, find_pictures


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in ("b.jpg", "a.PNG", "c.txt", ".d.jpg", "2020/x.jpg", "2020/y.txt", "2021/deep/x.jpg", "[odd].jpg"):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).touch()
    Path("link.jpg").symlink_to("b.jpg")
    Path("loop").symlink_to(".")
    return tmp_path


def found(*sources, **options):
    """Reference and place of each picture; the text of what is missing."""
    outcome = []
    for each in find_pictures(sources, **options):
        if isinstance(each, MissingSource):
            outcome.append(each.text)
        else:
            reference = each.reference.as_posix() if isinstance(each.reference, Path) else each.reference
            outcome.append((reference, each.place.as_posix()))
    return outcome


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("c.txt", [("c.txt", "c.txt")]),  # named, so taken
        ("2020/x.jpg", [("2020/x.jpg", "x.jpg")]),
        (".", [("[odd].jpg",) * 2, ("a.PNG",) * 2, ("b.jpg",) * 2, ("link.jpg",) * 2]),
        ("[odd].jpg", [("[odd].jpg", "[odd].jpg")]),  # a file of that name goes before a pattern
        ("*.jpg", [("[odd].jpg",) * 2, ("b.jpg",) * 2, ("link.jpg",) * 2]),
        ("20*/*.jpg", [("2020/x.jpg", "2020/x.jpg")]),
        ("2020/*", [("2020/x.jpg", "x.jpg"), ("2020/y.txt", "y.txt")]),
        ("20*/**/*.jpg", [("2020/x.jpg", "2020/x.jpg"), ("2021/deep/x.jpg", "2021/deep/x.jpg")]),
        ("https://host/a/b.jpg?key=1", [("https://host/a/b.jpg?key=1", "b.jpg")]),
        ("https://host/..", [("https://host/..", "picture")]),
        ("https://host", [("https://host", "picture")]),
        ("gone.jpg", ["gone.jpg"]),
        ("*.gif", ["*.gif"]),
        ("2021", ["2021"]),
    ],
)
def test_sources(here, source, expected):
    assert found(source) == expected


def test_folders_of_folders_without_hidden_ones_and_loops(here):
    places = [place for _, place in found(".", recursive=True)]
    assert places == ["2020/x.jpg", "2021/deep/x.jpg", "[odd].jpg", "a.PNG", "b.jpg", "link.jpg"]


def test_absolute_patterns_keep_what_they_left_open(here):
    assert found(f"{here}/20*/*.jpg") == [(f"{here.as_posix()}/2020/x.jpg", "2020/x.jpg")]


def test_order_is_the_users(here):
    assert found("b.jpg", "gone", "2020") == [("b.jpg", "b.jpg"), "gone", ("2020/x.jpg", "x.jpg")]


def test_the_skipped_folder_is_left_out_only_below_the_source(here):
    assert "2020/x.jpg" not in dict(found(".", recursive=True, skip=Path("2020")))
    assert found("2020", recursive=True, skip=Path("2020")) == [("2020/x.jpg", "x.jpg")]


def test_home(here, monkeypatch):
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("USERPROFILE", str(here))
    assert found(os.path.join("~", "b.jpg")) == [(f"{here.as_posix()}/b.jpg", "b.jpg")]  # noqa: PTH118


def test_reasons(here):
    reasons = [str(each.error) for each in find_pictures(["2021", "*.gif", "gone"])]
    assert reasons == [
        "the folder has no pictures; --recursive looks into its folders too",
        "no file matches",
        "there is no such file or folder",
    ]


def test_a_million_sources_are_drawn_one_at_a_time(here):
    endless = (name for name in iter(lambda: "b.jpg", None))
    pictures = find_pictures(endless)
    assert [next(pictures).place.name for _ in range(3)] == ["b.jpg"] * 3
