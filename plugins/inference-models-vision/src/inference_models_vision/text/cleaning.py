"""Cleaning texts as CLIP's training did.

There, every text first went through the package ``ftfy``. What is deterministic and common of it is done here with the
standard library: curly quotes, ligatures, full- and half-width forms, control characters, terminal escapes, lone
surrogates, composed letters. What it would guess is left alone: texts that were decoded with a wrong character set
(``"sch\u00c3\u00b6n"`` for ``"sch\u00f6n"``); repair such texts before embedding them.
"""

from __future__ import annotations

import functools
import html
import re
import unicodedata

_ENTITY = re.compile(r"&#?\w{1,24};")
_TERMINAL_ESCAPE = re.compile(r"\x1b\[[\d;]*[a-zA-Z]")
_WHITESPACE = re.compile(r"\s+")
_LIGATURES = (0x132, 0x133, 0x149, *range(0x1C4, 0x1CD), *range(0x1F1, 0x1F4), *range(0xFB00, 0xFB05), 0xFB06)
_DROPPED = (
    *range(0x09),
    0x0B,
    *range(0x0E, 0x20),
    0x7F,
    *range(0x206A, 0x2070),
    0xFEFF,
    *range(0xFFF9, 0xFFFD),
)


def clean(text: str) -> str:
    """Repairs what is broken, resolves HTML entities, makes every run of white space one space, and lower case."""
    text = _compatible(_repaired(text))
    return _WHITESPACE.sub(" ", html.unescape(html.unescape(text)).strip()).strip().lower()


def _repaired(text: str) -> str:
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "<" not in text:  # else it is HTML, whose entities stand for what they say
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    return _TERMINAL_ESCAPE.sub("", text)


def _compatible(text: str) -> str:
    return text if text.isascii() and text.isprintable() else unicodedata.normalize("NFC", text.translate(_table()))


@functools.cache
def _table() -> dict[int, str | None]:
    """Character -> what stands for it; ``None`` where it is dropped."""
    quotes = {**dict.fromkeys((0x2BC, *range(0x2018, 0x201C)), "'"), **dict.fromkeys(range(0x201C, 0x2020), '"')}
    plain = {point: unicodedata.normalize("NFKC", chr(point)) for point in (*range(0xFF01, 0xFFF0), *_LIGATURES)}
    windows = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xA0)}
    replaced = {point: text.translate(quotes) for point, text in {**plain, **windows}.items()}
    return {**replaced, **quotes, 0xFB05: "\u017ft", **dict.fromkeys(_DROPPED)}
