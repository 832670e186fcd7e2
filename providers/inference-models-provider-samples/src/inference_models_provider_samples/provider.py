"""Resolves the ids of the sample models; every file is in this distribution, so there is nothing to fetch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from inference_models_core.errors import InvalidRequestError, ModelNotFoundError
from inference_models_core.parsing import read_json
from inference_models_core.providers.documents import read_model

if TYPE_CHECKING:
    from inference_models_core.types.listings import ModelListing
    from inference_models_core.types.packages import ModelMetadata
    from inference_models_core.types.providers import ProviderContext

MODELS = Path(__file__).parent / "models"
PICTURES = Path(__file__).parent / "pictures"
_PREFIX = "samples/"


class SamplesProvider:
    """The models under ``models/``, each described by its ``index.json``."""

    def __init__(self, context: ProviderContext) -> None:
        self._context = context

    def resolve(self, model_id: str, *, revision: str | None = None) -> ModelMetadata:
        """Finds a sample model.

        Args:
            model_id: ``"samples/shapes-detector"``, or without the prefix where the provider was named.
            revision: Samples have none but their distribution's; must be ``None``.

        Returns:
            The model; its packages' files are in place.

        Raises:
            ModelNotFoundError: If there is no such sample.
            InvalidRequestError: If a revision is asked for.
        """
        if revision is not None:
            raise InvalidRequestError("sample models have no revisions", hint="leave out revision=")
        name = model_id.removeprefix(_PREFIX)
        if name not in _names():
            raise ModelNotFoundError(f"no sample model {model_id!r}", hint=f"there are: {', '.join(_names())}")
        document = read_json(MODELS / name / "index.json")
        model = read_model(document.mapping, document.where, self._context.read_manifest)
        packages = [attrs.evolve(package, directory=MODELS / name / package.package_id) for package in model.packages]
        return attrs.evolve(model, packages=packages)

    def list_models(self, query: str = "", *, task: str | None = None, cursor: str | None = None) -> ModelListing:
        """All sample models on one page; see ``SupportsListing``."""
        from inference_models_core.types.listings import ListedModel, ModelListing

        del cursor
        found = [self.resolve(name) for name in _names() if query.lower() in f"{_PREFIX}{name}"]
        return ModelListing(
            models=[
                ListedModel(
                    model_id=model.model_id,
                    task=model.task,
                    architecture=model.architecture,
                    summary=f"{len(model.packages)} packages",
                )
                for model in found
                if task in (None, model.task)
            ]
        )


def _names() -> list[str]:
    return sorted(path.parent.name for path in MODELS.glob("*/index.json"))
