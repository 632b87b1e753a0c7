"""Rollouts: how a version comes to its traffic beside the champion, step by step. Folded by `Life`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from automl_core.models.life.entities import Person

Kind = Literal["steps", "ab"]
"""``steps``: growing shares, the last 100 %. ``ab``: one share, held until one version is significantly better."""

PROMOTED, TAKEN_BACK, STOPPED = "promoted", "taken_back", "stopped"
"""What becomes of a rollout: its version is in use; it was taken back; or what it was compared with was."""


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of a rollout.

    Attributes:
        share: of the traffic, 0 to 1, that the challenger answers; in a shadow's step of the requests that it is asked
            as well, while the champion answers all of them.
        bake: least seconds in it; 0 in an A/B test, which has a longest time instead.
        shadow: whether the challenger's answers are logged, and not given.
    """

    share: float
    bake: float = 0.0
    shadow: bool = False


class RolloutAct(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that was done to a rollout.

    Attributes:
        time: when.
        what: ``begun``, ``step``, ``held``, ``released``, or the outcome.
        step: the index of the step since then.
        by: who.
        why: in words.
        seq: the record's place in the journal.
    """

    time: float
    what: str
    step: int
    by: Person
    why: str = ""
    seq: int = 0


class Rollout(msgspec.Struct, omit_defaults=True):
    """A version on its way to the traffic, or what became of it.

    Attributes:
        id: from 1, in the model.
        version: the challenger.
        champion: that answers beside it, and that it is compared with.
        kind: see `Kind`.
        steps: as they were when it began; what the model's file says later is for the next one.
        begun, by: when, by whom.
        step: the index of the step that it is in, from 0.
        moved: since when it is in it.
        held: whether it stays there until a person releases it or moves it: no program does. A safeguard takes it
            back all the same.
        ended: when; None while it is open.
        outcome: empty while it is open; ``promoted``, ``taken_back``, or ``stopped``: the champion was taken back.
        why: of its last act, in words.
        evidence: what the last act that told any rested on: the state of the tests, plain JSON.
        acts: all that was done to it, in order.
    """

    id: int
    version: int
    champion: int
    kind: Kind
    steps: list[Step]
    begun: float
    by: Person
    step: int = 0
    moved: float = 0.0
    held: bool = False
    ended: float | None = None
    outcome: str = ""
    why: str = ""
    evidence: dict[str, Any] = {}
    acts: list[RolloutAct] = []

    @property
    def open(self) -> bool:
        """Whether it goes on."""
        return self.ended is None

    @property
    def now(self) -> Step:
        """The step that it is in; after its end, that it was in."""
        return self.steps[self.step]

    @property
    def last(self) -> bool:
        """Whether it is in its last step."""
        return self.step == len(self.steps) - 1

    @property
    def shares(self) -> dict[int, float]:
        """Version → share of what is answered, while it is open; they add up to 1.

        The champion is among them with 0 where the challenger answers all: it stays ready. In a shadow's step the
        challenger is not: it answers nobody.
        """
        if self.now.shadow:
            return {self.champion: 1.0}
        return {self.champion: round(1.0 - self.now.share, 12), self.version: self.now.share}

    @property
    def shadow(self) -> dict[int, float]:
        """Version → share of the requests that it is asked as well, its answers not given; empty in any other step."""
        return {self.version: self.now.share} if self.now.shadow else {}

    @property
    def last_act(self) -> RolloutAct | None:
        """What was done to it last."""
        return self.acts[-1] if self.acts else None

    @property
    def ended_by(self) -> int | None:
        """The place in the journal of the record that ended it; None while it is open."""
        return self.acts[-1].seq if self.ended is not None else None

    @property
    def holder(self) -> RolloutAct | None:
        """The act by which it is held; None while it isn't."""
        return next((each for each in reversed(self.acts) if each.what == "held"), None) if self.held else None


def steps_problem(kind: str, steps: list[Step]) -> str:
    """What is wrong with the steps of a rollout; empty where nothing is.

    Args:
        kind: see `Kind`.
        steps: in order.
    """
    if kind not in ("steps", "ab"):
        return f"{kind!r} is no kind of rollout; allowed: steps, ab"
    given = [each.share for each in steps if not each.shadow]
    if any(not 0 < each.share <= 1 or not 0 <= each.bake < float("inf") for each in steps):
        return "a step has a share above 0 and of at most 1, and a time of at least 0 s"
    if any(each.shadow for each in steps[1:]):
        return "a shadow comes before all other steps"
    if kind == "ab":
        return "" if len(given) == 1 and given[0] < 1 else "an A/B test has one share, below 100 %"
    if not given or given[-1] != 1:
        return "the last step is 100 %"
    return "" if given == sorted(set(given)) else "the shares of the steps grow"
