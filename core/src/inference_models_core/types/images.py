"""Pictures on their way through a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from inference_models_core.predictions.image_source import ImageSource
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.tensors import Array


@attrs.frozen(kw_only=True, repr=False)
class PreprocessedGroup(Value):
    """Pictures that ended up at the same network size and run as one batch.

    Attributes:
        tensor: (n, channels, height, width), of the declaration's dtype.
        indices: For each picture of the group its place in the caller's list.
        geometries: For each picture of the group its way back.
    """

    tensor: Array
    indices: tuple[int, ...]
    geometries: tuple[Geometry, ...]


@attrs.frozen(kw_only=True, repr=False)
class Preprocessed(Value):
    """All pictures of one call.

    Attributes:
        groups: The batches; every index of ``sources`` is in exactly one.
        sources: What the caller gave, in the caller's order; referenced, not copied.
    """

    groups: tuple[PreprocessedGroup, ...]
    sources: tuple[ImageSource, ...]
