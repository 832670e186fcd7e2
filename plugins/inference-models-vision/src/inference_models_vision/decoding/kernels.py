"""What decoding needs and the array API lacks, per array library.

Selecting candidates is plain array API and runs wherever the outputs are. ``nms`` and ``topk`` are not part of it;
:func:`kernels` finds an implementation for a library. numpy's is here; a plugin adds one for its own arrays with
:func:`register_kernels`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from inference_models_core.errors import MissingDependencyError

from inference_models_vision.decoding import nms as numpy_nms

if TYPE_CHECKING:
    from inference_models_core.types.tensors import Array


class Kernels(Protocol):
    """Operations on arrays of one library."""

    def nms(self, boxes: Array, scores: Array, class_ids: Array | None, *, iou_threshold: float, limit: int) -> Array:
        """Non-maximum suppression; see :func:`inference_models_vision.decoding.nms.nms`."""
        ...

    def topk(self, values: Array, count: int) -> tuple[Array, Array]:
        """The largest values of a (n,) array in descending order, and their places."""
        ...


class NumpyKernels:
    """The operations on numpy arrays."""

    def nms(self, boxes: Array, scores: Array, class_ids: Array | None, *, iou_threshold: float, limit: int) -> Array:
        """Non-maximum suppression; see :func:`inference_models_vision.decoding.nms.nms`."""
        return numpy_nms.nms(boxes, scores, class_ids, iou_threshold=iou_threshold, limit=limit)

    def topk(self, values: Array, count: int) -> tuple[Array, Array]:
        """The largest values of a (n,) array in descending order, and their places; equal ones in order of place."""
        places = np.argsort(-values, kind="stable")[:count]
        return values[places], places


_KERNELS: dict[str, Kernels] = {"numpy": NumpyKernels()}


def register_kernels(library: str, kernels: Kernels) -> None:
    """Adds the operations for an array library.

    Args:
        library: Name as sessions give it in ``arrays``: ``"torch"``, ``"cupy"``.
        kernels: The operations.
    """
    _KERNELS[library] = kernels


def kernels(library: str) -> Kernels:
    """The operations for an array library.

    Raises:
        MissingDependencyError: If no plugin brings them.
    """
    found = _KERNELS.get(library)
    if found is None:
        raise MissingDependencyError(f"no installed plugin brings nms and topk for arrays of {library}")
    return found


def is_numpy(array: Any) -> bool:
    """Whether an array is numpy's own."""
    return isinstance(array, np.ndarray)


def namespace(array: Array) -> Any:
    """The array API namespace of an array; numpy itself for numpy, whose compatibility layer costs import time."""
    if is_numpy(array):
        return np
    from array_api_compat import array_namespace

    return array_namespace(array)


def to_numpy(array: Array) -> Any:
    """Brings an array to the CPU as numpy; shares memory where it is there already.

    Numbers in bfloat16, a type that numpy lacks, become float32.
    """
    if is_numpy(array):
        return array
    if hasattr(array, "detach"):  # torch
        array = array.detach().cpu()
        return (array.float() if str(array.dtype) == "torch.bfloat16" else array).numpy()
    if hasattr(array, "get"):  # cupy
        return array.get()
    return np.asarray(array)
