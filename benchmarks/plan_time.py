"""From the start of a process to a finished plan, with 300 more distributions and 500 more registered rows."""

from __future__ import annotations

import itertools
import json
import os
import statistics
import tempfile
from pathlib import Path

from measuring import Goal, print_goals, run_child

DISTRIBUTIONS, ROWS, RUNS = 300, 500, 21
PLAN = f"""
import time
marks = [time.monotonic()]
from inference_models_core import AutoModel
marks.append(time.monotonic())
negotiation = AutoModel.plan("samples/shapes-detector")
marks.append(time.monotonic())
marks.append(time.process_time())
import importlib.metadata, json
from inference_models_core import get_host
assert negotiation.best is not None
assert len(get_host().models()) >= {ROWS}
assert len(list(importlib.metadata.distributions())) >= {DISTRIBUTIONS}
print(json.dumps(marks))
"""
PLUGIN = f"""
from inference_models_core.hookspecs import hookimpl

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_models():
    from inference_models_core.types.models import ModelSpec

    for index in range({ROWS}):
        implementation = f"generated_families.m{{index}}:Model"
        yield ModelSpec(architecture=f"family-{{index}}", task="object-detection", implementation=implementation)
"""
METADATA = """Metadata-Version: 2.1
Name: {name}
Version: 1.{index}.0
Summary: One of many distributions
Requires-Python: >=3.8
Requires-Dist: numpy >=1.20
Requires-Dist: requests >=2 ; extra == 'web'
Provides-Extra: web

"""
DESCRIPTION = "What distributions have to say about themselves goes on for pages.\n" * 100


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        _write_environment(Path(folder))
        environment = {**os.environ, "PYTHONPATH": folder}
        run_child(["-c", PLAN], environment)
        steps = [_steps(environment) for _ in range(RUNS)]
    start, importing, planning, whole, processor = (statistics.median(column) for column in zip(*steps, strict=True))
    print_goals(
        f"Process start to a plan, {DISTRIBUTIONS} distributions, {ROWS} rows; medians of {RUNS} processes",
        [
            Goal("interpreter", start, unit="ms"),
            Goal("import inference_models_core.AutoModel", importing, unit="ms"),
            Goal("plan: find plugins, detect, negotiate", planning, unit="ms"),
            Goal("all", whole, 350, "ms"),
            Goal("the same, processor time", processor, unit="ms"),
        ],
    )


def _steps(environment: dict[str, str]) -> list[float]:
    """Milliseconds of interpreter start, import, plan, all of it, and of the processor for all of it."""
    run = run_child(["-c", PLAN], environment)
    began, imported, planned, processor = json.loads(run.output)
    steps = [after - before for before, after in itertools.pairwise((run.started, began, imported, planned))]
    return [1000 * seconds for seconds in (*steps, planned - run.started, processor)]


def _write_environment(folder: Path) -> None:
    """Many distributions, one in three with entry points of its own, and a plugin with many rows."""
    for index in range(DISTRIBUTIONS):
        scripts = f"[console_scripts]\nrun-{index} = distribution_{index}.cli:main\n" if index % 3 == 0 else ""
        _write_distribution(folder, f"distribution-{index}", index, scripts)
    entry = "[inference_models.plugins]\ngenerated-families = generated_families.plugin\n"
    _write_distribution(folder, "generated-families", 0, entry)
    package = folder / "generated_families"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "plugin.py").write_text(PLUGIN)


def _write_distribution(folder: Path, name: str, index: int, entry_points: str) -> None:
    info = folder / f"{name.replace('-', '_')}-1.{index}.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA.format(name=name, index=index) + DESCRIPTION)
    (info / "RECORD").write_text("".join(f"{name}/module_{line}.py,,\n" for line in range(50)))
    (info / "INSTALLER").write_text("pip\n")
    if entry_points:
        (info / "entry_points.txt").write_text(entry_points)


if __name__ == "__main__":
    main()
