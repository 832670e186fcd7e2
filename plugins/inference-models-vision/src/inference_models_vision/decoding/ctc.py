"""Texts out of the logits of connectionist temporal classification: https://doi.org/10.1145/1143844.1143891."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from inference_models_core.errors import ModelOutputError

from inference_models_vision.decoding.kernels import namespace, to_numpy

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from inference_models_core.types.tensors import Array


def best_path(output: Array, classes: int) -> npt.NDArray[np.int64]:
    """The likeliest class of each step, chosen where the output is: only these few numbers come to the CPU.

    Args:
        output: (batch, steps, classes) scores of any scale.
        classes: Classes that there should be.

    Returns:
        (batch, steps) int64.

    Raises:
        ModelOutputError: If the output has another shape or only says yes and no, or the best score of a step is not
            finite.
    """
    if len(output.shape) != 3 or output.shape[2] != classes:
        raise ModelOutputError(
            f"an output of shape {list(output.shape)}; expected (batch, steps, {classes}), one class for each "
            "character of the package, one for a space and one for nothing",
            hint="the graph and the package's inference.yml belong to different models",
        )
    if str(output.dtype).endswith("bool"):  # of which PyTorch knows no largest
        raise ModelOutputError("the scores of the characters only say yes and no")
    if 0 in output.shape:
        return np.zeros(output.shape[:2], np.int64)
    xp = namespace(output)
    if not bool(xp.all(xp.isfinite(xp.max(output, axis=2)))):
        raise ModelOutputError("the scores of the characters have values that are not finite")
    return np.asarray(to_numpy(xp.argmax(output, axis=2)), np.int64)


def texts_of(paths: npt.NDArray[np.int64], characters: Sequence[str]) -> list[str]:
    """Texts of paths: repeated classes count once, and class 0 is nothing.

    Args:
        paths: (batch, steps) int64.
        characters: What the classes from 1 on stand for.

    Returns:
        One text per path.
    """
    counts = paths != 0
    counts[:, 1:] &= paths[:, 1:] != paths[:, :-1]
    return ["".join([characters[i - 1] for i in path[kept].tolist()]) for path, kept in zip(paths, counts, strict=True)]
