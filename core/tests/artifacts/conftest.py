from __future__ import annotations

import pytest
from inference_models_core.testing.fault_server import FaultServer

from .remote import Remote


@pytest.fixture
def remote(tmp_path, monkeypatch):
    with FaultServer() as server:
        yield Remote(server, tmp_path / "cache", monkeypatch)
