"""The front door: one line loads a model."""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Any

from inference_models_core import settings
from inference_models_core.errors import InvalidRequestError
from inference_models_core.normalise import normalise_backends, normalise_batch_size, normalise_quantizations
from inference_models_core.plugins.host import get_host
from inference_models_core.reference import parse_reference
from inference_models_core.types.devices import parse_device
from inference_models_core.types.requests import FALLBACKS, LoadOptions, LoadRequest
from inference_models_core.types.secrets import sealed, to_optional_secret

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from inference_models_core.artifacts.pull import PulledPackage
    from inference_models_core.plugins.host import PluginHost
    from inference_models_core.reports.model import ModelReport
    from inference_models_core.reports.runtime import RuntimeReport
    from inference_models_core.types.devices import Device
    from inference_models_core.types.negotiation import Negotiation
    from inference_models_core.types.secrets import Secret


class AutoModel:
    """Finds a model's packages, drops those this machine cannot run, ranks the rest and loads the best."""

    @classmethod
    def from_pretrained(
        cls,
        model_id_or_path: str | os.PathLike[str],
        *,
        weights_provider: str | None = None,
        api_key: str | Secret | None = None,
        revision: str | None = None,
        backend: str | Iterable[str] | None = None,
        device: str | int | Device | Any | None = "auto",
        quantization: str | Iterable[str] | None = None,
        batch_size: int | tuple[int, int] | None = None,
        model_package_id: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        allow_untrusted_packages: bool = False,
        allow_local_code_packages: bool = False,
        fallback: str = "compatible",
        options: LoadOptions | None = None,
        **model_kwargs: Any,
    ) -> Any:
        """Loads a model.

        Args:
            model_id_or_path: A model id, ``"scheme://id"``, or a path: a path object, ``"./x"``, ``"/x"``, ``"~/x"``,
                ``"file:x"``, or a name ending in a suffix that an installed backend owns. A bare name is never a path.
            weights_provider: The provider to ask; without it the configured ones, else the embedded models, else the
                one other provider that is installed.
            api_key: Key for the provider.
            revision: Version of the model, where the provider has versions.
            backend: Name or names of backends to consider, best first.
            device: ``"auto"`` (an accelerator if there is one that works), ``"cpu"``, ``"cuda"``, ``"cuda:1"``, an
                index, or a ``torch.device``. A device named here is used or the call fails.
            quantization: Precision or precisions to consider, best first.
            batch_size: Batch, or (smallest, largest), that must run in one go.
            model_package_id: The one package to use; skips preferences, not compatibility or trust.
            cache_dir: Folder that downloads are kept in; one of this user, which nobody else may write to.
            local_files_only: Open no connection: everything has to be in the cache, or the error says what is not.
            force_download: Ask and fetch again, although the choice is remembered and the files are in the cache.
            allow_untrusted_packages: Accept program-like formats from publishers that are not trusted.
            allow_local_code_packages: Run a class that a local directory brings.
            fallback: ``"compatible"``: a package that a backend cannot open here gives way to the next one on the
                same device, with a warning. ``"none"``: the first failure is raised.
            options: Everything rare.
            **model_kwargs: Passed to the model class; one that it does not know is an error.

        Returns:
            The model: pictures in, one result per picture out. ``model.resolution`` says how it was chosen.

        Raises:
            InvalidRequestError: If an argument cannot be used.
            ModelNotFoundError: If no provider knows the model.
            NoCompatiblePackageError: If no package can run here; the message says why for each.
            LoadFailedError: If every candidate refused to open.
            DownloadError: If a file cannot be fetched.
            IntegrityError: If a file is not what its provider, or the lock file, promised.
            CacheError: If the cache cannot be used: unsafe, full, read-only, or locked by a process that stands still.
            OfflineError: If something is missing and the network is forbidden; the hint fetches it.
            InferenceModelsError: Root of all errors raised here.
        """
        from inference_models_core.loading import load_model

        api_key = to_optional_secret(api_key)  # a traceback may show the variables of this frame
        return load_model(_request(locals()))

    @classmethod
    def plan(cls, model_id_or_path: str | os.PathLike[str], **arguments: Any) -> Negotiation:
        """Says what :meth:`from_pretrained` would do, without downloading or opening anything.

        Args:
            model_id_or_path: As for :meth:`from_pretrained`.
            **arguments: The same.

        Returns:
            Candidates, best first, and a reason for each package that is not one. Prints as a table.
        """
        from inference_models_core.planning import make_plan

        arguments = sealed(arguments)
        return make_plan(_request({"model_id_or_path": model_id_or_path, **_defaulted(arguments)})).negotiation

    @classmethod
    def pull(
        cls, model_id_or_path: str | os.PathLike[str], *, all_packages: bool = False, **arguments: Any
    ) -> tuple[PulledPackage, ...]:
        """Fetches what :meth:`from_pretrained` would use, dependencies included, and opens nothing.

        Args:
            model_id_or_path: As for :meth:`from_pretrained`.
            all_packages: Fetch every package, also those that this machine cannot run.
            **arguments: As for :meth:`from_pretrained`.

        Returns:
            The packages that are in the cache now, each with its ``directory``; dependencies last.
        """
        from inference_models_core.artifacts.pull import pull

        arguments = sealed(arguments)
        request = _request({"model_id_or_path": model_id_or_path, **_defaulted(arguments)})
        return pull(request, all_packages=all_packages)

    @classmethod
    def find_cached(cls, model_id_or_path: str | os.PathLike[str], **arguments: Any) -> Path | None:
        """Finds the directory of the package that a load without a network would use; opens no connection.

        Args:
            model_id_or_path: As for :meth:`from_pretrained`.
            **arguments: The same.

        Returns:
            The directory, with every file verified; ``None`` if something is missing, or no package of what is
            remembered about the model can run here.
        """
        from inference_models_core.artifacts.pull import find_pulled

        arguments = sealed(arguments)
        return find_pulled(
            _request({"model_id_or_path": model_id_or_path, **_defaulted(arguments), "local_files_only": True})
        )

    @classmethod
    def describe_model(cls, model_id_or_path: str | os.PathLike[str], **arguments: Any) -> ModelReport:
        """Describes a model and all its packages.

        Args:
            model_id_or_path: As for :meth:`from_pretrained`.
            **arguments: The same.

        Returns:
            A report that prints well: text, rich, HTML in notebooks, ``to_dict()``.
        """
        from inference_models_core.planning import make_plan
        from inference_models_core.reports.model import model_report

        arguments = sealed(arguments)
        return model_report(make_plan(_request({"model_id_or_path": model_id_or_path, **_defaulted(arguments)})))

    @classmethod
    def describe_runtime(cls, *, host: PluginHost | None = None) -> RuntimeReport:
        """Describes this machine and everything installed: plugins, backends, devices, providers, switches.

        Args:
            host: Plugin host to describe instead of the process's own.

        Returns:
            A report that prints well: text, rich, HTML in notebooks, ``to_dict()``.
        """
        from inference_models_core.reports.runtime import runtime_report

        return runtime_report(host or get_host())


_SIGNATURE = inspect.signature(AutoModel.from_pretrained)
_DEFAULTS = {
    name: parameter.default
    for name, parameter in _SIGNATURE.parameters.items()
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY
}


def _defaulted(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of :meth:`AutoModel.from_pretrained` with defaults filled in; the rest are for the model class."""
    named = {name: arguments.get(name, default) for name, default in _DEFAULTS.items()}
    return {**named, "model_kwargs": {name: value for name, value in arguments.items() if name not in _DEFAULTS}}


def load_request(model_id_or_path: str | os.PathLike[str], **arguments: Any) -> LoadRequest:
    """The request that :meth:`AutoModel.from_pretrained` makes of the same arguments."""
    arguments = sealed(arguments)
    return _request({"model_id_or_path": model_id_or_path, **_defaulted(arguments)})


def _request(arguments: dict[str, Any]) -> LoadRequest:
    """Reads the arguments of :meth:`AutoModel.from_pretrained`."""
    options = arguments["options"] or LoadOptions()
    if not isinstance(options, LoadOptions):
        raise InvalidRequestError("options takes LoadOptions(...)")
    if arguments["fallback"] not in FALLBACKS:
        raise InvalidRequestError(f"fallback is one of {', '.join(FALLBACKS)}, not {arguments['fallback']!r}")
    registry = (options.host or get_host()).registry()
    cache_dir = arguments["cache_dir"]
    return LoadRequest(
        ref=parse_reference(arguments["model_id_or_path"], registry.suffixes()),
        weights_provider=arguments["weights_provider"],
        api_key=arguments["api_key"],
        revision=arguments["revision"],
        backends=normalise_backends(arguments["backend"]),
        device=parse_device(arguments["device"]),
        quantizations=normalise_quantizations(arguments["quantization"]),
        batch_size=normalise_batch_size(arguments["batch_size"]),
        package_id=arguments["model_package_id"],
        cache_dir=None if cache_dir is None else os.fspath(cache_dir),
        offline=arguments["local_files_only"] or settings.offline(),
        force_download=arguments["force_download"],
        allow_untrusted_packages=arguments["allow_untrusted_packages"],
        allow_local_code_packages=arguments["allow_local_code_packages"],
        fallback=arguments["fallback"],
        options=options,
        model_kwargs=arguments["model_kwargs"],
    )
