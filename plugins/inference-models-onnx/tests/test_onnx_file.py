"""The bounded reader against the ``onnx`` package, and against damaged files."""

from __future__ import annotations

import contextlib
import itertools
import random
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_models_core.errors import PackageError, PackageFileMissingError
from inference_models_onnx.onnx_file import OnnxFile, read_onnx_bytes, read_onnx_file
from inference_models_onnx.safety import check_file
from onnx import TensorProto, helper, numpy_helper

SEED = 20_240
MUTATIONS = 2_000


def operators(nodes):
    found = set()
    for node in nodes:
        found.add((node.domain, node.op_type))
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                found |= operators(graph.node)
    return found


def shape_of(info):
    tensor = info.type.tensor_type
    if not info.type.HasField("tensor_type") or not tensor.HasField("shape"):
        return None
    return tuple(d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in tensor.shape.dim)


def dtype_of(info):
    if not info.type.HasField("tensor_type"):
        return None
    known = helper.get_all_tensor_dtypes()
    code = info.type.tensor_type.elem_type
    dtype = helper.tensor_dtype_to_np_dtype(code) if code in known and code != TensorProto.STRING else None
    return dtype.name if dtype is not None and dtype.type.__module__ == "numpy" else None


def as_onnx_reads_it(content: bytes):
    model = onnx.load_from_string(content)
    weights = {t.name for t in model.graph.initializer} | {t.values.name for t in model.graph.sparse_initializer}
    specs = [
        [(info.name, dtype_of(info), shape_of(info)) for info in infos if info.name not in weights]
        for infos in (model.graph.input, model.graph.output)
    ]
    return {
        "ir_version": model.ir_version,
        "opsets": {"" if o.domain == "ai.onnx" else o.domain: o.version for o in model.opset_import},
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "metadata": {entry.key: entry.value for entry in model.metadata_props},
        "inputs": specs[0],
        "outputs": [(i.name, dtype_of(i), shape_of(i)) for i in model.graph.output],
        "operators": operators(model.graph.node),
        "functions": {(f.domain, f.name): operators(f.node) for f in model.functions},
    }


def as_we_read_it(content: bytes):
    read = read_onnx_bytes(content, "model.onnx")
    return {
        "ir_version": read.ir_version,
        "opsets": dict(read.opsets),
        "producer": read.producer,
        "metadata": dict(read.metadata),
        "inputs": [(s.name, s.dtype, s.shape) for s in read.inputs],
        "outputs": [(s.name, s.dtype, s.shape) for s in read.outputs],
        "operators": set(read.operators),
        "functions": {key: set(value) for key, value in read.functions.items()},
    }


def onnx_test_models():
    """Models that the ``onnx`` package carries for its own tests, from many exporters."""
    return sorted((Path(onnx.__file__).parent / "backend" / "test" / "data").rglob("*.onnx"))


def test_agrees_with_onnx_on_the_models_it_carries():
    files = [file for file in onnx_test_models() if file.stat().st_size < 2**20]
    assert len(files) > 100
    for file in files:
        content = file.read_bytes()
        assert as_we_read_it(content) == as_onnx_reads_it(content), file.name
        check_file(file, None)


NAMES = st.text(st.characters(codec="utf-8"), max_size=20)
DTYPES = st.sampled_from(TensorProto.DataType.values())
SHAPES = st.none() | st.lists(st.none() | st.integers(-1, 2**40) | NAMES.filter(bool), max_size=5)


@st.composite
def models(draw):
    """Any model that protocol buffers can carry, valid as a graph or not."""
    infos = [
        [helper.make_tensor_value_info(draw(NAMES), draw(DTYPES), draw(SHAPES)) for _ in range(draw(st.integers(0, 3)))]
        for _ in range(2)
    ]
    tensors = [
        numpy_helper.from_array(np.zeros(draw(st.lists(st.integers(0, 4), max_size=3)), np.float32), draw(NAMES))
        for _ in range(draw(st.integers(0, 3)))
    ]

    def nodes(depth):
        made = []
        for _ in range(draw(st.integers(0, 3))):
            attributes = {"number": draw(st.integers(-(2**63), 2**63 - 1)), "text": draw(NAMES)}
            if depth and draw(st.booleans()):
                attributes["body"] = helper.make_graph(nodes(depth - 1), "body", [], [])
            if tensors and draw(st.booleans()):
                attributes["constant"] = tensors[0]
            made.append(
                helper.make_node(draw(NAMES), draw(st.lists(NAMES, max_size=3)), [], domain=draw(NAMES), **attributes)
            )
        return made

    graph = helper.make_graph(nodes(3), "graph", infos[0], infos[1], tensors)
    imports = [helper.make_opsetid(draw(NAMES), draw(st.integers(1, 2**31)))]
    functions = [
        helper.make_function(draw(NAMES), f"F{index}", [], [], nodes(1), imports)
        for index in range(draw(st.integers(0, 2)))
    ]
    model = helper.make_model(graph, opset_imports=imports, functions=functions, producer_name=draw(NAMES))
    model.ir_version = draw(st.integers(1, 2**40))
    for key, text in draw(st.dictionaries(NAMES, NAMES, max_size=3)).items():
        model.metadata_props.add(key=key, value=text)
    return model.SerializeToString()


@given(models())
@settings(max_examples=150, deadline=None)
def test_agrees_with_onnx_on_generated_models(content):
    assert as_we_read_it(content) == as_onnx_reads_it(content)


@given(models(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_fields_does_not_matter(content, shuffler):
    """Top-level fields in another order, where no two of them say different things about one key."""
    fields = split_fields(content)
    shuffled = fields[:]
    shuffler.shuffle(shuffled)
    ours, ordered = (as_we_read_it(b"".join(parts)) for parts in (shuffled, fields))
    assert ours["operators"] == ordered["operators"]
    assert ours["inputs"] == ordered["inputs"]
    assert ours["producer"] == ordered["producer"]


def split_fields(content):
    from inference_models_onnx.wire_format import WireReader

    starts = [0]
    for tag, _, b in WireReader(content, "m").fields(0, len(content)):
        assert tag
        starts.append(b)
    return [content[i:j] for i, j in itertools.pairwise(starts)]


def test_reads_everything_about_a_detector(graphs):
    made = graphs.convolution("batch", (64, "width"), metadata={"task": "detect"})
    read = read_onnx_bytes(made.SerializeToString(), "m")
    assert isinstance(read, OnnxFile)
    assert read.producer == "tests 1"
    assert read.nodes == 2
    assert read.metadata == {"task": "detect"}
    assert read.weights == {TensorProto.FLOAT: 8 * 3 * 8 * 8, TensorProto.INT64: 3}
    assert read.inputs[0].shape == ("batch", 3, 64, "width")


def test_weights_among_the_inputs_are_no_inputs(graphs):
    """Files of the first versions list them there."""
    made = graphs.affine()
    made.graph.input.append(graphs.value("two", (3,)))
    assert [spec.name for spec in read_onnx_bytes(made.SerializeToString(), "m").inputs] == ["x"]


def test_unknown_fields_are_stepped_over(graphs):
    content = graphs.affine().SerializeToString()
    unknown = graphs.field(1000, b"later") + graphs.field(1001, 5) + graphs.varint(1002 << 3 | 5) + b"four"
    unknown += graphs.varint(1003 << 3 | 1) + b"eight888"
    assert as_we_read_it(unknown + content + unknown) == as_we_read_it(content)


def test_a_known_field_with_another_wire_type_is_unknown(graphs):
    content = graphs.affine().SerializeToString()
    assert as_we_read_it(content + graphs.field(7, 5)) == as_we_read_it(content)  # graph as a number


def test_dimensions_packed_or_not_count_the_same(graphs):
    def weights(dims):
        tensor = dims + graphs.field(2, TensorProto.FLOAT16)
        return read_onnx_bytes(graphs.field(7, graphs.field(5, tensor)), "m").weights

    separate = b"".join(graphs.field(1, size) for size in (3, 300, 2))
    packed = graphs.field(1, b"".join(graphs.varint(size) for size in (3, 300, 2)))
    assert weights(separate) == weights(packed) == {TensorProto.FLOAT16: 1800}


def test_enormous_dimensions_are_not_multiplied_out(graphs):
    """The product would have six million digits and take minutes."""
    dims = graphs.field(1, graphs.varint(2**62) * 100_000)
    assert read_onnx_bytes(graphs.field(7, graphs.field(5, dims)), "m").weights == {0: 2**62}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\x08", "truncated"),
        (b"\x08\x07", "no graph"),
        (b"\x3a", "truncated"),
        (b"\x3a\x05ab", "truncated"),
        (b"\x3a\xff\xff\xff\xff\x0f", "truncated"),
        (b"\x3a\x01\x0a", "truncated"),
        (b"\x08" + b"\x80" * 9, "truncated"),
        (b"\x08" + b"\x80" * 11, "does not end"),
        (b"\x39four", "truncated"),
        (b"\x3b\x3c", "wire type 3"),  # groups were given up before ONNX began
        (b"\x3e\x00", "wire type 6"),
        (b"\x02\x00", "field number 0"),
        (b"\xf8\xff\xff\xff\xff\xff\x01\x00", "field number"),
        (b"PK\x03\x04" + b"\0" * 40, "ZIP"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "Git LFS"),
        (b"<!doctype html><html>", "web page"),
        (b'{"a": 1}', "JSON"),
        (b"\x80\x02}q\x00.", "pickle"),
    ],
)
def test_what_is_no_onnx_file_is_named(save, content, says):
    with pytest.raises(PackageError, match=says) as caught:
        read_onnx_file(save(content))
    assert "weights.onnx" in caught.value.message


def test_a_length_that_leaves_its_message_is_a_truncation(graphs):
    """The file goes on, but the message that holds the field does not."""
    inner = graphs.varint(1 << 3 | 2) + graphs.varint(50) + b"x" * 3
    content = graphs.field(7, inner) + b"\0" * 100
    with pytest.raises(PackageError, match="truncated"):
        read_onnx_bytes(content, "m")


def test_every_prefix_is_a_typed_error_or_a_shorter_model(graphs):
    content = graphs.convolution(metadata={"names": "{0: 'a'}"}).SerializeToString()
    complete = 0
    for length in range(len(content)):
        with contextlib.suppress(PackageError):
            read_onnx_bytes(content[:length], "m")
            complete += 1
    # Only cuts between top-level fields behind the graph leave a whole message.
    assert 0 < complete <= len(split_fields(content))


def mutate(content: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(damaged))
        kind = chance.randrange(5)
        if kind == 0:
            damaged[at] = chance.randrange(256)
        elif kind == 1:
            damaged[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            del damaged[at : at + chance.randint(1, 40)]
        elif kind == 3:
            damaged[at:at] = chance.randbytes(chance.randint(1, 20))
        else:
            begin = chance.randrange(len(damaged))
            damaged[at:at] = damaged[begin : begin + chance.randint(1, 200)]
        damaged = damaged or bytearray(b"\0")
    return bytes(damaged)


def test_mutated_models_give_facts_or_a_typed_error(graphs):
    sources = [
        graphs.convolution("n", metadata={"names": "{0: 'a'}"}).SerializeToString(),
        graphs.nested(6).SerializeToString(),
        graphs.external().SerializeToString(),
    ]
    chance = random.Random(SEED)
    refused = 0
    for _ in range(MUTATIONS):
        try:
            read_onnx_bytes(mutate(chance.choice(sources), chance), "m")
        except PackageError:
            refused += 1
    assert MUTATIONS * 0.3 < refused < MUTATIONS  # both outcomes were met


def test_a_missing_file(tmp_path):
    with pytest.raises(PackageFileMissingError):
        read_onnx_file(tmp_path / "missing.onnx")


def test_a_file_larger_than_the_format_allows(tmp_path):
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(PackageError, match="external data"):
        read_onnx_file(path)


def test_big_tensors_are_stepped_over(graphs, tmp_path):
    """A sparse file of 1.5 GB: reading it would take long and fill the memory."""
    head = graphs.affine().SerializeToString()
    size = 3 * 2**29
    tensor_head = graphs.varint(9 << 3 | 2) + graphs.varint(size)
    initializer = graphs.varint(5 << 3 | 2) + graphs.varint(len(tensor_head) + size) + tensor_head
    path = tmp_path / "big.onnx"
    with path.open("wb") as file:
        file.write(head + graphs.varint(7 << 3 | 2) + graphs.varint(len(initializer) + size) + initializer)
        file.seek(size, 1)
        file.truncate()
    assert read_onnx_file(path).nodes == 2
