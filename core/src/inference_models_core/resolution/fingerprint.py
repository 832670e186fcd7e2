"""What a choice depends on beside the request: this machine, what is installed on it, and which plugins are active.

Everything comes from metadata, from files and from what the probe knows: no runtime is imported. The fingerprint
covers more than it must, because the price of a difference that does not matter is one more look at the provider, and
the price of one that is missed is a GPU that stays unused for a day after its missing library was installed.
"""

from __future__ import annotations

import os
import sys
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_models_core.plugins.host import PluginHost
    from inference_models_core.registry import Registry
    from inference_models_core.runtime.probe import RuntimeProbe

DEVICE_VARIABLES = (
    "CUDA_DEVICE_ORDER",
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "INFERENCE_MODELS_OVERRIDE_CUDA",
    "JETSON_MODULE",
    "L4T_VERSION",
    "NVIDIA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "RUNNING_ON_JETSON",
)
"""Environment variables that decide which devices a runtime finds."""

SEARCH_VARIABLES = ("PATH",) if sys.platform == "win32" else ("LD_LIBRARY_PATH",)
"""Where libraries are looked for."""

_SEARCH_AT_START = {name: os.environ[name] for name in SEARCH_VARIABLES if name in os.environ}
"""As they were before any model was loaded. Loading changes them, importing OpenCV for one; what was chosen has to be
remembered under the name under which the next process looks for it."""

_LIBRARY_INDEX = "/etc/ld.so.cache"
"""Rewritten by ``ldconfig`` whenever a package manager of the system installs a library."""

_known: weakref.WeakKeyDictionary[PluginHost, tuple[Registry, Mapping[str, str], str]] = weakref.WeakKeyDictionary()


def machine_fingerprint(host: PluginHost) -> str:
    """One digest for the machine and everything installed on it, worked out once for each state of a host.

    Args:
        host: The plugins.

    Returns:
        64 lower-case hex digits.
    """
    registry, environ = host.registry(), variables()
    known = _known.get(host)
    if known is None or known[0] is not registry or known[1] != environ:
        known = _known[host] = registry, environ, _digest(fingerprint_facts(host))
    return known[2]


def fingerprint_facts(host: PluginHost) -> dict[str, Any]:
    """What the fingerprint is made of, as plain JSON values."""
    return {
        "python": [sys.implementation.name, *sys.version_info[:3]],
        "platform": [sys.platform, _processor()],
        "installed": sorted(host.installed_versions().items()),
        "plugins": sorted(
            [record.identity.name, record.identity.distribution, record.identity.version, record.value]
            for record in host.records()
            if record.active
        ),
        "runtimes": sorted((name, host.installed_version(name)) for name in _runtimes(host)),
        "libraries": _library_index(),
        "gpus": _gpus(host.probe),
        "variables": variables(),
    }


def variables() -> dict[str, str]:
    """The variables that count, those of them that are set."""
    return {**_SEARCH_AT_START, **{name: os.environ[name] for name in DEVICE_VARIABLES if name in os.environ}}


def _runtimes(host: PluginHost) -> set[str]:
    """Distributions of runtimes; the scan of folder names does not know the version of every one of them."""
    from inference_models_core.plugins.requirements import requirement_name

    return {requirement_name(text) for spec, _ in host.backends() for text in spec.requires_any}


def _processor() -> str:
    return os.uname().machine if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", "")


def _library_index() -> list[int]:
    try:
        facts = os.stat(_LIBRARY_INDEX)  # noqa: PTH116 - pathlib may not be imported yet
    except OSError:
        return []
    return [facts.st_size, facts.st_mtime_ns]


def _gpus(probe: RuntimeProbe) -> list[Any]:
    """GPUs in the order of CUDA, and their driver; the driver is not looked for where there is no GPU."""
    gpus = probe.gpus()
    models = [[gpu.name, gpu.compute_capability and list(gpu.compute_capability)] for gpu in gpus]
    return [probe.driver_version(), *models] if gpus else []


def _digest(facts: Mapping[str, Any]) -> str:
    import hashlib
    import json

    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
