"""What is known about a single model file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.types.converters import to_dict
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_models_core.types.backends import BackendDetails


@attrs.frozen(kw_only=True, repr=False)
class LocalFileFacts(Value):
    """What an inspector read from a single file; ``None`` where the file does not say.

    Attributes:
        details: Backend, precision, batch, requirements.
        architecture: Family, such as ``"yolov8"``.
        task: Task, such as ``"object-detection"``.
        class_names: Names by class id.
        input_size: (height, width) of the picture the graph expects, in pixels.
        preprocessing: An ``inference_config.json`` equivalent as a mapping, for exports that fix their own.
        features: Feature names, such as ``{"nms_fused": {...}}``.
        origin: Who wrote the file, such as ``"ultralytics 8.3"``.
    """

    details: BackendDetails
    architecture: str | None = None
    task: str | None = None
    class_names: tuple[str, ...] | None = None
    input_size: tuple[int, int] | None = None
    preprocessing: Mapping[str, Any] | None = None
    features: Mapping[str, Any] = attrs.field(factory=dict, converter=to_dict)
    origin: str = ""
