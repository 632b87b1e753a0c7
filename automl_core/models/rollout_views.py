"""Rollouts as plain data: what pages, REST, the client and the command line show of them.

What was measured is beside it, in the looks of the guard (`automl_core.models.rollout`).
"""

from __future__ import annotations

from typing import Any

from automl_core.models.life import Life, Rollout


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


def rollouts(life: Life) -> list[dict[str, Any]]:
    """All rollouts of a model, the newest first."""
    return [rollout(each) for each in reversed(life.rollouts.values())]


def _person(by: Any) -> dict[str, Any]:
    return {"name": by.name, "how": by.how}
