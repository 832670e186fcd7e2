"""``inference-models list``."""

from __future__ import annotations

import click

from inference_models_core.cli.base import command
from inference_models_core.cli.load_options import CACHE_DIR, SHARED_CACHE
from inference_models_core.cli.output import emit_report


@command("list")
@click.argument("text", required=False, default="")
@click.option("--rows", is_flag=True, help="Only the registered implementations.")
@click.option("--provider", metavar="NAME", help="Only the models of this weights provider.")
@click.option("--task", metavar="NAME", help="Only this task, such as object-detection.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Most models per provider.")
@click.option("--offline", is_flag=True, help="Use no network.")
@CACHE_DIR
@SHARED_CACHE
def list_models(
    text: str,
    *,
    rows: bool,
    provider: str | None,
    task: str | None,
    limit: int,
    offline: bool,
    cache_dir: str | None,
    shared_cache: bool,
    as_json: bool,
) -> None:
    """List models and registered implementations.

    Models come from the cache and from the weights providers that can list, implementations from the installed plugins.
    TEXT is a part of the model's id or of the architecture.
    """
    from inference_models_core import settings
    from inference_models_core.cli.without_model import existing_cache
    from inference_models_core.plugins.host import get_host
    from inference_models_core.reports.listing import (
        ListingQuery,
        ListingReport,
        list_cached,
        list_providers,
        list_rows,
    )
    from inference_models_core.runtime.modules import missing_modules
    from inference_models_core.store.inventory import cached_packages

    if rows and provider:
        raise click.UsageError("--rows and --provider exclude each other")
    registry = get_host().registry()
    query = ListingQuery(text=text, task=task, limit=limit, offline=offline or settings.offline())
    kept = () if rows or task else cached_packages(existing_cache(cache_dir, shared_cache=shared_cache))
    report = ListingReport(
        cached=None if rows or task else list_cached(kept, query, provider),
        providers=None if rows else list_providers(registry, query, provider),
        rows=None if provider else list_rows(registry, query),
        missing_modules=missing_modules(registry.required_modules),
    )
    emit_report(report, as_json=as_json)
