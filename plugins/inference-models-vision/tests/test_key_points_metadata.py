"""``keypoints_metadata.json``: what it says, and what is wrong with it."""

import json

import pytest
from inference_models_core.errors import MalformedDocumentError, PackageFileMissingError
from inference_models_vision.configuration.key_points_metadata import (
    FILE_NAME,
    package_key_points,
    parse_key_points_metadata,
)

CAT = {"object_class_id": 0, "keypoints": {"0": "nose", "1": "tail"}, "edges": [{"from": 0, "to": 1}]}
DOG = {"object_class_id": 1, "keypoints": {"0": "nose"}, "edges": []}
BIRD = {
    "object_class_id": 2,
    "keypoints": {"10": "wing", "2": "beak", "0": "eye"},
    "edges": [{"from": 2, "to": 0}, {"from": 0, "to": 1}],
}
NAMES = ("cat", "dog", "bird")


def changed(entry, **fields):
    return {**entry, **fields}


def test_by_class_and_in_the_order_of_the_numbers():
    known = parse_key_points_metadata([BIRD, CAT, DOG], class_names=NAMES)
    assert known.names == (("nose", "tail"), ("nose",), ("eye", "beak", "wing"))
    assert known.skeletons == (((0, 1),), (), ((2, 0), (0, 1)))
    assert known.slots == 3


@pytest.mark.parametrize("document", [[CAT, BIRD], [CAT, DOG, BIRD]])
def test_removed_classes_leave_no_gap(document):
    known = parse_key_points_metadata(document, class_names=NAMES, removed_classes=("dog",))
    assert known.names == (("nose", "tail"), ("eye", "beak", "wing"))
    assert known.skeletons == (((0, 1),), ((2, 0), (0, 1)))


def test_a_class_may_have_no_key_points():
    known = parse_key_points_metadata([CAT, changed(DOG, keypoints={})], class_names=NAMES[:2])
    assert known.names == (("nose", "tail"), ())


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "file.json: expected a list, found an object with 0 entries"),
        ([CAT, DOG], r"file.json: expected an entry for class 2 \(bird\), found none"),
        ([CAT, DOG, 5], r"file.json\[2\]: expected an object, found 5"),
        (
            [CAT, DOG, CAT],
            r"file.json\[2\].object_class_id: expected one entry per class, found a second one for class 0",
        ),
        (
            [CAT, DOG, changed(BIRD, object_class_id=3)],
            r"\[2\].object_class_id: expected one of the 3 classes of the model, found 3",
        ),
        ([changed(CAT, object_class_id=-1)], r"file.json\[0\]: object_class_id: expected a whole number from 0"),
        ([changed(CAT, object_class_id="0")], r"file.json\[0\]: object_class_id: expected a whole number, found '0'"),
        ([changed(CAT, object_class_id=True)], r"file.json\[0\]: object_class_id: expected a whole number, found True"),
        ([changed(CAT, keypoints=["nose"])], r"file.json\[0\]: keypoints: expected an object, found a list"),
        ([changed(CAT, keypoints=None)], r"file.json\[0\]: keypoints: expected a value, found null"),
        ([changed(CAT, keypoints={"nose": "0"})], r"file.json\[0\]: keypoints: expected one name per number from 0"),
        ([changed(CAT, keypoints={"-1": "nose"})], "found the key '-1'"),
        ([changed(CAT, keypoints={"²": "nose"})], "found the key '²'"),
        ([changed(CAT, keypoints={"9" * 5000: "nose"})], "found the key '999"),
        ([changed(CAT, keypoints={"1": "nose", "01": "tail"})], "found the key '01'"),
        ([changed(CAT, keypoints={"0": 7, "1": "tail"})], r"keypoints.*0: expected text, found 7"),
        ([changed(CAT, keypoints={"0": None, "1": "tail"})], r"keypoints.*0: expected a value, found null"),
        ([changed(CAT, edges=None)], r"file.json\[0\]: edges: expected a value, found null"),
        ([changed(CAT, edges=[[0, 1]])], r"file.json\[0\]: edges\[0\]: expected an object, found a list"),
        ([changed(CAT, edges=[{"from": 0}])], r"edges\[0\].*to: expected a value, found nothing"),
        (
            [changed(CAT, edges=[{"from": 0, "to": 1}, {"from": 2, "to": 0}])],
            r"edges\[1\]: expected two of the class's 2 key points, found 2 and 0",
        ),
        ([changed(CAT, edges=[{"from": -1, "to": 0}])], r"edges\[0\].*from: expected a whole number from 0"),
        ([changed(entry, keypoints={}, edges=[]) for entry in (CAT, DOG, BIRD)], "expected a key point of some class"),
    ],
)
def test_what_is_wrong_and_where(document, words):
    with pytest.raises(MalformedDocumentError, match=words):
        parse_key_points_metadata(document, "file.json", class_names=NAMES)


def test_the_file_of_a_package(make_package, document):
    folder, package = make_package(document())
    with pytest.raises(PackageFileMissingError, match=FILE_NAME):
        package_key_points(folder, package, class_names=NAMES)
    (folder / FILE_NAME).write_text(json.dumps([CAT, DOG, BIRD]))
    assert package_key_points(folder, package, class_names=NAMES).slots == 3
    (folder / FILE_NAME).write_text("[")
    with pytest.raises(MalformedDocumentError, match=FILE_NAME):
        package_key_points(folder, package, class_names=NAMES)


def test_a_file_beside_a_package_that_is_described_by_its_metadata(make_package, document):
    folder, package = make_package(None, preprocessing=document())
    (folder / FILE_NAME).write_text("of something else")
    assert package_key_points(folder, package, class_names=NAMES) is None
