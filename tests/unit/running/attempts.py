"""Attempts of small experiments on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from automl_core.running.local import LocalRun
from automl_core.storage.base import ObjectStore
from automl_core.study import Binding, Outcome, Study, StudyJournal, Told
from tests.unit.running.promises import experiment

PREFIX = "e/r/"


class Bench:
    """A study in a store whose training tasks are shell scripts."""

    def __init__(self, store: ObjectStore, home: Path, *scripts: str | dict[str, Any], **groups: Any) -> None:
        tasks = [
            {"name": f"task{n}", "grace": 1, **({"command": script} if isinstance(script, str) else script)}
            for n, script in enumerate(scripts)
        ]
        self.store, self.home = store, home
        home.mkdir(parents=True, exist_ok=True)
        self.study = Study.create(StudyJournal(store, PREFIX), experiment(tasks=tasks, **groups), "r", [])
        self.lines: list[str] = []

    def ask(self, slot: int = 0, task: int = 0) -> Binding:
        answer = self.study.resume(slot, task) if task else self.study.ask(slot)
        assert isinstance(answer, Binding), answer
        return answer

    def attempt(self, binding: Binding, study: Study | None = None) -> LocalRun:
        return LocalRun(study or self.study, self.store, binding, home=self.home, emit=self.lines.append)

    def run(self, slot: int = 0, task: int = 0) -> tuple[Outcome, Told]:
        return self.attempt(self.ask(slot, task)).run()

    def other(self) -> Study:
        """The study as another process has it."""
        return Study.load(StudyJournal(self.store, PREFIX))

    def text(self, key: str) -> str:
        return self.store.get(PREFIX + key).decode()

    def keys(self, below: str) -> list[str]:
        return [key.removeprefix(PREFIX + below) for key in self.store.list(PREFIX + below)]
