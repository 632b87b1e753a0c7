"""The study: what a slot is to do, what became of it, and when the experiment is over.

Every decision is taken on a state read from the journal and becomes true by being written as
the next record; when another process was faster, the decision is taken again on the newer state.
So any number of processes on any number of machines act as one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from automl_core.search.base import Algorithm, Exhausted
from automl_core.space import Space
from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState, TrialState
from automl_core.stopping.experiment import Progress, Verdict, judge
from automl_core.study.answers import Answer, Binding, Outcome, Over, Told
from automl_core.study.binder import Binder, binding_of
from automl_core.study.history import best_trial, context_of
from automl_core.study.journal import Contended, Journal
from automl_core.study.progress import progress_of
from automl_core.study.state import State, StopRecord, Work, pack_curve

LANE_THRESHOLD = 1000
"""More slots than this are run in lanes: one mapped task instance runs trial after trial."""

_RECOMPUTE = 3
"""Suggestions are computed again on newer state so many times, before one on older state is taken."""


class Study:
    """One experiment's journal with its specification and search algorithm."""

    def __init__(self, journal: Journal, experiment: Experiment) -> None:
        """Use `create` or `load`."""
        from automl_core.search import create

        self.journal = journal
        self.experiment = experiment
        self.space = Space.from_models(experiment.space)
        context = context_of(experiment, self.space)
        self._make_algorithm: Callable[[], Algorithm] = lambda: create(experiment.search.algorithm, context)
        self._algorithm: Algorithm | None = None

    @classmethod
    def create(cls, journal: Journal, experiment: Experiment, run: str, overrides: list[dict[str, Any]]) -> Study:
        """Write the first record, or open the study when it exists (a proposer that runs again).

        Args:
            journal: of this experiment's run.
            experiment: the file with the run's overrides in it.
            run: the run's id, for people.
            overrides: what the run's conf changed: path, old, new.

        Raises:
            ValueError: the algorithm doesn't exist or can't search this experiment.
        """
        if journal.refresh().created:
            return cls.load(journal)
        study = cls(journal, experiment)
        plan = study.algorithm.plan()
        proposals = study.algorithm.propose()[: plan.slots]
        data = {
            "experiment": experiment.model_dump(mode="json"),  # defaults too: they may change
            "name": experiment.name,
            "run": run,
            "overrides": overrides,
            "algorithm": study.algorithm.name,
            "plan": {"slots": plan.slots, "trials": plan.trials, "units": plan.units, "note": plan.note},
            "proposals": [proposal.params for proposal in proposals if proposal.budget is None],
            "lanes": min(experiment.trials.concurrency, plan.slots) if plan.slots > LANE_THRESHOLD else None,
        }
        journal.append("created", data, valid=lambda state: not state.created)
        return cls.load(journal)

    @classmethod
    def load(cls, journal: Journal) -> Study:
        """Open an existing study.

        Raises:
            LookupError: there is none at that place.
        """
        state = journal.refresh()
        if not state.created:
            raise LookupError(f"no experiment at {journal.store.url}/{journal.prefix}")
        return cls(journal, Experiment.model_validate(state.experiment))

    @property
    def algorithm(self) -> Algorithm:
        """The search algorithm, made when it is first needed."""
        if self._algorithm is None:
            self._algorithm = self._make_algorithm()
        return self._algorithm

    @property
    def state(self) -> State:
        """The state as last read."""
        return self.journal.state

    def refresh(self) -> State:
        """Read what is new."""
        return self.journal.refresh()

    # --- asking -------------------------------------------------------------------------------

    def ask(
        self, slot: int | None = None, *, lane: int | None = None, worker: str = "", places: int | None = None
    ) -> Answer:
        """What a slot (or lane) is to do at its first training task.

        A slot that is bound gets a new attempt at the same work; one that is not is bound now.

        Args:
            slot: number of the slot; None for a lane, which takes its unfinished work or the next free slot.
            lane: number of the lane.
            worker: who asks, for people.
            places: how many trials whoever schedules the slots lets run at once. Where that is no more than the
                file allows, running trials are not counted here again.
        """
        self.refresh()
        if slot is None:
            slot = self._slot_of_lane(lane)
        if slot is not None and slot in self.state.works:
            last = self.state.works[slot].last_attempt() if lane is not None else None
            return self._again(slot, last.task if last else 0, worker)
        gated = places is None or places > self.experiment.trials.concurrency
        return self._bind(slot, lane, worker, gated)

    def resume(self, slot: int, task: int, *, worker: str = "") -> Answer:
        """What a slot is to do at a later training task (index ``task``), or again at the first."""
        self.refresh()
        if slot not in self.state.works:
            return Over(self._why_over() or "the slot was never bound")
        return self._again(slot, task, worker)

    def external(self, binding: Binding, identity: str) -> None:
        """Record the identity of the job that runs an attempt outside Airflow."""
        data = {"slot": binding.slot, "task": binding.task, "attempt": binding.attempt, "id": identity}
        self.journal.append("external", data)

    def _slot_of_lane(self, lane: int | None) -> int | None:
        for work in self.state.works.values():
            if lane is not None and work.lane == lane and not work.state.ended:
                return work.slot
        return None

    def _again(self, slot: int, task: int, worker: str) -> Answer:
        """A new attempt at bound work: a retry, a clear, or the next training task."""

        def valid(state: State) -> bool:
            return self._refusal(state, slot, task) is None

        record = self.journal.append("attempt", {"slot": slot, "task": task, "worker": worker}, valid=valid)
        if record is None:
            refusal = self._refusal(self.state, slot, task) or "taken over"
            work = self.state.works[slot]
            if work.state is TrialState.RUNNING and self.state.stop is not None:
                self._close(work, refusal)
            return Over(refusal)
        return binding_of(self.state, slot, task)

    def _refusal(self, state: State, slot: int, task: int) -> str | None:
        work = state.works[slot]
        if state.trials[work.trial].cancel and not work.state.ended:
            return f"trial {work.trial} was cancelled by {state.trials[work.trial].cancel}"
        if task > 0 and work.state.ended and work.last_attempt(task) is None:
            return f"trial {work.trial} has ended: {work.state}"
        if state.stop is not None and state.stop.running == "cancel" and not work.state.ended:
            return state.stop.reason
        if state.trials[work.trial].slots[-1] != slot:
            return f"trial {work.trial} has gone on to a higher budget"
        return None

    def _close(self, work: Work, reason: str) -> None:
        """End work whose attempt was lost and that will not be tried again."""
        attempt = work.last_attempt()
        if attempt is not None and attempt.state is TrialState.RUNNING:
            self._append_ended(work.slot, attempt.task, attempt.number, Outcome(TrialState.SYS_CANCELED, reason))

    def _bind(self, slot: int | None, lane: int | None, worker: str, gated: bool) -> Answer:
        binder = Binder(self.journal, self.experiment, lambda: self.algorithm, gated=gated)
        for tries in range(1000):
            over = self._why_over()
            if over is not None:
                return Over(over)
            answer = binder.bind(slot, lane, worker, lenient=tries >= _RECOMPUTE)
            if isinstance(answer, Exhausted):
                self.stop("exhausted", ExperimentState.NO_MORE_TRIAL, answer.reason)
            elif answer is not None:
                return answer
            elif slot is not None and slot in self.state.works:
                return self._again(slot, 0, worker)  # another process bound this very slot
        raise Contended("a thousand suggestions in a row were overtaken by other processes")

    def release(self, slot: int) -> None:
        """Note that nothing runs a slot's attempt any more, though nobody has told how it ended.

        The trial waits for a new attempt then, and its place is free for others.
        """
        work = self.state.works[slot]
        attempt = work.last_attempt()
        if attempt is None or attempt.state is not TrialState.RUNNING:
            return
        data = {"slot": slot, "task": attempt.task, "attempt": attempt.number}
        self.journal.append("lost", data, valid=lambda state: state.is_running(slot, attempt.task, attempt.number))

    # --- while it runs ------------------------------------------------------------------------

    def order(self, binding: Binding) -> tuple[TrialState, str] | None:
        """Whether an attempt must end now, and as what: the state and the reason. Reads what is new."""
        state = self.refresh()
        if not self.is_current(binding):
            return (TrialState.SYS_CANCELED, "a later attempt has taken over, or this one was given up")
        cancelled_by = state.trials[binding.trial].cancel
        if cancelled_by:
            return (TrialState.USER_CANCELED, f"cancelled by {cancelled_by}")
        stop = state.stop or self._overdue()
        if stop is not None and stop.running == "cancel":
            by_user = stop.state == ExperimentState.USER_CANCELED
            return (TrialState.USER_CANCELED if by_user else TrialState.SYS_CANCELED, stop.reason)
        return None

    def is_current(self, binding: Binding) -> bool:
        """Whether an attempt is the one that counts, on the state as last read."""
        return self.state.is_running(binding.slot, binding.task, binding.attempt)

    def _overdue(self) -> StopRecord | None:
        """Judge again while a trial runs, since time and cost go on."""
        verdict = self.judge()
        if verdict is not None and verdict.kind in ("max_duration", "max_cost"):
            return self.stop(verdict.kind, verdict.state, verdict.reason)
        return None

    # --- telling ------------------------------------------------------------------------------

    def tell(self, binding: Binding, outcome: Outcome) -> Told:
        """Record how an attempt ended, and judge the experiment."""
        record_accepted, retry = self._append_ended(binding.slot, binding.task, binding.attempt, outcome)
        if not record_accepted:
            return Told(accepted=False, stop=self.state.stop, unbound=self.unbound())
        stop = self.state.stop
        if stop is None and not retry:
            verdict = self.judge()
            if verdict is not None and verdict.kind != "max_trials":
                stop = self.stop(verdict.kind, verdict.state, verdict.reason)
        return Told(accepted=True, retry=retry, stop=stop, unbound=self.unbound())

    def _append_ended(self, slot: int, task: int, attempt: int, outcome: Outcome) -> tuple[bool, bool]:
        last = task == len(self.experiment.tasks) - 1
        data: dict[str, Any] = {
            "slot": slot, "task": task, "attempt": attempt, "state": str(outcome.state), "reason": outcome.reason,
            "last": last, "value": outcome.value, "step": outcome.step, "metrics": dict(outcome.metrics),
            "curve": pack_curve(outcome.curve), "cost": outcome.cost, "retry": False,
        }  # fmt: skip

        def valid(state: State) -> bool:
            if not state.is_running(slot, task, attempt):
                return False
            work = state.works[slot]
            data["retry"] = (
                outcome.state is TrialState.FAILED
                and outcome.retryable
                and work.failures < self.experiment.trials.retries
                and not (state.stop is not None and state.stop.running == "cancel")
            )
            return True

        record = self.journal.append("ended", data, valid=valid)
        return (record is not None, record is not None and bool(data["retry"]))

    # --- judging ------------------------------------------------------------------------------

    def judge(self) -> Verdict | None:
        """Whether the experiment is over by its stop conditions, on the state as last read."""
        return judge(self.progress(), self.experiment)

    def progress(self) -> Progress:
        """What the stop conditions look at."""
        return progress_of(self.state, self.experiment, self.journal.clock())

    def stop(
        self, kind: str, state: ExperimentState, reason: str, *, running: str | None = None, by: str = ""
    ) -> StopRecord:
        """End the experiment: no further slot is bound; running trials drain or are cancelled.

        The first stop stands; a later one has no effect and the first is returned.
        """
        data = {
            "kind": kind, "state": str(state), "reason": reason, "by": by,
            "running": running or self.experiment.stop.running_trials,
        }  # fmt: skip
        self.journal.append("stop", data, valid=lambda s: s.stop is None)
        stop = self.state.stop
        assert stop is not None
        return stop

    def finish(self) -> StopRecord:
        """Close the experiment once nothing runs any more: by the stop that stands, or by judging the whole.

        Work whose attempt was lost for good (a worker died and nothing retried it) is ended as lost.
        """
        self.refresh()
        for work in list(self.state.works.values()):
            if work.state is TrialState.RUNNING:
                self._close(work, "lost: its worker ended without a word")
            elif work.state is TrialState.WAITING:
                self._give_up(work)
        if self.state.stop is not None:
            return self.state.stop
        verdict = self.judge()
        if verdict is not None:
            return self.stop(verdict.kind, verdict.state, verdict.reason)
        reason = f"its run ended with {len(self.unbound())} of {self.state.plan['slots']} slots never started"
        return self.stop("ended", ExperimentState.SYS_CANCELED, reason)

    def _give_up(self, work: Work) -> None:
        """End work that waits for a retry that nobody will make any more."""
        attempt = work.last_attempt()
        task = attempt.task if attempt else 0
        outcome = Outcome(TrialState.FAILED, work.reason or "its retry was never made")
        if isinstance(self._again(work.slot, task, "reduce"), Binding):
            last = self.state.works[work.slot].last_attempt(task)
            assert last is not None
            self._append_ended(work.slot, task, last.number, outcome)

    def cancel_trial(self, trial: int, by: str) -> None:
        """Ask for one trial to be ended; whoever runs it obeys at its next look."""
        self.journal.append("cancel", {"trial": trial, "by": by})

    def _why_over(self) -> str | None:
        if self.state.stop is None:
            verdict = self.judge()
            if verdict is None:
                return None
            if verdict.kind == "max_trials":
                return verdict.reason
            self.stop(verdict.kind, verdict.state, verdict.reason)
        return self.state.stop.reason if self.state.stop else None

    def unbound(self) -> tuple[int, ...]:
        """Slots that have no work yet."""
        slots = int(self.state.plan.get("slots", 0))
        return tuple(s for s in range(slots) if s not in self.state.works)

    def best(self) -> tuple[int, float] | None:
        """Number and value of the best trial so far."""
        trial = best_trial(self.state, self.experiment)
        if trial is None:
            return None
        value = self.state.value_of(trial)
        assert value is not None
        return (trial.number, value)
