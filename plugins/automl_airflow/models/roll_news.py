"""What is new in a rollout between two looks at it: lines of the task's log, and what people are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from automl_core.spec.units import format_duration

if TYPE_CHECKING:
    from automl_core.models.file.alerts import Occasion

WAITS_AFTER = 600.0
"""Seconds that a step may go on at least beyond its least time, before people are told that it waits."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that a look has found.

    Attributes:
        text: for people.
        on: the occasion of `alerts` that it is; None where it is one line of the log.
        level: of that line.
        facts: the same for programs.
    """

    text: str
    on: Occasion | None = None
    level: str = "info"
    facts: dict[str, Any] = field(default_factory=dict)


def news_of(before: Mapping[str, Any] | None, view: Mapping[str, Any]) -> list[News]:
    """What a look has found that the one before had not.

    Args:
        before: the look before, as plain JSON (`automl_core.models.rollout.View`), whoever made it; None for the first.
        view: this one.
    """
    known = before or {}
    found = [] if before is not None else [News(str(view["words"]))]
    found += [News(str(each)) for each in view["did"]]
    found += _tests(known, view)
    found += [News(str(note), level="warning") for note in view["notes"] if note not in known.get("notes", ())]
    if view["outcome"]:  # also where the look before has found it: whoever made that may have died with the news
        return [*found, _ended(view)]
    return [*found, *_held(known, view), *_waits(known, view)]


def _tests(known: Mapping[str, Any], view: Mapping[str, Any]) -> Iterator[News]:
    states = {test["name"]: test["state"] for test in known.get("tests", ())}
    for test in view["tests"]:
        if test["state"] != states.get(test["name"]):
            yield News(str(test["words"]))


def _held(known: Mapping[str, Any], view: Mapping[str, Any]) -> Iterator[News]:
    if view["held"] and not known.get("held"):
        text = f"the rollout of version {view['version']} is held: {view['words']}"
        yield News(text, on="waiting", level="warning", facts=_facts(view))
    elif known.get("held") and not view["held"]:
        yield News(f"the rollout of version {view['version']} goes on: {view['words']}")


def _ended(view: Mapping[str, Any]) -> News:
    version, outcome, why = view["version"], view["outcome"], view["why"]
    facts = {**_facts(view), "outcome": outcome, "why": why}
    if outcome == "promoted":
        return News(f"version {version} is in use ({why})", on="in_use", facts=facts)
    if outcome == "taken_back":
        return News(f"version {version} is taken back: {why}", on="taken_back", level="error", facts=facts)
    return News(f"the rollout of version {version} was stopped: {why}", on="taken_back", level="warning", facts=facts)


def _waits(known: Mapping[str, Any], view: Mapping[str, Any]) -> Iterator[News]:
    """A step that goes on long after its least time, once a step."""
    if not _is_late(view) or (known.get("step") == view["step"] and _is_late(known)):
        return
    late = format_duration(float(round(view["time"] - view["may_move_at"])))
    text = f"the rollout of version {view['version']} waits, {late} after the least time of its step: {view['waits']}"
    yield News(text, on="waiting", level="warning", facts=_facts(view))


def _is_late(view: Mapping[str, Any]) -> bool:
    """Whether a step waits for something, and should have been over long ago."""
    if view["held"] or not view["waits"]:
        return False
    return bool(view["time"] - view["may_move_at"] > max(WAITS_AFTER, view["may_move_at"] - view["since"]))


def _facts(view: Mapping[str, Any]) -> dict[str, Any]:
    return {"version": view["version"], "rollout": view["rollout"], "step": view["step"], "share": view["share"]}
