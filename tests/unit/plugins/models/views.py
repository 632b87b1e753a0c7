"""Looks at a rollout, as a guard shows them."""

from __future__ import annotations

from typing import Any

from automl_core.models.rollout import View


def view(**more: Any) -> View:
    """A look at the first step of a rollout of version 2 of `churn`, a hundred seconds after its beginning."""
    given: dict[str, Any] = {
        "model": "churn", "rollout": 1, "kind": "steps", "version": 2, "champion": 1, "time": 1100.0, "begun": 1000.0,
        "step": 0, "steps": [{"share": 0.5, "bake": 60.0, "shadow": False}], "share": 0.5, "shadow": False,
        "since": 1000.0, "may_move_at": 1060.0, "held": False, "words": "version 2 answers 50 %", **more,
    }  # fmt: skip
    return View(**given)


def ended(outcome: str, why: str = "so it is", **more: Any) -> View:
    """The look at its end."""
    return view(ended=1100.0, outcome=outcome, why=why, **more)
