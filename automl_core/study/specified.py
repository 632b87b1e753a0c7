"""What a study is to do, as its journal says: the file with the run's overrides and later edits, and the algorithm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from automl_core.search.base import Algorithm
from automl_core.space import Space
from automl_core.spec.models import Experiment
from automl_core.spec.stages import experiment_in
from automl_core.study.history import best_trial, context_of
from automl_core.study.journal import StudyJournal
from automl_core.study.sources import EarlierRun, histories
from automl_core.study.state import State


class Specified:
    """An experiment's specification, kept up with the edits in its journal."""

    def __init__(self, journal: StudyJournal, experiment: Experiment, earlier: Sequence[EarlierRun] = ()) -> None:
        """Take the specification as it stands.

        Args:
            journal: of the experiment.
            experiment: the file with the run's overrides and edits in it.
            earlier: runs whose observations enter, before the journal has them.
        """
        self.journal = journal
        self._earlier = tuple(earlier)
        self._adopt(experiment)

    def _adopt(self, experiment: Experiment) -> None:
        from automl_core.search import create

        self._edits = self.journal.state.edits
        self._experiment = experiment
        self._space = Space.from_models(experiment.space)
        context, space = context_of(experiment, self._space), self._space
        runs = self._earlier or self.journal.state.earlier
        self._make_algorithm: Callable[[], Algorithm] = lambda: create(
            experiment.search.algorithm, replace(context, earlier=histories(runs, space))
        )
        self._algorithm: Algorithm | None = None

    def _follow_edits(self) -> None:
        if self._edits != self.journal.state.edits:
            self._adopt(experiment_in(self.journal.state.experiment))

    @property
    def experiment(self) -> Experiment:
        """The file with its run's overrides and what was edited since, as far as the journal is read."""
        self._follow_edits()
        return self._experiment

    @property
    def space(self) -> Space:
        """The search space of `experiment`."""
        self._follow_edits()
        return self._space

    @property
    def algorithm(self) -> Algorithm:
        """The search algorithm, made when it is first needed."""
        self._follow_edits()
        if self._algorithm is None:
            self._algorithm = self._make_algorithm()
        return self._algorithm

    @property
    def state(self) -> State:
        """The state as last read."""
        return self.journal.state

    def unbound(self) -> tuple[int, ...]:
        """Slots that have no work yet."""
        slots = int(self.state.plan.get("slots", 0))
        bound = self.state.works.slots()
        return tuple(slot for slot in range(slots) if slot not in bound)

    def best(self) -> tuple[int, float] | None:
        """Number and value of the best trial so far."""
        trial = best_trial(self.state, self.experiment)
        if trial is None:
            return None
        value = self.state.value_of(trial)
        assert value is not None
        return (trial.number, value)
