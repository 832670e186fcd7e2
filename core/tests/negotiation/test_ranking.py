from __future__ import annotations

import itertools

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_models_core.negotiation.ranking import batch_fit, default_order, rank_key
from inference_models_core.negotiation.trust import trusted_code_entry
from inference_models_core.types.backends import UNKNOWN_BATCH, BackendReport, BackendSpec, BatchSupport, Fit
from inference_models_core.types.devices import CPU, Device
from inference_models_core.types.models import ModelSpec
from inference_models_core.types.negotiation import Candidate, Rejection
from inference_models_core.types.requests import LoadOptions

DYNAMIC, STATIC_1, STATIC_4, STATIC_8 = BatchSupport(), *(BatchSupport(static=n) for n in (1, 4, 8))
UP_TO_4, UP_TO_6 = BatchSupport(maximum=4), BatchSupport(maximum=6)
GPU = Device("cuda", 0)


def ids(candidates):
    return [candidate.package.package_id for candidate in candidates]


def best_first(world, packages, request=None, devices=(CPU,), fits=(), **reports):
    """Ids of the candidates in their order; code is trusted, so that trust never decides who takes part."""
    fits, entries = dict(fits), tuple(map(trusted_code_entry, packages))
    request = attrs.evolve(request or world.request(), options=LoadOptions(trusted_code=entries))

    def matcher(package, report, request):
        return fits.get(package.package_id, Fit())

    reports = world.reports(*devices, **reports)
    return ids(world.negotiate(packages, request, reports=reports, matchers={"onnx": matcher}).accepted)


def table(*rows):
    return pytest.mark.parametrize(("packages", "request_", "devices"), [pytest.param(*r[1:], id=r[0]) for r in rows])


@table(
    (
        "backends",
        [{"backend": "trt"}, {"backend": "torch"}, {"backend": "onnx"}],
        {},
        (GPU, CPU),
    ),
    (
        "the caller's backends",
        [{"backend": "onnx"}, {"backend": "trt"}, {"backend": "torch"}],
        {"backends": ("onnx", "trt", "torch")},
        (GPU, CPU),
    ),
    (
        "the caller's backends by another spelling",
        [{"backend": "onnx"}, {"backend": "trt"}],
        {"backends": ("onnx-speedy", "trt")},
        (GPU, CPU),
    ),
    (
        "precisions on a GPU",
        [{"quantization": q} for q in ("fp16", "fp32", "bf16", None)],
        {},
        (GPU, CPU),
    ),
    (
        "precisions on a CPU",
        [{"quantization": q} for q in ("fp32", None, "bf16", "fp16")],
        {},
        (CPU,),
    ),
    (
        "the caller's precisions",
        [{"quantization": q} for q in ("int8", "fp16", None, "fp32")],
        {"quantizations": ("int8", "fp16", "unknown", "fp32")},
        (CPU,),
    ),
    (
        "the caller's backend before the caller's precision",
        [
            {"backend": "onnx", "quantization": "fp16"},
            {"backend": "onnx", "quantization": "fp32"},
            {"backend": "torch", "quantization": "fp16"},
        ],
        {"backends": ("onnx", "torch"), "quantizations": ("fp16", "fp32")},
        (CPU,),
    ),
    (
        "the caller's precision before core's backends",
        [{"backend": "onnx", "quantization": "fp16"}, {"backend": "torch", "quantization": "fp32"}],
        {"quantizations": ("fp16", "fp32")},
        (CPU,),
    ),
    (
        "backend before precision, precision before batch",
        [
            {"backend": "torch", "quantization": "fp16"},
            {"quantization": "fp32", "batch": STATIC_8},
            {"quantization": None, "batch": DYNAMIC},
        ],
        {},
        (CPU,),
    ),
    (
        "batches for a wish",
        [
            {"batch": STATIC_8},
            {"batch": DYNAMIC},
            {},
            {"batch": UP_TO_6},
            {"batch": STATIC_4},
            {"batch": STATIC_1},
        ],
        {"batch_size": (8, 8)},
        (CPU,),
    ),
    (
        "batches for a range",
        [{"batch": DYNAMIC}, {}, {"batch": STATIC_8}, {"batch": STATIC_4}],
        {"batch_size": (2, 8)},
        (CPU,),
    ),
    (
        "batches without a wish",
        [{"batch": DYNAMIC}, {}, {"batch": STATIC_1}, {"batch": STATIC_8}],
        {},
        (CPU,),
    ),
    ("package ids", [{}, {}, {}], {}, (CPU,)),
)
def test_order(world, packages, request_, devices):
    """The packages stand in the expected order; ids are given against it, so that they never help."""
    count = len(packages)
    names = [str(count - place if any(packages) else place) for place in range(count)]
    made = [world.pinned(name, **{"backend": "onnx", **facts}) for name, facts in zip(names, packages, strict=True)]
    request = world.request(**request_)
    for order in (made, made[::-1]):
        assert best_first(world, order, request, devices) == names


def test_accelerator_before_cpu_before_backend(world):
    on_cpu = BackendReport(backend="torch", availability="available", devices=(CPU,))
    packages = [world.pinned("a", "torch"), world.pinned("b", "onnx")]
    assert best_first(world, packages, devices=(GPU, CPU), torch=on_cpu) == ["b", "a"]
    assert best_first(world, packages, world.request(device=CPU), devices=(GPU, CPU), torch=on_cpu) == ["a", "b"]


def test_matchers_preference_is_larger_first_and_after_batch(world):
    packages = [world.pinned("a", "onnx"), world.pinned("b", "onnx"), world.pinned("c", "onnx", batch=DYNAMIC)]
    fits = {"a": Fit(preference=1), "b": Fit(preference=2.5), "c": Fit(preference=-1)}
    assert best_first(world, packages, fits=fits) == ["c", "b", "a"]


def test_safer_format_before_package_id(world):
    specs = [BackendSpec(name=name, rank=1, tier=tier) for name, tier in (("a", "T3"), ("b", "T2"), ("c", "T1"))]
    candidates = [_candidate(world, spec.name, spec) for spec in specs]
    assert ids(default_order(world.request(), candidates)) == ["c", "b", "a"]


def test_not_a_number_is_no_preference(world):
    fits = {"a": Fit(preference=float("nan")), "b": Fit(preference=1), "c": Fit(preference=-1)}
    for order in itertools.permutations("abc"):
        packages = [world.pinned(name, "onnx") for name in order]
        assert best_first(world, packages, fits=fits) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("wish", "order"),
    [
        ((4, 4), [STATIC_4, DYNAMIC, UNKNOWN_BATCH, STATIC_1, STATIC_8]),
        ((1, 4), [UP_TO_4, UNKNOWN_BATCH, STATIC_4, STATIC_1, STATIC_8]),
        ((1, 6), [UP_TO_6, STATIC_4, STATIC_1, STATIC_8]),
        ((8, 8), [STATIC_8, UNKNOWN_BATCH, UP_TO_6, UP_TO_4, STATIC_1]),
        (None, [UP_TO_4, UNKNOWN_BATCH, STATIC_1, STATIC_4, STATIC_8]),
    ],
)
def test_batch_fit(wish, order):
    keys = [batch_fit(batch, wish) for batch in order]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_dynamic_batches_are_equal_where_all_fit():
    assert batch_fit(DYNAMIC, (1, 4)) == batch_fit(UP_TO_4, (1, 4)) < batch_fit(STATIC_4, (1, 4))


def _candidate(world, name, spec):
    report = BackendReport(backend=name, availability="available", devices=(CPU,))
    return Candidate(
        package=world.package(name, name),
        row=None,
        row_plugin=None,
        report=report,
        device=CPU,
        fit=Fit(),
        backend_spec=spec,
    )


# Total, and independent of the order of packages, rows and backends

PRECISIONS = st.sampled_from(["fp32", "fp16", "bf16", "int8", None, "odd"])
BATCHES = st.sampled_from([UNKNOWN_BATCH, DYNAMIC, STATIC_1, STATIC_4, STATIC_8, UP_TO_6, BatchSupport(minimum=4)])
PACKAGES = st.lists(
    st.fixed_dictionaries(
        {
            "package_id": st.text("ab1", min_size=1, max_size=3),
            "backend": st.sampled_from(["onnx", "torch", "trt", "openvino", "mediapipe"]),
            "architecture": st.sampled_from(["yolov8", "rtdetr", None]),
            "quantization": PRECISIONS,
            "batch": BATCHES,
            "features": st.dictionaries(st.sampled_from(["nms_fused", "odd"]), st.none()),
        }
    ),
    max_size=9,
)
REQUESTS = st.fixed_dictionaries(
    {
        "backends": st.sampled_from([None, ("onnx",), ("torch", "onnx"), ("trt", "onnx-speedy", "torch")]),
        "quantizations": st.sampled_from([None, ("int8", "fp16"), ("fp32", "unknown")]),
        "batch_size": st.sampled_from([None, (1, 1), (4, 4), (2, 8)]),
        "device": st.sampled_from([CPU, GPU, Device("auto")]),
        "allow_untrusted_packages": st.booleans(),
    }
)
ROWS = st.lists(
    st.tuples(
        st.builds(
            ModelSpec,
            architecture=st.sampled_from(["yolov8", "rtdetr"]),
            task=st.just("object-detection"),
            implementation=st.sampled_from(["a:A", "a:B"]),
            backend=st.sampled_from([None, "onnx", "torch"]),
            supports_features=st.just({"nms_fused", "odd"}),
        ),
        st.sampled_from(["vision", "dist-onnx", "stranger"]),
    ),
    max_size=4,
)


def quirky_matcher(package, report, request):
    if package.package_id.endswith("1"):
        return Rejection(code="odd", reason="it ends with 1")
    return Fit(preference=len(package.package_id) % 2)


def outcome(world, packages, rows, request, devices, trusted):
    registry = world.registry([(row, world.plugin(owner)) for row, owner in rows])
    made = [world.package(**facts) for facts in packages]
    reports = world.reports(*devices)
    matchers = {"onnx": quirky_matcher, "torch": quirky_matcher}
    return world.negotiate(made, request, registry, reports, trusted, matchers=matchers, gpu_seen="GPU")


@settings(deadline=None)
@given(
    packages=PACKAGES,
    rows=ROWS,
    request_=REQUESTS,
    devices=st.sampled_from([(CPU,), (GPU, CPU), (GPU,)]),
    trusted=st.booleans(),
    data=st.data(),
)
def test_result_is_total_and_independent_of_order(world, packages, rows, request_, devices, trusted, data):
    request = world.request(**request_)
    ours = outcome(world, packages, rows, request, devices, trusted)
    shuffled = data.draw(st.permutations(packages)), data.draw(st.permutations(rows))
    theirs = outcome(world, *shuffled, request, devices, trusted)
    assert ours.accepted == theirs.accepted
    assert ours.rejected == theirs.rejected
    assert ours.warnings == theirs.warnings
    assert len(ours.accepted) + len(ours.rejected) == len(packages)
    keys = [rank_key(request)(candidate) for candidate in ours.accepted]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    assert default_order(request, reversed(ours.accepted)) == list(ours.accepted)
