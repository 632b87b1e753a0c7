"""Walking a schedule of brackets over a history: what Hyperband, BOHB and DEHB share."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence, Set
from typing import Any, ClassVar, Literal

from pydantic import Field

from automl_core.search.base import (
    Algorithm,
    Context,
    Decision,
    Exhausted,
    History,
    NewTrial,
    Options,
    PastTrial,
    Plan,
    Promote,
    Wait,
    seen_keys,
)
from automl_core.search.schedule import Bracket, auto_adjust, schedule, totals, whole_multiplier
from automl_core.space import Params, Space
from automl_core.states import TrialState


class BracketOptions(Options):
    """Options of the algorithms that run Hyperband's brackets; TAO's names."""

    R: int | None = Field(
        None,
        ge=2,
        description="Most units a trial gets. Left out: trials.budget.max / min, a unit being trials.budget.min.",
    )
    schedule: Literal["full", "tao"] = Field(
        "full",
        description="full: every bracket ends at trials.budget.max. tao: TAO's rungs, multiplied up from whole "
        "units, so that brackets may end below it.",
    )
    epoch_multiplier: float | Literal["auto"] | None = Field(
        None,
        description="Budget of one unit, cut to a whole number. auto: TAO's adjustment of R (from 27) and of the "
        "multiplier to trials.budget.max. Left out: trials.budget.min, or max / R where R is given.",
    )


def brackets_in_budget(context: Context, options: BracketOptions) -> list[Bracket]:
    """Hyperband's brackets in the experiment's own budget units, no rung above ``trials.budget.max``.

    The number of brackets and how many trials are on their rungs is that of `schedule`. By default the rungs of each
    bracket are ``floor(max / factor ** i)``, so that every bracket ends at ``trials.budget.max`` and the best of one
    can be compared with those of the others. TAO multiplies up from the lowest rung, which it cuts to whole units: of
    50 units with factor 3 its brackets end at 27, 45 and 48.

    Raises:
        ValueError: the budget is too narrow for a single promotion, or the options don't fit it.
    """
    budget = context.budget
    assert budget is not None
    multiplier = options.epoch_multiplier
    if multiplier == "auto":
        if budget.max < 3:
            raise ValueError(f"search.options.epoch_multiplier: auto wants trials.budget.max >= 3, found {budget.max}")
        most, exact = auto_adjust(budget.max, options.R or 27, budget.factor)
        unit = whole_multiplier(exact)
    elif multiplier is not None:
        if multiplier < 1:
            raise ValueError(
                f"search.options.epoch_multiplier: found {multiplier:g}; auto or a number from 1 is wanted"
            )
        unit = int(multiplier)
        most = options.R or budget.max // unit
    elif options.R is not None:
        most, unit = options.R, max(1, budget.max // options.R)
    else:
        most, unit = budget.max // budget.min, budget.min
    if options.schedule == "full":  # the lowest rung is a unit at least
        most = min(most, budget.max // unit)
    if most < budget.factor:
        raise ValueError(
            f"trials.budget: between {unit} and {most * unit} no trial can be promoted; max must be at least "
            f"factor ({budget.factor}) times min"
        )
    brackets = []
    for rungs in schedule(most, budget.factor):
        levels = [r * unit for _, r in rungs]
        if options.schedule == "full":
            levels = [budget.max // budget.factor**i for i in reversed(range(len(rungs)))]
        inside = {
            min(budget.max, max(budget.min, level)): n for (n, _), level in zip(rungs, levels, strict=True)
        }  # equal budgets: one rung
        brackets.append([(n, level) for level, n in inside.items()])
    return brackets


def ends_of(brackets: Sequence[Bracket]) -> str:
    """At which budgets brackets end, in words."""
    ends = list(dict.fromkeys(rungs[-1][1] for rungs in brackets))
    if len(ends) == 1:
        return f"each ends at {ends[0]}"
    return f"they end at {', '.join(map(str, ends))}, and a value at a higher end ranks before any at a lower one"


def fit(brackets: Sequence[Bracket], trials: int, factor: int, repeat: bool) -> list[Bracket]:
    """Cut a schedule to so many trials; the last bracket is thinned out, its highest rung keeps one.

    Args:
        brackets: the whole schedule.
        trials: combinations at most.
        factor: one in so many is promoted.
        repeat: whether the schedule starts again while trials are left.
    """
    fitted: list[Bracket] = []
    while trials > 0 and brackets:
        for rungs in brackets:
            size = min(rungs[0][0], trials)
            if size > 0:
                fitted.append(thin(rungs, size, factor))
            trials -= size
        if not repeat:
            break
    return fitted


def thin(rungs: Bracket, size: int, factor: int) -> Bracket:
    """A bracket that starts only so many trials."""
    if size >= rungs[0][0]:
        return list(rungs)
    return [(min(n, max(1, size // factor**i)), level) for i, (n, level) in enumerate(rungs)]


class BracketSearch(Algorithm):
    """Successive halving in brackets, rung by rung.

    A rung is complete when each of its trials has ended, however; the best of those that succeeded are
    promoted, ties to the lower number. Failed, cancelled and early-stopped trials are never promoted.
    """

    uses_budget = True
    overlaps: ClassVar[bool] = False
    """Whether the next bracket starts while a rung of this one is incomplete."""
    repeats: ClassVar[bool] = False
    """Whether the schedule starts again while trials are left."""
    options_model = BracketOptions
    options: BracketOptions

    def __init__(self, context: Context) -> None:
        """Lay out the brackets.

        Raises:
            ValueError: there is no budget, or it is too narrow.
        """
        super().__init__(context)
        assert context.budget is not None
        self.factor = context.budget.factor
        self.whole = brackets_in_budget(context, self.options)
        self.brackets = fit(self.whole, context.searched, self.factor, self.repeats)

    @abstractmethod
    def draw(self, history: History, seen: Set[str], bracket: int) -> Params | None:
        """A new combination for the lowest rung of a bracket; None when the space is exhausted."""

    def plan(self) -> Plan:
        """The sum of the rungs: known before the start."""
        total, whole = totals(self.brackets), totals(self.whole)
        note = f"{len(self.brackets)} brackets, {total.recommendations} trials, {total.jobs} pieces of work"
        note += f"; {ends_of(self.brackets)}"
        if total.recommendations < whole.recommendations:
            note += f"; trials.max cuts the schedule of {whole.recommendations} trials"
        return self.with_baseline(
            Plan(slots=total.jobs, trials=total.recommendations, units=total.units_resumed, note=note)
        )

    def proposals(self) -> int:
        """The lowest rung of the first bracket, and the baseline."""
        return self.brackets[0][0][0] + self.context.baseline

    def propose(self, most: int | None = None) -> list[NewTrial]:
        """The lowest rung of the first bracket, as far as it needs no result."""
        proposed: list[NewTrial] = []
        history: list[PastTrial] = []
        seen: set[str] = set()  # kept up here: from the history anew, ten thousand combinations would take minutes
        for number in self._numbers(most):
            new = self._start(history, seen, bracket=0)
            if not isinstance(new, NewTrial):
                break
            proposed.append(new)
            seen.add(Space.key(new.params))
            history.append(
                PastTrial(number, new.params, TrialState.RUNNING, budget=new.budget, bracket=new.bracket, rung=new.rung)
            )
        return proposed

    def suggest(self, history: History) -> Decision:
        """A promotion where a rung is complete, else a new trial where a bracket is not full, else Wait."""
        return self.walk(history, seen_keys(history))

    def walk(self, history: History, seen: Set[str]) -> Decision:
        """The next step along `brackets`."""
        members: dict[int, list[PastTrial]] = {}
        for trial in history:
            if trial.bracket is not None and trial.rung is not None:
                members.setdefault(trial.bracket, []).append(trial)
        end: Exhausted | None = None
        waiting: Wait | None = None
        for index, rungs in enumerate(self.brackets):
            own = members.get(index, [])
            if len(own) < rungs[0][0] and end is None:
                new = self._start(history, seen, index)
                if isinstance(new, NewTrial):
                    return new
                end = new
            if not own:
                break
            step = self._advance(index, thin(rungs, len(own), self.factor), own)
            if isinstance(step, Promote) or (isinstance(step, Wait) and not self.overlaps):
                return step
            waiting = waiting or step
        return waiting or end or Exhausted("every bracket is complete")

    def describe(self, history: History) -> dict[str, Any]:
        """Every bracket's rungs: how many trials they want, have started and have ended."""
        brackets = []
        for index, rungs in enumerate(self.brackets):
            own = [trial for trial in history if trial.bracket == index and trial.rung is not None]
            brackets.append([_occupancy(own, rung, level, n) for rung, (n, level) in enumerate(rungs)])
            if not own:
                break
        return {"brackets": brackets}

    def _start(self, history: History, seen: Set[str], bracket: int) -> NewTrial | Exhausted:
        level = self.brackets[bracket][0][1]
        opening = self.opening(len(history), seen)
        if isinstance(opening, Exhausted):
            return opening
        if opening is not None:
            return self.at_start(opening, budget=level, bracket=bracket, rung=0)
        params = self.draw(history, seen, bracket)
        if params is None:
            return Exhausted("every combination of the space is handed out")
        return NewTrial(params, budget=level, bracket=bracket, rung=0)

    def _advance(self, bracket: int, rungs: Bracket, own: Sequence[PastTrial]) -> Promote | Wait | None:
        for rung, (_, level) in enumerate(rungs):
            here = [trial for trial in own if trial.rung == rung]
            busy = sum(1 for trial in here if not trial.state.ended)
            if busy:
                return Wait(f"rung {rung} of bracket {bracket} is not complete: {busy} of its trials are running")
            if rung + 1 == len(rungs):
                return None
            promoted = sum(1 for trial in own if (trial.rung or 0) > rung)
            best = promotable(here, level)
            if best and promoted < rungs[rung + 1][0]:
                size, above = rungs[rung + 1]
                note = f"{promoted + 1} of {size} to rung {rung + 1}"
                return Promote(best[0].number, budget=above, bracket=bracket, rung=rung + 1, note=note)
            if not promoted:
                return None
        return None


def promotable(trials: Sequence[PastTrial], level: int) -> list[PastTrial]:
    """Those that finished a budget with a finite loss, best first, ties to the lower number."""
    ranked = [
        (loss, trial.number, trial)
        for trial in trials
        if trial.state is TrialState.SUCCEEDED
        and (loss := trial.losses_at.get(level)) is not None
        and math.isfinite(loss)
    ]
    return [trial for _, _, trial in sorted(ranked, key=lambda item: item[:2])]


def _occupancy(trials: Sequence[PastTrial], rung: int, level: int, wanted: int) -> dict[str, int]:
    passed = sum(1 for trial in trials if (trial.rung or 0) > rung)
    here = [trial for trial in trials if trial.rung == rung]
    ended = passed + sum(1 for trial in here if trial.state.ended)
    return {"budget": level, "trials": wanted, "started": passed + len(here), "ended": ended}
