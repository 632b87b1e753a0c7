"""Rollouts and shares of traffic as plain data: what pages, REST and the client show of them."""

from __future__ import annotations

from typing import Any

from automl_core.models.life import Life, Rollout, Shares
from automl_core.models.views import person, share_record


def share_of(rollout: Rollout) -> float:
    """The share of the requests that a rollout's version answers, or answered when it ended; 0 while it is shadowed."""
    step = rollout.steps[rollout.step]
    return 0.0 if step.shadow else step.share


def glance(life: Life) -> dict[str, Any] | None:
    """The rollout that goes on, in a list of models; None where none does."""
    found = life.rollout
    if found is None:
        return None
    step = found.steps[found.step]
    return {
        "id": found.id, "version": found.version, "champion": found.champion, "kind": found.kind, "step": found.step,
        "steps": len(found.steps), "share": share_of(found), "shadow": step.share if step.shadow else None,
        "moved": found.moved, "held": found.held,
    }  # fmt: skip


def rollout(found: Rollout) -> dict[str, Any]:
    """One rollout as the journal has it."""
    return {
        "id": found.id, "version": found.version, "champion": found.champion, "kind": found.kind,
        "steps": [{"share": each.share, "bake": each.bake, "shadow": each.shadow} for each in found.steps],
        "begun": found.begun, "by": person(found.by), "step": found.step, "share": share_of(found),
        "moved": found.moved, "held": found.held, "ended": found.ended, "outcome": found.outcome or None,
        "why": found.why,
    }  # fmt: skip


def rollouts(life: Life) -> list[dict[str, Any]]:
    """Every rollout, the newest first."""
    return [rollout(each) for each in sorted(life.rollouts.values(), key=lambda each: each.id, reverse=True)]


def timeline(life: Life, found: Rollout) -> list[dict[str, Any]]:
    """Who answered since when from the beginning of a rollout to what followed it, oldest first."""
    end = float("inf") if found.ended is None else found.ended
    return [share_record(each) for each in life.shares if found.begun <= each.time <= end]


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
