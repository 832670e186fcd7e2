"""The child process: loads a model as a job says and prints, as one JSON line, what came of it.

`python -m reliability.loader '{"url": ..., "cache": ..., "model": ...}'`, or with `--herd` a process that imports
everything once and forks for each job that it reads: a sweep over hundreds of moments takes seconds.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import select
import signal
import sys
import traceback


def main() -> None:
    """Runs the job of the command line, or those of standard input."""
    if sys.argv[1] == "--herd":
        herd()
    else:
        say(run(json.loads(sys.argv[1])))


def say(answer: object) -> None:
    """Prints one line at once."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def run(job: dict) -> dict:
    """Does what a job says.

    ``{"url": folder on the server, "cache": folder, "model": id, "options": {...}, "arguments": {...}}``; further
    keys switch on what goes wrong, see below. Answers ``{"digests": ...}`` or ``{"error": code, ...}``.
    """
    os.environ["HTTP_FOLDER_URL"] = job["url"]
    if job.get("no_flock"):
        _ignore_locks()
    if job.get("impatient"):
        _never_pause()
    if job.get("in_order"):
        _one_file_at_a_time()
    counter = _Operations(job.get("kill_at"), job.get("fail_at"), job.get("errno"))
    from inference_models_core.errors import InferenceModelsError

    try:
        answer = {"digests": load(job).digests}
    except InferenceModelsError as error:
        answer = {"error": error.code, "message": error.message, "hint": error.hint, **_facts(error)}
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)[-4:]
        where = " > ".join(f"{frame.name}:{frame.lineno}" for frame in frames)
        answer = {"escaped": f"{type(error).__name__}: {error} in {where}"}
    return {**answer, "operations": counter.names}


def load(job: dict):
    """Loads the model of a job."""
    from inference_models_core import AutoModel, LoadOptions

    options = LoadOptions(host=host(), progress=False, **job.get("options", {}))
    return AutoModel.from_pretrained(
        f"httpfolder://{job['model']}", cache_dir=job["cache"], options=options, **job.get("arguments", {})
    )


def host():
    """A host with the tiny backend and the HTTP folder, and nothing that happens to be installed."""
    import inference_models_provider_http_folder.plugin as http_folder
    from inference_models_core import PluginHost

    from reliability import tiny

    made = PluginHost(discover=False)
    made.register(tiny, "tiny", "1")
    made.register(http_folder, "http-folder", "1")
    return made


def _facts(error: Exception) -> dict:
    return {name: str(getattr(error, name)) for name in ("needed", "available", "path") if hasattr(error, name)}


def _ignore_locks() -> None:
    """Every lock is granted to everybody, as on some network file systems."""
    import fcntl

    fcntl.flock = lambda *_: None


def _never_pause() -> None:
    """Retries follow at once: every pause is a random part of its longest, and chance says none of it."""
    from inference_models_core.network import retries

    retries.Clock.random = lambda _: 0.0


def _one_file_at_a_time() -> None:
    """So that the n-th operation is the same in every run."""
    from inference_models_core.artifacts import fetch

    fetch.PARALLEL_FILES = 1


class _Operations:
    """Counts file operations; at one of them the process dies or the operation fails."""

    def __init__(self, kill_at: int | None, fail_at: int | None, errno: int | None) -> None:
        from inference_models_core.store import files

        self.names: list[str] = []
        self._kill_at, self._fail_at, self._errno = kill_at, fail_at, errno
        files.on_operation = self

    def __call__(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if len(self.names) == self._fail_at:
            raise OSError(self._errno, os.strerror(self._errno))


def herd() -> None:
    """Forks for each line of standard input; answers ``{"signal": n}`` or what the job answered."""
    logging.getLogger("inference_models").setLevel(logging.CRITICAL)  # hundreds of warnings that are as they should be
    for line in sys.stdin:
        job = json.loads(line)
        say(_forked(job))


def _forked(job: dict) -> dict:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            json.dump({**run(job), "modules": sorted(sys.modules)}, pipe)
        os._exit(0)
    os.close(writing)
    output = _output_or_kill(reading, child, job.get("kill_after"))
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status)}
    answer = json.loads(output)
    _learn(answer.pop("modules"))
    return answer


def _output_or_kill(reading: int, child: int, kill_after: float | None) -> str:
    """What the child writes until it ends; after so many seconds it is killed."""
    with os.fdopen(reading) as pipe:
        if kill_after is not None and not select.select([pipe], [], [], kill_after)[0]:
            os.kill(child, signal.SIGKILL)
        return pipe.read()


def _learn(names: list[str]) -> None:
    """Imports what the child had to import, so that the next one need not."""
    import importlib

    for name in names:
        if name not in sys.modules:
            with contextlib.suppress(ImportError):  # names that some packages make up
                importlib.import_module(name)
    _keep_certificates()


def _keep_certificates() -> None:
    """Reading the certificate authorities takes longer than all the rest of a small load."""
    from inference_models_core.network import client

    if not hasattr(client.tls_context, "cache_clear"):
        client.tls_context = functools.cache(client.tls_context)
        client.tls_context()


if __name__ == "__main__":
    main()
