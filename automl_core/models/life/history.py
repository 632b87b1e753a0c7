"""What happened to a model, what was in use when, and how long everything took: from the bucket alone."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise

from automl_core.journal import Journal
from automl_core.models.life.entities import BY_HAND, Decision, Person, Version, VersionState
from automl_core.models.life.events import Event
from automl_core.models.life.layout import model_prefix
from automl_core.models.life.life import Life
from automl_core.models.life.rollout_words import events_of
from automl_core.models.life.rollouts import TAKEN_BACK
from automl_core.models.life.words import moment
from automl_core.storage.base import ObjectStore

S = VersionState


@dataclass(frozen=True, slots=True)
class Accepted:
    """An acceptance: by whom, when, on what evidence (its digest), with what words."""

    by: Person
    time: float
    evidence: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class InUse:
    """What was in use at a time.

    Attributes:
        at: the time, seconds since 1970.
        shares: version → share; empty where nothing was in use.
        champion: the version that answered all who were in no rollout.
        since: since when; None where nothing had been put in use yet.
        cause, by, why: the act that made it so; as `Shares.cause`.
        accepted: version → its acceptance; of those in `shadow` too.
        seq: the record's place in the journal.
        versions: the versions themselves, as they are today.
        rollout: the id of the rollout that was open; None where none was.
        shadow: version → share of the requests that it was asked as well, its answers not given.
        incomplete: why later records may say otherwise: a later release wrote them; empty where all was read.
    """

    at: float
    shares: Mapping[int, float]
    champion: int | None
    since: float | None = None
    cause: str = ""
    by: Person | None = None
    why: str = ""
    accepted: Mapping[int, Accepted] = field(default_factory=dict)
    seq: int = 0
    versions: Mapping[int, Version] = field(default_factory=dict)
    rollout: int | None = None
    shadow: Mapping[int, float] = field(default_factory=dict)
    incomplete: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stretch on a version's way from data to use.

    Attributes:
        name: ``training``, ``to offer``, ``evaluating``, ``asking``, ``waiting for people``, ``to use``,
            ``rolling out``, ``to first score``.
        seconds: how long; None where it isn't known, or not over.
        people: whether it waits for people.
    """

    name: str
    seconds: float | None
    people: bool = False


@dataclass(frozen=True, slots=True)
class Month:
    """Iterations in one month (UTC): versions offered, decided on, and put in use."""

    month: str
    offered: int
    decided: int
    in_use: int


def in_use_at(store: ObjectStore, name: str, when: float | None = None) -> InUse:
    """What was in use at a time: a snapshot, a listing and a read, however long the journal is.

    Args:
        store: the model storage path.
        name: of the model.
        when: seconds since 1970; now, when left out.

    Raises:
        StorageError: the store refuses or is away.
    """
    journal: Journal[Life] = Journal(store, model_prefix(name), Life)
    journal.paced = False
    found = in_use(journal.refresh(), clock.time() if when is None else when)
    return replace(found, incomplete=journal.later)


def in_use(life: Life, when: float) -> InUse:
    """What was in use at a time, by a state that was read; see `in_use_at`."""
    record = life.record_at(when)
    if record is None:
        return InUse(when, {}, None)
    accepted = {}
    for number, digest in record.accepted.items():
        decision = next((d for d in life.versions[number].decisions if d.evidence == digest), None)
        if decision is not None:
            accepted[number] = Accepted(decision.by, decision.time, digest, decision.note)
    return InUse(
        when, dict(record.shares), record.champion, record.time, record.cause, record.by, record.why, accepted,
        record.seq, {number: life.versions[number] for number in (*record.shares, *record.shadow)}, record.rollout,
        dict(record.shadow),
    )  # fmt: skip


def history(life: Life, since: float | None = None, until: float | None = None) -> list[Event]:
    """What happened, in order; of intervals those that were scored last (`intervals.RECENT`), of questions the newest.

    Args:
        life: the state, as read.
        since, until: seconds since 1970, both included; all, when left out.
    """
    low = float("-inf") if since is None else since
    high = float("inf") if until is None else until
    events = [each for each in _events(life) if low <= each.time <= high]
    return sorted(events, key=lambda each: each.time)  # stable: what happened at once stays in its order


def lead_time(life: Life, version: int) -> list[Stage]:
    """How long a version took from data to use, stage by stage; waiting for people apart.

    A stage that was passed through several times (evidence that was too old) counts in sum. What is rejected, has
    expired or was taken back by its rollout goes on when somebody has it evaluated again: until then it waits for
    people. From the beginning of the
    training to the first use the stages add up to the whole. What a person answers who was not asked (on the bucket)
    has waited for people since it was evaluated.

    Raises:
        NoSuchVersion: there is none.
    """
    found = life.version(version)
    source = found.source
    known = source.published or None
    used = next((each.time for each in found.moves if each.state is S.IN_USE), None)
    spent: dict[VersionState, float] = {}
    by_hand = {each.time for each in found.decisions if each.by.how in BY_HAND}
    for here, after in pairwise(found.moves):
        if used is not None and here.time >= used:
            break
        # nobody was asked, and a person answered all the same (`automl model accept`): that was no machine's time
        unasked = here.state is S.EVALUATED and after.state in (S.ACCEPTED, S.REJECTED) and after.time in by_hand
        state = S.ASKED if unasked else here.state
        spent[state] = spent.get(state, 0.0) + after.time - here.time
    waited = [spent[each] for each in (S.ASKED, S.REJECTED, S.EXPIRED, S.TAKEN_BACK) if each in spent]
    first = found.first_scored
    return [
        Stage("training", known - source.started if known and source.started else None),
        Stage("to offer", max(0.0, found.offered_at - known) if known else None),
        Stage("evaluating", spent.get(S.OFFERED)),
        Stage("asking", spent.get(S.EVALUATED)),
        Stage("waiting for people", sum(waited) if waited else None, people=True),
        Stage("to use", spent.get(S.ACCEPTED)),
        Stage("rolling out", spent.get(S.ROLLING_OUT)),
        Stage("to first score", max(0.0, first - used) if first is not None and used is not None else None),
    ]


def iterations_per_month(life: Life) -> list[Month]:
    """How many versions were offered, decided on and put in use, month by month from the first; empty months too."""
    counts: dict[str, list[int]] = {}

    def add(time: float, place: int) -> None:
        counts.setdefault(_month(time), [0, 0, 0])[place] += 1

    for version in life.versions.values():
        add(version.offered_at, 0)
        for decision in version.decisions:
            add(decision.time, 1)
    for record in life.shares:
        if record.cause == "in_use":
            add(record.time, 2)
    if not counts:
        return []
    month, last = min(counts), max(counts)
    months = []
    while month <= last:
        months.append(Month(month, *counts.get(month, [0, 0, 0])))
        month = _next(month)
    return months


def _month(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m")


def _next(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + 1:04d}-01" if number == 12 else f"{year:04d}-{number + 1:02d}"


def _events(life: Life) -> Iterator[Event]:
    for version in life.versions.values():
        yield from _of_version(version)
    for rollout in life.rollouts.values():
        yield from events_of(rollout)
    for record in life.shares:
        number = record.champion
        if record.cause in ("rollout_begun", "rollout_step"):
            continue
        if record.cause == "taken_back":
            back = next((v for v in life.versions.values() if _moved_at(v, S.TAKEN_BACK, record.time)), None)
            told = f"version {back.number} taken back" if back is not None else "taken back"
            instead = f"; version {number} answers again" if number is not None else "; nothing is in use"
            ended = next((each for each in life.rollouts.values() if each.ended_by == record.seq), None)
            if ended is not None and ended.outcome == TAKEN_BACK:
                instead = f"; version {number} answers all"
            elif ended is not None:
                instead += f"; the rollout of version {ended.version} stopped"
            text = f"{told} by {record.by}{instead}"
            yield Event(
                record.time, "taken_back", _with(text, record.why), back.number if back else None, record.by,
                {"shares": record.shares, "seq": record.seq},
            )  # fmt: skip
        else:
            text = f"version {number} in use, by {record.by}"
            yield Event(
                record.time, record.cause, _with(text, record.why), number, record.by,
                {"shares": record.shares, "seq": record.seq, "evidence": record.accepted.get(number or 0, "")},
            )  # fmt: skip
    for each in life.retrainings.values():
        text = f"a retraining of {each.experiment} asked for by {each.by}"
        yield Event(each.time, "retraining", text, None, each.by, {"id": each.id, "reason": each.reason})
    for interval in life.scoring.recent:
        again = f", again ({interval.why})" if interval.why else ""
        text = f"version {interval.version} scored {interval.rows} rows of {interval.key}{again}"
        yield Event(interval.ended or interval.begun, "scored", text, interval.version, None, {"out": interval.out})


def _moved_at(version: Version, state: VersionState, time: float) -> bool:
    """Whether a version came into a state at a time."""
    return any(each.state is state and each.time == time for each in version.moves)


def _of_version(version: Version) -> Iterator[Event]:
    number, source = version.number, version.source
    yield Event(
        version.offered_at, "offered", f"version {number} offered: {source.experiment}@{source.run}", number,
        version.offered_by, {"retraining": version.retraining, "reason": source.reason},
    )  # fmt: skip
    for kind, refs in (("evaluated", version.evidence), ("checked", version.checks)):
        for each in refs:
            held = {True: "the conditions hold", False: "the conditions don't hold", None: "it can't tell"}
            against = f" against version {each.champion}" if each.champion is not None else ""
            text = f"version {number} {kind}{against}: {held[each.verdict]}"
            yield Event(each.time, kind, text, number, None, {"evidence": each.digest, **each.summary})
    if version.asked is not None:
        whom = ", ".join(version.asked.whom) or "anybody with the right"
        text = f"{whom} asked about version {number}, until {moment(version.asked.until)}"
        yield Event(version.asked.time, "asked", text, number, None, {"evidence": version.asked.evidence})
    for decision in version.decisions:
        yield _of_decision(number, decision)
    for each_move in version.moves:
        if each_move.state is S.RETIRED:
            yield Event(each_move.time, "retired", _with(f"version {number} retired", version.note), number)
    if version.removed is not None:
        yield Event(version.removed, "removed", f"the files of version {number} removed", number)


def _of_decision(number: int, decision: Decision) -> Event:
    who = "nobody answered in time" if decision.what == "expired" else f"by {decision.by}"
    text = f"version {number} {decision.what}: {who}" if decision.what == "expired" else (
        f"version {number} {decision.what} {who}"
    )  # fmt: skip
    return Event(
        decision.time, decision.what, _with(text, decision.note), number, decision.by, {"evidence": decision.evidence}
    )


def _with(text: str, note: str) -> str:
    return f"{text}: {note}" if note else text
