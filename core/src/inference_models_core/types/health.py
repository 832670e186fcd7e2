"""Checks that ``inference-models doctor`` runs."""

from __future__ import annotations

import enum

import attrs

from inference_models_core.object_ref import ObjectRef, to_object_ref
from inference_models_core.types.value import Value


class Verdict(enum.Enum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@attrs.frozen(kw_only=True, repr=False)
class HealthCheck(Value):
    """A check, returned by ``register_health_checks``.

    Attributes:
        name: Short name in lower case with hyphens.
        summary: What is checked, one line.
        check: Function without arguments that returns a :class:`CheckResult`.
    """

    name: str
    summary: str
    check: ObjectRef = attrs.field(converter=to_object_ref)


@attrs.frozen(kw_only=True, repr=False)
class CheckResult(Value):
    """What a check found.

    Attributes:
        verdict: How it ended.
        message: One or two sentences.
        fix: Command that mends it.
    """

    verdict: Verdict = attrs.field(converter=Verdict)
    message: str = ""
    fix: str = ""
