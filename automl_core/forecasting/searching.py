"""The search in this process: the first combination of each learner, then what the optimizer asks for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automl_core.forecasting.learners.shape import Shape
from automl_core.forecasting.prepared import Prepared
from automl_core.forecasting.space import Parameters, offered, portfolio, space
from automl_core.forecasting.trial import TrialResult, run_trial
from automl_core.training.told import NOT_STARTED

FAILURES = 15
"""Trials that fail one after the other, none having succeeded, before the search gives up."""

ENDING = 3.0
"""Seconds that are left for what comes after the last fits: intervals, the model's folder, its check, the report."""

GROWN = 1.5
"""Times as long as in the trial that a last fit is thought to take: it has more values, and may choose a form anew."""

LEARNER_SHARE = 0.5
"""Of what is left that the first trial of a learner may take: it must not be the only one."""


@dataclass
class Outcome:
    """What a search has left.

    Attributes:
        results: of all trials, in the order of their numbers.
        why: it ended, in words.
    """

    results: list[TrialResult] = field(default_factory=list)
    why: str = ""


def spaces(prepared: Prepared) -> tuple[Parameters, list[dict[str, Any]]]:
    """The space of a search under the options, and what is tried first.

    Raises:
        TrainingError: the options name a learner that is none, or leave none.
    """
    options = prepared.options
    shape = Shape.of(prepared.past, options.horizon, sorted(prepared.seasons))
    learners = offered(shape, options.allowed, options.blocked, options.arima)
    parameters = space(shape, learners)
    return parameters, portfolio(shape, learners, parameters)


class Search:
    """One search on prepared series."""

    def __init__(
        self,
        prepared: Prepared,
        folder: Path,
        deadline: float | None = None,
        on_trial: Callable[[TrialResult], None] | None = None,
    ) -> None:
        """Make it.

        Args:
            prepared: the series.
            folder: for results of trials.
            deadline: of everything, on the monotonic clock.
            on_trial: told each result.
        """
        self.prepared, self.options = prepared, prepared.options
        self.folder, self.deadline = folder, deadline
        self._on_trial = on_trial or (lambda result: None)
        self._outcome = Outcome()

    def run(self) -> Outcome:
        """Search until the end."""
        parameters, first = spaces(self.prepared)
        if self.deadline is None and self.options.iterations is None:
            tried: set[str] = set()
            for params in first:
                if params["learner"] not in tried and not self._over():
                    tried.add(params["learner"])
                    self._finished(self._tried(len(self._outcome.results), params))
            self._outcome.why = self._outcome.why or "one trial of each learner, as nobody asked for more"
            return self._outcome
        from automl_core.optimizer import Optimizer

        optimizer = Optimizer(
            parameters, "minimize", seed=self.options.seed, max_trials=self.options.iterations, warm_start=first
        )
        while not self._over():
            trial = optimizer.ask()
            if trial is None:
                self._outcome.why = optimizer.reason or f"{len(self._outcome.results)} trials, as asked"
                break
            result = self._tried(trial.number, trial.params)
            failed = not math.isfinite(result.loss)
            optimizer.tell(trial, None if failed else result.loss, failed=failed)
            self._finished(result)
        return self._outcome

    def _tried(self, number: int, params: Mapping[str, Any]) -> TrialResult:
        """A trial, or why it is none."""
        end = self._end(str(params["learner"]))
        if (why := self._too_long(str(params["learner"]))) is not None:
            return TrialResult(number, dict(params), state="skipped", reason=why, seed=self.options.seed)
        return run_trial(
            self.prepared, params, number=number, seed=self.options.seed, threads=self.options.threads, deadline=end
        )  # fmt: skip

    def _finished(self, result: TrialResult) -> None:
        result.save(self.folder)
        result.fitted = None  # nobody takes it up: last fits choose anew
        self._outcome.results.append(result)
        self._on_trial(result)

    def _over(self) -> bool:
        """Whether nothing may start any more."""
        results, metric = self._outcome.results, self.prepared.metric
        exit_score = self.options.exit_score
        if exit_score is not None and any(each.usable and each.loss <= metric.as_loss(exit_score) for each in results):
            self._outcome.why = f"the exit score of {exit_score:g} was reached"
        elif len(results) >= FAILURES and not any(each.usable for each in results):
            failed = sum(each.state == "failed" for each in results)
            more = f", {len(results) - failed} were skipped" if failed < len(results) else ""
            self._outcome.why = f"{failed} trials failed{more}, and none succeeded"
        elif results and self._left() <= 0:
            self._outcome.why = "the deadline, less what comes after the search"
        return bool(self._outcome.why)

    def _left(self) -> float:
        """Seconds that trials may still take: what the deadline leaves when the last fits and the report are made."""
        if self.deadline is None:
            return math.inf
        return self.deadline - time.monotonic() - ENDING - GROWN * math.fsum(self._best().values())

    def _best(self) -> dict[str, float]:
        """Learner → seconds of the fit of its best trial so far."""
        best: dict[str, TrialResult] = {}
        for each in self._outcome.results:
            if each.usable and (each.learner not in best or each.loss < best[each.learner].loss):
                best[each.learner] = each
        return {name: each.fit_seconds for name, each in best.items()}

    def _end(self, learner: str) -> float | None:
        """When a trial's fits have to end, on the monotonic clock."""
        left = self._left()
        if math.isinf(left):
            return None
        return time.monotonic() + max(left, 0.0) * (1.0 if learner in self._best() else LEARNER_SHARE)

    def _too_long(self, learner: str) -> str | None:
        """Why a trial would not end in time, by what its learner took so far; None where it would, or nobody knows."""
        seen = sorted(each.seconds for each in self._outcome.results if each.learner == learner and each.usable)
        left = self._left()
        if not seen or math.isinf(left):
            return None
        expected = seen[len(seen) // 2]
        return f"{NOT_STARTED}it would take some {expected:.1f} s, {left:.1f} s are left" if expected > left else None
