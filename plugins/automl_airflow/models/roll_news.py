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


def news_of(before: Mapping[str, Any] | None, view: Mapping[str, Any], version: int) -> list[News]:
    """What a look has found that the one before had not.

    Args:
        before: the look before, as plain JSON (`automl_core.models.rollout.View`), whoever made it; None for the first.
        view: this one.
        version: number of the version that is rolled out.
    """
    known = before or {}
    noted = known.get("notes") or ()
    found = [*_moved(known, view, version), *_held(known, view, version), *_tests(known, view)]
    found += [News(str(note), level="warning") for note in view.get("notes") or () if note not in noted]
    if view.get("outcome"):  # also where the look before has found it: whoever made that may have died with the news
        return [*found, _ended(view, version)]
    return [*found, *_waits(known, view, version)]


def _moved(known: Mapping[str, Any], view: Mapping[str, Any], version: int) -> Iterator[News]:
    if (known.get("step"), known.get("share")) == (view.get("step"), view.get("share")) or view.get("outcome"):
        return
    what = "asked as well, its answers are not given" if view.get("shadow") else f"{percent(view['share'])} of requests"
    yield News(f"step {int(view['step']) + 1}: version {version}: {what}")


def _held(known: Mapping[str, Any], view: Mapping[str, Any], version: int) -> Iterator[News]:
    if bool(known.get("held")) == bool(view.get("held")) or view.get("outcome"):
        return
    if view.get("held"):
        text = f"the rollout of version {version} is held at {percent(view['share'])}: its safeguards go on"
        yield News(text, on="waiting", level="warning", facts={"version": version})
    else:
        yield News(f"the rollout of version {version} goes on")


def _tests(known: Mapping[str, Any], view: Mapping[str, Any]) -> Iterator[News]:
    states = {test["name"]: test.get("state") for test in known.get("tests") or ()}
    for test in view.get("tests") or ():
        if test.get("state") != states.get(test["name"]):
            yield News(f"{test['name']}: {test.get('words') or test.get('state')}")


def _ended(view: Mapping[str, Any], version: int) -> News:
    outcome, why = str(view["outcome"]), str(view.get("why") or "")
    facts = {"version": version, "outcome": outcome, "why": why}
    if outcome == "promoted":
        return News(f"version {version} is in use: {why}", on="in_use", facts=facts)
    if outcome == "taken_back":
        return News(f"version {version} is taken back: {why}", on="taken_back", level="error", facts=facts)
    return News(f"the rollout of version {version} was stopped: {why}", on="taken_back", level="warning", facts=facts)


def _waits(known: Mapping[str, Any], view: Mapping[str, Any], version: int) -> Iterator[News]:
    """A step that goes on long after its least time, once a step."""
    if not _is_late(view) or (known.get("step") == view.get("step") and _is_late(known)):
        return
    late = float(view["time"]) - float(view["may_move_at"])
    yield News(
        f"the rollout of version {version} waits in step {int(view['step']) + 1}, {format_duration(late)} after its "
        "least time: nothing is worse, and there are too few answers to go on, or a test can't tell yet",
        on="waiting", level="warning", facts={"version": version, "step": view["step"]},
    )  # fmt: skip


def _is_late(view: Mapping[str, Any]) -> bool:
    time, since, may = view.get("time"), view.get("since"), view.get("may_move_at")
    if view.get("held") or time is None or since is None or may is None:
        return False
    return float(time) - float(may) > max(WAITS_AFTER, float(may) - float(since))


def percent(share: Any) -> str:
    """A share, for people: ``5%``, ``0.25%``."""
    return f"{100 * float(share):.4g}%"
