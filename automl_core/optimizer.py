"""The search from Python, without Airflow: the same algorithms, a history in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from automl_core.search import BudgetRange, Context, Exhausted, NewTrial, PastTrial, Wait, create
from automl_core.search.auto import UNLIMITED
from automl_core.space import Params, Space, Value
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
        goal: Literal["minimize", "maximize"] = "minimize",
        algorithm: str = "auto",
        seed: int = 0,
        *,
        max_trials: int | None = None,
        concurrency: int = 1,
        budget: Mapping[str, Any] | None = None,
        warm_start: Sequence[Mapping[str, Value]] = (),
        **options: Any,
    ) -> None:
        """Make the search.

        Args:
            space: the mapping under ``space:`` of an experiment file.
            goal: whether a lower or a higher value is better.
            algorithm: a name as in ``search.algorithm``.
            seed: same seed, same results told: same combinations.
            max_trials: combinations at most; None sets no limit.
            concurrency: trials that will run at the same time; a hint to the algorithm.
            budget: as ``trials.budget`` in a file: ``{"min": 1, "max": 27, "factor": 3}``.
            warm_start: combinations to try first, as ``search.warm_start`` in a file.
            **options: options of the algorithm, as ``search.options`` in a file.

        Raises:
            ValueError: names the field, what was found and what is allowed.
        """
        if goal not in ("minimize", "maximize"):
            raise ValueError(f"goal: found {goal!r}; allowed: minimize, maximize")
        if max_trials is not None and not 1 <= max_trials <= UNLIMITED:
            raise ValueError(f"max_trials: found {max_trials!r}; allowed: 1 to {UNLIMITED}, or None")
        models = _validated(dict[str, Parameter], dict(space), "space")
        if not models:
            raise ValueError("space: at least one parameter is needed")
        check_space(models)
        spread = None if budget is None else _validated(Budget, dict(budget), "budget")
        self.goal = goal
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
            ),
        )
        self.reason = ""
        """Why the last `ask` handed out nothing, else empty."""
        self.exhausted = False
        """Whether nothing will be handed out any more, whatever is told."""
        self._history: list[PastTrial] = []

    def ask(self) -> Trial | None:
        """The next piece of work, or None when there is nothing to hand out now.

        After None, `exhausted` and `reason` say whether to end or to tell a running trial's result first.
        """
        decision = self.algorithm.suggest(tuple(self._history))
        if isinstance(decision, Wait | Exhausted):
            self.reason, self.exhausted = decision.reason, isinstance(decision, Exhausted)
            return None
        self.reason, self.exhausted = "", False
        if isinstance(decision, NewTrial):
            number, parent = len(self._history), decision.parent
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
        params = dict(self._history[number].params)
        return Trial(number, params, decision.budget, trained, parent, decision.note)

    def tell(
        self,
        trial: Trial | int,
        value: float | None = None,
        values: Mapping[int, float] | None = None,
        failed: bool = False,
        stopped_early: bool = False,
    ) -> None:
        """Take the result of a trial that was asked for.

        Args:
            trial: what `ask` gave, or its number.
            value: the final value; left out, the best of ``values``.
            values: step → value, the periodical values of this piece of work.
            failed: the training failed; so it has when the value is not finite.
            stopped_early: it was ended before its budget; its value counts.

        Raises:
            ValueError: the trial isn't running, or there is neither a value nor a failure.
        """
        number = trial if isinstance(trial, int) else trial.number
        if not 0 <= number < len(self._history):
            raise ValueError(f"there is no trial {number}; {len(self._history)} were asked for")
        past = self._history[number]
        if past.state.ended:
            raise ValueError(f"trial {number} is not running: its result was told already")
        sign = 1.0 if self.goal == "minimize" else -1.0
        curve = dict(past.curve)
        curve.update((int(step), sign * float(v)) for step, v in (values or {}).items() if math.isfinite(v))
        if value is None and values:
            value = sign * min((sign * float(v) for v in values.values() if math.isfinite(v)), default=math.nan)
        if value is None and not failed:
            raise ValueError(f"trial {number}: give a value, or failed=True")
        loss = math.nan if value is None else sign * float(value)
        state = TrialState.EARLY_STOPPED if stopped_early else TrialState.SUCCEEDED
        losses_at = dict(past.losses_at)
        if failed or not math.isfinite(loss):
            state, loss_now = TrialState.FAILED, None
        else:
            loss_now = loss
            if past.budget is not None and not stopped_early:
                losses_at[past.budget] = loss
        self._history[number] = replace(
            past, state=state, loss=loss_now, losses_at=losses_at, curve=tuple(sorted(curve.items()))
        )

    @property
    def trials(self) -> tuple[PastTrial, ...]:
        """Every trial so far, as the algorithm sees it: losses, lower is better."""
        return tuple(self._history)

    @property
    def best(self) -> PastTrial | None:
        """The trial with the best value so far at any budget, ties to the lower number; None before the first."""
        reached = [
            (min([*past.losses_at.values(), *([] if past.loss is None else [past.loss])]), past.number)
            for past in self._history
            if past.losses_at or past.loss is not None
        ]
        return self._history[min(reached)[1]] if reached else None


def _validated(kind: Any, found: Any, where: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(found)
    except ValidationError as error:
        problems = [
            f"{'.'.join([where, *(str(part) for part in item['loc'])])}: {item['msg']}, found {item['input']!r}"
            for item in error.errors()
        ]
        raise ValueError("; ".join(problems)) from None
