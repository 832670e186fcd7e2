"""Redirects: where they may lead, and that no secret goes with them."""

import pytest
from inference_models_core.errors import DownloadError, UnsafeUrlError
from inference_models_core.network.client import MAX_REDIRECTS
from inference_models_core.testing.fault_server import FaultServer, Header, Redirect
from inference_models_core.types.secrets import Secret

CANARY = "canary-7f3a"
SECRETS = {
    "bound Authorization": {"bound": {"Authorization": Secret(f"Bearer {CANARY}")}},
    "bound X-Api-Key": {"bound": {"X-Api-Key": Secret(CANARY)}},
    "given header": {"given": {"X-Tenant-Token": Secret(CANARY)}},
    "given Cookie": {"given": {"Cookie": f"session={CANARY}"}},
}


def _chain(server, elsewhere):
    server.add("/second", b"", Redirect(elsewhere.url("/x")))
    return server.url("/second")


def _back(server, elsewhere):
    elsewhere.add("/back", b"", Redirect(server.url("/x")))
    return elsewhere.url("/back")


SHAPES = {
    "301": lambda server, elsewhere: (elsewhere.url("/x"), 301),
    "302": lambda server, elsewhere: (elsewhere.url("/x"), 302),
    "303": lambda server, elsewhere: (elsewhere.url("/x"), 303),
    "307": lambda server, elsewhere: (elsewhere.url("/x"), 307),
    "308": lambda server, elsewhere: (elsewhere.url("/x"), 308),
    "without scheme": lambda server, elsewhere: (elsewhere.url("/x").removeprefix("http:"), 302),
    "shouted": lambda server, elsewhere: (elsewhere.url("/x").replace("http", "HTTP"), 302),
    "through the own origin": lambda server, elsewhere: (_chain(server, elsewhere), 302),
    "there and back": lambda server, elsewhere: (_back(server, elsewhere), 302),
    "own origin as user name": lambda s, elsewhere: (elsewhere.url("/x").replace("//", f"//{s.origin[7:]}@"), 302),
    "backslash": lambda server, elsewhere: (f"{elsewhere.origin}\\@{server.origin[7:]}/x", 302),
    "space": lambda server, elsewhere: (f" {elsewhere.url('/x')} ", 302),
}
REFUSED = {"own origin as user name", "backslash"}


def sent(server):
    return [f"{request.path} {request.query} {dict(request.headers)}" for request in server.requests]


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("shape", SHAPES)
def test_secrets_stay_at_their_origin(shape, kind, server, elsewhere, make_client):
    to, status = SHAPES[shape](server, elsewhere)
    start = server.add("/start", b"", Redirect(to, status))
    for each in (server, elsewhere):
        each.add("/x", b"content")
    bound, given = SECRETS[kind].get("bound", {}), SECRETS[kind].get("given", {})
    client = make_client(server, elsewhere, headers={server.origin: bound})
    headers = {**given, "Range": "bytes=1-"}
    if shape in REFUSED:
        with pytest.raises(UnsafeUrlError):
            client.open(f"{start}?key={CANARY}", headers=headers)
        assert elsewhere.requests == []
    else:
        with client.open(f"{start}?key={CANARY}", headers=headers) as response:
            assert response.status == 206
        assert elsewhere.requests != []
        assert all("bytes=1-" in line for line in sent(elsewhere)), "ranges go along"
    assert not [line for line in sent(elsewhere) if CANARY in line]
    assert CANARY in str(server.requests[0].headers), "the own origin got it"


def test_headers_given_for_a_request_do_not_come_back_once_they_have_left(server, elsewhere, make_client):
    server.add("/start", b"", Redirect(_back(server, elsewhere)))
    server.add("/x", b"content")
    client = make_client(server, elsewhere, headers={server.origin: {"X-Bound": Secret("bound")}})
    client.open(server.url("/start"), headers={"X-Given": "given"}).close()
    first, last = server.requests
    assert (first.headers.get("x-given"), last.headers.get("x-given")) == ("given", None)
    assert last.headers["x-bound"] == "bound"


def test_another_port_is_another_origin(server, make_client):
    with FaultServer() as neighbour:
        neighbour.add("/x", b"content")
        server.add("/start", b"", Redirect(neighbour.url("/x")))
        client = make_client(server, neighbour, headers={server.origin: {"X-Api-Key": Secret(CANARY)}})
        client.open(server.url("/start"), headers={"Cookie": CANARY}).close()
        assert neighbour.requests
        assert CANARY not in str(sent(neighbour))


def test_a_page_that_refreshes_itself_leads_nowhere(server, elsewhere, make_client, read_all):
    page = f'<meta http-equiv="refresh" content="0;url={elsewhere.url("/x")}">'.encode()
    server.add("/page", page, Header("Refresh", f"0;url={elsewhere.url('/x')}"))
    assert read_all(make_client(server, elsewhere).open(server.url("/page"))) == page
    assert elsewhere.requests == []


def test_a_next_page_elsewhere_gets_no_key(server, elsewhere, make_client):
    elsewhere.add("/next", b"{}")
    client = make_client(server, elsewhere, headers={server.origin: {"Authorization": Secret(CANARY)}})
    assert client.get_document(elsewhere.url("/next"), what="the next page") == {}
    assert CANARY not in str(sent(elsewhere))


def test_cookies_are_not_kept(server, client):
    server.add("/a", b"", Header("Set-Cookie", f"session={CANARY}; Path=/"), Redirect("/b", times=0))
    server.add("/b", b"", Header("Set-Cookie", f"other={CANARY}"))
    for path in ("/a", "/b", "/a"):
        client.open(server.url(path)).close()
    assert CANARY not in str(sent(server))


def test_origins_that_were_not_configured_get_no_request(server, elsewhere, client):
    elsewhere.add("/x", b"content")
    server.add("/start", b"", Redirect(elsewhere.url("/x")))
    with pytest.raises(UnsafeUrlError, match="only https"):
        client.open(server.url("/start"))
    assert elsewhere.requests == []


def test_relative_redirects_keep_the_connection(server, client, connections, read_all):
    server.add("/a/start", b"", Redirect("../b c?q=\xe9"))
    server.add("/b%20c", b"content")
    assert read_all(client.open(server.url("/a/start"))) == b"content"
    assert server.requests[-1].query in ("q=%C3%A9", "q=%EF%BF%BD"), "encoded, not sent as it came"
    assert len(connections) == 1


@pytest.mark.parametrize("hops", [MAX_REDIRECTS, MAX_REDIRECTS + 1])
def test_how_many(hops, server, client, read_all):
    for hop in range(hops):
        server.add(f"/{hop}", b"", Redirect(f"/{hop + 1}"))
    server.add(f"/{hops}", b"content")
    if hops <= MAX_REDIRECTS:
        assert read_all(client.open(server.url("/0"))) == b"content"
        return
    with pytest.raises(DownloadError, match="more than 5 redirects"):
        client.open(server.url("/0"))
    assert len(server.requests) == MAX_REDIRECTS + 1


@pytest.mark.parametrize("to", ["http://[", "ftp://h/", "https://h:x/", "file:///etc/passwd", "javascript:1"])
def test_malformed_ones(to, server, client):
    server.add("/start", b"", Redirect(to))
    with pytest.raises(UnsafeUrlError, match="redirects to a URL that is refused"):
        client.open(server.url("/start"))


def test_a_redirect_to_nowhere_is_an_answer(server, client):
    server.add("/start", b"", Redirect("/x"), Header("Location", None))
    with client.open(server.url("/start")) as response:
        assert response.status == 302
