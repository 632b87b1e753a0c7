"""Figures of annotation projects: how many labels are open and given, what they cost; nothing of them costs a label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_airflow import figures
from automl_airflow.annotation.figures import tell_figures
from automl_core.annotation.project import Chosen, Label, Person
from automl_core.storage.folder import FolderStore
from tests.unit.annotation.ledger.lived import DAG, live


class Stats:
    """Airflow's metrics as they are called."""

    def __init__(self) -> None:
        self.gauges: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def gauge(self, name: str, value: float, *, tags: dict[str, str]) -> None:
        self.gauges[name, tuple(sorted(tags.items()))] = value


@pytest.fixture
def stats(monkeypatch: pytest.MonkeyPatch) -> Stats:
    made = Stats()
    monkeypatch.setattr(figures, "_stats", lambda: made)
    monkeypatch.setattr(figures, "_legacy_names", lambda: True)
    return made


def test_a_project_tells_open_labels_given_ones_and_their_cost(tmp_path: Path, stats: Stats) -> None:
    project = live(FolderStore(tmp_path), "intents.new", rounds=2).project
    free = [
        each
        for each in project.catalog.ids_of(range(240))
        if project.catalog.number_of(each) not in project.state.closed()
    ]
    project.begin_round(3, DAG)
    project.send(3, [Chosen(each) for each in free[:3]], "page", 1, DAG, price=0.05)
    project.label([Label(free[0], "order", "anna", where="page")], Person("anna", "rest"))
    tell_figures("intents.new", project.state)

    def of(name: str, **tags: str) -> float:
        return stats.gauges[name, tuple(sorted({"annotation": "intents.new", **tags}.items()))]

    people = [vote for vote in project.state.votes if vote.source == "person" and not vote.skipped]
    assert of("automl.annotation.labels.open") == 2
    assert of("automl.annotation.labels.given", source="person") == len(people)
    assert of("automl.annotation.labels.given", source="models") == 55
    assert of("automl.annotation.labels.given", source="imported") == 11
    assert of("automl.annotation.cost") == pytest.approx(sum(vote.price for vote in project.state.votes))
    assert of("automl.annotation.round") == 3
    assert stats.gauges["automl.annotation.labels.given.intents__new.models", ()] == 55


def test_figures_that_can_t_be_sent_cost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise OSError("no such host")

    monkeypatch.setattr(figures, "_stats", away)
    tell_figures("intents", live(FolderStore(tmp_path), "intents", rounds=1).project.state)
