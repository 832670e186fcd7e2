"""The same as `handwritten.py` through this repository: predicts once and prints the boxes.

`python benchmarks/framework.py MODEL PICTURE.jpg`
"""

from __future__ import annotations

import json
import sys

from inference_models_core import AutoModel

if __name__ == "__main__":
    reference, picture_path = sys.argv[1:]
    result = AutoModel.from_pretrained(reference)(picture_path, confidence=0.25, iou_threshold=0.7)[0]
    print(json.dumps([array.tolist() for array in (result.xyxy, result.confidence, result.class_id)]))
