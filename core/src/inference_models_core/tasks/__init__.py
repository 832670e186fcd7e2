"""Task base classes: what a model of each task takes and returns.

Tasks are open strings; these are the ones with a shared contract. Deriving from a base is how a family says which
result type it returns.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inference_models_core.tasks.base import ClassVocabulary as ClassVocabulary
    from inference_models_core.tasks.base import ImageModel as ImageModel
