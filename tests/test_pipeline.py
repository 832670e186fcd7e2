"""A pipeline of real models: a detector, then a second look at each thing it found."""

from __future__ import annotations

from pathlib import Path

import inference_models_provider_samples
import numpy as np
import pytest
from inference_models_core import AutoModel, AutoModelPipeline, LoadOptions
from inference_models_core.errors import InvalidRequestError, ModelClosedError
from inference_models_core.testing.fault_server import FaultServer

PICTURES = sorted((Path(inference_models_provider_samples.__file__).parent / "pictures").glob("*.jpg"))
DETECTOR = "samples/shapes-detector"


def test_the_second_model_sees_the_crops_and_mostly_agrees():
    # The detector knows things of up to half of a picture: with less around them it would not recognise them.
    arguments = {"margin": 1.0}
    with AutoModelPipeline.from_pretrained(
        "detect-then-crop", [DETECTOR, DETECTOR], pipeline_kwargs=arguments
    ) as pipeline:
        results = pipeline(PICTURES, detector_arguments={"confidence": 0.7}, crop_arguments={"max_detections": 3})
    assert len(results) == len(PICTURES)
    pairs = [pair for result in results for pair in result]
    assert len(pairs) > 20
    agreeing = [detection.class_name in crop.class_name for detection, crop in pairs]
    assert np.mean(agreeing) > 0.7  # a crop is another picture: not every one is recognised


def test_arguments_reach_every_model_and_a_mapping_wins():
    options = LoadOptions()
    pipeline = AutoModelPipeline.from_pretrained(
        "detect-then-crop",
        [DETECTOR, {"model_id_or_path": DETECTOR, "model_package_id": "fp32static"}],
        model_package_id="fp32dynamic",
        options=options,
        pipeline_kwargs={"margin": 0.0},
    )
    with pipeline:
        chosen = [model.resolution.chosen.package.package_id for model in pipeline._owned]
    assert chosen == ["fp32dynamic", "fp32static"]


def test_the_pipeline_closes_what_it_loaded_and_nothing_else():
    mine = AutoModel.from_pretrained(DETECTOR)
    pipeline = AutoModelPipeline.from_pretrained("detect-then-crop", [mine, DETECTOR])
    pipeline.close()
    assert mine(PICTURES[0])
    with pytest.raises(ModelClosedError):
        pipeline._second(PICTURES[0])
    mine.close()


@pytest.mark.parametrize(
    ("pipeline_id", "models", "arguments", "says"),
    [
        ("no-such-pipeline", [DETECTOR], {}, "detect-then-crop"),
        ("detect-then-crop", None, {}, "no default models"),
        ("detect-then-crop", [DETECTOR], {}, "two models"),
        ("detect-then-crop", [DETECTOR, None], {}, "no default models"),
        ("detect-then-crop", DETECTOR, {}, "list"),
        ("detect-then-crop", [DETECTOR, DETECTOR], {"pipeline_kwargs": {"margin": -1}}, "margin"),
    ],
)
def test_requests_that_cannot_be_met(pipeline_id, models, arguments, says):
    with pytest.raises(InvalidRequestError, match=says):
        AutoModelPipeline.from_pretrained(pipeline_id, models, **arguments)


def test_a_picture_from_a_url_is_fetched_once_for_both_models_and_for_drawing():
    picture = PICTURES[0].read_bytes()
    detector = AutoModel.from_pretrained(
        DETECTOR, options=LoadOptions(allow_url_input=True), allow_private_url_hosts=True
    )
    with detector, FaultServer() as server:
        server.add("/picture.jpg", picture)
        with AutoModelPipeline.from_pretrained("detect-then-crop", [detector, DETECTOR]) as pipeline:
            (fetched,) = pipeline(f"{server.origin}/picture.jpg")
            (given,) = pipeline(picture)
        asked = len(server.requests_of("/picture.jpg"))
    assert len(fetched.crops) == len(given.crops) > 0
    np.testing.assert_array_equal(fetched.detections.xyxy, given.detections.xyxy)
    assert np.asarray(fetched.detections.plot()).any()
    assert asked == 1
