"""A study whose clock a test turns: trials that begin, last and end as it says."""

from __future__ import annotations

from typing import Any

from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.storage.base import ObjectStore
from automl_core.study import Binding, Outcome, Study, StudyJournal
from automl_core.study.places import expected_ends, is_due
from tests.support.memory_store import MemoryStore


def experiment(**trials: Any) -> Experiment:
    return Experiment.model_validate({
        "name": "e", "goal": {"metric": "accuracy", "direction": "maximize"}, "search": {"algorithm": "random"},
        "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
        "trials": {"max": 40, "concurrency": 3, "canary": False, **trials}, "tasks": [{"command": ["true"]}],
    })  # fmt: skip


class ClockedStudy:
    """A study with a clock."""

    def __init__(self, store: ObjectStore | None = None, **trials: Any) -> None:
        self.now = 1000.0
        journal = StudyJournal(store or MemoryStore(), "e/r/", clock=lambda: self.now, sleep=lambda _: None)
        self.study = Study.create(journal, experiment(**trials), "r", [])
        self.next = 0

    def begin(self) -> Binding:
        answer = self.study.ask(self.next)
        assert isinstance(answer, Binding), answer
        self.next += 1
        return answer

    def end(self, binding: Binding) -> None:
        self.study.tell(binding, Outcome(TrialState.SUCCEEDED, value=0.5))

    def lasted(self, *seconds: float) -> None:
        for each in seconds:
            binding = self.begin()
            self.now += each
            self.end(binding)

    def ends(self, within: float) -> float:
        return expected_ends(self.study.state, self.now, within)

    def due(self, within: float, before: int = 0) -> bool:
        return is_due(self.study.state, self.study.experiment, self.now, within, before)
