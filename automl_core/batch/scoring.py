"""One table scored by SQL: the golden rows first, then all rows, each step found again by whoever starts anew.

`Scoring.advance` goes as far as it can without waiting; the command line waits in between, a task of Airflow lets go of
its worker. Nothing is remembered but `Scoring.state`: a start without it finds the instances by their names.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from automl_core.backends.base import Exit
from automl_core.backends.maxcompute.client import Answer, Client
from automl_core.backends.maxcompute.ledger import Entry, Ledger
from automl_core.backends.maxcompute.once import Turn as OnceTurn
from automl_core.backends.maxcompute.run import Run, Settings
from automl_core.batch import turns
from automl_core.batch.golden import SHOWN, Golden, differences, golden_of
from automl_core.batch.statements import Statements, golden_statements, scoring_statements
from automl_core.batch.wanted import Tables, Wanted, look

if TYPE_CHECKING:
    from automl_core.modelfile.model import Model

Phase = Literal["golden", "scoring"]


class BatchFailed(Exception):
    """A table could not be scored. The message says which statement, and why.

    Attributes:
        exit: how MaxCompute ended it, None where it did not.
    """

    def __init__(self, message: str, exit: Exit | None = None) -> None:
        super().__init__(message)
        self.exit = exit


@dataclass(frozen=True, slots=True)
class Done:
    """A table that was scored.

    Attributes:
        rows: that it has.
        out: the place of the predictions.
        columns: theirs, name → type.
        golden: how many golden rows SQL has scored as the model did.
        instances: that scored it, in order.
    """

    rows: int
    out: str
    columns: Mapping[str, str]
    golden: int
    instances: tuple[str, ...]


class Scoring:
    """The scoring of one table, from checks to the dropped temporary tables. Everything here blocks."""

    def __init__(
        self, client: Client, model: Model, wanted: Wanted, *, state: Mapping[str, Any] | None = None,
        priority: int | None = None, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """Look at the tables and write the SQL; nothing is submitted yet.

        Args:
            client: of the project in which the statements run.
            model: that scores.
            wanted: what.
            state: `state` of a `Scoring` before this one that was let go of in its midst.
            priority: of the instances, None for the project's default.
            clock: seconds since 1970.

        Raises:
            CantScore: the model has no SQL, or the tables don't fit.
            Busy, Refused: MaxCompute can't be asked, or doesn't let these keys look.
        """
        self.client, self.model, self.wanted = client, model, wanted
        self._priority, self._clock = priority, clock
        self.tables: Tables = look(client, model, wanted)
        known = self.tables.rows.all_columns
        there = [each.name for each in model.schema.fields if each.name.lower() in known]  # all but optional ones
        self._types = {name: known[name.lower()] for name in there}
        self._types |= {name: known[name.lower()] for name in wanted.keep}
        self.golden: Golden = golden_of(model, known)
        project = client.access.project
        scoring = scoring_statements(model, wanted, self.tables, self._types, "automl_tmp_s")
        golden = golden_statements(model, wanted, self.golden, "automl_tmp_g")
        self._written: dict[Phase, Statements] = {"golden": golden, "scoring": scoring}
        self._digests = {phase: _digest_of(each, project) for phase, each in self._written.items()}
        self._phase: Phase = "golden"
        self._turns: dict[str, int] = {}
        self._ledgers: dict[str, Ledger] = {}
        self._run: Run | None = None
        self._statements: Statements | None = None
        self._golden_ok = False
        self.done: Done | None = None
        self.notes: list[str] = []
        if self.golden.natural:
            self.notes.append(
                f"the golden rows of {', '.join(self.golden.natural)} are of other types than the table's columns"
            )
        if state:
            self._phase = state["phase"]
            self._turns = {name: int(each) for name, each in state["turns"].items()}
            self._ledgers = {name: Ledger.from_json(each) for name, each in state["ledgers"].items()}
            self._golden_ok = self._phase == "scoring"

    @property
    def state(self) -> dict[str, Any]:
        """Where it is, as plain JSON without secrets."""
        if self._run is not None:
            self._ledgers[self._phase] = self._run.ledger
        ledgers = {name: each.to_json() for name, each in self._ledgers.items()}
        return {"phase": self._phase, "turns": dict(self._turns), "ledgers": ledgers}

    @property
    def running(self) -> str | None:
        """The instance that runs now, None while none does."""
        return self._run.current.instance if self._run is not None and self._run.current is not None else None

    def advance(self) -> bool:
        """Do what can be done now.

        Returns:
            Whether all is done; `done` says what then.

        Raises:
            BatchFailed: a statement failed, the golden rows came out otherwise, or rows are missing.
            Unreachable: MaxCompute can't be asked now; what runs runs on.
        """
        if self.done is not None:
            return True
        if self._phase == "golden" and self._finished():
            self._compare()
            self._phase, self._run = "scoring", None
        if self._phase == "scoring" and self._golden_ok and self._finished():
            self._count()
        return self.done is not None

    def stop(self) -> None:
        """Stop the instance that runs; nothing more is submitted.

        Raises:
            Unreachable: the service can't be asked now.
        """
        if self._run is not None:
            self._run.order_end()

    # --- a phase ------------------------------------------------------------------------------

    def _finished(self) -> bool:
        """Whether the statements of the phase are done; those of a phase that is begun are submitted."""
        if self._run is None:
            self._begin()
        run = self._run
        assert run is not None
        report = run.advance()
        self.notes += [f"{self._phase}: {note}" for note in report.notes]
        self._ledgers[self._phase] = run.ledger
        if report.exit is None:
            return False
        if not report.exit.ok:
            self._drop()
            raise BatchFailed(f"{_WORDS[self._phase]}: {report.exit.reason}", report.exit)
        return True

    def _begin(self) -> None:
        phase, place = self._phase, f"batch|{self._phase}|{self._digests[self._phase]}"
        known, project = self._ledgers.get(phase), self.client.access.project
        if known is None:
            turn = turns.current(self.client, lambda number: self._steps(number).steps, place, now=self._clock)
            if turn.complete and phase == "scoring":
                turn = turns.Turn(turn.number + 1)  # what it has written may have been changed since
            self._turns[phase] = turn.number
            now = self._clock()
            steps = self._steps(turn.number).steps
            entries = tuple(
                Entry(step.digest, instance, now, own=False) for step, instance in zip(steps, turn.found, strict=False)
            )
            if entries:
                self.notes.append(f"{phase}: an earlier start has submitted {len(entries)} of {len(steps)} statements")
            known = Ledger("", project, max(0.0, now - turns.REMEMBERED), entries)
        number = self._turns[phase]
        self._statements = self._steps(number)
        settings = Settings(self._statements.steps, turns.names(place, number), self._priority)
        self._run = Run(settings, self.client, known, board=_Nobody(), clock=self._clock)

    def _steps(self, number: int) -> Statements:
        """The statements of the phase, for a try."""
        return self._written[self._phase].named(f"{self._digests[self._phase][:16]}_{number}")

    def _answer(self) -> Answer:
        """Of the last statement of the phase."""
        run, statements = self._run, self._statements
        assert run is not None
        assert statements is not None
        index = len(statements.steps) - 1
        name = run.settings.names.of(statements.steps[index], index)
        return self.client.answer(run.ledger.entries[index].instance, name, command=False)

    def _drop(self) -> None:
        assert self._statements is not None
        for table in self._statements.temporary:
            self.client.drop_tables(table, lambda name, wanted=table: name.lower() == wanted.lower())  # type: ignore[misc]

    # --- what came of it ----------------------------------------------------------------------

    def _compare(self) -> None:
        assert self._statements is not None
        found = differences(self.golden, self._answer(), self.model.classes, self._statements.columns)
        self._drop()
        if found:
            more = f"; {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            raise BatchFailed(
                f"SQL does not say what the model says, so nothing is scored by it: {'; '.join(found[:SHOWN])}{more}"
            )
        self._golden_ok = True
        self.notes.append(f"{len(self.golden.outputs)} golden rows, scored by SQL, are as the model said")

    def _count(self) -> None:
        run = self._run
        assert run is not None
        assert self._statements is not None
        counted = {str(row[0]): int(row[1]) for row in self._answer().rows}
        self._drop()
        if counted["rows"] != counted["out"]:
            changed = look(self.client, self.model, self.wanted).rows.modified != self.tables.rows.modified
            why = ", whose data have changed meanwhile: score them again" if changed else ""
            raise BatchFailed(
                f"{self.wanted.out.text} has {counted['out']:,} rows for {counted['rows']:,} of "
                f"{self.wanted.rows.text}{why}"
            )
        self.done = Done(
            counted["out"], self.wanted.out.text, self._statements.result, len(self.golden.outputs),
            tuple(entry.instance for entry in run.ledger.entries),
        )  # fmt: skip


_WORDS = {"golden": "scoring the golden rows by SQL", "scoring": "scoring by SQL"}


class _Nobody:
    """Claims on statements that run once for all trials: there are none here."""

    def latest(self, digest: str) -> OnceTurn | None:
        """See `Board.latest`."""
        return None

    def claim(self, digest: str, number: int, owner: str) -> bool:
        """See `Board.claim`."""
        return False

    def submitted(self, digest: str, number: int, instance: str) -> str:
        """See `Board.submitted`."""
        return instance


def _digest_of(statements: Statements, project: str) -> str:
    """The same for the same statements in the same project, whatever their temporary tables are called."""
    body = [project, *(step.digest for step in statements.steps)]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()[:32]
