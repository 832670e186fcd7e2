"""Models on a server: documents and files as the HTTP folder provider expects them."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from inference_models_core.testing.fault_server import FaultServer
from inference_models_core.testing.faults import Fault

MANIFEST = {"type": "inference-models-package-v1", "backendType": "tiny"}


class Served(NamedTuple):
    """A model that is on the server.

    Attributes:
        name: Its id.
        paths: File handle -> path on the server.
        digests: File handle -> SHA-256.
        sizes: File handle -> bytes.
    """

    name: str
    paths: Mapping[str, str]
    digests: Mapping[str, str]
    sizes: Mapping[str, int]

    def gets(self, server: FaultServer) -> dict[str, int]:
        """File handle -> how often it was asked for."""
        return {handle: len(server.requests_of(path)) for handle, path in self.paths.items()}


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that do not repeat."""
    return random.Random(seed).randbytes(size)


def serve(
    server: FaultServer,
    files: Mapping[str, bytes],
    *faults: Fault,
    name: str = "tiny",
    dependencies: Sequence[Mapping[str, Any]] = (),
    **package: Any,
) -> Served:
    """Puts a model of the tiny backend on a server.

    Args:
        server: The server.
        files: Handle -> content.
        faults: Befall its files, not its document.
        name: Id of the model.
        dependencies: Entries of ``modelDependencies``.
        package: Further fields of its one package.
    """
    digests = {handle: hashlib.sha256(content).hexdigest() for handle, content in files.items()}
    sizes = {handle: len(content) for handle, content in files.items()}
    described = [{"fileHandle": handle, "sha256": digests[handle], "size": sizes[handle]} for handle in files]
    one = {"packageId": "p", "packageManifest": MANIFEST, "packageFiles": described, **package}
    document = {
        "modelId": name,
        "modelArchitecture": "tiny",
        "taskType": "digests",
        "modelDependencies": list(dependencies),
        "modelPackages": [one],
    }
    server.add(f"/{name}/index.json", json.dumps(document).encode())
    server.add("/index.json", json.dumps({"models": [{"modelId": name, "taskType": "digests"}]}).encode())
    paths = {handle: f"/{name}/p/{handle}" for handle in files}
    for handle, content in files.items():
        server.add(paths[handle], content, *faults)
    return Served(name, paths, digests, sizes)
