"""Filling the cache for a command: progress for who watches, a line per package for who does not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.auto_model import load_request
from inference_models_core.cli.load_options import load_arguments
from inference_models_core.cli.output import echo_note
from inference_models_core.download.display import progress_wanted
from inference_models_core.reports.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inference_models_core.artifacts.pull import PulledPackage


def shown_progress(*, as_json: bool) -> bool:
    """Whether to show progress; not where standard output carries JSON to the same terminal."""
    return progress_wanted(None) and not (as_json and sys.stdout.isatty())


def pull_models(
    models: Iterable[str], load: dict[str, Any], *, as_json: bool, all_packages: bool = False
) -> tuple[PulledPackage, ...]:
    """Fetches the packages of models.

    Args:
        models: References as users write them.
        load: Values of the load options.
        as_json: Whether standard output carries JSON.
        all_packages: Whether to fetch every package, also those that this machine cannot run.
    """
    from inference_models_core.artifacts.pull import pull

    progress = shown_progress(as_json=as_json)
    pulled: list[PulledPackage] = []
    for model in models:
        request = load_request(model, **load_arguments(load))
        request = attrs.evolve(request, options=attrs.evolve(request.options, progress=progress))
        fetched = pull(request, all_packages=all_packages)
        if not progress:
            tell(fetched)
        pulled += fetched
    return tuple(pulled)


def tell(pulled: Iterable[PulledPackage]) -> None:
    """A line per package on standard error: logs of servers show what happened when."""
    for each in pulled:
        state = "fetched" if each.is_new else "was there"
        echo_note(f"{state}: {each.reference} package {each.package.package_id} ({format_bytes(each.size)})")
