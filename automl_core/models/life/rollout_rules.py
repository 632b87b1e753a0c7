"""What may come next in a rollout, and what becomes of one when a version is put in use or taken back.

As `automl_core.models.life.rules`: by the state and what a record would tell, by nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from automl_core.models.life.entities import BY_HAND, Version, VersionState
from automl_core.models.life.refusals import Refused, RolloutOpen
from automl_core.models.life.rollouts import Rollout, Step, steps_problem
from automl_core.models.life.words import moment, person_of

if TYPE_CHECKING:
    from automl_core.models.life.life import Life


def begun(life: Life, data: dict[str, Any]) -> None:
    """What of a beginning is about the rollout: none other is open, a champion is there, and the steps are some."""
    if life.champion is None:
        raise Refused(
            f"nothing is in use, so version {int(data['version'])} has nothing to be compared with: put it in use"
        )
    alone(life, int(data["version"]))
    if data["champion"] != life.champion:
        raise Refused(f"the champion is version {life.champion}")
    problem = steps_problem(str(data["kind"]), msgspec.convert(data["steps"], list[Step]))
    if problem:
        raise Refused(problem)
    if int(data["id"]) != len(life.rollouts) + 1:
        raise Refused(f"the next rollout is {len(life.rollouts) + 1}")


def stepped(life: Life, data: dict[str, Any]) -> None:
    """It moves to any of its steps, back as well; one that is held by a person's hand alone."""
    rollout, step = open_one(life, data), int(data["step"])
    plain(data)
    if step not in range(len(rollout.steps)):
        raise Refused(f"rollout {rollout.id} has steps 0 to {len(rollout.steps) - 1}, and no step {step}")
    expected = data.get("expected")
    if expected is not None and rollout.step != int(expected):
        last = rollout.acts[-1]
        raise Refused(
            f"rollout {rollout.id} is in step {rollout.step} since {moment(rollout.moved)}, and in step {expected} no "
            "more", last.by, last.time,
        )  # fmt: skip
    by_hand(rollout, data)


def held(life: Life, data: dict[str, Any]) -> None:
    """It stays where it is until it is released."""
    open_one(life, data)
    if not isinstance(data["held"], bool):
        raise TypeError("held is true or false")
    person_of(data)


def promoted(life: Life, version: Version, data: dict[str, Any]) -> bool:
    """Whether putting a version in use ends its rollout.

    Raises:
        RolloutOpen: another version's is open.
        Refused: it is held, and no person says so.
    """
    rollout = life.rollout
    plain(data)
    if rollout is None:
        return False
    alone(life, version.number)
    by_hand(rollout, data)
    return True


def taken_back(life: Life, version: Version, to: int | None) -> None:
    """A version that is rolling out goes back to its champion alone, held or not."""
    if version.state is VersionState.ROLLING_OUT and to != life.champion:
        raise Refused(
            f"version {version.number} is rolling out beside version {life.champion}, which answers when it is taken "
            f"back: to have version {to} answer, take that one back after it"
        )  # fmt: skip


def plain(data: dict[str, Any]) -> None:
    """Refuse evidence that is no mapping.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(data.get("evidence", {}), dict):
        raise TypeError("evidence is a mapping")


def open_one(life: Life, data: dict[str, Any]) -> Rollout:
    """The rollout that a record is about.

    Raises:
        Refused: there is none, or it is over: by whose act, and when.
    """
    number = int(data["id"])
    found = life.rollouts.get(number)
    if found is None:
        raise Refused(f"there is no rollout {number}")
    if found.ended is not None:
        last = found.acts[-1]
        raise Refused(
            f"rollout {number} of version {found.version} is over ({found.outcome.replace('_', ' ')}) since "
            f"{moment(found.ended)}", last.by, last.time,
        )  # fmt: skip
    return found


def alone(life: Life, version: int) -> None:
    """Refuse what another version's open rollout is in the way of."""
    rollout = life.rollout
    if rollout is not None and rollout.version != version:
        raise RolloutOpen(
            f"version {rollout.version} is being rolled out (rollout {rollout.id}, begun {moment(rollout.begun)} by "
            f"{rollout.by}): version {version} waits for what becomes of it", rollout,
        )  # fmt: skip


def by_hand(rollout: Rollout, data: dict[str, Any]) -> None:
    """Refuse what no person does to a rollout that is held."""
    if not rollout.held or person_of(data).how in BY_HAND:
        return
    last = rollout.holder
    assert last is not None
    raise Refused(
        f"rollout {rollout.id} is held by {last.by} since {moment(last.time)}{f': {last.why}' if last.why else ''}",
        last.by, last.time,
    )  # fmt: skip
