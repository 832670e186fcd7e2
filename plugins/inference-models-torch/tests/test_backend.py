"""Sessions on modules that PyTorch itself exported."""

from __future__ import annotations

import contextlib
import logging
import warnings
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from inference_models_core.errors import (
    CannotOpenHereError,
    DeviceMismatchError,
    InvalidRequestError,
    ModelClosedError,
    ModelOutputError,
    ModelRuntimeError,
    PackageError,
    UnsafeModelFileError,
)
from inference_models_core.runner import Runner
from inference_models_core.types.backends import BatchSupport
from inference_models_core.types.devices import CPU, Device
from inference_models_torch import runtime
from inference_models_torch.backend import TorchScriptBackend, _check_place
from inference_models_torch.inspector import inspect_file

torch = pytest.importorskip("torch")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")


class Network(nn.Module):
    """A convolution and what detectors do behind it."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.SiLU(inplace=True))
        self.register_buffer("steps", torch.arange(8.0))

    def forward(self, images):
        return (self.layers(images) * self.steps[:, None, None]).flatten(2)


@pytest.fixture
def export(tmp_path):
    """Writes a module with torch.jit and gives its path."""

    def write(module, example=None, name="weights.torchscript", **extra):
        module = module.eval()
        scripted = torch.jit.script(module) if example is None else torch.jit.trace(module, example, strict=False)
        path = tmp_path / name
        torch.jit.save(scripted, str(path), _extra_files=extra)
        return path

    return write


@pytest.fixture
def open_(export):
    def open_session(module, example=None, **arguments):
        return TorchScriptBackend().open_session(export(module, example), **arguments)

    return open_session


def picture(batch=1, dtype=np.float32):
    return np.random.default_rng(batch).random((batch, 3, 8, 8)).astype(dtype)


def test_same_numbers_as_the_module_itself(open_):
    session = open_(Network(), torch.zeros(1, 3, 8, 8))
    (found,) = session.run({"images": picture(2)})
    with torch.inference_mode():
        expected = Network().eval()(torch.from_numpy(picture(2)))
    assert isinstance(found, torch.Tensor)
    assert found.device.type == "cpu"
    torch.testing.assert_close(found, expected)
    assert [spec.name for spec in session.inputs] == ["images"]
    assert (session.arrays, session.device, session.thread_safe, session.borrows) == ("torch", CPU, True, False)


def test_no_gradients_are_kept(open_):
    (found,) = open_(Network()).run({"images": picture()})
    assert not found.requires_grad
    assert found.is_inference()


def test_opening_warns_of_nothing(export):
    path = export(Network())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TorchScriptBackend().open_session(path)


def test_memory_of_the_input_is_shared(open_):
    class Same(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    given = picture()
    (found,) = open_(Same()).run({"x": given})
    assert found.data_ptr() == given.ctypes.data


@pytest.mark.parametrize(
    "odd",
    [
        lambda a: np.broadcast_to(a[:1], a.shape),
        lambda a: a[..., ::-1],
        lambda a: a.astype(">f4"),
        lambda a: a.transpose(0, 1, 3, 2),
        lambda a: a.astype(np.float64),
        lambda a: torch.from_numpy(a).double(),
    ],
    ids=["read-only", "negative strides", "big-endian", "transposed", "float64", "tensor"],
)
def test_inputs_that_cannot_be_taken_as_they_are(open_, odd):
    session = open_(Network())
    given = odd(picture(2))
    plain = np.ascontiguousarray(np.asarray(given), dtype=np.float32)
    (found,), (expected,) = session.run({"images": given}), session.run({"images": plain})
    torch.testing.assert_close(found, expected)


def test_half_precision(open_):
    session = open_(Network().half(), torch.zeros(1, 3, 8, 8).half())
    (found,) = session.run({"images": picture()})
    assert found.dtype == torch.float16
    with torch.inference_mode():
        expected = Network().eval()(torch.from_numpy(picture()))
    torch.testing.assert_close(found.float(), expected, atol=2e-2, rtol=2e-2)


class Kind(nn.Module):
    """Without weights; tells the type of its input, which comes back."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


@pytest.mark.parametrize(
    ("quantization", "given", "expected"),
    [
        ("fp16", np.float32, torch.float16),
        ("fp16", np.int64, torch.int64),
        ("fp16", np.uint8, torch.uint8),
        ("fp32", np.float16, torch.float32),
        (None, np.float64, torch.float64),
        ("int8", np.float32, torch.float32),
    ],
)
def test_the_packages_precision_where_there_are_no_weights(open_, values, quantization, given, expected):
    session = open_(Kind(), package=values.package(quantization=quantization))
    (found,) = session.run({"x": np.ones((1, 2), given)})
    assert found.dtype == expected


def test_whole_numbers_stay_what_they_are(open_):
    class Embed(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(10, 4)

        def forward(self, tokens):
            return self.table(tokens)

    (found,) = open_(Embed().half()).run({"tokens": np.array([[1, 2, 3]])})
    assert (found.shape, found.dtype) == ((1, 3, 4), torch.float16)


class Several(nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, tuple[torch.Tensor, list[torch.Tensor]]]:
        return {"b": (x, [x + 1, x + 2]), "a": (x + 3, [x + 4])}


class Optional(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        return x, None


class Number(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, int]:
        return x, 3


def test_outputs_in_any_container(open_):
    found = open_(Several()).run({"x": np.zeros((1, 1), np.float32)})
    assert [float(tensor) for tensor in found] == [0, 1, 2, 3, 4]
    assert len(open_(Optional()).run({"x": np.zeros((1, 1), np.float32)})) == 1
    with pytest.raises(ModelOutputError, match="int"):
        open_(Number()).run({"x": np.zeros((1, 1), np.float32)})


def test_two_arguments_and_one_with_a_default(open_):
    class Two(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor, factor: int = 3) -> torch.Tensor:
            return x - factor * y

    session = open_(Two())
    assert [spec.name for spec in session.inputs] == ["x", "y"]
    (found,) = session.run({"y": np.ones((1, 1), np.float32), "x": np.zeros((1, 1), np.float32)})
    assert float(found) == -3


def test_batches_through_the_runner(open_):
    """A graph with its batch traced in: split and filled up to what the package declares."""

    class Fixed(nn.Module):
        def forward(self, x):
            return x.reshape(2, 3) * 2

    runner = Runner(open_(Fixed(), torch.zeros(2, 3)), batch=BatchSupport(static=2))
    given = np.arange(15, dtype=np.float32).reshape(5, 3)
    (found,) = runner.run(given)
    np.testing.assert_array_equal(found.numpy(), given * 2)


def test_eight_threads_from_the_first_run_on(export):
    """The runtime compiles while it runs the first few times; twenty modules are new to all threads at once."""
    path = export(Network(), torch.zeros(1, 3, 8, 8))
    pictures = [picture(1 + i % 3) + i for i in range(8)]
    alone = TorchScriptBackend().open_session(path)
    expected = [alone.run({"images": each})[0] for each in pictures]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            session = TorchScriptBackend().open_session(path)
            assert session.thread_safe
            found = pool.map(lambda each, session=session: session.run({"images": each})[0], pictures * 3)
            for one, other in zip(found, expected * 3, strict=True):
                torch.testing.assert_close(one, other)


class Sets(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = torch.zeros(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.last = x
        return x * 2


class Adds(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() > 0:
            self.count += 1
        return x * self.count


class AddsToAPart(Adds):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count[0] += 1
        return x * self.count


class Remembers(nn.Module):
    def __init__(self):
        super().__init__()
        self.seen = [torch.zeros(1)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen[0] = x
        return x * 2


@pytest.mark.parametrize("module", [Sets, Adds, AddsToAPart, Remembers])
def test_a_module_that_keeps_something_takes_turns(open_, module):
    assert not open_(module()).thread_safe


class ChangesItsInput(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        x[:, :1].mul_(2)
        return x + y


def test_the_callers_arrays_stay_as_they_are(open_):
    session = open_(ChangesItsInput())
    first, second = picture(), picture()
    for _ in range(2):  # the same again
        (found,) = session.run({"x": first, "y": second})
        expected = first + second
        expected[:, :1] += first[:, :1]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_array_equal(first, picture())
    assert session.thread_safe


@pytest.mark.parametrize(("place", "weights", "fits"), [
    ("mps", "mps:0", True), ("cuda:1", "cuda:1", True), ("cuda:0", "cuda:1", False), ("cpu", "meta", False),
])  # fmt: skip
def test_where_the_weights_are(place, weights, fits):
    """PyTorch says where a tensor is with a number, even where there is only one such device."""
    tensor = SimpleNamespace(device=torch.device(weights))
    module = SimpleNamespace(parameters=lambda: [tensor], buffers=list)
    with contextlib.nullcontext() if fits else pytest.raises(DeviceMismatchError, match=weights):
        _check_place(module, torch.device(place), "a file")


def test_errors_of_a_run_are_typed_and_short(open_):
    session = open_(Network(), torch.zeros(1, 3, 8, 8))
    with pytest.raises(ModelRuntimeError, match="channels") as caught:
        session.run({"images": np.zeros((1, 5, 8, 8), np.float32)})
    assert len(caught.value.message) < 800
    assert "Traceback" not in caught.value.message
    assert "[1, 5, 8, 8]" in caught.value.hint
    with pytest.raises(ModelRuntimeError):
        session.run({"images": np.array(["a"])})
    assert session.run({"images": picture()})[0].shape == (1, 8, 64)


def test_closed(open_):
    session = open_(Network())
    session.close()
    session.close()
    with pytest.raises(ModelClosedError):
        session.run({"images": picture()})


@pytest.mark.parametrize("device", [Device("tpu"), Device("npu", 0), Device("cuda", 999)])
def test_devices_that_are_not_there(export, device):
    with pytest.raises(DeviceMismatchError, match=device.kind):
        TorchScriptBackend().open_session(export(Network()), device=device)


def test_an_old_pytorch_opens_nothing(export, monkeypatch):
    path = export(Network())
    monkeypatch.setattr(torch, "__version__", "2.9.1")
    with pytest.raises(CannotOpenHereError, match="CVE-2026-24747") as caught:
        TorchScriptBackend().open_session(path)
    assert "torch>=2.10" in caught.value.hint


def test_a_graph_that_needs_torchvision(archives, save, monkeypatch):
    code = archives.code + b"    y = ops.torchvision.nms(x, x, 0.5)\n"
    path = save(archives.build(archives.parts({"code/__torch__.py": code})))
    imported = runtime.importlib.import_module

    def without(name):
        if name == "torchvision":
            raise ImportError("No module named 'torchvision'")
        return imported(name)

    monkeypatch.setattr(runtime.importlib, "import_module", without)
    with pytest.raises(CannotOpenHereError, match="operators of torchvision") as caught:
        TorchScriptBackend().open_session(path)
    assert "pip install torchvision" in caught.value.hint


def test_operators_that_nobody_registers(export):
    library = torch.library.Library("inference_models_test", "FRAGMENT")
    library.define("twice(Tensor x) -> Tensor")
    library.impl("twice", lambda x: x * 2, "CPU")

    class Uses(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.ops.inference_models_test.twice(x)

    path = export(Uses())
    content = path.read_bytes()
    session = TorchScriptBackend().open_session(path)
    assert float(session.run({"x": np.ones((1, 1), np.float32)})[0]) == 2
    other = path.with_name("other.torchscript")
    rebuilt = _rewritten(content, b"inference_models_test", b"inference_models_miss")
    other.write_bytes(rebuilt)
    with pytest.raises(CannotOpenHereError, match=r"inference_models_miss::twice"):
        TorchScriptBackend().open_session(other)


def _rewritten(content, old, new):
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(buffer, "w") as target:
        for info in source.infolist():
            if not info.filename.endswith("debug_pkl"):
                target.writestr(info.filename, source.read(info).replace(old, new))
    return buffer.getvalue()


def test_a_program_that_writes_files_is_never_opened(export, tmp_path):
    class Writes(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            torch.save(x, "written")
            return x

    try:
        path = export(Writes())
    except RuntimeError:
        pytest.skip("this PyTorch does not export it")
    with pytest.raises(UnsafeModelFileError, match="opens files"):
        TorchScriptBackend().open_session(path)


class Attributes(nn.Module):
    """Everything that an attribute can be."""

    def __init__(self):
        super().__init__()
        self.sizes = [1, 2, 2**40]
        self.names = {"a": 1.5}
        self.flags = [True]
        self.floats = [0.1]
        self.tensors = [torch.ones(2), torch.ones(2, dtype=torch.float64)]
        self.pair = (3, "three")
        self.nothing = None
        self.place = torch.device("cpu")
        self.register_buffer("same", torch.ones(3))
        self.register_buffer("view", self.same[1:])
        self.register_buffer("empty", torch.zeros(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        factor = self.names["a"] + self.floats[0] + self.sizes[0] + self.pair[0]
        return x * factor + self.tensors[0].sum() + self.view.sum() + self.empty.sum()


@pytest.mark.parametrize("frozen", [False, True])
def test_everything_that_pytorch_writes_is_read(tmp_path, frozen):
    scripted = torch.jit.script(Attributes().eval())
    path = tmp_path / "weights.torchscript"
    (torch.jit.freeze(scripted) if frozen else scripted).save(str(path))
    (found,) = TorchScriptBackend().open_session(path).run({"x": np.ones((1, 1), np.float32)})
    assert float(found) == pytest.approx(1.5 + 0.1 + 1 + 3 + 2 + 2)
    assert inspect_file(path).details.backend == "torch-script"


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_quantised_weights(tmp_path):
    class Quantised(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("weight", torch.quantize_per_tensor(torch.arange(4.0), 0.5, 0, torch.qint8))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.weight.dequantize()

    path = tmp_path / "weights.torchscript"
    torch.jit.script(Quantised().eval()).save(str(path))
    (found,) = TorchScriptBackend().open_session(path).run({"x": np.ones((1, 4), np.float32)})
    assert found.tolist() == [[0, 1, 2, 3]]
    assert inspect_file(path).details.quantization == "int8"


def test_a_state_dictionary_is_no_program(tmp_path):
    torch.save(Network().state_dict(), tmp_path / "weights.torchscript")
    with pytest.raises(PackageError, match="no program"):
        TorchScriptBackend().open_session(tmp_path / "weights.torchscript")


def test_threads_of_the_process_change_only_on_request(export, caplog):
    before = torch.get_num_threads()
    try:
        TorchScriptBackend().open_session(export(Network()))
        assert torch.get_num_threads() == before
        wanted, path = before + 1, export(Network(), torch.zeros(1, 3, 8, 8))
        with caplog.at_level(logging.INFO, "inference_models"):
            TorchScriptBackend().open_session(path, options={"intra_op_threads": wanted})
        assert torch.get_num_threads() == wanted
        assert f"{wanted} threads" in caplog.text
    finally:
        torch.set_num_threads(before)


def test_options_that_do_not_exist(export):
    with pytest.raises(InvalidRequestError):
        TorchScriptBackend().open_session(export(Network(), torch.zeros(1, 3, 8, 8)), options={"threads": 2})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that PyTorch can use")
class TestOnAGpu:
    def test_same_numbers_and_they_stay_there(self, export):
        path = export(Network(), torch.zeros(1, 3, 8, 8))
        gpu = TorchScriptBackend().open_session(path, device=Device("cuda"))
        assert gpu.device == Device("cuda", 0)
        (found,) = gpu.run({"images": picture(2)})
        assert found.device == torch.device("cuda", 0)
        (expected,) = TorchScriptBackend().open_session(path).run({"images": picture(2)})
        torch.testing.assert_close(found.cpu(), expected, atol=1e-3, rtol=1e-3)  # TensorFloat-32 in convolutions

    def test_half_precision(self, export):
        path = export(Network().half().cuda(), torch.zeros(1, 3, 8, 8).half().cuda())
        (found,) = TorchScriptBackend().open_session(path, device=Device("cuda", 0)).run({"images": picture()})
        assert found.dtype == torch.float16

    def test_eight_threads(self, export):
        session = TorchScriptBackend().open_session(
            export(Network(), torch.zeros(1, 3, 8, 8)), device=Device("cuda", 0)
        )
        pictures = [picture(1 + i % 3) + i for i in range(8)]
        expected = [session.run({"images": each})[0] for each in pictures]
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda each: session.run({"images": each})[0], pictures * 10))
        for one, other in zip(found, expected * 10, strict=True):
            torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)

    def test_a_graph_of_the_cpu_says_so(self, export):
        class Constant(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x + torch.ones(4, device=torch.device("cpu"))

        session = TorchScriptBackend().open_session(export(Constant()), device=Device("cuda", 0))
        with pytest.raises(ModelRuntimeError) as caught:
            session.run({"x": np.ones((1, 4), np.float32)})
        assert 'device="cpu"' in caught.value.hint
