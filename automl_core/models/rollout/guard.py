"""The guard of a rollout: takes in what servers counted, decides, and acts on the model's journal. Knows no Airflow.

Everything that it knows is in the store: its looks (`looks`), the tallies that are not in them yet, and the model's
journal. It may be killed at any call and started again anywhere, and two may be at work at once.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from automl_core.models.life import ModelLife, NoSuchVersion, Person, Refused
from automl_core.models.life.rollouts import Rollout
from automl_core.models.rollout.deciding import Decision, Facts, decide
from automl_core.models.rollout.evidence import Compared
from automl_core.models.rollout.judging import Judge
from automl_core.models.rollout.layout import look_key, looks_prefix, newest_after
from automl_core.models.rollout.looks import KEPT, Checkpoint, read_checkpoint, write_checkpoint
from automl_core.models.rollout.measures import Measured
from automl_core.models.rollout.rules import Rules
from automl_core.models.rollout.showing import show
from automl_core.models.rollout.taking import take_in
from automl_core.models.rollout.tallies import Place, Tally, list_tallies, read_tally
from automl_core.models.rollout.view import View
from automl_core.storage.base import StorageError
from automl_core.study.layout import safe

log = logging.getLogger(__name__)

MOST = 2_000
"""Tallies that one look reads at most: what bounds its memory. The next look reads on."""

BEAT = 30.0
"""Seconds after which a look is written though nothing is new: so people see that somebody looks."""

_TRIES = 20
_THREADS = 8
_WORDS = {"take_back": "taking it back", "in_use": "putting it in use", "step": "the next step"}

A = TypeVar("A")
B = TypeVar("B")


class Measuring(Protocol):
    """Measures the metrics of late labels, beside the guard: `automl_core.models.rollout.late.Late`."""

    def poll(self, rollout: Rollout, now: float) -> list[Measured]:
        """What was measured since the last call; starts a measurement where one is due. Never waits."""

    def close(self) -> None:
        """End what goes on."""


class Guard:
    """Guards one rollout. Not shared between threads at the same time."""

    def __init__(
        self, life: ModelLife, rollout_id: int, rules: Rules, *, clock: Callable[[], float] = time.time,
        late: Measuring | None = None, by: Person | None = None,
    ) -> None:  # fmt: skip
        """Begin to guard; reads nothing yet.

        Args:
            life: the model, opened by the caller.
            rollout_id: the rollout's number.
            rules: of the model's file (`Rules.of`).
            clock: seconds since 1970.
            late: measures metrics of late labels; None: none is judged, and the view says so.
            by: who acts; the model's DAG where it is left out.
        """
        self.life, self.id, self.rules, self.late = life, rollout_id, rules, late
        self.store, self.model = life.store, life.name
        self.by = by or Person(f"{life.name}.rollout", "dag")
        self._clock = clock
        self._name = uuid.uuid4().hex
        self._state: Checkpoint | None = None
        self._behind = True  # whether somebody may have written a look since `_state`
        self._listed = False  # whether this look has asked for that already
        self._did: list[str] = []
        self._measured: list[Measured] = []  # that is in no look yet
        self._threads: ThreadPoolExecutor | None = None

    def look(self) -> View:
        """Take in what is new, decide, and act. To be called about once a second until the view has ended.

        Returns:
            Where the rollout stands now.

        Raises:
            Refused: there is no such rollout.
            StorageError: the store is away. The next call goes on where this one stopped.
            ValueError: looks lie there that this release can't read.
        """
        self._did = []
        if self._state is None:
            Compared().add(2, 1, 2, 1)  # what that imports takes a second: not when the first error comes
        try:
            for _ in range(_TRIES):
                view = self._look()
                if view is not None:
                    return view
        except BaseException:
            self._state, self._behind = None, True  # whatever was true of it: the store knows
            raise
        raise Refused(f"rollout {self.id} of {self.model} is looked at by others, again and again")

    def close(self) -> None:
        """End what measures beside it."""
        if self.late is not None:
            self.late.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    # --- one look ----------------------------------------------------------------------------------

    def _look(self) -> View | None:
        """One try; None where somebody else was faster, or where an act has changed what stands."""
        rollout, self._listed = self._rollout(), False
        state, fresh_state = self._newest()
        now = max(self._clock(), self.life.state.updated)
        judge = self._judge(rollout)
        folded, left = _sorted(list_tallies(self.store, self.model, self.id), state, rollout)
        found = self._read(left[:MOST])
        if self.late is not None and rollout.open:
            self._measured += self.late.poll(rollout, now)
        measured = self._measured
        after = state.copy()
        after.number, after.guard, after.time = state.number + 1, self._name, now
        take_in(after, rollout, found, judge, now)
        for each in measured:
            after.measured[each.name] = each.after(after.measured.get(each.name))
        tests = judge.tests(after.evidence, after.measured)
        answered = after.evidence.step(rollout.step).tried.answers - after.visit[1]
        heard = max((each.time for each in after.heard.values()), default=None)
        facts = Facts(now, tests, after.evidence, answered, heard, judge.rules)
        decision = decide(rollout, facts) if rollout.open else Decision()
        view = show(self.model, rollout, after, judge, facts, decision, late=self.late is not None, did=self._did)
        new = bool(found or measured or fresh_state or self._did) or _moved(state, view)
        if new or decision.act or now - state.time >= BEAT:
            if self._overtaken(state) or not write_checkpoint(self.store, self.model, self.id, after):
                self._behind = True
                return None
            self._behind = True  # what was written counts once a listing has shown that it is the newest
            self._state, self._measured = after, []
            self._delete_looks(after.number)
        if decision.act:
            problem = self._act(rollout, decision, view)
            if not problem:
                return None
            view.notes.append(problem)
        self._delete([each.key for each in folded])
        return view

    def _rollout(self) -> Rollout:
        found = self.life.refresh().rollouts.get(self.id)
        if found is None:
            raise Refused(f"there is no rollout {self.id} of {self.model}")
        return found

    def _judge(self, rollout: Rollout) -> Judge:
        shares = [0.0 if each.shadow else each.share for each in rollout.steps]
        rules = self.rules.of_kind(rollout.kind)
        return Judge(rollout.champion, rollout.version, rules, rules.alphas(shares))

    def _newest(self) -> tuple[Checkpoint, bool]:
        """The newest look, and whether there is none yet. One listing, and one read where there is news.

        One that a listing has shown to be the newest counts on without another: what is to be written or done by it
        asks first whether it is so still (`_overtaken`). So at rest nothing is asked.
        """
        if self._state is not None and not self._behind:
            return self._state, False
        while True:
            known = self._state.number if self._state is not None else 0
            number, _ = newest_after(self.store, self.model, self.id, known)
            if self._state is not None and number == known:
                self._behind, self._listed = False, True
                return self._state, known == 0
            if not number:
                if self.id > 1:  # what came for the rollout before when nobody looked any more
                    self._delete([each.key for each in list_tallies(self.store, self.model, self.id - 1)])
                self._state = Checkpoint()
                continue
            self._state = read_checkpoint(self.store, self.model, self.id, number)

    def _overtaken(self, state: Checkpoint) -> bool:
        """Whether somebody has written a look since a state: also one so long ago that its place is free again."""
        if self._listed:
            return False
        number, _ = newest_after(self.store, self.model, self.id, state.number)
        return number != state.number

    def _read(self, places: Sequence[Place]) -> list[tuple[Place, Tally | None]]:
        """Tallies with their places; None for what is none."""

        def read(place: Place) -> tuple[Place, Tally | None] | None:
            try:
                tally = read_tally(self.store, place.key)
            except ValueError as error:
                log.error("a tally is left out: %s", error)
                return place, None
            if tally is None:
                return None
            right = (tally.rollout, safe(tally.server), tally.place) == (self.id, place.server, place.place)
            if not right:
                log.error("a tally is left out: %s is of rollout %d, %s", place.key, tally.rollout, tally.server)
            return place, tally if right else None

        return [each for each in self._at_once(read, places) if each is not None]

    # --- what it does ------------------------------------------------------------------------------

    def _act(self, rollout: Rollout, decision: Decision, view: View) -> str:
        """Act on the journal. Returns why that was not possible though nothing has changed; empty otherwise."""
        version, why = rollout.version, decision.why
        was = (rollout.ended, rollout.step, rollout.held)  # the journal's state is one object, and goes on
        told = {"look": view.look, "tests": {each.name: each.words for each in view.tests}}
        try:
            if decision.act == "take_back":
                self.life.take_back(version, self.by, why, evidence=told)
                self._did.append(f"version {version} was taken back: {why}")
            elif decision.act == "in_use":
                self.life.put_in_use(version, self.by, why, evidence=told)
                self._did.append(f"version {version} was put in use: {why}")
            else:
                following = rollout.step + 1
                self.life.step_rollout(self.id, following, self.by, why, evidence=told, expected=rollout.step)
                self._did.append(f"step {following + 1} has begun: {why}")
        except (Refused, NoSuchVersion) as refused:  # a person was faster, or something is in the way
            now = self._rollout()
            same = (now.ended, now.step, now.held) == was
            log.warning("%s, rollout %d: %s is not possible: %s", self.model, self.id, decision.act, refused)
            return f"{_WORDS[decision.act]} is not possible: {refused}" if same else ""
        return ""

    def _delete(self, keys: Sequence[str]) -> None:
        """Remove what is in a look. What can't be removed now is removed by a later look."""
        try:
            self._at_once(self.store.delete, keys[:MOST])
        except StorageError as error:
            log.warning("%s, rollout %d: what was counted can't be removed: %s", self.model, self.id, error)

    def _delete_looks(self, number: int) -> None:
        """Remove the look that is old enough, and now and then all that are."""
        old = number - KEPT
        if old < 1:
            return
        keys = [look_key(self.model, self.id, old)]
        if old % 50 == 1:  # those that a killed guard has left
            folder = looks_prefix(self.model, self.id)
            keys = [key for key in self.store.list(folder) if key <= look_key(self.model, self.id, old)]
        self._delete(keys)

    def _at_once(self, call: Callable[[A], B], given: Sequence[A]) -> list[B]:
        """Calls to the store, some at a time: each may take as long as a bucket does."""
        if len(given) < 2:
            return [call(each) for each in given]
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="rollout-guard")
        return list(self._threads.map(call, given))


def _sorted(places: Iterable[Place], state: Checkpoint, rollout: Rollout) -> tuple[list[Place], list[Place]]:
    """Tallies that are in a look already, and those that are not. After the end none is asked for any more."""
    done: list[Place] = []
    new: list[Place] = []
    for each in places:
        heard = state.heard.get(each.server)
        known = heard is not None and each.place <= heard.place
        (done if known or not rollout.open else new).append(each)
    return done, new


def _moved(state: Checkpoint, view: View) -> bool:
    """Whether the rollout is elsewhere than the newest look shows."""
    shown = state.view
    return any(shown.get(name) != getattr(view, name) for name in ("step", "since", "held", "ended", "outcome"))
