"""Documents in pages: joined, in agreement, and finite."""

from __future__ import annotations

import pytest
from inference_models_core.errors import MalformedDocumentError
from inference_models_core.providers.documents import MAX_PACKAGES
from inference_models_core.providers.generic_manifest import GENERIC_MANIFEST, read_generic_manifest
from inference_models_core.providers.pages import MAX_PAGES, read_pages

MANIFEST = {"type": GENERIC_MANIFEST, "backendType": "onnx"}


def page(*names, following=None, **changes):
    packages = [{"packageId": name, "packageManifest": MANIFEST, "packageFiles": []} for name in names]
    return {"modelId": "m", "modelPackages": packages, "nextPage": following, **changes}


def read(pages):
    asked = []

    def fetch(cursor):
        asked.append(cursor)
        return pages(cursor) if callable(pages) else pages[cursor]

    found = read_pages(fetch, "answer", read_generic_manifest)
    return found, asked


def test_packages_of_all_pages_in_their_order():
    found, asked = read({None: page("a", following="x"), "x": page(following="y"), "y": page("c", "b")})
    assert [package.package_id for package in found.packages] == ["a", "c", "b"]
    assert asked == [None, "x", "y"]


def test_what_one_page_leaves_out_another_says():
    found, _ = read({None: page(following="x", modelVariant="n"), "x": page(taskType="t", modelArchitecture=None)})
    assert (found.variant, found.task, found.architecture) == ("n", "t", None)


@pytest.mark.parametrize("key", ["modelId", "modelArchitecture", "taskType", "modelVariant", "revision"])
def test_pages_that_disagree(key):
    with pytest.raises(MalformedDocumentError, match="page 2"):
        read(
            {
                None: page(following="x", **{key: "one"}),
                "x": page(**{"modelId": "m" if key != "modelId" else "n", key: "two"}),
            }
        )


def test_circles_of_any_length_end():
    for length in (1, 2, 7):
        with pytest.raises(MalformedDocumentError, match="nextPage"):
            read(lambda cursor, length=length: page(following=str((int(cursor or 0) + 1) % length)))


@pytest.mark.parametrize("cursor", [3, [], {}, True, "x" * 70_000])
def test_cursors_that_are_none(cursor):
    with pytest.raises(MalformedDocumentError, match="nextPage"):
        read({None: page(following=cursor)})


def test_the_number_of_pages_is_capped_exactly():
    def pages(last):
        return lambda cursor: page(following=None if int(cursor or 1) == last else str(int(cursor or 1) + 1))

    assert len(read(pages(MAX_PAGES))[1]) == MAX_PAGES
    with pytest.raises(MalformedDocumentError, match="pages"):
        read(pages(MAX_PAGES + 1))


def test_the_number_of_packages_on_all_pages_is_capped_exactly():
    half = [f"p{number}" for number in range(MAX_PACKAGES // 2)]
    assert len(read({None: page(*half, following="x"), "x": page(*half)})[0].packages) == MAX_PACKAGES
    with pytest.raises(MalformedDocumentError, match="packages"):
        read({None: page(*half, following="x"), "x": page(*half, "one more")})
