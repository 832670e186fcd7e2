"""Task base classes: one per task of the agreement, and what they promise."""

import subprocess
import sys

import numpy as np
import pytest
from inference_models_core import tasks
from inference_models_core.errors import InputError
from inference_models_core.predictions import Embedding

TASKS = {
    "ClassificationModel": "classification",
    "DepthEstimationModel": "depth-estimation",
    "EmbeddingModel": "embedding",
    "GazeDetectionModel": "gaze-detection",
    "InstanceSegmentationModel": "instance-segmentation",
    "InteractiveSegmentationModel": "interactive-instance-segmentation",
    "KeyPointDetectionModel": "keypoint-detection",
    "MultiLabelClassificationModel": "multi-label-classification",
    "ObjectDetectionModel": "object-detection",
    "OpenVocabularyObjectDetectionModel": "open-vocabulary-object-detection",
    "SemanticSegmentationModel": "semantic-segmentation",
    "StructuredOcrModel": "structured-ocr",
    "TextOnlyOcrModel": "text-only-ocr",
    "VisionLanguageModel": "vlm",
}


def test_public_names():
    assert tasks.__all__ == sorted(tasks.__all__)
    assert set(tasks.__all__) == {*TASKS, "ImageModel", "ClassVocabulary"}
    assert set(tasks.__all__) <= set(dir(tasks))
    with pytest.raises(AttributeError, match="Nothing"):
        tasks.Nothing  # noqa: B018


@pytest.mark.parametrize("name", TASKS)
def test_each_task_has_its_name(name):
    assert getattr(tasks, name).task == TASKS[name]
    assert getattr(tasks, name).__doc__


def test_the_package_imports_no_numpy():
    code = "import sys, inference_models_core.tasks; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


class Letters(tasks.EmbeddingModel):
    """Embeds a text as the counts of a, b and c, and a picture as its first row."""

    def embed_text(self, texts):
        listed = [texts] if isinstance(texts, str) else texts
        return [Embedding(vector=np.array([text.count(letter) for letter in "abc"], np.float32)) for text in listed]

    def embed_images(self, images):
        listed = images if isinstance(images, list) else [images]
        return [Embedding(vector=image[0]) for image in listed]


def test_comparing_embeddings():
    model = Letters()
    pictures = [np.array([[3, 0, 0]], np.float32), np.array([[1, 1, 0]], np.float32)]
    cosines = model.compare_embeddings(pictures, ["a", "bb", "z"])
    np.testing.assert_allclose(cosines, [[1, 0, 0], [0.5**0.5, 0.5**0.5, 0]], atol=1e-6)
    assert cosines.dtype == np.float32
    same = model.compare_embeddings(model.embed_images(pictures), model.embed_text(["a", "bb", "z"]))
    np.testing.assert_array_equal(same, cosines)
    assert model.compare_embeddings("abc", "abc", x_type="text") == pytest.approx(1)


@pytest.mark.parametrize(
    ("x", "y", "types"),
    [
        (["a"], [], {"x_type": "text"}),
        (["a"], ["b"], {"x_type": "sound"}),
        ([Embedding(vector=np.ones(2, np.float32))], ["a"], {}),
    ],
)
def test_what_cannot_be_compared(x, y, types):
    with pytest.raises(InputError):
        Letters().compare_embeddings(x, y, **types)
