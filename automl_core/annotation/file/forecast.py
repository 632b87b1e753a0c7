"""What a project will take, for people: said before anybody labels. Needs numpy and scipy (the extra `search`)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from automl_core.annotation.file.ahead import (
    Ahead,
    ahead,
    least_for_promise,
    least_for_target,
    least_random,
    looks_ahead,
)
from automl_core.annotation.file.annotation import AnnotationFile
from automl_core.spec.units import format_duration

MOST_STRATUM = 60
"""Percent of the items that a stratum may well have; with more there is hardly anything to learn from."""


@dataclass(frozen=True, slots=True)
class Needed:
    """Labels of the random stratum that something takes.

    Attributes:
        least: the fewest, all of them right.
        advised: that are enough most of the time; None where no number is.
        rounds, advised_rounds: after which there are so many.
        words: the same for people.
        why_not: why no number is advised; empty where one is.
    """

    least: int
    advised: int | None
    rounds: int
    advised_rounds: int | None
    words: str
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a project will take.

    Attributes:
        round: what each round asks for.
        promise: what it takes to show what models may label; None where they may label nothing.
        target: what it takes to tell that the target is met; None without one.
        items: that there are, None where nobody knows.
        stratum: of these, in the random stratum, about.
        most_labels, most_cost: of people, in all rounds; None where nothing bounds them.
    """

    round: Ahead
    promise: Needed | None
    target: Needed | None
    items: int | None
    stratum: int | None
    most_labels: int | None
    most_cost: float | None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


def forecast(file: AnnotationFile, items: int | None = None) -> Forecast:
    """What a project will take.

    Args:
        file: a valid one.
        items: that there are, where that is known.

    Raises:
        ImportError: the extra `search` is missing.
    """
    each = ahead(file, items)
    labels = each.most(file.people.price, file.stop.money)
    if items is not None and labels is not None:
        labels = min(labels, items * file.people.votes)
    return Forecast(
        each, _promise(file, each), _target(file, each), items,
        None if items is None else round(items * file.select.stratum_share), labels,
        None if labels is None else round(labels * file.people.price, 10),
    )  # fmt: skip


def _promise(file: AnnotationFile, each: Ahead) -> Needed | None:
    from automl_core.annotation.agreement import Promise, plan

    if file.promise is None:
        return None
    accuracy, confidence = file.promise.accuracy, file.promise.confidence
    try:
        found = plan(Promise(accuracy, confidence), look=1)
    except ValueError as error:
        least = least_for_promise(accuracy, confidence)
        return Needed(least, None, each.after(least), None, f"{least} labels at least", str(error))
    words = (
        f"{found.least} labels of the random stratum, all right, where models are to take {found.share:.0%} of the "
        f"items; {found.advised} show it with a chance of {found.chance:.0%} where {found.supposed:.2%} of what they "
        "take is wrong"
    )
    return Needed(found.least, found.advised, each.after(found.least), each.after(found.advised), words)


def _target(file: AnnotationFile, each: Ahead) -> Needed | None:
    from automl_core.annotation.selection import sizing

    target, least = file.stop.target, least_for_target(file)
    if target is None or least is None:
        return None
    looks = each.after(least) if file.stop.rounds is None else looks_ahead(file.stop.rounds)
    found = sizing(target, 0, alpha=round(1 - file.stop.confidence, 12), looks=looks)
    expected = (1 + target) / 2
    words = (
        f"{least} labels of the random stratum, the model right on all; {found.many} where it is right on "
        f"{expected:.1%}"
    )
    return Needed(least, found.many, each.after(least), each.after(found.many), words)


def forecast_lines(file: AnnotationFile, found: Forecast) -> list[str]:
    """The forecast in a few lines.

    Args:
        file: the project's.
        found: its forecast.
    """
    each, people = found.round, file.people

    def money(cost: float) -> str:
        return f"{cost:,.2f} {people.currency}" if people.price else "no price said"

    twice = f" by {people.votes} people each" if people.votes > 1 else ""
    until = " until the promise and the target have their labels" if each.random > least_random(file) else ""
    lines = {
        "a round": f"{each.items} items{twice}, {each.random} of them from the random stratum{until}; "
        f"{each.answers} answers, {money(each.cost)}; waits at most {format_duration(people.within)}",
    }
    bound = "until the target is met, the curve is flat or a person stops it"
    if each.rounds is not None and found.most_labels is not None and found.most_cost is not None:
        why = {"rounds": "stop.rounds", "money": "stop.money"}[each.by]
        bound = f"{each.rounds} rounds ({why}), {found.most_labels:,} answers, {money(found.most_cost)}"
    lines["at most"] = bound
    if found.items is not None and found.stratum is not None:
        lines["items"] = f"{found.items:,} now, some {found.stratum:,} of them in the random stratum"
    for name, needed, off in (
        ("promise", found.promise, "models label nothing (agree: off)"), ("target", found.target, "none"),
    ):  # fmt: skip
        lines[name] = off if needed is None else _needed(needed, found)
    return [f"  {name:<13}{said}" for name, said in lines.items()]


def _needed(needed: Needed, found: Forecast) -> str:
    if found.stratum is not None and found.items is not None and found.stratum < needed.least:
        share = math.ceil(100 * needed.least / found.items)
        wanted = f"`select.stratum_share: {share}%` holds as many" if share <= MOST_STRATUM else "the items are too few"
        return f"{needed.words}: never, since the stratum has some {found.stratum:,} items; {wanted}"
    said = f"{needed.words}: round {needed.rounds} at the earliest"
    if needed.advised_rounds is not None:
        said += f", round {needed.advised_rounds} most likely"
    if needed.why_not:
        said += f"; {needed.why_not}"
    if found.round.rounds is not None and needed.rounds > found.round.rounds:
        said += f"; there are {found.round.rounds} rounds, so never"
    return said
