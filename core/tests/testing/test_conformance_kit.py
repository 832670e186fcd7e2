"""The kit on the loopback backend: it passes what is right and fails what is not."""

from __future__ import annotations

import json

import inference_models_core.testing.loopback.plugin as loopback
import pytest
from inference_models_core.testing import TensorBackendConformance
from inference_models_core.testing.loopback.backend import LoopbackSession


class TestLoopback(TensorBackendConformance):
    backend_name = "loopback"

    @pytest.fixture
    def spec(self):
        (spec,) = loopback.register_backends()
        return spec

    def write_graph(self, path, batch):
        graph = {
            "inputs": [{"name": "x", "dtype": "float32", "shape": [batch or "n", 3]}],
            "outputs": [{"name": "y", "compute": "affine", "factor": 2, "offset": 1, "shape": [batch or "n", 3]}],
        }
        path.write_text(json.dumps(graph))


@pytest.fixture
def session(tmp_path):
    kit = TestLoopback()
    (spec,) = loopback.register_backends()
    return kit._open(spec, tmp_path, None)


def lend_in_secret(session, monkeypatch):
    """Overwrites its arrays and does not say so."""
    run = LoopbackSession.run
    monkeypatch.setattr(session, "run", lambda inputs: LoopbackSession._lend(session, run(session, inputs)))


def compute_something_else(session, monkeypatch):
    run = LoopbackSession.run
    monkeypatch.setattr(session, "run", lambda inputs: tuple(array + 1 for array in run(session, inputs)))


def refuse_to_close_twice(session, monkeypatch):
    closed = []
    monkeypatch.setattr(session, "close", lambda: closed.append(1) if not closed else 1 / 0)


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        (lend_in_secret, "test_results_belong_to_the_caller"),
        (compute_something_else, "test_takes_numpy_and_computes"),
        (compute_something_else, "test_runs_from_several_threads"),
        (refuse_to_close_twice, "test_closes_twice"),
    ],
)
def test_faults_are_found(session, monkeypatch, fault, test):
    fault(session, monkeypatch)
    with pytest.raises((AssertionError, ZeroDivisionError)):
        getattr(TestLoopback(), test)(session)
