"""Rollouts of a model's versions as records: what the API answers (docs/rest.md), typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from automl_core.client.errors import ClientError

Outcome = Literal["promoted", "taken_back", "stopped"]


@dataclass(frozen=True, slots=True)
class RolloutStep:
    """One step of a rollout.

    Attributes:
        share: of the requests that the version answers, 0 to 1; in the shadow, that it is asked as well.
        bake: least seconds in it.
        shadow: whether its answers are logged and not given.
    """

    share: float
    bake: float
    shadow: bool


@dataclass(frozen=True, slots=True)
class RolloutAct:
    """What was done to a rollout.

    Attributes:
        time: when, seconds since 1970.
        what: ``begun``, ``step``, ``held``, ``released``, or the outcome.
        step: its step since then, from 0.
        by: who: the name of a user, or of a run.
        how: by what way: ``airflow``, ``rest``, ``cli``, ``conditions``, ``dag``.
        why: in words.
    """

    time: float
    what: str
    step: int
    by: str
    how: str
    why: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """A version on its way to the traffic, or what became of it, as it was when it was asked for.

    Attributes:
        id: from 1, in the model.
        version: the challenger.
        champion: that answers beside it.
        kind: ``steps`` or ``ab``.
        steps: that it goes through.
        step: the one that it is in, from 0.
        share: of that step.
        shadow: whether its answers are not given.
        since: when that step began, seconds since 1970.
        begun: when it began.
        held: whether it stays there until somebody releases it.
        ended: when it ended; None while it goes on.
        outcome: None while it goes on.
        why: of its last act.
        acts: all that was done to it, in order.
        view: what its tests said at the newest look, as docs/rest.md has it; None in lists, and before the first look.
        problem: why that can't be told, or is old since nobody looks any more; None where somebody does, and in lists.
    """

    id: int
    version: int
    champion: int
    kind: str
    steps: tuple[RolloutStep, ...]
    step: int
    share: float
    shadow: bool
    since: float
    begun: float
    held: bool
    ended: float | None
    outcome: Outcome | None
    why: str
    acts: tuple[RolloutAct, ...]
    view: Mapping[str, Any] | None = field(default=None, repr=False)
    problem: str | None = None

    @property
    def open(self) -> bool:
        """Whether it goes on."""
        return self.ended is None

    @property
    def tests(self) -> list[dict[str, Any]]:
        """Its tests at the newest look, each with ``state`` and ``words``."""
        return list(self.view["tests"]) if self.view is not None else []

    @classmethod
    def from_json(
        cls, body: Mapping[str, Any], view: Mapping[str, Any] | None = None, problem: str | None = None
    ) -> Rollout:  # fmt: skip
        """Read what the API answers.

        Raises:
            ClientError: it is no rollout.
        """
        try:
            return cls(
                body["id"], body["version"], body["champion"], body["kind"],
                tuple(RolloutStep(each["share"], each["bake"], each["shadow"]) for each in body["steps"]),
                body["step"], body["share"], body["shadow"], body["since"], body["begun"], body["held"],
                body["ended"], body["outcome"], body["why"],
                tuple(
                    RolloutAct(each["time"], each["what"], each["step"], each["by"]["name"], each["by"]["how"],
                               each["why"])
                    for each in body["acts"]
                ),
                view, problem,
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise ClientError(f"an answer that is no rollout ({error}): is the server of another release?") from None
