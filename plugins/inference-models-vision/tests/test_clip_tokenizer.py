"""CLIP's tokens, against OpenAI's own tokenizer (with ftfy): its ids for 2,100 texts lie in ``clip_tokens.json``."""

from __future__ import annotations

import hashlib
import json
import random
import sys
import unicodedata
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_models_core.errors import InputError
from inference_models_vision.text.cleaning import clean
from inference_models_vision.text.clip_tokenizer import END, START, encode, tokenize, vocabulary

GOLDEN = json.loads((Path(__file__).parent / "clip_tokens.json").read_text())


def test_the_same_ids_as_the_original():
    assert len(GOLDEN) >= 2000
    wrong = [(text, ids, encode(text)) for text, ids in GOLDEN if encode(text) != ids]
    assert not wrong[:5]


def test_the_same_ids_in_a_batch():
    short = [(text, ids) for text, ids in GOLDEN if len(ids) <= 75]
    tokens = tokenize([text for text, _ in short])
    expected = np.zeros((len(short), 77), np.int32)
    for row, (_, ids) in zip(expected, short, strict=True):
        row[: len(ids) + 2] = [START, *ids, END]
    np.testing.assert_array_equal(tokens, expected)
    assert tokens.dtype == np.int32


def test_a_known_text():
    assert tokenize("a photo of a cat")[0, :8].tolist() == [49406, 320, 1125, 539, 320, 2368, 49407, 0]


def test_the_vocabulary_is_the_published_file_and_has_its_licence():
    files = resources.files("inference_models_vision.text")
    data = files.joinpath("bpe_simple_vocab_16e6.txt.gz").read_bytes()
    assert hashlib.sha256(data).hexdigest() == "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
    assert "Copyright (c) 2021 OpenAI" in files.joinpath("LICENSE.openai-clip.txt").read_text()
    assert sorted(vocabulary().ids.values()) == list(range(512, START))


def test_letters_and_digits_are_those_of_unicode():
    """What splits words is ``str.isalpha`` and ``str.isalnum``: the categories L and N, for every character."""
    for point in range(sys.maxunicode + 1):
        category = unicodedata.category(chr(point))[0]
        letter, digit = chr(point).isalpha(), chr(point).isalnum() and not chr(point).isalpha()
        assert (letter, digit) == (category == "L", category == "N"), hex(point)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  A\t\nb ", "a b"),
        ("don\u2019t", "don't"),
        ("\u201cx\u201d", '"x"'),
        ("\ufb01\ufb05\u0149", "fi\u017ft'n"),
        ("\uff21\u3000\uff11", "a 1"),
        ("e\u0301", "\u00e9"),
        ("&amp;amp;lt;", "<"),
        ("<i> &rsquo;", "<i> \u2019"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("a\x00\x1c\ufeffb", "ab"),
        ("\x93x\x94\x81", '"x"\x81'),
        ("\ud83d\ude00", "\U0001f600"),
        ("\ud83d", "\ufffd"),
    ],
)
def test_cleaning(text, cleaned):
    assert clean(text) == cleaned


def test_one_text_too_long_names_itself():
    with pytest.raises(InputError, match="text 1 has more than the 75 tokens") as raised:
        tokenize(["cat", "dog " * 76])
    assert "shorten" in raised.value.hint
    assert "dog" not in str(raised.value)  # texts are the user's, and errors are logged
    assert tokenize("dog " * 75)[0, -1] == END
    assert len(encode("zqx")) == 2
    with pytest.raises(InputError, match="more than the 75 tokens"):
        tokenize("dog " * 74 + "zqx")


def test_a_shorter_context():
    assert tokenize("a cat", context_length=4).tolist() == [[START, 320, 2368, END]]
    with pytest.raises(InputError, match="more than the 1 tokens"):
        tokenize("a cat", context_length=3)


@pytest.mark.parametrize("text", ["a", "'", "1", "\u6771", "ab" * 3, "a1", " x"])
def test_what_cannot_fit_is_refused_without_work(text):
    """Merging takes the square of a word's length: hours for this one, if it were begun."""
    with pytest.raises(InputError, match="more than"):
        tokenize(text * 300_000)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ([], "list of texts is empty"),
        ((), "list of texts is empty"),
        (None, "a NoneType is not a text"),
        (b"cat", "a bytes is not a text"),
        ({"cat"}, "a set is not a text"),
        (["cat", 3], "text 1 is a int"),
        ([["cat"]], "text 0 is a list"),
    ],
)
def test_what_is_no_text(texts, says):
    with pytest.raises(InputError, match=says):
        tokenize(texts)


@given(st.one_of(st.text(), st.text(st.characters(codec=None), max_size=40)))
def test_any_text_gives_tokens_or_a_typed_error(text):
    try:
        (row,) = tokenize(text)
    except InputError:
        assert len(encode(text)) > 75
        return
    end = int(np.flatnonzero(row == END)[-1])
    assert row[0] == START
    assert row[1:end].tolist() == encode(text)
    assert not row[end + 1 :].any()


def test_tokens_spell_the_cleaned_text():
    """Every token stands for its bytes: together they are the text without its spaces."""
    rng = random.Random(3)
    spelled = {}
    for (left, right), merged in vocabulary().ids.items():
        spelled[merged] = (left, right)
    order = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    order += [byte for byte in range(256) if byte not in order]

    def bytes_of(token):
        if token >= 512:
            return b"".join(map(bytes_of, spelled[token]))
        return bytes([order[token % 256]])

    for _ in range(300):
        text = "".join(chr(rng.choice((rng.randrange(32, 127), rng.randrange(0x370, 0xD7FF)))) for _ in range(20))
        joined = b"".join(bytes_of(token) for token in encode(text) if token < START).decode()
        assert joined == "".join(clean(text).split())
