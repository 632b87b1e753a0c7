"""The study: what a slot is to do, what became of it, and when the experiment is over.

Every decision is taken on a state read from the journal and becomes true by being written as
the next record; when another process was faster, the decision is taken again on the newer state.
So any number of processes on any number of machines act as one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from automl_core.journal import Contended
from automl_core.search.base import Exhausted
from automl_core.spec.models import Experiment
from automl_core.spec.stages import experiment_in
from automl_core.states import ExperimentState, TrialState
from automl_core.stopping.experiment import OVERDUE, Progress, Verdict, judge
from automl_core.study.answers import Answer, Binding, Ended, Outcome, Over, Told
from automl_core.study.beginning import LANE_THRESHOLD, as_found, first_record
from automl_core.study.binder import Binder, binding_of, is_full, no_place
from automl_core.study.canary import matters
from automl_core.study.clock import JournalClock
from automl_core.study.earlier import find_earlier
from automl_core.study.journal import StudyJournal
from automl_core.study.orders import ended_by_order, given_up, next_task, refusal, unfinished_of_lane
from automl_core.study.progress import exhausted_by, progress_of
from automl_core.study.sources import EarlierRun
from automl_core.study.specified import Specified
from automl_core.study.state import State, StopRecord
from automl_core.study.telling import end_record, is_told, is_tried_again, told_before

_RECOMPUTE = 3
"""Suggestions are computed again on newer state so many times, before one on older state is taken."""


class Study(Specified):
    """One experiment's journal with its specification and search algorithm."""

    def __init__(self, journal: StudyJournal, experiment: Experiment, earlier: Sequence[EarlierRun] = ()) -> None:
        """Use `create` or `load`."""
        super().__init__(journal, experiment, earlier)
        self.clock = JournalClock(journal)
        self._loaded: float | None = None
        self._refreshed = self._judged = float("-inf")

    @classmethod
    def create(
        cls,
        journal: StudyJournal,
        experiment: Experiment,
        run: str,
        overrides: list[dict[str, Any]],
        identity: Mapping[str, Any] | None = None,
        mapped_at_most: int = LANE_THRESHOLD,
        inputs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Write the first record, or open the study when it exists (a proposer that runs again).

        Args:
            journal: of this experiment's run.
            experiment: the file with the run's overrides in it.
            run: the run's id, for people.
            overrides: what the run's conf changed: path, old, new.
            identity: what tells this run from another of the same id, plain JSON; recorded as it is.
            mapped_at_most: slots that whoever runs them can start one by one; more are run in lanes.
            inputs: what the run works on, as it was found, by kind, plain JSON; recorded as it is.

        Raises:
            ValueError: the algorithm doesn't exist or can't search this experiment.
            SpecError: a bound asks for what is not known of the data, or that leaves it no room.
            LookupError: an experiment of a later format is there.
        """
        if journal.refresh().created or journal.later:
            return cls.load(journal)
        experiment = as_found(experiment, inputs)
        earlier = find_earlier(journal.store, experiment, journal.prefix, (identity or {}).get("team"))
        study = cls(journal, experiment, earlier)
        first = first_record(study, run, overrides, identity or {}, earlier, mapped_at_most, inputs)
        journal.append("created", first, valid=lambda state: not state.created)
        return cls.load(journal)

    @classmethod
    def load(cls, journal: StudyJournal) -> Self:
        """Open an existing study.

        Raises:
            LookupError: there is none at that place.
        """
        known = journal.open()
        study = cls(journal, experiment_in(known.experiment)) if known.created else None
        state = journal.refresh()
        if not state.created:
            first = next(iter(sorted(journal.unreadable.items())), None)
            why = f": record {first[0]} can't be used, {first[1]}" if first else ""
            raise LookupError(f"no experiment at {journal.store.url}/{journal.prefix}{why}")
        if study is None:
            study = cls(journal, experiment_in(state.experiment))
        study._loaded = journal.clock()
        return study

    def refresh(self) -> State:
        """Read what is new."""
        self._refreshed = self.journal.clock()
        return self.journal.refresh()

    def _catch_up(self) -> None:
        """Read what is new, unless `load` did a moment ago: two requests less for a task's process."""
        loaded, self._loaded = self._loaded, None
        if loaded is None or self.journal.clock() - loaded > 1.0:
            self.refresh()

    # --- asking -------------------------------------------------------------------------------

    def ask(
        self,
        slot: int | None = None,
        *,
        lane: int | None = None,
        worker: str = "",
        places: int | None = None,
        generation: int | None = None,
    ) -> Answer:
        """What a slot (or lane) is to do at its first training task.

        A slot that is bound gets a new attempt at the same work; one that is not is bound now.

        Args:
            slot: number of the slot; None for a lane, which takes its unfinished work or the next free slot.
            lane: number of the lane.
            worker: who asks, for people.
            places: how many trials whoever schedules the slots lets run at once. Where that is no more than the
                file allows, running trials are not counted here again.
            generation: how often people have cleared the slot, by the count of whoever schedules it. Where the
                attempt of that same generation has ended for good, it is not made again (`Ended`): nobody has asked
                for that, only the answer was lost. None: whoever asks for ended work wants it anew.
        """
        self._catch_up()
        gated = places is None or places > self.experiment.trials.concurrency
        if slot is None:
            slot = unfinished_of_lane(self.state, lane)
        if slot is not None and slot in self.state.works:
            task = next_task(self.state, slot) if lane is not None else 0
            return self._again(slot, task, worker, gated, generation)
        return self._bind(slot, lane, worker, gated, generation)

    def resume(self, slot: int, task: int, *, worker: str = "", generation: int | None = None) -> Answer:
        """What a slot is to do at a later training task (index ``task``), or again at the first; see `ask`."""
        self._catch_up()
        if slot not in self.state.works:
            return Over(self._why_over() or "the slot was never bound")
        return self._again(slot, task, worker, gated=True, generation=generation)

    def unfinished(self, slot: int, task: int) -> Binding | None:
        """The attempt at a training task of a slot that nobody has told the end of, if there is one.

        Its worker may be gone while the job that it started outside Airflow still runs.
        """
        self._catch_up()
        work = self.state.works.get(slot)
        attempt = work.last_attempt() if work else None
        if attempt is None or attempt.task != task or attempt.state is not TrialState.RUNNING:
            return None
        return binding_of(self.state, slot, task)

    def binding(self, slot: int, task: int) -> Binding:
        """The newest attempt of a bound slot at a training task, on the state as last read.

        Raises:
            LookupError: there was none.
        """
        return binding_of(self.state, slot, task)

    def external(self, binding: Binding, identity: str, began: float | None = None) -> None:
        """Record the identity of the job that runs an attempt outside Airflow, and when one that queued began."""
        data = {"slot": binding.slot, "task": binding.task, "attempt": binding.attempt, "id": identity}
        self.journal.append("external", data if began is None else {**data, "began": began})

    def _again(self, slot: int, task: int, worker: str, gated: bool, generation: int | None) -> Answer:
        """A new attempt at bound work: a retry, a clear, or the next training task.

        A trial that gave its place back (it waits for a retry, or was cleared) needs a free one again.
        """
        told = told_before(self.state, slot, task, generation)
        if told is not None:
            return Ended(binding_of(self.state, slot, task), told)

        def full(state: State) -> bool:
            takes_over = state.works[slot].state is TrialState.RUNNING
            return gated and not takes_over and is_full(state, self.experiment)

        def valid(state: State) -> bool:
            untold = told_before(state, slot, task, generation) is None
            return untold and refusal(state, slot, task) is None and not full(state)

        data: dict[str, Any] = {"slot": slot, "task": task, "worker": worker}
        if generation is not None:
            data["generation"] = generation
        record = self.journal.append("attempt", data, valid=valid)
        if record is not None:
            return binding_of(self.state, slot, task)
        told = told_before(self.state, slot, task, generation)
        if told is not None:
            return Ended(binding_of(self.state, slot, task), told)
        refused = refusal(self.state, slot, task)
        if refused is None:
            return no_place(self.state)
        self._close(slot, lambda state: ended_by_order(state, slot))
        return Over(refused)

    def _close(self, slot: int, verdict: Callable[[State], tuple[TrialState, str] | None]) -> None:
        """End work that nobody runs and nobody will try again, if the verdict on the newest state is so."""
        data: dict[str, Any] = {"slot": slot}

        def valid(state: State) -> bool:
            found = None if state.works[slot].state.ended else verdict(state)
            if found is None:
                return False
            data["state"], data["reason"] = str(found[0]), found[1]
            return True

        self.journal.append("closed", data, valid=valid)

    def _bind(self, slot: int | None, lane: int | None, worker: str, gated: bool, generation: int | None) -> Answer:
        binder = Binder(self.journal, self.experiment, lambda: self.algorithm, gated=gated, generation=generation)
        for tries in range(1000):
            over = self._why_over()
            if over is not None:
                return Over(over)
            answer = binder.bind(slot, lane, worker, lenient=tries >= _RECOMPUTE)
            if isinstance(answer, Exhausted):  # the stop conditions judge what follows from it, once nothing runs
                data = {"exhausted": answer.reason}
                self.journal.append("note", data, valid=lambda s: s.stop is None and not s.exhausted)
            elif answer is not None:
                return answer
            elif slot is not None and slot in self.state.works:
                return self._again(slot, 0, worker, gated, generation)  # another process bound this very slot
        raise Contended("a thousand suggestions in a row were overtaken by other processes")

    def release(self, slot: int) -> None:
        """Note that nothing runs a slot's attempt any more, though nobody has told how it ended.

        The trial waits for a new attempt then, and its place is free for others.
        """
        attempt = self.state.works[slot].last_attempt()
        if attempt is None or attempt.state is not TrialState.RUNNING:
            return
        data = {"slot": slot, "task": attempt.task, "attempt": attempt.number}
        self.journal.append("lost", data, valid=lambda state: state.is_running(slot, attempt.task, attempt.number))

    # --- while it runs ------------------------------------------------------------------------

    def order(self, binding: Binding, *, max_age: float = 0.0) -> tuple[TrialState, str] | None:
        """Whether an attempt must end now, and as what: the state and the reason.

        Args:
            binding: the attempt.
            max_age: read what is new, unless that was done less than so many seconds ago.
        """
        if max_age <= 0 or self.journal.clock() - self._refreshed >= max_age:
            self.refresh()
        state = self.state
        if not self.is_current(binding):
            return (TrialState.SYS_CANCELED, "a later attempt has taken over, or this one was given up")
        if state.stop is None:
            self.stop_when_overdue()
        return ended_by_order(self.state, binding.slot)

    def goes_on(self, binding: Binding, *, max_age: float) -> bool:
        """Whether it is known, without asking the store, that an attempt goes on: that `order` has no order for it.

        Args:
            binding: the attempt.
            max_age: seconds that the knowledge may be old.
        """
        if self.journal.clock() - min(self._refreshed, self._judged) >= max_age:
            return False
        return self.is_current(binding) and ended_by_order(self.state, binding.slot) is None

    def is_current(self, binding: Binding) -> bool:
        """Whether an attempt is the one that counts, on the state as last read."""
        return self.state.is_running(binding.slot, binding.task, binding.attempt)

    def note_reported(self, binding: Binding) -> None:
        """Note that a running trial has reported the goal's value, where others wait for that (see `canary`)."""
        if matters(self.experiment):
            data = {"reported": True, "trial": binding.trial}
            self.journal.append("note", data, valid=lambda state: not state.proven)

    def warn(self, binding: Binding, text: str) -> None:
        """Note with a running attempt what whoever looks at its result should know."""
        data = {"warning": text, "slot": binding.slot, "task": binding.task, "attempt": binding.attempt}
        self.journal.append("note", data, valid=lambda _: self.is_current(binding))

    def stop_when_overdue(self) -> None:
        """Judge again while a trial runs, since time and cost go on."""
        self._judged = self.journal.clock()
        limits = self.experiment.stop
        if limits.max_duration is None and limits.max_cost is None and limits.deadline is None:
            return
        verdict = self.judge()
        if verdict is not None and verdict.kind in OVERDUE:
            self.stop(verdict.kind, verdict.state, verdict.reason)

    # --- telling ------------------------------------------------------------------------------

    def tell(self, binding: Binding, outcome: Outcome) -> Told:
        """Record how an attempt ended, and judge the experiment.

        Telling the same end of the same attempt again changes nothing and gets the same answer: whoever was cut off
        from the store may tell until it has an answer.
        """
        record_accepted, retry = self._append_ended(binding.slot, binding.task, binding.attempt, outcome)
        if not record_accepted:
            accepted = is_told(self.state, binding, outcome)
            retry = accepted and self.state.works[binding.slot].retry
            return Told(accepted=accepted, retry=retry, stop=self.state.stop, unbound=self.unbound())
        stop = self.state.stop
        if stop is None and not retry:
            verdict = self.judge()
            if verdict is not None and verdict.kind != "max_trials":
                stop = self.stop(verdict.kind, verdict.state, verdict.reason)
        return Told(accepted=True, retry=retry, stop=stop, unbound=self.unbound())

    def _append_ended(self, slot: int, task: int, attempt: int, outcome: Outcome) -> tuple[bool, bool]:
        data = end_record(slot, task, attempt, outcome, last=task == len(self.experiment.tasks) - 1)

        def valid(state: State) -> bool:
            if not state.is_running(slot, task, attempt):
                return False
            data["retry"] = is_tried_again(state, self.experiment, slot, outcome)
            return True

        record = self.journal.append("ended", data, valid=valid)
        return (record is not None, record is not None and bool(data["retry"]))

    # --- judging ------------------------------------------------------------------------------

    def judge(self) -> Verdict | None:
        """Whether the experiment is over by its stop conditions, on the state as last read."""
        verdict = judge(self.progress(), self.experiment)
        if verdict is not None and verdict.kind in OVERDUE and self.clock.is_wrong():
            return judge(self.progress(), self.experiment)
        return verdict

    def progress(self) -> Progress:
        """What the stop conditions look at."""
        return progress_of(self.state, self.experiment, self.clock.now())

    def stop(
        self, kind: str, state: ExperimentState, reason: str, *, running: str | None = None, by: str = ""
    ) -> StopRecord:
        """End the experiment: no further slot is bound; running trials drain or are cancelled.

        The first stop stands; a later one has no effect and the first is returned.
        """
        data = {
            "kind": kind, "state": str(state), "reason": reason, "by": by,
            "running": running or ("cancel" if kind == "deadline" else self.experiment.stop.running_trials),
        }  # fmt: skip
        self.journal.append("stop", data, valid=lambda s: s.stop is None)
        stop = self.state.stop
        assert stop is not None
        return stop

    def finish(self) -> StopRecord:
        """Close the experiment once nothing runs any more: by the stop that stands, or by judging the whole.

        Work that nobody goes on with is ended: as failed where it waits for another attempt after a failure, as
        cancelled by the system where its worker was lost or its next training task never began.
        """
        self.refresh()
        for work in self.state.unended:
            self.give_up(work.slot)
        if self.state.stop is not None:
            return self.state.stop
        verdict = self.judge()
        if verdict is not None:
            return self.stop(verdict.kind, verdict.state, verdict.reason)
        reason = f"its run ended with {len(self.unbound())} of {self.state.plan['slots']} slots never started"
        return self.stop("ended", ExperimentState.SYS_CANCELED, reason)

    def give_up(self, slot: int) -> None:
        """End work that nobody runs any more and that nobody will try again (see `finish`)."""
        seen = self.state.works[slot].attempts[-1]
        self._close(slot, lambda state: given_up(state, slot, seen.task, seen.number))

    def cancel_trial(self, trial: int, by: str) -> None:
        """Ask for one trial to be ended; whoever runs it obeys at its next look.

        Raises:
            LookupError: there is no such trial.
        """
        self.refresh()
        if self.journal.append("cancel", {"trial": trial, "by": by}, valid=lambda s: 0 <= trial < len(s.trials)):
            return
        known = f"0 to {len(self.state.trials) - 1} are bound" if self.state.trials else "none is bound yet"
        raise LookupError(f"there is no trial {trial}; {known}")

    def _why_over(self) -> str | None:
        if self.state.stop is None:
            verdict = self.judge()
            if verdict is None:
                return exhausted_by(self.state, self.experiment) or None
            if verdict.kind == "max_trials":
                return verdict.reason
            self.stop(verdict.kind, verdict.state, verdict.reason)
        return self.state.stop.reason if self.state.stop else None
