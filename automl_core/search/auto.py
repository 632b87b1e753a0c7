"""The automatic choice: looks at the experiment, picks an algorithm, and says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import ConfigDict

from automl_core.search import registry
from automl_core.search.base import Algorithm, Context, Decision, History, NewTrial, Options, Plan

UNLIMITED = 1_000_000
"""``trials.max`` at its highest: no limit is known."""

_MANY_TRIALS = 5000


class AnyOptions(Options):
    """Whatever the chosen algorithm takes; that one validates them."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Auto(Algorithm):
    """Chooses from the space, the number of trials, the concurrency and the budget, and delegates.

    ``search.options`` are those of the algorithm that is chosen.
    """

    name = "auto"
    summary = "chooses from the space, the number of trials, the concurrency and the budget"
    options_model = AnyOptions

    def __init__(self, context: Context) -> None:
        """Choose, and make what was chosen.

        Raises:
            ValueError: an option is wrong for the algorithm that was chosen.
        """
        super().__init__(replace(context, options={}))
        wish, self.reason = choose(context)
        known = registry.names()
        self.chosen = registry.create(next(n for n in (*wish, "random") if n in known), context)

    def plan(self) -> Plan:
        """The chosen algorithm's plan; the note says what was chosen and why."""
        plan = self.chosen.plan()
        note = f"auto chose {self.chosen.name}: {self.reason}"
        return replace(plan, note=f"{note} ({plan.note})" if plan.note else note)

    def proposals(self) -> int:
        """As many as the chosen algorithm."""
        return self.chosen.proposals()

    def propose(self, most: int | None = None) -> list[NewTrial]:
        """What the chosen algorithm proposes."""
        return self.chosen.propose(most)

    def suggest(self, history: History) -> Decision:
        """What the chosen algorithm suggests."""
        return self.chosen.suggest(history)

    def describe(self, history: History) -> dict[str, Any]:
        """The choice, and the chosen algorithm's state."""
        return {"chosen": self.chosen.name, "reason": self.reason, **self.chosen.describe(history)}


def choose(context: Context) -> tuple[tuple[str, ...], str]:
    """Names of suitable algorithms, best first, and the reason in words."""
    budget, trials = context.budget, context.max_trials
    if budget is not None and budget.max >= budget.factor * budget.min:
        return (
            ("mobster", "asha"),
            "a budget is given, so bad combinations can be given up early, and a model finds the better ones to start",
        )
    if trials >= UNLIMITED:
        return ("bayesian", "tpe", "sobol"), "a model makes the most of every trial"
    size = context.space.size(limit=trials)
    if size is not None:
        return ("grid",), f"trials.max ({trials}) covers the whole space ({size} combinations)"
    if context.concurrency >= trials:
        return ("sobol",), f"all {trials} trials run at once, so none can learn from another: even coverage"
    if trials > _MANY_TRIALS:
        return ("evolution", "sobol"), f"{trials} trials are more than a model of them all can take in"
    return (
        ("bayesian", "tpe", "sobol"),
        f"a model makes the most of {trials} trials, {context.concurrency} at a time",
    )
