"""Files that could do more than compute are refused."""

from __future__ import annotations

import os

import numpy as np
import pytest
from inference_models_core.errors import PackageError, UnsafeModelFileError
from inference_models_onnx import onnx_messages, wire_format
from inference_models_onnx.onnx_file import read_onnx_file
from inference_models_onnx.safety import check_file
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture
def with_data(graphs, save, tmp_path):
    """A model with external data, its data file of 12 bytes beside it, and a secret outside of its directory."""
    (tmp_path / "secret.bin").write_bytes(b"s" * 12)
    (tmp_path / "package" / "sub").mkdir(parents=True)
    for name in ("weights.bin", "sub/more.bin", ".hidden"):
        (tmp_path / "package" / name).write_bytes(b"w" * 12)

    def write(location="weights.bin", **entries):
        return save(graphs.external(location, **entries), "package/weights.onnx")

    return write


@pytest.mark.parametrize(
    ("location", "entries"),
    [
        ("weights.bin", {}),
        ("weights.bin", {"offset": "0", "length": "12"}),
        ("weights.bin", {"offset": "4", "length": "8", "checksum": "abc"}),
        ("sub/more.bin", {}),
        (".hidden", {}),
    ],
)
def test_plain_files_of_the_package_are_fine(with_data, location, entries):
    path = with_data(location, **entries)
    check_file(path, None)
    check_file(path, {"weights.onnx", location})


@pytest.mark.parametrize(
    "location",
    [
        "../secret.bin",
        "sub/../../secret.bin",
        "./weights.bin",
        "sub//more.bin",
        "/etc/hostname",
        "C:\\secret.bin",
        "C:secret.bin",
        "..\\secret.bin",
        "weights.bin:stream",
        "weights.bin\0.txt",
        "missing.bin",
        "sub",
        "",
        "*/_ORT_MEM_ADDR_/*",
        "\udcff".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    ],
)
def test_locations_that_are_no_plain_file_of_the_package(with_data, location):
    with pytest.raises(UnsafeModelFileError, match="external data of the tensor 'w'"):
        check_file(with_data(location), None)


def test_an_absolute_path_to_a_file_that_exists(with_data, tmp_path):
    with pytest.raises(UnsafeModelFileError):
        check_file(with_data(str(tmp_path / "secret.bin")), None)


def test_a_file_that_was_not_declared(with_data):
    with pytest.raises(UnsafeModelFileError, match="not a file of the package"):
        check_file(with_data(), {"weights.onnx", "other.bin"})


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links")
@pytest.mark.parametrize("link", ["weights.bin", "linked/secret.bin"])
def test_symbolic_links(with_data, tmp_path, link):
    path = with_data(link)
    if "/" in link:
        (path.parent / "linked").symlink_to(tmp_path)
    else:
        (path.parent / link).unlink()
        (path.parent / link).symlink_to(tmp_path / "secret.bin")
    with pytest.raises(UnsafeModelFileError):
        check_file(path, None)


@pytest.mark.parametrize(
    "entries",
    [
        {"offset": "-1"},
        {"offset": "1"},  # with the length that is declared, past the end
        {"offset": "13", "length": "0"},
        {"length": "13"},
        {"length": "-12"},
        {"offset": "18446744073709551615"},
        {"offset": "99999999999999999999999"},
        {"offset": "0x4"},
        {"offset": " 4"},
        {"offset": "4 "},
        {"offset": "٤"},
        {"length": ""},
        {"basepath": "/etc"},
        {"Location": "weights.bin"},
    ],
)
def test_offsets_lengths_and_keys(with_data, entries):
    length = {} if "length" in entries else {"length": "12"}
    with pytest.raises(UnsafeModelFileError):
        check_file(with_data(**length, **entries), None)


def test_a_repeated_key(graphs, save, tmp_path):
    made = graphs.external()
    made.graph.initializer[0].external_data.add(key="location", value="../secret.bin")
    (tmp_path / "weights.bin").write_bytes(b"w" * 12)
    with pytest.raises(UnsafeModelFileError, match="repeated"):
        check_file(save(made), None)


def hidden_tensor():
    tensor = TensorProto(name="hidden", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../secret.bin")
    return tensor


def test_external_data_is_found_wherever_a_tensor_can_stand(graphs, save):
    constant = helper.make_node("Constant", [], ["y"], value=hidden_tensor())
    plain = numpy_helper.from_array(np.zeros(3, np.float32), "plain")
    branch = helper.make_graph([constant], "branch", [], [graphs.value("y", (3,))])
    weights = helper.make_graph(
        [helper.make_node("Identity", ["hidden"], ["y"])], "weights", [], [graphs.value("y", (3,))], [hidden_tensor()]
    )
    sparse = helper.make_sparse_tensor(hidden_tensor(), helper.make_tensor("i", TensorProto.INT64, [3], [0, 1, 2]), [9])
    indices = helper.make_sparse_tensor(plain, hidden_tensor(), [9])
    function = helper.make_function("local", "F", [], ["y"], [constant], [helper.make_opsetid("", 17)])
    default = helper.make_function("local", "G", [], [], [], [helper.make_opsetid("", 17)])
    default.attribute_proto.add(name="a", type=4).t.CopyFrom(hidden_tensor())
    list_of_tensors = helper.make_node("Constant", [], ["y"])
    list_of_tensors.attribute.add(name="many", type=9).tensors.extend([plain, hidden_tensor()])
    list_of_graphs = helper.make_node("Constant", [], ["y"])
    list_of_graphs.attribute.add(name="many", type=10).graphs.extend([branch])

    places = {
        "constant": graphs.model([constant], [], [graphs.value("y", (3,))]),
        "branch": graphs.model([helper.make_node("If", ["c"], ["y"], then_branch=branch)], [], []),
        "weights of a branch": graphs.model([helper.make_node("If", ["c"], ["y"], else_branch=weights)], [], []),
        "deep": graphs.nested(5, leaf=constant),
        "sparse attribute": graphs.model([helper.make_node("Constant", [], ["y"], sparse_value=sparse)], [], []),
        "sparse indices": graphs.model([helper.make_node("Constant", [], ["y"], sparse_value=indices)], [], []),
        "function": graphs.model([], [], [], functions=[function]),
        "default of a function": graphs.model([], [], [], functions=[default]),
        "tensors": graphs.model([list_of_tensors], [], []),
        "graphs": graphs.model([list_of_graphs], [], []),
        "training": graphs.model([], [], []),
        "sparse initializer": graphs.model([], [], []),
    }
    places["training"].training_info.add().algorithm.node.append(constant)
    places["sparse initializer"].graph.sparse_initializer.append(sparse)
    for place, made in places.items():
        with pytest.raises(UnsafeModelFileError, match="hidden"):
            check_file(save(made), None)
        assert place


@pytest.mark.parametrize("domain", ["com.microsoft", "", "anything"])
def test_compiled_engines(graphs, save, domain):
    node = helper.make_node("EPContext", ["x"], ["y"], domain=domain, embed_mode=1, ep_cache_context=b"\x7fELF")
    with pytest.raises(UnsafeModelFileError, match="EPContext"):
        check_file(save(graphs.model([node], [graphs.value("x")], [graphs.value("y")])), None, ["anything"])


@pytest.mark.parametrize("operator", ["PyOp", "PythonOp"])
def test_operators_that_run_python(graphs, save, operator):
    node = helper.make_node(operator, ["x"], ["y"], domain="com.microsoft")
    with pytest.raises(UnsafeModelFileError, match="Python"):
        check_file(save(graphs.model([node], [graphs.value("x")], [graphs.value("y")])), None)


def test_operators_of_other_domains_need_the_callers_word(graphs, save):
    node = helper.make_node("Mystery", ["x"], ["y"], domain="com.example")
    path = save(graphs.model([node], [graphs.value("x")], [graphs.value("y")], domains=["com.example"]))
    with pytest.raises(UnsafeModelFileError) as caught:
        check_file(path, None)
    assert "'com.example'" in caught.value.message
    assert "custom_op_domains" in caught.value.hint
    check_file(path, None, ["com.example"])


@pytest.mark.parametrize("domain", ["", "ai.onnx", "ai.onnx.ml", "com.microsoft"])
def test_standard_domains(graphs, save, domain):
    node = helper.make_node("Mystery", ["x"], ["y"], domain=domain)
    check_file(save(graphs.model([node], [graphs.value("x")], [graphs.value("y")])), None)


def chain(graphs, length, *, closed=False):
    """Functions F0 -> F1 -> ... of one domain; the last calls Relu, or F0."""
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    functions = []
    for index in range(length):
        last = index == length - 1
        target, domain = ("F0", "local") if last and closed else (f"F{index + 1}", "local")
        if last and not closed:
            target, domain = "Relu", ""
        node = helper.make_node(target, ["x"], ["y"], domain=domain)
        functions.append(helper.make_function("local", f"F{index}", ["x"], ["y"], [node], imports))
    node = helper.make_node("F0", ["x"], ["y"], domain="local")
    return graphs.model([node], [graphs.value("x")], [graphs.value("y")], domains=["local"], functions=functions)


def test_functions_of_the_file_itself_are_no_foreign_operators(graphs, save):
    check_file(save(chain(graphs, 1)), None)
    check_file(save(chain(graphs, onnx_messages.MAX_NESTING)), None)


@pytest.mark.parametrize("closed", [True, False])
def test_functions_that_nest_too_deep_or_forever(graphs, save, closed):
    length = 2 if closed else onnx_messages.MAX_NESTING + 1
    with pytest.raises(UnsafeModelFileError, match="nests functions"):
        check_file(save(chain(graphs, length, closed=closed)), None)


def test_a_foreign_operator_inside_a_function(graphs, save):
    made = chain(graphs, 1)
    made.functions[0].node[0].domain = "com.example"
    with pytest.raises(UnsafeModelFileError, match=r"com\.example"):
        check_file(save(made), None)


def test_graphs_that_nest_too_deep(graphs, save):
    def model_of(depth):
        graph = b""
        for _ in range(depth + 1):
            graph = graphs.field(1, graphs.field(5, graphs.field(6, graph)))  # node, attribute, g
        return graphs.field(7, graph)

    read_onnx_file(save(model_of(onnx_messages.MAX_NESTING - 1)))
    for depth in (onnx_messages.MAX_NESTING, 10_000):
        with pytest.raises(UnsafeModelFileError, match="nests graphs"):
            read_onnx_file(save(model_of(depth)))


def test_the_number_of_nodes_and_fields_is_capped(graphs, save, monkeypatch):
    path = save(graphs.affine())
    monkeypatch.setattr(onnx_messages, "MAX_NODES", 1)
    with pytest.raises(UnsafeModelFileError, match="more than 1 nodes"):
        read_onnx_file(path)
    monkeypatch.undo()
    monkeypatch.setattr(wire_format, "MAX_FIELDS", 10)
    with pytest.raises(UnsafeModelFileError, match="more than 10 fields"):
        read_onnx_file(path)


def test_what_a_runtime_would_merge_is_seen(graphs, save):
    """Protocol buffers merge repeated singular messages: a second graph adds its nodes to the first one's."""
    harmless = graphs.affine().SerializeToString()
    node = helper.make_node("EPContext", ["x"], ["z"], domain="com.microsoft")
    second = graphs.model([node], [], []).SerializeToString()
    with pytest.raises(UnsafeModelFileError, match="EPContext"):
        check_file(save(harmless + second), None)


def test_fifo_and_directory_are_no_files(tmp_path):
    with pytest.raises(PackageError, match="not a file"):
        read_onnx_file(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "weights.onnx")
        with pytest.raises(PackageError, match="not a file"):
            read_onnx_file(tmp_path / "weights.onnx")
