"""The join as one would tell it, row by row: what `automl_core.models.feedback` is compared with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    key: str | None
    at: int | None
    version: str


@dataclass(frozen=True)
class Outcome:
    key: str | None
    at: int | None
    value: Any


def naive_join(
    answers: list[Answer], outcomes: list[Outcome], *, within: int, before: int, since: int | None, now: int, each: str
) -> tuple[list[tuple[int, Any]], Counter[str], Counter[str]]:
    """Rows (place of the answer, outcome), counts of answers, counts of outcomes; all by looking at every pair."""
    told: Counter[str] = Counter(read=len(outcomes))
    usable: list[int] = []
    for place, outcome in enumerate(outcomes):
        if outcome.key is None:
            told["without_key"] += 1
        elif outcome.at is None:
            told["without_time"] += 1
        elif outcome.value is None:
            told["empty"] += 1
        elif since is not None and outcome.at < since - before:
            told["older"] += 1
        else:
            usable.append(place)
    usable.sort(key=lambda place: (outcomes[place].at, place))
    said: Counter[str] = Counter(read=len(answers))
    belongs: dict[int, list[int]] = {}
    rows: list[tuple[int, int]] = []
    for place, answer in enumerate(answers):
        if answer.key is None:
            said["without_key"] += 1
            continue
        if answer.at is None:
            said["without_time"] += 1
            continue
        mine = [
            o for o in usable
            if outcomes[o].key == answer.key and answer.at - before <= outcomes[o].at <= answer.at + within
        ]  # fmt: skip
        belongs[place] = mine
        if since is not None and answer.at < since:
            said["older"] += 1
        elif mine:
            rows.append((place, mine[-1]))
        else:
            said["waiting" if answer.at + within >= now else "overdue"] += 1
    used = []
    for place, outcome in rows:
        rivals = [p for p, o in rows if o == outcome and answers[p].version == answers[place].version]
        best = {"all": place, "last": max(rivals, key=lambda p: (answers[p].at, p)),
                "first": min(rivals, key=lambda p: (answers[p].at, p))}[each]  # fmt: skip
        if best == place:
            used.append((place, outcome))
        else:
            said["again"] += 1
    said["used"] = len(used)
    said["open"] = sum(1 for place, _ in used if answers[place].at + within >= now)
    said["corrected"] = sum(1 for place, _ in used if len({outcomes[o].value for o in belongs[place]}) > 1)
    for index, o in enumerate(usable):
        outcome = outcomes[o]
        asked = [answers[p].at for p in belongs if answers[p].key == outcome.key]
        holders = [mine for mine in belongs.values() if o in mine]
        if not asked:
            told["unmatched"] += 1
        elif holders:
            told["in_time"] += 1
            earlier = [e for e in usable[:index] if outcomes[e].key == outcome.key]
            if earlier and any(earlier[-1] in mine for mine in holders):
                told["repeated" if outcomes[earlier[-1]].value == outcome.value else "corrections"] += 1
        elif outcome.at < min(asked):
            told["early"] += 1
        else:
            told["late"] += 1
    return [(place, outcomes[o].value) for place, o in used], said, told
