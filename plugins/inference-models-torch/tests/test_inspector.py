"""What a single archive says, and the notes of Ultralytics in it."""

from __future__ import annotations

import pytest
from inference_models_core.errors import MalformedDocumentError
from inference_models_core.types.backends import UNKNOWN_BATCH, BatchSupport
from inference_models_torch.inspector import inspect_file
from inference_models_torch.manifest import TorchRequirements


def test_an_archive_without_notes(archives, save):
    facts = inspect_file(save(archives.build()))
    assert facts.details.backend == "torch-script"
    assert (facts.details.quantization, facts.details.batch) == ("fp32", UNKNOWN_BATCH)
    assert facts.details.requirements == TorchRequirements()
    assert (facts.architecture, facts.task, facts.input_size, facts.preprocessing) == (None, None, None, None)


def test_an_export_of_ultralytics(archives, save):
    facts = inspect_file(save(archives.with_config(archives.export)))
    assert (facts.architecture, facts.task) == ("yolov8", "object-detection")
    assert facts.class_names == ("cat", "dog")
    assert facts.details.batch == BatchSupport(static=1)
    assert facts.input_size == (64, 64)
    network = facts.preprocessing["network_input"]
    assert (network["resize_mode"], network["dynamic_spatial_size_supported"]) == ("letterbox", False)
    assert facts.origin == "ultralytics 8.3.40"


def test_a_dynamic_export(archives, save):
    facts = inspect_file(save(archives.with_config({**archives.export, "args": {"dynamic": True}})))
    assert facts.details.batch == BatchSupport()
    assert facts.preprocessing["network_input"]["dynamic_spatial_size_supported"] is True


@pytest.mark.parametrize(
    ("tensors", "expected"),
    [
        ([{"kind": "HalfStorage"}], "fp16"),
        ([{"kind": "BFloat16Storage"}], "bf16"),
        ([{"kind": "CharStorage"}], "int8"),
        ([{"kind": "HalfStorage"}, {"kind": "FloatStorage", "key": "1", "count": 1}], "fp16"),
        ([{"kind": "LongStorage", "count": 1}], None),
        ([], None),
    ],
)
def test_precision_of_most_weights(archives, save, tensors, expected):
    pickled = archives.module(*[archives.tensor(**fields) for fields in tensors])
    path = save(archives.build(archives.parts({"data.pkl": pickled, "data/1": bytes(4)})))
    assert inspect_file(path).details.quantization == expected


def test_one_storage_of_several_tensors_counts_once(archives, save):
    shared = [archives.tensor(), archives.tensor(), archives.tensor(kind="HalfStorage", key="1", count=4)]
    path = save(archives.build(archives.parts({"data.pkl": archives.module(*shared), "data/1": bytes(8)})))
    assert inspect_file(path).details.quantization == "fp16"


def test_a_graph_that_needs_torchvision(archives, save):
    code = archives.code + b"    y = ops.torchvision.nms(x, x, 0.5)\n"
    facts = inspect_file(save(archives.build(archives.parts({"code/__torch__.py": code}))))
    assert facts.details.requirements == TorchRequirements(torchvision="0")


@pytest.mark.parametrize("content", [b"{", b"[1]", b'{"author": "Ultralytics", "names": {"0": 7}}', b"\xff"])
def test_notes_that_are_damaged(archives, save, content):
    path = save(archives.build(archives.parts({"extra/config.txt": content})))
    with pytest.raises(MalformedDocumentError):
        inspect_file(path)


def test_notes_of_somebody_else(archives, save):
    facts = inspect_file(save(archives.with_config({"author": "somebody", "names": 7})))
    assert facts.architecture is None
