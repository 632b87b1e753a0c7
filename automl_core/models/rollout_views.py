"""Rollouts as plain data: what pages, REST, the client and the command line show of them.

What was measured is beside it, in the looks of the guard (`automl_core.models.rollout`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_core.models.life import Life, Rollout, Shares
from automl_core.models.life.words import moment

QUIET = 120.0
"""Seconds without a look after which that is said: a guard writes one every 30 s, and another one follows in 40."""


def rollout(found: Rollout) -> dict[str, Any]:
    """One rollout: where it stands, or what became of it, and all that was done to it."""
    holder = found.holder
    return {
        "id": found.id, "version": found.version, "champion": found.champion, "kind": found.kind,
        "steps": [{"share": each.share, "bake": each.bake, "shadow": each.shadow} for each in found.steps],
        "step": found.step, "share": found.now.share, "shadow": found.now.shadow, "since": found.moved,
        "may_move_at": found.moved + found.now.bake if found.open and found.kind == "steps" else None,
        "begun": found.begun, "by": _person(found.by), "held": found.held,
        "holder": {"by": _person(holder.by), "time": holder.time, "why": holder.why} if holder is not None else None,
        "ended": found.ended, "outcome": found.outcome or None, "why": found.why, "evidence": found.evidence,
        "acts": [
            {"time": each.time, "what": each.what, "step": each.step, "share": found.steps[each.step].share,
             "shadow": found.steps[each.step].shadow, "by": _person(each.by), "why": each.why, "seq": each.seq}
            for each in found.acts
        ],
    }  # fmt: skip


def unguarded(found: Mapping[str, Any], view: Mapping[str, Any] | None, now: float) -> str | None:
    """What people must know where nobody looks at an open rollout: what is shown of it is old. Else None.

    Args:
        found: the rollout, as `rollout` has it.
        view: what the newest look shows; None before the first.
        now: seconds since 1970.
    """
    begun = float(found["begun"])
    last = max(begun, float(view["time"])) if view is not None else begun
    if found["ended"] is not None or now - last < QUIET:
        return None
    since = f"since {moment(last)}" if view is not None else f"yet, and it began at {moment(last)}"
    return (
        f"nobody has looked at it {since}: until somebody does, nothing takes it back or moves it by itself. The task "
        "`roll` of its run in Airflow looks about every second: is that waiting, and does a triggerer run?"
    )


def rollouts(life: Life) -> list[dict[str, Any]]:
    """All rollouts of a model, the newest first."""
    return [rollout(each) for each in reversed(life.rollouts.values())]


def glance(life: Life) -> dict[str, Any] | None:
    """The rollout that is open, without what was done to it: for lists. None where none is."""
    if life.rollout is None:
        return None
    return {key: value for key, value in rollout(life.rollout).items() if key not in ("acts", "evidence")}


def timeline(life: Life, found: Rollout) -> list[dict[str, Any]]:
    """Who answered since when from the beginning of a rollout to what followed it, oldest first."""
    first, last = found.acts[0].seq, found.acts[-1].seq
    return [share_record(each) for each in life.shares if first <= each.seq <= last]


def traffic(life: Life, since: float | None, until: float | None) -> list[dict[str, Any]]:
    """Who answered since when, oldest first; the first record is the one that held at ``since``.

    Args:
        life: the model's.
        since, until: seconds since 1970; from the beginning, to now where None.
    """
    kept: list[Shares] = []
    for each in life.shares:
        if until is not None and each.time > until:
            break
        if since is not None and each.time <= since:
            kept = []  # what began later and still before `since` held then
        kept.append(each)
    return [share_record(each) for each in kept]


def share_record(each: Shares) -> dict[str, Any]:
    """Who answers since when, by whose act, and in which rollout."""
    return {
        "time": each.time, "seq": each.seq, "cause": each.cause, "by": each.by.name, "how": each.by.how,
        "why": each.why, "champion": each.champion,
        "shares": {str(number): share for number, share in each.shares.items()},
        "shadow": {str(number): share for number, share in each.shadow.items()}, "rollout": each.rollout,
    }  # fmt: skip


def _person(by: Any) -> dict[str, Any]:
    return {"name": by.name, "how": by.how}
