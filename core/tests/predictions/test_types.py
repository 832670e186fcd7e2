from __future__ import annotations

import copy
import json
import pickle

import attrs
import numpy as np
import pandas as pd
import pytest
from inference_models_core import predictions
from inference_models_core.errors import InvalidRequestError, MissingDependencyError, ModelOutputError
from inference_models_core.predictions import (
    Classification,
    DepthMap,
    Detections,
    Embedding,
    ImageSource,
    InstanceDetections,
    MultiLabelClassification,
    Prediction,
    SemanticSegmentation,
)

EXPECTED = {
    "detections": {"xyxy": (4,), "class_id": (), "confidence": ()},
    "instance-detections": {"xyxy": (4,), "class_id": (), "confidence": ()},
    "key-point-detections": {"xyxy": (4,), "confidence": (), "key_points": (2, 2), "key_points_confidence": (2,)},
    "gaze-detections": {"xyxy": (4,), "yaw": (), "pitch": ()},
    "structured-text": {"xyxy": (4,), "texts": ()},
    "interactive-segmentation": {"confidence": (), "prompt_id": (), "logits": (8, 8)},
    "points": {"xy": (2,), "class_id": (), "confidence": ()},
}
INTEGERS = {"class_id", "prompt_id"}


def kind_of(array):
    return array.dtype.kind if array.dtype.kind == "U" else array.dtype


@pytest.mark.parametrize("count", [0, 1, 3])
def test_shapes_and_dtypes(make, count):
    result = make(count)
    assert len(result) == count
    assert len(list(result)) == count
    for name, rest in EXPECTED[result.kind].items():
        column = getattr(result, name)
        assert column.shape == (count, *rest)
        assert kind_of(column) == ("U" if name == "texts" else np.int64 if name in INTEGERS else np.float32)
    if hasattr(result, "masks"):
        assert result.masks.dense().shape == (count, 120, 200)
        assert len(result.masks.rle()) == count


def test_class_names_are_per_box(make):
    result = make(3)
    if not hasattr(result, "class_name"):
        assert result.kind == "interactive-segmentation"
        return
    names = list(result.class_name)
    assert names == (["cat", "dog", "Grüße 猫"] if result.kind == "points" else ["cat", "Grüße 猫", "class_7"])
    assert result.class_name.dtype.kind == "U"
    assert make(0).class_name.dtype.kind == "U"
    assert [row.class_name for row in result] == names


def test_negative_class_id_is_not_the_last_class():
    result = Detections(xyxy=[[0, 0, 1, 1]], class_id=[-1], confidence=[0.5], class_names=("a", "b"))
    assert result.class_name.tolist() == ["class_-1"]


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (0, [0]),
        (-1, [2]),
        (np.int64(1), [1]),
        (slice(1, None), [1, 2]),
        (slice(None, None, -1), [2, 1, 0]),
        ([2, 0], [2, 0]),
        (np.array([True, False, True]), [0, 2]),
        ([False, True, False], [1]),
        ([], []),
        (np.zeros(3, bool), []),
    ],
)
def test_indexing_selects_every_column(make, index, expected):
    result = make(3)
    selected = result[index]
    assert type(selected) is type(result)
    assert selected.image is result.image
    for name in EXPECTED[result.kind]:
        np.testing.assert_array_equal(getattr(selected, name), getattr(result, name)[expected])
    if hasattr(result, "masks"):
        np.testing.assert_array_equal(selected.masks.dense(), result.masks.dense()[expected])


@pytest.mark.parametrize("index", [3, -4, "confidence", 0.5, [True], np.ones((3, 1), bool), [[0]], [5]])
def test_bad_index_is_an_index_error(make, index):
    with pytest.raises(IndexError):
        make(3)[index]


def test_extra_columns_and_tracker_ids_follow(build):
    data = {"speed": np.array([1.5, 2.5, 3.5], np.float32), "polygon": np.array([[[1, 2]], [], [[3, 4]]], object)}
    result = build.detections(3, tracker_id=[7, 8, 9], data=data)[[2, 0]]
    assert result.tracker_id.tolist() == [9, 7]
    assert result.data["speed"].tolist() == [3.5, 1.5]
    rows = list(result)
    assert rows[0].tracker_id == 9
    assert rows[1].data["speed"] == 1.5
    dicts = json.loads(result.to_json())["predictions"]
    assert [row["speed"] for row in dicts] == [3.5, 1.5]
    assert dicts[0]["tracker_id"] == 9
    assert dicts[0]["polygon"] == [[3, 4]]
    assert result.labels()[0] == "#9 class_7 0.50"


def test_rows_carry_their_masks(build):
    rows = list(build.instances(3))
    np.testing.assert_array_equal(np.stack([row.mask for row in rows]), build.masks(3).dense())
    assert "masks" not in repr(rows[0])


def test_arrays_of_the_right_type_are_not_copied():
    xyxy, ids, scores = np.zeros((2, 4), np.float32), np.zeros(2, np.int64), np.zeros(2, np.float32)
    result = Detections(xyxy=xyxy, class_id=ids, confidence=scores)
    assert result.xyxy is xyxy
    assert result.class_id is ids
    assert result.confidence is scores
    assert np.shares_memory(result[0].xyxy, xyxy)


def test_other_types_are_converted():
    result = Detections(xyxy=np.zeros((2, 4)), class_id=np.array([1, 2], np.int32), confidence=np.array([1, 0]))
    assert (result.xyxy.dtype, result.class_id.dtype, result.confidence.dtype) == (np.float32, np.int64, np.float32)


@pytest.mark.parametrize(
    "change",
    [
        {"xyxy": np.zeros((3, 5))},
        {"xyxy": np.zeros(4)},
        {"xyxy": np.float32(1)},
        {"xyxy": np.array([["a"] * 4] * 3)},
        {"class_id": np.zeros(2, int)},
        {"class_id": np.array([0.5, 1.5, 2.5])},
        {"confidence": np.zeros((3, 1))},
        {"confidence": np.zeros(3, complex)},
        {"tracker_id": np.zeros(4, int)},
        {"data": {"speed": np.zeros(2)}},
    ],
)
def test_wrong_shapes_and_types_are_typed_errors(build, change):
    with pytest.raises(ModelOutputError):
        attrs.evolve(build.detections(3), **change)


def test_the_message_names_field_and_shapes():
    with pytest.raises(ModelOutputError, match=r"Detections\.xyxy has shape \(3, 5\), expected \(3, 4\)"):
        Detections(xyxy=np.zeros((3, 5)), class_id=[0, 0, 0], confidence=[0, 0, 0])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("key_points", np.zeros((3, 2, 3))),
        ("key_points_confidence", np.zeros((3, 3))),
        ("covariance", np.zeros((3, 2, 2))),
    ],
)
def test_key_point_shapes(build, field, value):
    with pytest.raises(ModelOutputError, match=field):
        attrs.evolve(build.key_points(3), **{field: value})


def test_masks_must_fit_boxes_and_picture(build):
    with pytest.raises(ModelOutputError, match="2 masks"):
        InstanceDetections(**build.boxes(3), masks=build.masks(2))
    small = ImageSource(reference=None, size=(5, 5))
    with pytest.raises(ModelOutputError, match="do not fit a picture"):
        InstanceDetections(**{**build.boxes(3), "image": small}, masks=build.masks(3))
    with pytest.raises(ModelOutputError, match="do not fit a picture"):
        attrs.evolve(build.interactive(3), image=small)


def test_maps_must_have_the_size_of_the_picture(build):
    with pytest.raises(ModelOutputError):
        DepthMap(depth=np.zeros((5, 5)), image=build.source())
    with pytest.raises(ModelOutputError):
        SemanticSegmentation(segmentation_map=np.zeros((5, 5), int), confidence=np.zeros((5, 5)), image=build.source())
    with pytest.raises(ModelOutputError):
        SemanticSegmentation(segmentation_map=np.zeros((5, 5), int), confidence=np.zeros((5, 4)))
    with pytest.raises(ModelOutputError, match="class ids"):
        SemanticSegmentation(segmentation_map=np.zeros((5, 5)), confidence=np.zeros((5, 5)))


def test_classification_ranks():
    result = Classification(confidence=[0.25, 0.5, 0.25], class_names=("a", "b", "c"))
    assert (result.class_id, result.class_name) == (1, "b")
    assert [score.class_id for score in result.top(2)] == [1, 0]
    assert [score.class_name for score in result] == ["b", "a", "c"]
    assert result.top()[0].confidence == 0.5
    assert len(result) == 3
    with pytest.raises(ModelOutputError):
        Classification(confidence=[])
    with pytest.raises(ModelOutputError):
        Classification(confidence=[[0.5, 0.5]])


def test_multi_label_lists_labels_only():
    result = MultiLabelClassification(confidence=[0.5, 0.25, 0.75], class_id=[2, 0], class_names=("a", "b", "c"))
    assert result.class_name.tolist() == ["c", "a"]
    assert [(score.class_name, score.confidence) for score in result] == [("c", 0.75), ("a", 0.5)]
    assert not len(MultiLabelClassification(confidence=[0.1], class_id=[]))
    for outside in (3, -1):
        with pytest.raises(ModelOutputError):
            MultiLabelClassification(confidence=[0.5, 0.25, 0.75], class_id=[outside])


def test_segmentation_regions(build):
    result = build.segmentation()
    assert result.class_id.tolist() == [0, 2, 9]
    assert [region.class_name for region in result] == ["cat", "Grüße 猫", "class_9"]
    areas = {region.class_id: region.area for region in result}
    assert areas == {0: 120 * 200 - 8000, 2: 8000 - 400, 9: 400}
    assert {region.class_id: region.confidence for region in result} == {0: 0.5, 2: 0.75, 9: 0.5}
    assert result.to_columns()["area"].tolist() == list(areas.values())
    assert result.to_columns()["confidence"].tolist() == [0.5, 0.75, 0.5]
    for mask, region in zip(result.masks(), result, strict=True):
        np.testing.assert_array_equal(mask, region.mask)


def test_a_segmentation_map_keeps_its_integer_type():
    ids = np.zeros((4, 5), np.uint8)
    assert SemanticSegmentation(segmentation_map=ids, confidence=np.zeros((4, 5))).segmentation_map is ids


def test_depth_range_ignores_what_is_not_finite():
    depth = DepthMap(depth=np.array([[np.inf, 2], [np.nan, 5]]))
    assert depth.range == (2, 5)
    assert DepthMap(depth=np.full((2, 2), np.nan)).range == (0, 0)


def test_similarity_is_the_cosine():
    first, second = Embedding(vector=[1, 0]), Embedding(vector=[3, 4])
    assert first.similarity(second) == pytest.approx(0.6)
    assert first.similarity(Embedding(vector=[0, 0])) == 0
    with pytest.raises(InvalidRequestError):
        first.similarity(Embedding(vector=[1, 0, 0]))


def test_skeletons_leave_out_what_the_network_does_not_have(build):
    result = build.key_points(3)
    assert result.skeleton_for(0) == ((0, 1),)
    assert result.skeleton_for(2) == ((0, 1),)
    assert result.skeleton_for(7) == ()
    assert result.names_for(0) == ("nose", "tail")
    assert result.names_for(-1) == ()


def test_dicts_survive_json(prediction):
    content = prediction.to_dict()
    assert json.loads(prediction.to_json()) == content
    assert content["type"] == prediction.kind
    assert content["image"] == {"height": 120, "width": 200}
    assert json.loads(prediction.to_json(indent=2)) == content


def test_json_numbers_are_short_and_exact(build):
    result = build.detections(1)
    assert '"confidence": 0.9,' in result.to_json() or '"confidence": 0.9}' in result.to_json()
    row = json.loads(result.to_json())["predictions"][0]
    assert np.float32(row["confidence"]) == result.confidence[0]
    assert row["xyxy"] == [20.25, 30.5, 80.75, 90.125]


def test_json_is_readable_text(build):
    assert "Grüße 猫" in build.detections(3).to_json()


def test_depth_in_json_restores_the_array(build):
    import base64

    result = build.depth()
    content = json.loads(result.to_json())["depth"]
    restored = np.frombuffer(base64.b64decode(content["base64"]), content["dtype"]).reshape(content["shape"])
    np.testing.assert_array_equal(restored, result.depth)


def test_key_points_in_json_have_names(build):
    rows = build.key_points(3).to_dict()["predictions"]
    assert [point["name"] for point in rows[0]["key_points"]] == ["nose", "tail"]
    assert [point["name"] for point in rows[1]["key_points"]] == ["point_0", "point_1"]
    assert rows[0]["key_points"][1] == {"name": "tail", "x": 50.0, "y": 60.0, "confidence": 0.8}


def test_tables(prediction):
    table = prediction.to_pandas()
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == list(prediction.to_columns())
    one_row = {"text", "embedding", "depth-map"}
    assert len(table) == (1 if prediction.kind in one_row else len(prediction))


def test_table_of_boxes(build):
    table = build.detections(3, data={"pair": np.arange(6).reshape(3, 2)}).to_pandas()
    assert table["x_max"].tolist() == [80.75, 190, 60]
    assert table["class_name"].tolist() == ["cat", "Grüße 猫", "class_7"]
    assert table["pair"][1].tolist() == [2, 3]
    assert build.detections(0).to_pandas().shape == (0, 7)


@pytest.mark.parametrize(("method", "package"), [("to_pandas", "pandas"), ("to_supervision", "supervision")])
def test_missing_packages_say_what_to_install(build, monkeypatch, method, package):
    import sys

    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError) as caught:
        getattr(build.detections(3), method)()
    assert caught.value.hint == f'pip install "inference-models-core[{package}]"'
    assert isinstance(caught.value, ImportError)


def test_repr_is_short_and_says_what_is_there(prediction):
    text = repr(prediction)
    assert text.startswith(type(prediction).__name__ + "(")
    assert text.endswith("picture 200x120)")
    assert len(text) < 160
    assert "array" not in text


def test_repr_counts_classes(build):
    result = build.detections(3)[[0, 0, 1]]
    assert repr(result) == "Detections(3: 2 cat, 1 Grüße 猫; picture 200x120)"
    assert repr(build.detections(0)) == "Detections(0; picture 200x120)"


def test_text_prints_as_itself(build):
    assert str(build.text()) == "A grey picture.\nÜber 猫."
    assert str(build.structured_text(3)) == "one\ntwo äö"


def test_predictions_pickle_and_copy(prediction):
    for other in (pickle.loads(pickle.dumps(prediction)), copy.copy(prediction)):
        assert other.to_dict() == prediction.to_dict()


def test_predictions_are_frozen_and_compare_by_identity(prediction):
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        prediction.image = None
    assert prediction == prediction
    assert prediction != copy.copy(prediction)


def test_public_names_are_sorted_and_load():
    assert predictions.__all__ == sorted(predictions.__all__)
    for name in predictions.__all__:
        assert getattr(predictions, name).__name__ == name
    assert set(predictions.__all__) <= set(dir(predictions))
    with pytest.raises(AttributeError, match="Nothing"):
        predictions.Nothing  # noqa: B018


def test_a_prediction_of_a_plugin_needs_four_methods():
    @attrs.frozen(kw_only=True, eq=False, repr=False)
    class Mood(Prediction):
        mood: str

        def to_dict(self):
            return {"mood": self.mood}

        def to_columns(self):
            return {"mood": [self.mood]}

        def draw(self, canvas):
            canvas.pixels[:] = 255

        def summary(self):
            return self.mood

    mood = Mood(mood="calm")
    assert (mood.to_json(), repr(mood), len(mood.to_pandas())) == ('{"mood": "calm"}', "Mood(calm)", 1)
    assert mood.plot(np.zeros((4, 5, 3), np.uint8)).array.min() == 255
    with pytest.raises(TypeError, match="abstract"):
        Prediction()
