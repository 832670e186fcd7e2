"""Hostile plugins, as they would be installed, beside two that are in order."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading

import pytest
from inference_models_core.errors import PluginError, PolicyFailedError
from inference_models_core.plugins.host import PluginHost
from inference_models_core.plugins.policy import PluginPolicy
from inference_models_core.plugins.records import Status
from inference_models_core.runtime.probe import RuntimeProbe
from inference_models_core.types.access import Access
from inference_models_core.types.backends import Availability
from inference_models_core.types.devices import Device
from inference_models_core.types.events import Event
from inference_models_core.types.negotiation import Candidate
from inference_models_core.types.packages import ModelPackage
from inference_models_core.types.references import ModelRef
from inference_models_core.types.requests import LoadRequest

NOT_LOADED = [
    # plugin, status, part of the reason, part of the fix, whether its module may have been imported
    ("unmet-core", Status.INCOMPATIBLE, "requires Inference_Models.Core >=99", "pip install --upgrade", False),
    ("future-api", Status.INCOMPATIBLE, "plugin API 99.0", "--upgrade inference-models-core", False),
    ("no-api", Status.INCOMPATIBLE, "does not state INFERENCE_MODELS_API", "--upgrade hostile-no-api", False),
    ("odd-api", Status.INCOMPATIBLE, "INFERENCE_MODELS_API is 0.1, not text", "--upgrade hostile-odd-api", False),
    ("computed-api", Status.INCOMPATIBLE, "plugin API 0.2", "--upgrade inference-models-core", True),
    ("unreadable-requirement", Status.INCOMPATIBLE, "cannot be read", "--upgrade", False),
    ("import-error", Status.BROKEN, "No module named 'a_module_that_is_not_installed'", "hostile-import-error", True),
    ("exits", Status.BROKEN, "SystemExit: 3", "pip install --upgrade hostile-exits", True),
    ("bad-value", Status.BROKEN, "'not a module!' is not of the form", "pip uninstall hostile-bad-value", False),
    ("bad-attribute", Status.BROKEN, "nothing", "hostile-bad-attribute", True),
    ("unknown-argument", Status.BROKEN, "colour", "hostile-unknown-argument", True),
    ("wrapper", Status.BROKEN, "it wraps register_models", "hostile-wrapper", True),
]

MISBEHAVING = [
    # plugin, part of a warning in its record
    ("unknown-hook", "register_bakends is unknown"),
    ("unknown-hook", "register_backends is meant?"),
    ("unknown-hook", "register_models is not marked"),
    ("half-generator", "register_models: RuntimeError: no more today"),
    ("wrong-items", "register_models: returned a str where ModelSpec is expected"),
    ("wrong-items", "register_models: returned a int where ModelSpec is expected"),
    ("wrong-items", "register_pipelines: TypeError: returned one str"),
    ("wrong-items", "register_weights_providers: TypeError: 'int' object is not iterable"),
    ("wrong-items", "register_health_checks: TypeError: returned more than"),
    ("exits-in-hook", "register_backends: SystemExit: 4"),
    ("asks-back", "register_models: PluginError: a plugin asked the host"),
    ("hangs", "detect_backends: LimitExceededError: no answer within 0.3 s"),
    ("detect-raises", "detect_backends: OSError: the driver fell over"),
    ("meddles", "detect_backends: reported on 'alpha', which is not its backend"),
    ("meddles", "detect_backends: returned a str where BackendReport is expected"),
    ("ranks", "rank_candidates: ValueError"),
    ("observer", "on_event: RuntimeError: event number 1"),
    ("gate-raises", "check_access: ConnectionError"),
]

ACCESS = Access(reference="some/model", model_id="some/model")
PACKAGE = ModelPackage(package_id="p", backend="alpha")


def _host():
    return PluginHost(detect_timeout=0.3, probe=RuntimeProbe(driver_version="7.7"))


@pytest.fixture
def host(hostile_site):
    return _host()


@pytest.fixture(scope="module")
def asked_host(hostile_site_of_module):
    """A host that has asked every plugin everything."""
    host = _host()
    host.records()
    sys.modules["hostile_asks_back"].host = host
    _ask_everything(host)
    return host


def _ask_everything(host):
    for describe in (host.backends, host.models, host.pipelines, host.weights_providers, host.health_checks):
        describe()
    host.detect([spec.name for spec, _ in host.backends()])
    host.rank(_request(), _candidates(2))
    for _ in range(3):
        host.emit(Event(model_id="some/model"))
    host.check_access(ACCESS)


def _request():
    return LoadRequest(ref=ModelRef(text="some/model", model_id="some/model"))


def _candidates(count):
    return [
        Candidate(package=PACKAGE, row=None, row_plugin=None, report=None, device=Device("cpu"), fit=None)
        for _ in range(count)
    ]


def _records(host):
    records = {record.identity.distribution: record for record in host.records()}
    return {name: record for name, record in records.items() if name.startswith(("hostile-", "good-"))}


def test_at_least_twelve_are_installed(hostile_site):
    assert len(list(hostile_site.glob("hostile_*.dist-info"))) >= 12


@pytest.mark.parametrize(("plugin", "status", "reason", "fix", "imported"), NOT_LOADED)
def test_a_plugin_that_is_not_loaded_says_why(host, plugin, status, reason, fix, imported):
    record = _records(host)[f"hostile-{plugin}"]
    assert record.identity.name == plugin
    assert record.status is status
    assert reason in record.reason
    assert fix in record.fix
    assert not record.hooks
    if not imported:
        assert record.value not in sys.modules
        assert record.import_ms == 0
    assert str(record).startswith(f"plugin {plugin} (hostile-{plugin} 1.0.0): {status.value}: ")
    assert record.metadata_path.endswith(f"hostile_{plugin.replace('-', '_')}-1.0.0.dist-info")


def test_what_must_not_be_imported_is_not(asked_host):
    assert sys.hostile_touched == []


@pytest.mark.parametrize(
    ("loser", "name", "holder"),
    [
        ("hostile-imposter", "omega", "omega (good-omega 1.0.0)"),
        ("hostile-takes-core", "core", "core (inference-models-core "),
    ],
)
def test_a_name_that_is_taken_names_both_distributions(host, loser, name, holder):
    record = _records(host)[loser]
    assert (record.status, record.identity.name) == (Status.CONFLICT, name)
    assert holder in record.reason
    assert f"{loser} 1.0.0" in record.reason
    assert record.fix == f"pip uninstall {loser}"
    assert f"hostile_{loser[8:].replace('-', '_')}" not in sys.modules


@pytest.mark.parametrize(("plugin", "warning"), MISBEHAVING)
def test_a_plugin_that_misbehaves_when_asked_has_it_in_its_record(asked_host, plugin, warning):
    record = _records(asked_host)[f"hostile-{plugin}"]
    assert record.status is Status.ACTIVE
    assert any(warning in each for each in record.warnings), record.warnings


def test_good_plugins_are_fully_usable(asked_host):
    own = {"good-alpha", "good-omega"}
    records = _records(asked_host)
    assert all(records[name].active and not records[name].warnings for name in own)
    assert [s.name for s, plugin in asked_host.backends() if plugin.distribution in own] == ["alpha", "omega"]
    rows = [(s.architecture, s.task) for s, plugin in asked_host.models() if plugin.distribution in own]
    assert rows == [
        ("alpha-net", "object-detection"),
        ("alpha-net", "classification"),
        ("omega-net", "object-detection"),
        ("omega-net", "classification"),
    ]
    reports = asked_host.detect(["omega", "alpha"])
    assert [(r.backend, r.availability, r.version) for r in reports.values()] == [
        ("omega", Availability.AVAILABLE, "7.7"),
        ("alpha", Availability.AVAILABLE, "7.7"),
    ]
    observers = {each.plugin_name: each.plugin for each in asked_host.hook.on_event.get_hookimpls()}
    assert len(observers["alpha"].events) == len(observers["omega"].events) == 3


def test_of_a_wrong_answer_the_good_items_stay_and_of_half_an_answer_nothing(asked_host):
    architectures = {spec.architecture for spec, _ in asked_host.models()}
    assert "kept" in architectures
    assert "half" not in architectures


def test_nothing_of_a_rejected_plugin_stays_registered(asked_host):
    for hook, implementations in vars(asked_host.hook).items():
        names = {each.plugin_name for each in implementations.get_hookimpls()}
        assert names.isdisjoint({"unknown-argument", "wrapper", "computed-api"}), hook


@pytest.mark.parametrize(
    ("backend", "code", "reason", "fix"),
    [
        ("hangs", "detection-timed-out", "hangs (hostile-hangs 1.0.0)", "INFERENCE_MODELS_DETECT_TIMEOUT=0.6"),
        ("detect-raises", "detection-failed", "the driver fell over", ""),
        ("silent", "detection-failed", "does not report on it", ""),
        ("no-runtime", "runtime-not-installed", "a-runtime-that-is-not-installed>=1 or attrs>=9999", "pip install a-r"),
        ("trt", "backend-not-installed", "'trt'", 'pip install "inference-models-trt[cu13]"'),
        ("nobody-knows-it", "backend-not-installed", "'nobody-knows-it'", ""),
    ],
)
def test_a_backend_that_cannot_be_detected_is_unavailable_and_says_why(host, backend, code, reason, fix):
    report = host.detect([backend])[backend]
    assert (report.availability, report.code) == (Availability.UNAVAILABLE, code)
    assert reason in report.reason
    assert report.fix.startswith(fix)
    assert bool(report.fix) == bool(fix)


def test_only_the_owners_of_the_backends_in_question_are_asked(host):
    host.detect(["alpha"])
    assert not [failure for failure in host.failures() if failure.hook == "detect_backends"]


def test_a_hang_is_waited_for_once(host):
    host.detect(["hangs"])
    hanging = threading.active_count()
    assert host.detect(["hangs", "alpha"])["alpha"].usable
    assert threading.active_count() <= hanging  # it was not asked again: each time is a thread that never ends


def test_a_report_on_somebody_elses_backend_is_not_believed(host):
    reports = host.detect(["meddles", "alpha"])
    assert reports["meddles"].usable
    assert reports["alpha"].usable


def test_gates_that_cannot_decide_deny_and_name_the_plugin(host):
    denial = host.check_access(ACCESS)
    assert denial.code == "policy-failed"
    assert "gate-" in denial.reason
    rejection = host.review_package(PACKAGE, _request())
    assert rejection.code == "policy-failed"
    with pytest.raises(PolicyFailedError, match=r"gate-raises.*the pool is gone") as caught:
        host.find_live_model(ACCESS, "digest")
    assert caught.value.code == "policy-failed"
    assert isinstance(caught.value, PermissionError)


@pytest.mark.parametrize(
    ("gate", "access", "package"),
    [
        ("gate-raises", "check_access: ConnectionError: the licence server", "review_package: KeyError: 'licence'"),
        ("gate-odd", "check_access: returned a bool where Denial", "review_package: returned a str where Rejection"),
    ],
)
def test_each_gate_alone_denies(hostile_site, gate, access, package):
    host = PluginHost(PluginPolicy(allow=("alpha", gate)))
    assert access in host.check_access(ACCESS).reason
    assert package in host.review_package(PACKAGE, _request()).reason
    assert gate in host.check_access(ACCESS).reason


def test_an_invented_ranking_is_ignored(host):
    candidates = _candidates(3)
    assert {id(each) for each in host.rank(_request(), candidates)} == {id(each) for each in candidates}


def test_the_log_has_one_line_per_plugin_that_is_not_in_order(hostile_site, caplog):
    with caplog.at_level(logging.WARNING, logger="inference_models"):
        PluginHost().records()
    lines = [record.getMessage() for record in caplog.records]
    for plugin, status, _, fix, _ in NOT_LOADED:
        own = [line for line in lines if line.startswith(f"plugin {plugin} (")]
        assert len(own) == 1, plugin
        assert status.value in own[0]
        assert fix in own[0]
        assert "\n" not in own[0]


def test_the_traceback_is_in_the_debug_log(hostile_site, caplog):
    with caplog.at_level(logging.DEBUG, logger="inference_models"):
        PluginHost(PluginPolicy(allow=("import-error",))).records()
    assert any(record.exc_info and record.levelno == logging.DEBUG for record in caplog.records)


def test_strict_mode_raises_on_the_first_that_is_not_in_order(hostile_site):
    host = PluginHost(PluginPolicy(allow=("hostile-exits",), strict=True))
    with pytest.raises(PluginError, match="SystemExit: 3"):
        host.backends()


def test_strict_mode_raises_when_a_hook_fails(hostile_site):
    host = PluginHost(PluginPolicy(allow=("half-generator",), strict=True))
    with pytest.raises(PluginError, match=r"half-generator.*no more today"):
        host.models()


def test_a_process_with_all_of_them_ends_in_order(hostile_site):
    script = (
        "import json\n"
        "from inference_models_core.plugins.host import PluginHost\n"
        "host = PluginHost(detect_timeout=0.2)\n"
        "names = [spec.name for spec, _ in host.backends()]\n"
        "reports = host.detect(names)\n"
        "print(json.dumps({'records': len(host.records()), 'alpha': reports['alpha'].usable}))\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(hostile_site)}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["alpha"] is True
    assert answer["records"] >= 30
