"""Loads each reference in a process of its own and prints what happened: the outcome, and what an audit hook saw."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

#: Events that would be an escape wherever they come from.
ALWAYS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class", "code.__new__")


class Watch:
    """Notes what must not happen while packages are loaded.

    Attributes:
        folders: Nothing is imported or executed from there.
        seen: What was noted.
    """

    def __init__(self, folders: list[str]) -> None:
        self.folders = tuple(map(os.path.realpath, folders))
        self.seen: list[str] = []
        self.is_on = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        if event in ALWAYS:
            self.seen.append(f"{event} {str(arguments)[:200]}")
        if event == "exec" and self._is_inside(getattr(arguments[0], "co_filename", "")):
            self.seen.append(f"executed {arguments[0].co_filename}")
        if event == "import" and arguments[1] and self._is_inside(arguments[1]):
            self.seen.append(f"imported {arguments[1]}")
        if event == "ctypes.dlopen" and self._is_inside(str(arguments[0])):
            self.seen.append(f"opened the library {arguments[0]}")

    def _is_inside(self, path: Any) -> bool:
        return os.path.realpath(os.fsdecode(path)).startswith(self.folders) if isinstance(path, (str, bytes)) else False


def main() -> None:
    """``{"references": [...], "folders": [...], "arguments": {...}, "dangerous": bool}`` in, a list of outcomes out."""
    job = json.loads(sys.stdin.read())
    from inference_models_core import AutoModel, LoadOptions
    from inference_models_core.errors import InferenceModelsError

    from hostile.providers import host_of

    watch = Watch(job["folders"])
    sys.addaudithook(watch)
    host = host_of(job)
    AutoModel.from_pretrained("samples/shapes-detector").close()  # what the runtime does at its first load is its own
    outcomes = []
    for reference in job["references"]:
        watch.seen, watch.is_on = [], True
        outcome: dict[str, Any] = {"reference": reference, "path": list(sys.path)}
        try:
            arguments = dict(job["arguments"])
            trusted = arguments.pop("trusted_code", ())
            options = LoadOptions(host=host, progress=False, trusted_code=trusted)
            AutoModel.from_pretrained(reference, options=options, **arguments)
            outcome["error"] = None
        except InferenceModelsError as error:
            outcome["error"] = {"code": error.code, "text": str(error)}
        except Exception as error:  # what is not ours is a finding
            outcome["error"] = {"code": None, "text": repr(error)}
        watch.is_on = False
        outcomes.append({**outcome, "seen": watch.seen, "sentinel": Path(job["sentinel"]).exists()})
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
