"""One row for each reason: what the package is, what was asked for, which code comes out."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest
from inference_models_core.errors import PluginContractError
from inference_models_core.negotiation import codes
from inference_models_core.negotiation.shortlist import shortlist
from inference_models_core.types.backends import BackendReport, BatchSupport, Fit
from inference_models_core.types.devices import CPU, Device, parse_device
from inference_models_core.types.models import ModelSpec
from inference_models_core.types.negotiation import Rejection
from inference_models_core.types.packages import LocalCode
from inference_models_core.types.requests import LoadOptions

ACCEPTED = 0
STATIC_8, STATIC_1 = BatchSupport(static=8), BatchSupport(static=1)
UP_TO_4, FROM_4 = BatchSupport(maximum=4), BatchSupport(minimum=4, maximum=16)
OWN_CODE = LocalCode(module="model.py", class_name="Mine")


def case(name, package, request, code, reason="", fix=""):
    return pytest.param(package, request, code, reason, fix, id=name)


@pytest.mark.parametrize(
    ("package", "request_", "code", "reason", "fix"),
    [
        case("nothing special", {}, {}, ACCEPTED),
        case(
            "unusable keeps its code",
            {"unusable": Rejection(code="unknown-manifest-type", reason="type x", fix="pip install y")},
            {},
            "unknown-manifest-type",
            "type x",
            "pip install y",
        ),
        case("another package was asked for", {}, {"package_id": "q"}, "not-requested-package", "'q'"),
        case("this package was asked for", {}, {"package_id": "p"}, ACCEPTED),
        case(
            "own code",
            {"local_code": OWN_CODE},
            {"path": Path("m")},
            "local-code-forbidden",
            "model.py",
            "allow_local_code_packages=True",
        ),
        case("other backend asked for", {}, {"backends": ("trt",)}, "backend-not-requested", "'onnx'", "'onnx'"),
        case("misspelled backend", {}, {"backends": ("onxx",)}, "backend-not-requested", fix="did you mean 'onnx'"),
        case("backend asked for", {}, {"backends": ("trt", "onnx")}, ACCEPTED),
        case("backend asked for by another spelling", {}, {"backends": ("onnx-speedy",)}, ACCEPTED),
        case("preference is skipped for an id", {}, {"backends": ("trt",), "package_id": "p"}, ACCEPTED),
        case(
            "known backend is not installed",
            {"backend": "hugging-face"},
            {},
            "backend-not-installed",
            "'hugging-face'",
            "pip install inference-models-hf",
        ),
        case("unknown backend", {"backend": "openvino"}, {}, "backend-not-installed", "'openvino'"),
        case("id does not make a backend", {"backend": "openvino"}, {"package_id": "p"}, "backend-not-installed"),
        case(
            "no such family",
            {"architecture": "yolov88"},
            {},
            "no-implementation",
            "yolov88 object-detection on 'onnx'; the nearest architecture is yolov8",
            "inference-models list",
        ),
        case("no such task", {"task": "pose"}, {}, "no-implementation", "yolov8 is registered for object-detection"),
        case(
            "family runs elsewhere",
            {"architecture": "doctr", "task": "ocr", "features": {"vocabulary": 1}},
            {},
            "no-implementation",
            "it runs on torch",
        ),
        case("general row and foreign kind", {"backend": "mediapipe"}, {}, "no-implementation", "any tensor backend"),
        case("no architecture", {"architecture": None}, {}, "no-implementation", "architecture", "architecture="),
        case("no task", {"task": None}, {}, "no-implementation", "task", "task="),
        case("feature understood", {"features": {"nms_fused": {}}}, {}, ACCEPTED),
        case(
            "feature not understood",
            {"features": {"nms_fused": {}, "odd": 1}},
            {},
            "unsupported-features",
            "Yolo, the nearest implementation of yolov8 object-detection, does not understand odd",
        ),
        case(
            "feature missing",
            {"backend": "torch", "architecture": "doctr", "task": "ocr"},
            {},
            "unsupported-features",
            "needs vocabulary",
        ),
        case("fp16 on a cpu", {"quantization": "fp16"}, {}, ACCEPTED),
        case("unknown precision", {"quantization": None}, {}, ACCEPTED),
        case(
            "int8 unasked",
            {"quantization": "int8"},
            {},
            "quantization-not-requested",
            "int8 is used only when",
            'quantization="int8"',
        ),
        case("precision nobody knows", {"quantization": "w2a8"}, {}, "quantization-not-requested", "w2a8"),
        case("int8 asked for", {"quantization": "int8"}, {"quantizations": ("int8",)}, ACCEPTED),
        case("int8 by id", {"quantization": "int8"}, {"package_id": "p"}, ACCEPTED),
        case(
            "other precision asked for",
            {},
            {"quantizations": ("int8", "fp16")},
            "quantization-not-requested",
            "fp32, and quantization= allows fp16, int8",
        ),
        case("unknown asked for", {"quantization": None}, {"quantizations": ("unknown",)}, ACCEPTED),
        case(
            "unknown not asked for",
            {"quantization": None},
            {"quantizations": ("fp16",)},
            "quantization-not-requested",
            "unknown",
            'quantization="unknown"',
        ),
        case(
            "larger static batch",
            {"batch": STATIC_8},
            {"batch_size": (1, 4)},
            "batch-size-unsupported",
            "at least 8",
            "batch_size=8",
        ),
        case("larger smallest batch", {"batch": FROM_4}, {"batch_size": (1, 3)}, "batch-size-unsupported", "4"),
        case("batch by id", {"batch": STATIC_8}, {"batch_size": (1, 1), "package_id": "p"}, ACCEPTED),
        case("static batch inside the wish", {"batch": STATIC_8}, {"batch_size": (1, 8)}, ACCEPTED),
        case("smaller static batch", {"batch": STATIC_1}, {"batch_size": (8, 8)}, ACCEPTED),
        case("smaller largest batch", {"batch": UP_TO_4}, {"batch_size": (8, 8)}, ACCEPTED),
        case("unknown batch", {}, {"batch_size": (8, 8)}, ACCEPTED),
        case("no wish for a batch", {"batch": STATIC_8}, {}, ACCEPTED),
    ],
)
def test_rules_without_detection(world, package, request_, code, reason, fix):
    negotiation = world.negotiate([world.package(**package)], world.request(**request_))
    assert world.codes(negotiation) == {"p": code}
    if code != ACCEPTED:
        (rejection,) = negotiation.rejected
        assert reason in rejection.reason
        assert fix in rejection.fix
        assert rejection.backend == package.get("backend", "onnx")


@pytest.mark.parametrize(
    ("report", "wish", "code", "reason", "fix"),
    [
        case("available", {}, "auto", ACCEPTED),
        case("degraded", {"availability": "degraded", "reason": "GPU too old"}, "auto", ACCEPTED),
        case(
            "unavailable",
            {"availability": "unavailable", "reason": "libfoo.so is missing", "fix": "apt install foo"},
            "auto",
            "backend-unavailable",
            "libfoo.so is missing",
            "apt install foo",
        ),
        case("unknown", {"availability": "unknown", "reason": "who knows"}, "auto", "backend-unavailable", "who"),
        case(
            "runtime is missing",
            {"availability": "unavailable", "code": "runtime-not-installed", "reason": "no onnxruntime"},
            "auto",
            "runtime-not-installed",
            "no onnxruntime",
            'pip install "inference-models-onnx[cpu]"',
        ),
        case(
            "detection hung",
            {"availability": "unavailable", "code": "detection-timed-out", "reason": "10 s", "fix": "LIMIT=20"},
            "auto",
            "detection-timed-out",
            "10 s",
            "LIMIT=20",
        ),
        case("device is there", {"devices": (Device("cuda", 0), CPU)}, "cuda", ACCEPTED),
        case("device of that index is there", {"devices": (Device("cuda"), CPU)}, "cuda:0", ACCEPTED),
        case(
            "device of another index",
            {"devices": (Device("cuda", 0), CPU)},
            "cuda:1",
            "device-unavailable",
            "can use cpu, cuda:0, and device='cuda:1'",
            'device="cuda:0"',
        ),
        case("device is not there", {"fix": "pip install gpu"}, "cuda", "device-unavailable", "cpu", "pip install gpu"),
        case("no device at all", {"devices": ()}, "auto", "device-unavailable", "no device at all"),
    ],
)
def test_rules_on_what_was_detected(world, report, wish, code, reason, fix):
    report = {"availability": "available", "devices": (CPU,), **report}
    kind, _, index = wish.partition(":")
    request = world.request(device=Device(kind, int(index) if index else None))
    reports = world.reports(onnx=BackendReport(backend="onnx", **report))
    negotiation = world.negotiate([world.package()], request, reports=reports)
    assert world.codes(negotiation) == {"p": code}
    if code != ACCEPTED:
        assert reason in negotiation.rejected[0].reason
        assert fix in negotiation.rejected[0].fix


@pytest.mark.parametrize(
    ("wish", "devices", "chosen"),
    [
        ("auto", ("cuda:0", "cpu"), "cuda:0"),
        ("auto", ("cpu",), "cpu"),
        ("cuda", ("cuda:0", "cuda:1"), "cuda:0"),
        ("cuda:1", ("cuda:0", "cuda:1"), "cuda:1"),
        ("cuda:0", ("cuda",), "cuda:0"),
        ("cpu", ("cuda:0", "cpu"), "cpu"),
    ],
)
def test_device_that_is_chosen(world, wish, devices, chosen):
    reports = world.reports(*map(parse_device, devices))
    negotiation = world.negotiate([world.package()], world.request(device=parse_device(wish)), reports=reports)
    assert str(negotiation.best.device) == chosen


def test_backend_without_a_report_is_not_used(world):
    negotiation = world.negotiate([world.package()], reports={})
    assert world.codes(negotiation) == {"p": "backend-unavailable"}
    assert "dist-onnx" in negotiation.rejected[0].reason


# Matcher and policy


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Fit(preference=3, note="fine"), ACCEPTED),
        (Rejection(code="opset", reason="too new", fix="upgrade"), "opset"),
        (None, "matcher-failed"),
        (True, "matcher-failed"),
    ],
)
def test_matcher(world, verdict, code):
    asked = []

    def matcher(*arguments):
        asked.append(arguments)
        return verdict

    package, request, reports = world.package(), world.request(), world.reports()
    negotiation = world.negotiate([package], request, reports=reports, matchers={"onnx": matcher})
    assert asked == [(package, reports["onnx"], request)]
    assert world.codes(negotiation) == {"p": code}
    if code == ACCEPTED:
        assert negotiation.best.fit is verdict
    elif code == "opset":
        assert negotiation.rejected == (attrs.evolve(verdict, package_id="p", backend="onnx"),)
    else:
        assert type(verdict).__name__ in negotiation.rejected[0].reason
        assert "dist-onnx" in negotiation.rejected[0].reason


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (None, ACCEPTED),
        (Rejection(code="licence", reason="AGPL"), "licence"),
        (True, "policy-failed"),
        (Fit(), "policy-failed"),
    ],
)
def test_review_denies_unless_it_clearly_agrees(world, verdict, code):
    negotiation = world.negotiate([world.package()], review=lambda package, request: verdict)
    assert world.codes(negotiation) == {"p": code}


def test_review_is_asked_last_and_only_about_what_could_run(world):
    packages = [
        world.package("good"),
        world.package("absent", "openvino"),
        world.package("int8", quantization="int8"),
        world.package("refused", quantization="bf16"),
    ]
    asked = []

    def matcher(package, report, request):
        return Rejection(code="x", reason="x") if package.package_id == "refused" else Fit()

    world.negotiate(packages, review=lambda p, request: asked.append(p.package_id), matchers={"onnx": matcher})
    assert asked == ["good"]


# Own code


def test_own_code_needs_no_row_no_matcher_and_no_backend(world):
    packages = [
        world.package("here", architecture=None, task=None, local_code=OWN_CODE),
        world.package("anywhere", "custom", architecture=None, task=None, local_code=OWN_CODE),
    ]
    request = world.request(path=Path("m"), allow_local_code_packages=True)
    negotiation = world.negotiate(packages, request, matchers={"onnx": lambda *_: Rejection(code="no", reason="no")})
    assert world.codes(negotiation) == {"here": 0, "anywhere": 1}
    here, anywhere = negotiation.accepted
    assert here.row is anywhere.row is anywhere.backend_spec is None
    assert here.backend_spec.name == "onnx"
    assert (anywhere.device, anywhere.report.usable) == (CPU, True)


def test_own_code_on_an_absent_backend_gets_the_device_that_was_asked_for(world):
    package = world.package("p", "custom", architecture=None, local_code=OWN_CODE)
    request = world.request(path=Path("m"), allow_local_code_packages=True, device=Device("cuda", 1))
    assert world.negotiate([package], request).best.device == Device("cuda", 1)


def test_own_code_does_not_make_an_unusable_backend_usable(world):
    report = BackendReport(backend="onnx", availability="unavailable", reason="broken")
    request = world.request(path=Path("m"), allow_local_code_packages=True)
    negotiation = world.negotiate([world.package(local_code=OWN_CODE)], request, reports=world.reports(onnx=report))
    assert world.codes(negotiation) == {"p": "backend-unavailable"}


# Ids, rows, names


def test_every_package_of_a_duplicate_id_is_refused(world):
    packages = [world.package("twice"), world.package("once"), world.package("twice", quantization="fp16")]
    for order in (packages, packages[::-1]):
        negotiation = world.negotiate(order)
        assert [c.package.package_id for c in negotiation.accepted] == ["once"]
        assert [r.code for r in negotiation.rejected] == ["duplicate-package-id"] * 2


def test_architecture_and_task_of_the_model_serve_packages_that_do_not_say(world):
    package = world.package(architecture=None, task=None)
    metadata = world.metadata([package], architecture="yolov8", task="object-detection")
    assert world.negotiate([], metadata=metadata).best.row.architecture == "yolov8"


def rival(**facts):
    facts = {"architecture": "yolov8", "task": "object-detection", "implementation": "rival:Yolo", **facts}
    return ModelSpec(**facts)


def test_ambiguous_row_matters_when_it_is_used_and_names_the_way_out(world):
    other = rival(architecture="rtdetr")
    rows = [(other, world.plugin("vision")), (other, world.plugin("stranger"))]
    packages = [world.package("clear"), world.package("torn", architecture="rtdetr")]
    negotiation = world.negotiate(packages, registry=world.registry(rows))
    assert world.codes(negotiation) == {"clear": 0, "torn": "ambiguous-implementation"}
    (rejection,) = negotiation.rejected
    assert "stranger and vision" in rejection.reason
    assert rejection.fix == 'LoadOptions(prefer=("stranger",))'
    preferring = world.request(options=LoadOptions(prefer=("Stranger",)))
    chosen = world.negotiate(packages, preferring, world.registry(rows))
    assert {c.package.package_id: c.row_plugin.distribution for c in chosen.accepted} == {
        "clear": "vision",
        "torn": "stranger",
    }


def test_ambiguous_backend_matters_when_it_is_used(world):
    mine = attrs.evolve(world.backends[0], rank=1)
    registry = world.registry(backends=[(mine, world.plugin("stranger"))])
    packages = [world.package("torn"), world.package("clear", "torch")]
    negotiation = world.negotiate(packages, registry=registry)
    assert world.codes(negotiation) == {"torn": "ambiguous-backend", "clear": 0}
    assert "dist-onnx and stranger" in negotiation.rejected[0].reason
    preferring = world.request(options=LoadOptions(prefer=("stranger",)))
    best = world.negotiate(packages, preferring, registry).best
    assert best.backend_spec is mine


def test_strangers_row_is_listed_and_used_only_when_named(world):
    row = rival(backend="onnx")
    registry = world.registry([(row, world.plugin("stranger"))])
    best = world.negotiate([world.package()], registry=registry).best
    assert best.row_plugin.distribution == "vision"
    assert best.ignored_rows == ((row, world.plugin("stranger")),)
    named = world.request(options=LoadOptions(prefer=("stranger",)))
    assert world.negotiate([world.package()], named, registry).best.row is row


# Optional packages of a row


@pytest.mark.parametrize(
    ("missing", "outcome"),
    [
        ((), 1),
        (("other",), 1),
        (("second",), "requirements-not-installed"),
        (("first", "second"), "requirements-not-installed"),
    ],
)
def test_a_row_needs_all_of_its_modules(world, missing, outcome):
    needy = ModelSpec(
        architecture="reader",
        task="ocr",
        implementation="a.b:Reader",
        requires_modules=["first", "second"],
        install_hint='pip install "reader[all]"',
    )
    registry = world.registry([(needy, world.plugin("reader"))])
    assert registry.required_modules == {"first", "second"}
    packages = [world.package(), world.package("q", architecture="reader", task="ocr")]
    negotiation = world.negotiate(packages, registry=registry, missing_modules=frozenset(missing))
    assert world.codes(negotiation) == {"p": 0, "q": outcome}
    for rejection in negotiation.rejected:
        assert rejection.reason == f"Reader needs {' and '.join(missing)}, not installed here"
        assert rejection.fix == 'pip install "reader[all]"'


@pytest.mark.parametrize("names", [("a.b",), ("",), (7,), ("pip install",)])
def test_required_modules_have_names_that_can_be_looked_up(names):
    with pytest.raises(ValueError, match="requires_modules"):
        ModelSpec(architecture="a", task="b", implementation="c:D", requires_modules=names)


# Steps


def test_only_backends_of_survivors_are_worth_a_detection(world):
    packages = [
        world.package("a", "torch"),
        world.package("b", "onnx", quantization="int8"),
        world.package("c", "openvino"),
        world.package("d", "torch", quantization="fp16"),
    ]
    listed = shortlist(world.request(), world.metadata(packages), world.registry(), provider_trusted=True)
    assert listed.backends == ("torch",)
    assert [survivor.package.package_id for survivor in listed.survivors] == ["a", "d"]


def test_hosts_ranking_decides_and_what_it_drops_is_said(world):
    packages = [world.package("a"), world.package("b", "torch"), world.package("c")]
    seen = []

    def rank(request, candidates):
        seen.append([c.package.package_id for c in candidates])
        return [c for c in reversed(candidates) if c.backend == "onnx"]

    negotiation = world.negotiate(packages, rank=rank)
    assert seen == [["b", "a", "c"]]
    assert world.codes(negotiation) == {"c": 0, "a": 1, "b": "left-out-by-ranking"}


@pytest.mark.parametrize("answer", [lambda c: [*c, *c], lambda c: [attrs.evolve(c[0])], lambda c: [None]])
def test_ranking_cannot_smuggle_candidates_in(world, answer):
    with pytest.raises(PluginContractError, match="rank_candidates"):
        world.negotiate([world.package()], rank=lambda request, candidates: answer(candidates))


# Codes


def test_every_code_has_a_meaning_and_every_meaning_a_code():
    named = {value for name, value in vars(codes).items() if name.isupper() and isinstance(value, str)}
    assert named == set(codes.MEANINGS)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in named)
    assert all(text.endswith(".") and "\n" not in text for text in codes.MEANINGS.values())


def test_every_code_of_core_is_given_somewhere():
    package = Path(codes.__file__).parent
    places = (package, package.parent / "artifacts")
    used = "".join(path.read_text() for place in places for path in place.glob("*.py") if path.name != "codes.py")
    elsewhere = "".join(path.read_text() for path in (package.parent / "plugins").glob("*.py"))
    for name, value in vars(codes).items():
        if name.isupper() and isinstance(value, str):
            assert f"codes.{name}" in used or f'"{value}"' in elsewhere, value
