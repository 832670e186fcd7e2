"""The command group: what there is, imported only when it is called."""

from __future__ import annotations

import click

from inference_models_core.__about__ import __version__
from inference_models_core.cli.base import LazyGroup

_COMMANDS = {
    "predict": "inference_models_core.cli.predict:predict",
    "plan": "inference_models_core.cli.plan:plan",
    "describe": "inference_models_core.cli.describe:describe",
    "pull": "inference_models_core.cli.pull:pull",
    "list": "inference_models_core.cli.list_models:list_models",
    "cache": "inference_models_core.cli.cache:cache",
    "lock": "inference_models_core.cli.lock:lock",
    "sync": "inference_models_core.cli.lock:sync",
    "bundle": "inference_models_core.cli.bundle:bundle",
    "verify": "inference_models_core.cli.verify:verify",
    "doctor": "inference_models_core.cli.doctor:doctor",
    "plugins": "inference_models_core.cli.plugins:plugins",
}


@click.group(cls=LazyGroup, references=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Load and run vision models; plugins bring the runtimes, the model families and the weights."""
