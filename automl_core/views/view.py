"""One experiment as its viewers see it, kept up with the journal record by record."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from automl_core.journal import Record
from automl_core.results.summary import Summary, summary
from automl_core.spec.models import Experiment
from automl_core.study import Study
from automl_core.study.history import ranking
from automl_core.study.points import front_of
from automl_core.study.state import State, Trial, Work
from automl_core.views.rows import COLUMNS, Row, row_of

_REMEMBERED = 4096
"""Changes kept for viewers that ask what is new."""


class ExperimentView:
    """The read model of one experiment. To be used by one thread at a time, like its `Study`.

    Every record that the study reads is heard, so only the rows of trials that it concerns are made again.
    """

    def __init__(self, study: Study, *, clock: Callable[[], float] = time.time) -> None:
        """Follow a study.

        Args:
            study: whoever holds it reads on; nothing is read here.
            clock: seconds since 1970, for durations of what still runs.
        """
        self.study, self.clock = study, clock
        self._rows: list[Row] = []
        self._dirty: set[int] | None = None  # None: all
        self._ranked_at, self._ranked = -1, study.state
        self._ranking: list[tuple[Trial, Work]] = []
        self._edits = -1
        self._changes: deque[tuple[int, int]] = deque()
        self._known_from = study.state.seq
        study.journal.observers.append(self._hear)

    def close(self) -> None:
        """Hear no more records."""
        if self._hear in self.study.journal.observers:
            self.study.journal.observers.remove(self._hear)

    @property
    def state(self) -> State:
        """The state as last read."""
        return self.study.state

    @property
    def experiment(self) -> Experiment:
        """The experiment's file as it stands now."""
        return self.study.experiment

    @property
    def seq(self) -> int:
        """How far the journal was read."""
        return self.study.state.seq

    @property
    def rows(self) -> Sequence[Row]:
        """One row a trial, by number, with ranks."""
        self._update()
        return self._rows

    @property
    def ranking(self) -> Sequence[tuple[Trial, Work]]:
        """The trials whose value counts, best first, each with the work that gave it."""
        self._update()
        return self._ranking

    @property
    def metrics(self) -> list[str]:
        """Names of every metric that a trial has reported: the goal's first."""
        names = dict.fromkeys(self.experiment.goal.metrics)
        for row in self.rows:
            names.update(dict.fromkeys(row.metrics))
        return list(names)

    def summary(self) -> Summary:
        """The experiment at a glance."""
        return summary(self.state, self.experiment, self.clock())

    def changed_since(self, seq: int) -> list[int] | None:
        """Trials that records after ``seq`` concern, by number; None where that is not known any more."""
        if seq < self._known_from:
            return None
        return sorted({trial for place, trial in self._changes if place > seq})

    def columns(self, rows: Iterable[Row], metrics: Sequence[str]) -> dict[str, Any]:
        """Rows as columns of equal length, those of parameters and metrics nested."""
        rows = list(rows)
        columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
        names = [parameter.name for parameter in self.study.space.parameters]
        columns["params"] = {name: [row.params.get(name) for row in rows] for name in names}
        columns["metrics"] = {name: [row.metrics.get(name) for row in rows] for name in metrics}
        return columns

    def _hear(self, record: Record) -> None:
        trial = record.data.get("trial")
        if trial is None and "slot" in record.data:
            work = self.state.works.get(record.data["slot"])
            trial = work.trial if work is not None else None
        if isinstance(trial, int):
            if len(self._changes) == _REMEMBERED:
                self._known_from = self._changes.popleft()[0]
            self._changes.append((record.seq, trial))
            if self._dirty is not None:
                self._dirty.add(trial)

    def _update(self) -> None:
        state = self.state
        if self._ranked_at == state.seq and self._ranked is state:
            return
        experiment = self.experiment
        if self._edits != state.edits or self._ranked is not state:  # edited, or read anew: a record was void
            self._edits, self._dirty = state.edits, None
        if self._dirty is None:
            self._rows = [row_of(experiment, state, trial) for trial in state.trials]
        else:
            for trial in state.trials[len(self._rows) :]:
                self._rows.append(row_of(experiment, state, trial))
                self._dirty.discard(trial.number)
            for number in self._dirty:
                if 0 <= number < len(self._rows):
                    self._rows[number] = row_of(experiment, state, state.trials[number])
        self._dirty = set()
        self._rank()
        self._ranked_at, self._ranked = state.seq, state

    def _rank(self) -> None:
        for row in self._rows:
            row.rank, row.front = None, False
        self._ranking = ranking(self.state, self.experiment)
        for rank, (trial, _) in enumerate(self._ranking, start=1):
            self._rows[trial.number].rank = rank
        if self.experiment.goal.several:
            for trial, _ in front_of(self.state, self.experiment):
                self._rows[trial.number].front = True
