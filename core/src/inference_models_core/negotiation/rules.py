"""One small function for each reason why a package is not used, in the order in which they are asked.

Each takes a package (or survivor) and its context and answers with a rejection or ``None``. All are pure: what
detection, matchers and the host's policy say comes in as values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from inference_models_core.arguments import nearest
from inference_models_core.negotiation import codes, trust
from inference_models_core.plugins.known import KNOWN_BACKENDS, install_command_for_backend
from inference_models_core.registry import owner_of
from inference_models_core.types.backends import BackendReport, Fit, FormatTier
from inference_models_core.types.negotiation import Rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inference_models_core.negotiation.context import RuntimeContext, ShortlistContext, Survivor
    from inference_models_core.types.packages import ModelPackage
    from inference_models_core.types.plugins import PluginIdentity

    ShortlistRule: TypeAlias = Callable[[ModelPackage, ShortlistContext], Rejection | None]
    RuntimeRule: TypeAlias = Callable[[Survivor, RuntimeContext], Rejection | None]

_INSTALL_FAMILY = "install a plugin that brings it; `inference-models list` shows what is registered"
_NO_WISH = Fit()


def unusable(package: ModelPackage, _: ShortlistContext) -> Rejection | None:
    """What reading its metadata found out; keeps that code."""
    return package.unusable


def duplicate_id(package: ModelPackage, context: ShortlistContext) -> Rejection | None:
    """Ids that stand for several packages."""
    if package.package_id not in context.duplicates:
        return None
    reason = "several packages of the model have this id, so it is unclear which is meant"
    return Rejection(code=codes.DUPLICATE_PACKAGE_ID, reason=reason)


def requested_package(package: ModelPackage, context: ShortlistContext) -> Rejection | None:
    """The one package that the caller named."""
    wanted = context.request.package_id
    if wanted is None or package.package_id == wanted:
        return None
    reason = f"model_package_id={wanted!r} was asked for"
    return Rejection(code=codes.NOT_REQUESTED_PACKAGE, reason=reason, fix="leave model_package_id= out")


def trusted(package: ModelPackage, context: ShortlistContext) -> Rejection | None:
    """Format against publisher; the tier of a backend that is not installed is unknown and asked about later."""
    spec = context.backend(package.backend).spec
    tier = spec.tier if spec else FormatTier.DATA
    return trust.check_trust(package, tier, context.request, provider_trusted=context.provider_trusted)


def local_code(package: ModelPackage, context: ShortlistContext) -> Rejection | None:
    """A model class inside the package."""
    return trust.check_local_code(package, context.request)


def requested_backend(package: ModelPackage, context: ShortlistContext) -> Rejection | None:
    """The backends that the caller named."""
    wanted = context.wanted_backends
    if wanted is None or context.request.package_id is not None or context.backend_name(package) in wanted:
        return None
    return Rejection(
        code=codes.BACKEND_NOT_REQUESTED,
        reason=f"it is for {package.backend!r}, and backend= allows {_listed(wanted)}",
        fix=_meant_backend(wanted, context) or f"leave backend= out or name {package.backend!r} in it",
    )


def installed_backend(package: ModelPackage, context: ShortlistContext) -> Rejection | None:
    """A backend that one plugin brings."""
    found = context.backend(package.backend)
    if found.spec is not None:
        return None
    if found.conflict:
        return _ambiguous(
            codes.AMBIGUOUS_BACKEND, f"backend {package.backend!r}", [plugin for _, plugin in found.conflict]
        )
    if package.local_code is not None:
        return None  # opens its files itself
    return Rejection(
        code=codes.BACKEND_NOT_INSTALLED,
        reason=f"no installed plugin brings the backend {package.backend!r}",
        fix=install_command_for_backend(package.backend),
    )


def implementation(package: ModelPackage, context: ShortlistContext) -> Rejection | None:
    """A registered class for architecture, task, backend and features."""
    found = context.row(package)
    if found.spec is not None or package.local_code is not None:
        return None
    if found.conflict:
        architecture, task = context.family(package)
        what = f"{architecture} {task} on {package.backend!r}"
        return _ambiguous(codes.AMBIGUOUS_IMPLEMENTATION, what, [plugin for _, plugin in found.conflict])
    return _unsupported_features(package, context) or _no_implementation(package, context)


def requirements(package: ModelPackage, context: ShortlistContext) -> Rejection | None:
    """Optional packages that the implementation needs."""
    row = context.row(package).spec
    missing = [name for name in row.requires_modules if name in context.missing_modules] if row is not None else ()
    if row is None or not missing:
        return None
    reason = f"{row.class_name} needs {' and '.join(missing)}, not installed here"
    return Rejection(code=codes.REQUIREMENTS_NOT_INSTALLED, reason=reason, fix=row.install_hint)


def quantization(package: ModelPackage, context: ShortlistContext) -> Rejection | None:
    """The precisions that the caller named, or the default ones."""
    if package.quantization in context.quantizations or context.request.package_id is not None:
        return None
    wish = context.request.quantizations
    precision = package.quantization or "unknown"
    if wish is None:
        reason = f"precision {precision} is used only when it is asked for"
    else:
        reason = f"its precision is {precision}, and quantization= allows {_listed(wish)}"
    return Rejection(code=codes.QUANTIZATION_NOT_REQUESTED, reason=reason, fix=f'quantization="{precision}"')


def batch_size(package: ModelPackage, context: ShortlistContext) -> Rejection | None:
    """Graphs that always compute more pictures than the caller's largest batch.

    Such a run would be padded, and cost memory and time that the caller did not mean to spend. A smaller batch is
    accepted and ranked last: the runner splits, and each run stays inside the caller's bound.
    """
    wish = context.request.batch_size
    smallest = package.batch.bounds[0]
    if wish is None or not package.batch.known or smallest <= wish[1] or context.request.package_id is not None:
        return None
    reason = f"each run computes at least {smallest} pictures, and batch_size= allows {wish[1]}"
    return Rejection(code=codes.BATCH_SIZE_UNSUPPORTED, reason=reason, fix=f"batch_size={smallest}")


def usable_backend(survivor: Survivor, context: RuntimeContext) -> Rejection | None:
    """A backend whose detection said yes."""
    report = context.report(survivor)
    if report is None:
        reason = f"plugin {survivor.backend.plugin} did not say whether {survivor.backend_name!r} can be used"
        return Rejection(code=codes.BACKEND_UNAVAILABLE, reason=reason)
    return None if report.usable else _unusable_backend(survivor, report)


def available_device(survivor: Survivor, context: RuntimeContext) -> Rejection | None:
    """A device that the backend can use; an explicit wish is never replaced by another device."""
    report = context.report(survivor)
    if report is None or context.device(report) is not None:
        return None
    wish, there = context.request.device, _listed(map(str, report.devices)) if report.devices else "no device at all"
    return Rejection(
        code=codes.DEVICE_UNAVAILABLE,
        reason=f"{survivor.backend_name} can use {there}, and device={str(wish)!r} was asked for",
        fix=report.fix or (f'device="{report.devices[0]}"' if report.devices else ""),
    )


def match(survivor: Survivor, report: BackendReport, context: RuntimeContext) -> Rejection | Fit:
    """The verdict of the backend's own matcher; a package with own code has none to please."""
    matcher = context.matchers.get(survivor.backend_name)
    if matcher is None or survivor.package.local_code is not None:
        return _NO_WISH
    verdict: object = matcher(survivor.package, report, context.request)
    if isinstance(verdict, (Fit, Rejection)):
        return verdict
    reason = f"the matcher of {survivor.backend.plugin} returned {type(verdict).__name__}, not a Fit or a Rejection"
    return Rejection(code=codes.MATCHER_FAILED, reason=reason)


def reviewed(survivor: Survivor, context: RuntimeContext) -> Rejection | None:
    """The policy of the host application; anything but a clear yes denies."""
    if context.review is None:
        return None
    verdict: object = context.review(survivor.package, context.request)
    if verdict is None or isinstance(verdict, Rejection):
        return verdict
    reason = f"the review returned {type(verdict).__name__}, not a Rejection or None"
    return Rejection(code=codes.POLICY_FAILED, reason=reason)


PACKAGE_RULES: tuple[ShortlistRule, ...] = (unusable, duplicate_id, requested_package, trusted, local_code)
"""First rules: on this very package."""

KIND_RULES: tuple[ShortlistRule, ...] = (
    requested_backend,
    installed_backend,
    implementation,
    requirements,
    quantization,
    batch_size,
)
"""Then rules that look at nothing but what ``context.kind_of`` names: asked once per kind."""

BACKEND_RULES: tuple[RuntimeRule, ...] = (usable_backend, available_device)
"""Then rules on what detection found out about the backend: asked once per backend.

In the end come :func:`match` and :func:`reviewed`, again on this very package.
"""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _meant_backend(wanted: Iterable[str], context: ShortlistContext) -> str:
    known = {*KNOWN_BACKENDS, *(spec.name for spec, _ in context.registry.backends)}
    misspelled = sorted(name for name in wanted if name not in known)
    meant = nearest(misspelled[0], sorted(known)) if misspelled else None
    return f"there is no backend {misspelled[0]!r}; did you mean {meant!r}?" if meant else ""


def _ambiguous(code: str, what: str, plugins: list[PluginIdentity]) -> Rejection:
    owners = list(dict.fromkeys(map(owner_of, plugins)))
    return Rejection(
        code=code,
        reason=f"{what} comes from {' and '.join(owners)} alike",
        fix=f'LoadOptions(prefer=("{owners[0]}",))',
    )


def _unsupported_features(package: ModelPackage, context: ShortlistContext) -> Rejection | None:
    architecture, task = context.family(package)
    rows = context.registry.rows(architecture or "", task or "", context.backend_name(package), context.prefer)
    if not rows:
        return None
    features = frozenset(package.features)
    gaps = [(sorted(features - row.supports_features - row.requires_features), row) for row, _ in rows]
    unknown, row = min(gaps, key=lambda gap: (len(gap[0]), gap[0], str(gap[1].implementation)))
    missing = sorted(row.requires_features - features)
    what = f"does not understand {', '.join(unknown)}" if unknown else f"needs {', '.join(missing)}"
    return Rejection(
        code=codes.UNSUPPORTED_FEATURES,
        reason=f"{row.class_name}, the nearest implementation of {architecture} {task}, {what}",
        fix="upgrade the plugin, or use another package",
    )


def _no_implementation(package: ModelPackage, context: ShortlistContext) -> Rejection:
    architecture, task = context.family(package)
    if architecture is None or task is None:
        unsaid = "architecture" if architecture is None else "task"
        return Rejection(
            code=codes.NO_IMPLEMENTATION,
            reason=f"the package does not say its {unsaid}",
            fix=f'LoadOptions({unsaid}="...")',
        )
    reason = f"nothing registered runs {architecture} {task} on {package.backend!r}"
    return Rejection(
        code=codes.NO_IMPLEMENTATION,
        reason=f"{reason}; {_nearest_rows(architecture, task, context)}",
        fix=_INSTALL_FAMILY,
    )


def _nearest_rows(architecture: str, task: str, context: ShortlistContext) -> str:
    table = context.registry.implementations()
    if (architecture, task) in table:
        backends = {row.backend or "any tensor backend" for row, _ in table[architecture, task]}
        return f"it runs on {_listed(backends)}"
    tasks = {known for family, known in table if family == architecture}
    if tasks:
        return f"{architecture} is registered for {_listed(tasks)}"
    close = context.suggest_architecture(architecture)
    return f"the nearest architecture is {close}" if close else "no such architecture is registered"


def _unusable_backend(survivor: Survivor, report: BackendReport) -> Rejection:
    spec = survivor.backend.spec
    hint = spec.install_hint if spec and report.code == codes.RUNTIME_NOT_INSTALLED else ""
    return Rejection(code=report.code or codes.BACKEND_UNAVAILABLE, reason=report.reason, fix=report.fix or hint)
