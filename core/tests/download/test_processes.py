"""Real processes, really killed."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from download_kit import content_of
from inference_models_core.testing.fault_server import Drip, Rate, Stall

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
CHILD = Path(__file__).with_name("child.py")
RANGES = {"range_threshold": 1, "window": 175_000}
KILLED = -signal.SIGKILL


class Child:
    """The process that forks."""

    def __init__(self, process) -> None:
        self._process = process

    def run(self, order, **more) -> int:
        self._process.stdin.write(json.dumps({**order, **more}) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@pytest.fixture
def child():
    with subprocess.Popen([sys.executable, CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Child(process)
        process.stdin.close()
        assert process.wait(10) == 0


def order_for(url, content, folder, **limits):
    sha256 = hashlib.sha256(content).hexdigest()
    return {"url": url, "sha256": sha256, "size": len(content), "folder": str(folder), "limits": limits}


def on_disk(folder) -> int:
    """Most bytes that one part has."""

    def size(part):
        note = part.with_suffix(".json")
        done = json.loads(note.read_text())["done"] if note.exists() else []
        return part.stat().st_size if done is None else sum(stop - start for start, stop in done)

    return max(map(size, folder.glob("*.part")), default=0)


@pytest.mark.parametrize("limits", [{}, RANGES], ids=["stream", "ranges"])
def test_killed_at_random_moments(server, child, tmp_path, limits):
    """Nothing that is on the disk is asked for again, and what comes out in the end is right."""
    seed = 20
    content, chance = content_of(2_000_000), random.Random(seed)
    folder = tmp_path / "parts"
    order = order_for(server.add("/w", content, Rate(1_500_000)), content, folder, **limits)
    kills = 0
    while kills < 20:
        had = on_disk(folder)
        server.requests.clear()
        if child.run(order, kill_after=0.02 + chance.random() * 0.15) != KILLED:
            (tmp_path / "published").unlink()
            continue
        kills += 1
        time.sleep(0.02)  # until the server has seen it
        asked = [request.headers.get("range") for request in server.requests]
        if limits:
            wanted = sum(int(text[6:].split("-")[1]) + 1 - int(text[6:].split("-")[0]) for text in asked)
            assert wanted <= len(content) - had, f"seed {seed}"
        else:
            assert asked in ([], [f"bytes={had}-" if had else None]), f"seed {seed}"
            assert not had or not asked or "if-range" in server.requests[0].headers
    server.add("/w", content)
    assert child.run(order) == 0
    assert (tmp_path / "published").read_bytes() == content
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("limits", [{}, RANGES], ids=["stream", "ranges"])
def test_killed_at_every_file_operation(server, child, tmp_path, limits):
    content, published = content_of(350_000), tmp_path / "published"
    order = order_for(server.add("/w", content), content, tmp_path / "parts", **limits)
    for number in range(200):
        if child.run(order, kill_at=number) == 0:
            break
        assert not published.exists() or published.read_bytes() == content
        assert child.run(order) == 0
        assert published.read_bytes() == content
        assert list((tmp_path / "parts").iterdir()) == []
        published.unlink()
    assert 10 < number < 199
    assert published.read_bytes() == content


@pytest.mark.parametrize("fault", [Stall(50_000), Stall(0), Drip(1, every=0.2)], ids=repr)
@pytest.mark.parametrize("limits", [{}, RANGES], ids=["stream", "ranges"])
def test_ctrl_c(server, tmp_path, fault, limits):
    content = content_of(400_000)
    order = order_for(server.add("/w", content, fault), content, tmp_path / "parts", **limits)
    arguments = [sys.executable, CHILD, "direct", json.dumps(order)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        wait_for(lambda: any(request.sent for request in server.requests) or (server.requests and fault == Stall(0)))
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, errors = process.communicate(timeout=20)
        took = time.monotonic() - began
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in errors
    assert took < 3  # a second is promised; a busy machine may take its time to end an interpreter
    there = on_disk(tmp_path / "parts")
    assert there >= (50_000 if fault == Stall(50_000) and not limits else 0)
    wait_for(lambda: sum(request.sent for request in server.requests) >= there)  # counted by another thread


def wait_for(condition) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


FILE_LIMIT = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
sys.argv = ["child.py", "direct", sys.argv[2]]
sys.path.insert(0, {folder!r})
from inference_models_core.errors import DiskFullError
import child
try:
    child.main()
except DiskFullError as error:
    print(error.code, error.path, error.needed, error.available > 0)
"""


@pytest.mark.parametrize("limits", [{}, RANGES], ids=["stream", "ranges"])
def test_a_file_that_may_not_grow(server, tmp_path, limits):
    content = content_of(400_000)
    folder = tmp_path / "parts"
    order = order_for(server.add("/w", content), content, folder, **limits)
    script = FILE_LIMIT.format(folder=str(CHILD.parent))
    run = subprocess.run(
        [sys.executable, "-c", script, "-", json.dumps(order)], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout == f"ready\ndisk-full {folder} 400000 True\n"
    assert list(folder.iterdir()) == []


def test_a_full_disk(server, child, tmp_path):
    """A real one, where this process may mount: a tmpfs of 200 kB."""
    content = content_of(400_000)
    order = order_for(server.add("/w", content), content, tmp_path / "disk" / "parts")
    (tmp_path / "disk").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(tmp_path / "disk")]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs to be allowed to mount")
    try:
        assert child.run(order) == 8
        assert list((tmp_path / "disk" / "parts").iterdir()) == []
    finally:
        subprocess.run(["umount", str(tmp_path / "disk")], check=True)


def test_what_a_warm_load_needs_is_light_to_import():
    parts = ("values", "parts", "workers")
    script = f"import sys{''.join(f', inference_models_core.download.{part}' for part in parts)}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"numpy", "requests", "filelock", "rich", "platformdirs"}.isdisjoint(run.stdout.split())
