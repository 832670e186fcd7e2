"""Every test has a cache folder of its own, and the user's own is left alone."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from inference_models_core import settings

#: What decides where platformdirs finds the cache folder: Linux and macOS, then Windows.
VARIABLES = ("XDG_CACHE_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA")
#: What decides it before them.
OVERRIDES = ("INFERENCE_MODELS_CACHE", "INFERENCE_MODELS_SHARED_CACHE")

_numbers = itertools.count()
_state = pytest.StashKey["_State"]()


class _State:
    def __init__(self) -> None:
        self.users_own = Path(os.environ.get("INFERENCE_MODELS_CACHE") or settings.cache_folder())
        self.before = census(self.users_own)
        self.folder = Path(tempfile.mkdtemp(prefix="inference-models-caches-"))
        self.environment = pytest.MonkeyPatch()


def census(folder: Path) -> dict[str, tuple[int, int]]:
    """Path -> (size, modification time) of everything in a folder, itself included; nothing if it is not there."""
    if not folder.exists():
        return {}
    names = [folder, *(Path(at) / name for at, folders, files in os.walk(folder) for name in (*folders, *files))]
    return {str(name): _size_and_time(name) for name in names if os.path.lexists(name)}


def _size_and_time(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_size, found.st_mtime_ns


def use(folder: Path, environment: pytest.MonkeyPatch) -> None:
    """Makes a folder the home of caches; a private one, as the library insists on."""
    folder.mkdir(mode=0o700)
    for name in VARIABLES:
        environment.setenv(name, str(folder))
    for name in OVERRIDES:
        environment.delenv(name, raising=False)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    state = config.stash[_state] = _State()
    use(state.folder / "session", state.environment)


@pytest.fixture(autouse=True)
def own_cache_folder(request: pytest.FixtureRequest):
    """The cache folder of this test; nothing is there yet."""
    folder = request.config.stash[_state].folder / str(next(_numbers))
    with pytest.MonkeyPatch.context() as environment:  # not the test's own, which it may undo
        use(folder, environment)
        yield settings.cache_folder()


def folders(config: pytest.Config) -> list[Path]:
    """Where the tests of this session have their caches."""
    return [config.stash[_state].folder]


def touched(config: pytest.Config) -> list[str]:
    """What has changed in the user's own cache since the session began."""
    state = config.stash[_state]
    after = census(state.users_own)
    return sorted(path for path in {*state.before, *after} if state.before.get(path) != after.get(path))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if touched(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    changed = touched(config)
    if changed:
        terminalreporter.section("the user's own cache was touched", red=True)
        terminalreporter.line("\n".join(changed[:20]))


def pytest_unconfigure(config: pytest.Config) -> None:
    state = config.stash.get(_state, None)
    if state is not None:
        state.environment.undo()
        shutil.rmtree(state.folder, ignore_errors=True)
