"""The search from Python, without Airflow: the same algorithms, a history in memory."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from automl_core.extras import needed_by
from automl_core.search import BudgetRange, Context, Exhausted, History, NewTrial, PastTrial, Wait, create
from automl_core.search.auto import UNLIMITED
from automl_core.search.earlier import Incompatible, as_history, translate
from automl_core.search.outcomes import Result, counted, finished, losses_at
from automl_core.search.pareto import Point, front, knee, with_places
from automl_core.space import Params, Space, Value
from automl_core.spec.goal import MOST_OBJECTIVES, Constraint, Direction
from automl_core.spec.models import Budget
from automl_core.spec.parameters import Parameter
from automl_core.spec.relations import check_space
from automl_core.states import TrialState


@dataclass(frozen=True, slots=True)
class Trial:
    """Work to do: train a combination, up to a budget where there is one.

    Attributes:
        number: from 0; a promoted trial keeps its number.
        params: the combination, active parameters only.
        budget: how far to train it in total, None without budgets.
        resume_from: the budget up to which its checkpoint is trained already, None when it starts anew.
        parent: number of the trial whose checkpoint that is: its own when it is promoted, another's with PBT.
        note: why it was chosen, in a few words.
    """

    number: int
    params: Params = field(hash=False)
    budget: int | None = None
    resume_from: int | None = None
    parent: int | None = None
    note: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class _Told(Result):
    """A result with what it reached where one loss doesn't say all, None for a failure."""

    point: Point | None = None


_FINALS = ("best", "last")


class Optimizer:
    """Asks for combinations, is told results.

    Example:
        >>> optimizer = Optimizer({"x": {"type": "uniform", "low": -1, "high": 1}}, max_trials=20)
        >>> while (trial := optimizer.ask()) is not None:
        ...     optimizer.tell(trial, trial.params["x"] ** 2)
        >>> round(abs(optimizer.best.params["x"]), 1)
        0.0
    """

    def __init__(
        self,
        space: Mapping[str, Any],
        goal: Direction | Sequence[Direction] = "minimize",
        algorithm: str = "auto",
        seed: int = 0,
        *,
        max_trials: int | None = None,
        concurrency: int = 1,
        budget: Mapping[str, Any] | None = None,
        constraints: Mapping[str, Mapping[str, float]] | None = None,
        reference: Sequence[float | None] = (),
        warm_start: Sequence[Mapping[str, Value]] = (),
        earlier: Sequence[Sequence[tuple[Mapping[str, Value], float]]] = (),
        final: str = "best",
        **options: Any,
    ) -> None:
        """Make the search.

        Args:
            space: the mapping under ``space:`` of an experiment file.
            goal: whether a lower or a higher value is better; for several objectives one of these each, two to four:
                ``["maximize", "minimize"]``.
            algorithm: a name as in ``search.algorithm``.
            seed: same seed, same results told: same combinations.
            max_trials: combinations at most; None sets no limit.
            concurrency: trials that will run at the same time; a hint to the algorithm.
            budget: as ``trials.budget`` in a file: ``{"min": 1, "max": 27, "factor": 3}``.
            constraints: name → ``{"max": 20}`` or ``{"min": 0.8}``: what is told under that name must be at most, or
                at least, this for a trial to be a solution.
            reference: with several objectives the worst value of each that still counts, None where there is none.
            warm_start: combinations to try first, as ``search.warm_start`` in a file.
            earlier: (combination, value) pairs of earlier experiments with the same goal, a sequence each: the search
                learns from them as far as they agree with today's trials. Combinations outside of today's space are
                left out (see `automl_core.search.earlier.translate`).
            final: which of a trial's periodical values counts, ``best`` or ``last``; see ``goal.final`` in a file.
            **options: options of the algorithm, as ``search.options`` in a file.

        Raises:
            ValueError: names the field, what was found and what is allowed.
        """
        self._signs = _signs(goal)
        if len(reference) not in (0, len(self._signs)):
            raise ValueError(f"reference: found {len(reference)} values; the goal has {len(self._signs)}")
        if final not in _FINALS:
            raise ValueError(f"final: found {final!r}; allowed: {', '.join(_FINALS)}")
        if max_trials is not None and not 1 <= max_trials <= UNLIMITED:
            raise ValueError(f"max_trials: found {max_trials!r}; allowed: 1 to {UNLIMITED}, or None")
        models = _validated(dict[str, Parameter], dict(space), "space")
        if not models:
            raise ValueError("space: at least one parameter is needed")
        check_space(models)
        spread = None if budget is None else _validated(Budget, dict(budget), "budget")
        self.goal = goal
        self._final = final
        self._limits = {
            name: _validated(Constraint, {**limit, "metric": name}, f"constraints.{name}")
            for name, limit in (constraints or {}).items()
        }
        self.space = Space.from_models(models)
        self.algorithm = create(
            algorithm,
            Context(
                space=self.space,
                max_trials=max_trials or UNLIMITED,
                concurrency=concurrency,
                seed=seed,
                budget=None if spread is None else BudgetRange(spread.min, spread.max, spread.factor),
                options=options,
                warm_start=tuple(dict(params) for params in warm_start),
                final=final,
                objectives=len(self._signs),
                constraints=len(self._limits),
                reference=tuple(
                    None if worst is None else sign * worst for sign, worst in zip(self._signs, reference, strict=False)
                ),
                earlier=self._histories(earlier),
            ),
        )
        self.reason = ""
        """Why the last `ask` handed out nothing, else empty."""
        self.exhausted = False
        """Whether nothing will be handed out any more, whatever is told."""
        self._history: list[PastTrial] = []
        self._results: list[list[_Told]] = []

    def _histories(self, earlier: Sequence[Sequence[tuple[Mapping[str, Value], float]]]) -> tuple[History, ...]:
        sign, found = self._signs[0], []
        if earlier and len(self._signs) > 1:
            raise ValueError("earlier: observations of earlier experiments have one value; the goal has several")
        for index, observations in enumerate(earlier):
            try:
                fitting = translate(self.space, [(params, sign * float(value)) for params, value in observations])
            except Incompatible as error:
                raise ValueError(f"earlier[{index}] can't be used: {error}") from None
            found.append(as_history(fitting.observations))
        return tuple(found)

    def ask(self) -> Trial | None:
        """The next piece of work, or None when there is nothing to hand out now.

        After None, `exhausted` and `reason` say whether to end or to tell a running trial's result first.
        """
        with needed_by(f"the search algorithm {self.algorithm.name}"):
            decision = self.algorithm.suggest(self.trials)
        if isinstance(decision, Wait | Exhausted):
            self.reason, self.exhausted = decision.reason, isinstance(decision, Exhausted)
            return None
        self.reason, self.exhausted = "", False
        if isinstance(decision, NewTrial):
            number, parent = len(self._history), decision.parent
            self._results.append([])
            self._history.append(
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
            number = parent = decision.trial
            self._history[number] = replace(
                self._history[number],
                state=TrialState.RUNNING,
                budget=decision.budget,
                bracket=decision.bracket,
                rung=decision.rung,
            )
        trained = max(self._history[parent].losses_at, default=None) if parent is not None else None
        params = copy.deepcopy(self._history[number].params)  # what its owner does to it is no history
        return Trial(number, params, decision.budget, trained, parent, decision.note)

    def tell(
        self,
        trial: Trial | int,
        value: float | Sequence[float] | None = None,
        values: Mapping[float, float] | None = None,
        failed: bool = False,
        stopped_early: bool = False,
        constraints: Mapping[str, float] | None = None,
    ) -> None:
        """Take the result of a trial that was asked for.

        Args:
            trial: what `ask` gave, or its number.
            value: the final value, with several objectives one value each; left out, the best of ``values``, or the
                last (``final``).
            values: step (whole or a fraction) → value, the periodical values of this piece of work; with one objective
                only.
            failed: the training failed; so it has when a value is not finite.
            stopped_early: it was ended before its budget, which it then has not finished; its value is the trial's
                where the trial has finished no budget.
            constraints: name → what was measured, of every constraint; NaN where nothing was, which counts as not
                satisfied.

        Raises:
            ValueError: the trial isn't running, there is neither a value nor a failure, or values or constraints
                are not as many as the search was made with.
        """
        number = trial if isinstance(trial, int) else trial.number
        if not 0 <= number < len(self._history):
            raise ValueError(f"there is no trial {number}; {len(self._history)} were asked for")
        past = self._history[number]
        if past.state.ended:
            raise ValueError(f"trial {number} is not running: its result was told already")
        sign = self._signs[0]
        if values and len(self._signs) > 1:
            raise ValueError(f"trial {number}: values has one value a step, the goal has {len(self._signs)}")
        curve = dict(past.curve)
        curve.update((_step(step), sign * float(v)) for step, v in (values or {}).items() if math.isfinite(v))
        if value is None and values:
            finite = {step: sign * float(v) for step, v in values.items() if math.isfinite(v)}
            those = [finite[max(finite)]] if finite and self._final == "last" else list(finite.values())
            value = sign * min(those, default=math.nan)
        if value is None and not failed:
            raise ValueError(f"trial {number}: give a value, or failed=True")
        losses = () if value is None else self._losses(number, value)
        point = None
        if losses and not failed and all(map(math.isfinite, losses)):
            point = Point(losses, self._excess(number, constraints or {}))
        state = TrialState.FAILED
        if point is not None:
            state = TrialState.EARLY_STOPPED if stopped_early else TrialState.SUCCEEDED
        results = self._results[number]
        results.append(_Told(state, past.budget, None if point is None else losses[0], point))
        counts = counted(results)
        told = replace(
            past,
            state=state,
            loss=None if counts is None else counts.counts,
            losses_at=losses_at(results),
            curve=tuple(sorted(curve.items())),
        )
        if counts is not None and counts.point is not None and not self.algorithm.context.plain:
            told = replace(told, objectives=counts.point.objectives, constraints=counts.point.constraints)
        self._history[number] = told

    @property
    def trials(self) -> tuple[PastTrial, ...]:
        """Every trial so far, as the algorithm sees it: losses, lower is better.

        With several objectives or with constraints a loss is a place among all trials, from 0, and the losses of the
        objectives stand in ``objectives``.
        """
        if self.algorithm.context.plain:
            return tuple(self._history)
        reached = [
            {each.budget: each.point for each in results if each.point and each.budget is not None and finished(each)}
            for results in self._results
        ]
        return tuple(with_places(self._history, reached))

    @property
    def best(self) -> PastTrial | None:
        """The trial with the best value so far at any budget, ties to the lower number; None before the first.

        With several objectives the best compromise of the `front` (`automl_core.search.pareto.knee`). With
        constraints the best that satisfies them, and while none does, the one that comes nearest to it.
        """
        if not self.algorithm.context.plain:
            members = self.front()
            if members:
                return members[knee([past.objectives for past in members])]
            valued = [past for past in self.trials if past.loss is not None]
            return min(valued, key=lambda past: (past.loss or 0.0, past.number), default=None)
        reached = [
            (min([*past.losses_at.values(), *([] if past.loss is None else [past.loss])]), past.number)
            for past in self._history
            if past.losses_at or past.loss is not None
        ]
        return self._history[min(reached)[1]] if reached else None

    def front(self) -> list[PastTrial]:
        """The Pareto front by trial number: trials that satisfy every constraint, and that no other such dominates.

        With budgets, of the trials that finished the highest budget at which one satisfies the constraints. With one
        objective, the best trial and its equals.
        """
        valued = [past for past in self._history if past.loss is not None]
        points = [Point(past.objectives or (past.loss or 0.0,), past.constraints) for past in valued]
        levels = [max(past.losses_at, default=0) for past in valued]
        top = max((level for level, point in zip(levels, points, strict=True) if point.feasible), default=0)
        there = [index for index, level in enumerate(levels) if level == top]
        return [valued[there[position]] for position in front([points[index] for index in there])]

    def _losses(self, number: int, value: float | Sequence[float]) -> tuple[float, ...]:
        values = (value,) if isinstance(value, int | float) else tuple(value)
        if len(values) != len(self._signs):
            raise ValueError(f"trial {number}: found {len(values)} values; the goal has {len(self._signs)}")
        return tuple(sign * float(each) for sign, each in zip(self._signs, values, strict=True))

    def _excess(self, number: int, measured: Mapping[str, float]) -> tuple[float, ...]:
        if measured.keys() != self._limits.keys():
            known = ", ".join(self._limits) or "none"
            raise ValueError(f"trial {number}: constraints: found {', '.join(measured) or 'none'}; wanted: {known}")
        return tuple(limit.excess(float(measured[name])) for name, limit in self._limits.items())


def _step(step: float) -> float:
    return int(step) if float(step).is_integer() else float(step)


def _signs(goal: Direction | Sequence[Direction]) -> tuple[float, ...]:
    """What each objective's value is multiplied with to be a loss."""
    goals = (goal,) if isinstance(goal, str) else tuple(goal)
    if not 1 <= len(goals) <= MOST_OBJECTIVES:
        raise ValueError(f"goal: found {len(goals)} objectives; 1 to {MOST_OBJECTIVES} are allowed")
    for each in goals:
        if each not in ("minimize", "maximize"):
            raise ValueError(f"goal: found {each!r}; allowed: minimize, maximize")
    return tuple(-1.0 if each == "maximize" else 1.0 for each in goals)


def _validated(kind: Any, found: Any, where: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(found)
    except ValidationError as error:
        problems = [
            f"{'.'.join([where, *(str(part) for part in item['loc'])])}: {item['msg']}, found {item['input']!r}"
            for item in error.errors()
        ]
        raise ValueError("; ".join(problems)) from None
