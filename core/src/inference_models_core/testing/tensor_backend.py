"""What every tensor backend must hold; run on graphs that the author writes in the backend's own format."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from inference_models_core.errors import InferenceModelsError, LoadError, ModelClosedError, NegotiationError
from inference_models_core.plugins.host import PluginHost
from inference_models_core.runner import Runner
from inference_models_core.types.backends import BatchSupport
from inference_models_core.types.devices import CPU, Device
from inference_models_core.types.packages import ModelPackage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inference_models_core.types.backends import BackendSpec
    from inference_models_core.types.tensors import TensorSession

STATIC_BATCH = 2


class TensorBackendConformance:
    """Subclass it, name the backend, write its graphs, and pytest runs the tests.

    Attributes:
        backend_name: Name of the backend, as its plugin registers it.
        device: Where the tests run.
        options: Options for its sessions.
    """

    backend_name: ClassVar[str] = ""
    device: ClassVar[Device] = CPU
    options: ClassVar[dict[str, Any]] = {}

    def write_graph(self, path: Path, batch: int | None) -> None:
        """Writes a file with the graph ``y = 2 * x + 1`` on float32 of shape (batch, 3).

        Args:
            path: Where; has the backend's suffix.
            batch: Fixed batch size; ``None`` for a symbolic one.
        """
        raise NotImplementedError

    @pytest.fixture
    def spec(self) -> BackendSpec:
        """The backend as its installed plugin describes it."""
        specs = {spec.name: spec for spec, _ in PluginHost().backends()}
        return specs[self.backend_name]

    @pytest.fixture
    def dynamic(self, spec: BackendSpec, tmp_path: Path) -> Iterator[TensorSession]:
        """A session on a graph with a symbolic batch."""
        session = self._open(spec, tmp_path, None)
        yield session
        session.close()

    @pytest.fixture
    def static(self, spec: BackendSpec, tmp_path: Path) -> Iterator[TensorSession]:
        """A session on a graph with a batch of two."""
        session = self._open(spec, tmp_path, STATIC_BATCH)
        yield session
        session.close()

    def _open(self, spec: BackendSpec, folder: Path, batch: int | None) -> TensorSession:
        path = folder / spec.file_name("weights")
        self.write_graph(path, batch)
        return self._open_file(spec, path)

    def _open_file(self, spec: BackendSpec, path: Path, device: Device | None = None) -> TensorSession:
        assert spec.factory is not None, "a tensor backend needs a factory"
        backend: Any = spec.factory.load()
        backend = backend() if isinstance(backend, type) else backend
        package = ModelPackage(package_id="conformance", backend=spec.name, directory=path.parent)
        session: TensorSession = backend.open_session(
            path, device=device or self.device, package=package, options=self.options
        )
        return session

    def test_declares_what_it_knows(self, dynamic: TensorSession) -> None:
        """Specs are tuples or ``None``; flags are booleans; the device is the one asked for."""
        assert dynamic.inputs is None or len(dynamic.inputs) == 1
        assert dynamic.outputs is None or len(dynamic.outputs) == 1
        assert isinstance(dynamic.thread_safe, bool)
        assert isinstance(dynamic.borrows, bool)
        assert self.device.covers(dynamic.device)

    def test_takes_numpy_and_computes(self, dynamic: TensorSession) -> None:
        """One run, through the runner as families see it."""
        (y,) = Runner(dynamic).run(_numbers(4))
        assert np.allclose(_to_numpy(y), 2 * _numbers(4) + 1)

    @pytest.mark.parametrize("size", [1, 2, 3, 7])
    def test_static_batch_serves_any_batch(self, static: TensorSession, size: int) -> None:
        """The runner splits and pads; results come back without the padding.

        Not every format says what batch its graph takes, so the package does, as it would in real life.
        """
        (y,) = Runner(static, batch=BatchSupport(static=STATIC_BATCH)).run(_numbers(size))
        assert _to_numpy(y).shape == (size, 3)
        assert np.allclose(_to_numpy(y), 2 * _numbers(size) + 1)

    def test_other_number_types_are_cast(self, dynamic: TensorSession) -> None:
        """A session that declares its input's type gets that type."""
        if dynamic.inputs is None or dynamic.inputs[0].dtype is None:
            pytest.skip("the runtime does not say its input types")
        (y,) = Runner(dynamic).run(_numbers(2).astype(np.float64))
        assert np.allclose(_to_numpy(y), 2 * _numbers(2) + 1)

    def test_results_belong_to_the_caller(self, dynamic: TensorSession) -> None:
        """A later run must not change an earlier result; a session that lends its arrays has to say so."""
        runner = Runner(dynamic)
        (first,) = runner.run(_numbers(2))
        before = _to_numpy(first).copy()
        runner.run(_numbers(2) + 100)
        assert np.array_equal(_to_numpy(first), before)

    def test_runs_from_several_threads(self, dynamic: TensorSession) -> None:
        """With or without the runner's lock, as the session declares: same answers as alone."""
        runner = Runner(dynamic)

        def run(seed: int) -> bool:
            x = _numbers(3) + seed
            return all(np.allclose(_to_numpy(runner.run(x)[0]), 2 * x + 1) for _ in range(25))

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(run, range(8)))

    def test_closes_twice(self, dynamic: TensorSession) -> None:
        """And a closed runner says so."""
        runner = Runner(dynamic)
        runner.close()
        dynamic.close()
        with pytest.raises(ModelClosedError):
            runner.run(_numbers(1))

    def test_a_damaged_file_is_a_typed_error(self, spec: BackendSpec, tmp_path: Path) -> None:
        """Not the runtime's own exception, and no crash."""
        path = tmp_path / spec.file_name("weights")
        self.write_graph(path, None)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(InferenceModelsError):
            self._open_file(spec, path)

    def test_an_impossible_device_is_refused(self, spec: BackendSpec, tmp_path: Path) -> None:
        """A device that does not exist is never replaced by another one in silence."""
        if "cuda" not in spec.devices:
            pytest.skip("the backend never uses the device that this test asks for")
        path = tmp_path / spec.file_name("weights")
        self.write_graph(path, None)
        with pytest.raises((LoadError, NegotiationError)):
            self._open_file(spec, path, Device("cuda", 999))


def _numbers(size: int) -> Any:
    return np.arange(size * 3, dtype=np.float32).reshape(size, 3)


def _to_numpy(array: Any) -> Any:
    if isinstance(array, np.ndarray):
        return array
    return array.get() if hasattr(array, "get") else array.detach().cpu().numpy()
