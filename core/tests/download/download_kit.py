"""What the tests of downloads share: contents, a clock, a caller."""

from __future__ import annotations

import hashlib
import threading

from inference_models_core.download.engine import DownloadLimits, RemoteFile, download
from inference_models_core.network.retries import Clock

RANGED = {"range_threshold": 1, "window": 64 * 1024}


class FakeClock(Clock):
    """Time that only passes while somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0
        self.chance = 0.5

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def random(self) -> float:
        return self.chance


def content_of(size: int, seed: int = 0) -> bytes:
    """Bytes of which every stretch of eight is unlike every other."""
    words = (seed * 10_000_019 + index for index in range(size // 8 + 1))
    return b"".join(word.to_bytes(8, "little") for word in words)[:size]


def remote(url, content, **changes) -> RemoteFile:
    urls = [url] if isinstance(url, str) else url
    facts = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)} | changes
    return RemoteFile(name="weights.bin", urls=urls, **facts)


class Fetcher:
    """Downloads into one folder, as a caller would, and publishes."""

    def __init__(self, client, folder) -> None:
        self.client = client
        self.folder = folder
        self.clock = FakeClock()
        self.cancelled = threading.Event()
        self.told: list[int] = []

    def __call__(self, file, *, refresh=None, client=None, clock=None, progress=None, **limits) -> bytes:
        """The content as it would be published; the part is gone afterwards."""
        with self.part(file, refresh=refresh, client=client, clock=clock, progress=progress, **limits) as part:
            published = part.path.replace(self.folder.parent / "published")
        content = published.read_bytes()
        assert (part.size, part.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        return content

    def part(self, file, *, refresh=None, client=None, clock=None, progress=None, **limits):
        return download(
            file,
            self.folder,
            client=client or self.client,
            limits=DownloadLimits(**limits),
            progress=progress or self.told.append,
            cancelled=self.cancelled,
            refresh=refresh,
            clock=clock or self.clock,
        )

    @property
    def left(self) -> list[str]:
        """Kinds of files that are still in the folder."""
        return sorted(path.suffix for path in self.folder.iterdir()) if self.folder.exists() else []


def ranges_of(server) -> list[str | None]:
    return [request.headers.get("range") for request in server.requests]
