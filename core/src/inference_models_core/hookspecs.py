"""The hooks of the framework.

A plugin is a small module, named in the entry-point group ``inference_models.plugins``, with an API version and any
of these hooks::

    from inference_models_core.hookspecs import hookimpl

    INFERENCE_MODELS_API = "0.1"

    @hookimpl
    def register_backends():
        from inference_models_core.types.backends import BackendSpec
        yield BackendSpec(name="mine", factory="my_package.backend:Backend", suffixes=(".mine",))

Hooks describe, objects work: a hook returns frozen values whose text references (``"package.module:Name"``) are
imported only when they are needed. ``plugin.py`` imports this module, core's value types and the standard library.
A hook may leave out arguments that it does not need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inference_models_core.runtime.probe import RuntimeProbe
    from inference_models_core.types.access import Access, Denial
    from inference_models_core.types.backends import BackendReport, BackendSpec
    from inference_models_core.types.events import Event
    from inference_models_core.types.health import HealthCheck
    from inference_models_core.types.models import ModelSpec, PipelineSpec
    from inference_models_core.types.negotiation import Candidate, Rejection
    from inference_models_core.types.packages import ModelPackage
    from inference_models_core.types.providers import WeightsProviderSpec
    from inference_models_core.types.requests import LoadRequest

PROJECT_NAME = "inference_models"
ENTRY_POINT_GROUP = "inference_models.plugins"
API_VERSION = "0.1"
"""Plugins state the version they were written for: same major, minor not newer. While the major is 0, a minor may
break plugins, each time with a line in the changelog."""

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)

GATES = ("check_access", "review_package", "find_live_model")
"""Hooks that decide: one that raises, times out or answers with a wrong type denies."""


class InferenceModelsSpecs:
    """Every hook, with its contract."""

    @hookspec
    def register_backends(self) -> Iterable[BackendSpec]:
        """Describes the backends that the plugin brings; called once per host.

        **Example:**

        .. code-block:: python

            @hookimpl
            def register_backends():
                yield BackendSpec(name="onnx", factory="inference_models_onnx.backend:OnnxBackend", suffixes=(".onnx",))

        Returns:
            Backend specs. The hook must be pure and give the same answer each time.
        """
        yield from ()

    @hookspec
    def register_models(self) -> Iterable[ModelSpec]:
        """Describes the model classes that the plugin brings; called once per host, hundreds are fine.

        **Example:**

        .. code-block:: python

            @hookimpl
            def register_models():
                from my_package.catalog import MODELS  # data only
                return MODELS

        Returns:
            Model specs; one without a backend is a general row, for any tensor backend.
        """
        yield from ()

    @hookspec
    def register_pipelines(self) -> Iterable[PipelineSpec]:
        """Describes the pipelines that the plugin brings; called once per host.

        **Example:**

        .. code-block:: python

            @hookimpl
            def register_pipelines():
                yield PipelineSpec(pipeline_id="read-plates", implementation="my_package.pipeline:ReadPlates")

        Returns:
            Pipeline specs.
        """
        yield from ()

    @hookspec
    def register_weights_providers(self) -> Iterable[WeightsProviderSpec]:
        """Describes the sources of models that the plugin brings; called once per host.

        **Example:**

        .. code-block:: python

            @hookimpl
            def register_weights_providers():
                yield WeightsProviderSpec(name="my-hub", factory="my_package.provider:MyHub")

        Returns:
            Provider specs.
        """
        yield from ()

    @hookspec
    def detect_backends(self, probe: RuntimeProbe) -> Iterable[BackendReport]:  # noqa: ARG002 - a specification
        """Says whether the plugin's own backends can be used on this machine.

        Called on demand, only for the owners of the backends in question, with a time limit; the answer is kept. May
        import the runtime, must not create a CUDA context. A "no" carries a reason and, if there is one, the fix.

        **Example:**

        .. code-block:: python

            @hookimpl
            def detect_backends(probe):
                from my_package.detect import report
                yield report(probe)

        Args:
            probe: Facts about the machine, shared by all plugins.

        Returns:
            One report per backend of the plugin.
        """
        yield from ()

    @hookspec(firstresult=True)
    def rank_candidates(self, request: LoadRequest, candidates: Sequence[Candidate]) -> Sequence[Candidate] | None:
        """Orders the candidates; the host application's own preference.

        **Example:**

        .. code-block:: python

            @hookimpl
            def rank_candidates(request, candidates):
                return sorted(candidates, key=lambda candidate: candidate.package.package_id)

        Args:
            request: What the caller asked for.
            candidates: All that can run, in core's order.

        Returns:
            The candidates or a part of them in a new order, best first; ``None`` to leave it to the next plugin.
        """

    @hookspec
    def register_health_checks(self) -> Iterable[HealthCheck]:
        """Describes checks for ``inference-models doctor``.

        **Example:**

        .. code-block:: python

            @hookimpl
            def register_health_checks():
                yield HealthCheck(name="licence", summary="licence server answers", check="my_package.checks:licence")

        Returns:
            Health checks.
        """
        yield from ()

    @hookspec
    def on_event(self, event: Event) -> None:
        """Observes what happens: candidates ranked and tried, fallbacks, models loaded, files, download progress.

        Cannot veto; what it raises is recorded and changes nothing.

        **Example:**

        .. code-block:: python

            @hookimpl
            def on_event(event):
                if isinstance(event, ModelLoadedEvent):
                    metrics.timing("model_load", event.seconds)

        Args:
            event: One of the classes of ``inference_models_core.types.events``.
        """

    @hookspec
    def check_access(self, access: Access) -> Denial | None:
        """Gate: may this caller have this model?

        Asked before look-up (``access.package is None``) and again before the files of the chosen package are used,
        cached or not. A gate that raises, times out or answers with a wrong type denies.

        **Example:**

        .. code-block:: python

            @hookimpl
            def check_access(access):
                if not licences.covers(access.credential, access.model_id):
                    return Denial(reason="no licence for this model")

        Args:
            access: Who wants what.

        Returns:
            ``None`` to agree, a denial to refuse.
        """

    @hookspec
    def review_package(self, package: ModelPackage, request: LoadRequest) -> Rejection | None:
        """Gate: does the host's policy (licences, publishers, sizes) allow this package?

        Asked for each package that could otherwise run, in negotiation and on every cache hit.

        **Example:**

        .. code-block:: python

            @hookimpl
            def review_package(package, request):
                if package.licence not in ALLOWED:
                    return Rejection(code="licence", reason=f"licence {package.licence} is not allowed here")

        Args:
            package: The package.
            request: What the caller asked for.

        Returns:
            ``None`` to agree, a rejection to refuse.
        """

    @hookspec(firstresult=True)
    def find_live_model(self, access: Access, digest: str) -> Any | None:
        """Gate: a model that is already loaded, from a server's pool.

        Asked after access to the package was granted.

        **Example:**

        .. code-block:: python

            @hookimpl
            def find_live_model(access, digest):
                return pool.get(digest)

        Args:
            access: Who wants what, with the package.
            digest: Identifies everything about the request that changes the loaded model.

        Returns:
            The model, or ``None`` to load it.
        """
