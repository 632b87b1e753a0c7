"""The DAG that scores and its tasks on the worker: what Airflow tells, in our words, and what becomes of a task."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import AssetAny, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, TaskDeferred

from automl_airflow.models import score_tasks, score_waiting
from automl_airflow.models.score_dag import schedule_of, score_dag
from automl_airflow.models.score_intervals import label_of, plain
from automl_airflow.models.score_tasks import PlanOperator, ScoreOperator
from automl_airflow.models.score_waiting import PartitionTrigger
from automl_airflow.task_log import TaskLog
from automl_core.models.batch import Interval, Order, Report, interval_at, processes
from automl_core.models.batch.processes import ScoringProcess
from automl_core.spec.models import Schedule
from tests.support.patience import stretched
from tests.unit.models.batch.lab import ANNA, Lab, day

DATE = "2026-11-02"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    found = Lab(tmp_path)
    found.use()
    monkeypatch.setattr(ScoringProcess, "run", lambda self, say, wanted: found.runner(self._order))
    return found


def context(
    date: str | None = DATE, run: str = "scheduled__1", kind: str = "scheduled", max_tries: int = 5, **conf: Any
) -> dict[str, Any]:
    at = datetime.fromisoformat(date).replace(tzinfo=UTC) if date else None
    ti = SimpleNamespace(dag_id="churn.score", task_id="score", map_index=0, try_number=1, max_tries=max_tries)
    dag_run = SimpleNamespace(
        conf=conf, logical_date=at, data_interval_start=at, data_interval_end=at, run_type=kind,
        start_date=datetime.now(UTC), triggering_user_name="ben",
    )  # fmt: skip
    return {"ti": ti, "run_id": run, "dag_run": dag_run}


def plan(lab: Lab, **told: Any) -> list[str]:
    found = PlanOperator(task_id="plan", file=lab.file).execute(context(**told))
    json.dumps(found)
    return [each["key"][:10] for each in found]


def score(lab: Lab, of: str = DATE, **told: Any) -> dict[str, Any]:
    operator = ScoreOperator(task_id="score", file=lab.file, interval=plain(day(of)), retries=5)
    return operator.execute(context(**told))


def test_the_dag_notes_what_is_owed_and_scores_each_interval(lab: Lab) -> None:
    dag = score_dag(lab.file, Path("/dags/churn.model.yaml"))
    assert (dag.dag_id, dag.catchup, dag.max_active_runs) == ("churn.score", False, 16)
    assert dag.get_task("plan").downstream_task_ids == {"score"}
    (inlet,), (outlet,) = (
        dag.get_task("score").partial_kwargs["inlets"],
        dag.get_task("score").partial_kwargs["outlets"],
    )
    assert inlet.uri.endswith("/in/?automl=churn.score.data") or inlet.uri.endswith("/in?automl=churn.score.data")
    assert outlet.uri.endswith("/out?automl=churn.score.out")
    assert set(dag.params) == {"version", "interval"}


@pytest.mark.parametrize(
    ("schedule", "kind"),
    [
        ("@daily", str), (None, type(None)), (Schedule(cron="0 6 * * *"), str),
        (Schedule(cron="0 6 * * *", timezone="Europe/Berlin"), CronTriggerTimetable),
        (Schedule(assets=["s3://lake/x", "y"], wait_for="any"), AssetAny), (Schedule(assets=["y"]), list),
    ],
)  # fmt: skip
def test_schedules_are_those_of_airflow(schedule: Any, kind: type) -> None:
    assert isinstance(schedule_of(schedule), kind)


def test_a_night_is_planned_scored_and_left_alone_when_the_task_is_cleared(lab: Lab) -> None:
    lab.rows(DATE)
    lab.rows("2026-11-03")
    assert plan(lab)[0] == DATE
    done = score(lab)
    assert (done["what"], done["rows"], done["version"]) == ("scored", 4, 1)
    assert score(lab, max_tries=11)["what"] == "already", "cleared: it says that it is scored"
    assert DATE not in plan(lab)


def _use_theirs(lab: Lab) -> None:
    """A version that this product has not written comes into use."""
    folder = lab.folder / "theirs"
    folder.mkdir()
    (folder / "weights.json").write_text("{}")
    lab.use(folder=folder)


def test_a_program_of_the_file_and_its_environment_go_with_the_order(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What asks it is tests/unit/models/batch/test_by_program.py's."""
    from automl_core.models.file import ModelFile

    held: list[str] = []

    @contextmanager
    def environment(wanted: Any, folder: Path, home: Path, *, say: Any) -> Iterator[Path | None]:
        assert (wanted.lock, folder) == ("requirements.txt", tmp_path / "experiments")
        held.append("held")
        yield tmp_path / "environment"
        held.append("let go")

    monkeypatch.setattr("automl_core.environments.beside.environment_beside", environment)
    program = {"command": ["python", "${file_dir}/score.py"], "environment": {"lock": "requirements.txt"},
               "env": {"MODE": "night"}, "timeout": "5m"}  # fmt: skip
    body = lab.file.model_dump(mode="json", by_alias=True, exclude_unset=True)
    body["evaluate"] |= {"program": program, "target": "churned", "key": "id"}
    file = ModelFile.model_validate(body)
    orders: list[Any] = []

    def run(process: ScoringProcess, say: Any, wanted: Any) -> Report:
        assert held == ["held"], "the environment is there while it runs"
        orders.append(process._order)
        return Report(4, 4, out=process._order.out.text, digest="of them")

    monkeypatch.setattr(ScoringProcess, "run", run)
    lab.rows(DATE)
    _use_theirs(lab)
    task = score_dag(file, tmp_path / "experiments" / "churn.model.yaml").get_task("score")
    operator = ScoreOperator(task_id="score", file=file, path=task.partial_kwargs["path"], interval=plain(day(DATE)))
    assert operator.execute(context())["what"] == "scored"
    assert held == ["held", "let go"]
    asked = orders[0].program
    assert (asked["target"], asked["key"]) == ("churned", "id")
    assert asked["program"]["command"] == ("python", "${file_dir}/score.py")
    assert asked["program"]["environment"] == str(tmp_path / "environment")
    assert asked["program"]["folder"] == str(tmp_path / "experiments")
    assert (asked["program"]["variables"], asked["program"]["timeout"]) == ({"MODE": "night"}, 300.0)
    assert Order.from_json(orders[0].to_json()).program == json.loads(json.dumps(asked))


def test_an_environment_that_can_not_be_had_gives_the_claim_back(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automl_core.models.file import ModelFile

    body = lab.file.model_dump(mode="json", by_alias=True, exclude_unset=True)
    body["evaluate"]["program"] = {"command": "score", "environment": {"lock": "requirements.txt"}}
    file = ModelFile.model_validate(body)
    lab.rows(DATE)
    operator = ScoreOperator(
        task_id="score", file=file, path=str(tmp_path / "churn.model.yaml"), interval=plain(day(DATE))
    )
    lab.rows("2026-11-01")
    ours = ScoreOperator(task_id="score", file=file, path=operator.path, interval=plain(day("2026-11-01")))
    monkeypatch.setattr(ScoringProcess, "run", lambda process, say, wanted: lab.runner(process._order))
    assert ours.execute(context())["what"] == "scored", "a model of ours has no need of it"
    _use_theirs(lab)
    with pytest.raises(AirflowFailException, match=r"evaluate\.program\.environment: .*requirements\.txt"):
        operator.execute(context())
    assert not lab.life().state.scoring.open, "the next try has it at once"
    assert day(DATE).key not in lab.life().state.scoring.done


def test_a_backfill_takes_its_own_interval_alone_and_scores_again_where_it_is_asked(lab: Lab) -> None:
    lab.rows("2026-10-20")
    told = {"date": "2026-10-20", "kind": "backfill", "run": "backfill__1"}
    assert plan(lab, **told) == ["2026-10-20"], "though nobody owes what came before the first champion"
    assert score(lab, "2026-10-20", **told)["version"] == 1
    assert score(lab, "2026-10-20", **told)["what"] == "already"
    lab.use(lab.now, seed=2)
    assert plan(lab, **told, version="now") == ["2026-10-20"]
    assert score(lab, "2026-10-20", **told, version="now")["version"] == 2
    assert score(lab, "2026-10-20", **told, version="now")["what"] == "already", "a retry"
    assert score(lab, "2026-10-20", **told, version="now", max_tries=11)["what"] == "scored", "a person cleared it"
    assert "ben" in lab.life().state.scoring.recent[-1].why
    with pytest.raises(AirflowFailException, match="no version was in use"):
        score(lab, "2026-10-20", **told, version="then")


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        ({"interval": "soon"}, "'soon' is no interval; allowed"),
        ({"version": "now"}, "has no logical date"),
        ({"interval": [], "version": "now"}, "conf: interval names none"),
    ],
)
def test_a_conf_that_can_not_be_is_refused_in_words(lab: Lab, conf: dict[str, Any], words: str) -> None:
    with pytest.raises(AirflowFailException, match=words):
        plan(lab, date=None, kind="manual", **conf)


def test_a_version_that_is_none_is_refused_in_words(lab: Lab) -> None:
    lab.rows(DATE)
    with pytest.raises(AirflowFailException, match="allowed: then, now, or the number"):
        score(lab, version="latest")


def test_intervals_can_be_named_by_a_run_that_has_none(lab: Lab) -> None:
    assert plan(lab, date=None, kind="manual", interval=[DATE, "2026-10-01"]) == [DATE, "2026-10-01"]
    assert plan(lab, date=None, kind="manual", interval=DATE) == [DATE]


def test_an_instance_is_called_after_its_day_or_its_moment() -> None:
    noon = interval_at(datetime(2026, 11, 2, 12, tzinfo=UTC))
    assert [label_of(each) for each in (day(DATE), noon, Interval("data-0123"))] == [
        DATE, "2026-11-02T12:00:00+00:00", "data-0123",
    ]  # fmt: skip


def test_an_event_names_its_partition(lab: Lab) -> None:
    told = context(date=None, kind="asset_triggered")
    told["triggering_asset_events"] = {"lake": [SimpleNamespace(extra={"ds": "2026-11-05"}), SimpleNamespace(extra={})]}
    found = PlanOperator(task_id="plan", file=lab.file).execute(told)
    assert day("2026-11-05").key in [each["key"] for each in found]


def test_a_partition_that_is_late_is_waited_for_without_a_worker(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_waiting, "LEAST_WAIT", 0.0)
    plan(lab)
    with pytest.raises(TaskDeferred) as deferred:
        score(lab)
    path, arguments = deferred.value.trigger.serialize()
    assert (path, deferred.value.method_name) == (
        "automl_airflow.models.score_waiting.PartitionTrigger", "execute"
    )  # fmt: skip

    async def fired() -> dict[str, Any]:
        trigger = PartitionTrigger(**{**json.loads(json.dumps(arguments)), "poll": 0.01})
        events = trigger.run()
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.1)
        assert not waiting.done(), "nothing is there"
        lab.rows(DATE)
        return dict((await waiting).payload)

    assert asyncio.run(fired())["there"].endswith(f"ds={DATE}/")
    assert score(lab)["what"] == "scored"


def test_no_run_plans_more_intervals_than_airflow_maps_a_task_to(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "2")
    dates = ["2026-11-02", "2026-11-03", "2026-11-04"]
    assert len(plan(lab)) == 2, "a longer list fails the task, try after try; what is left stays owed"
    named = context(date=None, run="manual__3", kind="manual", interval=dates)
    with pytest.raises(AirflowFailException, match=r"3 intervals are named, and \[core\] max_map_length .* is 2"):
        PlanOperator(task_id="plan", file=lab.file).execute(named)


def test_a_bucket_that_hangs_holds_up_nobody_who_waits_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(score_waiting, "LEAST_WAIT", 0.0)
    gate, asked, said = threading.Event(), list[str](), list[str]()
    monkeypatch.setattr(TaskLog, "say", lambda self, text, level="info": said.append(f"{level}: {text}"))

    def look(place: str, connection: str | None) -> bool:
        asked.append(place)
        if place.startswith("s3://hangs/"):
            gate.wait()
        if asked.count(place) < 30:
            raise ConnectionError("refused")
        return True

    monkeypatch.setattr(score_waiting, "_is_there", look)

    async def fired() -> dict[str, Any]:
        stuck = [
            asyncio.ensure_future(anext(PartitionTrigger(f"s3://hangs/in/{i}/", "my_s3", poll=0.01).run()))
            for i in range(10)
        ]
        try:
            other = PartitionTrigger("s3://answers/in/", "my_s3", poll=0.0)
            return dict((await asyncio.wait_for(anext(other.run()), stretched(20))).payload)
        finally:
            for each in stuck:
                each.cancel()
            gate.set()

    assert asyncio.run(fired()) == {"there": "s3://answers/in/"}
    assert [each for each in said if "answers" in each] == ["warning: s3://answers/in/ can't be looked at now: refused"]


def test_a_partition_of_another_interval_holds_nobody_up_and_a_long_wait_ends_red(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(lab)
    with pytest.raises(AirflowSkipException, match="there is no file"):
        score(lab, "2026-11-03")
    monkeypatch.setattr(score_tasks, "WAIT", 0.0)
    with pytest.raises(AirflowFailException, match="it stays owed"):
        score(lab)
    lab.rows(DATE)
    assert DATE in plan(lab, date="2026-11-03", run="scheduled__2"), "the next run makes up for it"


def test_what_becomes_of_a_task(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.rows(DATE).write_text("id,age,plan\n1,30,1\n")
    plan(lab)
    with pytest.raises(AirflowFailException, match="city"):
        score(lab)
    lab.rows(DATE)
    with monkeypatch.context() as dying:
        dying.setattr(ScoringProcess, "run", lambda *_: Report(problem="later", words="killed by the kernel"))
        with pytest.raises(AirflowException, match="killed by the kernel") as failed:
            score(lab)
        assert not isinstance(failed.value, AirflowFailException), "worth another try"
    lab.life().take_back(1, ANNA, "nonsense")
    with pytest.raises(AirflowSkipException, match="no version is in use"):
        score(lab)


def test_a_task_that_is_cleared_ends_its_process(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    endless = tmp_path / "endless"
    endless.write_text("#!/bin/sh\nexec sleep 600\n")
    endless.chmod(0o755)
    monkeypatch.setattr(processes, "PYTHON", str(endless))
    lab.rows(DATE)
    operator = ScoreOperator(task_id="score", file=lab.file, interval=plain(day(DATE)), retries=5)
    operator.killed = True
    with pytest.raises(AirflowException, match="no end of its own"):
        operator.execute(context())
