from __future__ import annotations

import contextvars
import math
import sys
import threading
import time
import types

import attrs
import pytest
from inference_models_core.errors import (
    InvalidRequestError,
    PluginContractError,
    PluginError,
    RequiredPluginMissingError,
)
from inference_models_core.hookspecs import hookimpl
from inference_models_core.plugins import host as host_module
from inference_models_core.plugins.host import PluginHost, get_host
from inference_models_core.plugins.policy import PluginPolicy, policy_from_environment
from inference_models_core.plugins.records import Status
from inference_models_core.types.access import Access, Denial
from inference_models_core.types.backends import Availability, BackendReport, BackendSpec
from inference_models_core.types.devices import Device
from inference_models_core.types.events import Event
from inference_models_core.types.models import ModelSpec
from inference_models_core.types.negotiation import Candidate, Rejection
from inference_models_core.types.packages import ModelPackage
from inference_models_core.types.references import ModelRef
from inference_models_core.types.requests import LoadRequest

GOOD = "\n".join([
    "from inference_models_core.hookspecs import hookimpl",
    "from inference_models_core.types.models import ModelSpec",
    "INFERENCE_MODELS_API = '0.1'",
    "@hookimpl",
    "def register_models():",
    "    return [ModelSpec(architecture=__name__, task='t', implementation='a:b')]",
])  # fmt: skip
ACCESS = Access(reference="some/model", model_id="some/model")
REQUEST = LoadRequest(ref=ModelRef(text="some/model", model_id="some/model"))
ROW = ModelSpec(architecture="x", task="t", implementation="a:b")
PACKAGE = ModelPackage(package_id="p", backend="mine")


def plugin(**hooks):
    """An in-process plugin made of functions."""
    module = types.ModuleType("in_process")
    for name, function in hooks.items():
        setattr(module, name, hookimpl(function))
    return module


@pytest.fixture
def host():
    """A host that looks for nothing: core's own parts only."""
    return PluginHost(PluginPolicy(), discover=False)


def _architectures(host):
    return [spec.architecture for spec, _ in host.models()]


# Building


def test_nothing_is_scanned_before_the_first_question(install):
    host = PluginHost()
    install("late", {"late": "late_plugin"}, {"late_plugin.py": GOOD})
    assert "late_plugin" in _architectures(host)


def test_the_answer_is_kept_until_refresh(install):
    host = PluginHost()
    host.models()
    install("late", {"late": "late_plugin"}, {"late_plugin.py": GOOD})
    assert "late_plugin" not in _architectures(host)
    host.refresh()
    assert "late_plugin" in _architectures(host)


def test_without_discovery_there_is_core_alone(host):
    assert [record.identity.name for record in host.records()] == ["core"]
    assert host.weights_providers()


def test_core_is_past_every_policy():
    host = PluginHost(PluginPolicy(allow=(), disable=("core", "inference-models-core")))
    assert [record.identity.name for record in host.records() if record.active] == ["core"]


def test_what_is_blocked_is_never_imported(install):
    install("no-thanks", {"no": "no_thanks"}, {"no_thanks.py": "raise SystemExit"})
    host = PluginHost(PluginPolicy(disable=("no",)))
    (record,) = [record for record in host.records() if record.identity.name == "no"]
    assert record.status is Status.BLOCKED
    assert "INFERENCE_MODELS_DISABLE_PLUGINS" in record.reason
    assert "no_thanks" not in sys.modules


def test_a_blocked_plugin_leaves_its_name_to_another(install):
    install("first", {"same": "first_plugin"}, {"first_plugin.py": GOOD})
    install("second", {"same": "second_plugin"}, {"second_plugin.py": GOOD})
    assert "first_plugin" in _architectures(PluginHost())
    assert "second_plugin" in _architectures(PluginHost(PluginPolicy(disable=("first",))))


def test_the_policy_is_read_when_the_host_is_made_not_when_it_is_asked(install, monkeypatch):
    install("good", {"good": "good_plugin"}, {"good_plugin.py": GOOD})
    monkeypatch.setenv("INFERENCE_MODELS_PLUGINS", "good")
    host = PluginHost()
    monkeypatch.setenv("INFERENCE_MODELS_PLUGINS", "")
    assert "good_plugin" in _architectures(host)
    assert "good_plugin" not in _architectures(PluginHost())


def test_an_argument_beats_the_environment(install, monkeypatch):
    install("good", {"good": "good_plugin"}, {"good_plugin.py": GOOD})
    monkeypatch.setenv("INFERENCE_MODELS_PLUGINS", "")
    assert "good_plugin" in _architectures(PluginHost(attrs.evolve(policy_from_environment(), allow=None)))


def test_an_entry_point_may_name_an_object(install):
    source = GOOD.replace("@hookimpl\ndef register_models():", "class Box:\n  @hookimpl\n  def register_models(self):")
    install("boxed", {"boxed": "boxed_plugin:box"}, {"boxed_plugin.py": f"{source}\nbox = Box()"})
    assert "boxed_plugin" in _architectures(PluginHost())


def test_equal_modules_under_two_names_are_one_plugin_and_one_record_that_says_so(install):
    install("twice", {"one": "twice_plugin", "two": "twice_plugin"}, {"twice_plugin.py": GOOD})
    host = PluginHost()
    records = {record.identity.name: record for record in host.records()}
    assert (records["one"].status, records["two"].status) == (Status.ACTIVE, Status.BROKEN)
    assert "already registered" in records["two"].reason
    assert _architectures(host).count("twice_plugin") == 1


def test_a_syntax_error_is_a_record(install):
    install("typo", {"typo": "typo_plugin"}, {"typo_plugin.py": "INFERENCE_MODELS_API = '0.1'\ndef f(:\n"})
    (record,) = [record for record in PluginHost().records() if record.identity.name == "typo"]
    assert record.status is Status.BROKEN
    assert "SyntaxError" in record.reason


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "MemoryError"])
def test_what_is_nobodys_fault_passes(install, error):
    name = f"passing_{error.lower()}"
    install(name, {"passing": name}, {f"{name}.py": f"INFERENCE_MODELS_API = '0.1'\nraise {error}"})
    with pytest.raises(eval(error)):
        PluginHost().records()


def test_records_say_what_was_loaded(install):
    info = install("good", {"good": "good_plugin"}, {"good_plugin.py": GOOD}, version="3.2")
    (record,) = [record for record in PluginHost().records() if record.identity.name == "good"]
    assert record.active
    assert (record.identity.distribution, record.identity.version) == ("good", "3.2")
    assert (record.hooks, record.value, record.metadata_path) == (("register_models",), "good_plugin", str(info))
    assert record.import_ms > 0


def test_many_threads_build_one_state(install):
    install("counted", {"counted": "counted_plugin"}, {"counted_plugin.py": f"import time\ntime.sleep(0.05)\n{GOOD}"})
    host = PluginHost()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(host.models())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert all(answer is answers[0] for answer in answers)


def test_the_process_has_one_host(monkeypatch):
    monkeypatch.setattr(host_module, "_host", None)
    assert get_host() is get_host()


def test_importing_the_host_is_light(run_fresh):
    imported = run_fresh("import inference_models_core.plugins.host")
    tops = {name.partition(".")[0] for name in imported}
    assert not tops & {"numpy", "packaging", "requests", "filelock", "platformdirs", "click", "rich", "ctypes", "PIL"}
    assert not imported & {"importlib.metadata", "inference_models_core.builtin.plugin"}


def test_building_a_host_does_not_import_the_standard_librarys_metadata(run_fresh):
    imported = run_fresh(
        "from inference_models_core.plugins.host import PluginHost\n"
        "from inference_models_core.plugins.policy import PluginPolicy\n"
        "PluginHost(PluginPolicy(allow=())).models()"
    )
    assert not imported & {"importlib.metadata", "packaging", "ctypes"}


# Required plugins


def test_a_required_plugin_that_is_not_installed_is_missed():
    with pytest.raises(RequiredPluginMissingError, match="'guard' is not installed"):
        PluginHost(PluginPolicy(require=("guard",)), discover=False).require_plugins()


def test_a_required_plugin_that_is_broken_is_missed_with_its_reason(install):
    install("guards", {"guard": "guard_plugin"}, {"guard_plugin.py": "INFERENCE_MODELS_API = '0.1'\nimport not_here"})
    with pytest.raises(RequiredPluginMissingError, match="not_here") as caught:
        PluginHost(PluginPolicy(require=("guard",))).require_plugins()
    assert caught.value.hint == "pip install --upgrade guards"


@pytest.mark.parametrize("name", ["guard", "guards", "core"])
def test_a_required_plugin_that_is_active_is_enough(install, name):
    install("guards", {"guard": "guard_plugin"}, {"guard_plugin.py": GOOD})
    PluginHost(PluginPolicy(require=(name,))).require_plugins()


def test_a_required_distribution_needs_all_its_plugins(install):
    install("guards", {"a": "a_plugin", "b": "not_there"}, {"a_plugin.py": GOOD})
    PluginHost(PluginPolicy(require=("a",))).require_plugins()
    with pytest.raises(RequiredPluginMissingError, match="not_there"):
        PluginHost(PluginPolicy(require=("guards",))).require_plugins()


def test_an_in_process_plugin_can_be_required(host):
    strict = PluginHost(PluginPolicy(require=("guard",)), discover=False)
    strict.register(plugin(check_access=lambda access: None), "guard")
    strict.require_plugins()


# Plugins of this process


def test_register_and_unregister(host):
    record = host.register(
        plugin(register_models=lambda: [ModelSpec(architecture="x", task="t", implementation="a:b")]), "m"
    )
    assert record.active
    assert str(record.identity) == "m (in this process)"
    assert _architectures(host) == ["x"]
    host.unregister("m")
    assert _architectures(host) == []
    assert [each.identity.name for each in host.records()] == ["core"]
    with pytest.raises(InvalidRequestError, match="'m'"):
        host.unregister("m")


def test_registered_plugins_survive_a_refresh(host):
    host.register(plugin(register_models=lambda: [ROW]), "m")
    host.refresh()
    assert _architectures(host) == ["x"]


def test_a_plugin_installed_later_does_not_take_the_name_of_a_registered_one(install):
    host = PluginHost()
    host.register(plugin(), "mine")
    install("later", {"mine": "later_plugin"}, {"later_plugin.py": GOOD})
    host.refresh()
    statuses = {str(r.identity): r.status for r in host.records() if r.identity.name == "mine"}
    assert statuses == {"mine (in this process)": Status.ACTIVE, "mine (later 1.0)": Status.CONFLICT}


@pytest.mark.parametrize("name", ["core", "taken"])
def test_a_name_can_be_registered_once(host, name):
    host.register(plugin(), "taken")
    with pytest.raises(PluginError, match=name):
        host.register(plugin(), name)
    assert len(host.records()) == 2


def test_a_registered_plugin_that_breaks_its_contract_raises_and_leaves_nothing(host):
    with pytest.raises(PluginContractError, match="colour"):
        host.register(plugin(check_access=lambda access, colour: None), "odd")
    assert not host.has_gate("check_access")
    assert len(host.records()) == 1
    host.register(plugin(check_access=lambda access: None), "odd")


def test_a_stated_api_version_of_a_registered_plugin_is_checked(host):
    module = plugin()
    module.INFERENCE_MODELS_API = "99.0"
    with pytest.raises(PluginError, match=r"plugin API 99\.0"):
        host.register(module, "future")


def test_the_policy_holds_for_registered_plugins_too(caplog):
    host = PluginHost(PluginPolicy(disable=("guard",)), discover=False)
    assert host.register(plugin(check_access=lambda access: Denial(reason="no")), "guard").status is Status.BLOCKED
    assert host.check_access(ACCESS) is None
    assert "plugin guard (in this process): switched off" in caplog.text


@pytest.mark.parametrize(
    ("hook", "version", "allowed"),
    [
        ("check_access", "", False),
        ("review_package", "", False),
        ("find_live_model", "", False),
        ("rank_candidates", "", False),
        ("check_access", "1", True),
        ("on_event", "", True),
    ],
)
def test_what_decides_without_a_version_switches_the_resolution_cache_off(host, hook, version, allowed):
    assert host.resolution_cache_allowed
    host.register(plugin(**{hook: lambda: None}), "mine", version)
    assert host.resolution_cache_allowed is allowed
    host.unregister("mine")
    assert host.resolution_cache_allowed


def test_the_plain_relay_is_pluggys_own(host):
    def boom():
        raise RuntimeError("loud")

    host.register(plugin(register_models=boom), "loud")
    with pytest.raises(RuntimeError, match="loud"):
        host.hook.register_models()


# Asking


def test_hooks_that_describe_are_called_once(host):
    calls = []
    host.register(plugin(register_backends=lambda: calls.append(1) or []), "mine")
    assert host.backends() is host.backends()
    assert calls == [1]


def test_a_hook_that_answers_none_says_nothing(host):
    host.register(plugin(register_backends=lambda: None), "mine")
    assert host.backends() == ()
    assert host.failures() == ()


def test_detection_sees_the_probe_and_runs_once(host):
    calls = []

    def detect_backends(probe):
        calls.append(probe)
        return [BackendReport(backend="b", availability=Availability.AVAILABLE)]

    host.register(plugin(register_backends=lambda: [BackendSpec(name="b")], detect_backends=detect_backends), "mine")
    assert host.detect(["b"])["b"].usable
    assert host.detect(iter(["b"]))["b"].usable
    assert calls == [host.probe]


def test_the_owner_is_not_asked_about_a_backend_whose_runtime_is_missing(host):
    asked = []
    host.register(
        plugin(
            register_backends=lambda: [
                BackendSpec(name="here", requires_any=("attrs>=1",)),
                BackendSpec(name="not-here", requires_any=("attrs>=9999", "no-such-distribution")),
            ],
            detect_backends=lambda probe: (
                asked.append(1) or [BackendReport(backend="here", availability=Availability.AVAILABLE)]
            ),
        ),
        "mine",
    )
    assert host.detect(["not-here"])["not-here"].code == "runtime-not-installed"
    assert not asked
    assert host.detect(["here"])["here"].usable


def test_in_a_frozen_application_metadata_decides_nothing(host, monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    host.register(
        plugin(
            register_backends=lambda: [BackendSpec(name="b", requires_any=("no-such-distribution",))],
            detect_backends=lambda probe: [BackendReport(backend="b", availability=Availability.AVAILABLE)],
        ),
        "mine",
    )
    assert host.detect(["b"])["b"].usable


def test_an_unreadable_requirement_makes_the_backend_unavailable(host):
    host.register(plugin(register_backends=lambda: [BackendSpec(name="b", requires_any=("attrs about 1",))]), "mine")
    report = host.detect(["b"])["b"]
    assert (report.availability, report.code) == (Availability.UNAVAILABLE, "detection-failed")
    assert "attrs about 1" in report.reason


def test_without_a_limit_detection_runs_in_the_callers_thread():
    host = PluginHost(PluginPolicy(), discover=False, detect_timeout=math.inf)
    threads = []
    host.register(
        plugin(
            register_backends=lambda: [BackendSpec(name="b")],
            detect_backends=lambda probe: threads.append(threading.current_thread()) or [],
        ),
        "mine",
    )
    host.detect(["b"])
    assert threads == [threading.current_thread()]


@pytest.mark.parametrize("limit", [0.2, math.inf])
def test_a_detection_that_asks_the_host_for_itself_ends(limit):
    host = PluginHost(PluginPolicy(), discover=False, detect_timeout=limit)
    host.register(
        plugin(
            register_backends=lambda: [BackendSpec(name="b")],
            detect_backends=lambda probe: list(host.detect(["b"]).values()),
        ),
        "mine",
    )
    assert not host.detect(["b"])["b"].usable


@pytest.mark.parametrize("text", ["0", "-1", "nan", "soon", ""])
def test_a_limit_is_a_positive_number(monkeypatch, text):
    monkeypatch.setenv("INFERENCE_MODELS_DETECT_TIMEOUT", text)
    with pytest.raises(InvalidRequestError, match="time limit"):
        PluginHost()


def _candidates(*names):
    return [
        Candidate(
            package=ModelPackage(package_id=name, backend="b"),
            row=None,
            row_plugin=None,
            report=None,
            device=Device("cpu"),
            fit=None,
        )
        for name in names
    ]


def _names(ranked):
    return [candidate.package.package_id for candidate in ranked]


def test_the_last_registered_ranking_that_has_an_opinion_wins(host):
    host.register(plugin(rank_candidates=lambda candidates: candidates[::-1]), "reverse", "1")
    host.register(plugin(rank_candidates=lambda candidates: None), "no-opinion", "1")
    assert _names(host.rank(REQUEST, _candidates("a", "b", "c"))) == ["c", "b", "a"]
    host.register(plugin(rank_candidates=lambda candidates: candidates[1:]), "drops-the-first", "1")
    assert _names(host.rank(REQUEST, _candidates("a", "b", "c"))) == ["b", "c"]


@pytest.mark.parametrize(
    "answer",
    [
        lambda candidates: [*candidates, candidates[0]],
        lambda candidates: [attrs.evolve(candidates[0])],
        lambda candidates: 7,
        lambda candidates: 1 / 0,
    ],
)
def test_an_invalid_ranking_is_noted_and_the_next_one_asked(host, answer):
    host.register(plugin(rank_candidates=lambda candidates: candidates[::-1]), "reverse", "1")
    host.register(plugin(rank_candidates=answer), "invalid", "1")
    assert _names(host.rank(REQUEST, _candidates("a", "b"))) == ["b", "a"]
    (failure,) = host.failures()
    assert (failure.plugin.name, failure.hook) == ("invalid", "rank_candidates")


def test_ranking_is_the_one_hook_that_can_be_wrapped(host):
    def rank_candidates(candidates):
        ranked = yield
        return [each for each in ranked if each.package.package_id != "a"]

    wrapper = types.ModuleType("wrapper")
    wrapper.rank_candidates = hookimpl(wrapper=True)(rank_candidates)
    host.register(plugin(rank_candidates=lambda candidates: candidates[::-1]), "reverse", "1")
    host.register(wrapper, "wrapper", "1")
    assert _names(host.rank(REQUEST, _candidates("a", "b", "c"))) == ["c", "b"]


def test_a_wrapper_that_raises_is_left_out(host):
    def rank_candidates(candidates):
        yield
        raise RuntimeError("torn")

    wrapper = types.ModuleType("wrapper")
    wrapper.rank_candidates = hookimpl(wrapper=True)(rank_candidates)
    host.register(plugin(rank_candidates=lambda candidates: candidates[::-1]), "reverse", "1")
    host.register(wrapper, "wrapper", "1")
    assert _names(host.rank(REQUEST, _candidates("a", "b"))) == ["b", "a"]
    assert [failure.plugin.name for failure in host.failures()] == ["wrapper"]


def _observer(seen):
    def on_event(event):
        seen.append(event)

    return plugin(on_event=on_event)


def test_events_reach_every_observer_and_cannot_veto(host):
    seen = []

    def broken(event):
        raise RuntimeError(f"number {len(seen)}")

    host.register(_observer(seen), "before")
    host.register(plugin(on_event=broken), "broken")
    host.register(_observer(seen), "after")
    events = [Event(model_id=str(number)) for number in range(3)]
    for event in events:
        host.emit(event)
    assert seen[::2] == events
    assert len(seen) == 6
    assert len(host.failures()) == 1


# Gates


def test_without_gates_everything_is_allowed(host):
    assert not host.has_gate("review_package")
    assert host.check_access(ACCESS) is None
    assert host.review_package(PACKAGE, REQUEST) is None
    assert host.find_live_model(ACCESS, "digest") is None


def test_every_gate_is_asked_until_one_refuses(host):
    asked = []
    host.register(plugin(check_access=lambda access: asked.append("a")), "a", "1")
    host.register(plugin(check_access=lambda access: asked.append("b") or Denial(reason="no", code="mine")), "b", "1")
    host.register(plugin(check_access=lambda access: asked.append("c")), "c", "1")
    assert host.check_access(ACCESS) == Denial(reason="no", code="mine")
    assert asked == ["c", "b"]


def test_a_review_gets_package_and_request(host):
    rejection = Rejection(code="licence", reason="no")
    host.register(
        plugin(review_package=lambda package, request: rejection if (package, request) == (PACKAGE, REQUEST) else None),
        "mine",
        "1",
    )
    assert host.has_gate("review_package")
    assert host.review_package(PACKAGE, REQUEST) is rejection


def test_the_first_live_model_is_taken(host):
    model = object()
    host.register(plugin(find_live_model=lambda access, digest: model if digest == "known" else None), "pool", "1")
    host.register(plugin(find_live_model=lambda: None), "empty", "1")
    assert host.find_live_model(ACCESS, "known") is model
    assert host.find_live_model(ACCESS, "unknown") is None


def test_a_gate_that_does_not_answer_in_time_denies():
    host = PluginHost(PluginPolicy(), discover=False, gate_timeout=0.05)
    release = threading.Event()
    host.register(plugin(check_access=lambda access: release.wait()), "slow", "1")
    started = time.monotonic()
    denial = host.check_access(ACCESS)
    release.set()
    assert time.monotonic() - started < 5
    assert denial.code == "policy-failed"
    assert "plugin slow (in this process): check_access: LimitExceededError: no answer within 0.05 s" in denial.reason


@pytest.mark.parametrize("limit", [None, math.inf])
def test_gates_see_the_callers_context(limit):
    user = contextvars.ContextVar("user", default="nobody")
    host = PluginHost(PluginPolicy(), discover=False, gate_timeout=limit)
    host.register(plugin(check_access=lambda access: Denial(reason=user.get())), "mine", "1")
    user.set("somebody")
    assert host.check_access(ACCESS).reason == "somebody"


def test_a_gate_that_runs_out_of_memory_is_not_taken_for_a_denial(host):
    def check_access(access):
        raise MemoryError

    host.register(plugin(check_access=check_access), "mine", "1")
    with pytest.raises(MemoryError):
        host.check_access(ACCESS)


def test_failures_of_one_hook_do_not_pile_up(host):
    count = iter(range(1000))

    def check_access(access):
        raise RuntimeError(next(count))

    host.register(plugin(check_access=check_access), "mine", "1")
    for _ in range(100):
        assert host.check_access(ACCESS).code == "policy-failed"
    assert len(host.failures()) == 10
