from __future__ import annotations

import json
import os
import stat
import sys
import types

import inference_models_core.testing.loopback.plugin as loopback
import pytest
from inference_models_core import CheckResult, HealthCheck, PluginHost, hookimpl
from inference_models_core.builtin import checks
from inference_models_core.builtin.overwritten import overwritten_modules
from inference_models_core.plugins.distributions import InstalledDistribution
from inference_models_core.plugins.records import PluginRecord, Status
from inference_models_core.reports import doctor, storage
from inference_models_core.reports.doctor import doctor_report
from inference_models_core.reports.environment import HIDDEN, switches
from inference_models_core.reports.machine import MachineFacts, machine_facts
from inference_models_core.reports.runtime import rival_text, runtime_report
from inference_models_core.reports.storage import cache_facts
from inference_models_core.runtime.facts import Gpu, Jetson, SystemFacts
from inference_models_core.runtime.probe import RuntimeProbe
from inference_models_core.types.health import Verdict
from inference_models_core.types.plugins import PluginIdentity

SYSTEM = SystemFacts(
    os="linux", os_version="Ubuntu 24.04", machine="aarch64", cpu_name="", cpu_count=1, python="CPython 3.11.9"
)
GPU = Gpu(index=0, name="NVIDIA L4\x1b[31m", memory_bytes=24 * 10**9, compute_capability=(8, 9))
PROBE = RuntimeProbe(
    gpus=(GPU,), driver_version="550.54", cuda_driver_version=(12, 4), jetson=Jetson(module="orin"), system=SYSTEM
)


class Checks:
    def __init__(self, **found):
        self.found = found

    @hookimpl
    def register_health_checks(self):
        module = types.ModuleType("checks_of_a_test")
        for name, function in self.found.items():
            setattr(module, name, function)
            yield HealthCheck(name=name, summary=f"about {name}", check=f"checks_of_a_test:{name}")
        sys.modules["checks_of_a_test"] = module


@pytest.fixture
def host():
    made = PluginHost(discover=False, probe=PROBE)
    made.register(loopback, "loopback", "1")
    return made


@pytest.fixture
def report(host, monkeypatch):
    monkeypatch.setenv("INFERENCE_MODELS_HUB_TOKEN", "hunter2")
    monkeypatch.setenv("INFERENCE_MODELS_PROVIDERS", "https://me:hunter2@host/")
    return runtime_report(host)


def test_machine(report):
    text = str(report)
    assert "linux Ubuntu 24.04 aarch64" in text
    assert "NVIDIA L4\\x1b[31m, 24.0 GB, compute capability 8.9" in text
    assert "550.54, supports CUDA up to 12.4" in text
    assert "1 core\n" in text
    assert report.to_dict()["machine"]["gpus"][0]["compute_capability"] == (8, 9)


def test_a_bare_machine_says_so():
    words = MachineFacts(system=SYSTEM).words()
    assert words["gpu"] == "none that CUDA shows"
    assert not {"nvidia driver", "jetson"} & words.keys()
    probe = RuntimeProbe(gpus=(), driver_version="", cuda_driver_version=None, jetson=None, system=SYSTEM)
    assert machine_facts(probe) == MachineFacts(system=SYSTEM)


def test_registered_and_well_known_backends(report):
    found = {each["name"]: each for each in report.to_dict()["backends"]}
    assert found["loopback"]["availability"] == "available"
    assert found["loopback"]["devices"] == ["cpu"]
    assert found["onnx"]["fix"] == 'pip install "inference-models-onnx[cpu]"'
    assert 'fix: pip install "inference-models-onnx[cpu]"' in str(report)


def test_no_secret_anywhere(report):
    shown = str(report) + json.dumps(report.to_dict()) + report._repr_html_() + repr(report)
    assert "hunter2" not in shown
    assert "INFERENCE_MODELS_HUB_TOKEN" in shown


def test_switches():
    found = switches(
        {
            "INFERENCE_MODELS_OFFLINE": "1",
            "INFERENCE_MODELS_API_KEY": "s",
            "INFERENCE_MODELS_PROVIDERS": "a://u:p@h",
            "HOME": "x",
        }
    )
    assert found == {
        "INFERENCE_MODELS_API_KEY": HIDDEN,
        "INFERENCE_MODELS_OFFLINE": "1",
        "INFERENCE_MODELS_PROVIDERS": "a://***@h",
    }


def test_plugins_and_what_they_did_wrong(host):
    class Rude:
        @hookimpl
        def register_models(self):
            raise RuntimeError("\x1b[31mno")

    host.register(Rude(), "rude")
    host.models()
    text = str(runtime_report(host))
    assert "What plugins did wrong" in text
    assert "\\x1b[31mno" in text
    assert "rude" in text


def test_the_rival(report):
    import attrs

    assert rival_text("0.39") not in str(report)
    assert rival_text("0.39") in " ".join(str(attrs.evolve(report, rival="0.39")).split())


def test_checks_are_run_each_on_its_own(host, monkeypatch):
    def ok():
        return CheckResult(verdict="ok", message="fine")

    def late():
        import time

        time.sleep(30)

    def ends():
        sys.exit("goodbye")

    def wrong():
        return True

    def raises():
        raise OSError("\x1b]0;title\x07")

    monkeypatch.setattr(doctor, "TIME_LIMIT", 0.2)
    host.register(Checks(ok=ok, late=late, ends=ends, wrong=wrong, raises=raises), "mine")
    report = doctor_report(host)
    found = {each.check.name: each.result for each in report.outcomes if each.plugin.name == "mine"}
    assert found["ok"] == CheckResult(verdict="ok", message="fine")
    failed = {name: result.message for name, result in found.items() if result.verdict is Verdict.FAILED}
    assert failed.keys() == {"late", "ends", "wrong", "raises"}
    assert "0.2 s" in failed["late"]
    assert "SystemExit" in failed["ends"]
    assert "bool" in failed["wrong"]
    assert report.failed
    text = str(report)
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "checks failed" in text.splitlines()[-1]
    assert json.loads(json.dumps(report.to_dict()))["failed"] is True


@pytest.mark.parametrize(
    ("verdicts", "last"),
    [
        (["ok"], "everything is in order"),
        (["ok", "warning"], "no check failed, 1 warning"),
        (["failed", "warning", "warning"], "error: 1 check failed, 2 warnings"),
    ],
)
def test_last_line(host, verdicts, last):
    from inference_models_core.reports.doctor import CheckOutcome, DoctorReport

    check = HealthCheck(name="x", summary="x", check="x:x")
    plugin = PluginIdentity(name="x")
    outcomes = tuple(CheckOutcome(check=check, plugin=plugin, result=CheckResult(verdict=v)) for v in verdicts)
    report = DoctorReport(runtime=runtime_report(host), outcomes=outcomes)
    assert str(report).splitlines()[-1] == last
    assert report.failed is ("failed" in verdicts)


# Core's own checks


def test_every_check_of_core_gives_an_answer():
    for check in checks.HEALTH_CHECKS:
        assert isinstance(doctor.run(check), CheckResult)
        assert "the check itself failed" not in doctor.run(check).message


def record(name, status, **fields):
    return PluginRecord(
        identity=PluginIdentity(name=name, distribution=f"{name}-box", version="1"), status=status, **fields
    )


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ([record("a", Status.ACTIVE)], Verdict.OK),
        ([record("a", Status.ACTIVE), record("b", Status.BLOCKED, reason="switched off")], Verdict.OK),
        ([record("a", Status.ACTIVE, warnings=("odd",))], Verdict.WARNING),
        ([record("a", Status.BROKEN, reason="import failed", fix="pip install -U a-box")], Verdict.FAILED),
        ([record("a", Status.INCOMPATIBLE, reason="too new")], Verdict.FAILED),
        ([record("a", Status.CONFLICT, reason="twice")], Verdict.FAILED),
    ],
)
def test_plugins_check(records, verdict):
    result = checks.judge_plugins(records)
    assert result.verdict is verdict
    if verdict is Verdict.FAILED:
        assert records[0].reason in result.message
        assert result.fix == records[0].fix


def test_missing_required_plugin_fails(monkeypatch):
    from inference_models_core.plugins import host as host_module

    monkeypatch.setattr(host_module, "_host", None)
    monkeypatch.setenv("INFERENCE_MODELS_REQUIRE_PLUGINS", "nobody-has-this")
    result = checks.plugins()
    assert result.verdict is Verdict.FAILED
    assert "nobody-has-this" in result.message


def test_no_backend_fails_and_a_worse_one_warns(monkeypatch, host):
    from inference_models_core.plugins import host as host_module

    monkeypatch.setattr(host_module, "_host", PluginHost(discover=False))
    assert checks.backends().verdict is Verdict.FAILED
    assert "inference-models-core[onnx]" in checks.backends().fix
    monkeypatch.setattr(host_module, "_host", host)
    assert checks.backends() == CheckResult(verdict="ok", message="loopback")

    class Worse:
        @hookimpl
        def register_backends(self):
            from inference_models_core import BackendSpec

            yield BackendSpec(name="worse")

        @hookimpl
        def detect_backends(self):
            from inference_models_core import BackendReport

            yield BackendReport(backend="worse", availability="degraded", reason="GPU unused", fix="do it")

    host.register(Worse(), "worse")
    assert checks.backends() == CheckResult(verdict="warning", message="worse: GPU unused", fix="do it")


def installed(folder, name, files):
    info = folder / f"{name}-1.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("".join(f"{path},{digest},10\n" for path, digest in files.items()))
    return InstalledDistribution(name, "1", str(info))


def test_distributions_that_overwrite_each_other(tmp_path):
    found = [
        installed(
            tmp_path, "ort", {"ort/__init__.py": "sha256=a", "ort/capi/x.so": "sha256=b", "ort/y.py": "sha256=c"}
        ),
        installed(tmp_path, "ort-gpu", {"ort/__init__.py": "sha256=a", "ort/capi/x.so": "sha256=z"}),
        installed(
            tmp_path, "cv", {"cv2/__init__.py": "sha256=a", "../../bin/x.so": "sha256=1", "cv-1.dist-info/RECORD": ""}
        ),
        installed(tmp_path, "cv-headless", {"cv2/__init__.py": "sha256=b", "../../bin/x.so": "sha256=2"}),
        installed(tmp_path, "nv-a", {"nvidia/__init__.py": "sha256=e"}),
        installed(tmp_path, "nv-b", {"nvidia/__init__.py": "sha256=e", "ort/y.py": "sha256=d"}),
        InstalledDistribution("bare", "1", str(tmp_path / "nowhere")),
    ]
    assert overwritten_modules(found) == {"cv2": ("cv", "cv-headless"), "ort": ("ort", "ort-gpu")}
    assert overwritten_modules(reversed(found)) == overwritten_modules(found)


def test_files_check_names_the_cure(monkeypatch):
    import inference_models_core.builtin.overwritten as overwritten

    monkeypatch.setattr(overwritten, "overwritten_modules", lambda _: {"cv2": ("cv", "cv-headless")})
    result = checks.files()
    assert result.verdict is Verdict.WARNING
    assert "cv and cv-headless overwrite each other's module cv2" in result.message
    assert result.fix.startswith("pip uninstall -y cv cv-headless")


posix = pytest.mark.skipif(sys.platform == "win32", reason="mode bits")


@posix
def test_cache_folder(tmp_path, monkeypatch):
    folder = tmp_path / "made" / "later"
    monkeypatch.setattr(storage, "cache_folder", lambda: folder)
    facts = cache_facts()
    assert (facts.exists, facts.writable, facts.private) == (False, True, None)
    assert checks.cache().verdict is Verdict.OK
    assert not folder.exists(), "looking creates nothing"
    folder.mkdir(parents=True, mode=0o755)
    assert cache_facts().private is True
    folder.chmod(stat.S_IRWXU | stat.S_IWOTH)
    assert cache_facts().private is False
    assert checks.cache().verdict is Verdict.WARNING
    assert checks.cache().fix == f"chmod go-w {folder}"


@posix
def test_cache_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(storage, "cache_folder", lambda: tmp_path / "file")
    assert checks.cache().verdict is Verdict.FAILED
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if os.getuid() != 0:  # root may write anywhere
        assert not cache_facts(closed / "cache").writable


@pytest.mark.parametrize(("free", "verdict"), [(10**12, "ok"), (10**9, "warning"), (10**7, "failed")])
def test_disk(monkeypatch, free, verdict):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=free))
    assert checks.disk().verdict is Verdict(verdict)


@pytest.mark.parametrize(("name", "verdict"), [("CPython", "ok"), ("PyPy", "warning")])
def test_python(monkeypatch, name, verdict):
    monkeypatch.setattr("platform.python_implementation", lambda: name)
    assert checks.python().verdict is Verdict(verdict)
