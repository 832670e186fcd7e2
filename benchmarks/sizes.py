"""Adds up the wheels that a user on Linux x86-64 with CPython 3.11 downloads.

`python benchmarks/sizes.py FOLDER`, where FOLDER holds the wheels of this repository. Exits with 1 over budget.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import Goal, print_goals, print_table

PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
MEGABYTE = 1_000_000
CORE = ("inference_models_core",)
WITH_ONNX = (*CORE, "inference_models_vision", "inference_models_onnx")
#: What is installed, its extra, the budget in MB.
BUDGETS = (
    ("core with all it needs", CORE, "", 30),
    ("core + vision + onnx[cpu]", WITH_ONNX, "[cpu]", 130),
)
FORBIDDEN = ("torch", "torchvision", "nvidia")


def main() -> None:
    """Downloads, adds up, prints, judges."""
    folder = Path(sys.argv[1])
    goals, failures = [], []
    for title, names, extra, budget in BUDGETS:
        wheels = _download([str(_ours(folder, name)) for name in names], extra)
        print_table(title, ("wheel", "MB"), sorted(wheels.items(), key=lambda item: -item[1]))
        goals.append(Goal(title, sum(wheels.values()), budget, "MB"))
        failures += [name for name in wheels if name.startswith(FORBIDDEN)]
        failures += [title] if goals[-1].value > budget else []
    print_goals("Sum of wheels, Linux x86-64, CPython 3.11", goals)
    if failures:
        raise SystemExit(f"over budget or not allowed: {', '.join(failures)}")


def _ours(folder: Path, name: str) -> Path:
    (wheel,) = folder.glob(f"{name}-*.whl")
    return wheel


def _download(wheels: list[str], extra: str) -> dict[str, float]:
    """File names and megabytes of the wheels and everything they need; the extra is the last one's."""
    target = ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "abi3", "--abi", "none"]
    target += [word for platform in PLATFORMS for word in ("--platform", platform)]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", *target]
        subprocess.run([*command, "--dest", folder, *wheels[:-1], wheels[-1] + extra], check=True)
        return {path.name: path.stat().st_size / MEGABYTE for path in Path(folder).iterdir()}


if __name__ == "__main__":
    main()
