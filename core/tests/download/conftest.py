"""A server, a client and a caller that downloads."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from inference_models_core.network.client import HttpClient
from inference_models_core.testing.fault_server import FaultServer

sys.path.append(str(Path(__file__).parent))

from download_kit import Fetcher


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def client(server):
    with HttpClient(origins=[server.origin], proxies=False, read_timeout=5) as opened:
        yield opened


@pytest.fixture
def fetch(client, tmp_path):
    return Fetcher(client, tmp_path / "parts")
