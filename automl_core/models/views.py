"""A model's life as plain data: what pages, REST and the client show of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from automl_core.models.life import Decision, Event, EvidenceRef, Interval, Life, Person, Retraining, Shares, Version
from automl_core.models.life import VersionState as S
from automl_core.models.life.intervals import gaps, moments_of
from automl_core.models.rollout_views import glance, rollout, share_record

if TYPE_CHECKING:
    from automl_core.models.watching import Looks

SORTS = ("version", "state", "offered_at", "value", "in_use_since")


def person(by: Person | None) -> dict[str, Any] | None:
    """Who did something, and by what way."""
    return {"name": by.name, "how": by.how} if by is not None else None


def decision(found: Decision | None) -> dict[str, Any] | None:
    """An answer."""
    if found is None:
        return None
    return {
        "what": found.what, "by": person(found.by), "time": found.time, "answered": found.answered or found.time,
        "evidence": found.evidence, "note": found.note,
    }  # fmt: skip


def evidence(found: EvidenceRef | None) -> dict[str, Any] | None:
    """What an evaluation came to, in short."""
    if found is None:
        return None
    return {
        "digest": found.digest, "time": found.time, "champion": found.champion, "ok": found.verdict,
        "rows": found.rows, "summary": found.summary,
    }  # fmt: skip


def acceptance(version: Version) -> Decision | None:
    """The acceptance that a version was put into use by, the newest."""
    return next((each for each in reversed(version.decisions) if each.what == "accepted"), None)


def in_use(life: Life) -> dict[str, Any] | None:
    """What is in use now: the champion, its shares, since when, by whom it was accepted, on what evidence."""
    return used(life, life.shares[-1]) if life.shares else None


def used(life: Life, record: Shares | None) -> dict[str, Any] | None:
    """What was in use while a rollout record held; None where nothing was."""
    if record is None or record.champion is None:
        return None
    number = record.champion
    digest = record.accepted.get(number, "")
    version = life.versions[number]
    accepted = next((d for d in version.decisions if d.what == "accepted" and d.evidence == digest), None)
    came = _came(life, record)
    return {
        "version": number, "shares": _by_text(record.shares), "shadow": _by_text(record.shadow),
        "rollout": record.rollout,
        "since": came.time, "by": person(came.by), "why": came.why, "cause": came.cause,
        "accepted": decision(accepted or acceptance(version)), "evidence": digest,
        "source": {"experiment": version.source.experiment, "run": version.source.run},
    }  # fmt: skip


def _came(life: Life, record: Shares) -> Shares:
    """The record by which the champion of a record came into use: others' rollouts change nothing of that."""
    came = record
    for each in reversed(life.shares):
        if each.seq > record.seq:
            continue
        if each.champion != record.champion:
            break
        came = each
    return came


def waiting(life: Life, now: float) -> list[dict[str, Any]]:
    """Versions that people are asked about: whom, until when."""
    return [
        {
            "version": each.number, "whom": list(each.asked.whom), "since": each.asked.time, "until": each.asked.until,
            "evidence": each.asked.evidence, "run": each.asked.run, "late": each.asked.until < now,
        }
        for each in life.versions.values()
        if each.state is S.ASKED and each.asked is not None
    ]  # fmt: skip


def newest(life: Life) -> dict[str, Any] | None:
    """The version that came last, and what its evidence says."""
    if not life.versions:
        return None
    version = life.versions[max(life.versions)]
    return {"version": version.number, "state": str(version.state), "verdict": verdict(version.newest)}


def verdict(found: EvidenceRef | None) -> dict[str, Any] | None:
    """Whether the conditions of the model's file hold, where it was evaluated."""
    return {"ok": found.verdict, "digest": found.digest, "time": found.time} if found is not None else None


def at_a_glance(life: Life, now: float) -> dict[str, Any]:
    """A model in a list."""
    return {
        "seq": life.seq, "updated": life.updated or None, "in_use": in_use(life), "waiting": waiting(life, now),
        "newest": newest(life), "versions": len(life.versions), "rollout": glance(life),
    }  # fmt: skip


def overview(life: Life, now: float) -> dict[str, Any]:
    """How a model stands, without what differs from user to user."""
    return {
        **at_a_glance(life, now), "now": now,
        "counts": dict(Counter(str(each.state) for each in life.versions.values())),
        "accept": life.document.get("accept"), "deploy": (life.document.get("deploy") or {}).get("to"),
        "watched": life.document.get("watch") is not None,
        "shares": shares(life), "last_rollout": max(life.rollouts, default=None),
        "rollout": rollout(life.rollout) if life.rollout is not None else None,
        "scored": {
            "intervals": sum(each.intervals for each in life.scoring.totals.values()),
            "rows": sum(each.rows for each in life.scoring.totals.values()),
            "open": len(life.scoring.open),
        },
        "configured": life.configured[0] if life.configured else None, "skipped": len(life.skipped),
    }  # fmt: skip


def shares(life: Life) -> list[dict[str, Any]]:
    """Who answered since when, oldest first."""
    return [share_record(each) for each in life.shares]


def _by_text(shares: Mapping[int, float]) -> dict[str, float]:
    return {str(number): share for number, share in shares.items()}


def version_row(version: Version) -> dict[str, Any]:
    """A version in the table of them."""
    found, given = version.newest, version.decisions[-1] if version.decisions else None
    source = version.source
    return {
        "version": version.number, "state": str(version.state), "experiment": source.experiment, "run": source.run,
        "trial": source.trial, "metric": source.metric, "value": source.value, "offered_at": version.offered_at,
        "offered_by": version.offered_by.name, "verdict": verdict(found),
        "summary": found.summary if found is not None else None, "decided": decision(given),
        "in_use_since": version.reached(S.IN_USE), "first_scored": version.first_scored,
        "removed": version.removed, "note": version.note,
    }  # fmt: skip


def version_body(life: Life, version: Version) -> dict[str, Any]:
    """One version, whole."""
    source, model, asked = version.source, version.model, version.asked
    totals = life.scoring.totals.get(version.number)
    return {
        **version_row(version),
        "champion": life.champion,
        "source": {
            "storage": source.storage, "experiment": source.experiment, "run": source.run, "trial": source.trial,
            "metric": source.metric, "value": source.value, "fingerprints": source.fingerprints,
            "reason": source.reason, "started": source.started or None, "published": source.published or None,
        },
        "copy": {
            "digest": model.digest, "kind": model.kind, "problem": model.problem, "target": model.target,
            "files": model.files, "bytes": model.bytes, "folder": model.prefix,
        },
        "offered": {"time": version.offered_at, "by": person(version.offered_by)},
        "evidence": [evidence(each) for each in version.evidence],
        "checks": [evidence(each) for each in version.checks],
        "asked": {
            "evidence": asked.evidence, "since": asked.time, "until": asked.until, "whom": list(asked.whom),
            "run": asked.run,
        } if asked is not None else None,
        "decisions": [decision(each) for each in version.decisions],
        "moves": [{"state": str(each.state), "time": each.time} for each in version.moves],
        "run": version.run or None, "retraining": version.retraining,
        "scored": {"intervals": totals.intervals, "rows": totals.rows} if totals is not None else None,
    }  # fmt: skip


def sorted_versions(life: Life, sort: str, states: Iterable[str]) -> list[dict[str, Any]]:
    """Rows of the table of versions: those in some states (all where none is named), in an order.

    Args:
        life: the model's.
        sort: one of `SORTS`, with ``-`` before it for descending.
        states: names of states.
    """
    wanted = set(states)
    rows = [version_row(each) for each in life.versions.values() if not wanted or str(each.state) in wanted]
    key, down = sort.removeprefix("-"), sort.startswith("-")
    rows.sort(key=lambda row: row["version"])
    told = [row for row in rows if row[key] is not None]
    told.sort(key=lambda row: row[key], reverse=down)
    return [*told, *(row for row in rows if row[key] is None)]


def interval(each: Interval) -> dict[str, Any]:
    """One interval of data that is scored, or was."""
    return {
        "key": each.key, "start": each.start, "end": each.end, "version": each.version, "generation": each.generation,
        "attempt": each.attempt, "run": each.run, "begun": each.begun or None, "ended": each.ended,
        "rows": each.rows if each.ended is not None else None, "out": each.out, "digest": each.digest, "why": each.why,
    }  # fmt: skip


def intervals(life: Life) -> list[dict[str, Any]]:
    """Every interval that was scored or is being: those that go on, then the newest first.

    Of those that ended long ago it is known by which version, and how often.
    """
    scoring = life.scoring
    going = [interval(each) for each in sorted(scoring.open.values(), key=lambda each: each.begun, reverse=True)]
    recent = {each.key: each for each in scoring.recent}
    rows = []
    for key, done in scoring.done.items():
        if key in scoring.open:
            continue
        known = recent.get(key)
        if known is not None and known.version == done.version:
            rows.append(interval(known))
            continue
        moments = moments_of(key)
        rows.append(
            {
                "key": key, "start": moments[0] / 1000 if moments else None,
                "end": moments[1] / 1000 if moments else None, "version": done.version, "generation": done.generation,
                "attempt": None, "run": None, "begun": None, "ended": None, "rows": None, "out": "", "digest": "",
                "why": "",
            }
        )  # fmt: skip
    rows.sort(key=lambda row: (row["end"] or 0.0, row["key"]), reverse=True)
    return [*going, *rows]


def missing(life: Life) -> list[dict[str, float]]:
    """Stretches of data that no interval covers."""
    return [{"start": start, "end": end} for start, end in gaps(life.scoring)]


def retraining(each: Retraining) -> dict[str, Any]:
    """A training that was asked for."""
    return {
        "id": each.id, "experiment": each.experiment, "reason": each.reason, "by": person(each.by), "time": each.time,
        "run": each.run or None, "started": each.started, "ended": each.ended, "outcome": each.outcome or None,
        "version": each.version,
    }  # fmt: skip


def case_counts(life: Life) -> list[dict[str, Any]]:
    """Bad cases from version to version: how many each had mended, was left with, or brought."""
    found = []
    for each in life.versions.values():
        newest_one = each.newest
        counts: Mapping[str, int] = (newest_one.summary.get("cases") or {}) if newest_one is not None else {}
        if newest_one is not None and counts:
            found.append(
                {"version": each.number, "state": str(each.state), "digest": newest_one.digest,
                 "champion": newest_one.champion, "counts": dict(counts)}
            )  # fmt: skip
    return found


def event(each: Event) -> dict[str, Any]:
    """Something that happened."""
    return {
        "time": each.time, "kind": each.kind, "text": each.text, "version": each.version, "by": person(each.by),
        "details": dict(each.details),
    }  # fmt: skip


def quality(life: Life, looks: Looks | None = None) -> dict[str, Any]:
    """How good versions were found over time on the latest data: before they were in use, and while they were.

    Args:
        life: the model's state.
        looks: of its watch (`automl_core.models.watching`), where it has one.
    """
    points: list[dict[str, Any]] = []
    for each in life.versions.values():
        if each.reached(S.IN_USE) is None:
            continue
        for ref in (*each.evidence, *each.checks):
            value = (ref.summary.get("values") or {}).get("challenger")
            if value is not None:
                points.append(
                    {"time": ref.time, "version": each.number, "value": value, "digest": ref.digest,
                     "metric": metric_of(ref.summary)}
                )  # fmt: skip
    points += [
        {"time": look.time, "version": look.version, "value": look.value, "low": look.low, "high": look.high,
         "rows": look.rows, "state": look.state, "why": look.why, "digest": "", "metric": look.metric}
        for look in (looks.looks if looks is not None else ()) if look.value is not None
    ]  # fmt: skip
    points.sort(key=lambda point: point["time"])
    last = points[-1]["metric"] if points else None  # values of another metric can't stand on the same axis
    newest = looks.newest if looks is not None else None
    return {
        "metric": last, "points": [each for each in points if each["metric"] == last],
        "newest": {
            "time": newest.time, "version": newest.version, "state": newest.state, "why": newest.why,
            "rows": newest.rows, "counts": newest.counts, "notes": list(looks.notes) if looks is not None else [],
        } if newest is not None else None,
    }  # fmt: skip


def metric_of(summary: Mapping[str, Any]) -> str | None:
    """The metric of evidence in short."""
    found = summary.get("metric")
    return str(found["name"]) if isinstance(found, Mapping) else found


def without_names_of_rows(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Evidence without the names of rows (keys of the data): for those who may not see data of a closed environment."""
    cases = evidence.get("cases")
    if not isinstance(cases, Mapping):
        return dict(evidence)
    kept = {name: [] if isinstance(value, list) else value for name, value in cases.items()}
    return {**evidence, "cases": kept}
