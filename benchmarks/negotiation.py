"""Negotiates models of 1,000 packages, both steps and the ranking, and indexes a registry of 500 rows.

Packages, backends and rows are values made here: no plugin is imported, so the figures are those of the negotiation
alone. Garbage collection stays on, as it is for users.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import attrs
from inference_models_core.negotiation.negotiate import negotiate
from inference_models_core.negotiation.shortlist import shortlist
from inference_models_core.registry import Registry
from inference_models_core.types.backends import BackendReport, BackendSpec, BatchSupport, Fit
from inference_models_core.types.devices import CPU, Device
from inference_models_core.types.models import ModelSpec
from inference_models_core.types.negotiation import Negotiation, Rejection
from inference_models_core.types.packages import Artifact, ModelMetadata, ModelPackage
from inference_models_core.types.plugins import PluginIdentity
from inference_models_core.types.references import ModelRef
from inference_models_core.types.requests import LoadRequest
from measuring import Goal, print_goals, print_table, timed

PACKAGES = 1000
ROWS = 500
RUNS = 30
TARGET_MS = 10.0
REGISTRY_TARGET_MS = 3.0
VISION = PluginIdentity(name="vision", distribution="inference-models-vision", version="0.1.0")
BACKENDS = {"onnx": ("T1", 40), "torch": ("T2", 20), "torch-script": ("T2", 30), "trt": ("T3", 10)}
PRECISIONS = ("fp32", "fp16", "bf16", "int8", None)
BATCHES = (BatchSupport(static=1), BatchSupport(static=8), BatchSupport(minimum=1, maximum=16), BatchSupport())
REQUEST = LoadRequest(ref=ModelRef(text="bench/model", model_id="bench/model"))


@attrs.frozen(kw_only=True)
class Case:
    """One thing to negotiate.

    Attributes:
        name: For the table.
        request: What is asked for.
        metadata: The model.
        expected: Whether all, none or some of the packages are accepted.
        target: Milliseconds; `None` where the figure only informs.
    """

    name: str
    request: LoadRequest
    metadata: ModelMetadata
    expected: Callable[[Negotiation], bool]
    target: float | None = TARGET_MS


def registry(rows: int = ROWS) -> Registry:
    """Four backends, and general rows for many architectures."""
    specs = [
        BackendSpec(name=name, factory="bench:Backend", tier=tier, rank=rank, suffixes=(f".{name}",))
        for name, (tier, rank) in BACKENDS.items()
    ]
    owned = tuple((spec, PluginIdentity(name=spec.name, distribution=f"bench-{spec.name}")) for spec in specs)
    models = [
        ModelSpec(architecture=f"family-{index}", task="object-detection", implementation="bench:Family")
        for index in range(rows)
    ]
    return Registry(backends=owned, models=tuple((row, VISION) for row in models))


def package(index: int, backend: str, precision: str | None, family: int) -> ModelPackage:
    """A package with two files."""
    return ModelPackage(
        package_id=f"package-{index:05d}",
        backend=backend,
        architecture=f"family-{family}",
        task="object-detection",
        artifacts=[
            Artifact(handle="weights.bin", sha256=f"{index:064x}"),
            Artifact(handle="class_names.txt", sha256="0" * 64),
        ],
        quantization=precision,
        batch=BATCHES[index % len(BATCHES)],
    )


def metadata(packages: list[ModelPackage]) -> ModelMetadata:
    """A model of these packages."""
    return ModelMetadata(model_id="bench/model", packages=packages)


def match(package: ModelPackage, report: BackendReport, request: LoadRequest) -> Rejection | Fit:
    """Refuses every seventh package and prefers others differently, as a real matcher does."""
    del report, request
    number = int(package.package_id[-5:])
    return Rejection(code="opset", reason="opset 99 is too new") if number % 7 == 6 else Fit(preference=number % 5)


def prefer(package: ModelPackage, report: BackendReport, request: LoadRequest) -> Rejection | Fit:
    """Refuses nothing."""
    del report, request
    return Fit(preference=int(package.package_id[-5:]) % 5)


def run(case: Case, index: Registry) -> Negotiation:
    """Both steps and the ranking."""
    listed = shortlist(case.request, case.metadata, index, provider_trusted=True)
    reports = {
        name: BackendReport(backend=name, availability="available", devices=(Device("cuda", 0), CPU), version="1")
        for name in listed.backends
    }
    matcher = match if case.name == "mixed" else prefer
    return negotiate(case.request, listed, reports, dict.fromkeys(BACKENDS, matcher), gpu_seen="bench GPU")


def cases() -> list[Case]:
    """Mixed, all accepted, all rejected."""
    names = list(BACKENDS)
    mixed = [package(i, names[i % 4], PRECISIONS[i % 5], i % 40) for i in range(PACKAGES)]
    good = [package(i, names[i % 3], PRECISIONS[i % 3], i % 40) for i in range(PACKAGES)]
    foreign = [package(i, f"backend-{i % 20}", "fp32", 0) for i in range(PACKAGES)]
    unpinned = [package(i, "trt", "fp32", 0) for i in range(PACKAGES)]
    unknown = [package(i, "onnx", PRECISIONS[i % 5], ROWS) for i in range(PACKAGES)]
    hostile = [package(i, "onnx", "fp32", ROWS + i) for i in range(PACKAGES)]
    wish = attrs.evolve(REQUEST, backends=("torch", "onnx"), quantizations=("fp16", "fp32", "bf16"), batch_size=(8, 8))
    return [
        Case(name="mixed", request=REQUEST, metadata=metadata(mixed), expected=_some),
        Case(name="mixed, with wishes", request=wish, metadata=metadata(mixed), expected=_some),
        Case(name="all accepted", request=REQUEST, metadata=metadata(good), expected=_all),
        Case(name="all rejected: no backend", request=REQUEST, metadata=metadata(foreign), expected=_none),
        Case(name="all rejected: code", request=REQUEST, metadata=metadata(unpinned), expected=_none),
        Case(name="all rejected: no family", request=REQUEST, metadata=metadata(unknown), expected=_none),
        Case(
            name="all rejected: 1,000 different families",
            request=REQUEST,
            metadata=metadata(hostile),
            expected=_none,
            target=None,
        ),
    ]


def _some(negotiation: Negotiation) -> bool:
    return bool(negotiation.accepted and negotiation.rejected)


def _all(negotiation: Negotiation) -> bool:
    return len(negotiation.accepted) == PACKAGES


def _none(negotiation: Negotiation) -> bool:
    return len(negotiation.rejected) == PACKAGES


def milliseconds(work: Callable[[], object]) -> list[float]:
    """Times of all runs, after one to warm up."""
    work()
    return [timed(work) * 1000 for _ in range(RUNS)]


def processor_milliseconds(work: Callable[[], object]) -> float:
    """Median processor time: what the work costs when the machine is busy with other things too."""
    seconds = []
    for _ in range(RUNS):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return statistics.median(seconds) * 1000


def main() -> None:
    """Prints the table."""
    index, rows, goals = registry(), [], []
    for case in cases():
        negotiation = run(case, index)
        if not case.expected(negotiation):
            raise SystemExit(f"{case.name}: {len(negotiation.accepted)} accepted, which is not what is measured")
        times = milliseconds(partial(run, case, index))
        processor = processor_milliseconds(partial(run, case, index))
        median = statistics.median(times)
        accepted, rejected = len(negotiation.accepted), len(negotiation.rejected)
        rows.append((case.name, accepted, rejected, round(median, 2), round(min(times), 2), round(processor, 2)))
        goals.append(Goal(f"{case.name}, median", median, case.target, "ms"))
    building = milliseconds(registry_of(index))
    goals.append(Goal(f"index of {ROWS} rows, median", statistics.median(building), REGISTRY_TARGET_MS, "ms"))
    print_table(
        f"negotiating {PACKAGES} packages, {RUNS} runs",
        ("packages", "accepted", "rejected", "median ms", "min ms", "median CPU ms"),
        rows,
    )
    print_goals("goals", goals)


def registry_of(index: Registry) -> Callable[[], Registry]:
    """Indexes the same entries again, without making the values again."""
    return lambda: Registry(
        backends=index.backends, models=index.models, pipelines=index.pipelines, providers=index.providers
    )


if __name__ == "__main__":
    main()
