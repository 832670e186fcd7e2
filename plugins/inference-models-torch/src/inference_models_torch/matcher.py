"""Can this PyTorch run that package? Pure, and fast enough for thousands of packages."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from inference_models_core.types.backends import Fit
from inference_models_core.types.negotiation import Rejection

from inference_models_torch.builds import OLDEST_RUNTIME, UPGRADE, is_older, release_of
from inference_models_torch.manifest import TorchRequirements
from inference_models_torch.options import parse_options

if TYPE_CHECKING:
    from inference_models_core.types.backends import BackendReport
    from inference_models_core.types.packages import ModelPackage
    from inference_models_core.types.requests import LoadRequest

_NO_REQUIREMENTS = TorchRequirements()


def match_torch_script(package: ModelPackage, report: BackendReport, request: LoadRequest) -> Rejection | Fit:
    """Matches a TorchScript package with the PyTorch of this machine.

    Args:
        package: The package; its ``requirements`` are :class:`~inference_models_torch.manifest.TorchRequirements`, or
            anything else for a package that says nothing.
        report: What was detected.
        request: What the caller asked for.

    Returns:
        A fit, preferring packages of newer releases a little; or a rejection with one of the codes
        ``runtime-too-old``, ``torch-too-old``, ``torchvision-missing``, ``torchvision-too-old``,
        ``device-not-supported``.

    Raises:
        InvalidRequestError: For options of this backend that do not exist or do not fit: the caller's typing mistake
            must not silently lead to another package.
    """
    options = request.options.backend_options.get("torch-script")
    if options:
        parse_options(options)
    needs = package.requirements if isinstance(package.requirements, TorchRequirements) else _NO_REQUIREMENTS
    device = request.device
    kind = report.devices[0].kind if device.is_auto and report.devices else device.kind
    return _match(needs, report.version, report.capabilities.get("torchvision", ""), kind)


def match_torch(package: ModelPackage, report: BackendReport, request: LoadRequest) -> Rejection | Fit:  # noqa: ARG001
    """Matches a package for eager PyTorch: any that is recent enough will do."""
    return _match(_NO_REQUIREMENTS, report.version, "", "")


@functools.lru_cache(maxsize=1024)
def _match(needs: TorchRequirements, version: str, torchvision: str, kind: str) -> Rejection | Fit:
    if is_older(version, OLDEST_RUNTIME):
        reason = (
            f"PyTorch {version} is older than {OLDEST_RUNTIME}: files can make it run code or corrupt memory "
            "(CVE-2025-32434, CVE-2026-24747)"
        )
        return Rejection(code="runtime-too-old", reason=reason, fix=UPGRADE)
    if is_older(version, needs.torch):
        reason = f"needs PyTorch {needs.torch}, {version} is installed"
        return Rejection(
            code="torch-too-old", reason=reason, fix=f'pip install --upgrade "torch>={_plain(needs.torch)}"'
        )
    refusal = _match_torchvision(needs.torchvision, torchvision) or _match_device(needs.devices, kind)
    if refusal is not None:
        return refusal
    major, minor, _ = release_of(needs.torch) or (0, 0, 0)
    return Fit(
        preference=(major * 100 + minor) / 10_000,
        note=f"exported with PyTorch {needs.torch}" if needs.torch else "",
    )


def _match_torchvision(needed: str, installed: str) -> Rejection | None:
    if not needed:
        return None
    wanted = f"torchvision>={_plain(needed)}" if needed != "0" else "torchvision"
    if not installed:
        reason = f"its graph uses operators of {wanted}, which is not installed"
        return Rejection(code="torchvision-missing", reason=reason, fix=f'pip install "{wanted}"')
    if is_older(installed, needed):
        reason = f"needs {wanted}, {installed} is installed"
        return Rejection(code="torchvision-too-old", reason=reason, fix=f'pip install --upgrade "{wanted}"')
    return None


def _match_device(supported: tuple[str, ...], kind: str) -> Rejection | None:
    if not supported or kind in supported:
        return None
    return Rejection(
        code="device-not-supported",
        reason=f"was made for {', '.join(supported)}, and would run on {kind!r}",
        fix=f'device="{supported[0]}"',
    )


def _plain(version: str) -> str:
    """A version that pip compares with: a local part such as ``+cu124`` is not allowed there."""
    return version.partition("+")[0]
