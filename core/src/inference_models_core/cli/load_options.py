"""The options of every command that looks for a model: the arguments of ``AutoModel.from_pretrained``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CommandFunction = TypeVar("CommandFunction", bound="Callable[..., None]")

_RARE = ("architecture", "task", "class_names", "allow_url_input", "lockfile", "shared_cache", "verify")
"""Arguments that sit in ``LoadOptions``."""


def key_value(given: str) -> tuple[str, Any]:
    """Reads ``key=value``; the value as JSON where it is JSON, else as text.

    Raises:
        click.BadParameter: If there is no key or no ``=``.
    """
    key, separator, text = given.partition("=")
    if not separator or not key.strip():
        raise click.BadParameter(f"{given!r} is not of the form key=value")
    return key.strip().replace("-", "_"), _json_or_text(text)


def _json_or_text(text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text


def _names(_: click.Context, __: click.Parameter, values: Iterable[str]) -> tuple[str, ...] | None:
    """Several options or one with commas: the same list; ``None`` if there is nothing."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip()) or None


CACHE_DIR = click.option("--cache-dir", type=click.Path(file_okay=False), help="Where downloads are kept.")
SHARED_CACHE = click.option("--shared-cache", is_flag=True, help="The cache belongs to a group of users.")
_OPTIONS = (
    click.option("--weights-provider", metavar="NAME", help="Where to look for the model."),
    click.option("--revision", help="Version of the model, where its provider has versions."),
    click.option("--backend", multiple=True, callback=_names, metavar="NAME", help="Backends to allow, best first."),
    click.option("--device", metavar="DEVICE", help='Where to compute: "auto", "cpu", "cuda", "cuda:1".'),
    click.option(
        "--quantization", multiple=True, callback=_names, metavar="NAME", help="Precisions to allow, best first."
    ),
    click.option("--batch-size", type=click.IntRange(min=1), metavar="N", help="Batch that must run in one go."),
    click.option("--package", "model_package_id", metavar="ID", help="The one package to use."),
    click.option("--architecture", metavar="NAME", help="Family of a file that does not say."),
    click.option("--task", metavar="NAME", help="Task of a file that does not say."),
    click.option(
        "--class-names", multiple=True, callback=_names, metavar="A,B,...", help="Classes of a file that does not say."
    ),
    CACHE_DIR,
    SHARED_CACHE,
    click.option("--offline", "local_files_only", is_flag=True, help="Use no network."),
    click.option("--lockfile", type=click.Path(dir_okay=False), help="Take only what this models.lock says."),
    click.option("--verify", type=click.Choice(["stamp", "full"]), help="How to check cached files; full: read them."),
    click.option("--force-download", is_flag=True, help="Download again."),
    click.option("--allow-untrusted-packages", is_flag=True, help="Open program-like formats of anybody."),
    click.option("--allow-local-code-packages", is_flag=True, help="Run the code of a local folder."),
    click.option("--fallback", type=click.Choice(["compatible", "none"]), help="Whether the next package may try."),
    click.option(
        "--model-option",
        "model_options",
        multiple=True,
        type=key_value,
        metavar="KEY=VALUE",
        help="Argument of the model's class; may be repeated.",
    ),
)


def load_options(function: CommandFunction) -> CommandFunction:
    """Adds the options; the command gets them by the names of ``AutoModel.from_pretrained``."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def load_arguments(given: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments for ``AutoModel.from_pretrained``.

    Args:
        given: Values of the options of :func:`load_options`.

    Returns:
        Those that the user set, the rare ones in ``options``, those of ``--model-option`` by their own names.
    """
    from inference_models_core.types.requests import LoadOptions

    given = dict(given)
    model_options = dict(given.pop("model_options", ()))
    rare = {name: given.pop(name) for name in _RARE if given.get(name) and name in given}
    arguments = {name: value for name, value in given.items() if value not in (None, False) and name not in _RARE}
    if rare:
        arguments["options"] = LoadOptions(**rare)
    return {**model_options, **arguments}
