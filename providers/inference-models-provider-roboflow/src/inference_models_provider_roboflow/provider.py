"""Resolves the ids of models that are hosted on Roboflow."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import attrs
from inference_models_core.errors import (
    AccessDeniedError,
    ForbiddenError,
    InvalidReferenceError,
    InvalidRequestError,
    MalformedDocumentError,
    ModelNotFoundError,
    UnauthorizedError,
)
from inference_models_core.names import MAX_MODEL_ID, check_identifier
from inference_models_core.parsing import as_object
from inference_models_core.providers.pages import read_pages
from inference_models_core.types.packages import DownloadAccess
from inference_models_core.types.secrets import Secret

from inference_models_provider_roboflow.endpoint import Endpoint, endpoint_of
from inference_models_provider_roboflow.local_packages import find_local_packages
from inference_models_provider_roboflow.options import Options, read_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inference_models_core.errors import ProviderError
    from inference_models_core.network.client import HttpClient
    from inference_models_core.types.packages import ModelMetadata, ModelPackage
    from inference_models_core.types.providers import ProviderContext

_SET_KEY = "set the environment variable ROBOFLOW_API_KEY to a key of your workspace, or pass api_key="
_CHECK_KEY = "check that the key in ROBOFLOW_API_KEY or api_key= is one of the workspace that owns the model"
_CHECK_ID = "check the id, such as project/version; a model of a workspace is found only with a key of that workspace"


class RoboflowProvider:
    """Asks the API for a model's packages; adds those that were built on this machine."""

    def __init__(self, context: ProviderContext) -> None:
        self._context = context
        self._endpoint = endpoint_of(os.environ)
        self._options = read_options(context.options)
        self._key = _key(context)

    def resolve(self, model_id: str, *, revision: str | None = None) -> ModelMetadata:
        """Finds a model.

        Args:
            model_id: ``"project/version"``, or an alias such as ``"yolov8n-640"``; the answer has the canonical id.
            revision: The version is part of the id; must be ``None``.

        Returns:
            The model and its packages; none at all for one that has not been exported yet.

        Raises:
            ModelNotFoundError: If there is no such model, or none that this key may see.
            UnauthorizedError, PaymentRequiredError, ForbiddenError, UsagePausedError: If the API says so.
            ProviderUnavailableError, RateLimitedError: If it cannot be reached, fails, or wants fewer requests.
            ProviderError: For every other answer that is no document.
            MalformedDocumentError: If the answer is no metadata.
            InvalidRequestError: If an option, a variable, the id or a revision cannot be used.
        """
        if revision is not None:
            raise InvalidRequestError("a model's version is part of its id", hint="write project/version")
        found = self._ask(_checked(model_id))
        return attrs.evolve(
            found,
            packages=[*_reachable(found.packages, self._endpoint), *self.find_local_packages(found, model_id)],
            download_access=DownloadAccess(origins=self._endpoint.configured),
        )

    def find_local_packages(self, metadata: ModelMetadata, model_id: str) -> Iterator[ModelPackage]:
        """Those of the canonical id first; an id that is taken already is not taken again."""
        if self._context.local_packages is None:
            return
        known = {package.package_id for package in metadata.packages}
        for folder in map(self._context.local_packages, dict.fromkeys((metadata.model_id, model_id))):
            for package in find_local_packages(folder, self._context.read_manifest):
                if package.package_id not in known:
                    known.add(package.package_id)
                    yield package

    def _ask(self, model_id: str) -> ModelMetadata:
        headers = {self._endpoint.asked: _headers(self._key, self._options)}
        with self._context.open_http(origins=self._endpoint.configured, headers=headers) as client:
            try:
                return read_pages(
                    lambda cursor: _page(client, self._url(model_id, cursor), model_id),
                    f"model {model_id}",
                    self._context.read_manifest,
                )
            except (AccessDeniedError, ModelNotFoundError) as error:
                error.hint = error.hint or _hint(error, self._key)
                raise

    def _url(self, model_id: str, cursor: str | None) -> str:
        ours = {"modelId": model_id} if cursor is None else {"modelId": model_id, "startAfter": cursor}
        others = [(name, value) for name, value in self._options.query if name not in ("modelId", "startAfter")]
        return self._endpoint.through_gateway(f"{self._endpoint.question}?{urlencode([*ours.items(), *others])}")


def _key(context: ProviderContext) -> Secret | None:
    """The key to send; ``"local"`` is what callers write who have none."""
    key = context.api_key
    return None if key is None or key.reveal().strip() in ("", "local") else key


def _headers(key: Secret | None, options: Options) -> dict[str, Secret]:
    """The caller's headers and ours, which wins."""
    if key is None:
        return dict(options.headers)
    others = {name: value for name, value in options.headers.items() if name.lower() != "authorization"}
    return {**others, "Authorization": Secret(f"Bearer {key.reveal().strip()}")}


def _page(client: HttpClient, url: str, model_id: str) -> Any:
    where = f"the answer about model {model_id}"
    document = client.get_document(url, what=f"model {model_id!r}")
    return as_object(document, where).fields("modelMetadata").mapping


def _checked(model_id: str) -> str:
    try:
        return check_identifier(model_id, "model id", longest=MAX_MODEL_ID)
    except MalformedDocumentError as error:
        raise InvalidReferenceError(error.message) from None


def _hint(error: ProviderError, key: Secret | None) -> str:
    if isinstance(error, ModelNotFoundError):
        return f"{_CHECK_ID}: {_SET_KEY}" if key is None else _CHECK_ID
    if key is None:
        return _SET_KEY
    return _CHECK_KEY if isinstance(error, (UnauthorizedError, ForbiddenError)) else ""


def _reachable(packages: Iterable[ModelPackage], endpoint: Endpoint) -> Iterable[ModelPackage]:
    """The packages with URLs that lead through the gateway, if there is one."""
    return (_through_gateway(package, endpoint) for package in packages) if endpoint.gateway else packages


def _through_gateway(package: ModelPackage, endpoint: Endpoint) -> ModelPackage:
    artifacts = [
        attrs.evolve(artifact, urls=map(endpoint.through_gateway, artifact.urls)) for artifact in package.artifacts
    ]
    return attrs.evolve(package, artifacts=artifacts)
