"""What every plugin must hold: light to import, same answers each time, references that lead somewhere."""

from __future__ import annotations

import functools
import importlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from inference_models_core.hookspecs import InferenceModelsSpecs
from inference_models_core.plugins.host import PluginHost
from inference_models_core.plugins.records import Status

if TYPE_CHECKING:
    from inference_models_core.plugins.records import PluginRecord

HEAVY_MODULES = (
    "PIL", "cv2", "mediapipe", "numpy", "onnxruntime", "pandas", "requests", "rich", "scipy", "tensorrt", "torch",
    "torchvision", "transformers",
)  # fmt: skip
"""Never imported by ``plugin.py`` or by a hook that describes."""

_DESCRIBING = (
    "register_backends",
    "register_models",
    "register_pipelines",
    "register_weights_providers",
    "register_health_checks",
)

_IMPORT_SCRIPT = """
import importlib, json, sys
plugin = importlib.import_module(sys.argv[1])
for hook in sys.argv[2].split(","):
    function = getattr(plugin, hook, None)
    if function is not None:
        tuple(function())
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@functools.cache
def _installed_host() -> PluginHost:
    return PluginHost()


class PluginConformance:
    """Subclass it, name the plugin, and pytest runs the tests.

    Attributes:
        plugin_name: Name of the entry point.
        allowed_modules: Top-level modules that the plugin may import while describing itself, besides the standard
            library, core, what core's value types need, and its own package.
    """

    plugin_name: ClassVar[str] = ""
    allowed_modules: ClassVar[frozenset[str]] = frozenset()

    @pytest.fixture
    def record(self) -> PluginRecord:
        """The plugin's record in a host that has found what is installed."""
        records = {record.identity.name: record for record in _installed_host().records()}
        assert self.plugin_name in records, f"no entry point {self.plugin_name!r}; found: {', '.join(records)}"
        return records[self.plugin_name]

    @pytest.fixture
    def module(self, record: PluginRecord) -> Any:
        """The plugin's module."""
        return importlib.import_module(record.value)

    def test_is_active(self, record: PluginRecord) -> None:
        """The host accepts it without a warning."""
        assert record.status is Status.ACTIVE, record.reason
        assert not record.warnings

    def test_states_its_api_version(self, module: Any) -> None:
        """As a text such as ``"0.1"``."""
        assert isinstance(module.INFERENCE_MODELS_API, str)

    def test_describes_itself_without_heavy_imports(self, record: PluginRecord) -> None:
        """In a fresh interpreter: nothing but core's values, the standard library and its own modules."""
        imported = _imported_modules(record.value)
        own = record.value.partition(".")[0]
        standard = sys.stdlib_module_names | _modules_of_core()
        foreign = imported - standard - self.allowed_modules - {own}
        assert not foreign, f"importing {record.value} and asking what it brings imports {sorted(foreign)}"
        assert not imported & set(HEAVY_MODULES)

    @pytest.mark.parametrize("hook", _DESCRIBING)
    def test_hooks_give_the_same_answer_each_time(self, module: Any, hook: str) -> None:
        """A host may ask again after a refresh."""
        function = getattr(module, hook, None)
        if function is None:
            pytest.skip(f"the plugin does not have {hook}")
        assert tuple(function()) == tuple(function())

    def test_hooks_are_marked(self, module: Any) -> None:
        """A function named like a hook without ``@hookimpl`` would never be called."""
        names = {name for name in vars(InferenceModelsSpecs) if not name.startswith("_")}
        unmarked = [n for n in names if hasattr(module, n) and not hasattr(getattr(module, n), "inference_models_impl")]
        assert not unmarked

    def test_references_lead_to_objects(self, module: Any) -> None:
        """Every text reference can be imported where the runtime is installed."""
        for hook in _DESCRIBING:
            for spec in tuple(getattr(module, hook, tuple)()):
                for reference in _references(spec):
                    assert reference.load() is not None

    def test_reports_on_its_own_backends(self, module: Any) -> None:
        """Each backend gets a report; one that is not available says why."""
        names = [spec.name for spec in tuple(getattr(module, "register_backends", tuple)())]
        if not names:
            pytest.skip("the plugin brings no backend")
        reports = _installed_host().detect(names)
        assert set(reports) == set(names)
        assert all(report.usable or report.reason for report in reports.values())


def _imported_modules(module: str) -> set[str]:
    command = [sys.executable, "-c", _IMPORT_SCRIPT, module, ",".join(_DESCRIBING)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
    assert finished.returncode == 0, finished.stderr
    return set(json.loads(finished.stdout.splitlines()[-1]))


@functools.cache
def _modules_of_core() -> set[str]:
    """What a process has that imports every value type; measured, so that it follows core and its dependencies."""
    names = "access backends devices events health models negotiation packages preprocessing providers requests tensors"
    imports = ",".join(f"inference_models_core.types.{name}" for name in names.split())
    script = f"import sys, json, inference_models_core.hookspecs, {imports}; print(json.dumps(list(sys.modules)))"
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 - our own interpreter
    return {name.partition(".")[0] for name in json.loads(finished.stdout)}


def _references(spec: Any) -> list[Any]:
    from inference_models_core.object_ref import ObjectRef

    values = [getattr(spec, field.name) for field in spec.__attrs_attrs__]
    nested = [ref for value in values if isinstance(value, dict) for ref in value.values()]
    return [value for value in (*values, *nested) if isinstance(value, ObjectRef)]
