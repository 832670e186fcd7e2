"""Fetches the files of a package that the cache does not have, several at a time."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from inference_models_core.artifacts.cached import has_blob, is_promised, stored_files
from inference_models_core.artifacts.identity import artifact_key
from inference_models_core.artifacts.urls import UrlSource
from inference_models_core.download.display import download_display
from inference_models_core.download.engine import DownloadLimits, RemoteFile, download
from inference_models_core.download.workers import run_parallel
from inference_models_core.errors import CorruptedCacheError
from inference_models_core.network.client import HttpClient
from inference_models_core.types.events import DownloadProgressEvent

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from inference_models_core.planning import Plan
    from inference_models_core.store.store import Store, StoredFile
    from inference_models_core.types.packages import Artifact, ModelPackage

PARALLEL_FILES = 4


def fetch_files(plan: Plan, store: Store, package: ModelPackage) -> tuple[StoredFile, ...]:
    """Fetches and verifies what is missing.

    Args:
        plan: What the request came to.
        store: Where the files go.
        package: Whose files.

    Returns:
        All files of the package, each a blob of the store.

    Raises:
        DownloadError: If a file cannot be fetched.
        IntegrityError: If what arrives is not what was promised.
        DiskFullError: If there is no room; before the first byte where sizes are known.
    """
    unhashed = plan.request.options.allow_unhashed_files
    wanted = {artifact_key(artifact, allow_unhashed=unhashed): artifact for artifact in package.artifacts}
    missing = {key: artifact for key, artifact in wanted.items() if _is_missing(plan, store, artifact)}
    if missing:
        _fetch(plan, store, package, missing)
    files = stored_files(store, package, allow_unhashed=unhashed)
    if files is None:
        raise CorruptedCacheError(
            f"files of package {package.package_id} vanished from {store.root} while it was filled"
        )
    return files


def _is_missing(plan: Plan, store: Store, artifact: Artifact) -> bool:
    if plan.request.force_download:
        return True
    return not has_blob(store, artifact, allow_unhashed=plan.request.options.allow_unhashed_files)


def _fetch(plan: Plan, store: Store, package: ModelPackage, missing: dict[str, Artifact]) -> None:
    store.reserve(sum(artifact.size or 0 for artifact in missing.values()))
    access = plan.found.metadata.download_access
    urls = UrlSource(plan, package)
    with (
        HttpClient(origins=access.origins, headers=access.headers, offline=plan.request.offline) as client,
        download_display(plan.request.options.progress) as display,
    ):
        tasks = [
            functools.partial(_fetch_one, plan, store, client, key, artifact, urls, _Reporter(plan, artifact, display))
            for key, artifact in missing.items()
        ]
        run_parallel(tasks, PARALLEL_FILES)


def _fetch_one(
    plan: Plan,
    store: Store,
    client: HttpClient,
    key: str,
    artifact: Artifact,
    urls: UrlSource,
    report: Callable[[int], None],
    cancelled: threading.Event,
) -> None:
    """One file under its lock: whoever waited finds it there."""
    with store.lock(key):
        if not _is_missing(plan, store, artifact):
            return
        part = download(
            RemoteFile(
                name=artifact.handle, urls=artifact.urls, sha256=artifact.sha256, md5=artifact.md5, size=artifact.size
            ),
            store.part_folder(key),
            client=client,
            limits=DownloadLimits(max_size=plan.request.options.max_file_size),
            progress=report,
            cancelled=cancelled,
            refresh=functools.partial(urls.again, artifact),
        )
        try:
            store.publish(part.path, None, part.sha256, part.size)
            if not is_promised(artifact):
                store.remember_digest(key, part.sha256, part.size)
        finally:
            part.close()


class _Reporter:
    """Tells observers and the display how far one file is, at most every MiB."""

    _STEP = 1 << 20

    def __init__(self, plan: Plan, artifact: Artifact, display: Callable[[str, int, int | None], None]) -> None:
        self._plan = plan
        self._artifact = artifact
        self._display = display
        self._told = -1

    def __call__(self, received: int) -> None:
        is_last = received == self._artifact.size
        if received - self._told < self._STEP and self._told >= 0 and not is_last:
            return
        self._told = received
        self._display(self._artifact.handle, received, self._artifact.size)
        if self._plan.host.is_observed:
            self._plan.host.emit(
                DownloadProgressEvent(
                    model_id=self._plan.model_id,
                    handle=self._artifact.handle,
                    received=received,
                    total=self._artifact.size,
                )
            )
