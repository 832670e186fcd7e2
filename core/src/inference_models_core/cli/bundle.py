"""``inference-models bundle``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inference_models_core.cli.base import LazyGroup, command
from inference_models_core.cli.load_options import CACHE_DIR, SHARED_CACHE, load_options
from inference_models_core.cli.output import emit_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

_HERE = "inference_models_core.cli.bundle"
_COMMANDS = {"create": f"{_HERE}:create", "import": f"{_HERE}:import_", "verify": f"{_HERE}:verify"}
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group("bundle", cls=LazyGroup, references=_COMMANDS)
def bundle() -> None:
    """Carry models to machines without a network."""


@command("create")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("-o", "--output", type=_FILE, required=True, help="The archive to write.")
@click.option("--all-packages", is_flag=True, help="Every package, also those that this machine cannot run.")
@load_options
def create(models: tuple[str, ...], *, output: Path, all_packages: bool, as_json: bool, **load: Any) -> None:
    """Write models into one archive.

    Fetches each MODEL as pull does, and writes its files, a description of it and a lock file into the archive.
    """
    from inference_models_core.bundles.create import create_bundle
    from inference_models_core.cli.pulling import pull_models
    from inference_models_core.reports.bundle import BundleReport

    pulled = pull_models(models, load, as_json=as_json, all_packages=all_packages)
    with _progress(output, as_json=as_json) as told:
        lockfile = create_bundle(output, pulled, told)
    emit_report(BundleReport(path=str(output), state="written", packages=lockfile.packages), as_json=as_json)


@command("import")
@click.argument("file", type=_FILE)
@CACHE_DIR
@SHARED_CACHE
def import_(file: Path, *, cache_dir: str | None, shared_cache: bool, as_json: bool) -> None:
    """Fill the cache from an archive.

    Uses no network. Every file is checked before it is used. What is imported counts as the answer of the models'
    provider: import only what you would install.
    """
    from inference_models_core.bundles.importing import import_bundle
    from inference_models_core.cli.without_model import request_without_model
    from inference_models_core.reports.bundle import BundleReport

    with _progress(file, as_json=as_json) as told:
        lockfile = import_bundle(file, request_without_model(cache_dir, shared_cache=shared_cache, offline=True), told)
    emit_report(BundleReport(path=str(file), state="imported", packages=lockfile.packages), as_json=as_json)


@command("verify")
@click.argument("file", type=_FILE)
def verify(file: Path, *, as_json: bool) -> None:
    """Read all of an archive and check every digest.

    Exit code 1 if anything is not as it should be.
    """
    from inference_models_core.bundles.importing import verify_bundle
    from inference_models_core.reports.bundle import BundleReport

    with _progress(file, as_json=as_json) as told:
        lockfile = verify_bundle(file, told)
    emit_report(BundleReport(path=str(file), state="undamaged", packages=lockfile.packages), as_json=as_json)


def _progress(file: Path, *, as_json: bool) -> AbstractContextManager[Callable[[int, int], None]]:
    """Shows how far a file is, to who watches; the value takes bytes done and bytes in all."""
    import contextlib

    from inference_models_core.cli.pulling import shown_progress
    from inference_models_core.download.display import download_display

    @contextlib.contextmanager
    def shown() -> Iterator[Callable[[int, int], None]]:
        with download_display(shown_progress(as_json=as_json)) as update:
            yield lambda done, total: update(file.name, done, total)

    return shown()
