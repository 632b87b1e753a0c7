"""Rollouts and shares of traffic as plain data: what pages, REST and the client show of them."""

from __future__ import annotations

from typing import Any

from automl_core.models.life import Life, Rollout, Shares
from automl_core.models.views import person, share_of, share_record


def rollout(found: Rollout) -> dict[str, Any]:
    """One rollout as the journal has it."""
    return {
        "id": found.id, "version": found.version, "champion": found.champion, "kind": found.kind,
        "steps": [{"share": each.share, "bake": each.bake, "shadow": each.shadow} for each in found.steps],
        "begun": found.begun, "by": person(found.by), "step": found.step, "share": share_of(found),
        "moved": found.moved, "held": found.held, "ended": found.ended, "outcome": found.outcome or None,
        "why": found.why,
        "acts": [
            {"time": each.time, "what": each.what, "step": each.step, "by": person(each.by), "why": each.why}
            for each in found.acts
        ],
    }  # fmt: skip


def rollouts(life: Life) -> list[dict[str, Any]]:
    """Every rollout, the newest first."""
    return [rollout(each) for each in sorted(life.rollouts.values(), key=lambda each: each.id, reverse=True)]


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
