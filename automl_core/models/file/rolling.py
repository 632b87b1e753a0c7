"""What ``deploy:`` of a served model says of itself and of other groups: refusals, and what may be a slip."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from automl_core.models.file.kubernetes import KubernetesServers
from automl_core.models.file.model import ModelFile
from automl_core.models.file.serve import Rolling
from automl_core.spec.errors import Path, Problem, show
from automl_core.spec.units import format_duration

_FEEDBACK = "Give `feedback: {data: …, key: request_id, outcome: …}`"


def served_problems(file: ModelFile, served: Rolling) -> Iterator[Problem]:
    """What is wrong, without file and line.

    Args:
        file: of which each group by itself is right.
        served: its ``deploy``.
    """
    yield from _steps(served)
    yield from _times(served)
    yield from _outcomes(file, served)
    if served.key is not None and served.key == file.evaluate.target:
        yield Problem(
            f"{served.key!r} is the target, which no request has", ("deploy", "key"), found=show(served.key)
        )  # fmt: skip


def _steps(served: Rolling) -> Iterator[Problem]:
    steps = served.steps
    if steps is None:
        return
    if served.ab is not None:
        yield Problem(
            "an A/B test holds one share, and these would grow", ("deploy", "steps"), found=_percents(steps),
            suggestion="Leave out `steps`, or `ab`",
        )  # fmt: skip
        return
    for index, (before, after) in enumerate(pairwise(steps), 1):
        if after <= before:
            yield Problem(
                f"shares grow from step to step, and {_percent(after)} comes after {_percent(before)}",
                ("deploy", "steps", index), found=_percent(after),
                suggestion=f"For example: steps: {_percents(sorted({*steps, 1.0}))}",
            )  # fmt: skip
            return
    if steps[-1] != 1:
        yield Problem(
            f"the last step is {_percent(steps[-1])}: the version would never answer all",
            ("deploy", "steps", len(steps) - 1), found=_percent(steps[-1]), allowed=("100%",),
            suggestion=f"Add it: steps: {_percents([*steps, 1.0])}; for a test of two versions side by side say `ab`",
        )  # fmt: skip


def _times(served: Rolling) -> Iterator[Problem]:
    longest: list[tuple[Path, str, float]] = []
    if served.ab is None:
        longest.append((("deploy", "bake"), "each step lasts", served.bake))
    if served.shadow is not None:
        longest.append((("deploy", "shadow", "for"), "the shadow lasts", served.shadow.for_))
    for where, what, time in longest:
        if time >= served.within:
            yield Problem(
                f"{what} {format_duration(time)} at least, and what is not told by `within` "
                f"({format_duration(served.within)}) is taken back", where, found=format_duration(time),
                suggestion="Shorten it, or give a longer `within`",
            )  # fmt: skip


def _outcomes(file: ModelFile, served: Rolling) -> Iterator[Problem]:
    if file.feedback is not None:
        return
    if served.safeguard.metric is not None:
        yield Problem(
            "a metric needs what came true, and the file has no `feedback`", ("deploy", "safeguard", "metric"),
            found=show(served.safeguard.metric.name), suggestion=_FEEDBACK,
        )  # fmt: skip
    if served.ab is not None and served.ab.metric != "errors":
        yield Problem(
            "a metric needs what came true, and the file has no `feedback`", ("deploy", "ab", "metric"),
            found=show(served.ab.metric.name), allowed=("errors",), suggestion=_FEEDBACK,
        )  # fmt: skip


def served_warnings(file: ModelFile, served: Rolling) -> Iterator[Problem]:
    """What may be a slip, and what is worth knowing, without file and line.

    Args:
        file: a valid one.
        served: its ``deploy``.
    """
    guard, at = served.safeguard, ("deploy", "safeguard")
    where = at if "safeguard" in served.model_fields_set else ("deploy",)
    if served.key is None and served.shares != (1.0,):
        yield Problem(
            "requests are split by their ids: the same customer may be answered by both versions", ("deploy",),
            suggestion="Name a column that the requests have: key: customer_id", severity="note",
        )  # fmt: skip
    if guard.errors is None and guard.p99 is None and guard.metric is None:
        yield Problem("nothing takes a version back by itself", where, severity="warning")
    elif served.shadow is not None and guard.errors is None and guard.p99 is None:
        yield Problem(
            "errors and times are what a shadow is judged by, and neither is", ("deploy", "shadow"), severity="warning"
        )
    if served.ab is not None:
        for name in ("bake", "within"):
            if name in served.model_fields_set and getattr(served, name) != type(served).model_fields[name].default:
                yield Problem(
                    f"`{name}` is about steps, and an A/B test has none", ("deploy", name),
                    suggestion="Say `ab.within`" if name == "within" else "", severity="warning",
                )  # fmt: skip
    elif served.shares == (1.0,) and served.shadow is None:
        yield Problem(
            "all requests at once: no champion answers beside the version, so what it is held to is of the time before",
            ("deploy", "steps"), severity="note",
        )  # fmt: skip
    metric = guard.metric is not None and served.ab is None
    if metric and file.feedback is not None and file.feedback.within > served.bake * len(served.shares):
        yield Problem(
            f"outcomes come within {format_duration(file.feedback.within)}, and a step may end after "
            f"{format_duration(served.bake)}: a version can be in use before its first outcomes are known",
            ("deploy", "safeguard", "metric"), suggestion="Give a longer `bake` where that must not be",
            severity="note",
        )  # fmt: skip
    if file.evaluate.program is not None:
        yield Problem(
            "servers load models that this product has written, and a program scores these", ("evaluate", "program"),
            severity="warning",
        )  # fmt: skip


def served_line(served: Rolling) -> str:
    """What servers do with the version in use, and how a new one comes to its traffic, in a line.

    Args:
        served: ``deploy`` of a file.
    """
    where = "in Kubernetes" if isinstance(served, KubernetesServers) else "by `automl serve`"
    key = f", split by {served.key}" if served.key is not None else ""
    shadow = f"in the shadow for {format_duration(served.shadow.for_)}, then " if served.shadow is not None else ""
    if served.ab is not None:
        metric = served.ab.metric if served.ab.metric == "errors" else served.ab.metric.name
        how = (
            f"{_percent(served.ab.share)} beside the champion until {metric} tells, {format_duration(served.ab.within)}"
        )
        return f"requests {where}{key}; a new version {shadow}{how} at most"
    steps = ", ".join(_percent(share) for share in served.shares)
    return f"requests {where}{key}; a new version {shadow}in steps of {steps}, {format_duration(served.bake)} each"


def _percent(share: float) -> str:
    return f"{round(share * 100, 6):g}%"


def _percents(shares: list[float]) -> str:
    return f"[{', '.join(map(_percent, shares))}]"
