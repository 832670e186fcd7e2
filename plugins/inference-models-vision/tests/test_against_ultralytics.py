"""Bare exports get the pixels and the boxes that Ultralytics itself would make of a picture.

Runs only where ultralytics is installed for the purpose; no distribution depends on it.
"""

import numpy as np
import pytest
from inference_models_core.types.preprocessing import PreprocessingDeclaration
from inference_models_vision.images.loading import ImageLoader
from inference_models_vision.preprocessing.engine import CpuEngine

pytest.importorskip("ultralytics")


@pytest.mark.parametrize("size", [(640, 640), (384, 640)])
def test_letterbox_and_the_way_back(size, noise):
    import torch
    from ultralytics.data.augment import LetterBox
    from ultralytics.utils.ops import scale_boxes

    engine = CpuEngine(
        PreprocessingDeclaration(size=size, resize_mode="letterbox", rounding="ultralytics", padding_value=114)
    )
    original = LetterBox(size, auto=False)
    rng = np.random.default_rng(0)
    for height, width in rng.integers(30, 1500, (60, 2)).tolist():
        picture = noise(height, width)
        boxes = rng.uniform(0, 640, (6, 4)).astype(np.float32)
        (group,) = engine(ImageLoader().load(picture)).groups
        expected = original(image=picture)[:, :, ::-1].transpose(2, 0, 1).astype(np.float32) / 255
        np.testing.assert_array_equal(group.tensor[0], expected)
        back = scale_boxes(size, torch.tensor(boxes.copy()), (height, width)).numpy()
        np.testing.assert_allclose(group.geometries[0].boxes_to_picture(boxes), back, atol=1e-3)
