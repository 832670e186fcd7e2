"""Text as coverage, in a font that has its letters."""

from __future__ import annotations

import functools
import os
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np

from inference_models_core.errors import InvalidRequestError

if TYPE_CHECKING:
    import numpy.typing as npt

_SYSTEM_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "Arial Unicode.ttf",
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "LiberationSans-Regular.ttf",
    "arial.ttf",
    "Arial.ttf",
    "Helvetica.ttc",
)
"""Fonts that systems often have, most letters first; for texts that Pillow's own, ASCII only, cannot show."""

_TALL = "Hgj|"
_LONGEST_LINE = 500


class Typeface:
    """A font in one size.

    Attributes:
        line_height: Pixels from one line's top to the next one's.
    """

    def __init__(self, font: Any, *, ascii_only: bool) -> None:
        self._font = font
        self._ascii_only = ascii_only
        _, self._top, _, bottom = font.getbbox(_TALL)
        self.line_height = int(bottom - self._top)

    def width(self, text: str) -> int:
        """Width of one line in pixels."""
        return int(np.ceil(self._font.getlength(self._shown(text))))

    def coverage(self, text: str) -> npt.NDArray[np.float32]:
        """One line of text as (line_height, width) float32, 0 to 1."""
        from PIL import Image, ImageDraw

        shown = self._shown(text)
        image = Image.new("L", (max(1, self.width(text)), self.line_height))
        ImageDraw.Draw(image).text((0, -self._top), shown, fill=255, font=self._font)
        coverage: npt.NDArray[np.float32] = np.asarray(image, dtype=np.float32) / np.float32(255)
        return coverage

    def shortened(self, text: str, width: int) -> str:
        """The text, or as much of its beginning as fits into a width, with dots."""
        text = text[:_LONGEST_LINE]
        if self.width(text) <= width:
            return text
        fitting = next((n for n in range(len(text) - 1, 0, -1) if self.width(f"{text[:n]}...") <= width), 0)
        return f"{text[:fitting]}..."

    def wrapped(self, text: str, width: int) -> list[str]:
        """The text in lines that fit into a width where words allow it."""
        import textwrap

        letters = max(8, width * 60 // max(1, self.width("n" * 60)))
        return [line for part in text.splitlines() for line in textwrap.wrap(part, letters) or [""]]

    def _shown(self, text: str) -> str:
        line = " ".join(text.split())
        return _in_ascii(line) if self._ascii_only else line


def _in_ascii(text: str) -> str:
    """Accents dropped; letters that ASCII has nothing for become question marks."""
    decomposed = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return decomposed.encode("ascii", "replace").decode("ascii")


def typeface(texts: list[str], size: int, font: str | os.PathLike[str] | None = None) -> Typeface:
    """A font for some texts.

    Args:
        texts: What is going to be written.
        size: In pixels.
        font: Path or name of a TrueType font; ``None`` chooses.

    Raises:
        InvalidRequestError: The font cannot be opened.
    """
    if font is not None:
        return _named(os.fspath(font), size)
    if all(text.isascii() for text in texts):
        return _default(size)
    name = _system_font()
    return _default(size) if name is None else _named(name, size)


@functools.lru_cache(maxsize=16)
def _default(size: int) -> Typeface:
    from PIL import ImageFont

    return Typeface(ImageFont.load_default(size), ascii_only=True)


@functools.lru_cache(maxsize=16)
def _named(font: str, size: int) -> Typeface:
    from PIL import ImageFont

    try:
        return Typeface(ImageFont.truetype(font, size), ascii_only=False)
    except OSError as error:
        raise InvalidRequestError(f"The font {font} cannot be opened: {error}") from error


@functools.lru_cache(maxsize=1)
def _system_font() -> str | None:
    return next((name for name in _SYSTEM_FONTS if _opens(name)), None)


def _opens(name: str) -> bool:
    from PIL import ImageFont

    try:
        ImageFont.truetype(name, 12)
    except OSError:
        return False
    return True
