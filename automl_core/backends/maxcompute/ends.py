"""How attempts in MaxCompute end, in words for people."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from automl_core.backends.base import Cause, Exit
from automl_core.backends.maxcompute.errors import Failure, Kind
from automl_core.backends.maxcompute.plan import shown


@dataclass(frozen=True, slots=True)
class Failing:
    """What failed.

    Attributes:
        place: which statement, for people.
        text: the statement.
        instance: its instance, None where it was refused at once.
        failure: the service's error.
        fixed: whether the statement is the same for every combination.
    """

    place: str
    text: str
    instance: str | None
    failure: Failure
    fixed: bool = False


def succeeded(seconds: float) -> Exit:
    """All statements went well."""
    return Exit(Cause.EXITED, 0, None, "all statements succeeded", seconds)


def failed(failing: Failing, seconds: float) -> Exit:
    """A statement failed, or was refused."""
    failure = failing.failure
    where = f" (instance {failing.instance})" if failing.instance else ""
    reason = f"{failing.place} failed{where}: {failure.message}. The statement: {shown(failing.text)}"
    return Exit(
        Cause.EXITED, 1, None, reason, seconds, kind=str(failure.kind), blameless=failure.blameless,
        final=failure.final, error="" if failure.blameless else failure.digest,
        systematic=failure.kind in (Kind.MISSING, Kind.PERMISSION) or (failure.kind is Kind.SYNTAX and failing.fixed),
    )  # fmt: skip


def bad_metrics(query: str, reason: str, instance: str, seconds: float) -> Exit:
    """The metric query gave what can't be metrics."""
    words = f"metrics: {reason} (instance {instance}). The query: {shown(query)}"
    return Exit(
        Cause.EXITED, 1, None, words, seconds, kind="metrics", final=True,
        error=hashlib.sha256(f"metrics {reason}".encode()).hexdigest()[:16], systematic=True,
    )  # fmt: skip


def cancelled(place: str, instance: str, seconds: float) -> Exit:
    """Somebody stopped the instance in MaxCompute."""
    return Exit(
        Cause.KILLED, -1, None, f"{place} was stopped in MaxCompute (instance {instance})", seconds, kind="cancelled"
    )


def terminated(seconds: float) -> Exit:
    """It was ended because the study or a person said so."""
    return Exit(Cause.TERMINATED, -1, None, "it was ended", seconds)


def timed_out(reason: str, seconds: float) -> Exit:
    """It was ended at a time limit."""
    return Exit(Cause.TIMEOUT, -1, None, f"{reason}; it was ended", seconds, kind="timeout", final=True)
