"""The runner on loopback graphs: batches, casts, names, borrowed and unbatched outputs, threads, closing."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_models_core.errors import ModelClosedError, ModelOutputError, ModelRuntimeError
from inference_models_core.runner import Runner
from inference_models_core.testing.loopback.backend import LoopbackBackend
from inference_models_core.types.backends import BatchSupport
from inference_models_core.types.devices import CPU
from inference_models_core.types.tensors import TensorSpec

AFFINE = {"name": "y", "compute": "affine", "factor": 2, "offset": 1, "shape": ["n", 3]}


@pytest.fixture
def open_graph(tmp_path):
    def open_(batch="n", outputs=(AFFINE,), dtype="float32", **document):
        graph = {"inputs": [{"name": "x", "dtype": dtype, "shape": [batch, 3]}], "outputs": list(outputs), **document}
        path = tmp_path / "weights.loopback"
        path.write_text(json.dumps(graph))
        return LoopbackBackend().open_session(path, device=CPU, package=None, options={})

    return open_


def numbers(size, dtype=np.float32):
    return np.arange(size * 3, dtype=dtype).reshape(size, 3)


@given(static=st.integers(1, 5), size=st.integers(1, 17))
@settings(max_examples=60, deadline=None)
def test_any_batch_through_a_fixed_graph(tmp_path_factory, static, size):
    path = tmp_path_factory.mktemp("graph") / "weights.loopback"
    path.write_text(json.dumps({"inputs": [{"name": "x", "shape": [static, 3]}], "outputs": [AFFINE]}))
    runner = Runner(LoopbackBackend().open_session(path, device=CPU, package=None, options={}))
    (y,) = runner.run(numbers(size))
    assert np.array_equal(y, 2 * numbers(size) + 1)


@given(low=st.integers(1, 4), extra=st.integers(0, 4), size=st.integers(1, 17))
@settings(max_examples=60, deadline=None)
def test_declared_bounds_of_a_dynamic_graph_hold_for_every_run(low, extra, size):
    seen = []

    class Session:
        inputs = (TensorSpec(name="x", shape=("n", 3)),)
        outputs = None
        device, arrays, thread_safe, borrows = CPU, "numpy", True, False

        def run(self, inputs):
            seen.append(len(inputs["x"]))
            return (inputs["x"] + 1,)

        def close(self):
            pass

    (y,) = Runner(Session(), batch=BatchSupport(minimum=low, maximum=low + extra)).run(numbers(size))
    assert np.array_equal(y, numbers(size) + 1)
    assert all(low <= batch <= low + extra for batch in seen)


@pytest.mark.parametrize(
    ("shape", "seen"),
    [
        (None, [2, 2]),  # it knows no more than its input's name: the package's word counts
        (("n", 3), [3]),  # the graph itself says that any batch will do
        ((3, 3), [3]),
    ],
)
def test_a_declared_batch_counts_where_the_graph_says_no_shape(shape, seen):
    batches = []

    class Session:
        inputs = (TensorSpec(name="x", shape=shape),)
        outputs = None
        device, arrays, thread_safe, borrows = CPU, "numpy", True, False

        def run(self, inputs):
            batches.append(len(inputs["x"]))
            return (inputs["x"] + 1,)

        def close(self):
            pass

    (y,) = Runner(Session(), batch=BatchSupport(static=2)).run(numbers(3))
    assert np.array_equal(y, numbers(3) + 1)
    assert batches == seen


def test_inputs_are_cast_to_the_graphs_type(open_graph):
    for dtype in ("float16", "float64", "int64", "uint8"):
        (y,) = Runner(open_graph(dtype=dtype)).run(numbers(2))
        assert y.dtype.name == dtype
        assert np.array_equal(y, (2 * numbers(2) + 1).astype(dtype))


def test_an_array_of_the_right_type_is_not_copied(open_graph):
    session = open_graph()
    taken = []
    session.run = lambda inputs: (taken.append(inputs["x"]), (inputs["x"],))[1]
    x = numbers(2)
    Runner(session).run(x)
    assert taken[0] is x


def test_borrowed_outputs_belong_to_the_caller(open_graph):
    runner = Runner(open_graph(borrows=True))
    (first,) = runner.run(numbers(2))
    runner.run(numbers(2) + 50)
    assert np.array_equal(first, 2 * numbers(2) + 1)


def test_borrowed_outputs_in_chunks(open_graph):
    (y,) = Runner(open_graph(batch=2, borrows=True)).run(numbers(5))
    assert np.array_equal(y, 2 * numbers(5) + 1)


def test_outputs_by_name_else_by_position(open_graph):
    outputs = [{"name": "a", "factor": 2}, {"name": "b", "factor": 3}]
    named = Runner(open_graph(outputs=outputs))
    assert named.run(numbers(1), ("b", "a"))[0][0, 1] == 3
    assert named.run(numbers(1), (1,))[0][0, 1] == 3
    unnamed = Runner(open_graph(outputs=[{"factor": 2}, {"factor": 3}]))
    assert unnamed.run(numbers(1), ("b", "a"))[0][0, 1] == 2
    renamed = Runner(open_graph(outputs=[{"name": "out0", "factor": 2}, {"name": "a", "factor": 3}]))
    assert renamed.run(numbers(1), ("a", "b"))[0][0, 1] == 2  # one name is missing: positions


def test_too_few_outputs_are_a_typed_error(open_graph):
    with pytest.raises(ModelOutputError, match="a, b"):
        Runner(open_graph()).run(numbers(1), ("a", "b"))


def test_unnamed_inputs_are_taken_by_position(open_graph):
    runner = Runner(open_graph(inputs=[{"shape": ["n", 3]}]))
    assert np.array_equal(runner.run(numbers(2))[0], 2 * numbers(2) + 1)


def test_a_session_that_knows_nothing_runs_with_the_packages_declaration(open_graph):
    session = open_graph(inputs=None, declares_outputs=False)
    runner = Runner(session, batch=BatchSupport(static=2))
    seen = []
    run = session.run
    session.run = lambda inputs: (seen.append(len(next(iter(inputs.values())))), run(inputs))[1]
    assert np.array_equal(runner.run(numbers(3))[0], 2 * numbers(3) + 1)
    assert seen == [2, 2]


def test_an_output_without_batch_axis_of_a_batch_one_graph_gets_one(open_graph):
    outputs = [AFFINE, {"name": "proto", "compute": "picture", "shape": [3]}]
    _, proto = Runner(open_graph(batch=1, outputs=outputs)).run(numbers(4))
    assert np.array_equal(proto, numbers(4))


def test_a_constant_output_is_there_for_every_picture(open_graph):
    outputs = [AFFINE, {"name": "anchors", "compute": "constant", "value": [[1, 2], [3, 4], [5, 6]], "shape": [3, 2]}]
    for size in (1, 2, 3, 4):
        _, anchors = Runner(open_graph(outputs=outputs)).run(numbers(size))
        assert anchors.shape == (size, 3, 2)
        assert np.array_equal(anchors[-1], [[1, 2], [3, 4], [5, 6]])


def test_a_one_left_over_from_export_is_still_the_batch(open_graph):
    (y,) = Runner(open_graph(outputs=[{**AFFINE, "shape": [1, 3]}])).run(numbers(1))
    assert y.shape == (1, 3)


def test_inputs_that_do_not_fit_the_graph(open_graph):
    runner = Runner(open_graph())
    with pytest.raises(ModelRuntimeError, match="has the inputs x; got z"):
        runner.run({"z": numbers(1)})
    two = Runner(open_graph(inputs=[{"name": "a"}, {"name": "b"}]))
    with pytest.raises(ModelRuntimeError, match="a, b"):
        two.run(numbers(1))
    with pytest.raises(ModelRuntimeError, match="disagree"):
        two.run({"a": numbers(1), "b": numbers(2)})


def test_a_session_that_is_not_thread_safe_is_run_by_one_thread_at_a_time(open_graph):
    session = open_graph(thread_safe=False)
    running, overlaps = threading.Lock(), []
    run = session.run

    def guarded(inputs):
        if not running.acquire(blocking=False):
            overlaps.append(1)
            return run(inputs)
        try:
            threading.Event().wait(0.002)
            return run(inputs)
        finally:
            running.release()

    session.run = guarded
    runner = Runner(session)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda i: runner.run(numbers(2) + i)[0], range(32)))
    assert not overlaps
    assert all(np.array_equal(y, 2 * (numbers(2) + i) + 1) for i, y in enumerate(results))


def test_a_thread_safe_session_is_not_locked(open_graph):
    session = open_graph()
    both = threading.Barrier(2, timeout=10)
    run = session.run
    session.run = lambda inputs: (both.wait(), run(inputs))[1]
    runner = Runner(session)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: runner.run(numbers(1)), range(2)))


def test_closing_twice_and_using_a_closed_runner(open_graph):
    session = open_graph()
    runner = Runner(session)
    runner.close()
    runner.close()
    assert session.closed
    for use in (lambda: runner.run(numbers(1)), lambda: runner.device, lambda: runner.submit(numbers(1))):
        with pytest.raises(ModelClosedError):
            use()


def test_submit_gives_the_result_of_run(open_graph):
    pending = Runner(open_graph(batch=2)).submit(numbers(3))
    assert pending.done()
    assert np.array_equal(pending.result()[0], 2 * numbers(3) + 1)


def test_submit_uses_the_sessions_own_way(open_graph):
    session = open_graph()
    pending = object()
    session.submit = lambda inputs: pending
    assert Runner(session).submit(numbers(2)) is pending
