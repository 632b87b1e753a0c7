"""The demonstration of an annotation project: each round is looked at in the journal, and a bad end is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_airflow.annotation import demo
from automl_airflow.models.demo_waiting import DemoFailed
from automl_core.client.records import Run
from automl_core.journal import Person
from tests.unit.plugins.annotation.rounding import DAG, Airflow

ADMIN = Person("admin", "airflow")


class FakeClient:
    """Runs as Airflow has them; a run that is triggered does all rounds at once."""

    def __init__(self, airflow: Airflow, rounds: int = 3) -> None:
        self.airflow, self.rounds, self.failed = airflow, rounds, ""

    def trigger(self, dag: str, conf: Any) -> None:
        self.airflow.do("manual__1", "collect")
        for number in range(1, self.rounds + 1):
            self.airflow.a_round(number)

    def runs(self, dag: str, limit: int = 20) -> list[Run]:
        states = {run: state for (of, run), state in self.airflow.runs.items() if of == dag}
        return [Run(dag, run, "failed" if run == self.failed else state) for run, state in states.items()][::-1]

    def run_url(self, dag: str, run: str) -> str:
        return f"http://airflow/dags/{dag}/runs/{run}"


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    return Airflow.make(tmp_path, monkeypatch)


def shown(airflow: Airflow, client: Any, said: list[str], **more: Any) -> demo.Demo:
    return demo.Demo(
        airflow.file, client, airflow.world.root, said.append, sleep=lambda _: None, **{"patience": 20.0, **more}
    )


def test_each_round_is_told_as_it_happens_and_the_end_is_what_the_file_asks_for(airflow: Airflow) -> None:
    said: list[str] = []
    worked: list[bool] = []
    shown(airflow, FakeClient(airflow), said, people=[lambda wanted: worked.append(wanted())]).run()
    text = "\n".join(said)
    assert worked == [True], "people are at work meanwhile"
    for number in (1, 2, 3):
        assert f"Round {number}: 40 items go to people" in text or number == 3
        assert f"Round {number}: data set {number} has" in text
        assert f"Round {number}: trees is trained (annotation_intents_round_{number}_set_{number}-" in text
    assert "the models agree, surely enough, on" in text
    assert said[-2] == "It ends: rounds"
    assert said[-1].startswith("3 rounds in ")
    assert len(set(said)) == len(said), "nothing is told twice"
    lines = list(demo.ledger_lines(airflow.project.state))
    votes, taken = airflow.project.state.votes, airflow.project.state.taken
    assert lines[0].startswith(f"cost: {len(votes) + len(taken)} answers, {0.1 * len(votes):.2f} EUR")
    assert any(line.startswith("brought: round 3, ") and "points" in line for line in lines)
    assert any(line.startswith("right: models labelled") for line in lines)
    again: list[str] = []
    shown(airflow, None, again).run()
    assert len(again) == 1
    assert "has ended in an earlier demonstration; `rm -rf" in again[0]
    assert "_annotation/intents/` begins anew" in again[0]


def test_a_round_that_fails_ends_it(airflow: Airflow) -> None:
    client = FakeClient(airflow, rounds=1)
    client.failed = "round_2"
    with pytest.raises(DemoFailed, match=r"round_2 has failed: http://airflow/dags/intents.annotation/runs/round_2"):
        shown(airflow, client, []).run()


def test_whoever_labels_and_gives_up_ends_it(airflow: Airflow) -> None:
    def gives_up(_: Any) -> None:
        raise RuntimeError("401: who are you?")

    with pytest.raises(DemoFailed, match="whoever labels has given up: RuntimeError: 401"):
        shown(airflow, FakeClient(airflow, rounds=1), [], people=[gives_up]).run()


def test_nothing_happens_any_more(airflow: Airflow) -> None:
    with pytest.raises(DemoFailed, match="nothing happens any more"):
        shown(airflow, FakeClient(airflow, rounds=1), [], patience=-1.0).run()


def test_an_end_without_a_model_is_no_good_one(airflow: Airflow) -> None:
    airflow.do("manual__1", "collect")
    project = airflow.project
    project.begin_round(1, ADMIN)
    project.stopped(1, "rounds", ["so it is"], ADMIN)
    project.end_round(1, {}, ADMIN)
    with pytest.raises(DemoFailed, match="round 1 has no model that was judged"):
        shown(airflow, FakeClient(airflow), []).check(project.state)
    assert (DAG, "round_1") in airflow.runs


def test_the_people_are_those_who_may_sign_in(tmp_path: Path) -> None:
    import json
    from types import SimpleNamespace

    airflow: Any = SimpleNamespace(home=tmp_path, url="http://127.0.0.1:1")
    (tmp_path / "passwords.json").write_text(json.dumps({"admin": "a", "anna": "b", "ben": "c"}))
    with demo.desks_of(airflow, "intents") as desks:
        assert list(desks) == ["anna", "ben"]
    (tmp_path / "passwords.json").write_text(json.dumps({"admin": "a"}))
    with demo.desks_of(airflow, "intents") as desks:
        assert list(desks) == ["admin"], "an Airflow that was started for something else"
