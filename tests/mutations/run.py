"""Applies each mutation to a copy of the repository and runs the tests that must notice it.

``python -m mutations.run [WORDS]`` from the folder ``tests``: all of them, or those whose name contains the words.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mutations.table import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]
COPIED = (
    "core",
    "plugins",
    "providers",
    "tests",
    "examples",
    "docs",
    "conftest.py",
    "pyproject.toml",
    "README.md",
    "noxfile.py",
)
IGNORED = shutil.ignore_patterns("__pycache__", "*.egg-info", ".cache", "build", "dist")
FAILED_TESTS = 1
"""What pytest ends with when tests fail; other codes mean that it did not run them."""


def copy_of_the_repository(folder: Path) -> Path:
    """Everything that the tests need."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        shutil.copytree(source, target, ignore=IGNORED) if source.is_dir() else shutil.copy(source, target)
    return folder


def mutated(text: str, mutation: Mutation) -> str:
    """The text of the file with the change.

    Raises:
        ValueError: If what is to be changed is not there exactly once: the table is out of date.
    """
    if text.count(mutation.old) != 1:
        raise ValueError(f"{mutation.name}: {mutation.file} has its text {text.count(mutation.old)} times, not once")
    return text.replace(mutation.old, mutation.new)


def run_tests(copy: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Runs tests of the copy with the copy's sources."""
    sources = [str(path) for pattern in ("*/src", "*/*/src") for path in sorted(copy.glob(pattern))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sources), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)


def survives(copy: Path, mutation: Mutation) -> bool:
    """Whether no test notices."""
    path = copy / mutation.file
    original = path.read_text(encoding="utf-8")
    path.write_text(mutated(original, mutation), encoding="utf-8")
    try:
        done = run_tests(copy, mutation.tests)
    finally:
        path.write_text(original, encoding="utf-8")
    if done.returncode not in (0, FAILED_TESTS):
        raise SystemExit(f"{mutation.name}: the tests did not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def main() -> None:
    """Prints a line for each; ends with an error if one survives, or if the tests fail without any."""
    words = " ".join(sys.argv[1:])
    chosen = [mutation for mutation in MUTATIONS if words in mutation.name]
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of_the_repository(Path(folder).resolve())
        for tests in dict.fromkeys(mutation.tests for mutation in chosen):
            done = run_tests(copy, tests)
            if done.returncode:
                raise SystemExit(f"red without any mutation: {tests}\n{done.stdout[-3000:]}")
        survivors = [mutation.name for mutation in chosen if _noted(copy, mutation)]
    raise SystemExit(f"{len(survivors)} of {len(chosen)} survived: {', '.join(survivors)}" if survivors else 0)


def _noted(copy: Path, mutation: Mutation) -> bool:
    started = time.perf_counter()
    survived = survives(copy, mutation)
    print(
        f"{'SURVIVED' if survived else 'noticed':9} {time.perf_counter() - started:5.1f} s  {mutation.name}", flush=True
    )
    return survived


if __name__ == "__main__":
    main()
