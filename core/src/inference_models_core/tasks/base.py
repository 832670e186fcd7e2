"""Images in, predictions out: the one call shape of every task."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from inference_models_core.arguments import check_known, keyword_names
from inference_models_core.model import Model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.tensors import Array

Result = TypeVar("Result")

_STAGES = ("pre_process", "forward", "post_process")


@functools.cache
def _stage_arguments(model_class: type[ImageModel[Any]]) -> Mapping[str, tuple[str, ...]]:
    """Keyword argument -> the stages of this class that take it."""
    taken: dict[str, tuple[str, ...]] = {}
    for stage in _STAGES:
        for name in keyword_names(getattr(model_class, stage))[0]:
            taken[name] = (*taken.get(name, ()), stage)
    return taken


class ImageModel(Model, Generic[Result]):
    """A model that turns pictures into one result per picture.

    Subclasses implement the three stages; the keyword-only arguments in their signatures are the arguments a
    prediction call takes, anything else is an error.
    """

    task: ClassVar[str] = ""

    def pre_process(self, images: Any) -> Preprocessed:
        """Turns pictures into batches of input tensors.

        Args:
            images: A path, bytes, PIL image, numpy HWC array, torch CHW or NCHW tensor, or a list of them.

        Returns:
            Batches with the way back for each picture.

        Raises:
            InputError: If something is not a picture.
        """
        raise NotImplementedError

    def forward(self, preprocessed: Preprocessed) -> Sequence[tuple[Array, ...]]:
        """Runs the network.

        Args:
            preprocessed: What :meth:`pre_process` returned.

        Returns:
            For each batch the outputs as the backend's own arrays.
        """
        raise NotImplementedError

    def post_process(self, outputs: Sequence[tuple[Array, ...]], preprocessed: Preprocessed) -> list[Result]:
        """Turns network outputs into predictions.

        Args:
            outputs: What :meth:`forward` returned.
            preprocessed: What :meth:`pre_process` returned.

        Returns:
            One result per picture, in the caller's order.
        """
        raise NotImplementedError

    def infer(self, images: Any, **arguments: Any) -> list[Result]:
        """Predicts.

        Args:
            images: As for :meth:`pre_process`.
            **arguments: Keyword arguments of the three stages.

        Returns:
            One result per picture, also for a single picture.

        Raises:
            UnknownArgumentError: For an argument that no stage takes; names the nearest legal one.
            InputError: If something is not a picture.
        """
        if not arguments:
            preprocessed = self.pre_process(images)
            return self.post_process(self.forward(preprocessed), preprocessed)
        stages = self._split(arguments)
        preprocessed = self.pre_process(images, **stages["pre_process"])
        outputs = self.forward(preprocessed, **stages["forward"])
        return self.post_process(outputs, preprocessed, **stages["post_process"])

    def __call__(self, images: Any, **arguments: Any) -> list[Result]:
        """The same as :meth:`infer`."""
        return self.infer(images, **arguments)

    def _split(self, arguments: Mapping[str, Any]) -> Mapping[str, dict[str, Any]]:
        taken = _stage_arguments(type(self))  # type: ignore[arg-type]  # classes are hashable
        check_known(arguments, taken.keys(), f"a prediction call of {type(self).__name__}")
        stages: dict[str, dict[str, Any]] = {stage: {} for stage in _STAGES}
        for name, value in arguments.items():
            for stage in taken[name]:
                stages[stage][name] = value
        return stages


class ClassVocabulary:
    """Mixed into models whose classes are fixed: the vocabulary by class id."""

    class_names: tuple[str, ...] = ()
