"""``inference-models plugins``."""

from __future__ import annotations

import click

from inference_models_core.cli.base import LazyGroup, command
from inference_models_core.cli.output import emit_report


@click.group("plugins", cls=LazyGroup, references={"list": "inference_models_core.cli.plugins:list_plugins"})
def plugins() -> None:
    """Look after plugins."""


@command("list")
@click.option(
    "--no-import", "only_look", is_flag=True, help="Read metadata only; works when a plugin hangs or crashes."
)
def list_plugins(*, only_look: bool, as_json: bool) -> None:
    """List the installed plugins.

    For each that is not active, the reason and what would mend it.
    """
    if only_look:
        from inference_models_core.reports.plugins import found_plugins

        emit_report(found_plugins(), as_json=as_json)
        return
    from inference_models_core.plugins.host import get_host
    from inference_models_core.reports.plugins import PluginsReport

    emit_report(PluginsReport(records=get_host().records()), as_json=as_json)
