"""The settings that both systems are compared in: cases that hold every pair of settings at least once."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Mapping
from typing import Any

Case = Mapping[str, Any]

#: What a package says of its pre-processing and its graph.
PACKAGE: dict[str, tuple[Any, ...]] = {
    "resize_mode": ("stretch", "letterbox", "letterbox-reflect-edges", "center-crop", "fit-longer-edge"),
    "static_crop": (None, (10, 80, 5, 70), (0, 60, 0, 75)),
    "contrast": (None, "Contrast Stretching", "Histogram Equalization", "Adaptive Equalization"),
    "grayscale": (False, True),
    "padding_value": (None, 0, 114),
    "color_mode": ("rgb", "bgr"),
    "normalization": (None, ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))),
    "graph_batch": (None, 1, 4),
}
#: What a call says.
CALL: dict[str, tuple[Any, ...]] = {
    "pictures_per_call": (1, 20, 3),
    "input_color_format": (None, "rgb"),
    "confidence": (None, 0.6, "best"),
    "iou_threshold": (None, 0.6),
    "class_agnostic_nms": (None, True),
    "max_detections": (None, 4),
}


@functools.cache
def covering(factors: tuple[tuple[str, tuple[Any, ...]], ...], seed: int = 0) -> tuple[Case, ...]:
    """Cases in which every two values of any two factors meet, found greedily; the first is all defaults."""
    rng = random.Random(seed)
    names = [name for name, _ in factors]
    missing = {
        frozenset(((a, i), (b, j)))
        for (a, some), (b, others) in itertools.combinations(factors, 2)
        for i, j in itertools.product(range(len(some)), range(len(others)))
    }
    if len(factors) == 1:
        return tuple({names[0]: value} for value in factors[0][1])
    cases = [dict.fromkeys(names, 0)]
    missing -= _pairs(cases[0])
    while missing:
        tries = [_around(rng, factors, sorted(map(sorted, missing))[0]) for _ in range(60)]
        best = max(tries, key=lambda found: len(_pairs(found) & missing))
        missing -= _pairs(best)
        cases.append(best)
    return tuple({name: values[case[name]] for name, values in factors} for case in cases)


def _around(rng: random.Random, factors: Any, pair: list[tuple[str, int]]) -> dict[str, int]:
    return {name: rng.randrange(len(values)) for name, values in factors} | dict(pair)


def _pairs(case: dict[str, int]) -> set[frozenset[tuple[str, int]]]:
    return {frozenset(pair) for pair in itertools.combinations(case.items(), 2)}
