"""The way from a reference to a model, through the public plugin path, on the loopback backend."""

from __future__ import annotations

import gc
import json
import sys
from types import ModuleType

import attrs
import inference_models_core.testing.loopback.plugin as loopback
import numpy as np
import pytest
from inference_models_core import AutoModel, Denial, LoadOptions, PluginHost, Rejection, hookimpl, resolution_of
from inference_models_core.errors import (
    AccessDeniedError,
    CannotOpenHereError,
    DeviceMismatchError,
    InvalidRequestError,
    LoadFailedError,
    MalformedDocumentError,
    ModelClosedError,
    ModelNotFoundError,
    NoCompatiblePackageError,
    PackageError,
    PackageFileMissingError,
    PluginError,
    RequiredPluginMissingError,
    UnknownArgumentError,
    UnknownProviderError,
)
from inference_models_core.testing.loopback.backend import LoopbackBackend
from inference_models_core.types.backends import BackendReport, Fit
from inference_models_core.types.devices import CPU, Device
from inference_models_core.types.events import CandidateTriedEvent, FallbackEvent, ModelLoadedEvent, NegotiatedEvent
from inference_models_core.types.packages import ModelDependency, ModelMetadata, ModelPackage
from inference_models_core.types.providers import WeightsProviderSpec

CONFIG = {"model_architecture": "brightness", "task_type": "classification", "backend_type": "loopback"}
GRAPH = {
    "inputs": [{"name": "x", "dtype": "float32", "shape": ["n", "h", "w", 3]}],
    "outputs": [{"name": "sum", "compute": "sum", "shape": ["n"]}],
}
DARK, BRIGHT = np.zeros((4, 4, 3), np.uint8), np.full((2, 6, 3), 255, np.uint8)


def write_package(folder, config=CONFIG, graph=GRAPH):
    folder.mkdir(parents=True, exist_ok=True)
    if config is not None:
        (folder / "model_config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    if graph is not None:
        (folder / "weights.loopback").write_text(json.dumps(graph))
    return folder


@pytest.fixture
def host():
    host = PluginHost(discover=False)
    host.register(loopback, "loopback", "1")
    return host


@pytest.fixture
def load(host):
    def load_(reference, **arguments):
        options = attrs.evolve(arguments.pop("options", LoadOptions()), host=host)
        return AutoModel.from_pretrained(reference, options=options, **arguments)

    return load_


@pytest.fixture
def plan(host):
    return lambda reference, **arguments: AutoModel.plan(reference, options=LoadOptions(host=host), **arguments)


def test_a_directory_loads_and_predicts(load, tmp_path):
    model = load(write_package(tmp_path / "m"))
    results = model([BRIGHT, DARK, BRIGHT])
    assert [result.class_name for result in results] == ["bright", "dark", "bright"]
    assert model.resolution.chosen.package.package_id == "m"
    assert model.resolution is resolution_of(model)


def test_text_that_is_a_path_loads_too(load, tmp_path, monkeypatch):
    write_package(tmp_path / "m")
    monkeypatch.chdir(tmp_path)
    assert load("./m")(DARK)[0].class_name == "dark"
    with pytest.raises(UnknownProviderError, match=r"write \./m"):
        load("m")  # a bare name is an id, even if a folder of that name exists here


def test_a_hostile_folder_named_like_an_id_is_never_loaded(load, shelf, tmp_path, monkeypatch):
    sentinel = tmp_path / "executed"
    folder = write_package(tmp_path / "rfdetr-base", {"model_module": "model.py", "model_class": "M"}, None)
    (folder / "model.py").write_text(f"open({str(sentinel)!r}, 'w')")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(Provider, "folder", tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFoundError, match=r"write \./rfdetr-base"):
        load("rfdetr-base", allow_local_code_packages=True)
    assert not sentinel.exists()


def test_a_single_file_loads_with_what_the_caller_says(load, tmp_path):
    write_package(tmp_path)
    path = tmp_path / "weights.loopback"
    with pytest.raises(InvalidRequestError, match="architecture and task"):
        load(path)
    options = LoadOptions(architecture="brightness", task="classification", class_names=("night", "day"))
    assert load(path, options=options)(BRIGHT)[0].class_name == "day"


def test_a_single_file_that_says_everything_loads_alone(load, tmp_path):
    graph = {**GRAPH, "architecture": "brightness", "task": "classification", "class_names": ["no", "yes"]}
    path = write_package(tmp_path, None, graph) / "weights.loopback"
    path = path.rename(tmp_path / "model.v2.loopback")
    assert load(path)(BRIGHT)[0].class_name == "yes"


def test_an_unknown_keyword_names_the_nearest(load, tmp_path):
    package = write_package(tmp_path / "m")
    with pytest.raises(UnknownArgumentError, match="Did you mean 'threshold'"):
        load(package, treshold=0.1)
    model = load(package, threshold=2.0)
    assert model(BRIGHT)[0].class_name == "dark"
    assert model(BRIGHT, threshold=0.5)[0].class_name == "bright"
    with pytest.raises(UnknownArgumentError, match="Did you mean 'scale'"):
        model(BRIGHT, skale=1)


def test_recommended_parameters_reach_the_model(load, tmp_path):
    config = {**CONFIG, "recommended_parameters": {"confidence": 1.0}}
    assert load(write_package(tmp_path / "m", config))(BRIGHT)[0].class_name == "dark"


def test_a_closed_model_says_so(load, tmp_path):
    with load(write_package(tmp_path / "m")) as model:
        model(DARK)
    model.close()
    with pytest.raises(ModelClosedError):
        model(DARK)


def test_a_plan_opens_nothing(plan, tmp_path):
    package = write_package(tmp_path / "m", graph={**GRAPH, "refuse": "would fail to open"})
    negotiation = plan(package)
    assert negotiation.best.backend == "loopback"
    assert negotiation.to_dict()["accepted"][0]["device"] == "cpu"


@pytest.mark.parametrize(
    ("config", "graph", "error", "says"),
    [
        (None, GRAPH, PackageFileMissingError, "no model_config.json"),
        ("{not json", GRAPH, MalformedDocumentError, "model_config.json: not valid JSON"),
        ("[]", GRAPH, MalformedDocumentError, "model_config.json: expected an object"),
        ({**CONFIG, "static_batch_size": "4"}, GRAPH, MalformedDocumentError, "static_batch_size: expected a whole"),
        ({**CONFIG, "model_features": []}, GRAPH, MalformedDocumentError, "model_features: expected an object"),
        ({"task_type": "x"}, GRAPH, MalformedDocumentError, "model_module"),
        (CONFIG, None, PackageFileMissingError, "weights.loopback"),
        ({**CONFIG, "model_architecture": "nobody"}, GRAPH, NoCompatiblePackageError, "no-implementation"),
        ({**CONFIG, "backend_type": "trt"}, GRAPH, NoCompatiblePackageError, r"pip install .*inference-models-trt"),
        ({**CONFIG, "model_features": {"odd": 1}}, GRAPH, NoCompatiblePackageError, "unsupported-features"),
    ],
)
def test_damaged_packages_get_a_typed_error(load, tmp_path, config, graph, error, says):
    package = write_package(tmp_path / "m", config, graph)
    with pytest.raises(error, match=says):
        load(package)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"device": "warp drive"}, "not a device"), ({"device": 1.5}, "not a device"), ({"quantization": "fp17"}, "fp"),
        ({"batch_size": 0}, "batch_size"), ({"batch_size": True}, "batch_size"), ({"fallback": "always"}, "fallback"),
        ({"backend": 3}, "backend"),
    ],
)  # fmt: skip
def test_arguments_that_cannot_be_used(load, tmp_path, arguments, says):
    with pytest.raises(InvalidRequestError, match=says):
        load(write_package(tmp_path / "m"), **arguments)


def test_an_explicit_device_never_gives_way(load, tmp_path):
    with pytest.raises(NoCompatiblePackageError, match="device-unavailable"):
        load(write_package(tmp_path / "m"), device="cuda")


def test_a_torch_device_needs_no_torch(load, tmp_path):
    class device:
        type, index = "cpu", None

    assert load(write_package(tmp_path / "m"), device=device()).resolution.chosen.device.kind == "cpu"


def test_a_wrong_file_type_lists_the_suffixes(load, tmp_path):
    (tmp_path / "picture.jpg").write_bytes(b"x")
    with pytest.raises(InvalidRequestError, match=r"no installed backend opens \.jpg") as caught:
        load(tmp_path / "picture.jpg")
    assert ".loopback" in caught.value.hint


def test_a_path_to_nothing(load, tmp_path):
    with pytest.raises(ModelNotFoundError, match="nothing is at"):
        load(tmp_path / "none")


# Packages with their own code


OWN_CODE = """
class Mine:
    def __init__(self, folder): self.folder = folder
    @classmethod
    def from_pretrained(cls, package_dir, **kwargs): return cls(package_dir)
"""


def own_code(folder, module="model.py", code=OWN_CODE):
    write_package(folder, {"model_module": module, "model_class": "Mine"}, None)
    (folder / "model.py").write_text(code)
    return folder


def test_own_code_runs_only_when_asked_for(load, tmp_path):
    package = own_code(tmp_path / "m")
    with pytest.raises(NoCompatiblePackageError, match="allow_local_code_packages=True"):
        load(package)
    path_before = list(sys.path)
    model = load(package, allow_local_code_packages=True)
    assert model.folder == package
    assert sys.path == path_before
    assert resolution_of(model).chosen.package.package_id == "m"


def test_own_code_must_lie_in_the_package(load, tmp_path):
    (tmp_path / "outside.py").write_text(OWN_CODE)
    for module in ("../outside.py", str(tmp_path / "outside.py"), "none.py", "model.txt"):
        with pytest.raises(PackageError):
            load(own_code(tmp_path / "m", module), allow_local_code_packages=True)
    (tmp_path / "m" / "link.py").symlink_to(tmp_path / "outside.py")
    with pytest.raises(PackageError):
        load(own_code(tmp_path / "m", "link.py"), allow_local_code_packages=True)


def test_two_packages_with_modules_of_one_name_stay_apart(load, tmp_path):
    first = load(own_code(tmp_path / "a"), allow_local_code_packages=True)
    second = load(own_code(tmp_path / "b"), allow_local_code_packages=True)
    assert type(first) is not type(second)


def test_a_class_without_from_pretrained(load, tmp_path):
    with pytest.raises(PackageError, match="from_pretrained"):
        load(own_code(tmp_path / "m", code="class Mine: pass"), allow_local_code_packages=True)


# Several packages: an in-process provider


class Provider:
    """Serves the packages under a folder, each a sub-folder."""

    folder = None
    dependencies = ()

    def __init__(self, context):
        self.context = context

    def resolve(self, model_id, *, revision=None):
        root = type(self).folder / model_id
        if not root.is_dir():
            raise ModelNotFoundError(f"no {model_id}")
        packages = [
            ModelPackage(
                package_id=path.name, backend="loopback", architecture="brightness", task="classification",
                directory=path, quantization="fp32",
            )
            for path in sorted(root.iterdir())
        ]  # fmt: skip
        dependencies = type(self).dependencies if model_id == "parent" else ()
        return ModelMetadata(model_id=model_id, packages=packages, dependencies=dependencies)


class ProviderPlugin:
    @hookimpl
    def register_weights_providers(self):
        yield WeightsProviderSpec(name="shelf", factory=f"{__name__}:Provider")


@pytest.fixture
def shelf(host, tmp_path, monkeypatch):
    module = ModuleType(__name__)
    module.Provider = Provider
    monkeypatch.setitem(sys.modules, __name__, module)
    monkeypatch.setattr(Provider, "folder", tmp_path)
    host.register(ProviderPlugin(), "shelf", "1")
    return tmp_path


REFUSING = {**GRAPH, "refuse": "no such instruction set"}


class Watcher:
    def __init__(self):
        self.events = []

    @hookimpl
    def on_event(self, event):
        self.events.append(event)


def test_a_candidate_that_cannot_open_gives_way_with_a_warning(host, load, shelf, caplog):
    write_package(shelf / "lamp" / "a", graph=REFUSING)
    write_package(shelf / "lamp" / "b")
    watcher = Watcher()
    host.register(watcher, "watcher", "1")
    model = load("lamp")
    assert model.resolution.chosen.package.package_id == "b"
    (attempt,) = model.resolution.attempts
    assert attempt.candidate.package.package_id == "a"
    assert isinstance(attempt.error, CannotOpenHereError)
    assert "no such instruction set" in caplog.text
    assert "no such instruction set" in str(model.resolution)
    kinds = [type(event) for event in watcher.events]
    assert kinds == [NegotiatedEvent, CandidateTriedEvent, FallbackEvent, CandidateTriedEvent, ModelLoadedEvent]
    assert watcher.events[-1].model is model


def test_fallback_none_raises_the_first_failure(load, shelf):
    write_package(shelf / "lamp" / "a", graph=REFUSING)
    write_package(shelf / "lamp" / "b")
    with pytest.raises(CannotOpenHereError, match="no such instruction set"):
        load("lamp", fallback="none")


def test_only_cannot_open_here_gives_way(load, shelf):
    write_package(shelf / "lamp" / "a", graph=None)
    (shelf / "lamp" / "a" / "weights.loopback").write_text("{")
    write_package(shelf / "lamp" / "b")
    with pytest.raises(MalformedDocumentError):
        load("lamp")


def test_every_candidate_refuses(load, shelf):
    write_package(shelf / "lamp" / "a", graph=REFUSING)
    write_package(shelf / "lamp" / "b", graph=REFUSING)
    with pytest.raises(LoadFailedError) as caught:
        load("lamp")
    assert [candidate.package.package_id for candidate, _ in caught.value.attempts] == ["a", "b"]
    assert isinstance(caught.value.__cause__, CannotOpenHereError)


class GpuPlugin:
    """The loopback backend on a machine that claims a GPU, which the runtime then does not use."""

    @hookimpl
    def register_backends(self):
        yield from (attrs.evolve(spec, factory=f"{__name__}:GpuBackend") for spec in loopback.register_backends())

    @hookimpl
    def register_models(self):
        yield from loopback.register_models()

    @hookimpl
    def detect_backends(self):
        yield BackendReport(backend="loopback", availability="available", devices=(Device("cuda", 0), CPU))


class GpuBackend:
    def open_session(self, path, *, device, package, options):
        if device.kind == "cuda":
            raise DeviceMismatchError("libcudnn is missing", hint="pip install cudnn")
        return LoopbackBackend().open_session(path, device=device, package=package, options=options)


@pytest.fixture
def load_with_gpu(monkeypatch):
    module = ModuleType(__name__)
    module.GpuBackend = GpuBackend
    monkeypatch.setitem(sys.modules, __name__, module)
    host = PluginHost(discover=False)
    host.register(GpuPlugin(), "gpu", "1")
    return lambda reference, **arguments: AutoModel.from_pretrained(
        reference, options=LoadOptions(host=host), **arguments
    )


def test_auto_falls_to_the_cpu_with_a_warning_that_names_the_fix(load_with_gpu, tmp_path, caplog):
    model = load_with_gpu(write_package(tmp_path / "m"))
    assert model(DARK)[0].class_name == "dark"
    assert model.resolution.chosen.device == CPU
    assert [str(attempt.candidate.device) for attempt in model.resolution.attempts] == ["cuda:0"]
    assert "libcudnn is missing" in caplog.text
    assert "pip install cudnn" in caplog.text


@pytest.mark.parametrize("arguments", [{"device": "cuda"}, {"device": "cuda:0"}, {"fallback": "none"}])
def test_a_device_that_was_asked_for_never_falls(load_with_gpu, tmp_path, arguments):
    with pytest.raises(DeviceMismatchError):
        load_with_gpu(write_package(tmp_path / "m"), **arguments)


def test_a_dependency_is_loaded_through_the_same_path_and_closed_with_its_parent(load, shelf, monkeypatch):
    seen = {}

    def from_pretrained(cls, package_dir, *, runners, package, recommended_parameters=None, model_dependencies):
        seen.update(model_dependencies)
        return cls(runners["weights"], ("dark", "bright"), 0.5)

    from inference_models_core.testing.loopback.family import BrightnessClassifier

    write_package(shelf / "parent" / "p")
    write_package(shelf / "child" / "c")
    monkeypatch.setattr(Provider, "dependencies", (ModelDependency(name="helper", model_id="child"),))
    monkeypatch.setattr(BrightnessClassifier, "from_pretrained", classmethod(from_pretrained))
    parent = load("parent")
    assert seen["helper"](DARK)[0].class_name == "dark"
    parent.close()
    with pytest.raises(ModelClosedError):
        seen["helper"](DARK)


def test_runners_are_closed_when_the_family_fails(load, tmp_path, monkeypatch):
    from inference_models_core.testing.loopback import backend, family

    opened = []
    init = backend.LoopbackSession.__init__
    monkeypatch.setattr(
        backend.LoopbackSession, "__init__", lambda self, *args: (opened.append(self), init(self, *args))[1]
    )

    def fail(*args, **kwargs):
        raise PackageError("class names are missing")

    monkeypatch.setattr(family.BrightnessClassifier, "__init__", fail)
    with pytest.raises(PackageError, match="class names"):
        load(write_package(tmp_path / "m"))
    assert [session.closed for session in opened] == [True]


def test_a_foreign_class_has_its_runners_closed_when_it_is_garbage(load, tmp_path, monkeypatch):
    from inference_models_core.testing.loopback import family

    class Foreign:
        @classmethod
        def from_pretrained(cls, package_dir, *, runners):
            model = cls()
            model.session = runners["weights"]._session
            return model

    monkeypatch.setattr(family, "BrightnessClassifier", Foreign)
    model = load(write_package(tmp_path / "m"))
    session = model.session
    assert resolution_of(model) is not None
    assert not session.closed
    del model
    gc.collect()
    assert session.closed


# Gates


def gate(**hooks):
    return type("Gate", (), {name: hookimpl(function) for name, function in hooks.items()})()


def test_access_is_asked_before_look_up_and_before_files_are_used(host, load, tmp_path):
    asked = []
    host.register(gate(check_access=lambda self, access: asked.append(access)), "gate", "1")
    load(write_package(tmp_path / "m"), api_key="s3cret")
    assert [access.package and access.package.package_id for access in asked] == [None, "m"]
    assert asked[0].credential.reveal() == "s3cret"
    assert "s3cret" not in repr(asked)


@pytest.mark.parametrize("stage", [0, 1])
def test_a_denial_denies(host, load, tmp_path, stage):
    def check(self, access):
        return Denial(reason="no licence", fix="buy one") if (access.package is not None) == bool(stage) else None

    host.register(gate(check_access=check), "gate", "1")
    with pytest.raises(AccessDeniedError, match="no licence") as caught:
        load(write_package(tmp_path / "m"))
    assert caught.value.hint == "buy one"
    assert isinstance(caught.value, PermissionError)


def test_a_gate_that_raises_denies(host, load, tmp_path):
    def check(self, access):
        raise KeyError("broken")

    host.register(gate(check_access=check), "gate", "1")
    with pytest.raises(AccessDeniedError, match="policy-failed"):
        load(write_package(tmp_path / "m"))


def test_the_hosts_policy_rejects_packages(host, load, shelf):
    write_package(shelf / "lamp" / "a")
    write_package(shelf / "lamp" / "b")

    def review(self, package, request):
        return Rejection(code="licence", reason="not allowed here") if package.package_id == "a" else None

    host.register(gate(review_package=review), "gate", "1")
    resolution = load("lamp").resolution
    assert resolution.chosen.package.package_id == "b"
    assert [(r.package_id, r.code) for r in resolution.negotiation.rejected] == [("a", "licence")]


def test_a_live_model_is_used_when_the_request_is_the_same(host, load, tmp_path):
    pool = {}

    def find(self, access, digest):
        pool.setdefault("asked", []).append(digest)
        return pool.get(digest)

    host.register(gate(find_live_model=find), "pool", "1")
    package = write_package(tmp_path / "m")
    first = load(package)
    pool[pool["asked"][0]] = first
    assert load(package) is first
    assert load(package, threshold=0.9) is not first
    assert len(set(pool["asked"])) == 2


def test_nothing_loads_while_a_required_plugin_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("INFERENCE_MODELS_REQUIRE_PLUGINS", "licence-gate")
    host = PluginHost(discover=False)
    host.register(loopback, "loopback", "1")
    with pytest.raises(RequiredPluginMissingError, match="licence-gate"):
        AutoModel.from_pretrained(write_package(tmp_path / "m"), options=LoadOptions(host=host))


def test_the_hosts_own_order_decides(host, load, shelf):
    write_package(shelf / "lamp" / "a")
    write_package(shelf / "lamp" / "b")
    host.register(gate(rank_candidates=lambda self, candidates: list(reversed(candidates))), "order", "1")
    assert load("lamp").resolution.chosen.package.package_id == "b"


def test_the_one_package_that_was_named(load, shelf):
    write_package(shelf / "lamp" / "a")
    write_package(shelf / "lamp" / "b")
    assert load("lamp", model_package_id="b").resolution.chosen.package.package_id == "b"
    with pytest.raises(NoCompatiblePackageError, match="a, b"):
        load("lamp", model_package_id="c")


# Faults of plugins' objects


def raiser(*args, **kwargs):
    raise KeyError("oops")


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("inference_models_core.testing.loopback.backend.LoopbackBackend.open_session", PluginError),
        ("inference_models_core.testing.loopback.files.inspect_file", PluginError),
        ("inference_models_core.testing.loopback.family.BrightnessClassifier.from_pretrained", PluginError),
    ],
)
def test_what_a_plugins_object_raises_is_named_and_kept_as_the_cause(load, tmp_path, monkeypatch, where, error):
    monkeypatch.setattr(where, raiser)
    with pytest.raises(error, match="KeyError: 'oops'") as caught:
        load(write_package(tmp_path / "m"))
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_provider_that_raises_or_answers_nonsense(load, shelf, monkeypatch):
    monkeypatch.setattr(Provider, "resolve", raiser)
    with pytest.raises(PluginError, match="weights provider 'shelf' failed: KeyError"):
        load("lamp")
    monkeypatch.setattr(Provider, "resolve", lambda self, model_id, revision=None: {"packages": []})
    with pytest.raises(PluginError, match="returned dict"):
        load("lamp")


def test_a_matcher_that_raises_rejects_only_its_package(load, shelf, monkeypatch):
    write_package(shelf / "lamp" / "a")
    write_package(shelf / "lamp" / "b")

    def match(package, report, request):
        return raiser() if package.package_id == "a" else Fit()

    module = ModuleType("raising_matcher")
    module.match = match
    monkeypatch.setitem(sys.modules, module.__name__, module)

    class Plugin:
        @hookimpl
        def register_backends(self):
            yield from (attrs.evolve(spec, matcher="raising_matcher:match") for spec in loopback.register_backends())

        @hookimpl
        def register_models(self):
            yield from loopback.register_models()

        @hookimpl
        def detect_backends(self, probe):
            yield from loopback.detect_backends(probe)

    host = PluginHost(discover=False)
    host.register(Plugin(), "matching", "1")
    host.register(ProviderPlugin(), "shelf", "1")
    negotiation = AutoModel.plan("lamp", options=LoadOptions(host=host))
    assert negotiation.best.package.package_id == "b"
    assert [(r.package_id, r.code) for r in negotiation.rejected] == [("a", "matcher-failed")]
    assert "KeyError" in negotiation.rejected[0].reason


def test_a_folder_for_a_backend_that_cannot_read_single_files(tmp_path):
    class Plugin:
        @hookimpl
        def register_backends(self):
            yield attrs.evolve(next(iter(loopback.register_backends())), inspector=None)

        register_models = staticmethod(loopback.register_models)
        detect_backends = staticmethod(loopback.detect_backends)

    host = PluginHost(discover=False)
    host.register(Plugin(), "without-inspector", "1")
    options = LoadOptions(host=host)
    with AutoModel.from_pretrained(write_package(tmp_path / "m"), options=options) as model:
        assert model(BRIGHT)[0].class_name == "bright"
    with pytest.raises(InvalidRequestError, match="cannot read single files"):
        AutoModel.plan(tmp_path / "m" / "weights.loopback", options=options)
