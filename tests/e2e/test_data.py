"""What trainings find on a real Airflow: data sets, prepared once for runs of the same data; packages of their own."""

from __future__ import annotations

import pytest

from tests.e2e.world import World
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.timeout(420)

PREPARE = """
import os, pathlib
rows = pathlib.Path(os.environ["AUTOML_DATA_TRAIN"]).read_text()
(pathlib.Path(os.environ["AUTOML_MODEL_DIR"]) / "rows.csv").write_text(rows + os.environ["AUTOML_RUN_ID"])
"""
TRAIN = """
import os, pathlib, sys
place, target, value = sys.argv[1:]
assert place == os.environ["AUTOML_DATA_TRAIN"] and target == "y", sys.argv
rows = (pathlib.Path(os.environ["AUTOML_PREPARED_DIR"]) / "rows.csv").read_text().split("\\n")
print("prepared by", rows[-1])
print("accuracy=" + value)
"""


def test_runs_of_the_same_data_share_what_was_prepared_and_a_change_is_said(world: World) -> None:
    (world.root / "code").mkdir(exist_ok=True)
    (world.root / "code" / "prep.py").write_text(PREPARE)
    (world.root / "code" / "train.py").write_text(TRAIN)
    data = world.root / "train.csv"
    data.write_text("x,y\n1,0\n")
    command = ["python", str(world.root / "code" / "train.py"), "${data.train}", "${columns.target}", "${x}"]
    name = world.experiment(
        "on_data",
        data={"train": str(data)},
        columns={"target": "y"},
        prepare=[{"name": "split", "command": ["python", str(world.root / "code" / "prep.py")]}],
        tasks=[{"name": "train", "command": command}],
        trials={"max": 2, "concurrency": 2},
    )
    first, state = world.run(name)
    assert state == "success"
    found = world.controller(name, first)["experiment"]["data"]["train"]
    assert (found["place"], found["files"], found["bytes"]) == (str(data), 1, 8)

    second, state = world.run(name)
    assert state == "success"
    result = world.controller(name, second)["experiment"]
    assert result["prepared_by"] == first
    assert result["stages"]["prepare"]["reason"] == f"what the run {first} has prepared is taken"
    assert f"prepared by {first}" in world.log(name, second, "trial", 0)
    assert "prepare is not run" in world.log(name, second, "propose", -1)

    data.write_text("x,y\n2,1\n")
    third, state = world.run(name)
    assert state == "success"
    assert "prepared_by" not in world.controller(name, third)["experiment"]
    assert f"prepared by {third}" in world.log(name, third, "trial", 1)

    # a person clears a trial after the data have changed once more
    data.write_text("x,y\n3,1\n")
    body = {
        "dry_run": False, "dag_run_id": third, "task_ids": [["trial", 0]], "include_downstream": True,
        "only_failed": False, "reset_dag_runs": True,
    }  # fmt: skip
    world.call("POST", f"/dags/{name}/clearTaskInstances", json=body)
    assert world.finish(name, third) == "success"
    again = world.controller(name, third)
    (changed,) = again["experiment"]["data"]["train"]["changed_in"]
    assert "has changed since the run began" in again["trials"][changed]["warnings"][0]

    assets = {each["name"] for each in world.call("GET", "/assets")["assets"]}
    assert {f"file://{data}?automl=on_data.train"} <= assets
    events = world.call("GET", "/assets/events")["asset_events"]
    assert {each["name"] for each in events if "on_data" in each["name"]} == {
        f"file://{world.root}/runs/on_data?automl=on_data"
    }, "whoever waits for results can be scheduled on it"


OWN = """
import importlib.util, os, sys
import not_airflows
print("own packages", not_airflows.VERSION, importlib.util.find_spec("airflow"), "site-packages" in str(sys.path))
if len(sys.argv) > 1:
    print("accuracy=" + sys.argv[1])
"""


def test_a_training_has_the_packages_of_its_lock_file_which_airflow_has_not(world: World) -> None:
    # packages come from a folder of wheels, as on a machine without a network: `COMMON` of conftest.py says so
    make_wheel(world.root / "wheels", "not-airflows", "4.2")
    program = world.root / "experiments" / "own"
    program.mkdir()
    (program / "train.py").write_text(OWN)
    (program / "requirements.txt").write_text("not-airflows==4.2\n")
    name = world.experiment(
        "own_packages",
        code="own",
        environment={"lock": "own/requirements.txt"},
        prepare=[{"name": "look", "cwd": "code", "command": ["python", "train.py"]}],
        tasks=[{"name": "train", "cwd": "code", "command": ["python", "train.py", "${x}"]}],
        trials={"max": 2, "concurrency": 2},
    )
    run, state = world.run(name)
    assert state == "success"
    first, trials = world.log(name, run, "prepare", -1), [world.log(name, run, "trial", slot) for slot in range(2)]
    assert "environment: made by" in first
    assert "own packages 4.2 None True" in first
    for log in trials:
        assert "own packages 4.2 None True" in log
        assert "making it" not in log, "it was made once, before the first trial"
    assert len(list((world.root / ".automl-environments").glob("*/env-*"))) == 1
    result = world.controller(name, run)
    assert [trial["state"] for trial in result["trials"]] == ["SUCCEEDED"] * 2
