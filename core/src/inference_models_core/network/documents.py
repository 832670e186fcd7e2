"""A provider's answer to a question: a JSON document, or an error that says what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from inference_models_core.errors import (
    DownloadError,
    ForbiddenError,
    ModelNotFoundError,
    PaymentRequiredError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitedError,
    UnauthorizedError,
    UnsafeUrlError,
    UsagePausedError,
    printable,
)
from inference_models_core.network.response import read_body
from inference_models_core.network.retries import MAX_PAUSE, RETRIED_STATUSES, delay, requested_pause
from inference_models_core.parsing import MAX_DOCUMENT_BYTES, malformed, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from inference_models_core.network.response import Response
    from inference_models_core.network.retries import Clock
    from inference_models_core.types.secrets import Secret

TRIES = 3
DOCUMENT_SECONDS = 60.0
"""Longest time for one try, from connecting to the last byte."""
_QUOTED_BYTES = 512
_OK = 200
_SERVER_FAULTS = 500
_REFUSALS: dict[int, tuple[type[ProviderError], str]] = {
    401: (UnauthorizedError, "wants another key for"),
    402: (PaymentRequiredError, "wants to be paid before it gives"),
    403: (ForbiddenError, "does not let this key have"),
    404: (ModelNotFoundError, "does not know"),
    408: (ProviderUnavailableError, "took too long for"),
    423: (UsagePausedError, "has paused this account, which asked for"),
    429: (RateLimitedError, "gets too many requests to answer for"),
}


class Question(NamedTuple):
    """What is asked, as far as messages may tell."""

    host: str
    what: str
    secrets: Collection[Secret]


@attrs.frozen
class _Answer:
    """Prints without what the provider said: tracebacks show variables."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


def ask(question: Question, send: Callable[[], Response], clock: Clock) -> Any:
    """Asks until there is an answer, ``TRIES`` times at most; see :meth:`HttpClient.get_document`."""
    for tries in range(TRIES - 1):
        try:
            return _ask_once(question, send, clock)
        except _Again as again:
            pause = again.pause
        clock.sleep(delay(tries, clock=clock) if pause is None else pause)
    try:
        return _ask_once(question, send, clock)
    except _Again as again:
        failure = again.failure
    raise failure


class _Again(Exception):  # noqa: N818 - never leaves this module
    """It may work the next time."""

    def __init__(self, failure: ProviderError, pause: float | None) -> None:
        super().__init__()
        self.failure = failure
        self.pause = pause


def _ask_once(question: Question, send: Callable[[], Response], clock: Clock) -> Any:
    try:
        answer = _read(send())
    except UnsafeUrlError:
        raise
    except DownloadError as error:
        failure = ProviderUnavailableError(f"{question.host} cannot be asked for {question.what}: {error.message}")
        failure.__cause__ = error
        raise _Again(failure, None) from None
    if answer.status == _OK:
        return _parsed(question, answer)
    raise _refusal(question, answer, clock)


def _read(response: Response) -> _Answer:
    with response:
        if response.status == _OK:
            return _Answer(_OK, response.headers, read_body(response, MAX_DOCUMENT_BYTES + 1))
        try:
            body = read_body(response, _QUOTED_BYTES)
        except DownloadError:
            body = b""  # the status says enough
        return _Answer(response.status, response.headers, body)


def _parsed(question: Question, answer: _Answer) -> Any:
    where = f"{question.host}: {question.what}"
    encoding = answer.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        malformed(where, "an answer without compression", printable(encoding, 60))
    return parse_json(answer.body, where)


def _refusal(question: Question, answer: _Answer, clock: Clock) -> Exception:
    """The error to raise: final, or one after which it is asked again."""
    kind, words = _REFUSALS.get(answer.status, (ProviderError, "did not give"))
    if answer.status >= _SERVER_FAULTS:
        kind, words = ProviderUnavailableError, "failed to answer for"
    failure = kind(f"{question.host} {words} {question.what} (status {answer.status}){_quoted(question, answer)}")
    if answer.status not in RETRIED_STATUSES:
        return failure
    pause = requested_pause(answer.headers, clock=clock)
    if pause is not None and pause > MAX_PAUSE:
        return RateLimitedError(failure.message, hint=f"try again in {pause:.0f} seconds")
    return _Again(failure, pause)


def _quoted(question: Question, answer: _Answer) -> str:
    """The body as part of a message: one line, short, without the keys that some servers repeat."""
    text = " ".join(answer.body.decode("utf-8", "replace").split())
    for secret in question.secrets:
        for part in {secret.reveal(), secret.reveal().rpartition(" ")[2]} - {""}:
            text = text.replace(part, "***")
    return f": {text}" if text else ""  # errors escape what does not print
