"""Masks for prompts: points, boxes or words that say what to cut out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from inference_models_core.errors import ModelOutputError
from inference_models_core.predictions.arrays import (
    as_index,
    float32_array,
    int64_array,
    optional_float32_array,
    plain,
    require_shape,
)
from inference_models_core.predictions.base import Prediction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Self

    from inference_models_core.predictions.drawing.canvas import Canvas
    from inference_models_core.predictions.masks import Masks


@attrs.frozen(kw_only=True, eq=False)
class PromptedMask:
    """One proposed mask: a row of :class:`InteractiveSegmentation`.

    Attributes:
        masks: The mask alone, as :class:`~inference_models_core.predictions.masks.Masks` of length 1.
        confidence: How good the model expects the mask to be.
        prompt_id: Index of the prompt that it answers.
    """

    masks: Masks = attrs.field(repr=False)
    confidence: float
    prompt_id: int

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """(H, W) bool, made on demand."""
        return self.masks[0]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class InteractiveSegmentation(Prediction):
    """Masks that a promptable model proposes for one picture; several may answer one prompt.

    ``len(result)`` is the number of masks; iterating gives a :class:`PromptedMask` each; integers, slices and boolean
    arrays select a result of the same type.

    Attributes:
        masks: n masks in pixels of the original picture.
        confidence: (n,) float32, the model's own estimate of the mask's quality, usually of its IoU.
        prompt_id: (n,) int64, index of the prompt that each mask answers.
        logits: (n, h, w) float32 mask logits at the network's resolution, to pass to the next call, where kept.

    Raises:
        ModelOutputError: An array has a wrong shape or type, or the masks are of another picture size.
    """

    kind: ClassVar[str] = "interactive-segmentation"

    masks: Masks
    confidence: npt.NDArray[np.float32] = attrs.field(converter=float32_array)
    prompt_id: npt.NDArray[np.int64] = attrs.field(converter=int64_array)
    logits: npt.NDArray[np.float32] | None = attrs.field(default=None, converter=optional_float32_array)

    def __attrs_post_init__(self) -> None:
        require_shape(self, "confidence", self.confidence, (len(self),))
        require_shape(self, "prompt_id", self.prompt_id, (len(self),))
        require_shape(self, "logits", self.logits, (len(self), None, None))
        if self.image is not None and self.masks.image_size != self.image.size:
            raise ModelOutputError(f"Masks of size {self.masks.image_size} do not fit a picture of {self.image.size}.")

    def __len__(self) -> int:
        return len(self.masks)

    def __iter__(self) -> Iterator[PromptedMask]:
        pairs = zip(self.confidence.tolist(), self.prompt_id.tolist(), strict=True)
        for i, (confidence, prompt_id) in enumerate(pairs):
            yield PromptedMask(masks=self.masks[i : i + 1], confidence=confidence, prompt_id=prompt_id)

    def __getitem__(self, index: int | slice | Sequence[int] | npt.NDArray[Any]) -> Self:
        chosen = as_index(index, len(self))
        return attrs.evolve(
            self,
            masks=self.masks[chosen],
            confidence=self.confidence[chosen],
            prompt_id=self.prompt_id[chosen],
            logits=None if self.logits is None else self.logits[chosen],
        )

    def to_dict(self) -> dict[str, Any]:
        """``type``, ``image`` and ``predictions``: prompt, confidence and mask of each; the logits are left out."""
        from inference_models_core.predictions.coco import json_rle

        rows = zip(plain(self.prompt_id), plain(self.confidence), json_rle(self.masks), strict=True)
        predictions = [
            {"prompt_id": prompt_id, "confidence": confidence, "mask": mask} for prompt_id, confidence, mask in rows
        ]
        return {**self._header(), "predictions": predictions}

    def to_columns(self) -> dict[str, Any]:
        """One row per mask: prompt, confidence and ``mask_area`` in pixels."""
        return {"prompt_id": self.prompt_id, "confidence": self.confidence, "mask_area": self.masks.area}

    def draw(self, canvas: Canvas) -> None:
        """Draws the masks, one colour per prompt."""
        from inference_models_core.predictions.drawing.instances import draw_masks

        draw_masks(canvas, self.masks, self.prompt_id)

    def summary(self) -> str:
        """The number of masks and prompts."""
        return f"{len(self)} masks for {len(set(self.prompt_id.tolist()))} prompts"
