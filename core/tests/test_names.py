"""Names from outside: which are allowed, and that none of them leads anywhere."""

from __future__ import annotations

import random
import unicodedata

import pytest
from inference_models_core import names
from inference_models_core.errors import MalformedDocumentError

GOOD_HANDLES = [
    "weights.onnx", "a", "a/b/c.txt", "vit/config.json", "model-00001-of-00002.safetensors", "_x", "-x",
    ".gitattributes", "console.txt",
    "com10", "sub/model_config.json", "nullable", "x.lock", "a" * 255, "keypoints.json", "1.2.3",
]  # fmt: skip

BAD_HANDLES = [
    "", ".", "..", "../x", "a/../b", "a/..", "./a", "a//b", "/a", "a/", "//host/share", "a\\b", "..\\x", "C:", "C:x",
    "C:\\x", "C:/x", "file.txt:stream", "a\0b", "a\nb", "a b", " a", "a ", "a.", "a./b", "...", "con", "CON.txt", "nul",
    "Aux", "prn.tar.gz", "com1", "COM9.txt", "lpt0", "a/nul/b", ".x.lock", "a/.weights.LOCK", ".lock", "a" * 256,
    "a/" * 600 + "a", "model_config.json", "MODEL_CONFIG.json", "model_dependencies", "Model_Dependencies/x",
    "dependencies/x/y", "%2e%2e/x/", "a%2fb", "~", "~/x", "$HOME", "a*b", "a?b", 'a"b', "a<b", "a|b", "é", "e\u0301",
    "\u202eexe.gpj", "\ud800", "\ufeffa", "a\u200bb", "\uff0e\uff0e/x", "\u2024\u2024/x", "a\u2215b", "\u017f",
    "\u212a",
]  # fmt: skip


@pytest.mark.parametrize("handle", GOOD_HANDLES)
def test_names_of_files_that_are_allowed(handle):
    assert names.check_handle(handle, "doc: file") == handle


@pytest.mark.parametrize("handle", BAD_HANDLES, ids=ascii)
def test_names_of_files_that_are_refused(handle):
    with pytest.raises(MalformedDocumentError, match=r"^doc: file: expected ") as caught:
        names.check_handle(handle, "doc: file")
    str(caught.value).encode()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("value", [None, 1, b"a", ["a"], True])
def test_names_that_are_no_text_are_refused(value):
    for check in (names.check_handle, names.check_identifier):
        with pytest.raises(MalformedDocumentError, match="doc"):
            check(value, "doc")


@pytest.mark.parametrize(
    "handles",
    [
        ["a", "a"],
        ["a.txt", "A.TXT"],
        ["a/b", "A/c"],
        ["a", "a/b"],
        ["a/b", "A"],
        ["x/y/z", "x/Y"],
        ["a/b", "a/b"],
        [".."],
    ],
)
def test_names_that_clash(handles):
    for order in (handles, handles[::-1]):
        with pytest.raises(MalformedDocumentError, match="doc"):
            names.check_handles(order, "doc")


def test_names_that_do_not_clash():
    names.check_handles(["a/b", "a/c", "ab", "a.b", "d/a/b"], "doc")
    names.check_handles(GOOD_HANDLES[3:8], "doc")
    names.check_handles([], "doc")


@pytest.mark.parametrize(
    "text", ["a", "ws/proj/3", "sam2.1", "..", "a b", "ünïcode-模型", "C:\\x", "a" * 255, "../../etc"]
)
def test_ids_that_are_allowed(text):
    assert names.check_identifier(text, "id") == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " a",
        "a ",
        "a\n",
        "a\0",
        "a\x1b[2J",
        "\u202eabc",
        "a\u2066b",
        "\ud800",
        "a\u2028b",
        "a\ufffe",
        "\u200b",
        "a" * 256,
    ],
    ids=ascii,
)
def test_ids_that_are_refused(text):
    with pytest.raises(MalformedDocumentError) as caught:
        names.check_identifier(text, "id")
    str(caught.value).encode()


def test_ids_of_models_may_be_longer():
    assert names.check_identifier("a" * 1024, "id", longest=names.MAX_MODEL_ID)
    with pytest.raises(MalformedDocumentError):
        names.check_identifier("a" * 1025, "id", longest=names.MAX_MODEL_ID)


@pytest.mark.parametrize(
    "texts", [(), ("",), ("..",), ("CON",), ("/etc/passwd",), ("\ud800",), ("模型",), ("A" * 5000, "b")]
)
def test_a_slug_is_a_plain_name(texts):
    made = names.slug(*texts)
    assert made == names.slug(*texts)
    assert names.check_handle(made, "slug") == made
    assert made == unicodedata.normalize("NFKC", made).casefold()
    assert len(made) <= 65
    assert not made.startswith((".", "-"))


def test_a_slug_shows_what_it_stands_for():
    assert names.slug("roboflow", "My_Org/Proj.3").startswith("roboflow-my-org-proj-3-")


def test_texts_that_look_alike_have_different_slugs():
    alike = [
        "a/b",
        "a-b",
        "a_b",
        "A/B",
        "a//b",
        "é",
        "e\u0301",
        "É",
        "ss",
        "ß",
        "K",
        "\u212a",
        "a" * 5000,
        "a" * 5001,
        "",
        "-",
    ]
    pairs = [("a", "b"), ("ab",), ("", "ab"), ("ab", ""), ("a", "", "b"), ()]
    assert len({names.slug(text) for text in alike} | {names.slug(*texts) for texts in pairs}) == len(alike) + len(
        pairs
    )


def test_many_ids_never_collide():
    """200,000 ids that differ in little; the digest itself is folded by nothing (R-31)."""
    made = {
        names.slug(f"{prefix}{number}")
        for number in range(50_000)
        for prefix in ("org/model-", "Org/model-", "é", "e\u0301")
    }
    assert len(made) == 200_000


@pytest.mark.nightly
def test_a_million_ids_never_collide():
    made = {
        unicodedata.normalize("NFKC", names.slug("provider", f"M{number}")).casefold() for number in range(1_000_000)
    }
    assert len(made) == 1_000_000


PIECES = [
    "..", ".", "/", "\\", "a", "weights", ".onnx", "C:", "//", "\0", "con", "nul", ":", " ", ".lock", "\u202e", "é",
    "e\u0301", "%2e", "~", "model_config.json", "b", "-", "_", "1", "x" * 300, "\ud800", "A", "dependencies",
    "\n", "\u200d",
    "/abs",
]  # fmt: skip


def adversarial_names(count, seed=20):
    """Names put together from what has broken path checks before; about one in ten is innocent."""
    draw = random.Random(seed)
    for _ in range(count):
        pieces = PIECES if draw.random() < 0.8 else ["a", "b", "-", "_", "1", "weights", ".onnx", "A"]
        yield "".join(draw.choice(pieces) for _ in range(draw.randint(1, 5)))


def test_no_name_escapes(tmp_path):
    """R-30: 10,000 names; what is accepted stays in its folder, and enough is accepted for that to mean something."""
    root = tmp_path / "package"
    accepted = 0
    for name in adversarial_names(10_000):
        try:
            names.check_handle(name, "names")
        except MalformedDocumentError:
            continue
        accepted += 1
        assert (root / name).resolve().is_relative_to(root)
        assert (root / name).resolve() != root
    assert 500 <= accepted <= 9_500


def test_no_id_escapes_through_its_slug(tmp_path):
    for name in adversarial_names(10_000):
        assert (tmp_path / names.slug(name)).parent == tmp_path
        assert names.check_handle(names.slug(name), "slug")
