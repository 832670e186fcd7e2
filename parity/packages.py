"""Writes one row's package for one case as a folder that both systems open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from parity.matrix import Case
from parity.rows import Row, config_of

RECOMMENDED = {"confidence": 0.5, "perClassConfidence": {"cat": 0.2, "dog": 0.6}}


def write(row: Row, case: Case, folder: Path) -> Path:
    """Writes the graphs and the documents; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    row.write_graphs(folder, case.get("graph_batch"))
    for name, text in documents(row, case).items():
        (folder / name).write_text(text if isinstance(text, str) else json.dumps(text, indent=1))
    return folder


def documents(row: Row, case: Case) -> dict[str, Any]:
    """The package's documents by file name."""
    found = dict(row.documents)
    if row.task != "pipeline":  # its models have their own
        found["model_config.json"] = _model_config(row, case)
    if row.class_names:
        found["class_names.txt"] = "".join(f"{name}\n" for name in row.class_names)
    if row.has_config:
        found["inference_config.json"] = _inference_config(row, case)
    return found


def _model_config(row: Row, case: Case) -> dict[str, Any]:
    batch = case.get("graph_batch")
    how = {"dynamic_batch_size_supported": True} if batch is None else {"static_batch_size": batch}
    features = dict.fromkeys(row.features, True) or None
    return config_of(row.architecture, row.task, model_features=features, recommended_parameters=RECOMMENDED, **how)


def _inference_config(row: Row, case: Case) -> dict[str, Any]:
    adjustments: dict[str, Any] = {}
    if case["static_crop"]:
        names = ("x_min", "x_max", "y_min", "y_max")
        adjustments["static-crop"] = {"enabled": True, **dict(zip(names, case["static_crop"], strict=True))}
    if case["contrast"]:
        adjustments["contrast"] = {"enabled": True, "type": case["contrast"]}
    if case["grayscale"]:
        adjustments["grayscale"] = {"enabled": True}
    said = {
        "image_pre_processing": adjustments,
        "network_input": _network_input(row, case),
        "forward_pass": {"static_batch_size": case["graph_batch"], "max_dynamic_batch_size": 8},
    }
    if row.post_processing is not None:
        said["post_processing"] = dict(row.post_processing)
    if row.removed_classes:
        removal = "class_name_removal"
        said["class_names_operations"] = [{"type": removal, "class_name": name} for name in row.removed_classes]
    return said


def _network_input(row: Row, case: Case) -> dict[str, Any]:
    said = {
        "training_input_size": {"height": row.size[0], "width": row.size[1]},
        "dynamic_spatial_size_supported": False,
        "color_mode": case["color_mode"],
        "resize_mode": case["resize_mode"],
        "padding_value": case["padding_value"],
        "input_channels": 3,
        "scaling_factor": 255,
        "normalization": case["normalization"],
    }
    if case.get("dataset_size"):
        height, width = case["dataset_size"]
        said["dataset_version_resize_dimensions"] = {"height": height, "width": width}
    return said
