"""Runs both systems, or ours alone, on the pictures of one case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from parity import adapting
from parity.answers import OURS, THEIRS, Answer
from parity.matrix import Case
from parity.packages import RECOMMENDED
from parity.rows import Row

Picture = npt.NDArray[np.uint8]
Tensors = list[npt.NDArray[Any]]

TEXTS = ("a cat", "Two dogs, running over green grass!", "naïve café — 東京 🐟", "", "x" * 300)
_MEMBERS = ("detector", "reader")
_OF_PICTURES = ("input_color_format",)


def arguments(row: Row, case: Case) -> dict[str, Any]:
    """What the case says that a prediction call is given."""
    names = (*_OF_PICTURES, *row.call, *(name for name in row.more if name.endswith("_threshold")))
    return {name: case[name] for name in names if case.get(name) is not None}


def ours(row: Row, case: Case, folder: Path, pictures: Sequence[Picture]) -> list[Answer]:
    """Our answers, through the public call."""
    with _our_model(row, folder) as model:
        call = model.embed_images if row.task == "embedding" else model
        found = [call(list(some), **arguments(row, case)) for some in _calls(case, pictures)]
        if row.task == "embedding":
            found.append(model.embed_text(list(TEXTS)))
        return [OURS[row.kind](result) for results in found for result in results]


def _our_model(row: Row, folder: Path) -> Any:
    from inference_models_core import AutoModel, AutoModelPipeline

    if row.task == "pipeline":
        return AutoModelPipeline.from_pretrained(row.architecture, [folder / name for name in _MEMBERS], device="cpu")
    return AutoModel.from_pretrained(folder, device="cpu")


def our_tensors(row: Row, case: Case, folder: Path, pictures: Sequence[Picture]) -> Tensors:
    """What our network sees of each picture; nothing for pipelines, whose models have rows of their own."""
    if row.task == "pipeline":
        return []
    given = {name: value for name, value in arguments(row, case).items() if name in _OF_PICTURES}
    with _our_model(row, folder) as model:
        preprocessed = _prepared(model, list(pictures), given)
    found: dict[int, npt.NDArray[Any]] = {}
    for group in preprocessed.groups:
        found.update(zip(group.indices, np.asarray(group.tensor), strict=True))
    return [found[index] for index in range(len(pictures))]


def _prepared(model: Any, pictures: list[Picture], given: dict[str, Any]) -> Any:
    """What our model feeds its network; CLIP's has no public name for that."""
    if hasattr(model, "pre_process"):
        return model.pre_process(pictures, **given)
    from inference_models_vision.families.base import color_order

    return model._engine(model._loader.load(pictures, color_order(given.get("input_color_format"))))


def theirs(row: Row, case: Case, folder: Path, pictures: Sequence[Picture]) -> tuple[list[Answer], Tensors]:
    """The reference's answers, and what its network sees of each picture."""
    model = _their_model(row, folder)
    given = arguments(row, case)
    for name in row.adapt:
        given = adapting.ARGUMENTS.get(name, _as_it_is)(given)
    answers: list[Answer] = []
    tensors: Tensors = []
    for some in _calls(case, pictures):
        tensor, found = _their_call(row, model, list(some), given)
        tensors += [np.asarray(one).reshape(one.shape[-3:]) for one in tensor]  # PP-OCR's come one by one
        pairs = zip(some, THEIRS[row.kind](found), strict=True)
        answers += [_adapted(row, case, picture, answer) for picture, answer in pairs]
    if row.task == "embedding":
        answers += THEIRS[row.kind](model.embed_text(list(TEXTS)))
    return answers, tensors


def _their_model(row: Row, folder: Path) -> Any:
    from inference_models import AutoModel
    from inference_models.models.pp_ocrv6.pp_ocrv6_pipeline import PPOCRv6Pipeline
    from inference_models.weights_providers.entities import RecommendedParameters

    if row.task == "pipeline":
        return PPOCRv6Pipeline.with_models([AutoModel.from_pretrained(str(folder / name)) for name in _MEMBERS])
    # It reads them from what it downloaded itself, not from a folder; we read both.
    recommended = RecommendedParameters.model_validate(RECOMMENDED)
    return AutoModel.from_pretrained(str(folder), recommended_parameters=recommended)


def _their_call(row: Row, model: Any, pictures: list[Picture], given: dict[str, Any]) -> tuple[Any, Any]:
    """One call in its three steps, so that pictures are prepared once."""
    if row.task == "pipeline":
        return (), model(pictures, **given)
    if row.task == "embedding":
        tensor = model._preprocessor(pictures, given.get("input_color_format"), model._device)
        return tensor, model.embed_images(pictures, **given)
    prepared = model.pre_process(pictures, **given)
    tensor, *metadata = prepared if isinstance(prepared, tuple) else (prepared,)
    return tensor, model.post_process(model.forward(tensor, **given), *metadata, **given)


def _adapted(row: Row, case: Case, picture: Picture, answer: Answer) -> Answer:
    for name in row.adapt:
        change: Callable[..., Answer] = adapting.ANSWERS.get(name, _as_it_is)
        answer = change(answer, case, picture.shape[:2])
    return answer


def _as_it_is(value: Any, *_: Any) -> Any:
    return value


def _calls(case: Case, pictures: Sequence[Picture]) -> list[Sequence[Picture]]:
    count = case.get("pictures_per_call") or 1
    return [pictures[start : start + count] for start in range(0, len(pictures), count)]
