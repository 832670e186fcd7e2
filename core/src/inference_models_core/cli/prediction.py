"""The loop behind ``predict``: batches in, one outcome per picture out; memory does not grow with their number."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from inference_models_core.cli.sources import MissingSource, PictureSource
from inference_models_core.errors import InputError, ModelOutputError, ModelRuntimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Predict: TypeAlias = Callable[[Sequence[Any]], Any]


@attrs.frozen
class Predicted:
    """A picture that went well.

    Attributes:
        source: The picture.
        result: What the model answered.
        milliseconds: Its share of the time its batch took, reading the file included.
    """

    source: PictureSource
    result: Any
    milliseconds: float


@attrs.frozen
class Failed:
    """A picture that could not be read or predicted on, or a source without pictures.

    Attributes:
        source: What it was.
        error: Why.
    """

    source: PictureSource | MissingSource
    error: Exception


def predict_all(
    load: Callable[[], Predict], sources: Iterable[PictureSource | MissingSource], batch: int
) -> Iterator[Predicted | Failed]:
    """Predicts on every picture, ``batch`` at a time.

    Args:
        load: Called once, when the first picture is there: whoever mistypes a file name need not wait for the model.
            Returns a function that takes a list of pictures and returns one result per picture.
        sources: The pictures, drawn one batch at a time.
        batch: Pictures per call.

    Yields:
        One outcome per source, in order. A batch with a broken picture is repeated one by one: the others go on.

    Raises:
        InferenceModelsError: What is no single picture's fault, such as an argument that the model does not take.
    """
    remaining, predict = iter(sources), None
    while chunk := list(itertools.islice(remaining, batch)):
        pictures = [source for source in chunk if isinstance(source, PictureSource)]
        if pictures and predict is None:
            predict = load()
        outcomes = iter(_predict_batch(predict, pictures) if predict and pictures else ())
        for source in chunk:
            yield Failed(source, source.error) if isinstance(source, MissingSource) else next(outcomes)


def _predict_batch(predict: Predict, pictures: Sequence[PictureSource]) -> Sequence[Predicted | Failed]:
    started = time.perf_counter()
    try:
        results = one_per_picture(predict([picture.reference for picture in pictures]), len(pictures))
    except (InputError, ModelRuntimeError, OSError) as error:
        if len(pictures) == 1:
            return (Failed(pictures[0], error),)
        return [outcome for picture in pictures for outcome in _predict_batch(predict, [picture])]
    milliseconds = (time.perf_counter() - started) * 1e3 / len(pictures)
    return [Predicted(picture, result, milliseconds) for picture, result in zip(pictures, results, strict=True)]


def one_per_picture(answer: Any, count: int) -> Sequence[Any]:
    """A model's answer as one result per picture; a model of a foreign class may answer one picture with one result.

    Raises:
        ModelOutputError: If the answer does not have one result per picture.
    """
    if isinstance(answer, (list, tuple)) and len(answer) == count:
        return answer
    if count == 1:
        return [answer]
    what = f"{len(answer)} results" if isinstance(answer, (list, tuple)) else f"one {type(answer).__name__}"
    raise ModelOutputError(f"the model answered {count} pictures with {what}", hint="try --batch 1")
