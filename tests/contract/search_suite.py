"""What the contract of search algorithms is tried on: spaces of every kind, outcomes of every kind, a simulated run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from automl_core.search import (
    Algorithm,
    BudgetRange,
    Context,
    Decision,
    Exhausted,
    NewTrial,
    PastTrial,
    Promote,
    Wait,
    create,
)
from automl_core.search.base import rng_for
from automl_core.search.pareto import Point, with_places
from automl_core.space import Params, Space
from automl_core.spec.parameters import Parameter
from automl_core.spec.relations import check_space
from automl_core.states import TrialState

SPACES: dict[str, dict[str, Any]] = {
    "mixed": {
        "lr": {"type": "loguniform", "low": 1e-4, "high": 1e-1},
        "units": {"type": "logint", "low": 16, "high": 256, "multiple_of": 16},
        "solver": {"type": "choice", "values": ["adam", "sgd", None, True, 3]},
        "momentum": {"type": "uniform", "low": 0, "high": 0.99, "when": {"solver": ["sgd"]}},
        "seed": {"type": "fixed", "value": 7},
    },
    "nested": {
        "model": {
            "type": "choice",
            "values": [
                {
                    "value": "svm",
                    "space": {
                        "kernel": {
                            "type": "choice",
                            "values": [
                                "linear",
                                {"value": "rbf", "space": {"gamma": {"type": "loguniform", "low": 1e-5, "high": 1}}},
                            ],
                        },
                        "C": {"type": "loguniform", "low": 0.01, "high": 100},
                    },
                },
                {"value": "forest", "space": {"trees": {"type": "int", "low": 10, "high": 500}}},
                "constant",
            ],
        }
    },
    "conditional_chain": {
        "depth": {"type": "int", "low": 1, "high": 3},
        "width_2": {"type": "int", "low": 4, "high": 64, "when": {"depth": [2, 3]}},
        "width_3": {"type": "int", "low": 4, "high": 64, "when": {"depth": [3]}},
    },
    "integer": {"a": {"type": "int", "low": -5, "high": 5}, "b": {"type": "randint", "low": 0, "high": 9}},
    "log": {"a": {"type": "loguniform", "low": 1e-12, "high": 1e6}, "b": {"type": "logint", "low": 1, "high": 100000}},
    "weights": {
        "a": {"type": "choice", "values": ["x", "y", "z", "never"], "weights": [5, 2, 1, 0]},
        "b": {"type": "uniform", "low": -1, "high": 1},
    },
    "rounding": {
        "batch": {"type": "int", "low": 8, "high": 512, "power_of": 2},
        "units": {"type": "int", "low": 32, "high": 320, "multiple_of": 32},
        "dropout": {"type": "quniform", "low": 0.03, "high": 0.52, "q": 0.1},
        "rate": {"type": "qloguniform", "low": 1, "high": 1000, "q": 5},
    },
    "bounds": {
        "low": {"type": "int", "low": 1, "high": 20},
        "high": {"type": "int", "low": 1, "high": 40, "at_least": "low"},
        "inner": {"type": "uniform", "low": 0, "high": 40, "at_most": "high"},
    },
    "strict": {
        "crop_min": {"type": "int", "low": 32, "high": 1332},
        "crop_max": {"type": "int", "low": 32, "high": 1333, "above": "crop_min"},
        "hue": {"type": "uniform", "low": 0, "high": 0.5, "above": 0},
        "inner": {"type": "uniform", "low": -5, "high": 0.5, "below": "hue"},
        "width": {"type": "int", "low": 16, "high": 2048, "power_of": 2, "above": "crop_max"},
    },
    "between": {
        "a": {"type": "uniform", "low": 0, "high": 10},
        "b": {"type": "int", "low": 0, "high": 10},
        "x": {"type": "int", "low": 0, "high": 10, "at_least": "a", "at_most": "b"},
        "y": {"type": "loguniform", "low": 0.1, "high": 20, "at_least": "x", "at_most": "z"},
        "z": {"type": "uniform", "low": 5, "high": 30},
    },
    "expressions": {
        "queries": {"type": "int", "low": 10, "high": 900, "multiple_of": 10, "default": 300},
        "classes": {"type": "ordinal", "values": [2, 5, 91]},
        "select": {"type": "int", "low": 1, "high": 900, "at_most": "min(queries, queries * classes - 1)"},
        "batch": {"type": "int", "low": 2, "high": 512, "power_of": 2, "below": "max(select, 8) * 2 + 1"},
        "share": {"type": "loguniform", "low": 1e-4, "high": 1, "at_least": "1 / (select + batch)", "at_most": "1.01"},
    },
    "fine_grids": {
        "bytes": {"type": "int", "low": 0, "high": 68719476736, "multiple_of": 4096},
        "rate": {"type": "uniform", "low": 0, "high": 1000, "multiple_of": 0.00001},
        "size": {"type": "logint", "low": 4096, "high": 68719476736, "multiple_of": 4096},
    },
    "extreme": {
        "seed": {"type": "int", "low": -(2**53), "high": 2**53},
        "far": {"type": "uniform", "low": -1.7e308, "high": 1.7e308},
        "tiny": {"type": "loguniform", "low": 5e-324, "high": 1.7e308},
        "power": {"type": "loguniform", "low": 1e-300, "high": 1e300, "power_of": 100000000000},
        "spread": {"type": "lognormal", "mu": 0, "sigma": 100},
    },
    "normals": {
        "a": {"type": "normal", "mu": 0, "sigma": 2},
        "b": {"type": "lognormal", "mu": 1, "sigma": 0.5},
        "c": {"type": "qnormal", "mu": 10, "sigma": 4, "q": 1},
        "d": {"type": "qlognormal", "mu": 2, "sigma": 1, "q": 0.5},
    },
    "subsets": {
        "features": {"type": "subset", "values": [f"f{i}" for i in range(12)], "min": 2, "max": 4},
        "losses": {"type": "subset", "values": ["l1", "dice", True, 1], "weights": [4, 1, 1, 0]},
        "gamma": {"type": "uniform", "low": 0, "high": 5, "when": {"losses": ["dice", "l1"]}},
        "depth": {"type": "int", "low": 1, "high": 9, "when": {"features": ["f0"]}},
        "shape": {"type": "fixed", "value": [3, 3]},
    },
    "sorted_lists": {
        "epochs": {"type": "int", "low": 5, "high": 40},
        "milestones": {
            "type": "sorted_list",
            "low": 1,
            "high": 40,
            "min_length": 1,
            "max_length": 4,
            "whole": True,
            "at_most": "epochs",
        },
        "scales": {"type": "sorted_list", "low": 0.01, "high": 10, "length": 3, "log": True},
        "sizes": {"type": "sorted_list", "low": 32, "high": 512, "length": 2, "multiple_of": 32, "distinct": False},
        "rates": {"type": "sorted_list", "low": 0, "high": 1, "min_length": 0, "max_length": 2, "multiple_of": 0.125},
    },
    "ordered": {
        "size": {
            "type": "ordinal",
            "values": [
                "tiny",
                {"value": "large", "space": {"drop": {"type": "uniform", "low": 0, "high": 1}}},
                "huge",
                "never",
            ],
            "weights": [3, 2, 1, 0],
        },
        "batch": {"type": "ordinal", "values": [8, 16, 64, 512]},
        "accumulated": {"type": "int", "low": 1, "high": 512, "at_most": "batch"},
        "layers": {"type": "sorted_list", "low": 1, "high": 9, "length": 2, "whole": True, "when": {"size": ["huge"]}},
    },
    "small_lists": {
        "a": {"type": "subset", "values": ["x", "y", "z"], "max": 2},
        "b": {"type": "sorted_list", "low": 1, "high": 3, "min_length": 1, "max_length": 2, "whole": True},
        "c": {"type": "ordinal", "values": [0, 1], "when": {"a": ["x"]}},
    },
    "one_point": {"a": {"type": "fixed", "value": 1}, "b": {"type": "choice", "values": ["only"]}},
    "small": {"a": {"type": "choice", "values": [1, 2, 3]}, "b": {"type": "int", "low": 0, "high": 3}},
    "wide": {f"x{i}": {"type": "uniform", "low": 0, "high": 1} for i in range(100)},
    "many_categories": {
        "a": {"type": "choice", "values": [f"v{i}" for i in range(10_000)]},
        "b": {"type": "uniform", "low": 0, "high": 1},
    },
}
"""Name → the mapping under ``space:`` of an experiment file."""

OPTIONS: dict[str, dict[str, Any]] = {"grid": {"resolution": 4}}
"""Options that an algorithm can't do without on these spaces."""

BUDGET = BudgetRange(min=1, max=9, factor=3)


_PARAMETERS = TypeAdapter(dict[str, Parameter])  # to make one takes longer than most of what is tried with it


def build(mapping: dict[str, Any]) -> Space:
    """The run-time space of a mapping as in a file."""
    models = _PARAMETERS.validate_python(mapping)
    check_space(models)
    return Space.from_models(models)


def make(name: str, space: str | dict[str, Any] = "mixed", max_trials: int = 14, **changes: Any) -> Algorithm:
    """An algorithm on one of the spaces; ``name`` may end in ``+budget`` (auto with a budget to spread)."""
    from automl_core.search.registry import algorithm_class

    base = name.removesuffix("+budget")
    wants_budget = algorithm_class(base).uses_budget or base != name
    context = Context(
        space=build(SPACES[space] if isinstance(space, str) else space),
        max_trials=max_trials,
        budget=BUDGET if wants_budget else None,
        options=OPTIONS.get(base, {}),
    )
    return create(base, replace(context, **changes))


def smooth(params: Params, budget: int | None) -> float:
    """A loss that depends on every parameter and falls with the budget."""
    total = 0.0
    for name, value in sorted(params.items()):
        number = value if isinstance(value, int | float) else sum(map(ord, str(value))) % 7
        total += math.sin(len(name) + 0.1 * math.copysign(math.log1p(abs(number)), number)) ** 2
    return total + (1.0 / budget if budget else 0.0)


def two_goals(params: Params, budget: int | None) -> Point:
    """Two losses that pull apart, and a constraint that some combinations break."""
    near, far = smooth(params, budget), sum(map(len, map(str, params.values()))) / 50
    return Point((near, far - 0.5 * near), (near - 1.5,))


def one_limited(params: Params, budget: int | None) -> Point:
    """One loss, and two constraints."""
    loss = smooth(params, budget)
    return Point((loss,), (0.8 - loss, loss - 2.0))


def all_infeasible(params: Params, budget: int | None) -> Point:
    """Nothing ever satisfies the constraint, and half of it was never measured."""
    loss = smooth(params, budget)
    return Point((loss, -loss), (0.1 + loss if loss < 1 else math.nan,))


def one_point_of_all(params: Params, budget: int | None) -> Point:
    """Every trial is worth the same."""
    return Point((1.0, 2.0, 3.0), ())


def extreme(params: Params, budget: int | None) -> Point:
    """Values over 300 orders of magnitude."""
    loss = smooth(params, budget)
    return Point((10.0 ** (300 * (loss % 1) - 150), -1.7e308 * (loss % 1), 1.7e308 * loss / (1 + loss), loss), (loss,))


GOALS: dict[str, tuple[Callable[[Params, int | None], Point], dict[str, Any]]] = {
    "two_goals": (two_goals, {"objectives": 2, "constraints": 1}),
    "two_goals_with_reference": (two_goals, {"objectives": 2, "constraints": 1, "reference": (2.0, None)}),
    "one_limited": (one_limited, {"constraints": 2}),
    "all_infeasible": (all_infeasible, {"objectives": 2, "constraints": 1}),
    "one_point_of_all": (one_point_of_all, {"objectives": 3}),
    "extreme": (extreme, {"objectives": 4, "constraints": 1}),
}
"""What isn't one value → what a combination is worth, and what the context says of it."""


Outcome = Callable[[PastTrial, int | None], "tuple[TrialState, float | None]"]
"""What becomes of a piece of work: its state and its loss."""


def good(trial: PastTrial, budget: int | None) -> tuple[TrialState, float | None]:
    """Every training succeeds."""
    return TrialState.SUCCEEDED, smooth(trial.params, budget)


def eventful(trial: PastTrial, budget: int | None) -> tuple[TrialState, float | None]:
    """Some trials fail, some are stopped early, some are cancelled."""
    loss = smooth(trial.params, budget)
    return {
        1: (TrialState.FAILED, None),
        4: (TrialState.EARLY_STOPPED, loss),
        6: (TrialState.USER_CANCELED, None),
    }.get(trial.number % 8, (TrialState.SUCCEEDED, loss))


def _always(state: TrialState, losses: Callable[[int], float | None]) -> Outcome:
    return lambda trial, _budget: (state, losses(trial.number))


OUTCOMES: dict[str, Outcome] = {
    "eventful": eventful,
    "all_fail": _always(TrialState.FAILED, lambda _: None),
    "all_stopped_early": lambda trial, budget: (TrialState.EARLY_STOPPED, smooth(trial.params, budget)),
    "all_equal": _always(TrialState.SUCCEEDED, lambda _: 0.25),
    "300_orders": _always(TrialState.SUCCEEDED, lambda n: (-1) ** n * 10.0 ** ((n * 67) % 301 - 150)),
    "largest_floats": _always(TrialState.SUCCEEDED, lambda n: (-1) ** n * 1.7e308),
    "nan_and_inf": _always(TrialState.SUCCEEDED, lambda n: [math.nan, math.inf, -math.inf, 0.5][n % 4]),
    "nan_only": _always(TrialState.SUCCEEDED, lambda _: math.nan),
    "succeeded_without_value": _always(TrialState.SUCCEEDED, lambda _: None),
}


@dataclass
class Simulation:
    """An experiment in memory: hands out an algorithm's decisions to so many workers and finishes them.

    Attributes:
        algorithm: under test.
        outcome: what becomes of each piece of work.
        worth: what a trial with a value reached, where one loss doesn't say all.
        workers: pieces of work at a time.
        decisions: everything that was handed out, in order.
    """

    algorithm: Algorithm
    outcome: Outcome = good
    workers: int = 1
    worth: Callable[[Params, int | None], Point] | None = None
    reached: list[dict[int, Point]] = field(default_factory=list)
    trials: list[PastTrial] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    end: Decision | None = None

    def bind(self, decision: NewTrial | Promote) -> None:
        """Start what was handed out."""
        self.decisions.append(decision)
        if isinstance(decision, NewTrial):
            number = len(self.trials)
            self.reached.append({})
            self.trials.append(
                PastTrial(
                    number=number,
                    params=decision.params,
                    state=TrialState.RUNNING,
                    budget=decision.budget,
                    bracket=decision.bracket,
                    rung=decision.rung,
                    parent=decision.parent,
                )
            )
        else:
            number = decision.trial
            self.trials[number] = replace(
                self.trials[number],
                state=TrialState.RUNNING,
                budget=decision.budget,
                bracket=decision.bracket,
                rung=decision.rung,
            )
        self.running.append(number)

    def finish(self, number: int) -> None:
        """End a running piece of work as the outcome says."""
        self.running.remove(number)
        trial = self.trials[number]
        state, loss = self.outcome(trial, trial.budget)
        losses_at = dict(trial.losses_at)
        curve = trial.curve
        if trial.budget is not None and loss is not None and state is TrialState.SUCCEEDED:
            losses_at[trial.budget] = loss
            curve = (*curve, (trial.budget, loss))
        self.trials[number] = replace(
            trial, state=state, loss=loss if state.has_value else None, losses_at=losses_at, curve=curve
        )
        if self.worth is not None and loss is not None and state.has_value:
            point = self.worth(trial.params, trial.budget)
            self.trials[number] = replace(
                self.trials[number], objectives=point.objectives, constraints=point.constraints
            )
            if trial.budget is not None and state is TrialState.SUCCEEDED:
                self.reached[number][trial.budget] = point

    @property
    def history(self) -> tuple[PastTrial, ...]:
        """The trials as the algorithm sees them."""
        return tuple(self.trials if self.worth is None else with_places(self.trials, self.reached))

    def ask(self) -> Decision:
        """One decision, bound when it is work."""
        decision = self.algorithm.suggest(self.history)
        if isinstance(decision, NewTrial | Promote):
            self.bind(decision)
        return decision

    def run(self, most: int = 500, trials: int | None = None) -> Simulation:
        """Run to the end: until the algorithm says Exhausted, or so many trials were handed out, and nothing runs.

        Raises:
            AssertionError: it waits for nothing, or it never ends.
        """
        order = rng_for(0, "order of ends")
        for _ in range(most):
            while len(self.running) < self.workers and (trials is None or len(self.trials) < trials):
                decision = self.ask()
                if isinstance(decision, Wait):
                    assert self.running, f"waits with nothing running: {decision.reason}"
                    break
                if isinstance(decision, Exhausted):
                    self.end = decision
                    break
            if not self.running:
                assert self.end is not None or trials is not None
                return self
            self.finish(order.choice(self.running))
        raise AssertionError(f"not at its end after {most} pieces of work")
