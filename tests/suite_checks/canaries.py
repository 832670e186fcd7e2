"""Runs the whole suite with secrets in the environment and looks for them afterwards, wherever something came out."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from inference_models_core.testing.fault_server import FaultServer

from suite_checks import listening, own_cache
from suite_checks.secrets import CANARIES, LOGIN, Canaries

_BLOCK = 1 << 22
_OVERLAP = 256

sent: Counter[str] = Counter()
"""Name of a secret -> requests that carried it to the test server, where it belongs."""
_patch = pytest.MonkeyPatch()
_files = 0
_found: list[str] | None = None


@pytest.fixture(scope="session")
def canaries() -> Canaries:
    """The secrets of this session, for tests that send them; the key is in ``ROBOFLOW_API_KEY`` already."""
    return CANARIES


def found_in_files(folders: Iterable[Path], canaries: Canaries = CANARIES) -> tuple[list[str], int]:
    """Looks through files and their names.

    Returns:
        A line for each secret in each place, and the number of files.
    """
    lines, count = [], 0
    for path in _paths(folders):
        count += 1
        lines += [f"{name} in the name of {path.name!r}" for name in canaries.found_in(path.name)]
        if stat.S_ISREG(path.lstat().st_mode):
            lines += [f"{name} in the file {path}" for name in _found_in_content(path, canaries)]
    return lines, count


def _paths(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        for at, names, files in os.walk(folder):
            yield from (Path(at) / name for name in (*names, *files))


def _found_in_content(path: Path, canaries: Canaries) -> set[str]:
    found: set[str] = set()
    tail = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(canaries.found_in(tail + block))
            tail = block[-_OVERLAP:]
    return found


def _note_request(request: Any) -> None:
    """Counts the secrets that arrive; the one for netrc must not arrive anywhere."""
    text = "\n".join([request.query, *map("\n".join, request.headers.items())])
    names = CANARIES.found_in(text)
    sent.update(names)
    if "password" in names:
        listening.found.append(f"the password of the netrc file was sent: {listening.where()}")


def pytest_configure(config: pytest.Config) -> None:
    netrc = own_cache.folders(config)[0] / "netrc"
    netrc.write_text(f"default login {LOGIN} password {CANARIES.password}\n")
    netrc.chmod(0o600)
    _patch.setenv("NETRC", str(netrc))
    _patch.setenv("ROBOFLOW_API_KEY", CANARIES.api_key)
    reply = FaultServer.reply

    def noting(self: FaultServer, request: Any) -> Any:
        _note_request(request)
        return reply(self, request)

    _patch.setattr(FaultServer, "reply", noting)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    global _found, _files
    folders = [session.config._tmp_path_factory.getbasetemp(), *own_cache.folders(session.config)]
    lines, _files = found_in_files(folders)
    _found = [*listening.found, *(line for line in lines if not line.endswith("/netrc"))]
    if _found and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _found is None:
        return
    if _found:
        terminalreporter.section("secrets that came out", red=True)
        terminalreporter.line("\n".join(dict.fromkeys(_found)))
    used = ", ".join(f"{name} {count}" for name, count in sorted(sent.items())) or "none"
    listened = ", ".join(f"{kind} {count}" for kind, count in sorted(listening.heard.items()))
    terminalreporter.line(f"secrets found: {len(_found)}; looked at: files {_files}, {listened}; requests with: {used}")


def pytest_unconfigure() -> None:
    _patch.undo()
