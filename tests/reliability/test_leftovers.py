"""R-12, R-25, R-36 and R-63: what is left behind, and what is not even touched."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys

import pytest

from reliability.leftovers import census, dead_loaders, full_disk, offline


def _can_mount():
    return (
        shutil.which("unshare") is not None
        and not subprocess.run(["unshare", "-Urm", "true"], check=False, capture_output=True).returncode
    )


needs_mount = pytest.mark.skipif(not _can_mount(), reason="no namespace to mount a small disk in")
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="counts what /proc shows")


def test_one_load_tidies_up_after_ten_dead_ones(tmp_path):
    found = dead_loaders(tmp_path / "cache")
    assert (found.killed, found.recovered) == (10, True)
    assert found.before > 0
    assert found.after == 0


@needs_mount
def test_a_full_disk_is_noticed_before_the_first_request(tmp_path):
    found = full_disk(tmp_path)
    assert found.answer["error"] == "disk-full"
    assert int(found.answer["needed"]) == 12 << 20
    assert 0 < int(found.answer["available"]) <= 8 << 20
    assert found.answer["path"].startswith(str(tmp_path))
    assert (found.gets, found.visible) == (0, [])
    assert "digests" in found.later


@needs_mount
def test_a_disk_that_fills_up_keeps_nothing_of_the_file(tmp_path):
    found = full_disk(tmp_path, promised=False)
    assert found.answer["error"] == "disk-full"
    assert (found.gets, found.visible) == (1, [])
    assert "digests" in found.later


@needs_proc
def test_loads_leave_nothing_open(tmp_path):
    _check_census(census(tmp_path, rounds=6))


@needs_proc
@pytest.mark.nightly
def test_five_hundred_loads_leave_nothing_open_and_no_memory(tmp_path):
    found = census(tmp_path, rounds=100)
    _check_census(found)
    memory = found["memory KiB"]
    assert statistics.median(memory[75:]) <= 1.05 * statistics.median(memory[25:50])


def _check_census(found):
    for what in ("descriptors", "threads", "python threads", "children", "temporary files"):
        assert set(found[what][1:]) == {found[what][1]}, what
    assert set(found["children"]) == set(found["temporary files"]) == {0}


def test_offline_means_no_socket(tmp_path):
    found = offline(tmp_path / "cache")
    done = found["done"]
    assert found["sockets"] == []
    assert found["requests"] == 0
    assert done["load"] == done["predict"] == done["load without the choice"] == found["digests"]
    assert "1 of 1 package can run here" in done["plan"]
    assert "httpfolder" in done["describe"]
    assert "tiny" in done["runtime"]
    assert "offline" in done["list"]
    assert done["missing"]["code"] == "offline"
    assert "inference-models pull httpfolder://absent" in done["missing"]["hint"]
