"""What is to be downloaded, and within which bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from inference_models_core.types.converters import to_tuple
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

MIB = 1 << 20


@attrs.frozen(kw_only=True, repr=False)
class RemoteFile(Value):
    """One file somewhere else.

    Attributes:
        name: For messages.
        urls: Where it can be fetched, best first.
        sha256: Promised digest of the content, 64 lower-case hex digits; ``None`` if none is promised.
        md5: Promised weaker digest, 32 lower-case hex digits; looked at only without a ``sha256``.
        size: Promised bytes; ``None`` takes what the server announces.
    """

    name: str
    urls: Sequence[str] = attrs.field(converter=to_tuple, repr=False)  # signed URLs are secrets
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None

    @property
    def has_digest(self) -> bool:
        """Whether the content can be told from any other."""
        return self.sha256 is not None or self.md5 is not None


@attrs.frozen(kw_only=True, repr=False)
class DownloadLimits(Value):
    """Bounds of one download.

    Attributes:
        max_size: Most bytes that a file may have.
        floor_rate: Bytes per second below which a connection is given up, averaged over ``floor_seconds``.
        floor_seconds: Seconds.
        no_progress_tries: Requests in a row that may bring nothing.
        total_sleep: Most seconds between such requests, all together; pauses that a server asks for do not count.
        range_threshold: Bytes from which on several ranges are fetched at once.
        ranges: How many at once.
        window: Bytes of one range.
        deadline: Most seconds for the whole file; ``None`` for no limit.
    """

    max_size: int = 256 * 1024**3
    floor_rate: float = 1024
    floor_seconds: float = 30
    no_progress_tries: int = 5
    total_sleep: float = 60
    range_threshold: int = 32 * MIB
    ranges: int = 4
    window: int = 16 * MIB
    deadline: float | None = None
