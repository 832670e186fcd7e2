"""Detector and reader together: order of reading, pieces cut out upright, texts back at their pieces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from inference_models_core.errors import InvalidRequestError
from inference_models_core.predictions.detections import Detections
from inference_models_core.predictions.image_source import ImageSource
from inference_models_core.predictions.ocr import Text
from inference_models_vision.pipelines.pp_ocr import PpOcr, cut_out, reading_order


def boxes(*xyxy):
    return np.array(xyxy, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("xyxy", "lines"),
    [
        ([], []),
        ([(50, 0, 90, 20), (0, 2, 40, 22)], [[1, 0]]),
        ([(0, 30, 40, 50), (0, 0, 40, 20)], [[1], [0]]),
        ([(0, 0, 40, 20), (50, 9, 90, 29)], [[0, 1]]),
        ([(0, 0, 40, 20), (50, 10, 90, 30)], [[0], [1]]),  # reaches into the line with half of its height: not enough
        ([(0, 0, 40, 20), (50, 8, 90, 28), (100, 16, 140, 36)], [[0, 1, 2]]),  # a slope
        ([(0, 0, 40, 60), (50, 40, 90, 50), (100, 10, 140, 20)], [[0, 1, 2]]),  # beside a high piece
        # two columns: lines run over both of them
        ([(0, 0, 40, 20), (60, 1, 100, 21), (0, 30, 40, 50), (60, 31, 100, 51)], [[0, 1], [2, 3]]),
    ],
)
def test_reading_order(xyxy, lines):
    assert reading_order(boxes(*xyxy)) == lines


def test_a_turned_piece_comes_out_upright():
    upright = np.zeros((30, 100, 3), np.uint8)
    upright[:, :50], upright[:15, 50:] = (255, 0, 0), (0, 255, 0)
    for angle in (-35, 10, 40):
        matrix = cv2.getRotationMatrix2D((50, 15), angle, 1)
        matrix[:, 2] += (60, 80)
        picture = cv2.warpAffine(upright, matrix, (220, 200), borderMode=cv2.BORDER_REPLICATE)
        corners = np.array([[0, 0, 1], [100, 0, 1], [100, 30, 1], [0, 30, 1]]) @ matrix.T
        piece = cut_out(picture, corners.astype(np.float32))
        assert abs(np.array(piece.shape) - (30, 100, 3)).max() <= 1
        assert np.abs(piece[3:-3, 3:40].astype(int) - (255, 0, 0)).max() < 20
        assert np.abs(piece[3:10, 60:-3].astype(int) - (0, 255, 0)).max() < 20
        assert piece[20:-3, 60:-3].max() < 20


@pytest.mark.parametrize(("height", "turned"), [(59, False), (60, True)])
def test_a_high_piece_is_turned_counter_clockwise(height, turned):
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[5:20] = 255  # its upper part becomes its left one
    quad = np.array([[10, 5], [50, 5], [50, 5 + height], [10, 5 + height]], np.float32)
    piece = cut_out(picture, quad)
    assert piece.shape == ((40, 60, 3) if turned else (59, 40, 3))
    assert piece.flags.c_contiguous
    assert (piece[:, 2:12] if turned else piece[2:12]).min() > 250
    assert (piece[:, 20:] if turned else piece[20:]).max() < 5


def test_pieces_beyond_the_picture_and_pieces_of_nothing():
    picture = np.full((20, 30, 3), 7, np.uint8)
    beyond = np.array([[20, 10], [60, 10], [60, 30], [20, 30]], np.float32)
    assert (cut_out(picture, beyond) == 7).all()
    assert cut_out(picture, np.zeros((4, 2), np.float32)).size


def detections(picture, xyxy, polygon=None):
    xyxy = boxes(*xyxy)
    return Detections(
        xyxy=xyxy, class_id=np.zeros(len(xyxy), np.int64), confidence=np.linspace(0.9, 0.5, len(xyxy)),
        class_names=("text",), data={} if polygon is None else {"polygon": np.array(polygon, np.float32)},
        image=ImageSource(reference=picture, size=picture.shape[:2]),
    )  # fmt: skip


class Reader:
    """Says how blue a piece is."""

    def __init__(self, words=None):
        self.calls = []
        self.words = words or {}

    def __call__(self, pieces, **arguments):
        self.calls.append((len(pieces), arguments))
        levels = [int(np.rint(piece[..., 0].mean())) for piece in pieces]
        return [Text(text=self.words.get(level, str(level))) for level in levels]


def picture_with(*pieces, size=(200, 300)):
    pixels = np.zeros((*size, 3), np.uint8)
    for (x0, y0, x1, y1), blue in pieces:
        pixels[y0:y1, x0:x1] = (blue, 0, 255 - blue)  # BGR
    return pixels


LAYOUT = [((150, 12, 250, 32), 20), ((10, 10, 100, 30), 10), ((10, 50, 200, 70), 30)]


def pipeline_of(found, reader):
    return PpOcr.with_models([lambda images, **_: [found[id(image)] for image in images], reader])


def test_texts_in_reading_order_beside_their_pieces():
    page, empty, other = picture_with(*LAYOUT), picture_with(), picture_with(((5, 5, 25, 15), 99))
    found = {
        id(page): detections(page, [box for box, _ in LAYOUT]),
        id(empty): detections(empty, []),
        id(other): detections(other, [(5, 5, 25, 15)]),
    }
    reader = Reader()
    first, nothing, last = pipeline_of(found, reader)([page, empty, other])
    assert first.text == "10 20\n30"
    assert first.texts.tolist() == ["10", "20", "30"]
    assert first.data["line"].tolist() == [0, 0, 1]
    np.testing.assert_array_equal(first.xyxy, boxes(*(LAYOUT[i][0] for i in (1, 0, 2))))
    np.testing.assert_allclose(first.confidence, [0.7, 0.9, 0.5])
    assert first.image.reference is page
    assert (nothing.text, len(nothing), nothing.texts.shape) == ("", 0, (0,))
    assert last.text == "99"
    assert [row["text"] for row in first.to_dict()["predictions"]] == ["10", "20", "30"]
    assert reader.calls == [(4, {})]


def test_quads_are_cut_out_where_there_are_some():
    page = picture_with(((50, 50, 150, 80), 200))
    quad = [[50, 50], [150, 50], [150, 80], [50, 80]]
    found = {id(page): detections(page, [(0, 0, 300, 200)], [quad])}
    assert pipeline_of(found, Reader())([page])[0].text == "200"


def test_what_says_nothing_leaves_no_spaces():
    page = picture_with(*LAYOUT)
    found = {id(page): detections(page, [box for box, _ in LAYOUT])}
    (result,) = pipeline_of(found, Reader({10: "  ", 20: " word ", 30: ""}))([page])
    assert result.text == "word\n"
    assert result.texts.tolist() == ["  ", " word ", ""]


def test_pieces_are_read_a_few_at_a_time_with_others_of_their_shape():
    places = [((10, 10 * i, 10 + 12 * (1 + i * 7 % 19), 10 * i + 8), 10 + i) for i in range(19)]
    page = picture_with(*places)
    found = {id(page): detections(page, [box for box, _ in places])}
    reader = Reader()
    (result,) = pipeline_of(found, reader)([page])
    assert result.texts.tolist() == [str(10 + i) for i in range(19)]
    assert [count for count, _ in reader.calls] == [8, 8, 3]


def test_arguments_reach_both_models():
    page = picture_with(*LAYOUT)
    seen = []

    def detector(images, **arguments):
        seen.append(arguments)
        return [detections(page, [box for box, _ in LAYOUT])]

    reader = Reader()
    PpOcr.with_models([detector, reader])(
        [page], detector_arguments={"confidence": 0.3}, reader_arguments={"input_color_format": "bgr"}
    )
    assert (seen, reader.calls) == ([{"confidence": 0.3}], [(3, {"input_color_format": "bgr"})])


@pytest.mark.parametrize("models", [[], [Reader()], [Reader()] * 3])
def test_what_the_pipeline_does_not_take(models):
    with pytest.raises(InvalidRequestError, match="two models"):
        PpOcr.with_models(models)
