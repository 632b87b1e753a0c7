"""What records make of rollouts, once the rules let them pass. Called by `automl_core.models.life.changes` alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from automl_core.journal import Record
from automl_core.models.life.entities import Shares
from automl_core.models.life.rollouts import Rollout, RolloutAct, Step
from automl_core.models.life.words import person_of

if TYPE_CHECKING:
    from automl_core.models.life.life import Life


def begun(life: Life, record: Record) -> None:
    """A version has a rollout."""
    data = record.data
    champion = life.champion
    assert champion is not None  # the rule has seen to it
    rollout = Rollout(
        int(data["id"]), int(data["version"]), champion, data["kind"], msgspec.convert(data["steps"], list[Step]),
        record.time, person_of(data), moved=record.time,
    )  # fmt: skip
    life.rollouts[rollout.id] = rollout
    _told(rollout, record, "begun")
    share(life, rollout, record, "rollout_begun")


def stepped(life: Life, record: Record) -> None:
    """It is in another step."""
    rollout = life.rollouts[int(record.data["id"])]
    rollout.step, rollout.moved = int(record.data["step"]), record.time
    _told(rollout, record, "step")
    share(life, rollout, record, "rollout_step")


def held(life: Life, record: Record) -> None:
    """It stays, or goes on."""
    rollout = life.rollouts[int(record.data["id"])]
    rollout.held = bool(record.data["held"])
    _told(rollout, record, "held" if rollout.held else "released")


def ended(rollout: Rollout, record: Record, outcome: str) -> None:
    """It is over."""
    rollout.ended, rollout.outcome = record.time, outcome
    _told(rollout, record, outcome)


def share(life: Life, rollout: Rollout, record: Record, cause: str) -> None:
    """Champion and challenger answer as its step has it."""
    both = (rollout.champion, rollout.version)
    accepted = {number: life.versions[number].accepted_on for number in both}
    life.shares.append(
        Shares(
            record.time, rollout.shares, rollout.champion, cause, person_of(record.data),
            str(record.data.get("why", "")), record.seq, accepted, rollout.id, rollout.shadow,
        )
    )  # fmt: skip


def _told(rollout: Rollout, record: Record, what: str) -> None:
    rollout.why = str(record.data.get("why", ""))
    evidence = record.data.get("evidence")
    if evidence:
        rollout.evidence = dict(evidence)
    rollout.acts.append(RolloutAct(record.time, what, rollout.step, person_of(record.data), rollout.why, record.seq))
