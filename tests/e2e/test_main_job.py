"""The main job on a real Airflow: an experiment file becomes a DAG that finds and publishes the best model."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from tests.e2e.world import World, wait_until

pytestmark = pytest.mark.timeout(420)


def test_an_experiment_finds_and_publishes_its_best_model(world: World) -> None:
    name = world.experiment("plain", trials={"max": 5, "concurrency": 3})
    run, state = world.run(name)
    assert state == "success"
    result = world.controller(name, run)
    assert result["experiment"]["state"] == "FINISHED"
    assert result["experiment"]["run"] == run
    values = {trial["number"]: trial["value"] for trial in result["trials"]}
    assert sorted(values) == [0, 1, 2, 3, 4]
    best = max(values, key=lambda number: values[number])
    assert result["experiment"]["best_trial"] == best
    model = json.loads((world.folder(name, run) / "best_model" / "model" / "model.json").read_text())
    assert model == {"x": result["trials"][best]["params"]["x"]}
    kept = [n for n in range(5) if (world.folder(name, run) / f"experiment_{n}" / "model").exists()]
    assert kept in ([best], []), "keep_models: best"
    instances = world.instances(name, run)
    labels = [instances["trial", index]["rendered_map_index"] for index in range(5)]
    for number, trial in enumerate(result["trials"]):
        (label,) = [text for text in labels if text.startswith(f"{number} · ")]
        assert f"accuracy {trial['value']:.4g}" in label
    assert "accuracy=" in world.log(name, run, "trial", 0), "the training's output is in the task's log"
    search = world.call("GET", f"/dags/{name}/dagRuns/{run}/taskInstances/propose/xcomEntries/search")
    assert "random" in str(search["value"])


def test_a_broken_file_is_its_own_import_error_and_a_new_file_is_a_dag_within_a_minute(world: World) -> None:
    world.write(
        "broken", "name: broken\ngoal: {metric: a, direction: up}\nspace: {x: {type: unifrom, low: 0, high: 1}}\n"
    )
    world.write("not_yaml", "name: [unclosed\n")
    world.experiment("neighbour")
    world.wait_for_dag("neighbour", 60)

    def problems() -> dict[str, str]:
        rows = world.call("GET", "/importErrors")["import_errors"]
        return {row["filename"]: row["stack_trace"] for row in rows}

    wait_until(lambda: len(problems()) >= 2, 60, "the import errors", lambda: str(problems()))
    (broken,) = [text for name, text in problems().items() if name.endswith("broken.yaml")]
    assert "did you mean 'uniform'" in broken.lower()
    assert "broken.yaml:3" in broken
    assert "maximize" in broken
    assert any(name.endswith("not_yaml.yaml") for name in problems())
    assert world.raw("GET", "/dags/broken").status_code == 404
    for name in ("broken", "not_yaml"):
        (world.root / "experiments" / f"{name}.yaml").unlink()


def test_a_runs_conf_overrides_the_file_and_is_recorded(world: World) -> None:
    name = world.experiment("conf")
    conf = {"max_trials": 2, "search": {"seed": 5}, "goal": {"final": "last"}}
    run, state = world.run(name, conf)
    assert state == "success"
    result = world.controller(name, run)
    assert len(result["trials"]) == 2
    changed = {row["path"]: (row["old"], row["new"]) for row in world.study(name, run).state.overrides}
    assert changed == {"trials.max": (4, 2), "search.seed": (1, 5), "goal.final": ("best", "last")}


def test_a_wrong_conf_fails_the_run_with_words_and_no_trial_starts(world: World) -> None:
    name = world.experiment("wrong_conf")
    run, state = world.run(name, {"trials": {"maximum": 3}})
    assert state == "failed"
    log = world.log(name, run, "propose", -1)
    assert "trials.maximum" in log
    assert "max" in log
    assert world.states(name, run)["running"] == 0
    assert not world.folder(name, run).exists()


def test_several_training_tasks_are_a_mapped_group_and_share_the_model(world: World) -> None:
    score = (
        "import json,os,pathlib; m=json.loads((pathlib.Path(os.environ['AUTOML_MODEL_DIR'])/'model.json').read_text())"
    )
    tasks = [
        {
            "name": "train",
            "command": world.command(),
            "metrics": {"source": "stdout", "patterns": {"loss": "loss=(.*)"}},
        },
        {"name": "score", "command": ["python", "-c", score + ";print(f'accuracy={m[\"x\"]}')"]},
    ]
    name = world.experiment("steps", tasks=tasks, trials={"max": 3, "concurrency": 2})
    run, state = world.run(name)
    assert state == "success"
    assert world.states(name, run, "trial.train") == {"success": 3}
    assert world.states(name, run, "trial.score") == {"success": 3}
    for trial in world.controller(name, run)["trials"]:
        assert trial["value"] == pytest.approx(trial["params"]["x"])
        assert [attempt["task"] for attempt in trial["attempts"]] == ["train", "score"]


def test_prepare_runs_before_the_first_trial_and_conclude_makes_the_model_that_is_published(world: World) -> None:
    split = "import os, pathlib; (pathlib.Path(os.environ['AUTOML_MODEL_DIR']) / 'rows.csv').write_text('1\\n2\\n')"
    more = "import os, pathlib; (pathlib.Path(os.environ['AUTOML_MODEL_DIR']) / 'rows.csv').open('a').write('3\\n')"
    train = (
        "import os, pathlib, sys; rows = (pathlib.Path(os.environ['AUTOML_PREPARED_DIR']) / 'rows.csv').read_text();"
        "assert rows.split() == ['1', '2', '3'], rows; print('accuracy=' + sys.argv[1])"
    )
    refit = (
        "import json, os, pathlib; told = json.loads(pathlib.Path(os.environ['AUTOML_TRIALS_FILE']).read_text());"
        "best = min(told['trials'], key=lambda trial: trial['rank']);"
        "(pathlib.Path(os.environ['AUTOML_MODEL_DIR']) / 'refit.json').write_text(json.dumps(best['params']))"
    )
    name = world.experiment(
        "staged",
        prepare=[
            {"name": "split", "command": ["python", "-c", split]},
            {"name": "more", "command": ["python", "-c", more]},
        ],
        tasks=[{"name": "train", "command": ["python", "-c", train, "${x}"]}],
        conclude=[{"name": "refit", "command": ["python", "-c", refit]}],
        trials={"max": 3, "concurrency": 3},
    )
    run, state = world.run(name)
    assert state == "success"
    result = world.controller(name, run)
    best = result["trials"][result["experiment"]["best_trial"]]
    published = world.folder(name, run) / "best_model" / "model"
    assert json.loads((published / "refit.json").read_text()) == best["params"]
    stages = result["experiment"]["stages"]
    assert [task["name"] for task in stages["prepare"]["tasks"]] == ["split", "more"]
    assert stages["prepare"]["ended"] <= min(trial["started"] for trial in result["trials"])
    assert stages["conclude"]["started"] >= max(trial["ended"] for trial in result["trials"])
    assert "prepare, attempt 1" in world.log(name, run, "prepare.split", -1)
    # clearing it as a person does makes it anew, and the result after it
    body = {
        "dry_run": False, "dag_run_id": run, "task_ids": ["conclude"], "include_downstream": True,
        "only_failed": False, "reset_dag_runs": True,
    }  # fmt: skip
    world.call("POST", f"/dags/{name}/clearTaskInstances", json=body)
    assert world.finish(name, run) == "success"
    again = world.controller(name, run)["experiment"]["stages"]["conclude"]["tasks"]
    assert [task["attempt"] for task in again] == [1, 2]


def test_a_failed_trial_is_red_keeps_its_log_and_when_cleared_is_a_new_attempt_of_the_same_trial(world: World) -> None:
    name = world.experiment(
        "cleared",
        space={"mode": {"type": "choice", "values": ["good", "fails_once"]}},
        search={"algorithm": "grid"},
        trials={"max": 3, "concurrency": 1, "retries": 0},
        tasks=[{"name": "train", "command": world.command(x=0.5, mode="${mode}")}],
    )
    run, state = world.run(name)
    assert state == "success", "one failed trial is allowed"
    instances = world.instances(name, run)
    (red,) = [index for (task, index), row in instances.items() if task == "trial" and row["state"] == "failed"]
    log = world.log(name, run, "trial", red)
    assert "about to fail" in log
    assert "ValueError: this combination is bad" in log
    (failed,) = [t for t in world.controller(name, run)["trials"] if t["state"] == "FAILED"]
    body = {
        "dry_run": False, "dag_run_id": run, "task_ids": [["trial", red]], "include_downstream": True,
        "only_failed": False, "reset_dag_runs": True,
    }  # fmt: skip
    world.call("POST", f"/dags/{name}/clearTaskInstances", json=body)
    assert world.finish(name, run) == "success"
    again = next(t for t in world.controller(name, run)["trials"] if t["number"] == failed["number"])
    assert again["state"] == "SUCCEEDED"
    assert [attempt["number"] for attempt in again["attempts"]] == [1, 2]
    assert again["params"] == failed["params"]
    assert len(world.controller(name, run)["trials"]) == 2


def test_too_many_failures_end_the_experiment_as_failed_with_what_there_is(world: World) -> None:
    name = world.experiment(
        "failing",
        space={"mode": {"type": "choice", "values": ["good", "fails"]}, "n": {"type": "int", "low": 0, "high": 20}},
        search={"algorithm": "grid"},
        trials={"max": 40, "concurrency": 2, "retries": 0, "max_failed": 1},
        tasks=[{"name": "train", "command": world.command(x=0.5, mode="${mode}", n="${n}")}],
    )
    run, state = world.run(name, {"search": {"algorithm": "random", "seed": 4}})
    assert state == "failed"
    experiment = world.controller(name, run)["experiment"]
    assert experiment["state"] == "FAILED"
    assert "trials failed" in experiment["stop_reason"]
    states = world.states(name, run)
    assert states["failed"] >= 2
    assert states["skipped"] >= 20, "slots that nothing was bound to are skipped, not run"
    assert "trials failed" in world.log(name, run, "reduce", -1)


def test_an_early_end_skips_the_rest_and_cancels_or_drains_what_runs(world: World) -> None:
    name = world.experiment(
        "early",
        space={"x": {"type": "choice", "values": [0.9, 0.1, 0.2, 0.3, 0.4, 0.5]}},
        search={"algorithm": "grid"},
        trials={"max": 6, "concurrency": 2},
        stop={"target": 0.7, "running_trials": "cancel"},
        tasks=[
            {"name": "train", "grace": "2s", "command": ["sh", "-c", _QUICK_OR_SLOW, "sh", "${x}", str(world.root)]}
        ],
    )
    run, state = world.run(name)
    assert state == "success"
    result = world.controller(name, run)
    assert result["experiment"]["state"] == "EARLY_STOPPED"
    assert result["experiment"]["best_value"] == 0.9
    states = [trial["state"] for trial in result["trials"]]
    assert "SYS_CANCELED" in states
    assert world.states(name, run)["skipped"] >= 4
    drained = world.start(name, {"running_trials": "drain", "space": {"x": {"values": [0.9, 0.15]}}})
    assert world.finish(name, drained) == "success"
    assert {trial["state"] for trial in world.controller(name, drained)["trials"]} == {"SUCCEEDED"}


_QUICK_OR_SLOW = (
    'if [ "$1" = 0.9 ]; then sleep 4; elif [ "$1" = 0.15 ]; then sleep 7; else sleep 120; fi; echo "accuracy=$1"'
)


def test_a_synchronous_rung_waits_for_a_retry_without_keeping_its_place(world: World) -> None:
    name = world.experiment(
        "rungs",
        search={"algorithm": "hyperband"},
        trials={"max": 3, "concurrency": 1, "retries": 1, "budget": {"min": 1, "max": 3, "factor": 3}},
        tasks=[{"name": "train", "command": world.command(steps="${budget}", mode="fails_once")}],
    )
    run, state = world.run(name, seconds=240)
    assert state == "success"
    trials = world.controller(name, run)["trials"]
    assert len(trials) == 3
    (promoted,) = [trial for trial in trials if trial["budget"] == 3]
    assert promoted["value"] == max(trial["value"] for trial in trials)
    assert all(attempt["number"] in (1, 2) for trial in trials for attempt in trial["attempts"])
    assert sum(len(trial["attempts"]) for trial in trials) == 8, "4 pieces of work, tried twice each"


def test_a_schedule_starts_an_experiment_by_itself(world: World) -> None:
    name = world.experiment("scheduled", schedule="* * * * *", trials={"max": 1, "concurrency": 1})
    world.wait_for_dag(name)

    def runs() -> list[dict[str, Any]]:
        return list(world.call("GET", f"/dags/{name}/dagRuns")["dag_runs"])

    wait_until(lambda: any(r["state"] == "success" for r in runs()), 150, "a scheduled run to end", lambda: str(runs()))
    (first,) = [r for r in runs() if r["state"] == "success"][:1]
    assert first["run_type"] == "scheduled"
    assert world.controller(name, first["dag_run_id"])["experiment"]["best_trial"] == 0
    world.call("PATCH", f"/dags/{name}", json={"is_paused": True})


def test_beyond_a_thousand_trials_it_goes_on_in_lanes(world: World) -> None:
    name = world.experiment(
        "lanes",
        trials={"max": 1500, "concurrency": 2},
        stop={"no_improvement": {"trials": 12}},
        tasks=[{"name": "train", "command": ["sh", "-c", 'echo "accuracy=$1"', "sh", "${x}"]}],
    )
    run, state = world.run(name)
    assert state == "success"
    result = world.controller(name, run)
    assert len(result["trials"]) > 12
    assert result["experiment"]["state"] == "EARLY_STOPPED"
    assert world.states(name, run) == {"success": 2}
    assert "trials" in str(world.instances(name, run)["trial", 0]["rendered_map_index"])


def test_fewer_trials_at_once_than_the_file_says_wait_without_a_worker(world: World) -> None:
    name = world.experiment(
        "throttled",
        trials={"max": 3, "concurrency": 3},
        tasks=[{"name": "train", "command": world.command(steps=4, pause=1)}],
    )
    run = world.start(name, {"concurrency": 1})
    wait_until(lambda: world.states(name, run)["deferred"] >= 1, 60, "a slot to wait in the triggerer")
    assert world.finish(name, run) == "success"
    attempts = [(t["started"], t["ended"]) for t in world.controller(name, run)["trials"]]
    attempts.sort()
    assert all(later[0] >= earlier[1] for earlier, later in itertools.pairwise(attempts)), attempts


def test_the_api_refuses_who_is_not_logged_in(world: World) -> None:
    import httpx

    response = httpx.post(f"{world.airflow.url}/api/v2/dags/plain/dagRuns", json={"logical_date": None}, timeout=30)
    assert response.status_code == 401


ONE = {"max": 1, "concurrency": 1}
QUICK = [{"name": "train", "command": ["echo", "accuracy=1"]}]
DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"]
DATED = [
    {
        "name": "train",
        "command": [
            "sh",
            "-c",
            "echo accuracy=1; echo $0 $AUTOML_DATA_INTERVAL_START > $AUTOML_MODEL_DIR/day",
            "${ds}",
        ],
    }
]


def runs(world: World, name: str) -> list[dict[str, Any]]:
    """The runs of a DAG, oldest first."""
    rows = world.call("GET", f"/dags/{name}/dagRuns", params={"order_by": "run_after"})["dag_runs"]
    return list(rows)


def unpause(world: World, name: str) -> None:
    world.wait_for_dag(name)
    world.call("PATCH", f"/dags/{name}", json={"is_paused": False})


def day_of(world: World, name: str, run: str) -> str:
    return (world.folder(name, run) / "best_model" / "model" / "day").read_text().strip()


def test_three_days_of_a_backfill_train_three_days(world: World) -> None:
    name = world.experiment("backfilled", schedule="0 0 * * *", trials=ONE, tasks=DATED)
    unpause(world, name)
    if world.airflow.database.startswith("sqlite"):  # where a backfill may end the scheduler
        for day in DAYS:
            body = {"logical_date": f"{day}T00:00:00Z", "conf": {}}
            world.call("POST", f"/dags/{name}/dagRuns", json=body)
    else:
        body = {
            "dag_id": name, "from_date": f"{DAYS[0]}T00:00:00Z", "to_date": f"{DAYS[-1]}T00:00:00Z",
            "run_backwards": False, "dag_run_conf": {}, "max_active_runs": 3, "reprocess_behavior": "none",
        }  # fmt: skip
        world.call("POST", "/backfills", json=body)

    def old() -> list[dict[str, Any]]:
        return [run for run in runs(world, name) if (run["logical_date"] or "")[:10] in DAYS]

    wait_until(
        lambda: [run["state"] for run in old()] == ["success"] * 3, 180, "three days", lambda: str(runs(world, name))
    )
    seen = {day_of(world, name, run["dag_run_id"]) for run in old()}
    assert seen == {f"{day} {day}T00:00:00+00:00" for day in DAYS}
    world.call("PATCH", f"/dags/{name}", json={"is_paused": True})


def test_a_run_without_a_date_fails_at_once_where_a_date_is_named(world: World) -> None:
    name = world.experiment("undated", trials=ONE, tasks=DATED)
    run, state = world.run(name)
    assert state == "failed"
    assert "undated.yaml:" in (log := world.log(name, run, "propose", -1))
    assert "${ds}: this run has no logical date" in log


PRODUCER = """
from airflow.sdk import DAG, Asset, task

with DAG("orders_producer", schedule=None, is_paused_upon_creation=False):

    @task(outlets=[Asset(name="orders", uri="s3://lake/orders")])
    def produce():
        pass

    produce()
"""


def test_each_update_of_an_asset_runs_who_refers_to_its_name_or_its_uri(world: World) -> None:
    """Also where the experiments are read before the DAG that defines the asset."""
    names = [
        world.experiment("by_uri", schedule={"assets": ["s3://lake/orders"]}, trials=ONE, tasks=QUICK),
        world.experiment("by_name", schedule={"assets": ["orders"]}, trials=ONE, tasks=QUICK),
    ]
    for name in names:
        unpause(world, name)
    (world.root / "dags" / "orders_producer.py").write_text(PRODUCER)
    for updates in (1, 2):
        _, state = world.run("orders_producer")
        assert state == "success", "no experiment stands in the producer's way"
        for name in names:
            wait_until(
                lambda name=name, updates=updates: [r["state"] for r in runs(world, name)] == ["success"] * updates,
                120, f"{updates} runs of {name}", lambda name=name: str(runs(world, name)),
            )  # fmt: skip
            assert {run["run_type"] for run in runs(world, name)} == {"asset_triggered"}
    (world.root / "dags" / "orders_producer.py").unlink()


def test_a_pool_is_where_its_trials_run_and_a_run_goes_on_where_it_began(world: World) -> None:
    world.call("POST", "/pools", json={"name": "few", "slots": 1, "include_deferred": True})
    slow = [{"name": "train", "command": world.command(steps=4, pause=1), "airflow": {"pool": "few"}}]
    more = {"trials": {"max": 4, "concurrency": 2}, "tasks": slow, "airflow": {"priority_weight": 5}}
    name = world.experiment("placed", **more)
    run = world.start(name)
    wait_until(lambda: world.states(name, run)["running"] == 1, 60, "a first trial")
    world.experiment(name, **more, output={"storage": "file://./elsewhere"})

    def version() -> int:
        return int(world.call("GET", f"/dags/{name}/dagVersions")["total_entries"])

    wait_until(lambda: version() >= 2, 60, "the edited file to be read")
    assert world.finish(name, run) == "success"
    instances = world.instances(name, run)
    assert {instances["trial", index]["pool"] for index in range(4)} == {"few"}
    assert instances["reduce", -1]["pool"] == "default_pool"
    assert instances["reduce", -1]["priority_weight"] == 5
    spans = sorted((t["started"], t["ended"]) for t in world.controller(name, run)["trials"])
    assert all(later[0] >= earlier[1] for earlier, later in itertools.pairwise(spans)), "one slot"
    assert len(spans) == 4
    assert not (world.root / "elsewhere").exists()
