"""The DAG of an experiment file: its three tasks, its limits, its schedule; and that it costs little to make."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.sdk import DAG, Asset, AssetAll, AssetAny, CronDataIntervalTimetable, CronTriggerTimetable
from airflow.timetables.base import TimeRestriction

from automl_airflow.factory import build, build_dag, experiment_dag
from automl_airflow.retrying import TRIES
from automl_core.spec.errors import SpecError
from automl_core.spec.models import Experiment
from tests.unit.plugins.files import GOOD, TWO_TASKS, body, round_trip, write

BERLIN = {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}


def made(**groups: Any) -> DAG:
    return experiment_dag(Experiment.model_validate(body(**groups)), Path("/dags/experiments/first.yaml"))


def test_an_experiment_is_propose_then_trials_then_reduce() -> None:
    dag = made()
    assert set(dag.task_ids) == {"propose", "trial", "reduce"}
    assert dag.get_task("propose").downstream_task_ids == {"trial"}
    assert dag.get_task("trial").downstream_task_ids == {"reduce"}
    assert dag.get_task("reduce").trigger_rule == "all_done"


def test_the_concurrency_is_the_limit_of_the_mapped_task() -> None:
    dag = made()
    trial: Any = dag.get_task("trial")
    assert trial.is_mapped
    assert trial.partial_kwargs["max_active_tis_per_dagrun"] == 6, "as many again wait ahead of their places"
    assert made(trials={"max": 99, "concurrency": 40}).max_active_tasks >= 40


def test_several_training_tasks_make_a_mapped_group_with_one_task_a_step_in_order() -> None:
    dag = made(tasks=TWO_TASKS)
    assert set(dag.task_ids) == {"propose", "trial.train", "trial.score", "reduce"}
    assert dag.get_task("trial.train").downstream_task_ids == {"trial.score"}
    assert dag.get_task("trial.score").downstream_task_ids == {"reduce"}
    for index, name in enumerate(("trial.train", "trial.score")):
        task: Any = dag.get_task(name)
        assert task.task_index == index
        assert task.step_ids == ["trial.train", "trial.score"]
        assert task.max_active_tis_per_dagrun == 3
        assert task.get_closest_mapped_task_group() is not None


def test_the_experiments_retry_delay_is_airflows_and_its_retries_are_not() -> None:
    dag = made(trials={"max": 6, "retries": 1, "retry_delay": "7s"})
    trial: Any = dag.get_task("trial")
    assert trial.partial_kwargs["retry_delay"] == timedelta(seconds=7)
    assert trial.partial_kwargs["retries"] > 1, "tries of a dead worker are no failures of the trial"
    assert dag.get_task("reduce").retries == trial.partial_kwargs["retries"], "and none of what it has found"
    reduce: Any = dag.get_task("reduce")
    assert reduce.retry_policy.at_most == TRIES
    assert (reduce.retry_exponential_backoff, reduce.max_retry_delay) == (2.0, timedelta(minutes=5))
    propose: Any = dag.get_task("propose")
    assert propose.retries == trial.partial_kwargs["retries"], "nor of the run that is to begin"
    assert propose.retry_policy.at_most == 2, "but who has written something wrong hears so soon"
    assert trial.partial_kwargs["retry_policy"].delay == timedelta(seconds=7)
    kept = round_trip(dag).get_task("trial")
    assert kept.has_retry_policy
    assert (kept.retry_exponential_backoff, kept.max_retry_delay) == (2.0, timedelta(minutes=5)), "for lost workers"


@pytest.mark.parametrize(
    ("schedule", "expected"), [(None, None), ("0 3 * * *", "0 3 * * *"), ("@daily", "@daily")]
)  # fmt: skip
def test_a_cron_line_is_the_schedule(schedule: str | None, expected: str | None) -> None:
    dag: Any = made(schedule=schedule)
    assert dag.schedule == expected


def test_assets_are_referred_to_by_what_the_file_knows_of_them() -> None:
    """An asset is its name *and* URI: `Asset("s3://lake/orders")` is another than the producer's `orders` there."""
    dag: Any = made(schedule={"assets": ["s3://lake/orders", "new-data"]})
    condition = dag.timetable.asset_condition
    assert isinstance(condition, AssetAll)
    assert list(condition.objects) == [Asset.ref(uri="s3://lake/orders"), Asset.ref(name="new-data")]
    assert not list(round_trip(dag).timetable.asset_condition.iter_assets()), "none that stands in a producer's way"


def test_one_of_several_assets_may_be_enough() -> None:
    dag: Any = made(schedule={"assets": ["a", "b"], "wait_for": "any"})
    condition = dag.timetable.asset_condition
    assert isinstance(condition, AssetAny)
    assert list(condition.objects) == [Asset.ref(name="a"), Asset.ref(name="b")]


@pytest.mark.parametrize(("intervals", "kind"), [("False", CronTriggerTimetable), ("True", CronDataIntervalTimetable)])
def test_a_cron_line_has_the_time_zone_of_the_file(
    monkeypatch: pytest.MonkeyPatch, intervals: str, kind: type[Any]
) -> None:
    monkeypatch.setenv("AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS", intervals)
    dag: Any = made(schedule=BERLIN)
    assert type(dag.timetable) is kind
    since = TimeRestriction(pendulum.datetime(2026, 7, 1), None, catchup=True)
    first = round_trip(dag).timetable.next_dagrun_info(last_automated_data_interval=None, restriction=since)
    assert first.data_interval.start == pendulum.datetime(2026, 7, 1, 4), "six o'clock in Berlin, in summer"
    plain: Any = made(schedule="0 6 * * *")
    assert type(plain.timetable) is kind, "as Airflow makes of a plain cron line"


def test_a_plain_cron_line_is_in_the_default_time_zone_of_airflow() -> None:
    code = (
        "from pathlib import Path\n"
        "from automl_airflow.factory import experiment_dag\n"
        "from automl_core.spec.models import Experiment\n"
        "from tests.unit.plugins.files import body\n"
        "dag = experiment_dag(Experiment.model_validate(body(schedule='0 6 * * *')), Path('/x/experiments/a.yaml'))\n"
        "print(dag.timetable.timezone.name)\n"
    )
    environment = {**os.environ, "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Europe/Berlin"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split()[-1] == "Europe/Berlin"


PLACE = {
    "queue": "gpu", "pool": "training", "pool_slots": 2, "executor": "LocalExecutor", "priority_weight": 7,
    "weight_rule": "absolute",
}  # fmt: skip


def test_airflow_is_told_where_all_tasks_run() -> None:
    dag = made(airflow=PLACE)
    trial: Any = dag.get_task("trial")
    assert {key: trial.partial_kwargs[key] for key in PLACE} == PLACE
    read = round_trip(dag)
    for name in ("propose", "trial", "reduce"):
        task = read.get_task(name)
        assert (task.queue, task.pool, task.pool_slots, task.executor) == ("gpu", "training", 2, "LocalExecutor")
        assert task.priority_weight == 7


def test_a_training_task_s_own_place_goes_first() -> None:
    first, second = TWO_TASKS
    tasks = [{**first, "airflow": {"pool": "gpu", "pool_slots": 4}}, second]
    dag = made(tasks=tasks, airflow={"pool": "small", "queue": "cpu"})
    places = {name: (dag.get_task(name).pool, dag.get_task(name).queue) for name in dag.task_ids}
    assert places == {
        "propose": ("small", "cpu"), "trial.train": ("gpu", "cpu"), "trial.score": ("small", "cpu"),
        "reduce": ("small", "cpu"),
    }  # fmt: skip
    assert dag.get_task("trial.train").pool_slots == 4


def test_pods_are_placed_too() -> None:
    dag = made(
        tasks=[{"backend": "kubernetes", "image": "a:1", "command": ["true"], "airflow": {"queue": "pods"}}],
        output={"storage": "s3://bucket/runs"},
    )
    trial: Any = dag.get_task("trial")
    assert trial.partial_kwargs["queue"] == "pods"


def test_only_what_runs_on_a_schedule_waits_to_be_unpaused() -> None:
    assert made().is_paused_upon_creation is False
    assert made(schedule="@daily").is_paused_upon_creation is None


@pytest.mark.parametrize("tasks", [TWO_TASKS[:1], TWO_TASKS])
@pytest.mark.parametrize("schedule", [None, "0 3 * * *", {"assets": ["s3://bucket/data"]}, BERLIN])
def test_the_scheduler_reads_the_same_dag_from_the_database(tasks: Any, schedule: Any) -> None:
    dag = made(tasks=tasks, schedule=schedule, description="digits", tags=["demo"])
    read = round_trip(dag)
    assert read.dag_id == "first"
    assert read.task_dict.keys() == dag.task_dict.keys()
    assert read.tags >= {"automl", "demo"}
    assert read.max_active_runs == 1
    name = "trial" if len(tasks) == 1 else "trial.train"
    assert read.get_task(name).max_active_tis_per_dagrun == (6 if len(tasks) == 1 else 3)
    assert set(read.params) >= {"max_trials", "concurrency", "search", "trials"}


def test_the_page_of_the_dag_tells_what_is_searched() -> None:
    text = str(made(description="Reads digits").doc_md)
    for part in ("Reads digits", "maximize `accuracy`", "at most 6 trials", "| `x` | uniform |", "first.yaml"):
        assert part in text


def test_a_bad_file_says_where_and_what_is_allowed(tmp_path: Path) -> None:
    path = write(tmp_path, "bad.yaml", body(goal={"metric": "accuracy", "direction": "up"}))
    with pytest.raises(SpecError) as caught:
        build_dag(path)
    for part in ("bad.yaml", "goal.direction", "maximize", "minimize"):
        assert part in str(caught.value)


def test_making_a_dag_loads_nothing_heavy(tmp_path: Path) -> None:
    path = write(tmp_path, "first.yaml", body())
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "import airflow.sdk\n"
        "before = set(sys.modules)\n"
        "from automl_airflow.factory import build_dag\n"
        f"build_dag(Path({str(path)!r}))\n"
        "import automl_airflow.triggers\n"
        "heavy = {'numpy', 'scipy', 'boto3', 'botocore', 'kubernetes', 'odps', 'sklearn', 'pandas', 'tensorboard'}\n"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "sys.exit(', '.join(sorted(heavy & loaded)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("count", [1, 2])
def test_pools_are_found_in_the_serialized_dag(count: int) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    from automl_airflow.web.catalog import place_in

    tasks = [{**task, "airflow": {"pool": f"of_{task['name']}"}} for task in TWO_TASKS[:count]]
    place = place_in(DagSerialization.to_dict(made(tasks=tasks)))
    assert place is not None
    assert place.pools == tuple(sorted(f"of_{task['name']}" for task in tasks))


@pytest.mark.parametrize("tasks", [GOOD["tasks"], TWO_TASKS], ids=["alone", "group"])
def test_a_tasks_process_makes_the_same_tasks_and_only_what_its_own_needs(tasks: Any) -> None:
    experiment = Experiment.model_validate(body(tasks=tasks))
    whole = experiment_dag(experiment, Path("first.yaml"))
    own, propose = (experiment_dag(experiment, Path("first.yaml"), task=task) for task in ("trial", "propose"))
    assert own.task_dict.keys() == whole.task_dict.keys()
    assert not own.doc_md
    assert not own.params, "Airflow would check each parameter's schema, for a trial that reads none"
    assert propose.params.dump() == whole.params.dump()
    for task_id, task in whole.task_dict.items():
        assert own.task_dict[task_id].downstream_task_ids == task.downstream_task_ids
    assert vars(own.task_dict["reduce"]).keys() == vars(whole.task_dict["reduce"]).keys()


def test_a_file_is_read_for_one_task_without_its_warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "first.yaml", body(output={"storage": "s3:/bucket/x"}))
    assert build(path)[1], "a slip"
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "first")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "trial")
    dag, warnings = build(path)
    assert not warnings
    assert not dag.params
