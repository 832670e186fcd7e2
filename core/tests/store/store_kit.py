"""What the tests of the store share: files to put into it, and children under other users' names."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import traceback

import pytest
from inference_models_core.store.store import StoredFile, StoredPackage

LARGE = 100_000
"""Bytes from which on files are linked rather than copied, and some more."""


def content_of(seed, size=LARGE):
    return random.Random(seed).randbytes(size)


def put(store, content):
    """Publishes a content as a download would."""
    sha256 = hashlib.sha256(content).hexdigest()
    while True:
        part = store.part_folder(sha256) / f"{os.urandom(8).hex()}.part"
        try:
            part.write_bytes(content)
        except FileNotFoundError:  # somebody has tidied the folder away
            continue
        part.chmod(0o600)
        try:
            return store.publish(part, None, sha256, len(content))
        finally:
            part.unlink(missing_ok=True)


def stored_file(handle, content):
    return StoredFile(handle=handle, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def package_of(contents, *, model_id="ws/model/1", package_id="package", links=True):
    """A package of files by handle; their blobs are put by :func:`fill`."""
    return StoredPackage(
        provider="test",
        model_id=model_id,
        package_id=package_id,
        files=[stored_file(handle, content) for handle, content in contents.items()],
        config={"model_architecture": "yolov8", "task_type": "object-detection", "backend_type": "onnx"},
        links=links,
    )


def fill(store, contents):
    for content in contents.values():
        put(store, content)


CONTENTS = {
    "weights.onnx": content_of(1),
    "sub/labels.txt": b"cat\ndog\n",
    "environment.json": content_of(2, 3000),
}


def tree(root):
    """Every path below a folder with what tells one state of it from another."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = os.lstat(path)
        found[str(path.relative_to(root))] = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_mode)
    return found


needs_superuser = pytest.mark.skipif(
    not hasattr(os, "setuid") or os.getuid() != 0, reason="only the superuser can act as other users"
)
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")


class Child:
    """A process that calls a function, under another user's name if one is given."""

    def __init__(self, function, uid=None, gid=None, umask=0o022):
        import filelock  # noqa: F401 - other users may not be able to read this one's installation
        import inference_models_core.store.placing  # noqa: F401

        "".encode("utf-8-sig")
        read, self._write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(read)
            self._run(function, uid, gid, umask)
        os.close(self._write)
        self._read = read

    def _run(self, function, uid, gid, umask):
        status = 1
        try:
            os.umask(umask)
            if uid is not None:
                os.setgroups([])
                os.setgid(uid if gid is None else gid)
                os.setuid(uid)
            answer = {"value": function()}
            status = 0
        except BaseException as error:
            traceback.print_exc()
            answer = {"error": type(error).__name__, "message": str(error)}
        with os.fdopen(self._write, "w") as pipe:
            json.dump(answer, pipe)
        os._exit(status)

    def result(self, seconds=30):
        """What the function returned, or a dictionary with the name and the message of its error."""
        signal.alarm(seconds)  # a child that hangs is a failure, not a wait
        try:
            with os.fdopen(self._read) as pipe:
                text = pipe.read()
            os.waitpid(self.pid, 0)
        finally:
            signal.alarm(0)
        answer = json.loads(text) if text else {"error": "died"}
        return answer.get("value", answer)

    def kill(self, number=signal.SIGKILL):
        os.kill(self.pid, number)
