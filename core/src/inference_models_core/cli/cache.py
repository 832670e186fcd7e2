"""``inference-models cache``."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

import click

from inference_models_core.cli.base import LazyGroup, command
from inference_models_core.cli.load_options import CACHE_DIR, SHARED_CACHE
from inference_models_core.cli.output import emit_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inference_models_core.resolution.scope import Scope
    from inference_models_core.store.store import Store

_HERE = "inference_models_core.cli.cache"
_COMMANDS = {
    "ls": f"{_HERE}:list_packages",
    "info": f"{_HERE}:info",
    "verify": f"{_HERE}:verify",
    "prune": f"{_HERE}:prune",
    "rm": f"{_HERE}:remove",
    "clear": f"{_HERE}:clear",
}


@click.group("cache", cls=LazyGroup, references=_COMMANDS)
def cache() -> None:
    """Look after the files that were fetched."""


def _with_store(function: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that say which cache; the command gets it as ``store``."""

    @CACHE_DIR
    @SHARED_CACHE
    @functools.wraps(function)
    def run(*arguments: Any, cache_dir: str | None, shared_cache: bool, **options: Any) -> None:
        from inference_models_core.cli.without_model import existing_cache

        function(*arguments, store=existing_cache(cache_dir, shared_cache=shared_cache), **options)

    return run


class _Quantity(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic in newer versions only
    """An option value with a unit, read by one of the parsers of ``reports.units``."""

    def __init__(self, name: str, parser: str) -> None:
        self.name = name
        self._parser = parser

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        from inference_models_core.errors import InvalidRequestError
        from inference_models_core.reports import units

        try:
            return getattr(units, self._parser)(value) if isinstance(value, str) else value
        except InvalidRequestError as error:
            return self.fail(error.message, param, ctx)


@command("ls")
@_with_store
def list_packages(*, store: Store, as_json: bool) -> None:
    """List the packages in the cache, most recently used first."""
    from inference_models_core.reports.cache import CachedPackagesReport
    from inference_models_core.store.inventory import cached_packages

    emit_report(CachedPackagesReport(packages=cached_packages(store)), as_json=as_json)


@command("info")
@_with_store
def info(*, store: Store, as_json: bool) -> None:
    """Show where the cache is and what takes room in it."""
    from inference_models_core.reports.cache import CacheReport
    from inference_models_core.store.inventory import cached_packages, usage

    report = CacheReport(
        usage=usage(store),
        unique_bytes=sum(package.unique_bytes for package in cached_packages(store)),
        writable=store.writable,
        shared=store.shared,
        exists=store.root.is_dir(),
    )
    emit_report(report, as_json=as_json)


@command("verify")
@_with_store
def verify(*, store: Store, as_json: bool) -> None:
    """Read every file in the cache and check its digest.

    Damaged files are put aside, and the next pull or load fetches them again. Exit code 1 if there are any.
    """
    from inference_models_core.reports.cache import VerificationReport
    from inference_models_core.store.inventory import cached_packages
    from inference_models_core.store.verifying import verify_all

    before = cached_packages(store)
    verification = verify_all(store)
    damaged = {finding.path for finding in verification.findings}
    broken = [each for each in before if each.model_id and each.directory in damaged]
    models = sorted({f"{each.provider}://{each.model_id}" for each in broken})
    report = VerificationReport(verification=verification, models=models, writable=store.writable)
    emit_report(report, as_json=as_json)
    if verification.findings:
        click.get_current_context().exit(1)


@command("prune")
@click.option("--keep", type=_Quantity("size", "parse_bytes"), metavar="SIZE", help="Most room it may take: 20GB.")
@click.option("--older-than", type=_Quantity("age", "parse_seconds"), metavar="AGE", help="Also what is unused: 30d.")
@click.option("--dry-run", is_flag=True, help="Only say which packages would go.")
@_with_store
def prune(*, store: Store, keep: int | None, older_than: float | None, dry_run: bool, as_json: bool) -> None:
    """Remove what nobody needs.

    Unfinished downloads of dead processes, files without a package, and damaged files after a week go in any case;
    packages only as the options say, those that were not used for longest first. What is in use stays.
    """
    from inference_models_core.reports.cache import expected_removal, removal_report
    from inference_models_core.store.collect import prune as collect
    from inference_models_core.store.inventory import cached_packages, usage

    before = cached_packages(store)
    if dry_run:
        report = expected_removal(before, usage(store).total, keep, older_than, time.time())
    else:
        report = removal_report(before, collect(store, keep_bytes=keep, older_than=older_than))
    emit_report(report, as_json=as_json)


@command("rm")
@click.argument("model")
@click.option("--package", "package_id", metavar="ID", help="Only this package.")
@_with_store
def remove(model: str, *, store: Store, package_id: str | None, as_json: bool) -> None:
    """Remove a model from the cache.

    MODEL is an id, or provider://id where several providers have it. What is in use stays. Without --package, what was
    remembered of the model goes too, also which digests its provider once promised.
    """
    from inference_models_core.reports.cache import removal_report
    from inference_models_core.store.collect import remove_model
    from inference_models_core.store.inventory import cached_packages

    before = cached_packages(store)
    provider, model_id = _only_model(model, {(each.provider, each.model_id) for each in before} | _remembered(store))
    removed = remove_model(store, provider, model_id, package_id)
    if package_id is None:
        _forget(store, [(provider, model_id)])
    emit_report(removal_report(before, removed), as_json=as_json)


@command("clear")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@_with_store
def clear(*, store: Store, yes: bool, as_json: bool) -> None:
    """Remove everything that can be fetched again and is not in use."""
    from inference_models_core.reports.cache import removal_report
    from inference_models_core.store.collect import clear as remove_all
    from inference_models_core.store.inventory import cached_packages

    before = cached_packages(store)
    if not yes:
        click.confirm(f"Remove {len(before)} packages from {store.root}?", abort=True, err=True)
    removed = remove_all(store)
    _forget(store, {(each.provider, each.model_id) for each in before if each.provider and each.model_id})
    emit_report(removal_report(before, removed), as_json=as_json)


def _forget(store: Store, models: Iterable[tuple[str, str]]) -> None:
    """Gives up what was remembered of models that were removed on purpose."""
    from inference_models_core.resolution.forgetting import forget

    for provider, model_id in models:
        forget(_scope(store), provider, model_id)


def _remembered(store: Store) -> frozenset[tuple[str, str]]:
    """Also models without a package here: their digests may be pinned, and what was chosen be remembered."""
    from inference_models_core.resolution.forgetting import remembered_models

    return remembered_models(_scope(store))


def _scope(store: Store) -> Scope:
    from inference_models_core.resolution.scope import Scope

    return Scope(store.root, writable=store.writable, shared=store.shared)


def _only_model(text: str, models: Iterable[tuple[str | None, str | None]]) -> tuple[str, str]:
    """Provider and id of the one model that is meant.

    Raises:
        ModelNotFoundError: If none is.
        AmbiguousProviderError: If several are.
    """
    from inference_models_core.errors import AmbiguousProviderError, ModelNotFoundError
    from inference_models_core.reference import parse_reference

    ref = parse_reference(text)
    meant = {
        (provider, model_id)
        for provider, model_id in models
        if provider and model_id and model_id == ref.model_id and ref.scheme in (None, provider)
    }
    if not meant:
        raise ModelNotFoundError(f"{text} is not in the cache", hint="see what is: inference-models cache ls")
    if len(meant) > 1:
        spellings = ", ".join(sorted(f"{provider}://{model_id}" for provider, model_id in meant))
        raise AmbiguousProviderError(f"{text} is there from several providers", hint=f"write one of: {spellings}")
    return meant.pop()
