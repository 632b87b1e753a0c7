"""One attempt at the statements of a training task: submit, look, go on to the next. Everything here blocks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from automl_core.backends.base import Exit
from automl_core.backends.maxcompute import ends
from automl_core.backends.maxcompute.client import Busy, Client, Refused, State, Usage
from automl_core.backends.maxcompute.errors import Failure, Kind
from automl_core.backends.maxcompute.ledger import Entry, Ledger
from automl_core.backends.maxcompute.once import MOST_TURNS, Board, obtain
from automl_core.backends.maxcompute.plan import JobNames, Step, once_name
from automl_core.backends.maxcompute.rows import BadRows, metric_lines, printed
from automl_core.backends.remote import Report, Unreachable
from automl_core.spec.maxcompute import RowMetrics

PATIENCE = 1800.0
"""Seconds that a service may refuse for the moment (throttled, out of quota) before the attempt is given back."""

CLOCKS_APART = 300.0
"""Seconds that the service's clock may be behind this machine's."""

_LONGEST_WAIT = 60.0


@dataclass(frozen=True)
class Settings:
    """How an attempt runs.

    Attributes:
        steps: what it runs, in order.
        names: of its instances.
        priority: of its instances, None for the project's default.
        metrics: what becomes of the rows of metric steps, None without such steps.
        timeout: seconds that the attempt may take, None for ever.
        logview: whether links to instances carry a token.
    """

    steps: tuple[Step, ...]
    names: JobNames
    priority: int | None = None
    metrics: RowMetrics | None = None
    timeout: float | None = None
    logview: bool = False


class Run:
    """The state of one attempt. `advance` goes as far as it can without waiting; safe to call from any thread."""

    def __init__(
        self, settings: Settings, client: Client, ledger: Ledger, *, board: Board,
        record: Callable[[Ledger], None] = lambda _: None, finish: Callable[[], list[str]] = lambda: [],
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """Go on where a ledger ends.

        Args:
            settings: what is to be run.
            client: of the project.
            ledger: what was submitted so far.
            board: claims on statements that run once.
            record: remembers the ledger each time that something was submitted; may raise Unreachable.
            finish: what is to be done when all statements are; returns notes for people, may raise Unreachable.
            clock: seconds since 1970.
        """
        self.settings, self.client, self.ledger = settings, client, ledger
        self._used: dict[str, Usage] = {}
        self._board, self._record, self._finish, self._clock = board, record, finish, clock
        self._lock = threading.RLock()
        self._index = 0
        self._sure = False  # whether nobody else can have submitted what is not in the ledger
        self._recorded = True
        self._ending: str | None = None  # "order", or which time limit is over
        self._stopped = False
        self._exit: Exit | None = None
        self._lines: list[str] = []
        self._notes: list[str] = []
        self._turns: dict[str, int] = {}
        self._busy_since: float | None = None
        self._busy_until = 0.0
        self._seen = time.monotonic()

    # --- what the watcher asks ---------------------------------------------------------------

    @property
    def usage(self) -> Usage:
        """What its own instances that have ended have used."""
        return sum(self._used.values(), Usage())

    @property
    def current(self) -> Entry | None:
        """The instance that runs now, None while there is none."""
        return self.ledger.entries[self._index] if self._index < len(self.ledger.entries) else None

    @property
    def step(self) -> Step | None:
        """The step that is at work, None after the last."""
        return self.settings.steps[self._index] if self._index < len(self.settings.steps) else None

    @property
    def seen(self) -> float:
        """When the current instance was submitted or first known here, by the monotonic clock."""
        return self._seen

    @property
    def settled(self) -> bool:
        """Whether there is nothing to do here but to wait for the current instance."""
        return self.current is not None and self._recorded and self._ending is None and not self._overdue()

    @property
    def exit(self) -> Exit | None:
        """How it ended, None while it goes on."""
        return self._exit

    def place(self) -> str:
        """Where it is, for people: ``statement 2 of 3 (train)``."""
        step, count = self.step, max(step.number for step in self.settings.steps)
        if step is None:
            return "all statements"
        if step.metrics:
            return "metrics"
        name = "" if step.label == f"statement {step.number}" else f" ({step.label})"
        return f"statement {step.number} of {count}{name}"

    def notes(self) -> list[str]:
        """What people should know since the last call."""
        with self._lock:
            notes, self._notes = self._notes, []
            return notes

    def order_end(self) -> None:
        """End it: the running instance is stopped, nothing more is submitted. `advance` tells when it is over.

        Raises:
            Unreachable: the service can't be asked now.
        """
        with self._lock:
            if self._exit is None:
                self._ending = self._ending or "order"
                self._stop_once()

    def advance(self) -> Report:
        """Do what can be done now.

        Raises:
            Unreachable: the service or the store can't be asked now.
        """
        with self._lock:
            try:
                if self._exit is None:
                    self._advance()
            except Refused as error:
                failed = ends.failed(self._failing(error.failure), self._seconds())
                self._exit = failed if self._ending is None else self._ended()
            lines, self._lines = self._lines, []
            return Report(lines=lines, notes=self.notes(), running=bool(self.ledger.entries), exit=self._exit)

    # --- the steps ----------------------------------------------------------------------------

    def _advance(self) -> None:
        while self._exit is None:
            self._remember()
            self._ending = self._ending or self._time_limit()
            if self._ending is not None:
                self._stop_once()
            step = self.step
            if step is None:
                self._complete()
                return
            if self.current is None:
                if self._ending is not None:
                    self._exit = self._ended()
                elif self._obtain(step):
                    self._remember()
                return  # what was submitted a moment ago still runs
            state = self.client.state(self.current.instance)
            if state == "Running":
                if self._ending is not None and step.once:
                    self._exit = self._ended()  # it serves the other trials
                return
            self._ended_instance(step, state)
            if step.metrics and not step.last:
                return  # the study judges before anything more is submitted

    def _ended_instance(self, step: Step, state: State) -> None:
        entry = self.current
        assert entry is not None
        if entry.own and entry.instance not in self._used:
            self._used[entry.instance] = self._usage_of(entry, step)
        if self._ending is not None:
            self._exit = self._ended()
        elif state == "Success":
            self._take_answer(step, entry)
            self._go_on()
        elif step.once and self._again(step, entry, state):
            self.ledger = replace(self.ledger, entries=self.ledger.entries[: self._index])
        elif state == "Cancelled":
            self._exit = ends.cancelled(self.place(), entry.instance, self._seconds())
        else:
            failure = self.client.failure(entry.instance)
            if step.metrics and not step.last and failure.kind is Kind.MISSING:
                self._go_on()  # there is nothing to read yet
            else:
                self._exit = ends.failed(self._failing(failure), self._seconds())

    def name_of(self, step: Step) -> str:
        """The name of the instance of the step that is at work."""
        if step.once:
            return once_name(self.settings.names.place, step.digest, self._turns.get(step.digest, 1))
        return self.settings.names.of(step, self._index)

    def _usage_of(self, entry: Entry, step: Step) -> Usage:
        try:
            return self.client.usage(entry.instance, self.name_of(step), command=step.command is not None)
        except Refused as error:
            self._notes.append(f"{self.place()}: its cost is not known: {error}")
            return Usage()

    def _go_on(self) -> None:
        self._index += 1
        self._seen = time.monotonic()

    def _take_answer(self, step: Step, entry: Entry) -> None:
        if not step.answers:
            return
        answer = self.client.answer(entry.instance, self.name_of(step), command=step.command is not None)
        if not step.metrics:
            self._lines += printed(answer)
            return
        assert self.settings.metrics is not None
        try:
            numbered = step.number if self.settings.metrics.after == "each" else None
            self._lines += metric_lines(answer, self.settings.metrics, numbered)
        except BadRows as error:
            if step.last or answer.rows:
                self._exit = ends.bad_metrics(step.text, str(error), entry.instance, self._seconds())

    def _complete(self) -> None:
        if self._ending is not None:
            self._exit = self._ended()
            return
        self._notes += self._finish()
        self._exit = ends.succeeded(self._seconds())

    # --- submitting ---------------------------------------------------------------------------

    def _obtain(self, step: Step) -> bool:
        """Submit the step's instance, or find the one that was; False while that has to wait."""
        if self._clock() < self._busy_until:
            return False
        try:
            entry = self._obtain_once(step) if step.once else self._submit(step)
        except Busy as error:
            self._sure = False  # it may have been submitted all the same
            self._back_off(error.failure)
            return False
        if entry is None:
            return False
        self._busy_since, self._busy_until = None, 0.0
        self.ledger = replace(self.ledger, entries=(*self.ledger.entries, entry))
        self._sure, self._recorded, self._seen = True, False, time.monotonic()
        self._notes.append(f"{self.place()}: instance {entry.instance} {self._link(entry.instance)}")
        return True

    def _submit(self, step: Step) -> Entry:
        name = self.name_of(step)
        found = None if self._sure else self._find(step)
        if found is not None:
            self._notes.append(f"{self.place()} was submitted before: its instance is taken over")
        return Entry(step.digest, found or self._post(step, name), self._clock())

    def _find(self, step: Step) -> str | None:
        return self._find_named(step, self.name_of(step), self.ledger.began)

    def _find_named(self, step: Step, name: str, since: float) -> str | None:
        try:
            return self.client.find(name, max(0.0, since - CLOCKS_APART), command=step.command is not None)
        except Refused as error:
            if error.failure.kind is not Kind.PERMISSION:
                raise
            return None  # these keys may not list; a submission that is repeated is known by its mark

    def _post(self, step: Step, name: str) -> str:
        settings = self.settings
        if step.command is not None:
            return self.client.submit_command(name, step.command, dict(step.hints), settings.priority)
        return self.client.submit_sql(name, step.text, dict(step.hints), settings.priority)

    def _obtain_once(self, step: Step) -> Entry | None:
        names = self.settings.names
        owner = f"slot {names.slot}, task {names.task}, attempt {names.attempt}"
        shared = obtain(
            step, self._board, names.place, owner, self._clock, after=self._turns.get(step.digest, 0),
            submit=lambda name: self._post(step, name), find=lambda name, since: self._find_named(step, name, since),
            stop=self.client.stop,
        )  # fmt: skip
        if shared.instance is None:
            return None
        self._turns[step.digest] = shared.turn
        return Entry(step.digest, shared.instance, self._clock(), own=shared.own)

    def _again(self, step: Step, entry: Entry, state: State) -> bool:
        """Whether a statement that runs once is to be tried again: what failed was older, or for no fault of it."""
        turn = self._board.latest(step.digest)
        if turn is None or turn.number >= MOST_TURNS:
            return False
        same = turn.instance == entry.instance
        old = same and turn.claimed < self.ledger.began
        if same and not (old or state == "Cancelled" or self.client.failure(entry.instance).blameless):
            return False
        self._turns[step.digest] = turn.number if same else turn.number - 1  # another may be at it already
        self._sure = False
        self._notes.append(f"{self.place()}: instance {entry.instance} failed, it is tried again")
        return True

    def _back_off(self, failure: Failure) -> None:
        now = self._clock()
        if self._busy_since is None:
            self._busy_since = now
            self._notes.append(f"{self.place()} can't be submitted now, it is tried again: {failure.message}")
        waited = now - self._busy_since
        if waited > PATIENCE:
            self._exit = ends.failed(self._failing(failure), self._seconds())
        self._busy_until = now + min(_LONGEST_WAIT, max(1.0, waited))

    def _remember(self) -> None:
        if not self._recorded:
            self._record(self.ledger)
            self._recorded = True

    def _link(self, instance: str) -> str:
        try:
            return self.client.logview(instance, token=self.settings.logview)
        except (Unreachable, Refused):  # a link is not worth an attempt
            return ""

    # --- ending -------------------------------------------------------------------------------

    def _stop_once(self) -> None:
        """Stop what runs; asked again where the service was away."""
        if not self._stopped:
            self._stop_current()
            self._stopped = True

    def _stop_current(self) -> None:
        step, entry = self.step, self.current
        if step is None or step.once:
            return
        instance = entry.instance if entry else None
        if entry is None and not self._sure:
            instance = self._find(step)
        if instance is not None:
            self.client.stop(instance)

    def _ended(self) -> Exit:
        if self._ending == "order":
            return ends.terminated(self._seconds())
        return ends.timed_out(self._ending or "", self._seconds())

    def _overdue(self) -> bool:
        return self._time_limit() is not None

    def _time_limit(self) -> str | None:
        """Which time limit is over, in words."""
        now, step, entry = self._clock(), self.step, self.current
        limit = self.settings.timeout
        if limit is not None and now - self.ledger.began > limit:
            return f"it took longer than {limit:g} s, with {self.place()} not finished"
        if step is not None and entry is not None and step.timeout is not None and now - entry.at > step.timeout:
            return f"{self.place()} took longer than {step.timeout:g} s"
        return None

    def _failing(self, failure: Failure) -> ends.Failing:
        step, entry = self.step, self.current
        return ends.Failing(self.place(), step.text if step else "", entry.instance if entry else None, failure)

    def _seconds(self) -> float:
        return max(0.0, self._clock() - self.ledger.began)
