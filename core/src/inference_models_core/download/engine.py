"""From URLs to one verified file."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

from inference_models_core.download import ranged
from inference_models_core.download.donors import adopt
from inference_models_core.download.intervals import Intervals, gaps, length, prefix, union
from inference_models_core.download.job import Job
from inference_models_core.download.parts import VerifiedPart, create_part, remove_dead_parts
from inference_models_core.download.signals import StartAgainError
from inference_models_core.download.sources import Sources
from inference_models_core.download.stream import StreamDownload
from inference_models_core.download.values import DownloadLimits, RemoteFile
from inference_models_core.download.watchdog import Watchdog
from inference_models_core.errors import CacheError, DiskFullError, DownloadError, IntegrityError
from inference_models_core.network.retries import SYSTEM_CLOCK, Clock
from inference_models_core.store import files

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from inference_models_core.download.digests import Digests
    from inference_models_core.download.parts import Part
    from inference_models_core.network.client import HttpClient

__all__ = ["DownloadLimits", "RemoteFile", "VerifiedPart", "download", "remove_dead_parts"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MAX_RESTARTS = 2


def download(
    file: RemoteFile,
    folder: Path,
    *,
    client: HttpClient,
    limits: DownloadLimits,
    progress: Callable[[int], None],
    cancelled: threading.Event,
    refresh: Callable[[], Sequence[str]] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> VerifiedPart:
    """Fetches one file and verifies it.

    Nothing that an earlier download left is fetched again, and nothing is believed that the digest does not confirm.

    Args:
        file: What to fetch.
        folder: For the parts of this file and of no other; they outlive a process that is killed.
        client: The way to the network.
        limits: Bounds.
        progress: Called with the bytes that are on the disk; from several threads, one at a time.
        cancelled: Set it to end the download within a second; what has arrived stays for the next one.
        refresh: Asks for new URLs, once, when one is refused: signed URLs expire.
        clock: Time, sleep and chance.

    Returns:
        The file, on the disk and owned by the caller, who publishes and closes it.

    Raises:
        DownloadError: If it cannot be fetched, is larger than allowed, or was cancelled. DownloadRefusedError if no
            server gives it, UnsafeUrlError if its URL leads where it must not.
        IntegrityError: If what comes is not what was promised.
        DiskFullError: If there is no room for it.
        CacheError: If it cannot be written for another reason.
        OfflineError: If the network is forbidden.
    """
    _check_promise(file, limits)
    sources = Sources(file.name, file.urls, refresh)
    with _owned_part(file, folder) as part, Watchdog(limits, cancelled, clock) as watchdog:
        job = Job(file, part, sources, client, limits, clock, watchdog, progress)
        adopt(part, file, sources.keys)
        digests = _fetch_right_one(job)
        files.sync(part.fd)
        return VerifiedPart(part, digests.sha256, digests.size)


def _check_promise(file: RemoteFile, limits: DownloadLimits) -> None:
    if file.size is not None and file.size > limits.max_size:
        message = f"{file.name} has {file.size} bytes, at most {limits.max_size} are allowed"
        raise DownloadError(message, hint="allow more: LoadOptions(max_file_size=...)")


@contextmanager
def _owned_part(file: RemoteFile, folder: Path) -> Iterator[Part]:
    """A part that is kept when the download fails and may go on later, and removed when it would be in the way."""
    part: Part | None = None
    try:
        part = create_part(folder)
        yield part
    except BaseException as error:
        if part is not None:
            is_lost = isinstance(error, IntegrityError) or _is_of_disk(error)
            part.remove() if is_lost else part.release()
        if isinstance(error, OSError) and _is_of_disk(error):
            raise _disk_error(error, file, folder) from error
        raise


def _is_of_disk(error: BaseException) -> bool:
    """Errors of the network carry no number here, those of files do."""
    return isinstance(error, OSError) and error.errno is not None


def _disk_error(error: OSError, file: RemoteFile, folder: Path) -> CacheError:
    reason = error.strerror or os.strerror(error.errno or 0)
    if error.errno not in _FULL:
        return CacheError(f"{file.name} cannot be kept in {folder}: {reason}")
    available = shutil.disk_usage(folder).free
    return DiskFullError(
        f"{file.name} does not fit on the disk of {folder}: {reason}",
        path=folder,
        needed=file.size or 0,
        available=available,
        hint="free some space, or remove models that are not used: inference-models cache prune",
    )


def _fetch_right_one(job: Job) -> Digests:
    """Fetches until the content is the promised one: a wrong one costs one clean start, not more."""
    mismatch = ""
    for _ in range(2):
        digests = _fetch_one_content(job)
        mismatch = digests.mismatch() or ""
        if not mismatch:
            return digests
        job.start_again()
        job.sources.attempts.append(mismatch)
        job.sources.turn()
    raise IntegrityError(f"{job.file.name} is not what was promised: {mismatch}")


def _fetch_one_content(job: Job) -> Digests:
    """Fetches all bytes of one content; starts again if it changes meanwhile, in the end without ranges."""
    for restart in range(_MAX_RESTARTS + 1):
        try:
            return _fetch(job)
        except StartAgainError as change:
            reason = change.reason
            job.sources.attempts.append(reason)
            job.use_ranges = job.use_ranges and not change.without_ranges and restart == 0
            job.start_again()
    raise IntegrityError(f"{job.file.name} cannot be fetched in one piece: {reason}")


def _fetch(job: Job) -> Digests:
    done, size = _done(job), job.size
    if size is not None and _is_for_ranges(job, done, size):
        return ranged.RangedDownload(job, done, size).run()
    if job.note.done is not None:  # from here on the part is what it holds from the start, and nothing else
        files.truncate(job.part.fd, prefix(done))
        job.part.describe(attrs.evolve(job.note, done=None))
    return StreamDownload(job, prefix(done)).run()


def _is_for_ranges(job: Job, done: Intervals, size: int) -> bool:
    if not (job.use_ranges and ranged.POSSIBLE and job.limits.ranges > 1):
        return False
    missing = gaps(done, size)
    has_holes = bool(missing) and length(done) > prefix(done)
    return has_holes or length(missing) >= job.limits.range_threshold


def _done(job: Job) -> Intervals:
    there = os.fstat(job.part.fd).st_size
    return union([(0, there)]) if job.note.done is None else job.note.done
