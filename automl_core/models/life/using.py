"""The acts that change what answers: rollouts, putting in use, taking back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from automl_core.models.life.acting import Acting, by_json
from automl_core.models.life.entities import Person, Shares, VersionState
from automl_core.models.life.life import Life
from automl_core.models.life.rollouts import Kind, Rollout, Step


class Using(Acting):
    """What of `ModelLife` changes what answers."""

    def put_in_use(
        self, version: int, by: Person, why: str = "", evidence: Mapping[str, Any] | None = None
    ) -> Shares:  # fmt: skip
        """Have a version answer from now on, in place of the champion; where it is rolling out, that is its end.

        Args:
            version: which.
            by: who. What a person holds, only a person puts in use.
            why: in words.
            evidence: what the promotion of a rollout rests on, plain JSON.

        Raises:
            Refused: nobody has accepted it on its newest evidence, or another champion is there since: evaluate again;
                or its rollout is held.
            RolloutOpen: another version is being rolled out.
            NoSuchVersion: there is none.
        """

        def done(life: Life) -> bool:
            return life.version(version).state is VersionState.IN_USE and life.champion == version

        self._act("in_use", {"version": version, "by": by_json(by), "why": why, **_kept(evidence)}, done=done)
        return self.state.shares[-1]

    def take_back(
        self, version: int, by: Person, why: str, to: int | None = None, evidence: Mapping[str, Any] | None = None
    ) -> Shares:
        """Take a version back: the champion before it answers again, or none where there is none.

        A version that is rolling out is taken back to its champion, held or not. Where the champion is taken back while
        another version is rolling out, that rollout is stopped: its version was compared with what is gone.

        Args:
            version: which.
            by: who.
            why: in words.
            to: which version answers instead; one that was in use and was replaced.
            evidence: what it rests on, plain JSON; kept with a rollout that it ends.

        Raises:
            Refused: it answers nobody, or the other can't answer.
            NoSuchVersion: there is none.
        """
        data: dict[str, Any] = {"version": version, "by": by_json(by), "why": why, "to": to, **_kept(evidence)}

        def fill(life: Life) -> None:
            rolling = life.version(version).state is VersionState.ROLLING_OUT
            before = life.champion if rolling else life.previous_champion(version)
            data["to"] = to if to is not None else before

        def done(life: Life) -> bool:
            found, last = life.version(version), life.shares[-1] if life.shares else None
            taken = found.state is VersionState.TAKEN_BACK and found.note == why
            return taken and last is not None and last.cause == "taken_back" and last.by == by

        self._act("taken_back", data, done=done, fill=fill)
        return self.state.shares[-1]

    def begin_rollout(
        self, version: int, by: Person, steps: Sequence[Step], kind: Kind = "steps", why: str = ""
    ) -> Rollout:
        """Have a version answer beside the champion, in the first of some steps.

        Begun again while it is open, it is the same rollout, in the steps that it has.

        Args:
            version: which: accepted on evidence against today's champion.
            by: who.
            steps: what it goes through; `automl_core.models.file.options.rollout_steps` has those of a file.
            kind: growing shares, or an A/B test.
            why: in words.

        Raises:
            RolloutOpen: another version is being rolled out.
            Refused: nobody has accepted it on its newest evidence, or another champion is there since: evaluate again;
                nothing is in use: put it in use; or the steps are none.
            NoSuchVersion: there is none.
        """
        data: dict[str, Any] = {
            "version": version, "kind": kind, "steps": msgspec.to_builtins(list(steps)), "by": by_json(by), "why": why
        }  # fmt: skip

        def fill(life: Life) -> None:
            data["id"], data["champion"] = len(life.rollouts) + 1, life.champion

        def done(life: Life) -> bool:
            return life.rollout is not None and life.rollout.version == version

        self._act("rollout_begun", data, done=done, fill=fill)
        rollout = self.state.rollout
        assert rollout is not None
        return rollout

    def step_rollout(
        self, id: int, step: int, by: Person, why: str = "", evidence: Mapping[str, Any] | None = None, *,
        expected: int | None = None,
    ) -> Rollout:  # fmt: skip
        """Move a rollout to one of its steps, back as well. One that is in it already stays, and nothing is written.

        Args:
            id: which.
            step: its index, from 0.
            by: who. What a person holds, only a person moves.
            why: in words.
            evidence: what it rests on, plain JSON.
            expected: the step that it must be in: whoever decides by what was measured there says so, and is refused
                where somebody has moved it meanwhile.

        Raises:
            Refused: there is none, it is over, it has no such step, it is held, or it is in another one than expected.
        """
        data: dict[str, Any] = {"id": id, "step": step, "by": by_json(by), "why": why, **_kept(evidence)}
        if expected is not None:
            data["expected"] = expected

        def done(life: Life) -> bool:
            found = life.rollouts.get(id)
            return found is not None and found.open and found.step == step

        self._act("rollout_step", data, done=done)
        return self.state.rollouts[id]

    def hold_rollout(self, id: int, held: bool, by: Person, why: str = "") -> Rollout:
        """Keep a rollout in its step until it is released; or release it.

        Its safeguard takes it back all the same, and so may anybody.

        Args:
            id: which.
            held: whether it stays.
            by: who.
            why: in words.

        Raises:
            Refused: there is none, or it is over.
        """

        def done(life: Life) -> bool:
            found = life.rollouts.get(id)
            if found is None or not found.open or found.held != held:
                return False
            return not held or not why or found.holder is None or found.holder.why == why  # a new reason is heard

        self._act("rollout_held", {"id": id, "held": held, "by": by_json(by), "why": why}, done=done)
        return self.state.rollouts[id]


def _kept(evidence: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"evidence": msgspec.to_builtins(dict(evidence))} if evidence else {}
