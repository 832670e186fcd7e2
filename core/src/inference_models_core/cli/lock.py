"""``inference-models lock`` and ``inference-models sync``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inference_models_core.cli.base import command
from inference_models_core.cli.load_options import CACHE_DIR, SHARED_CACHE, load_options
from inference_models_core.cli.output import emit_report

if TYPE_CHECKING:
    from inference_models_core.resolution.lockfile import Lockfile

_FILE = click.Path(dir_okay=False, path_type=Path)
_DEFAULT = Path("models.lock")
_READABLE = 0o644


@command("lock")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("-o", "--output", type=_FILE, default=_DEFAULT, show_default=True, help="The lock file.")
@click.option("--add", is_flag=True, help="Keep other packages of the same models: those for other machines.")
@click.option("--all-packages", is_flag=True, help="Lock every package, also those that this machine cannot run.")
@load_options
def lock(models: tuple[str, ...], *, output: Path, add: bool, all_packages: bool, as_json: bool, **load: Any) -> None:
    """Write down which packages are used.

    Fetches each MODEL as pull does and writes what it came to, down to the digest of each file. Models that are in the
    file and not named stay.
    """
    from inference_models_core.cli.pulling import pull_models
    from inference_models_core.reports.pulled import PulledReport, pulled_row
    from inference_models_core.resolution.lock_models import locked_package
    from inference_models_core.resolution.lockfile import Lockfile, read_lockfile

    before = read_lockfile(output) if output.exists() else Lockfile()
    pulled = pull_models(models, load, as_json=as_json, all_packages=all_packages)
    written = _write(output, before.updated(map(locked_package, pulled), keep_others=add))
    report = PulledReport(packages=map(pulled_row, pulled), lockfile=str(output), written=written)
    emit_report(report, as_json=as_json)


@command("sync")
@click.option("--lockfile", type=_FILE, default=_DEFAULT, show_default=True, help="The lock file.")
@click.option("--frozen", is_flag=True, help="Leave the file as it is; any difference is an error.")
@CACHE_DIR
@SHARED_CACHE
@click.option("--offline", is_flag=True, help="Use no network.")
def sync(
    *, lockfile: Path, frozen: bool, cache_dir: str | None, shared_cache: bool, offline: bool, as_json: bool
) -> None:
    """Fetch exactly what is locked.

    What differs from the file by now is resolved again and written to it; with --frozen it is an error that shows both
    sides.
    """
    from inference_models_core.cli.pulling import shown_progress, tell
    from inference_models_core.cli.without_model import request_without_model
    from inference_models_core.reports.pulled import PulledReport, pulled_row
    from inference_models_core.resolution.lock_models import sync as sync_models
    from inference_models_core.resolution.lockfile import read_lockfile

    progress = shown_progress(as_json=as_json)
    base = request_without_model(
        cache_dir, shared_cache=shared_cache, offline=offline, lockfile=str(lockfile), progress=progress
    )
    synced = sync_models(read_lockfile(lockfile), base, frozen=frozen)
    if not progress:
        tell(synced.pulled)
    written = not frozen and _write(lockfile, synced.lockfile)
    rows = map(pulled_row, synced.pulled)
    report = PulledReport(packages=rows, lockfile=str(lockfile), written=written, changes=synced.changes)
    emit_report(report, as_json=as_json)


def _write(path: Path, lockfile: Lockfile) -> bool:
    """Writes the file if that changes it."""
    from inference_models_core.resolution.lockfile import lockfile_text
    from inference_models_core.store.documents import write_file

    content = lockfile_text(lockfile).encode()
    if path.exists() and path.read_bytes() == content:
        return False
    write_file(path, content, _READABLE)
    return True
