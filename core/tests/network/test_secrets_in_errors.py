"""Nothing secret is in messages, logs, or tracebacks that show the variables of our frames."""

import logging
import traceback
from pathlib import Path

import inference_models_core
import pytest
from inference_models_core.errors import InferenceModelsError
from inference_models_core.testing.fault_server import Drop, Header, Redirect, Status, WrongLength
from inference_models_core.types.secrets import Secret

CANARY = "canary-51f0"
OURS = str(Path(inference_models_core.__file__).parent)

SITUATIONS = {
    "refused": lambda server, other: server.add("/a", b"", Status(401, body=CANARY.encode())),
    "failing": lambda server, other: server.add("/a", b"", Status(500, body=CANARY.encode())),
    "cut": lambda server, other: server.add("/a", b"content", Drop(1)),
    "dropped": lambda server, other: server.add("/a", lambda _: (_ for _ in ()).throw(ConnectionResetError())),
    "not json": lambda server, other: server.add("/a", b"<"),
    "redirected to a private host": lambda server, other: server.add(
        "/a", b"", Redirect(f"https://10.0.0.1/?{CANARY}")
    ),
    "redirected to user and password": lambda s, other: s.add("/a", b"", Redirect(f"https://u:{CANARY}@h/?{CANARY}")),
    "redirected for ever": lambda server, other: server.add("/a", b"", Redirect(f"/a?{CANARY}")),
    "redirected to nobody": lambda server, other: server.add("/a", b"", Redirect(f"{other}/?{CANARY}")),
    "malformed": lambda server, other: f"https://h h/?{CANARY}",
    "unsafe": lambda server, other: "http://10.0.0.1/",
    "nobody listens": lambda server, other: other + "/a",
    "strange headers": lambda s, other: s.add("/a", b"<", Header(f"X\nX {CANARY}", "x"), WrongLength(None)),
    "not resolved": lambda server, other: "https://name.invalid/a",
}


ANSWERED = {"refused", "failing", "not json", "strange headers"}


def shown(error):
    """Everything that a report of an error with the variables of our frames says."""
    seen = []
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    while report is not None:
        seen += [str(report), *(str(frame.locals) for frame in report.stack if frame.filename.startswith(OURS))]
        report = report.__cause__ or report.__context__
    return "\n".join(seen)


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("method", ["open", "get_document"])
def test_canaries(method, situation, server, make_client, clock, caplog, read_all):
    caplog.set_level(logging.DEBUG)
    nobody = "http://127.0.0.1:9"
    url = f"{SITUATIONS[situation](server, nobody)}?X-Signature={CANARY}"
    key = {"X-Api-Key": Secret(CANARY)}
    client = make_client(server, nobody, headers={server.origin: key}, clock=clock)
    error = None
    try:
        if method == "open":
            read_all(client.open(url, headers={"X-Other": Secret(CANARY)}))
        else:
            client.get_document(url, params=[("key", Secret(CANARY))], headers={"X-Other": Secret(CANARY)}, what="it")
    except InferenceModelsError as raised:
        error = raised
    assert (error is None) == (method == "open" and situation in ANSWERED)
    assert error is None or CANARY not in f"{shown(error)} {error!r} {error.to_dict()}"
    assert CANARY not in f"{caplog.text} {client!r}"
