from __future__ import annotations

import html
import io
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_models_core.errors import InvalidRequestError
from inference_models_core.reports.document import Cell, Document, Note, Report, Row, Table, Tone
from inference_models_core.reports.html import document_html
from inference_models_core.reports.layout import display_width
from inference_models_core.reports.terminal import DocumentRenderable
from inference_models_core.reports.text import document_text
from inference_models_core.reports.units import format_age, format_bytes, parse_bytes, parse_seconds, plural
from rich.console import Console

TABLE = Table(
    title="Pets",
    columns=("name", "", "legs"),
    rows=[
        ("cat", None, 4),
        Row((Cell("日本", tone=Tone.GOOD), "", 2), Note("a bird " * 30, fix="pip install " + "wings " * 40)),
        ("snake", "", False),
    ],
)


def terminal(document, width=80):
    stream = io.StringIO()
    Console(file=stream, force_terminal=True, width=width, color_system="truecolor").print(
        DocumentRenderable(document), soft_wrap=True
    )
    return stream.getvalue()


def test_text():
    text = document_text(Document(title="Zoo", parts=[TABLE, Note("sold out", tone=Tone.WARNING, fix="come back")]), 60)
    assert text.split("\n")[:6] == ["Zoo", "", "Pets", "  name   legs", "  cat    4", "  日本   2"]
    assert text.endswith("  snake  no\n\nwarning: sold out\nfix: come back")


def test_fixes_stay_in_one_piece_and_reasons_are_wrapped():
    lines = document_text(Document(parts=[TABLE]), 60).split("\n")
    assert "      fix: pip install " + "wings " * 39 + "wings" in [line.rstrip() for line in lines]
    birds = [line for line in lines if "bird" in line]
    assert len(birds) > 3
    assert max(map(len, birds)) <= 60
    assert all(line.startswith("      ") for line in birds)


def test_what_says_nothing_is_not_shown():
    empty = Table(title="Nothing", columns=("a",))
    said = Table(title="Nothing", columns=("a",), empty="none at all")
    assert document_text(Document(parts=[empty])) == ""
    assert document_text(Document(parts=[empty, said])) == "Nothing\n  none at all"
    assert "none at all" in document_html(Document(parts=[said]))


def test_a_row_must_fit_its_table():
    with pytest.raises(ValueError, match="2 cells"):
        Table(columns=("a", "b"), rows=[("only one",)])


@pytest.mark.parametrize("text", ["", "abc", "日本", "e\u0301", "한국", "naïve"])
def test_display_width(text):
    wide = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text if not unicodedata.combining(c))
    assert display_width(text) == wide


class _Tags(HTMLParser):
    allowed = frozenset({"div", "h4", "h5", "p", "table", "thead", "tbody", "tr", "th", "td", "span", "br", "code"})

    def handle_starttag(self, tag, attributes):
        assert tag in self.allowed
        assert {name for name, _ in attributes} <= {"style", "colspan"}


anything = st.text(max_size=40)


@given(anything, anything, anything, anything)
def test_no_text_escapes_into_terminal_or_page(title, cell, reason, fix):
    document = Document(
        title=title,
        parts=[Table(title=title, columns=(cell, title), rows=[Row((cell, reason), Note(reason, fix=fix))]), Note(fix)],
    )
    text = document_text(document)
    assert all(character.isprintable() or character == "\n" for character in text)
    stripped = terminal(document)
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[36m"):
        stripped = stripped.replace(code, "")
    assert all(character.isprintable() or character == "\n" for character in stripped)
    parser = _Tags()
    parser.feed(document_html(document))


def test_markup_is_text():
    document = Document(parts=[Note("[bold red]x[/] [link=file:///]y")])
    assert "[bold red]x[/] [link=file:///]y" in terminal(document)


def test_cells_stay_on_their_line():
    table = Table(columns=("a", "b"), rows=[("one\nfake  row\ttab", "x")])
    assert document_text(Document(parts=[table])).split("\n") == ["  a                  b", "  one fake  row tab  x"]


def test_html_has_everything_that_the_text_has():
    page = html.unescape(document_html(Document(title="Zoo", parts=[TABLE, Note("sold <out>", tone=Tone.BAD)])))
    for words in ("Zoo", "Pets", "snake", "error: sold <out>", "fix: <code>pip install wings"):
        assert words in page


def test_terminal_and_text_say_the_same():
    document = Document(title="Zoo", parts=[TABLE])
    stream = io.StringIO()
    Console(file=stream, width=110).print(DocumentRenderable(document), soft_wrap=True)
    shown = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert shown == [line.rstrip() for line in document_text(document, 110).split("\n")]


def test_a_report_needs_no_rich_to_be_text():
    class Zoo(Report):
        def document(self):
            return Document(title="Zoo")

    assert str(Zoo()) == "Zoo"
    assert Zoo()._repr_html_() == "<div><h4>Zoo</h4></div>"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "unknown"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9_994, "9.99 kB"),
        (9_996, "10.0 kB"),
        (123_456_789, "123 MB"),
        (999_499_999, "999 MB"),
        (999_600_000, "1.00 GB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_bytes(count, text):
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("20GB", 20 * 10**9), ("20 gb", 20 * 10**9), ("1.5GiB", 3 * 2**29), ("500MB", 500 * 10**6), (" 4096 ", 4096),
        ("0", 0), (".5k", 500), ("7T", 7 * 10**12), ("9B", 9), ("9007199254740992", 2**53),
    ],
)  # fmt: skip
def test_parse_bytes(text, count):
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1e9", "20 XB", "1,5GB", "20GBs", "nan", "inf", "9999999TB", "٣"])
def test_what_is_no_size(text):
    with pytest.raises(InvalidRequestError, match="is not a size such as"):
        parse_bytes(text)


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1050, 999_499, 123_456_789, 5 * 10**12])
def test_sizes_that_are_printed_can_be_read(count):
    assert parse_bytes(format_bytes(count)) == pytest.approx(count, rel=0.005)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 2_592_000), ("12h", 43_200), ("90min", 5400), ("2W", 1_209_600), ("1.5 m", 90)]
)
def test_parse_seconds(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["30", "d", "", "-3d", "3 months"])
def test_what_is_no_time_span(text):
    with pytest.raises(InvalidRequestError, match="is not a time span"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "now"), (-5, "now"), (59, "now"), (60, "1 min"), (7200, "2 h"), (86_400 * 12.9, "12 d")]
)
def test_ages(seconds, text):
    assert format_age(seconds) == text


def test_plural():
    assert [plural(count, "cat") for count in (0, 1, 2)] == ["0 cats", "1 cat", "2 cats"]
