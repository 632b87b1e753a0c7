"""What each kind of record makes of the state, once the rules let it pass. Called by `Life.apply` alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from automl_core.journal import Record
from automl_core.models.life import rollout_changes
from automl_core.models.life.entities import (
    CHECKS_KEPT,
    Asked,
    Decision,
    EvidenceRef,
    ModelCopy,
    Moved,
    Retraining,
    Shares,
    Source,
    Version,
    VersionState,
)
from automl_core.models.life.intervals import RECENT, Done, Interval, Totals
from automl_core.models.life.rollouts import PROMOTED, STOPPED, TAKEN_BACK
from automl_core.models.life.rules import ANSWERS, version_of
from automl_core.models.life.words import person_of

if TYPE_CHECKING:
    from automl_core.models.life.life import Life

S = VersionState


def configured(life: Life, record: Record) -> None:
    """The model's file says something else."""
    life.document, life.configured = dict(record.data["document"]), (record.time, person_of(record.data).name)


def offered(life: Life, record: Record) -> None:
    """There is another version."""
    data = record.data
    version = Version(
        int(data["version"]), S.OFFERED, msgspec.convert(data["source"], Source),
        msgspec.convert(data["model"], ModelCopy), record.time, person_of(data), moves=[Moved(S.OFFERED, record.time)],
    )  # fmt: skip
    for each in life.retrainings.values():
        if each.run and (each.experiment, each.run) == (version.source.experiment, version.source.run):
            version.retraining, each.version = each.id, version.number
            each.ended, each.outcome = each.ended or record.time, f"version {version.number}"
    life.add_version(version)


def taken(life: Life, record: Record) -> None:
    """A rollout's run has a version."""
    version_of(life, record.data).run = str(record.data["run"])


def evaluated(life: Life, record: Record) -> None:
    """There is evidence. On a version that answers it is a check, and changes nothing of its acceptance."""
    data = record.data
    version = version_of(life, data)
    found = EvidenceRef(
        str(data["digest"]), record.time, data.get("champion"), data.get("verdict"), dict(data.get("summary", {})),
        bool(data.get("rows", False)),
    )  # fmt: skip
    if version.state in (S.IN_USE, S.ROLLING_OUT):
        version.checks = [*version.checks, found][-CHECKS_KEPT:]
        return
    version.evidence.append(found)
    version.asked = None
    _move(version, S.EVALUATED, record.time)


def asked(life: Life, record: Record) -> None:
    """People are asked."""
    data = record.data
    version = version_of(life, data)
    again = version.state is S.ASKED and version.asked is not None
    since = version.asked.time if again and version.asked is not None else record.time
    version.asked = Asked(
        str(data["digest"]), since, float(data["until"]), [str(each) for each in data["whom"]], str(data["run"])
    )
    if not again:
        _move(version, S.ASKED, record.time)


def decided(life: Life, record: Record) -> None:
    """There is an answer."""
    data = record.data
    version, what = version_of(life, data), str(data["what"])
    version.decisions.append(
        Decision(
            what, person_of(data), record.time, str(data["digest"]), str(data.get("note", "")), float(data["answered"])
        )
    )
    _move(version, ANSWERS[what], record.time)


def put_in_use(life: Life, record: Record) -> None:
    """Another version answers; where it was rolling out, that was the end of it."""
    version = version_of(life, record.data)
    if life.rollout is not None:
        rollout_changes.ended(life.rollout, record, PROMOTED)
    _leave(life, VersionState.REPLACED, record.time)
    _answer(life, version, record, "in_use")


def taken_back(life: Life, record: Record) -> None:
    """A version answers no more; the one before does, or none. A rollout that was open is over either way."""
    data = record.data
    version, rollout = version_of(life, data), life.rollout
    version.note = str(data["why"])
    to = data.get("to")
    if rollout is not None and rollout.version == version.number:
        _move(version, S.TAKEN_BACK, record.time)
        rollout_changes.ended(rollout, record, TAKEN_BACK)
        _share(life, life.version(rollout.champion), record, "taken_back")
        return
    if rollout is not None:  # its version was compared with what is gone: `rules.current` wants it evaluated again
        rollout_changes.ended(rollout, record, STOPPED)
        _move(life.version(rollout.version), S.ACCEPTED, record.time)
    _move(version, S.TAKEN_BACK, record.time)
    _leave(life, VersionState.REPLACED, record.time)
    _answer(life, life.version(int(to)) if to is not None else None, record, "taken_back")


def retired(life: Life, record: Record) -> None:
    """A version is set aside for good."""
    version = version_of(life, record.data)
    version.note = str(record.data["why"])
    _move(version, S.RETIRED, record.time)


def removed(life: Life, record: Record) -> None:
    """A version's files are gone, or about to be."""
    version_of(life, record.data).removed = record.time


def retrain(life: Life, record: Record) -> None:
    """A run is asked for."""
    data = record.data
    number = len(life.retrainings) + 1
    life.retrainings[number] = Retraining(
        number, str(data["experiment"]), dict(data["reason"]), person_of(data), record.time
    )


def retraining(life: Life, record: Record) -> None:
    """A run has started, or is over."""
    data = record.data
    found = life.retrainings[int(data["id"])]
    if "run" in data and not found.run:
        found.run, found.started = str(data["run"]), record.time
        for version in life.versions.values():  # offered before anybody had told of the start
            if (version.source.experiment, version.source.run) == (found.experiment, found.run):
                version.retraining, found.version = found.id, version.number
                found.ended, found.outcome = record.time, f"version {version.number}"
    if "outcome" in data:
        found.outcome, found.ended = str(data["outcome"]), record.time


def interval_begun(life: Life, record: Record) -> None:
    """An interval is claimed; an earlier claim on it counts no more."""
    data, scoring = record.data, life.scoring
    key = str(data["key"])
    if key in scoring.open:
        scoring.given_up += 1
    scoring.open[key] = Interval(
        key, float(data["start"]), float(data["end"]), int(data["version"]), int(data["generation"]),
        int(data["attempt"]), str(data["run"]), str(data.get("token", "")), record.time, why=str(data.get("why", "")),
    )  # fmt: skip


def interval_ended(life: Life, record: Record) -> None:
    """An interval is scored; or whoever had claimed it has given it up."""
    data, scoring = record.data, life.scoring
    found = scoring.open[str(data["key"])]
    if data.get("failed") is not None:
        scoring.given_up += 1
        del scoring.open[found.key]
        return
    rows, out, digest = int(data["rows"]), str(data["out"]), str(data["digest"])
    del scoring.open[found.key]
    found.ended, found.rows, found.out, found.digest = record.time, rows, out, digest
    scoring.recent = [*scoring.recent, found][-RECENT:]
    scoring.done[found.key] = Done(found.version, found.generation)
    totals = scoring.totals.setdefault(found.version, Totals())
    totals.intervals, totals.rows = totals.intervals + 1, totals.rows + rows
    version = life.version(found.version)
    if version.first_scored is None:
        version.first_scored = record.time


def _move(version: Version, state: VersionState, time: float) -> None:
    version.state = state
    version.moves.append(Moved(state, time))


def _leave(life: Life, state: VersionState, time: float) -> None:
    """Whatever answers now answers no more."""
    for number in life.shares_now():
        version = life.versions[number]
        if version.state is S.IN_USE:
            _move(version, state, time)


def _answer(life: Life, version: Version | None, record: Record, cause: str) -> None:
    if version is not None:
        _move(version, S.IN_USE, record.time)
    _share(life, version, record, cause)


def _share(life: Life, version: Version | None, record: Record, cause: str) -> None:
    """One version answers all, or none does."""
    shares = {version.number: 1.0} if version is not None else {}
    accepted = {version.number: version.accepted_on} if version is not None else {}
    life.shares.append(
        Shares(
            record.time,
            shares,
            version.number if version is not None else None,
            cause,
            person_of(record.data),
            str(record.data.get("why", "")),
            record.seq,
            accepted,
        )
    )


def rollout_begun(life: Life, record: Record) -> None:
    """A version answers beside the champion."""
    _move(version_of(life, record.data), S.ROLLING_OUT, record.time)
    rollout_changes.begun(life, record)


CHANGES: dict[str, Callable[[Life, Record], Any]] = {
    "configured": configured,
    "offered": offered,
    "taken": taken,
    "evaluated": evaluated,
    "asked": asked,
    "decided": decided,
    "in_use": put_in_use,
    "taken_back": taken_back,
    "rollout_begun": rollout_begun,
    "rollout_step": rollout_changes.stepped,
    "rollout_held": rollout_changes.held,
    "retired": retired,
    "removed": removed,
    "retrain": retrain,
    "retraining": retraining,
    "interval_begun": interval_begun,
    "interval_ended": interval_ended,
}
"""What a record of a model can tell, and what that changes."""
