"""The demonstration of a model: each step is looked at in the journal, and one that comes out otherwise ends it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from automl_airflow.models import demo
from automl_airflow.models.demo_waiting import DemoFailed, patiently, wait_for_dags
from automl_airflow.standalone import StandaloneError
from automl_core.client.errors import AlreadyExists, BrokenFile, Conflict, NoAnswer
from automl_core.client.records import Run, TaskInstance
from automl_core.models.file import load_model_file
from automl_core.models.life import Person
from examples import make_tumours
from tests.sources import ROOT
from tests.unit.cli.models.shop import Shop

ADMIN, CONDITIONS = Person("admin", "airflow"), Person("churn.rollout", "conditions")
DAG = Person("churn.rollout", "dag")


class FakeAirflow:
    """Does what the DAGs of a model do to its journal, when it is asked to begin a run."""

    def __init__(self, shop: Shop, *, finds_worse: bool = True) -> None:
        self.shop, self.finds_worse, self.asked = shop, finds_worse, [""]
        self.answers: list[Any] = []
        self.confs: list[Any] = []
        self.had_today = True

    def trigger(self, dag: str, conf: Any = None, logical_date: datetime | None = None) -> Run:
        if dag == "churn.score" and logical_date is not None and self.had_today:
            raise AlreadyExists("there is such a run")
        self.confs.append(conf)
        run = f"run_{len(self.asked)}"
        self.asked.append(dag)
        life = self.shop.life()
        if dag == "trained":
            from automl_core.models.offering import candidate_at

            self.shop.publish(run, good=not conf)
            found = candidate_at(self.shop.store, f"trained/{run}/")
            number = life.offer(found.source, (found.store, found.model), DAG).number
            life.take(number, "r")
            worse = bool(conf) and self.finds_worse
            champion = {"version": life.state.champion} if life.state.champion else None
            verdict = {"ok": not worse, "reasons": ["worse by far" if worse else "nothing to compare with"]}
            digest = life.evaluated(number, {"version": number, "champion": champion, "verdict": verdict})
            if worse:
                life.reject(number, digest, CONDITIONS, "worse by far")
            else:
                life.ask(number, digest, until=life.now() + 900, run="r")
        if dag == "churn.score":
            claim = life.begin_interval("2026-11-29", 0.0, 1.0, life.state.champion or 1, run=run)
            life.end_interval(claim, rows=109, out="file:///scores.csv", digest="d")
        return Run(dag, run, "queued")

    def run(self, dag: str, run: str) -> Run:
        return Run(dag, run, "success")

    def run_url(self, dag: str, run: str) -> str:
        return f"http://airflow/dags/{dag}/runs/{run}"

    def task_instances(self, dag: str, run: str) -> list[TaskInstance]:
        return [TaskInstance("accept", -1, "awaiting_input")]

    def ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        self.answers.append((method, path, arguments["json"]))
        life = self.shop.life()
        asked = life.state.version(1).asked
        assert asked is not None
        life.accept(1, asked.evidence, ADMIN)
        life.put_in_use(1, DAG)
        return {}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    (tmp_path / "experiments").mkdir()
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    monkeypatch.delenv("AIRFLOW_API_URL", raising=False)
    monkeypatch.setattr(demo, "new_rows", lambda date: tmp_path / date)
    return Shop(tmp_path)


@pytest.fixture
def shown(shop: Shop) -> Callable[..., tuple[list[str], FakeAirflow]]:
    def run(**fake: Any) -> tuple[list[str], FakeAirflow]:
        path, said, airflow = shop.write(), [], FakeAirflow(shop, **fake)
        demo.Demo(
            load_model_file(path), path, airflow, shop.home, said.append, sleep=lambda _: None, patience=0.0,  # type: ignore[arg-type]
        ).run()  # fmt: skip
        return said, airflow

    return run


def test_each_step_is_told_and_all_of_it_comes_out(shown: Any, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from automl_core.data.reading import read_table
    from automl_core.models.evaluation import Request, evaluate

    def here(request: Request, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        options = replace(request.options, draws=100, latency=False)
        return evaluate(request.challenger, request.champion, read_table(request.data), options)

    monkeypatch.setattr("automl_core.models.evaluation.run_apart", here, raising=False)
    said, airflow = shown()
    text = "\n".join(said)
    assert airflow.asked[1:] == ["trained", "churn.score", "trained"]
    assert airflow.confs[1]["version"] == "now", "an earlier demonstration had today's run"
    (answer,) = airflow.answers
    assert answer[:2] == ("PATCH", "/dags/churn.rollout/dagRuns/r/taskInstances/accept/-1/hitlDetails")
    assert answer[2]["chosen_options"] == ["Accept"]
    told = [
        "Version 1 is in use.", "Version 1 scored 109 rows", "Version 2 is refused, and nobody was asked: worse by far",
        "version 2 is accepted", "version 2 is taken back; version 1 is in use", "Version 1 of churn answers again.",
    ]  # fmt: skip
    places = [text.find(each) for each in told]
    assert places == sorted(places), text
    assert -1 not in places, text
    state = shop.life().state
    assert (state.champion, str(state.version(2).state)) == (1, "TAKEN_BACK")


class Late:
    """An Airflow that gives no answer to the first requests of each kind, though it does what it was asked."""

    def __init__(self, airflow: Any, times: int) -> None:
        self.airflow, self.times, self.unanswered = airflow, times, {"run": 0, "task_instances": 0, "ask": 0}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.airflow, name)
        if name not in self.unanswered:
            return found

        def late(*arguments: Any, **more: Any) -> Any:
            if self.unanswered[name] < self.times:
                self.unanswered[name] += 1
                if name == "ask":
                    found(*arguments, **more)
                raise NoAnswer("timed out")
            if name == "ask":
                raise Conflict("answered already")
            return found(*arguments, **more)

        return late


def test_an_airflow_that_answers_late_is_asked_again(shop: Shop) -> None:
    path, said = shop.write(), []
    airflow = Late(FakeAirflow(shop), times=2)
    made = demo.Demo(load_model_file(path), path, airflow, shop.home, said.append, sleep=lambda _: None, patience=60.0)  # type: ignore[arg-type]
    airflow.unanswered["ask"] = 1
    made.trained_and_accepted()
    made.scored()
    assert airflow.unanswered == {"run": 2, "task_instances": 2, "ask": 2}
    assert shop.life().state.champion == 1
    assert len(airflow.airflow.answers) == 1
    with pytest.raises(NoAnswer):
        patiently(lambda: Late(airflow.airflow, 1).run("churn", "r"), 0.0)


def test_a_demonstration_whose_airflow_does_not_know_its_dags_says_so_in_words() -> None:
    class Client:
        looks = 0

        def wait_for_dag(self, dag: str, timeout: float) -> str:
            self.looks += 1
            if self.looks < 3:
                raise NoAnswer("timed out")
            if dag == "broken":
                raise BrokenFile("Airflow can't use broken.yaml: line 3")
            return dag

    client = Client()
    wait_for_dags(client, ["a", "b"])  # type: ignore[arg-type]
    assert client.looks == 4
    with pytest.raises(DemoFailed, match="line 3"):
        wait_for_dags(client, ["broken"])  # type: ignore[arg-type]


def test_an_airflow_of_which_a_part_has_ended_is_not_waited_for(shop: Shop) -> None:
    def see() -> None:
        raise StandaloneError("airflow triggerer has ended")

    path = shop.write()
    made = demo.Demo(load_model_file(path), path, FakeAirflow(shop), shop.home, print, sleep=lambda _: None, see=see)  # type: ignore[arg-type]
    with pytest.raises(StandaloneError, match="triggerer has ended"):
        made.wait("what never comes", lambda: None)


def test_a_challenger_that_is_not_found_worse_ends_it(shown: Any) -> None:
    with pytest.raises(DemoFailed, match="version 2 is ASKED: it was not found worse"):
        shown(finds_worse=False)


def test_the_new_rows_are_the_tables_own_without_their_outcome(tmp_path: Path) -> None:
    columns, train, latest, new = make_tumours.tables()
    with make_tumours.arrive("2026-11-29", tmp_path).open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == [name for name in columns if name != "diagnosis"]
    assert [row[0] for row in rows] == [row[0] for row in new]
    assert len({row[0] for row in (*train, *latest, *new)}) == 569
    with (ROOT / "examples/data/tumours/latest.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [columns, *latest], "what is shipped is what the script makes"


def test_the_crippled_run_is_one_that_its_experiment_takes() -> None:
    from automl_core.spec.overrides import apply_overrides
    from automl_core.templates import load_experiment

    experiment = load_experiment(ROOT / "experiments" / "tumours.yaml")
    changed = apply_overrides(experiment, json.loads(json.dumps(demo.CRIPPLED)))
    assert [each.path for each in changed.changes] == ["search.warm_start", "trials.max"]
