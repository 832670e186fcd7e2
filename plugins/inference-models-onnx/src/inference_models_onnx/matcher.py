"""Can this runtime run that package? Pure, and fast enough for thousands of packages."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from inference_models_core.types.backends import Fit
from inference_models_core.types.negotiation import Rejection

from inference_models_onnx.builds import OLDEST_RUNTIME, gpu_line, upgrade_line
from inference_models_onnx.manifest import OnnxRequirements
from inference_models_onnx.opsets import ceiling, runtime_for
from inference_models_onnx.options import parse_options
from inference_models_onnx.providers import default_providers, device_kind, missing

if TYPE_CHECKING:
    from inference_models_core.types.backends import BackendReport
    from inference_models_core.types.packages import ModelPackage
    from inference_models_core.types.requests import LoadRequest

_NO_REQUIREMENTS = OnnxRequirements()


def match(package: ModelPackage, report: BackendReport, request: LoadRequest) -> Rejection | Fit:
    """Matches a package with the runtime of this machine.

    Args:
        package: The package; its ``requirements`` are :class:`~inference_models_onnx.manifest.OnnxRequirements`, or
            anything else for a package that says nothing.
        report: What was detected.
        request: What the caller asked for.

    Returns:
        A fit, preferring newer opsets a little; or a rejection with one of the codes ``runtime-too-old``,
        ``opset-too-new``, ``ir-version-too-new``, ``execution-provider-missing``, ``execution-provider-incompatible``,
        ``execution-provider-device``.

    Raises:
        InvalidRequestError: For options of this backend that do not exist or do not fit: the caller's typing mistake
            must not silently lead to another package.
    """
    requirements = package.requirements
    if not isinstance(requirements, OnnxRequirements):
        requirements = _NO_REQUIREMENTS
    verdict = _match_versions(
        requirements.opset, requirements.ir_version, report.version, report.capabilities.get("build", "")
    )
    if isinstance(verdict, Rejection):
        return verdict
    refusal = _match_providers(requirements.incompatible_providers, report, request)
    return verdict if refusal is None else refusal


@functools.lru_cache(maxsize=1024)
def _match_versions(opset: int | None, ir_version: int | None, version: str, build: str) -> Rejection | Fit:
    limits = ceiling(version)
    if limits.too_old:
        reason = f"ONNX Runtime {version} is older than {OLDEST_RUNTIME}"
        return Rejection(code="runtime-too-old", reason=reason, fix=upgrade_line(build, OLDEST_RUNTIME))
    upgrade = upgrade_line(build, runtime_for(opset, ir_version))
    if _exceeds(opset, limits.opset):
        reason = f"needs opset {opset}, ONNX Runtime {version} opens up to opset {limits.opset}"
        return Rejection(code="opset-too-new", reason=reason, fix=upgrade)
    if _exceeds(ir_version, limits.ir_version):
        reason = f"has ONNX file version {ir_version}, ONNX Runtime {version} opens up to {limits.ir_version}"
        return Rejection(code="ir-version-too-new", reason=reason, fix=upgrade)
    return Fit(preference=(opset or 0) / 100, note="" if opset is None else f"opset {opset}")


def _exceeds(found: int | None, newest: int | None) -> bool:
    return found is not None and newest is not None and found > newest


def _match_providers(incompatible: tuple[str, ...], report: BackendReport, request: LoadRequest) -> Rejection | None:
    options = request.options.backend_options.get("onnx")
    device = request.device
    kind = report.devices[0].kind if device.is_auto and report.devices else device.kind
    runtime = (report.capabilities.get("providers", ""), report.capabilities.get("build", ""))
    if not options:
        return _match_default_providers(kind, runtime, incompatible)
    named = parse_options(options).providers
    if named is None:
        return _match_default_providers(kind, runtime, incompatible)
    names = tuple(name for name, _ in named)
    if report.capabilities.get("examined") == "files":  # small providers inside the runtime: the session finds out
        inside = [name for name in names if device_kind(name) == "cpu"]
        runtime = (",".join((runtime[0], *inside)), runtime[1])
    return _match_named_providers(names, kind, runtime, incompatible)


@functools.lru_cache(maxsize=1024)
def _match_default_providers(kind: str, runtime: tuple[str, str], incompatible: tuple[str, ...]) -> Rejection | None:
    wanted = default_providers(kind)
    absent = missing(wanted, runtime[0].split(","))
    if not wanted or absent:
        return _missing(absent or (f"a provider for {kind!r}",), runtime, kind)
    return _incompatible(wanted, kind, incompatible)


@functools.lru_cache(maxsize=1024)
def _match_named_providers(
    names: tuple[str, ...], kind: str, runtime: tuple[str, str], incompatible: tuple[str, ...]
) -> Rejection | None:
    absent = missing(names, runtime[0].split(","))
    if absent:
        return _missing(absent, runtime, kind)
    if all(device_kind(name) != kind for name in names):
        return Rejection(
            code="execution-provider-device",
            reason=f"none of the providers {', '.join(names)} computes on {kind!r}",
            fix=f'pass device="{device_kind(names[0])}", or list a provider for {kind!r}',
        )
    return _incompatible(names, kind, incompatible)


def _missing(absent: tuple[str, ...], runtime: tuple[str, str], kind: str) -> Rejection:
    available, build = runtime
    gpu = kind == "cuda" or any(device_kind(name) == "cuda" for name in absent)
    return Rejection(
        code="execution-provider-missing",
        reason=f"this ONNX Runtime lacks {', '.join(absent)}; it has {available.replace(',', ', ') or 'none'}",
        fix=gpu_line(build) if gpu else "list only providers that this ONNX Runtime has",
    )


def _incompatible(wanted: tuple[str, ...], kind: str, incompatible: tuple[str, ...]) -> Rejection | None:
    # The CPU only takes what the others leave, so on an accelerator it does not count.
    clashing = [name for name in wanted if name in incompatible and (device_kind(name) == kind)]
    if not clashing:
        return None
    return Rejection(
        code="execution-provider-incompatible",
        reason=f"the package does not work with {', '.join(clashing)}",
        fix='pass device="cpu"' if kind != "cpu" else "choose other execution providers",
    )
