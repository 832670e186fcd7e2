"""Everything that a server can do wrong, against what has to come of it."""

from __future__ import annotations

import hashlib
import os

import pytest
from download_kit import RANGED, content_of, ranges_of, remote
from inference_models_core.errors import DownloadError, DownloadRefusedError, IntegrityError, UnsafeUrlError
from inference_models_core.testing.fault_server import (
    Changed,
    Chunked,
    Drop,
    FaultServer,
    Gzip,
    Header,
    LongBody,
    Multipart,
    NoIfRange,
    NoRange,
    Redirect,
    ShortBody,
    Status,
    Validators,
    WrongLength,
    WrongRange,
)

SIZE = 300_000
CONTENT = content_of(SIZE)
ONE = {"window": 1 << 24}
BOTH = pytest.mark.parametrize("limits", [ONE, RANGED], ids=["stream", "ranges"])


@pytest.fixture(autouse=True)
def never_more_on_disk_than_promised(monkeypatch):
    from inference_models_core.store import files

    real = files.write_at

    def checked(fd, data, offset):
        assert offset + len(data) <= SIZE
        real(fd, data, offset)
        assert os.fstat(fd).st_size <= SIZE

    monkeypatch.setattr(files, "write_at", checked)


HARMLESS = {
    "nothing": (),
    "dropped at once": (Drop(0, times=1),),
    "dropped twice": (Drop(50_000, times=2),),
    "dropped in chunks": (Chunked(), Drop(50_000, times=1)),
    "dropped, no ranges": (NoRange(), Drop(50_000, times=1)),
    "dropped, wrong range then": (Drop(50_000, times=1), WrongRange(shift=1)),
    "dropped, multipart then": (Drop(50_000, times=1), Multipart()),
    "dropped, weak validator": (Validators(etag='W/"1"'), Drop(50_000, times=1)),
    "dropped, no validator": (Validators(), Drop(50_000, times=1)),
    "dropped, condition ignored": (NoIfRange(), Drop(50_000, times=1)),
    "another ETag at every request": (Header("ETag", None), Drop(50_000, times=1)),
    "wrong total in the range": (WrongRange(text=f"bytes 50000-{SIZE - 1}/*"), Drop(50_000, times=1)),
    "malformed range": (WrongRange(text="bytes nonsense"), Drop(50_000, times=1)),
    "range without a body": (Drop(50_000, times=1), Status(416, skip=1, times=1)),
    "busy": (Status(503, times=2), Status(429, times=1, skip=2, headers={"Retry-After": "1"})),
    "timeout and broken gateway": (Status(408, times=1), Status(502, times=1, skip=1)),
    "chunked": (Chunked(),),
    "no length": (WrongLength(None),),
    "no length, cut": (WrongLength(None), Drop(50_000, times=1)),
    "endless, but the promise is met": (Chunked(), LongBody(1 << 20)),
    "redirected": (Redirect("/elsewhere"),),
}


@BOTH
@pytest.mark.parametrize("faults", HARMLESS.values(), ids=HARMLESS)
def test_right_in_the_end(server, fetch, faults, limits):
    server.add("/elsewhere", CONTENT)
    assert fetch(remote(server.add("/w", CONTENT, *faults), CONTENT), **limits) == CONTENT
    assert fetch.left == []
    assert fetch.told[-1] == SIZE


REFUSED = {
    "longer by one": ((LongBody(1),), IntegrityError, "announces 300001 bytes, 300000 were promised"),
    "ten times as long": ((LongBody(9 * SIZE),), IntegrityError, "announces"),
    "shorter": ((ShortBody(1),), IntegrityError, "announces 299999"),
    "empty": ((ShortBody(SIZE),), IntegrityError, "announces 0"),
    "no content": ((Status(204),), DownloadRefusedError, "204"),
    "other content": ((Changed(content_of(SIZE, 1), skip=0),), IntegrityError, "sha256"),
    "compressed": ((Gzip(),), DownloadError, "compressed"),
    "compressed, by its header only": ((Header("Content-Encoding", "br"),), DownloadError, "compressed"),
    "length 2^62": ((WrongLength(str(2**62)),), IntegrityError, "announces"),
    "length -5": ((WrongLength("-5"),), DownloadError, "Content-Length"),
    "length in words": ((WrongLength("abc"),), DownloadError, "Content-Length"),
    "two lengths": ((Header("Content-Length", "7"),), DownloadError, "."),
    "gone": ((Status(410),), DownloadRefusedError, "410"),
    "not found": ((Status(404),), DownloadRefusedError, "404"),
    "odd": ((Status(418),), DownloadRefusedError, "418"),
    "down": ((Status(500),), DownloadError, "500"),
    "to another scheme": ((Redirect("file:///etc/passwd"),), UnsafeUrlError, "."),
    "always cut": ((Drop(0),), DownloadError, "."),
    "always cut at the same place, no ranges": ((NoRange(), Drop(9)), DownloadError, "."),
}


@BOTH
@pytest.mark.parametrize(("faults", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_told_in_the_end(server, fetch, faults, error, words, limits):
    url = server.add("/w", CONTENT, *faults)
    with pytest.raises(error, match=words) as caught:
        fetch(remote(f"{url}?signature=SECRET", CONTENT), **limits)
    assert caught.value.code == error.code
    assert "SECRET" not in f"{caught.value!r}{caught.value}{getattr(caught.value, 'attempts', '')}"
    if isinstance(caught.value, DownloadError):
        assert caught.value.attempts
    assert fetch.left in ([], [".json", ".part"])
    assert fetch(remote(server.add("/w", CONTENT), CONTENT)) == CONTENT
    assert fetch.left == []


AT_ONCE = ("longer by one", "empty", "compressed", "length 2^62", "length -5", "length in words", "two lengths", "gone")


@pytest.mark.parametrize("name", AT_ONCE)
def test_what_no_retry_mends_is_asked_once_and_nothing_is_written(server, fetch, name):
    faults, error, _ = REFUSED[name]
    with pytest.raises(error):
        fetch(remote(server.add("/w", CONTENT, *faults), CONTENT))
    assert len(server.requests) == 1
    assert (fetch.left, fetch.told, fetch.clock.time) == ([], [0], 0)


@BOTH
@pytest.mark.parametrize("faults", [(), (Validators(),), (NoIfRange(),), (Validators(), NoIfRange())], ids=repr)
@pytest.mark.parametrize("has_digest", [True, False])
def test_an_object_that_changes_meanwhile_is_never_mixed(server, fetch, faults, has_digest, limits):
    old, new = b"A" * SIZE, b"B" * SIZE
    url = server.add("/w", old, *faults, Changed(new), Drop(60_000, times=1))
    promised = {} if has_digest else {"sha256": None}
    try:
        found = fetch(remote(url, new, **promised), **limits)
    except (IntegrityError, DownloadError):
        found = new
    assert found in ((new,) if has_digest else (old, new))


@BOTH
def test_an_object_that_changes_without_end(server, fetch, limits):
    versions = [Changed(content_of(SIZE, seed), skip=seed, times=1) for seed in range(1, 60)]
    url = server.add("/w", CONTENT, *versions, Drop(60_000))
    with pytest.raises((IntegrityError, DownloadError)):
        fetch(remote(url, CONTENT), **limits)


@pytest.mark.parametrize("faults", [(), (Chunked(),), (WrongLength(None),)], ids=["length", "chunked", "closed"])
def test_unknown_size_comes_from_the_response_and_is_capped(server, fetch, faults):
    url = server.add("/w", CONTENT, *faults)
    assert fetch(remote(url, CONTENT, size=None)) == CONTENT
    assert fetch(remote(url, CONTENT, size=None), max_size=SIZE) == CONTENT
    with pytest.raises(DownloadError, match="at most 299999 are allowed"):
        fetch(remote(url, CONTENT, size=None), max_size=SIZE - 1)
    assert fetch.left in ([], [".json", ".part"])


def test_a_promise_above_the_cap_asks_nobody(server, fetch):
    with pytest.raises(DownloadError, match="at most 10 are allowed"):
        fetch(remote(server.add("/w", CONTENT), CONTENT), max_size=10)
    assert server.requests == []


def test_without_a_digest_a_body_beyond_the_promise_is_found_out(server, fetch):
    url = server.add("/w", CONTENT, Chunked(), LongBody(1))
    with pytest.raises(IntegrityError, match="more than the promised"):
        fetch(remote(url, CONTENT, sha256=None))


def test_the_same_length_twice(server, fetch):
    assert fetch(remote(server.add("/w", CONTENT, Header("Content-Length", str(SIZE))), CONTENT)) == CONTENT


@pytest.mark.parametrize("size", [0, 1, 2])
@BOTH
def test_tiny_files(server, fetch, size, limits):
    assert fetch(remote(server.add("/w", CONTENT[:size]), CONTENT[:size]), **limits) == CONTENT[:size]
    assert fetch(remote(server.add("/w", CONTENT[:size]), CONTENT[:size], size=None), **limits) == CONTENT[:size]


def test_md5_alone_is_checked_and_the_sha256_computed(server, fetch):
    url = server.add("/w", CONTENT)
    assert fetch(remote(url, CONTENT, sha256=None, md5=hashlib.md5(CONTENT).hexdigest())) == CONTENT
    with pytest.raises(IntegrityError, match="md5"):
        fetch(remote(url, CONTENT, sha256=None, md5="0" * 32))


def test_wrong_bytes_are_fetched_anew_once(server, fetch):
    url = server.add("/w", content_of(SIZE, 1), Changed(CONTENT))
    assert fetch(remote(url, CONTENT)) == CONTENT
    assert ranges_of(server) == [None, None]


def test_next_url_when_one_is_exhausted(server, fetch):
    urls = [
        server.add("/refused", CONTENT, Status(403)),
        server.add("/wrong-size", CONTENT, LongBody(5)),
        server.add("/down", CONTENT, Status(503)),
        server.add("/good", CONTENT),
    ]
    assert fetch(remote(urls, CONTENT)) == CONTENT
    assert [request.path for request in server.requests] == ["/refused", "/wrong-size", *["/down"] * 5, "/good"]


@BOTH
def test_the_rest_comes_from_the_next_url(server, fetch, limits):
    urls = [server.add("/a", CONTENT, Drop(80_000, times=1), Status(503, skip=1)), server.add("/b", CONTENT)]
    assert fetch(remote(urls, CONTENT), **limits) == CONTENT
    assert sum(request.sent for request in server.requests if request.path == "/b") <= SIZE - 64 * 1024


def test_expired_urls_are_renewed_once(server, fetch):
    old, new = server.add("/old", CONTENT, Status(403)), server.add("/new", CONTENT)
    asked = []

    def refresh():
        asked.append(1)
        return [new]

    assert fetch(remote(old, CONTENT), refresh=refresh) == CONTENT
    assert asked == [1]
    server.add("/new", CONTENT, Status(401))
    with pytest.raises(DownloadRefusedError, match="401"):
        fetch(remote(old, CONTENT), refresh=refresh)
    assert asked == [1, 1]


def test_renewed_in_the_middle_of_ranges(server, fetch):
    old = server.add("/old", CONTENT, Status(403, skip=2))
    new = server.add("/new", CONTENT)
    assert fetch(remote(old, CONTENT), refresh=lambda: [new], **RANGED) == CONTENT
    assert len(server.requests_of("/new")) >= 2


def test_no_url_at_all(server, fetch):
    url = server.add("/w", CONTENT)
    assert fetch(remote([], CONTENT), refresh=lambda: [url]) == CONTENT
    with pytest.raises(DownloadError, match="no URL"):
        fetch(remote([], CONTENT))


def test_redirect_to_another_origin_that_is_not_configured(server, fetch):
    with FaultServer("127.0.0.2") as other:
        url = server.add("/w", CONTENT, Redirect(other.add("/w", CONTENT)))
        with pytest.raises(UnsafeUrlError):
            fetch(remote(url, CONTENT))
        assert other.requests == []


def test_connection_refused(server, fetch):
    with FaultServer() as gone:
        url = gone.url("/w")
    with pytest.raises((DownloadError, UnsafeUrlError)):
        fetch(remote(url, CONTENT))
