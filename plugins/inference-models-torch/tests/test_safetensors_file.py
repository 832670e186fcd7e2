"""What a safetensors file may say."""

from __future__ import annotations

import json
import random

import pytest
from inference_models_core.errors import PackageError, PackageFileMissingError
from inference_models_torch.eager.safetensors_file import StoredTensor, read_safetensors

PAIR = {
    "weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
    "__metadata__": {"format": "pt"},
    "bias": {"dtype": "F16", "shape": [3], "data_offsets": [16, 22]},
    "steps": {"dtype": "I64", "shape": [], "data_offsets": [22, 30]},
    "empty": {"dtype": "BF16", "shape": [0, 4], "data_offsets": [30, 30]},
}


def built(header, size=30, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + bytes(range(size))


def read(save, content):
    return read_safetensors(save(content, "weights.safetensors"))


def test_tensors_in_the_order_of_their_bytes(save):
    tensors, content = read(save, built(PAIR))
    assert tensors == [
        StoredTensor("weight", "float32", (2, 2), 0, 16),
        StoredTensor("bias", "float16", (3,), 16, 22),
        StoredTensor("steps", "int64", (), 22, 30),
        StoredTensor("empty", "bfloat16", (0, 4), 30, 30),
    ]
    assert bytes(content) == bytes(range(30))


def changed(**fields):
    return {**PAIR, "bias": {**PAIR["bias"], **fields}}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04" + bytes(60),
        b"\x80\x02}q\x00." + bytes(60),
        built(b"[]"),
        built(b"{"),
        built(b" {}", 0),
        built(PAIR, 29),
        built(PAIR, 31),
        built(PAIR, length=2**40),
        built(PAIR, length=1),
        built(changed(dtype="F32")),
        built(changed(dtype="F8")),
        built(changed(dtype=None)),
        built(changed(shape=[4])),
        built(changed(shape=[-3])),
        built(changed(shape=[1.5])),
        built(changed(shape=3)),
        built(changed(data_offsets=[15, 21])),
        built(changed(data_offsets=[17, 23])),
        built(changed(data_offsets=[22, 16])),
        built(changed(data_offsets=[16])),
        built(changed(data_offsets=[-6, 0])),
        built({**PAIR, "bias": 7}),
        built({"bomb": {"dtype": "F64", "shape": [2**50], "data_offsets": [0, 2**53]}}),
        built({"deep": {"dtype": "U8", "shape": [1] * 40, "data_offsets": [0, 1]}}, 1),
    ],
)
def test_refused(save, content):
    with pytest.raises(PackageError):
        read(save, content)


def test_no_file(tmp_path):
    with pytest.raises(PackageFileMissingError):
        read_safetensors(tmp_path / "weights.safetensors")
    with pytest.raises(PackageError):
        read_safetensors(tmp_path)


def test_mutations_are_typed_errors(save):
    content = built(PAIR)
    chance = random.Random(3)
    refused = 0
    for _ in range(500):
        data = bytearray(content)
        data[chance.randrange(len(data) - 30)] = chance.randrange(256)
        try:
            tensors, _ = read(save, bytes(data))
        except PackageError:
            refused += 1
            continue
        assert tensors[-1].end == 30
    assert refused > 200
