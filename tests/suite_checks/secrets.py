"""Secrets that every test runs with, and the ways in which they could be recognised again."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping

import attrs


@attrs.frozen(kw_only=True)
class Canaries:
    """Secrets of one session; none means anything outside of it.

    Attributes:
        api_key: In ``ROBOFLOW_API_KEY``, and for ``api_key=``.
        bearer: For a header that a user configures.
        signature: For the query of a signed URL.
        password: In the netrc file of the session, for every host.
    """

    api_key: str = attrs.field(repr=False, factory=lambda: _new("key"))
    bearer: str = attrs.field(repr=False, factory=lambda: _new("bearer"))
    signature: str = attrs.field(repr=False, factory=lambda: _new("signature"))
    password: str = attrs.field(repr=False, factory=lambda: _new("password"))

    def found_in(self, text: str | bytes) -> list[str]:
        """Names of the secrets that are in a text, as they are, encoded, or as a hash without a key."""
        data = text.encode(errors="replace") if isinstance(text, str) else bytes(text)
        return [name for name, spellings in self.spellings().items() if any(each in data for each in spellings)]

    def spellings(self) -> Mapping[str, tuple[bytes, ...]]:
        """Name -> what to look for."""
        return {name: _spellings(value) for name, value in attrs.asdict(self).items()}


def _new(kind: str) -> str:
    return f"canary-{kind}-{secrets.token_hex(12)}"


LOGIN = "canary"


def _spellings(value: str) -> tuple[bytes, ...]:
    raw = value.encode()
    # The head of the digest: file names are often cut off.
    hashes = [hashlib.new(name, raw).hexdigest()[:20].encode() for name in ("sha256", "sha1", "md5", "blake2b")]
    return (
        raw,
        base64.b64encode(raw)[:-4],
        base64.b64encode(f"{LOGIN}:{value}".encode())[:-4],
        raw.hex().encode(),
        *hashes,
    )


CANARIES = Canaries()
