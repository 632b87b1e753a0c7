"""TAO's metric, direction and objectives as ``goal``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from automl_core.spec.errors import Problem, show
from automl_core.tao.containers import container_of, direction_of
from automl_core.tao.settings_search import Read

_DIRECTIONS = ("maximize", "minimize")
_LOWER = re.compile(
    r"(?:^|[^a-z])(?:loss|latency|runtime|duration|error|err|rmse|mae|mse|fid|wer|cer|perplexity|abs_rel|medr|meanr)"
    r"(?:[^a-z]|$)"
)
_HIGHER = re.compile(
    r"(?:^|[^a-z])(?:acc|accuracy|map|ap|ap\d+|iou|miou|3diou|hmean|recall|precision|f1|auc|rank|hota|score|prq|d1|d2|d3|"
    r"cmc|average precision|mean average precision|r@\d+)(?:[^a-z]|$)"
)
_KPI = "kpi"
_LOSS = "loss"


@dataclass(slots=True)
class Goal:
    """What an experiment file gets of it.

    Attributes:
        goal: the group; None where the template's holds.
        notes: what is to be said, for people.
    """

    goal: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)


def goal_of_settings(read: Read, network: str) -> Goal:
    """The goal that settings ask for; what is wrong with them is in ``read.problems``."""
    raw = read.raw("objectives")
    latency = read.flag("latency_objective", False)
    if raw is not None and (not isinstance(raw, list) or not raw):
        read.wrong("objectives", "a list of metrics, or of groups with metric, direction, weight and scale, is wanted")
        return Goal()
    if raw is None and not latency:
        return _single(read, network)
    found = Goal()
    if raw is None:
        metric, note = _named(read.text("metric", _LOSS) or _LOSS, network)
        found.notes += [note] if note else []
        entries: list[Any] = [
            {"metric": metric, "direction": read.text("direction"), "weight": read.raw("metric_weight", 1.0),
             "scale": read.raw("metric_scale", 1.0)}
        ]  # fmt: skip
    else:
        entries = list(raw)
        for name in ("metric", "direction"):
            read.raw(name)  # TAO takes the first objective for it
    if latency:
        entries.append(
            {"metric": read.text("latency_metric", "latency"), "weight": read.raw("latency_weight", 1.0),
             "direction": read.text("latency_direction", "minimize"), "scale": read.raw("latency_scale", 1.0)}
        )  # fmt: skip
    weights: dict[str, float] = {}
    for index, entry in enumerate(entries):
        told = _objective(entry, index, read, found.notes)
        if told is not None and told[0] not in weights:  # TAO keeps the first of two
            weights[told[0]] = told[1]
    if read.problems or not weights:
        return Goal()
    found.goal = {"metric": weights, "direction": "maximize"}
    found.notes.append(
        "several objectives: the sum of weight × value ÷ scale, minus what is minimized, as TAO scores them; "
        "goal: {objectives: […]} has a Pareto front in place of the sum"
    )
    return found


def _single(read: Read, network: str) -> Goal:
    if not read.has("metric"):
        stated = read.text("direction")
        if stated is not None and not _is_direction(stated):
            read.wrong("direction", "no direction", allowed=_DIRECTIONS)
        watched = container_of(network).metric
        return Goal(notes=[f"no metric is given: {watched}, which TAO watches"] if watched else [])
    metric, note = _named(read.text("metric") or _LOSS, network)
    direction = read.text("direction")
    notes = [note] if note else []
    if direction is not None and not _is_direction(direction):
        read.wrong("direction", "no direction", allowed=_DIRECTIONS)
        return Goal()
    if direction is None:
        direction = guessed(metric, network)
        if direction is None:
            read.problems.append(
                Problem(f"whether more of {metric} is better can't be told by its name", ("direction",),
                        allowed=_DIRECTIONS, suggestion="Say it; TAO would take its name for it")
            )  # fmt: skip
            return Goal()
        notes.append(f"no direction is given: {direction}, by the name {metric}")
    for name in ("metric_weight", "metric_scale"):
        if read.has(name):
            read.raw(name)
            notes.append(f"{name}: of one objective it changes nothing")
    direction = direction.lower()
    return Goal({"metric": metric, "direction": direction}, notes)


def _named(metric: str, network: str) -> tuple[str, str]:
    """A metric by the name that the status file has, with a note where that is another one."""
    watched = container_of(network).metric
    if metric.lower() == _KPI and watched:
        return watched, f"metric {metric}: {watched}, which TAO watches"
    if metric.lower() == _LOSS and watched != _LOSS:
        found = watched if watched is not None and "loss" in watched else "val_loss"
        return found, f"metric {metric}: {found}, as the status file calls it"
    return metric, ""


def guessed(metric: str, network: str) -> str | None:
    """Whether more of a metric is better: the network's own, or one whose words say it; None where they don't.

    TAO looks for letters anywhere in a name, and minimizes ``answer_accuracy`` for its ``wer``. Here whole words count.
    """
    if metric == container_of(network).metric:
        return direction_of(metric)
    name = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", metric).lower()
    lower, higher = _LOWER.search(name), _HIGHER.search(name)
    if bool(lower) == bool(higher):
        return None
    return "minimize" if lower else "maximize"


def _objective(entry: Any, index: int, read: Read, notes: list[str]) -> tuple[str, float] | None:
    """An objective's metric and its signed weight; None where it is wrong."""
    place = ("objectives", index)
    raw = {"metric": entry} if isinstance(entry, str) else entry
    if not isinstance(raw, Mapping):
        read.problems.append(Problem("a metric or a group is wanted", place, found=show(entry)))
        return None
    metric = raw.get("metric") or raw.get("name")
    if not isinstance(metric, str):
        read.problems.append(Problem("it has no metric", place, found=show(raw)))
        return None
    direction = raw.get("direction")
    if direction is None:
        direction = guessed(metric, "")
        if direction is None:
            read.problems.append(
                Problem(f"whether more of {metric} is better can't be told by its name", (*place, "direction"),
                        allowed=_DIRECTIONS)
            )  # fmt: skip
            return None
        notes.append(f"objective {metric}: {direction}, by its name")
    if not _is_direction(direction):
        read.problems.append(Problem("no direction", (*place, "direction"), found=show(direction), allowed=_DIRECTIONS))
        return None
    numbers = []
    for name, least in (("weight", 0.0), ("scale", 1e-300)):
        value = raw.get(name, 1.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < 1e300:
            read.problems.append(Problem(f"a {name} is {'positive' if least else 'at least 0'}", (*place, name),
                                         found=show(value)))  # fmt: skip
            return None
        numbers.append(float(value))
    weight = numbers[0] / numbers[1]
    return metric, weight if str(direction).lower() == "maximize" else -weight


def _is_direction(text: Any) -> bool:
    return isinstance(text, str) and text.strip().lower() in _DIRECTIONS
