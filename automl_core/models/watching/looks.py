"""Looks at a champion, one object each: what it was worth, when, on how many rows.

They lie beside the journal, not in it: a look decides nothing, comes once an hour for years, and has an evidence of
tens of kilobytes. What follows from one (a retraining) is in the journal. Each object repeats the figures of those
before it, so a series costs one listing of one key and one read; its name counts down, so that the newest stands first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from automl_core.models.life.layout import model_prefix
from automl_core.storage.base import NotFound, ObjectStore

FORMAT = 1
"""Version of the object that this code writes; it reads every version up to this one."""

KEPT = 200
"""Looks whose figures each object repeats."""

DAYS = 400
"""Days of which the last look of each is kept in full, beyond `KEPT`; of what is older the last of each month."""

MOST_FORGOTTEN = 500
"""Looks that are removed in one go."""

WATCH = "watch/"
_TOP = 10**13 - 1  # milliseconds since 1970 count down from here: the year 2286


class Look(msgspec.Struct, omit_defaults=True):
    """One look's figures.

    Attributes:
        time: seconds since 1970.
        run: of the watch, which looks once.
        version: that was the champion.
        state: ``holds``, ``worse`` or ``cant_tell``.
        why: in words.
        metric, direction: what was measured.
        value, low, high: of the champion; None where it can't be told.
        accepted: the value that it was accepted with; None where that isn't known.
        loss_low, loss_high, limit: the interval of the loss, and how much is too much.
        rows: with labels, that were scored.
        counts: of answers and outcomes, where they were joined: `feedback.Counts.to_json`.
        retraining: the number of one that was asked for, or that goes on.
        since, until: answers of servers that were looked at were given between these, seconds since 1970.
        estimate: of the metric without labels: see `automl_core.models.watching.series`.
        drift: of columns and predictions: see there.
        live: regression tests against the server: see there.
        key: of the object; empty in what it repeats.
    """

    time: float
    run: str
    version: int
    state: str
    why: str
    metric: str = ""
    direction: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    accepted: float | None = None
    loss_low: float | None = None
    loss_high: float | None = None
    limit: float | None = None
    rows: int = 0
    counts: dict[str, Any] = {}
    retraining: int | None = None
    since: float | None = None
    until: float | None = None
    estimate: dict[str, Any] = {}
    drift: dict[str, Any] = {}
    live: dict[str, Any] = {}
    key: str = ""


@dataclass(frozen=True, slots=True)
class Looks:
    """The newest look and the figures of those before it.

    Attributes:
        looks: the newest first, `KEPT` and one at most.
        evidence: of the newest, as `automl_core.models.evaluation` lays it out; empty where there were no rows.
        notes: of the newest, for people.
        details: of the newest, in full: ``estimate``, ``drift`` and ``live``, each where it was looked at.
    """

    looks: tuple[Look, ...] = ()
    evidence: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def newest(self) -> Look | None:
        """The newest, None where nobody has looked."""
        return self.looks[0] if self.looks else None

    def to_json(self) -> dict[str, Any]:
        """The series as plain JSON, the newest first."""
        return {"looks": msgspec.to_builtins(list(self.looks)), "notes": list(self.notes)}


def watch_prefix(name: str) -> str:
    """The folder of a model's looks, ending with '/'."""
    return f"{model_prefix(name)}{WATCH}"


def key_of(name: str, time: float) -> str:
    """The object of a look: names of later ones stand before those of earlier ones.

    Args:
        name: of the model.
        time: seconds since 1970.
    """
    milliseconds = round(time * 1000)
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{watch_prefix(name)}{_TOP - milliseconds:013d}-{moment:%Y%m%dT%H%M%SZ}.json"


def write_look(
    store: ObjectStore, name: str, look: Look, evidence: Mapping[str, Any] | None, notes: Sequence[str] = (),
    details: Mapping[str, Any] | None = None,
) -> Look:  # fmt: skip
    """Write a look behind those before it. One of the same run changes nothing: what that found is the answer.

    Args:
        store: the model storage path.
        name: of the model.
        look: its figures.
        evidence: plain JSON, without any row of data.
        notes: for people.
        details: see `Looks`.

    Raises:
        StorageError: the store refuses or is away.
    """
    before = read_looks(store, name)
    same = next((each for each in before.looks if each.run == look.run), None)
    if same is not None:
        return same
    while True:
        key = key_of(name, look.time)
        earlier = [msgspec.structs.replace(each, key="", counts={}) for each in before.looks[:KEPT]]
        body = {
            "format": FORMAT, "look": msgspec.to_builtins(msgspec.structs.replace(look, key="")),
            "evidence": evidence, "notes": list(notes), "details": dict(details or {}),
            "before": msgspec.to_builtins(earlier),
        }  # fmt: skip
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        if store.create(key, text):
            return msgspec.structs.replace(look, key=key)
        look = msgspec.structs.replace(look, time=look.time + 0.001)  # two within a millisecond


def thin(store: ObjectStore, name: str, now: float) -> int:
    """Remove looks that are old and have later ones beside them. Returns how many.

    The newest `KEPT` stay, then the last of each day (UTC) for `DAYS` days, then the last of each month.

    Args:
        store: the model storage path.
        name: of the model.
        now: seconds since 1970.

    Raises:
        StorageError: the store refuses or is away; what is not removed now is the next time.
    """
    seen: set[str] = set()
    forgotten = []
    for place, key in enumerate(store.list(watch_prefix(name))):
        time = _time_of(key)
        if time is None:
            continue
        stretch = f"{datetime.fromtimestamp(time, UTC):{'%Y-%m-%d' if now - time < DAYS * 86400.0 else '%Y-%m'}}"
        if place >= KEPT and stretch in seen:
            forgotten.append(key)
        seen.add(stretch)
    for key in forgotten[-MOST_FORGOTTEN:]:
        store.delete(key)
    return min(len(forgotten), MOST_FORGOTTEN)


def _time_of(key: str) -> float | None:
    """When a look was, by its key; None where that is none of ours."""
    digits = key.rpartition("/")[2].partition("-")[0]
    return (_TOP - int(digits)) / 1000 if len(digits) == len(str(_TOP)) and digits.isdigit() else None


def read_looks(store: ObjectStore, name: str) -> Looks:
    """The newest look with the figures of those before it: a listing of one key and a read.

    Raises:
        StorageError: the store refuses or is away.
    """
    keys = store.list(watch_prefix(name), limit=1)
    return read_look(store, keys[0]) if keys else Looks()


def read_look(store: ObjectStore, key: str) -> Looks:
    """One look by its key; see `read_looks`.

    Raises:
        LookupError: there is none.
        ValueError: what lies there is none, or one of a later release.
    """
    try:
        body = json.loads(store.get(key))
    except NotFound:
        raise LookupError(f"there is no look at {store.url}/{key}") from None
    if not isinstance(body, dict) or not isinstance(body.get("format"), int):
        raise ValueError(f"{store.url}/{key} is no look at a model")
    if body["format"] > FORMAT:
        raise ValueError(f"{store.url}/{key} has the format {body['format']}; this release reads up to {FORMAT}")
    looks = msgspec.convert([body["look"], *body["before"]], list[Look])
    looks[0].key = key
    return Looks(tuple(looks), body["evidence"], tuple(body["notes"]), dict(body.get("details") or {}))
