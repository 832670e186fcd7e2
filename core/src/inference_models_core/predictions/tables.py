"""Predictions as tables."""

from __future__ import annotations

from typing import Any

from inference_models_core.errors import MissingDependencyError


def data_frame(columns: dict[str, Any]) -> Any:
    """A ``pandas.DataFrame`` of columns of one length each.

    Raises:
        MissingDependencyError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        hint = 'pip install "inference-models-core[pandas]"'
        raise MissingDependencyError("Tables need pandas, which is not installed.", hint=hint) from error
    return pd.DataFrame(columns)
