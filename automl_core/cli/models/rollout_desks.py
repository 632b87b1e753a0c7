"""What the desks of a model have for its rollouts: on the bucket, and by the Airflow that has it.

Whoever acts names the rollout and the step that they saw: where somebody was faster, they are told.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from automl_core.cli.places import UserError

if TYPE_CHECKING:
    from automl_core.client.model import Model
    from automl_core.models.life import ModelLife, Person


class RolloutDesk(Protocol):
    """Rollouts of a model, from here or by a server."""

    def rollout(self, number: int | None) -> dict[str, Any]:
        """One of them, the newest for None: ``rollout``, the ``view`` of its tests, and why that can't be told."""

    def step(self, found: Mapping[str, Any], to: int, why: str) -> str:
        """Move the rollout that was seen to a step; what happened, in words."""

    def promote(self, found: Mapping[str, Any], why: str) -> str:
        """Put the version of the rollout that was seen in use; what happened, in words."""

    def hold(self, found: Mapping[str, Any], why: str, *, holds: bool) -> str:
        """Hold the rollout that was seen, or release it; what happened, in words."""


class RolloutsHere(ABC):
    """On the bucket."""

    name: str

    @property
    @abstractmethod
    def life(self) -> ModelLife:
        """Its journal."""

    @abstractmethod
    def who(self) -> Person:
        """Who acts."""

    def rollout(self, number: int | None) -> dict[str, Any]:
        """See `RolloutDesk.rollout`."""
        import time

        from automl_core.models import rollout_views
        from automl_core.models.rollout import read_view

        state = self.life.state
        number = len(state.rollouts) if number is None else number
        found = state.rollouts.get(number)
        if found is None:
            if number:
                raise UserError(f"{self.name} has no rollout {number}; it has had {len(state.rollouts)}")
            return {"model": self.name, "rollout": None, "view": None, "problem": None}
        view, problem = None, None
        try:
            view = read_view(self.life.store, self.name, number)
        except ValueError as error:  # of a later release, say: what the journal has is told all the same
            problem = str(error)
        told = rollout_views.rollout(found)
        problem = problem or rollout_views.unguarded(told, view, time.time())
        return {"model": self.name, "rollout": told, "view": view, "problem": problem}

    def step(self, found: Mapping[str, Any], to: int, why: str) -> str:
        """See `RolloutDesk.step`."""
        from automl_core.models.life.rollout_words import step_words

        moved = self.life.step_rollout(found["id"], to, self.who(), why, expected=found["step"])
        held = ", and held there" if moved.held else ""
        return f"version {moved.version} is at {step_words(moved.now)}{held}"

    def promote(self, found: Mapping[str, Any], why: str) -> str:
        """See `RolloutDesk.promote`."""
        self.life.put_in_use(found["version"], self.who(), why)
        return f"version {found['version']} is in use"

    def hold(self, found: Mapping[str, Any], why: str, *, holds: bool) -> str:
        """See `RolloutDesk.hold`."""
        from automl_core.models.life.rollout_words import step_words

        held = self.life.hold_rollout(found["id"], holds, self.who(), why)
        return f"version {held.version} {'is held' if holds else 'goes on by itself'} at {step_words(held.now)}"


class RolloutsThere:
    """By the Airflow that has it."""

    model: Model

    def rollout(self, number: int | None) -> dict[str, Any]:
        """See `RolloutDesk.rollout`."""
        if number is None:
            rows = self.model.get("rollouts", limit=1)["rollouts"]
            if not rows:
                return {"model": self.model.name, "rollout": None, "view": None, "problem": None}
            number = int(rows[0]["id"])
        return self.model.get(f"rollouts/{number}")

    def step(self, found: Mapping[str, Any], to: int, why: str) -> str:
        """See `RolloutDesk.step`."""
        return self._act("step", found, why, to=to)

    def promote(self, found: Mapping[str, Any], why: str) -> str:
        """See `RolloutDesk.promote`."""
        return self._act("promote", found, why)

    def hold(self, found: Mapping[str, Any], why: str, *, holds: bool) -> str:
        """See `RolloutDesk.hold`."""
        return self._act("hold" if holds else "release", found, why)

    def _act(self, what: str, found: Mapping[str, Any], why: str, **more: Any) -> str:
        body = {"rollout": found["id"], "step": found["step"], "why": why, **more}
        return str(self.model.act(f"rollout/{what}", body)["text"])
