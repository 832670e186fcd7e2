"""Measures what this library promises about getting models, prints the table, and writes it into docs/reliability.md.

The figures come from the functions that the tests use (`tests/reliability`) and from the other benchmarks, here at full
size. Needs Linux; what a machine cannot do (strace, namespaces) is said in the table or left out.

    python benchmarks/reliability.py                     # everything, about half an hour; writes the table
    python benchmarks/reliability.py kills warm          # some sections; prints only
    python benchmarks/reliability.py --write warm resolve # some sections; replaces their rows in the table
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from measuring import median_ratio, print_table
from page import Page

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "examples" / "inference-models-provider-http-folder" / "src")]
HEADER = ("requirement", "what", "measured", "target", "")
PAGE = Page(ROOT / "docs" / "reliability.md", HEADER)


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        requirement: Its number in the list of requirements.
        what: What was measured.
        measured: What came out.
        target: What should.
        is_met: Whether it did; `None` where there is nothing to meet.
    """

    requirement: str
    what: str
    measured: str
    target: str
    is_met: bool | None

    @property
    def cells(self) -> tuple[str, ...]:
        """As printed."""
        return (*self[:4], {True: "met", False: "MISSED", None: ""}[self.is_met])


def crowds(folder: Path) -> Iterator[Row]:
    """Many processes, one cold model."""
    from reliability.crowds import crowd

    target = "16 successes, 0 corrupt, 1 GET per file"
    found = crowd(folder / "crowd")
    measured = f"{found.successes} successes, {found.corrupt} corrupt, {found.most_gets} GET per file"
    met = (found.successes, found.corrupt, found.most_gets) == (16, 0, 1)
    yield Row("R-01", "16 processes, one cold model", measured, target, met)
    slow = crowd(folder / "slow", transfer_seconds=26)
    measured = f"{slow.successes} successes, {slow.corrupt} corrupt, {slow.most_gets} GET per file"
    met = (slow.successes, slow.corrupt, slow.most_gets) == (16, 0, 1)
    yield Row("R-02", "the same over a link on which it takes 26 s", measured, target, met)
    found = crowd(folder / "free", no_flock=True, transfer_seconds=2.5)
    measured = f"{found.successes} successes, {found.corrupt} corrupt, {found.most_gets} GETs per file"
    met = (found.successes, found.corrupt) == (16, 0) and found.most_gets <= 16
    yield Row("R-03", "the same, every file lock granted to everybody", measured, "16 successes, 0 corrupt", met)


def kills(folder: Path) -> Iterator[Row]:
    """Processes that die."""
    from reliability.kills import kill_sweep, random_kills, ranged_kills

    found = random_kills(folder / "random")
    measured = f"{_killed(found)}, {found.repeated_bytes} bytes asked for twice"
    met = (found.killed, found.recovered, found.corrupt, found.repeated_bytes) == (20, True, 0, 0)
    yield Row(
        "R-05", "`kill -9` at 20 random moments of a download", measured, "recovered, 0 corrupt, 0 bytes twice", met
    )
    ranged = ranged_kills(folder / "ranged")
    measured = f"{_killed(ranged)}, {ranged.repeated_bytes} bytes twice, {_mib(ranged.lost_bytes)} lost on the way"
    met = (ranged.killed, ranged.recovered, ranged.corrupt) == (10, True, 0)
    met = met and ranged.repeated_bytes == 0 and ranged.lost_bytes <= ranged.allowed_bytes
    target = f"recovered, 0 corrupt, at most the unfinished ranges ({_mib(ranged.allowed_bytes)}) lost"
    yield Row("R-05", "10 kills of a download over four connections", measured, target, met)
    swept = kill_sweep(folder / "sweep")
    yield _sweep_row("R-06", "kill before every file operation of a load", swept)
    yield from _system_calls(folder)


def _system_calls(folder: Path) -> Iterator[Row]:
    from reliability.system_calls import CALLS, system_call_sweep

    if shutil.which("strace") is None:
        yield Row("R-06", "kill at every system call", "strace is not installed", "", None)
        return
    sweeps = [system_call_sweep(_made(folder / call), call, "signal=SIGKILL") for call in CALLS]
    moments, recovered, corrupt = (sum(sweep[column] for sweep in sweeps) for column in range(3))
    escaped = [each for sweep in sweeps for each in sweep.escaped]
    what = f"kill at every {', '.join(CALLS)} by the kernel (strace)"
    yield _sweep_row(
        "R-06", what, sweeps[0]._replace(moments=moments, recovered=recovered, corrupt=corrupt, escaped=escaped)
    )


def failures(folder: Path) -> Iterator[Row]:
    """File operations that fail."""
    from reliability.kills import failure_sweep

    for name in ("EIO", "ENOSPC", "EINTR", "EACCES"):
        found = failure_sweep(_made(folder / name), getattr(errno, name))
        yield _sweep_row("R-08", f"every file operation of a load fails once with {name}", found)


def _sweep_row(requirement: str, what: str, found) -> Row:
    measured = (
        f"{found.recovered} of {found.moments} recovered, {found.corrupt} corrupt, {len(found.escaped)} foreign errors"
    )
    met = found.recovered == found.moments > 0 and not found.corrupt and not found.escaped
    return Row(requirement, what, measured, "all recovered, 0 corrupt, 0 foreign errors", met)


def power(folder: Path) -> Iterator[Row]:
    """Power failures."""
    from reliability.power_loss import power_loss

    found = power_loss(folder / "power", most=400, loads=300)
    wrong = f"{found.states:,} states of the disk, {found.wrong} with a wrong file under a final name"
    measured = f"{wrong}; {found.healed} of {found.loads} loads healed"
    met = found.wrong == 0 and found.healed == found.loads
    yield Row(
        "R-07", "power failure at every file operation (a model of the disk)", measured, "0 wrong, all healed", met
    )
    blind = power_loss(folder / "blind", forget=("sync",), loads=0)
    measured = f"{blind.wrong} wrong"
    yield Row(
        "R-07", "the same, were no file synced: what the model would see", measured, "more than 0", blind.wrong > 0
    )


def drops(folder: Path) -> Iterator[Row]:
    """Connections that end."""
    from reliability.drops import drops as dropped

    for name, chunked in (("", False), (", body in chunks", True)):
        found = dropped(folder / str(chunked), chunked=chunked)
        resumed = f"{found.resumed} resumed where they ended, {found.more_gets} requests too many"
        measured = f"{found.recovered} of {found.offsets} recovered, {resumed}"
        met = (found.recovered, found.resumed, found.more_gets) == (found.offsets, found.offsets - 1, 0)
        yield Row("R-09", f"connection dropped at 64 offsets{name}", measured, "64 recovered, 63 resumed", met)


def endings(folder: Path) -> Iterator[Row]:
    """Ctrl-C and SIGTERM."""
    from reliability.endings import WAITING, interrupted_load, terminated_command

    for waiting in WAITING:
        found = [interrupted_load(folder / f"{waiting}{number}", waiting) for number in range(3)]
        slowest = max(ending.seconds for ending in found)
        met = slowest <= 1.0 and all(ending.resumed for ending in found)
        yield Row("R-13", f"Ctrl-C on a {waiting} server, slowest of 3", f"{slowest:.2f} s, resumed later", "1 s", met)
    ended = terminated_command(folder / "command", folder / "site", "stalled")
    met = ended.seconds <= 1.0 and ended.resumed
    yield Row(
        "R-13",
        "SIGTERM to the command line on a stalled server",
        f"{ended.seconds:.2f} s, exit code {ended.code}",
        "1 s",
        met,
    )


def leftovers(folder: Path) -> Iterator[Row]:
    """What stays behind, and what is not even touched."""
    from reliability.leftovers import census, dead_loaders, full_disk, offline

    dead = dead_loaders(folder / "dead")
    measured = f"{dead.before:,} bytes in parts, {dead.after} after one load"
    yield Row(
        "R-12",
        f"{dead.killed} loaders killed, then one load",
        measured,
        "0 after one load",
        dead.after == 0 and dead.recovered,
    )
    with contextlib.suppress(FileNotFoundError):
        full = full_disk(_made(folder / "disk"))
        met = full.answer.get("error") == "disk-full" and (full.gets, full.visible) == (0, [])
        measured = f"{full.answer.get('error')}, {full.gets} GETs, {len(full.visible)} files left"
        yield Row("R-25", "12 MiB onto a disk of 8 MiB", measured, "DiskFullError before the first GET", met)
    away = offline(folder / "offline")
    measured = f"{len(away['sockets'])} sockets, {away['requests']} requests"
    met = not away["sockets"] and away["requests"] == 0
    yield Row("R-36", "offline: load, plan, describe, list, predict (audit hook)", measured, "0 sockets", met)
    found = census(folder / "census", rounds=100)
    open_things = ("descriptors", "threads", "children", "temporary files")
    kept = {name: found[name][-1] - found[name][1] for name in open_things}
    memory = statistics.median(found["memory KiB"][75:]) / statistics.median(found["memory KiB"][25:50]) - 1
    measured = ", ".join(f"{count:+d} {name}" for name, count in kept.items()) + f", {memory:+.1%} memory"
    met = not any(kept.values()) and memory <= 0.05
    yield Row(
        "R-63",
        "500 good and bad loads in one process, one malloc arena",
        measured,
        "nothing stays open, memory at most +5 %",
        met,
    )


def fuzz(folder: Path) -> Iterator[Row]:
    """Documents with faults and names with intentions."""
    from reliability.hostile_documents import survey_bytes, survey_documents
    from reliability.hostile_names import survey_names

    documents = survey_documents(100_000, _made(folder / "documents"), seed=101).values()
    yield _fuzz_row("R-28", "documents with faults, through every reader", documents, 100_000)
    yield _fuzz_row(
        "R-28",
        "byte strings, through every reader",
        survey_bytes(20_000, _made(folder / "bytes"), seed=7).values(),
        20_000,
    )
    with contextlib.chdir(_made(folder / "names")) if hasattr(contextlib, "chdir") else contextlib.nullcontext():
        found = survey_names(10_000, 1_000, folder / "names", seed=3)
    row = _fuzz_row(
        "R-30", f"10,000 names, through {len(found.surveys)} functions that take one", found.surveys.values(), 0
    )
    outside = len(found.escaped_paths) + len(found.strays)
    yield row._replace(
        measured=f"{row.measured}, {outside} paths outside the cache", is_met=row.is_met and outside == 0
    )


def _fuzz_row(requirement: str, what: str, surveys, count: int) -> Row:
    surveys = list(surveys)
    escapes, slowest = sum(each.escapes for each in surveys), max(each.slowest for each in surveys)
    accepted = sum(each.accepted for each in surveys)
    total = accepted + escapes + sum(each.refused for each in surveys)
    measured = f"{total:,} given, {escapes} escapes, {accepted / total:.0%} accepted, slowest {1000 * slowest:.0f} ms"
    return Row(requirement, what, measured, "0 escapes", escapes == 0 and total >= count)


def warm(_: Path) -> Iterator[Row]:
    """Loads through the resolution cache."""
    from warm_load import RUNS, TARGET_MS, measure

    found = measure()
    measured = f"{found.library:.1f} ms, {found.requests} requests (opening the session: {found.session:.1f} ms)"
    met = found.library <= TARGET_MS and found.requests == 0
    yield Row(
        "",
        f"warm load, all but opening the session, median of {RUNS}",
        measured,
        f"{TARGET_MS:.0f} ms, 0 requests",
        met,
    )


def resolve(_: Path) -> Iterator[Row]:
    """A provider's answer."""
    from resolve_time import MEASURED, RUNS, TARGET_MS, measure

    what, found = measure()
    median, _least, processor = found[MEASURED]
    measured = f"{median:.1f} ms ({processor:.1f} ms of the processor)"
    yield Row(
        "", f"{MEASURED} an answer of {what}, median of {RUNS}", measured, f"{TARGET_MS:.0f} ms", median <= TARGET_MS
    )


def download(_: Path) -> Iterator[Row]:
    """Downloads against curl, by a small process: what a child weighs begins with what its parent does."""
    from download import LEAST_RATE, MEMORY, MOST_MEMORY

    program = "import json, download; print(json.dumps(download.measure(1024, 5)))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    for where, runs in json.loads(done.stdout).items():
        curl = [seconds for seconds, *_ in runs["curl"]]
        for how in LEAST_RATE:
            own = [seconds for seconds, *_ in runs[how]]
            ratio, peak = median_ratio(curl, own), max(run[2] for run in runs[how]) * 1.048576
            least = LEAST_RATE[how] if where == MEMORY else None
            target = f"{least} of curl, {MOST_MEMORY:.0f} MB" if least else ""
            met = ratio >= least and peak < MOST_MEMORY if least else None
            measured = f"{ratio:.2f} of curl ({1024 / statistics.median(own):.0f} MiB/s), {peak:.0f} MB at most"
            yield Row("", f"1 GiB over loopback onto {where}, verified, {how}", measured, target, met)


def suite(_: Path) -> Iterator[Row]:
    """The whole suite of a pull request, which looks for its own secrets in everything that it puts out."""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=ROOT, capture_output=True, text=True, check=False)
    minutes = (time.monotonic() - started) / 60
    secrets = re.search(r"^secrets found: (\d+); looked at: (.*)$", done.stdout, flags=re.MULTILINE)
    faults = re.search(
        r"^errors that left the public interface: (.*); tests .*: (\d+)$", done.stdout, flags=re.MULTILINE
    )
    closing = (done.stdout.strip().splitlines() or ["nothing was printed"])[-1].strip("= ")
    closing = re.sub(r" in [\d.]+s.*", "", closing)
    print(
        *(line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))), sep="\n", file=sys.stderr
    )
    assert secrets is not None, done.stdout[-2000:]
    assert faults is not None, done.stdout[-2000:]
    measured = f"{secrets[1]} ({secrets[2].split('; requests')[0]})"
    yield Row("R-39", "seeded secrets found in what the whole suite puts out", measured, "0", secrets[1] == "0")
    measured = f"{faults[1]}; {faults[2]} not as promised"
    yield Row(
        "R-32",
        "errors that left the public interface in the whole suite",
        measured,
        "0 not as promised",
        faults[2] == "0",
    )
    yield Row(
        "",
        "the suite of a pull request",
        f"{minutes:.1f} min, {closing}",
        "8 min",
        minutes <= 8 and done.returncode == 0,
    )


SECTIONS: dict[str, Callable[[Path], Iterator[Row]]] = {
    each.__name__: each
    for each in (crowds, kills, failures, power, drops, endings, leftovers, fuzz, warm, resolve, download, suite)
}


def main() -> None:
    """Prints the table; all of it, and sections after ``--write``, are written into the page as well."""
    is_asked = "--write" in sys.argv
    names = [name for name in sys.argv[1:] if name != "--write"] or list(SECTIONS)
    rows: list[Row] = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            for row in SECTIONS[name](Path(folder)):
                print(" | ".join(row.cells), flush=True)
                rows.append(row)
    print_table("What was promised, and what was measured", HEADER, [row.cells for row in rows])
    if names == list(SECTIONS) or is_asked:
        PAGE.write([row.cells for row in rows], all_of_them=names == list(SECTIONS))
    missed = [row.what for row in rows if row.is_met is False]
    if missed:
        raise SystemExit("missed: " + "; ".join(missed))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _killed(found) -> str:
    recovered = "recovered" if found.recovered else "NOT recovered"
    return f"{found.killed} killed, {recovered}, {found.corrupt} corrupt"


def _mib(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"


if __name__ == "__main__":
    main()
