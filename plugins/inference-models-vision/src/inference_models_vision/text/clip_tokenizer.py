"""CLIP's byte-pair encoding: texts to the token ids its text network was trained on.

A word is its UTF-8 bytes, the last one marked as the end of the word; the pair of neighbours that comes first in the
vocabulary's list of merges becomes one token, again and again. Ids: 0 to 255 bytes, 256 to 511 the same as ends of
words, then one per merge, then the start and the end of a text. The vocabulary is OpenAI's file, under the MIT licence
(``LICENSE.openai-clip.txt``).
"""

from __future__ import annotations

import functools
import gzip
import itertools
import re
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from inference_models_core.errors import InputError

from inference_models_vision.text.cleaning import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

CONTEXT_LENGTH = 77
START = 49406
END = 49407
_MERGES = 48894
_SPECIAL = {"<|startoftext|>": START, "<|endoftext|>": END}
_WORDS = re.compile(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[^\W_]+|(?:[^\w\s]|_)+",
    re.IGNORECASE,
)
_PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_BYTE_ORDER = (*_PRINTABLE, *(byte for byte in range(0x100) if byte not in _PRINTABLE))


class Merges(NamedTuple):
    """The vocabulary, on ids.

    Attributes:
        ids: Pair of neighbours -> the token that they become; a smaller one is merged earlier.
        longest: Most bytes that one token stands for.
    """

    ids: Mapping[tuple[int, int], int]
    longest: int


def tokenize(texts: str | Sequence[str], *, context_length: int = CONTEXT_LENGTH) -> npt.NDArray[np.int32]:
    """Turns texts into the text network's input.

    Args:
        texts: One text or several; any Unicode.
        context_length: Tokens per text, start and end included.

    Returns:
        (n, context_length) int32: start, tokens, end, zeros.

    Raises:
        InputError: If there is no text, something is not a text, or one has too many tokens; nothing is cut off, since
            the vector would be that of another text.
    """
    listed = [texts] if isinstance(texts, str) else texts
    if not isinstance(listed, (list, tuple)):
        raise InputError(f"a {type(texts).__name__} is not a text", hint="give a str, or a list of them")
    if not listed:
        raise InputError("the list of texts is empty", hint="give at least one text")
    tokens = np.zeros((len(listed), context_length), np.int32)
    for row, (place, text) in zip(tokens, enumerate(listed), strict=True):
        if not isinstance(text, str):
            raise InputError(f"text {place} is a {type(text).__name__}", hint="give a str, or a list of them")
        ids = _encode(text, context_length - 2)
        if ids is None:
            raise InputError(
                f"text {place} has more than the {context_length - 2} tokens that the model takes",
                hint="shorten it, or embed its parts one by one",
            )
        row[: len(ids) + 2] = (START, *ids, END)
    return tokens


def encode(text: str) -> list[int]:
    """The ids of a text of any length, without start and end."""
    return list(itertools.chain.from_iterable(map(_word_ids, _words(clean(text)))))


def _encode(text: str, most: int) -> list[int] | None:
    """The ids, or ``None`` where they are more than ``most``; never works long on what cannot fit."""
    ids: list[int] = []
    longest = most * vocabulary().longest
    for word in _words(clean(text)):
        if len(ids) >= most or len(word) > longest:
            return None
        ids.extend(_word_ids(word))
    return ids if len(ids) <= most else None


def _words(cleaned: str) -> Iterator[str]:
    """Letters in a row, each digit on its own, other characters in a row, English contractions."""
    for match in _WORDS.finditer(cleaned):
        word = match[0]
        if word.isalpha() or not word[0].isalnum():
            yield word
        else:
            yield from _letters_and_digits(word)


def _letters_and_digits(word: str) -> Iterator[str]:
    for is_letters, run in itertools.groupby(word, str.isalpha):
        if is_letters:
            yield "".join(run)
        else:
            yield from run


@functools.lru_cache(maxsize=16_384)
def _word_ids(word: str) -> tuple[int, ...]:
    if word in _SPECIAL:
        return (_SPECIAL[word],)
    ids = [_byte_ids()[byte] for byte in word.encode()]
    ids[-1] += len(_BYTE_ORDER)
    merges = vocabulary().ids
    while len(ids) > 1:
        merged, pair = min((merges.get(pair, START), pair) for pair in itertools.pairwise(ids))
        if merged == START:
            break
        ids = list(_joined(ids, pair, merged))
    return tuple(ids)


def _joined(ids: Sequence[int], pair: tuple[int, int], merged: int) -> Iterator[int]:
    """Every occurrence of a pair, from the left, as one token."""
    place = 0
    while place < len(ids):
        if tuple(ids[place : place + 2]) == pair:
            yield merged
            place += 2
        else:
            yield ids[place]
            place += 1


@functools.cache
def _byte_ids() -> tuple[int, ...]:
    return tuple(_BYTE_ORDER.index(byte) for byte in range(0x100))


@functools.cache
def vocabulary() -> Merges:
    """Reads the vocabulary's file; the first text waits for it (0.1 s)."""
    file = resources.files(__package__).joinpath("bpe_simple_vocab_16e6.txt.gz")
    lines = gzip.decompress(file.read_bytes()).decode().split("\n")[1 : _MERGES + 1]
    return _parsed(line.split() for line in lines)


def _parsed(merges: Iterable[Sequence[str]]) -> Merges:
    """Tokens are written with one printable character per byte, the end of a word with four more."""
    shown = [chr(byte) for byte in _PRINTABLE]
    shown += [chr(0x100 + i) for i in range(0x100 - len(_PRINTABLE))]
    tokens = [*shown, *(character + "</w>" for character in shown)]
    id_of = {token: i for i, token in enumerate(tokens)}
    pairs = {}
    for i, (left, right) in enumerate(merges, start=len(tokens)):
        pairs[id_of[left], id_of[right]] = id_of[left + right] = i
    return Merges(ids=pairs, longest=max(len(token.removesuffix("</w>")) for token in id_of))
