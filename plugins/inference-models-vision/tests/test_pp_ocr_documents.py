"""`inference.yml`: what PaddleOCR writes, and what nobody should."""

from __future__ import annotations

import pytest
from inference_models_core import parsing
from inference_models_core.errors import MalformedDocumentError, PackageFileMissingError

pytest.importorskip("pyclipper")
pytest.importorskip("yaml")

from inference_models_core.types.preprocessing import ColorOrder
from inference_models_vision.configuration.pp_ocr import (
    RegionSettings,
    SideLimit,
    parse_detection_config,
    parse_recognition_config,
)
from inference_models_vision.configuration.yaml_documents import parse_yaml, read_yaml

DETECTION = b"""
Global:
  model_name: PP-OCR_det
PreProcess:
  transform_ops:
  - DecodeImage:
      channel_first: false
      img_mode: RGB
  - DetLabelEncode: null
  - DetResizeForTest:
      limit_side_len: 960
      limit_type: max
  - NormalizeImage:
      mean: [0.5, 0.25, 0.125]
      order: hwc
      scale: 1./255.
      std: [0.1, 0.2, 0.4]
  - ToCHWImage: null
PostProcess:
  name: DBPostProcess
  thresh: 0.2
  box_thresh: 0.45
  max_candidates: 500
  unclip_ratio: 1.4
"""
RECOGNITION = """
PreProcess:
  transform_ops:
  - DecodeImage: {img_mode: BGR}
  - RecResizeImg:
      image_shape: [3, 32, 100]
PostProcess:
  name: CTCLabelDecode
  character_dict: ['0', 1, a, \u3042, \u3000, "'", '~']
""".encode()


def fields(content):
    return parsing.as_object(parse_yaml(content, "inference.yml"), "inference.yml")


def test_a_detector():
    config = parse_detection_config(fields(DETECTION))
    declaration = config.preprocessing
    assert (declaration.color_order, declaration.mean, declaration.std) == (
        ColorOrder.RGB, (0.5, 0.25, 0.125), (0.1, 0.2, 0.4),
    )  # fmt: skip
    assert declaration.divisor == pytest.approx(255)
    assert config.side_limit == SideLimit(pixels=960, shortest=False)
    assert config.regions == RegionSettings(threshold=0.2, box_threshold=0.45, unclip_ratio=1.4, max_candidates=500)


@pytest.mark.parametrize("content", [b"{}", b"PreProcess: null", b"PreProcess: {transform_ops: [{DecodeImage: null}]}"])
def test_what_is_not_said_has_its_usual_value(content):
    config = parse_detection_config(fields(content))
    declaration = config.preprocessing
    assert declaration.color_order is ColorOrder.BGR
    assert declaration.divisor == pytest.approx(255)
    assert (declaration.mean, declaration.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert (config.side_limit.pixels, config.side_limit.shortest) == (736, True)
    regions = config.regions
    assert (regions.threshold, regions.box_threshold, regions.unclip_ratio, regions.max_candidates) == (
        0.3, 0.6, 1.5, 1000,
    )  # fmt: skip


def test_a_reader():
    config = parse_recognition_config(fields(RECOGNITION))
    assert config.preprocessing.size == (32, 100)
    assert config.preprocessing.mean == config.preprocessing.std == (0.5, 0.5, 0.5)
    assert config.characters == ("0", "1", "a", "\u3042", "\u3000", "'", "~", " ")


def test_a_reader_of_all_of_chinese():
    written = [chr(0x4E00 + i) for i in range(18_383)]
    content = "PostProcess:\n  character_dict:\n" + "".join(f"  - {letter}\n" for letter in written)
    config = parse_recognition_config(fields(content.encode()))
    assert config.characters == (*written, " ")
    assert config.preprocessing.size == (48, 320)


def step(text):
    return f"PreProcess: {{transform_ops: [{text}]}}".encode()


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"PostProcess: {thresh: 2}", "thresh"),
        (b"PostProcess: {thresh: .nan}", "thresh"),
        (b"PostProcess: {box_thresh: high}", "box_thresh"),
        (b"PostProcess: {unclip_ratio: -1}", "unclip_ratio"),
        (b"PostProcess: {unclip_ratio: 1e9}", "unclip_ratio"),
        (b"PostProcess: {max_candidates: 0}", "max_candidates"),
        (b"PostProcess: [1]", "PostProcess"),
        (b"PreProcess: {transform_ops: {}}", "transform_ops"),
        (b"PreProcess: {transform_ops: [NormalizeImage]}", "transform_ops"),
        (step("{DecodeImage: {img_mode: GRAY}}"), "img_mode"),
        (step("{DetResizeForTest: {limit_side_len: 0}}"), "limit_side_len"),
        (step("{DetResizeForTest: {limit_side_len: 99999999}}"), "limit_side_len"),
        (step("{DetResizeForTest: {limit_type: resize_long}}"), "limit_type"),
        (step("{NormalizeImage: {mean: [1, 2]}}"), "mean"),
        (step("{NormalizeImage: {std: [1, 2, 0]}}"), "std"),
        (step("{NormalizeImage: {scale: 0}}"), "scale"),
        (step("{NormalizeImage: {scale: 1/0}}"), "scale"),
        (step("{NormalizeImage: {scale: __import__('os')}}"), "scale"),
    ],
)
def test_a_detector_that_makes_no_sense(content, where):
    with pytest.raises(MalformedDocumentError, match=where):
        parse_detection_config(fields(content))


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"{}", "PostProcess"),
        (b"PostProcess: {}", "character_dict"),
        (b"PostProcess: {character_dict: [[a]]}", r"character_dict\[0\]"),
        (b"PostProcess: {character_dict: [a, 10]}", r"character_dict\[1\]"),
        (b"PostProcess: {character_dict: [a, true]}", r"character_dict\[1\]"),
        (step("{RecResizeImg: {image_shape: [1, 48, 320]}}"), "image_shape"),
        (step("{RecResizeImg: {image_shape: [3, 0, 320]}}"), "image_shape"),
        (step("{RecResizeImg: {image_shape: [3, 48, 9999]}}"), "image_shape"),
    ],
)
def test_a_reader_that_makes_no_sense(content, where):
    with pytest.raises(MalformedDocumentError, match=where):
        parse_recognition_config(fields(content))


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (LAUGHS.encode(), "alias"),
        (b"&a [*a]", "alias"),
        (b"[" * 900, "levels"),
        (b"[" * 100_000, "levels|nesting depth"),  # from 1,000 on, PyYAML 6.0.4 refuses in its own words
        (b"- " * 100_000, "levels"),
        (b"{a: " * 100_000, "levels"),
        (b"[" + b"1," * 500_000 + b"]", "values"),
        (b"a: [", "YAML"),
        (b"a: !!python/object/apply:os.system ['true']", "YAML"),
        (b"a: 2024-99-99", "YAML"),
        (b"? [a]\n: b", "YAML"),
        (b"a: \xff\xfe", "YAML"),
        (b"a: b\n---\na: c", "YAML"),
        (b"a: " + b"9" * 5000, "YAML"),
        (b"", "an object"),
        (b"- a", "an object"),
    ],
)
def test_what_is_no_document(tmp_path, content, reason):
    path = tmp_path / "inference.yml"
    path.write_bytes(content)
    with pytest.raises(MalformedDocumentError, match=reason):
        read_yaml(path)


def test_no_document(tmp_path):
    with pytest.raises(PackageFileMissingError, match=r"inference\.yml"):
        read_yaml(tmp_path / "inference.yml")
