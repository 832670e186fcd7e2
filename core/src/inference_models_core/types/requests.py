"""What the caller asked for, as one value that every step reads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.types.converters import to_dict, to_optional_tuple, to_tuple
from inference_models_core.types.devices import AUTO, Device
from inference_models_core.types.secrets import Secret, to_optional_secret
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_models_core.plugins.host import PluginHost
    from inference_models_core.types.references import ModelRef

FALLBACKS = ("compatible", "none")
VERIFY_MODES = ("stamp", "full")
STALE_POLICIES = ("stale", "strict")
BEYOND_TOLERANCE = ("demote", "refuse", "ignore")


def _to_optional_path(value: str | os.PathLike[str] | None) -> str | None:
    return None if value is None else os.fspath(value)


@attrs.frozen(kw_only=True, repr=False)
class LoadOptions(Value):
    """Everything rare about loading.

    Attributes:
        host: Plugin host to use instead of the process's own.
        prefer: Distributions whose rows beat all others for the packages they can run.
        architecture: For a single file or directory that does not say: its family.
        task: The same for its task.
        class_names: The same for its class names, by class id.
        input_size: The same for the (height, width) of its input.
        backend_options: Backend name -> options for its sessions, as that backend's documentation says. An unknown
            option is an error naming the nearest legal one.
        provider_options: Passed to the weights provider.
        trusted_code: Packages of formats that run code, allowed by name and content: ``"<package id>@sha256:<hex>"``.
        max_image_pixels: Largest picture accepted, in pixels.
        allow_url_input: Whether prediction calls may fetch pictures from URLs.
        lockfile: Path of a ``models.lock``; a model that is not in it, or not as it says, is an error.
        verify: How cached files are checked before each load: ``"stamp"`` compares size, times and inode with those
            of the moment when the content was verified, ``"full"`` reads them again.
        offline_fallback: What happens when a provider cannot be reached and its last answer is remembered:
            ``"stale"`` uses it with a warning, ``"strict"`` raises.
        use_resolution_cache: Whether a remembered choice may be used. It is renewed either way.
        allow_unhashed_files: Fetch files for which the provider gives no digest at all.
        shared_cache: Whether the cache folder may belong to a group of users.
        max_file_size: Most bytes of one file.
        dependency_options: Name of a dependency -> arguments of ``from_pretrained`` for it, where it should not follow
            its parent: ``{"feature_extractor": {"device": "cpu"}}``.
        beyond_tolerance: What becomes of a package whose results, when it was verified (``inference-models verify``),
            were farther from the reference's than ``tolerance``: ``"demote"`` puts it after all others, ``"refuse"``
            rejects it, ``"ignore"`` changes nothing. A package that was never verified stays as it is.
        tolerance: Figure -> largest difference, where the caller wants others than ``negotiation.tolerance`` says:
            ``{"boxes": 2.0, "scores": 0.01}``.
        progress: Whether to show progress; ``None`` shows it on a terminal.
    """

    host: PluginHost | None = attrs.field(default=None, repr=False)
    prefer: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    architecture: str | None = None
    task: str | None = None
    class_names: tuple[str, ...] | None = attrs.field(default=None, converter=to_optional_tuple)
    input_size: tuple[int, int] | None = None
    backend_options: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, converter=to_dict)
    provider_options: Mapping[str, Any] = attrs.field(factory=dict, converter=to_dict, repr=False)
    trusted_code: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    max_image_pixels: int = 64_000_000
    allow_url_input: bool = False
    lockfile: str | None = attrs.field(default=None, converter=_to_optional_path)
    verify: str = attrs.field(default="stamp", validator=attrs.validators.in_(VERIFY_MODES))
    offline_fallback: str = attrs.field(default="stale", validator=attrs.validators.in_(STALE_POLICIES))
    use_resolution_cache: bool = True
    allow_unhashed_files: bool = False
    shared_cache: bool = False
    max_file_size: int = 256 * 1024**3
    progress: bool | None = None
    dependency_options: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, converter=to_dict)
    beyond_tolerance: str = attrs.field(default="demote", validator=attrs.validators.in_(BEYOND_TOLERANCE))
    tolerance: Mapping[str, float] = attrs.field(factory=dict, converter=to_dict)


@attrs.frozen(kw_only=True, repr=False)
class LoadRequest(Value):
    """A call of ``from_pretrained`` after its arguments were read.

    Attributes:
        ref: What is to be loaded.
        weights_provider: The provider named by the caller; ``None`` for the chain.
        api_key: The caller's key.
        revision: A version, where the provider has versions.
        backends: Backends the caller allows, in the caller's order of preference; ``None`` for any.
        device: Where to compute; :data:`~inference_models_core.types.devices.AUTO` lets the negotiation choose.
        quantizations: Precisions the caller allows, in the caller's order; ``None`` for the device's default.
        batch_size: Smallest and largest batch that must run in one go; ``None`` for no wish.
        package_id: The one package to use; skips preferences, not compatibility or trust.
        cache_dir: Where downloads go; ``None`` for the default.
        offline: Whether sockets are forbidden.
        force_download: Fetch again although cached.
        allow_untrusted_packages: Accept program-like formats from publishers that are not trusted.
        allow_local_code_packages: Run classes that a local directory brings.
        fallback: ``"compatible"`` or ``"none"``.
        options: The rare ones.
        model_kwargs: Keyword arguments for the model class.
    """

    ref: ModelRef
    weights_provider: str | None = None
    api_key: Secret | None = attrs.field(default=None, converter=to_optional_secret)
    revision: str | None = None
    backends: tuple[str, ...] | None = None
    device: Device = AUTO
    quantizations: tuple[str, ...] | None = None
    batch_size: tuple[int, int] | None = None
    package_id: str | None = None
    cache_dir: str | None = None
    offline: bool = False
    force_download: bool = False
    allow_untrusted_packages: bool = False
    allow_local_code_packages: bool = False
    fallback: str = attrs.field(default="compatible", validator=attrs.validators.in_(FALLBACKS))
    options: LoadOptions = attrs.field(factory=LoadOptions)
    model_kwargs: Mapping[str, Any] = attrs.field(factory=dict, converter=to_dict)
