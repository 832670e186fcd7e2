"""Sessions on the real runtime."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from inference_models_core.errors import (
    CannotOpenHereError,
    DeviceMismatchError,
    InferenceModelsError,
    InvalidRequestError,
    ModelClosedError,
    ModelRuntimeError,
    PackageError,
    PackageFileMissingError,
    UnsafeModelFileError,
)
from inference_models_core.types.devices import CPU, Device
from inference_models_core.types.packages import Artifact
from inference_models_onnx import backend, provider_setup
from inference_models_onnx.backend import OnnxBackend, session_options
from inference_models_onnx.options import parse_options
from inference_models_onnx.session import numpy_dtype
from onnx import TensorProto, helper


def open_session(path, device=CPU, package=None, **options):
    return OnnxBackend().open_session(path, device=device, package=package, options=options)


def test_says_what_it_takes_and_gives(graphs, save):
    session = open_session(save(graphs.convolution("batch", (64, "width"))))
    (image,), (output,) = session.inputs, session.outputs
    assert (image.name, image.dtype, image.shape) == ("images", "float32", ("batch", 3, 64, "width"))
    assert (output.name, output.shape) == ("output0", ("batch", 8, "anchors"))
    assert (session.device, session.arrays, session.thread_safe, session.borrows) == (CPU, "numpy", True, False)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64"])
def test_computes_in_the_graphs_own_type(graphs, save, dtype):
    session = open_session(save(graphs.affine(dtype=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))))
    assert session.inputs[0].dtype == session.outputs[0].dtype == dtype
    x = np.arange(12, dtype=dtype).reshape(4, 3)
    (y,) = session.run({"x": x})
    assert y.dtype == x.dtype
    assert np.array_equal(y, 2 * x + 1)


def test_outputs_come_in_the_graphs_order(graphs, save):
    nodes = [helper.make_node("Neg", ["x"], ["b"]), helper.make_node("Abs", ["x"], ["a"])]
    session = open_session(save(graphs.model(nodes, [graphs.value("x")], [graphs.value("b"), graphs.value("a")])), CPU)
    x = np.array([[-1, 2, -3]], np.float32)
    negated, absolute = session.run({"x": x})
    assert [spec.name for spec in session.outputs] == ["b", "a"]
    assert np.array_equal(negated, -x)
    assert np.array_equal(absolute, abs(x))


def test_eight_threads_without_a_lock_agree(graphs, save):
    session = open_session(save(graphs.convolution("batch")), intra_op_threads=1)
    pictures = np.random.default_rng(1).random((8, 1, 3, 64, 48), np.float32)
    alone = [session.run({"images": picture})[0] for picture in pictures]

    def run(index):
        return all(np.array_equal(session.run({"images": pictures[index]})[0], alone[index]) for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(8)))


def test_results_are_not_overwritten(graphs, save):
    session = open_session(save(graphs.affine()))
    x = np.ones((2, 3), np.float32)
    (first,) = session.run({"x": x})
    session.run({"x": x + 5})
    assert np.array_equal(first, 2 * x + 1)


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"x": np.zeros((1, 4), np.float32)}, "float32 [1, 4]"),
        ({"x": np.zeros((1, 3), np.float64)}, "float64 [1, 3]"),
        ({"x": np.zeros(3, np.float32)}, "float32 [3]"),
        ({"z": np.zeros((1, 3), np.float32)}, "z: "),
        ({"x": "text"}, "x: str"),
        ({}, "given: "),
    ],
)
def test_inputs_that_do_not_fit_are_explained(graphs, save, inputs, says, capfd):
    session = open_session(save(graphs.affine()))
    with pytest.raises(ModelRuntimeError) as caught:
        session.run(inputs)
    assert "x: float32 [n, 3]" in caught.value.hint
    assert says in caught.value.hint
    assert caught.value.__cause__ is not None
    assert capfd.readouterr() == ("", "")


def test_a_failure_inside_the_graph_is_raised_and_not_printed(graphs, save, capfd):
    made = graphs.model(
        [helper.make_node("Add", ["x", "z"], ["y"])],
        [graphs.value("x", ("a", "b")), graphs.value("z", ("c", "d"))],
        [graphs.value("y", ("e", "f"))],
    )
    session = open_session(save(made))
    with pytest.raises(ModelRuntimeError, match="Add"):
        session.run({"x": np.zeros((1, 4), np.float32), "z": np.zeros((1, 3), np.float32)})
    assert capfd.readouterr() == ("", "")


def test_closing(graphs, save):
    session = open_session(save(graphs.affine()))
    session.close()
    session.close()
    with pytest.raises(ModelClosedError):
        session.run({"x": np.zeros((1, 3), np.float32)})


def test_options_reach_the_runtime():
    options = session_options(
        onnxruntime,
        parse_options(
            {
                "intra_op_threads": 3,
                "inter_op_threads": 2,
                "graph_optimization": "basic",
                "execution_mode": "parallel",
                "memory_arena": False,
                "memory_pattern": False,
                "allow_spinning": False,
            }
        ),
    )
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 2)
    assert options.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    assert options.execution_mode == onnxruntime.ExecutionMode.ORT_PARALLEL
    assert (options.enable_cpu_mem_arena, options.enable_mem_pattern) == (False, False)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.get_session_config_entry("session.inter_op.allow_spinning") == "0"


def test_options_that_are_not_given_stay_the_runtimes():
    ours, theirs = session_options(onnxruntime, parse_options({})), onnxruntime.SessionOptions()
    for name in ("intra_op_num_threads", "graph_optimization_level", "execution_mode", "enable_cpu_mem_arena"):
        assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.parametrize("level", ["disable", "basic", "extended", "all"])
def test_graph_levels_compute_the_same(graphs, save, level):
    session = open_session(save(graphs.affine()), graph_optimization=level, memory_arena=False, allow_spinning=False)
    (y,) = session.run({"x": np.ones((1, 3), np.float32)})
    assert np.array_equal(y, np.full((1, 3), 3, np.float32))


def test_a_device_that_the_runtime_lacks(graphs, save):
    path = save(graphs.affine())
    with pytest.raises(DeviceMismatchError) as caught:
        open_session(path, Device("cuda", 0))
    assert caught.value.hint.startswith("pip uninstall -y onnxruntime")  # never two builds side by side
    assert "inference-models-onnx[gpu]" in caught.value.hint
    with pytest.raises(DeviceMismatchError, match="tpu"):
        open_session(path, Device("tpu"))


def test_providers_that_do_not_compute_on_the_device(graphs, save, monkeypatch):
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    with pytest.raises(DeviceMismatchError, match="computes on cuda:0"):
        open_session(save(graphs.affine()), Device("cuda", 0), providers=["cpu"])


def test_a_provider_that_only_claims_to_be_there_is_noticed(graphs, save, monkeypatch):
    """As with a CUDA provider whose libraries do not load: the runtime itself goes on with the CPU."""
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    real = onnxruntime.InferenceSession
    seen = {}

    def without_cuda(path, *, providers, **settings):
        seen.update(settings, providers=providers)
        return real(path, providers=["CPUExecutionProvider"], **settings)

    monkeypatch.setattr(onnxruntime, "InferenceSession", without_cuda)
    with pytest.raises(DeviceMismatchError, match="session uses CPUExecutionProvider"):
        open_session(save(graphs.affine()), Device("cuda", 1))
    assert seen["providers"] == [("CUDAExecutionProvider", {"device_id": 1}), ("CPUExecutionProvider", {})]
    assert seen["enable_fallback"] == 0


def test_tensorrt_defaults_only_where_it_was_asked_for(graphs, save, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = save(graphs.affine(), "package/weights.onnx")
    asked = parse_options({"providers": ["tensorrt", ("cuda", {"device_id": 7})]})
    (trt, options), (cuda, cuda_options) = provider_setup.configured_providers(asked, Device("cuda", 2), path)
    assert (trt, cuda) == ("TensorrtExecutionProvider", "CUDAExecutionProvider")
    assert (options["device_id"], cuda_options) == (2, {"device_id": 7})
    assert options["trt_fp16_enable"] is True
    assert options["trt_engine_cache_enable"] is True
    assert not options["trt_engine_cache_path"].startswith(str(path.parent))
    own = parse_options({"providers": [("tensorrt", {"trt_fp16_enable": False})]})
    assert provider_setup.configured_providers(own, Device("cuda"), path)[0][1]["trt_fp16_enable"] is False
    default = provider_setup.configured_providers(parse_options({}), Device("cuda"), path)
    assert default == [("CUDAExecutionProvider", {}), ("CPUExecutionProvider", {})]


def test_what_preloading_prints_stays_inside(capfd):
    calls = []

    def preload():
        calls.append(1)
        print("Failed to load libcublas.so.12")  # noqa: T201

    provider_setup._preload_once.cache_clear()
    runtime = SimpleNamespace(preload_dlls=preload)
    provider_setup.prepare_libraries(runtime, ["CPUExecutionProvider"])
    assert calls == []
    provider_setup.prepare_libraries(runtime, ["CUDAExecutionProvider"])
    provider_setup.prepare_libraries(runtime, ["TensorrtExecutionProvider"])
    provider_setup._preload_once.cache_clear()
    assert calls == [1]
    assert capfd.readouterr().out == ""


def test_a_missing_file(tmp_path):
    with pytest.raises(PackageFileMissingError):
        open_session(tmp_path / "weights.onnx")
    with pytest.raises(PackageError):
        open_session(tmp_path)


def test_every_truncation_is_a_typed_error(graphs, save, capfd):
    whole = graphs.convolution().SerializeToString()
    for length in range(0, len(whole), 97):
        with pytest.raises(PackageError):
            open_session(save(whole[:length]))
    assert capfd.readouterr() == ("", "")


def test_damage_that_only_the_runtime_sees(graphs, save):
    broken = graphs.affine()
    broken.graph.initializer[0].raw_data = b"\0\0\0\0"
    with pytest.raises(PackageError, match="damaged"):
        open_session(save(broken))


def test_an_opset_from_the_future_cannot_be_opened_here(graphs, save):
    with pytest.raises(CannotOpenHereError) as caught:
        open_session(save(graphs.affine(opset=999)))
    assert "opset" in caught.value.message
    assert "--upgrade" in caught.value.hint


def test_an_operator_that_this_runtime_lacks_cannot_be_opened_here(graphs, save):
    nodes = [helper.make_node("NotAnOperator", ["x"], ["y"], domain="com.microsoft")]
    made = graphs.model(nodes, [graphs.value("x")], [graphs.value("y")], domains=["com.microsoft"])
    with pytest.raises(CannotOpenHereError, match="NotAnOperator"):
        open_session(save(made))


def test_external_data_beside_the_model(graphs, save, values):
    path = save(graphs.external())
    path.with_name("weights.bin").write_bytes(np.array([1, 2, 3], np.float32).tobytes())
    x = np.zeros((1, 3), np.float32)
    (y,) = open_session(path).run({"x": x})
    assert np.array_equal(y, [[1, 2, 3]])
    declared = values.package(artifacts=[Artifact(handle="weights.onnx"), Artifact(handle="weights.bin")])
    open_session(path, package=declared)
    with pytest.raises(UnsafeModelFileError, match="not a file of the package"):
        open_session(path, package=values.package(artifacts=[Artifact(handle="weights.onnx")]))
    open_session(path, package=values.package(artifacts=[Artifact(handle="weights.onnx")], directory=path.parent))


@pytest.mark.parametrize(
    ("version", "allowed"), [("1.23.2", False), ("1.24.3", False), ("1.24.4", True), ("2.0", True)]
)
def test_inspection_can_be_switched_off_only_where_the_runtime_is_safe(graphs, save, monkeypatch, version, allowed):
    monkeypatch.setattr(onnxruntime, "__version__", version)
    path = save(graphs.affine())
    monkeypatch.setattr(backend, "check_file", lambda *_: pytest.fail("was inspected"))
    if allowed:
        open_session(path, inspect=False)
    else:
        with pytest.raises(InvalidRequestError, match=r"1\.24\.4"):
            open_session(path, inspect=False)


def test_unsafe_files_never_reach_the_runtime(graphs, save, monkeypatch):
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *_, **__: pytest.fail("was opened"))
    with pytest.raises(UnsafeModelFileError):
        open_session(save(graphs.external("../../secret")))


def test_unknown_options_are_named(graphs, save):
    with pytest.raises(InferenceModelsError, match="intra_op_thread'"):
        open_session(save(graphs.affine()), intra_op_thread=2)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("tensor(float)", "float32"),
        ("tensor(double)", "float64"),
        ("tensor(float16)", "float16"),
        ("tensor(uint8)", "uint8"),
        ("tensor(bool)", "bool"),
        ("tensor(bfloat16)", None),
        ("tensor(string)", None),
        ("seq(tensor(float))", None),
        ("optional(tensor(float))", None),
    ],
)
def test_type_names(text, name):
    assert numpy_dtype(text) == name


def test_a_scalar_input(graphs, save):
    made = graphs.model(
        [helper.make_node("Identity", ["x"], ["y"])],
        [graphs.value("x", (), TensorProto.INT64)],
        [graphs.value("y", (), TensorProto.INT64)],
    )
    session = open_session(save(made))
    assert session.inputs[0].shape == ()
    assert session.run({"x": np.array(5)})[0] == 5
