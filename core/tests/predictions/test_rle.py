from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from inference_models_core.errors import InvalidRequestError, ModelOutputError
from inference_models_core.predictions import Masks
from inference_models_core.predictions.rle import compressed, counts_of_crop, crop_of_counts, decompressed
from pycocotools import mask as coco

planes = hnp.arrays(np.bool_, st.tuples(st.integers(1, 3), st.integers(1, 24), st.integers(1, 24)))


def oracle(plane):
    return coco.encode(np.asfortranarray(plane, dtype=np.uint8))


@settings(deadline=None)
@given(planes)
@example(np.ones((1, 5, 4), bool))
@example(np.zeros((1, 5, 4), bool))
@example(np.ones((1, 1, 1), bool))
@example(np.tri(9, 9, dtype=bool)[None])
def test_encoding_equals_pycocotools(dense):
    masks = Masks.from_dense(dense)
    assert masks.rle() == [oracle(plane) for plane in dense]
    assert masks.area.tolist() == [int(coco.area(oracle(plane))) for plane in dense]
    np.testing.assert_array_equal(masks.dense(), dense)


@settings(deadline=None)
@given(planes)
def test_decoding_what_pycocotools_writes(dense):
    masks = Masks.from_rle([oracle(plane) for plane in dense])
    np.testing.assert_array_equal(masks.dense(), dense)
    np.testing.assert_array_equal(masks.windows, Masks.from_dense(dense).windows)


@settings(deadline=None)
@given(st.data(), st.sampled_from("CF"))
def test_a_crop_encodes_as_its_plane(data, order):
    height, width = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))
    top, bottom = sorted(data.draw(st.lists(st.integers(0, height), min_size=2, max_size=2)))
    left, right = sorted(data.draw(st.lists(st.integers(0, width), min_size=2, max_size=2)))
    crop = np.array(data.draw(hnp.arrays(np.bool_, (bottom - top, right - left))), order=order)
    plane = np.zeros((height, width), bool)
    plane[top:bottom, left:right] = crop
    assert compressed([counts_of_crop(crop, left, top, (height, width))]) == [oracle(plane)["counts"]]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=40), max_size=4))
def test_text_keeps_every_count_of_every_mask(counts_of_masks):
    texts = compressed([np.array(counts) for counts in counts_of_masks])
    assert [decompressed(text).tolist() for text in texts] == counts_of_masks


@settings(deadline=None)
@given(planes)
def test_uncompressed_counts_and_text_as_str_decode(dense):
    encodings = [oracle(plane) for plane in dense]
    as_text = [{**encoding, "counts": encoding["counts"].decode()} for encoding in encodings]
    as_lists = [{**encoding, "counts": decompressed(encoding["counts"]).tolist()} for encoding in encodings]
    for given_encodings in (as_text, as_lists):
        np.testing.assert_array_equal(Masks.from_rle(given_encodings).dense(), dense)


def test_large_picture_equals_pycocotools():
    y, x = np.mgrid[:1080, :1920]
    plane = (np.hypot(y - 500, x - 900) < 400) & ((x // 7 + y // 5) % 3 > 0)
    masks = Masks.from_dense(plane[None])
    assert masks.rle() == [oracle(plane)]
    np.testing.assert_array_equal(Masks.from_rle(masks.rle()).dense()[0], plane)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside pycocotools
@pytest.mark.parametrize("counts", [[0, 3, 0, 2, 0, 0, 15], [5, 2, 10, 0, 3], [3, 0, 2, 2, 13], [20, 0], [0, 20, 0]])
def test_runs_of_zero_length_decode_like_pycocotools(counts):
    encoding = coco.frPyObjects({"size": [4, 5], "counts": counts}, 4, 5)
    plane = coco.decode(encoding).astype(bool)
    masks = Masks.from_rle([encoding])
    np.testing.assert_array_equal(masks[0], plane)
    np.testing.assert_array_equal(masks.windows, Masks.from_dense(plane[None]).windows)


@pytest.mark.parametrize("text", [b"", b"\x20", "é", b"P", b"o" * 40, b"PPPPPPPPPPPPPPPP1"])
def test_damaged_text_is_refused(text):
    with pytest.raises(InvalidRequestError):
        Masks.from_rle([{"size": [4, 5], "counts": text}])


@pytest.mark.parametrize("counts", [[], [19], [21], [-1, 21], [2**62, 2**62, 2**62, 2**62, 20]])
def test_counts_that_do_not_fill_the_picture_are_refused(counts):
    with pytest.raises(InvalidRequestError):
        crop_of_counts(np.array(counts, np.int64), (4, 5))


def test_sizes_must_agree():
    first, second = oracle(np.ones((2, 3), bool)), oracle(np.ones((3, 2), bool))
    with pytest.raises(InvalidRequestError, match="one size"):
        Masks.from_rle([first, second])
    with pytest.raises(InvalidRequestError, match="none"):
        Masks.from_rle([])
    assert Masks.from_rle([], image_size=(4, 5)).dense().shape == (0, 4, 5)


def test_crops_are_referenced_and_planes_made_on_demand(build):
    crop = np.ones((4, 3), bool)
    masks = Masks(image_size=(10, 12), windows=[[2, 5, 5, 9]], crops=[crop])
    assert masks.crops[0] is crop
    plane = masks[0]
    assert plane.shape == (10, 12)
    assert plane.dtype == bool
    assert plane.sum() == 12
    assert plane[5:9, 2:5].all()


def test_selection_keeps_order_and_size(build):
    masks = build.masks(3)
    np.testing.assert_array_equal(masks[[2, 0]].dense(), masks.dense()[[2, 0]])
    np.testing.assert_array_equal(masks[masks.area > 0].dense(), masks.dense()[:2])
    np.testing.assert_array_equal(masks[-1], masks.dense()[-1])
    np.testing.assert_array_equal(np.stack(list(masks)), masks.dense())
    assert len(masks[1:]) == 2
    with pytest.raises(IndexError):
        masks[3]


@pytest.mark.parametrize(
    ("windows", "shape", "dtype"),
    [
        ([[0, 0, 13, 2]], (2, 13), bool),
        ([[-1, 0, 2, 2]], (2, 3), bool),
        ([[0, 0, 2, 11]], (11, 2), bool),
        ([[5, 0, 2, 2]], (2, 3), bool),
        ([[0, 0, 3, 2]], (3, 2), bool),
        ([[0, 0, 3, 2]], (2, 3), np.uint8),
        ([[0, 0, 3]], (2, 3), bool),
    ],
)
def test_windows_and_crops_are_checked(windows, shape, dtype):
    with pytest.raises(ModelOutputError):
        Masks(image_size=(10, 12), windows=windows, crops=[np.ones(shape, dtype)])
