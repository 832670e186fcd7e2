"""Input that nobody should send: documents with faults and names with intentions, the same ones for the same seed.

For whoever reads documents or takes names from outside::

    found = survey(mutated_documents([good], 5000, seed=1), read_my_document)
    assert not found.escaped
    assert found.accepted_share >= 0.2
"""

from __future__ import annotations

import copy
import json
import random
import time
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from inference_models_core.errors import InferenceModelsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")
_SHOWN_ESCAPES = 20
_MOST_MUTATIONS = 3


@attrs.frozen(kw_only=True)
class Survey:
    """What became of many inputs.

    Attributes:
        accepted: How many were taken.
        refused: How many were refused with one of this library's errors.
        escaped: Those after which anything else was raised, with the error; the first few.
        escapes: How many there were of those.
        slowest: Seconds that the slowest took.
    """

    accepted: int
    refused: int
    escaped: tuple[tuple[str, str], ...]
    escapes: int
    slowest: float

    @property
    def accepted_share(self) -> float:
        """Part of the inputs that were taken: with none, a survey would show nothing."""
        return self.accepted / max(1, self.accepted + self.refused + self.escapes)


def survey(inputs: Iterable[T], take: Callable[[T], object]) -> Survey:
    """Gives every input to a function and counts what happens.

    Args:
        inputs: The inputs.
        take: The function; it may also check what it made of the input and raise ``AssertionError``.

    Returns:
        The counts.
    """
    counts = {True: 0, False: 0}
    escaped: list[tuple[str, str]] = []
    escapes, slowest = 0, 0.0
    for each in inputs:
        started = time.perf_counter()
        try:
            take(each)
            counts[True] += 1
        except InferenceModelsError:
            counts[False] += 1
        except Exception as error:  # noqa: BLE001 - to find out what escapes is the purpose
            escapes += 1
            if len(escaped) < _SHOWN_ESCAPES:
                escaped.append((ascii(each)[:500], f"{type(error).__name__}: {error}"))
        slowest = max(slowest, time.perf_counter() - started)
    return Survey(
        accepted=counts[True], refused=counts[False], escaped=tuple(escaped), escapes=escapes, slowest=slowest
    )


def mutated_documents(documents: Sequence[Any], count: int, *, seed: int) -> Iterator[Any]:
    """Documents with up to three faults each, put where a reader looks.

    Args:
        documents: Good ones, of plain JSON values.
        count: How many to make.
        seed: Of the choice.

    Yields:
        Plain JSON values; some texts have lone surrogates, some numbers are not finite.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    texts = [json.dumps(document) for document in documents]
    for _ in range(count):
        holder = [json.loads(chance.choice(texts))]
        for _ in range(chance.randint(0, _MOST_MUTATIONS)):
            chance.choice(_MUTATIONS)(chance, *_place(chance, holder))
        yield holder[0]


def byte_strings(documents: Sequence[Any], count: int, *, seed: int) -> Iterator[bytes]:
    """Bytes that may or may not be JSON: noise, and documents that were cut, flipped, doubled or written oddly.

    Args:
        documents: Good ones, of plain JSON values.
        count: How many to make.
        seed: Of the choice.

    Yields:
        The bytes.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    contents = [json.dumps(document).encode() for document in documents]
    for _ in range(count):
        yield chance.choice(_BYTE_MUTATIONS)(chance, chance.choice(contents))


def adversarial_names(count: int, *, seed: int) -> Iterator[str]:
    """Names that try to leave a folder, to be another file, or to break what prints them; some are harmless.

    Args:
        count: How many to make.
        seed: Of the choice.

    Yields:
        Text: relative, absolute and UNC paths, drives, streams, device names, NUL and other control characters, lone
        surrogates, bidirectional and invisible characters, other Unicode forms and cases, percent encoding, overlong
        ones, dots and spaces at the end.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    for _ in range(count):
        name = chance.choice(_PLAIN_NAMES)
        for _ in range(chance.randint(0, 2)):
            name = chance.choice(_NAME_MUTATIONS)(chance, name)
        yield name


def _place(chance: random.Random, holder: list[Any]) -> tuple[Any, Any]:
    """A container below the holder and a key or index in it: half of the time near the root, else anywhere."""
    return _descent(chance, holder) if chance.random() < 0.5 else chance.choice(list(_places(holder)))


def _descent(chance: random.Random, holder: list[Any]) -> tuple[Any, Any]:
    container: Any = holder
    key: Any = 0
    while True:
        value = container[key]
        if not value or not isinstance(value, (dict, list)) or chance.random() < 0.2:
            return container, key
        container, key = value, chance.choice(list(_keys(value)))


def _places(container: Any) -> Iterator[tuple[Any, Any]]:
    """Everywhere; deep nesting and long lists, which are faults already, are not looked into."""
    waiting = [(container, 0)]
    while waiting:
        container, depth = waiting.pop()
        for key in _keys(container):
            yield container, key
            if isinstance(container[key], (dict, list)) and len(container[key]) < 50 and depth < 12:
                waiting.append((container[key], depth + 1))


def _keys(container: Any) -> Iterable[Any]:
    return container if isinstance(container, dict) else range(len(container))


def _nested(depth: int) -> Any:
    value: Any = 0
    for level in range(depth):
        value = [value] if level % 2 else {"x": value}
    return value


_ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**53 + 1, -(2**63), 10**300, 0.0, -0.0, 1e-320, 1e300, 0.5,
    float("nan"), float("inf"), -float("inf"), "", " ", "0", "true", "null", "\x00", "\x1b[31m", "\n", "\ud800",
    "\u202e",
    "\ufeff", "e\u0301", "..", "../x", "/etc/passwd", "C:\\x", "a" * 300, "a" * 70_000, "x" * 64, "0" * 32, "0" * 64,
    "F" * 64, "file:///etc/passwd", "http://169.254.169.254/", "onnx", "trt", "fp16", [], {}, [[]], [None], [0], [{}],
    {"": 0}, {"type": None}, {"type": []}, {"__class__": "x"}, ["a", "a"], [1, "2", 3.0, None], _nested(20),
    _nested(31), _nested(40), dict.fromkeys(map(str, range(300))), list(range(300)),
)  # fmt: skip


_INSERTED = ("", " ", "\x00", "é", "/", ".", "A", "\ud800")


def _replace(chance: random.Random, container: Any, key: Any) -> None:
    container[key] = copy.deepcopy(chance.choice(_ODD_VALUES))


def _delete(chance: random.Random, container: Any, key: Any) -> None:
    if isinstance(container, dict) or chance.random() < 0.5:
        del container[key]
        if container == []:
            container.append(None)


def _add(chance: random.Random, container: Any, key: Any) -> None:
    if isinstance(container, dict):
        container[chance.choice(("trustedSource", "unknown", "type", "\ud800", str(key).upper()))] = container[key]
    elif len(container) < 100:
        container.insert(chance.randint(0, len(container)), container[key])


def _wrap(chance: random.Random, container: Any, key: Any) -> None:
    container[key] = [container[key]] if chance.random() < 0.5 else {str(key): container[key]}


def _twist(chance: random.Random, container: Any, key: Any) -> None:
    """A neighbour of the value: what off-by-one and careless comparisons miss."""
    value = container[key]
    if isinstance(value, str):
        position = chance.randint(0, len(value))
        container[key] = value[:position] + chance.choice(_INSERTED) + value[position + 1 :]
    elif isinstance(value, (int, float)):
        half = value * 0.5 if abs(value) < 1e300 else 0
        container[key] = chance.choice((-value, value + 1, str(value), half, not value))


def _swap(chance: random.Random, container: Any, key: Any) -> None:
    other = chance.choice(list(_keys(container)))
    container[key], container[other] = container[other], container[key]


_MUTATIONS = (_replace, _replace, _delete, _add, _wrap, _twist, _twist, _swap)


def _noise(chance: random.Random, content: bytes) -> bytes:  # noqa: ARG001 - all have one shape
    return chance.randbytes(chance.randint(0, 200))


def _cut(chance: random.Random, content: bytes) -> bytes:
    return content[: chance.randint(0, len(content))]


def _flip(chance: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _splice(chance: random.Random, content: bytes) -> bytes:
    start, end = sorted((chance.randint(0, len(content)), chance.randint(0, len(content))))
    return content[:end] + content[start:]


def _strange(chance: random.Random, content: bytes) -> bytes:
    return chance.choice(
        (
            b"\xef\xbb\xbf" + content,
            content.decode().encode("utf-16"),
            b"\x00" + content,
            content + b"\x00",
            content + content,
            b"[" * chance.randint(1, 5000) + content,
            b'{"a":' * chance.randint(1, 5000) + b"1",
            b"-" + b"9" * chance.randint(1, 5000),
            b"1e" + b"9" * chance.randint(1, 5),
            content.replace(b'"', b"'"),
            content.replace(b": ", b":NaN "),
            content.replace(b"null", b"Infinity"),
            content.replace(b"e", b"\\ud83d"),
            b" " * chance.randint(1, 5000) + content,
        )
    )


def _digit(chance: random.Random, content: bytes) -> bytes:
    """Changes inside numbers and digests leave the JSON whole."""
    changed = bytearray(content)
    places = [place for place, byte in enumerate(changed) if 0x30 <= byte <= 0x39]
    for _ in range(3 if places else 0):
        changed[chance.choice(places)] = 0x30 + chance.randrange(10)
    return bytes(changed)


_BYTE_MUTATIONS = (_noise, _cut, _flip, _splice, _strange, _digit, _digit)


_PLAIN_NAMES = (
    "weights.onnx", "engine.plan", "vit/config.json", "acme/screws/3", "yolov8n-640", "0123abcd", "a", "sam2.1",
    "model-00001-of-2.bin", "feature_extractor", "org/model-v0.3", "class_names.txt",
)  # fmt: skip
_BEFORE = (
    "../", "..\\", "/", "//", "\\\\host\\share\\", "C:", "C:\\", "c:/", "./", "~/", "~root/", ".", "..", " ", "-",
    "\u00a0", "\x00", "file:", "file:///", "\\\\?\\C:\\", "\\\\.\\", "/proc/self/fd/", "/dev/", "%2e%2e/", "%2e%2e%2f",
    "..%c0%af", "\uff0e\uff0e/", "$HOME/", "localtrt", "../" * 40, "a/../../", "models/../../", "\u202e", "\ufeff",
)  # fmt: skip
_AFTER = (
    "/..", "/../..", "/.", "/", "//", "\\", ".", "...", " ", "\t", "\n", "\r", "\x00", "\x00.txt", ":stream", "::$DATA",
    "\x1b[2J", "\x7f", "\u202e", "\u200b", "\u2028", "\ud800", "\udfff", "e\u0301", "\u212a", "\u017f", "\u2024", "?",
    "*", "|", "<", '"', "'", ";rm -rf", "$(id)", "`id`", "%00", "%2f", "#x", "@evil.example", ".lock", "\U0001f600",
    "/a" * 200, "a" * 300, "x" * 1100, "\ue000", "\u0378",
)  # fmt: skip
_DEVICES = ("con", "PRN", "aux.txt", "NUL", "com1", "LPT9.onnx", "CONIN$", "clock$", "com\u00b9")
_RESERVED_NAMES = (
    "model_config.json",
    "MODEL_CONFIG.JSON",
    "model_dependencies/x",
    "dependencies",
    ".lock",
    ".x.lock",
    "",
)


def _prefixed(chance: random.Random, name: str) -> str:
    return chance.choice(_BEFORE) + name


def _suffixed(chance: random.Random, name: str) -> str:
    return name + chance.choice(_AFTER)


def _other_slashes(chance: random.Random, name: str) -> str:
    return name.replace("/", chance.choice(("\\", "//", "/./", "\u2215", "\uff0f", "/../")))


def _device(chance: random.Random, name: str) -> str:
    return chance.choice((chance.choice(_DEVICES), f"{name}/{chance.choice(_DEVICES)}"))


def _reserved(chance: random.Random, name: str) -> str:
    return chance.choice((*_RESERVED_NAMES, name))


def _look_alike(chance: random.Random, name: str) -> str:
    return chance.choice((name.swapcase(), name.replace("a", "\u0430")))


def _exotic(chance: random.Random, name: str) -> str:
    place = chance.randint(0, len(name))
    return name[:place] + "".join(chr(chance.randrange(0x110000)) for _ in range(chance.randint(1, 6))) + name[place:]


_NAME_MUTATIONS = (_prefixed, _suffixed, _other_slashes, _device, _reserved, _look_alike, _exotic)
