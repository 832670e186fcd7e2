"""Several models behind one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inference_models_core.auto_model import AutoModel
from inference_models_core.errors import InvalidRequestError
from inference_models_core.model import Model, close_all
from inference_models_core.plugins.host import get_host
from inference_models_core.registry import NAME_THE_DISTRIBUTION, conflict_text
from inference_models_core.types.secrets import sealed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.types.models import PipelineSpec


class AutoModelPipeline:
    """Loads the models of a pipeline, each through the same path as any model, and hands them to its class."""

    @classmethod
    def from_pretrained(
        cls,
        pipeline_id: str,
        models: Sequence[Any] | None = None,
        *,
        pipeline_kwargs: Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> Any:
        """Loads a pipeline.

        Args:
            pipeline_id: Name of a registered pipeline.
            models: For each of its models a reference, a mapping of arguments for ``AutoModel.from_pretrained`` with
                the reference under ``"model_id_or_path"``, a model that is already loaded, or ``None`` for the
                pipeline's default. ``None`` for all defaults.
            pipeline_kwargs: Arguments for the pipeline's own class.
            **arguments: For every model, as for ``AutoModel.from_pretrained``; those in a mapping win.

        Returns:
            The pipeline; closing it closes the models it loaded, not those it was given.

        Raises:
            InvalidRequestError: If there is no such pipeline, or the number of models is wrong.
            InferenceModelsError: Whatever loading a model raises.
        """
        arguments, models = sealed(arguments), _sealed(models)  # a traceback may show the variables of this frame
        options = arguments.get("options")
        spec = _find(pipeline_id, options)
        loaded: list[Any] = []
        try:
            members = [_member(wish, arguments, loaded) for wish in _wishes(spec, models)]
            pipeline = spec.implementation.load().with_models(members, **(pipeline_kwargs or {}))
        except BaseException:
            close_all(loaded)
            raise
        if isinstance(pipeline, Model):
            pipeline.own(loaded)
        return pipeline


def _sealed(models: Any) -> Any:
    if models is None or isinstance(models, str):
        return models
    return [sealed(wish) if isinstance(wish, Mapping) else wish for wish in models]


def _find(pipeline_id: str, options: Any) -> PipelineSpec:
    host = (options.host if options else None) or get_host()
    host.require_plugins()
    registry = host.registry()
    selection = registry.pipeline(pipeline_id, options.prefer if options else ())
    if selection.spec is not None:
        return selection.spec
    if selection.conflict:
        message = conflict_text(f"a pipeline {pipeline_id!r}", selection.conflict)
        raise InvalidRequestError(message, hint=NAME_THE_DISTRIBUTION)
    known = ", ".join(sorted(spec.pipeline_id for spec, _ in registry.pipelines)) or "none"
    raise InvalidRequestError(f"no pipeline {pipeline_id!r} is installed", hint=f"pipelines that are: {known}")


def _wishes(spec: PipelineSpec, models: Sequence[Any] | None) -> list[Any]:
    defaults = spec.default_models
    if models is None:
        models = [None] * len(defaults)
    if isinstance(models, str) or (defaults and len(models) != len(defaults)):
        raise InvalidRequestError(f"pipeline {spec.pipeline_id!r} takes a list of {len(defaults)} models")
    pairs = zip(models, defaults or [None] * len(models), strict=True)
    wishes = [default if wish is None else wish for wish, default in pairs]
    if not wishes or None in wishes:
        raise InvalidRequestError(f"pipeline {spec.pipeline_id!r} has no default models; name them")
    return wishes


def _member(wish: Any, arguments: Mapping[str, Any], loaded: list[Any]) -> Any:
    if not isinstance(wish, (str, Mapping)) and not hasattr(wish, "__fspath__"):
        return wish  # a model that the caller has loaded, and closes
    own = dict(wish) if isinstance(wish, Mapping) else {"model_id_or_path": wish}
    model = AutoModel.from_pretrained(**{**arguments, **own})
    loaded.append(model)
    return model
