"""The search: portfolio, then what the optimizer asks for, in lanes or here, until the time or the trials end.

Everything that is decided stands in ``search.jsonl`` before it is acted on, and every trial's result in the folder
before it counts. A search that is killed goes on from there: the optimizer is told the same things in the same order,
so with one worker it decides the same, and no finished trial is trained again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from automl_core.optimizer import Optimizer
from automl_core.tabular import memory
from automl_core.tabular.deadline import Deadline
from automl_core.tabular.judging import Judge
from automl_core.tabular.lanes import Lanes, Say, can_fork
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.refitting import planned
from automl_core.tabular.trial import FoldFrames, TrialResult, run_trial
from automl_core.training.problems import TrainingError
from automl_core.training.told import NOT_STARTED

ITERATIONS = 40
"""Trials where neither their number nor a deadline is given."""

FAILURES = 15
"""Trials that fail one after the other, none having succeeded, before the search gives up."""

PARTIAL = "partial"
"""Folder below the trials', for folds of those that run while nothing is usable yet: better than nothing at the end."""

GRACE = 0.4
"""Seconds over its end that a running trial is given before it is killed."""


@dataclass
class Outcome:
    """What a search has left.

    Attributes:
        results: of all trials that ended, by number; their models lie in the folder.
        why: the search ended, in words.
        taken_up: trials that an earlier call had finished.
    """

    results: list[TrialResult] = field(default_factory=list)
    why: str = ""
    taken_up: int = 0


class Search:
    """One search on a prepared table."""

    def __init__(
        self,
        prepared: Prepared,
        folder: Path,
        deadline: Deadline,
        *,
        space: Mapping[str, Any],
        portfolio: Sequence[Mapping[str, Any]],
        warm: Callable[[], None] = lambda: None,
        early: bool = False,
        on_trial: Callable[[TrialResult], None] | None = None,
    ) -> None:
        """Make it, and take up what an earlier one has left in the folder.

        Args:
            prepared: the table.
            folder: for decisions and results.
            deadline: when it has to end.
            space: as under ``space:`` of a file.
            portfolio: combinations to try first.
            warm: imports what lanes need.
            early: whether the first lane may start before that.
            on_trial: told each result.

        Raises:
            TrainingError: the folder holds another search.
        """
        self.prepared, self.folder, self.deadline = prepared, folder, deadline
        self.options = prepared.options
        self.iterations = self.options.iterations or (None if deadline.end is not None else ITERATIONS)
        self.workers = self.options.workers or 1
        self._warm, self._early = warm, early
        self._on_trial = on_trial or (lambda result: None)
        self._judge, self._guard = Judge(), memory.Guard.of(self.options.memory)
        self._seconds: dict[str, list[float]] = {}
        self._running: dict[int, tuple[int, str, int]] = {}
        self._waiting: list[tuple[int, dict[str, Any]]] = []
        self._params: dict[int, dict[str, Any]] = {}
        self._frames: FoldFrames | None = None
        self._outcome = Outcome()
        self._optimizer = Optimizer(
            space, "minimize", seed=self.options.seed, max_trials=self.iterations, concurrency=self.workers,
            warm_start=portfolio,
        )  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "search.jsonl"
        self._take_up()

    # --- what was decided

    def _take_up(self) -> None:
        header = {"fingerprint": self.prepared.fingerprint, "seed": self.options.seed,
                  "metric": self.prepared.problem.metric.name, "folds": len(self.prepared.split.folds)}  # fmt: skip
        lines: list[dict[str, Any]] = []
        if self._log.exists():
            for text in self._log.read_text(encoding="utf-8").splitlines():
                try:
                    lines.append(json.loads(text))
                except ValueError:
                    break  # a kill in the middle of a line: what it says was not acted on
        if lines and lines[0] != header:
            raise TrainingError(
                f"{self.folder} holds a search on other data or with other options; give another folder, or none"
            )
        with self._log.open("w", encoding="utf-8") as file:
            for said in lines or [header]:
                file.write(json.dumps(said) + "\n")
        asked: dict[int, dict[str, Any]] = {}
        for line in lines[1:]:
            if "asked" in line:
                trial = self._optimizer.ask()
                if trial is None or trial.number != line["asked"]:
                    raise TrainingError(
                        f"{self.folder} holds a search by another release; give another folder, or none"
                    )
                asked[trial.number] = line["params"]
            else:
                number = line["told"]
                result = TrialResult.load(self.folder, number, self.prepared.problem, models=False)
                self._tell(result, asked.pop(number))
                self._outcome.taken_up += 1
        # finished, and killed before that was written down
        for number in sorted(asked):
            try:
                result = TrialResult.load(self.folder, number, self.prepared.problem, models=False)
            except TrainingError:
                self._waiting.append((number, asked[number]))
            else:
                self._note({"told": number})
                self._tell(result, asked[number])
                self._outcome.taken_up += 1

    def _note(self, line: Mapping[str, Any]) -> None:
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _tell(self, result: TrialResult, params: Mapping[str, Any]) -> None:
        """Count a result: to the optimizer, to the judge, to the plan."""
        failed = not math.isfinite(result.loss)
        self._optimizer.tell(
            result.number, None if failed else result.loss, failed=failed, stopped_early=result.state == "stopped"
        )
        learner = str(params.get("learner", ""))
        if result.state == "succeeded":
            sign = self.prepared.problem.metric.as_loss
            self._judge.finished(learner, [sign(each) for each in result.folds])
        if result.folds and result.seconds > 0:
            whole = result.seconds * len(self.prepared.split.folds) / len(result.folds)
            self._seconds.setdefault(learner, []).append(whole)
        self._outcome.results.append(result)
        self._outcome.results.sort(key=lambda each: each.number)
        self._plan_refit()

    def _plan_refit(self) -> None:
        if self.deadline.end is not None:
            self.deadline.refit = planned(self.prepared, self._outcome.results, self.workers)

    # --- the next trial

    def _next(self) -> tuple[int, dict[str, Any]] | None:
        """What is to run now; None: nothing, see the outcome's reason where that is final."""
        if self._waiting:
            return self._waiting.pop(0)
        if self.iterations is not None and len(self._optimizer.trials) >= self.iterations:
            self._over(f"{self.iterations} trials, as asked")
            return None
        trial = self._optimizer.ask()
        if trial is None:
            if self._optimizer.exhausted:
                self._over(self._optimizer.reason)
            return None
        self._note({"asked": trial.number, "params": trial.params})
        return trial.number, dict(trial.params)

    def _over(self, why: str) -> None:
        self._outcome.why = self._outcome.why or why

    def _left(self) -> float:
        """Seconds that trials may still take: somewhat more while nothing usable has been found."""
        return self.deadline.left(first=not any(each.usable for each in self._outcome.results))

    def _ends(self) -> bool:
        """Whether nothing may start any more, whatever runs."""
        results = self._outcome.results
        if self.options.exit_score is not None and any(
            each.usable and self.prepared.problem.metric.reached(each.value, self.options.exit_score)
            for each in results
        ):
            self._over(f"the exit score of {self.options.exit_score:g} was reached")
        if self._left() <= 0:
            self._over("the deadline, less what comes after the search")
        if len(results) >= FAILURES and not any(each.usable for each in results):
            failed = sum(each.state == "failed" for each in results)
            others = len(results) - failed
            more = f", {others} were skipped or given up" if others else ""
            self._over(f"{failed} trials failed{more}, and none succeeded")
        perfect = self.prepared.problem.metric.perfect
        if perfect is not None and sum(each.usable and each.value == perfect for each in results) >= 3:
            self._over("three pipelines make no mistake at all")
        return bool(self._outcome.why)

    def _refused(self, number: int, params: Mapping[str, Any], why: str, state: str = "skipped") -> None:
        self._finished(TrialResult(number, params, state=state, reason=why, seed=self.options.seed))

    def _finished(self, result: TrialResult) -> None:
        if not (self.folder / f"trial_{result.number}.json").exists():
            result.save(self.folder)
        self._note({"told": result.number})
        result.models = []  # they lie in the folder
        self._tell(result, result.params)
        self._on_trial(result)

    def _too_long(self, params: Mapping[str, Any]) -> str | None:
        """Why a trial would not end in time, by what its learner took so far; None where it would, or nobody knows."""
        seen = self._seconds.get(str(params.get("learner", "")))
        left = self._left()
        if not seen or math.isinf(left) or not any(each.usable for each in self._outcome.results):
            return None
        expected = sorted(seen)[len(seen) // 2]
        return f"{NOT_STARTED}it would take some {expected:.1f} s, {left:.1f} s are left" if expected > left else None

    def _may_start(self, number: int, params: dict[str, Any]) -> int | None:
        """The learner's own estimate of memory where a trial may start; None where it was refused, and told."""
        try:
            raw = memory.raw_estimate(self.prepared, params)
        except Exception as error:
            self._refused(number, params, f"{type(error).__name__}: {error}", "failed")
            return None
        learner = str(params.get("learner", ""))
        if not self._guard.fits(learner, raw):
            self._refused(number, params, self._guard.says(learner, raw))
            return None
        if (why := self._too_long(params)) is not None:
            self._refused(number, params, why)
            return None
        return raw

    # --- running

    def run(self) -> Outcome:
        """Search until the end; results are in the folder."""
        if self.workers > 0 and can_fork():
            self._in_lanes()
        else:
            self._here()
        return self._outcome

    def _here(self) -> None:
        """In this process, one after the other: where no process can be forked."""
        self._warm()
        frames = FoldFrames(self.prepared)
        while not self._ends():
            found = self._next()
            if found is None:
                break
            number, params = found
            if self._may_start(number, params) is None:
                continue
            learner = str(params.get("learner", ""))
            result = run_trial(
                self.prepared, params, number=number, seed=self.options.seed, threads=self.options.threads,
                should_stop=partial(self._stops_after, learner), deadline=self._until(params), frames=frames,
            )  # fmt: skip
            result.save(self.folder)
            self._finished(result)

    def _stops_after(self, learner: str, _: int, values: list[float]) -> bool:
        return self._stops(learner, values)

    def _stops(self, learner: str, values: Sequence[float]) -> bool:
        as_loss = self.prepared.problem.metric.as_loss
        return self._judge.hopeless(learner, [as_loss(each) for each in values])

    def _until(self, params: Mapping[str, Any]) -> float | None:
        """When a trial's fits have to end, on the monotonic clock.

        A little before the search does, so that what was fitted is scored and kept as well; a learner that nobody has
        seen on this table takes a good half of what is left, so that it is not the only one.
        """
        left = self._left()
        if math.isinf(left):
            return None
        known = str(params.get("learner", "")) in self._seconds
        return self.deadline.clock() + max(left, 0.0) * (0.9 if known else 0.6)

    def _work(self, task: tuple[int, dict[str, Any], float | None, bool, bool], say: Say) -> TrialResult:
        """In a lane: a trial, kept in the folder; its models stay there."""
        number, params, deadline, asks, first = task
        if self._frames is None:
            self._frames = FoldFrames(self.prepared)
        learner = str(params.get("learner", ""))
        result = run_trial(
            self.prepared, params, number=number, seed=self.options.seed, threads=self.options.threads,
            should_stop=(lambda index, values: bool(say((number, learner, values)))) if asks else None,
            deadline=deadline, frames=self._frames, keep=self.folder / PARTIAL if first else None,
        )  # fmt: skip
        result.save(self.folder)
        result.models = []
        return result

    def _in_lanes(self) -> None:
        held: tuple[int, dict[str, Any]] | None = None
        early = self._early and not self._outcome.results
        if not early:
            self._warm()
        renewed: int | None = None
        with Lanes(self._work, self.workers, self.options.threads) as lanes:
            while True:
                over = self._ends()
                for lane in lanes.free:
                    if over:
                        break
                    found, held = held or self._next(), None
                    if found is None:
                        break
                    raw = self._may_start(*found)
                    if raw is None:
                        over = self._ends()
                        continue
                    number, params = found
                    learner = str(params.get("learner", ""))
                    if not self._guard.fits_now(learner, raw):
                        held = found  # when another has ended
                        break
                    self._guard.start(number, learner, raw)
                    self._running[lane] = (number, learner, raw)
                    self._params[number] = params
                    first = self.deadline.end is not None and not any(each.usable for each in self._outcome.results)
                    lanes.submit(lane, (number, params, self._until(params), not early, first))
                    if early:
                        # it asks nobody, so nobody has to listen meanwhile
                        self._warm()
                        early, renewed = False, lane
                if not any(lanes.busy) and (over or (held is None and not self._can_go_on())):
                    return
                self._hear(lanes)
                if renewed is not None and not lanes.busy[renewed]:
                    lanes.renew(renewed)
                    renewed = None
                if self._left() < -GRACE and any(lanes.busy):
                    self._over("the deadline, less what comes after the search")
                    self._abandon(lanes)
                    return

    def _can_go_on(self) -> bool:
        """Whether something may still be asked for, with nothing running."""
        return not self._outcome.why

    def _hear(self, lanes: Lanes) -> None:
        for event in lanes.events(min(max(self._left() + GRACE, 0.01), 1.0)):
            if event.kind == "said":
                _, learner, values = event.payload
                lanes.answer(event.lane, self._stops(learner, values))
                continue
            number, learner, raw = self._running.pop(event.lane)
            params = self._params.pop(number)
            if event.kind == "done":
                self._guard.end(number, learner, raw, event.payload.memory)
                self._finished(event.payload)
                continue
            if event.kind in ("died", "raised") and "more memory than there is" in str(event.payload):
                self._guard.killed(number, learner, raw)
            else:
                self._guard.end(number, learner, raw)
            self._finished(TrialResult(number, params, reason=str(event.payload), seed=self.options.seed))

    def _abandon(self, lanes: Lanes) -> None:
        """End trials that are still running at the deadline."""
        for lane, (number, _, _) in list(self._running.items()):
            lanes.kill(lane)
            params = self._params.pop(number)
            why = "it was still running at the end of the search"
            late = TrialResult(number, params, state="cancelled", reason=why, seed=self.options.seed)
            with suppress(TrainingError):  # the folds that it has run, where nothing else is usable
                late = TrialResult.load(self.folder / PARTIAL, number, self.prepared.problem)
                late.save(self.folder)
            self._finished(late)
        self._running.clear()
