"""prepare and conclude: once, before the first trial and after the last, with all that holds for a trial."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from automl_airflow import alerts, compat, stages
from automl_airflow.factory import experiment_dag
from automl_airflow.maxcompute.scoring import PredictOperator
from automl_airflow.operators import ReduceOperator, TrialOperator
from automl_core.cli.status import status
from automl_core.results import publish_study
from automl_core.results.stages import model_note, unconcluded
from automl_core.spec.stages import StageName
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.folder import FolderStore
from automl_core.study import Study
from automl_core.study.editing import edit
from automl_core.study.layout import experiment_prefix
from automl_core.study.stages import StageStudy, stages_of
from tests.unit.plugins.files import body, round_trip
from tests.unit.plugins.test_operators import RUN, World

PREPARE = 'echo made by attempt "$AUTOML_ATTEMPT" > "$AUTOML_MODEL_DIR"/table.csv'
TRAIN = 'cat "$AUTOML_PREPARED_DIR"/table.csv > "$AUTOML_MODEL_DIR"/seen.txt; echo accuracy=${x}'
CONCLUDE = """
import json, os
told = json.load(open(os.environ["AUTOML_TRIALS_FILE"]))
best = next(trial for trial in told["trials"] if trial["rank"] == 1)
seen = open(os.path.join(best["model"], "seen.txt")).read()
prepared = open(os.path.join(os.environ["AUTOML_PREPARED_DIR"], "table.csv")).read()
assert seen == prepared
with open(os.path.join(os.environ["AUTOML_MODEL_DIR"], "refit.json"), "w") as file:
    json.dump({"value": best["value"], "trials": len(told["trials"]), "seen": seen}, file)
"""
ENDLESS: dict[str, Any] = {
    "space": {"x": {"type": "uniform", "low": 0.1, "high": 0.9}}, "search": {"algorithm": "random"},
    "trials": {"max": 2},
}  # fmt: skip
"""A search that can be extended."""
SPACE = {"x": {"type": "choice", "values": [0.25, 0.75]}}


def task(command: str, name: str = "train") -> dict[str, Any]:
    return {"name": name, "command": ["sh", "-c", command]}


def python(program: str, name: str = "train") -> dict[str, Any]:
    return {"name": name, "command": [sys.executable, "-c", program]}


class Staged(World):
    """An experiment with stages, whose tasks are called one by one."""

    def __init__(self, folder: Path, **groups: Any) -> None:
        super().__init__(folder, **{"space": SPACE, "search": {"algorithm": "grid"}, "tasks": [task(TRAIN)], **groups})
        self.tries: dict[str, int] = {}

    def stage(self, stage: StageName, index: int = 0, count: int = 1, cleared: int = 0) -> Any:
        """Call a task of a stage; ``cleared``: how often a person has cleared it."""
        ids = [stage] if count == 1 else [f"{stage}.{n}" for n in range(count)]
        operator = TrialOperator(
            task_id="x", slot=0, task_index=index, step_ids=ids, stage=stage, max_active_tis_per_dagrun=3, **self.where
        )
        context = self.context()
        context["ti"].max_tries = 10 + cleared
        return operator.execute(context)

    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.run / "controller.json").read_text())
        return found

    @property
    def run(self) -> Path:
        return self.folder / "runs" / experiment_prefix("first", RUN)


@pytest.fixture(autouse=True)
def no_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "skip_instances", lambda *_: None)
    monkeypatch.setattr(compat, "name_map_index", lambda *_: None)


def test_what_prepare_made_reaches_every_trial_and_what_conclude_made_is_published(tmp_path: Path) -> None:
    world = Staged(tmp_path, prepare=[task(PREPARE, "split")], conclude=[python(CONCLUDE, "refit")])
    slots = world.propose()
    world.stage("prepare")
    for slot in slots:
        world.trial(slot)
    world.stage("conclude")
    result = world.reduce()

    assert result["best_value"] == 0.75
    refit = json.loads((world.run / "best_model" / "model" / "refit.json").read_text())
    assert refit == {"value": 0.75, "trials": 2, "seen": "made by attempt 1\n"}
    assert not (world.run / "best_model" / "model" / "seen.txt").exists()  # one model, not a mixture
    told = world.result()["experiment"]
    assert told["model_from"] == "conclude"
    assert [told["stages"][stage]["state"] for stage in ("prepare", "conclude")] == ["SUCCEEDED", "SUCCEEDED"]
    assert told["stages"]["conclude"]["tasks"][0]["name"] == "refit"
    assert told["counts"]["SUCCEEDED"] == 2, "a stage is no trial"


def test_a_conclude_that_makes_no_model_leaves_the_best_trials(tmp_path: Path) -> None:
    world = Staged(tmp_path, prepare=[task(PREPARE)], conclude=[task("echo a report")])
    for slot in (world.propose(), world.stage("prepare"))[0]:
        world.trial(slot)
    world.stage("conclude")
    world.reduce()
    assert (world.run / "best_model" / "model" / "seen.txt").is_file()
    assert world.result()["experiment"]["model_from"] == "trial"


def test_an_experiment_without_stages_is_what_it_was(tmp_path: Path) -> None:
    world = Staged(tmp_path, tasks=[task("echo accuracy=${x}")])
    for slot in world.propose():
        world.trial(slot)
    world.reduce()
    assert "stages" not in world.result()["experiment"]
    assert not list(world.run.glob("prepare*"))
    assert not list(world.run.glob("conclude*"))


def test_a_task_of_a_stage_that_is_asked_again_trains_once(tmp_path: Path) -> None:
    """Its worker was killed when the end was told, and Airflow makes the next try of the same task."""
    counting = f"echo run >> {shlex.quote(str(tmp_path))}/count; {PREPARE}"
    world = Staged(tmp_path, prepare=[task(counting)])
    world.propose()
    assert world.stage("prepare") == world.stage("prepare")
    assert (tmp_path / "count").read_text() == "run\n"
    world.stage("prepare", cleared=1)  # a person's clear does run it anew
    assert (tmp_path / "count").read_text() == "run\n" * 2


def test_a_stage_whose_worker_was_killed_is_taken_up_by_the_next(tmp_path: Path) -> None:
    world = Staged(tmp_path, prepare=[task(PREPARE)])
    world.propose()
    study = staged(world, "prepare")
    study.ask(0, generation=10)  # bound, and killed before anything ran
    world.stage("prepare")
    assert (world.run / "prepare" / "experiment_0" / "model" / "table.csv").read_text() == "made by attempt 2\n"


def test_several_tasks_of_a_stage_pass_a_folder_on(tmp_path: Path) -> None:
    add = 'echo two >> "$AUTOML_MODEL_DIR"/table.csv'
    world = Staged(tmp_path, prepare=[task('echo one > "$AUTOML_MODEL_DIR"/table.csv', "a"), task(add, "b")])
    slots = world.propose()
    world.stage("prepare", 0, 2)
    world.stage("prepare", 1, 2)
    world.trial(slots[0])
    assert (world.run / "experiment_0" / "model" / "seen.txt").read_text() == "one\ntwo\n"


def test_a_failed_task_of_a_stage_is_tried_again_as_a_trials_is(tmp_path: Path) -> None:
    once = f'test -e {tmp_path}/there || {{ touch {tmp_path}/there; echo "not yet $RANDOM$$" >&2; exit 3; }}; {PREPARE}'
    world = Staged(tmp_path, prepare=[task(once)], trials={"max": 2, "retries": 1})
    world.propose()
    with pytest.raises(AirflowException, match="prepare, attempt 1"):
        world.stage("prepare")
    world.stage("prepare")
    assert staged(world, "prepare").state.works[0].state is TrialState.SUCCEEDED


def test_an_experiment_whose_prepare_failed_fails_and_says_so(tmp_path: Path) -> None:
    world = Staged(tmp_path, prepare=[task("echo 'ValueError: no such table' >&2; exit 1")], conclude=[task("true")])
    world.propose()
    with pytest.raises(AirflowFailException, match="no such table"):
        world.stage("prepare")
    # Airflow runs it whatever came of the trials
    with pytest.raises(AirflowSkipException, match="nothing to conclude"):
        world.stage("conclude")
    with pytest.raises(AirflowFailException, match="no such table"):
        world.reduce()
    told = world.result()["experiment"]
    assert told["state"] == "FAILED"
    assert "prepare failed" in told["stop_reason"]
    assert told["stages"]["prepare"]["state"] == "FAILED"


def test_a_conclude_that_failed_costs_no_result(tmp_path: Path) -> None:
    world = Staged(tmp_path, tasks=[task("echo accuracy=${x}")], conclude=[task("exit 1")])
    for slot in world.propose():
        world.trial(slot)
    with pytest.raises(AirflowFailException):
        world.stage("conclude")
    with pytest.raises(
        AirflowFailException, match=r"(?s)conclude failed.*\nWhat the best trial has left.*clear the task conclude"
    ):
        world.reduce()
    said = unconcluded(FolderStore(world.run), "")
    assert said.startswith("conclude failed (exit code 1. It printed nothing), so what is published is what trial 1 ")
    told = world.result()["experiment"]
    assert (told["state"], told["best_value"]) == ("NO_MORE_TRIAL", 0.75)
    assert told["stages"]["conclude"]["state"] == "FAILED"


@pytest.mark.parametrize("opened", [False, True])
def test_a_conclude_that_failed_before_it_was_bound_is_told_of(
    opened: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its executor failed, it was queued for too long or marked; or, opened, the store went away before it was told."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(alerts, "send", lambda _, body: sent.append(body))
    world = Staged(
        tmp_path, tasks=[task("echo accuracy=${x}")], conclude=[task('echo made > "$AUTOML_MODEL_DIR"/made')],
        alerts={"on": ["failure"], "url_connection": "hook"},
    )  # fmt: skip
    for slot in world.propose():
        world.trial(slot)
    if opened:
        staged(world, "conclude")
    with pytest.raises(AirflowFailException, match=r"conclude was never begun: .*clear the task conclude"):
        world.reduce()
    told = world.result()["experiment"]
    assert (told["state"], told["best_value"], told["model_from"]) == ("NO_MORE_TRIAL", 0.75, "trial")
    entry = told["stages"]["conclude"]
    assert (entry["state"], entry["started"], entry["tasks"]) == ("NEVER_BEGUN", None, [])
    said = unconcluded(FolderStore(world.run), "")
    assert said.startswith("conclude was never begun (its task in Airflow ended before anything ran")
    assert said.endswith("clear the task conclude in Airflow, and it is made of the trials that there are")
    assert [(each["stage"], "never begun" in each["text"]) for each in sent] == [("conclude", True)]
    world.stage("conclude", cleared=1)
    world.reduce()
    told = world.result()["experiment"]
    assert (told["model_from"], told["stages"]["conclude"]["state"]) == ("conclude", "SUCCEEDED")
    assert unconcluded(FolderStore(world.run), "") == ""


@pytest.mark.parametrize("gone_on", ["extended", "a trial again"])
@pytest.mark.parametrize("opened", [False, True])
def test_a_second_conclude_that_failed_before_it_was_bound_is_told_of_and_the_first_ones_model_stays(
    opened: bool, gone_on: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(alerts, "send", lambda _, body: sent.append(body))
    world = Staged(
        tmp_path, tasks=[task("echo accuracy=${x}")], conclude=[python(COUNT)],
        alerts={"on": ["failure"], "url_connection": "hook"}, **ENDLESS,
    )  # fmt: skip
    slots = world.propose()
    for slot in slots:
        world.trial(slot)
    world.stage("conclude")
    world.reduce()
    world.reduce()  # cleared alone: nothing has gone on
    assert world.result()["experiment"]["stages"]["conclude"]["state"] == "SUCCEEDED"
    if gone_on == "extended":
        edit(world.study(), {"trials": {"max": 3}}, "anna", reopen=True)
        world.trial(2)
    else:
        world.trial(slots[0])  # a person has cleared it
    if opened:
        staged(world, "conclude")
    with pytest.raises(AirflowFailException, match=r"never begun: .*What it made of the search before is published"):
        world.reduce()
    told = world.result()["experiment"]
    assert (told["state"], told["model_from"]) == ("FINISHED", "conclude")
    assert (world.run / "best_model" / "model" / "count").read_text() == "2"
    entry = told["stages"]["conclude"]
    assert (entry["state"], entry["ended"], len(entry["tasks"])) == ("NEVER_BEGUN", None, 1)
    assert "gone on since it ran" in entry["reason"]
    store = FolderStore(world.run)
    assert unconcluded(store, "") == "", "what is published is no trial's"
    assert "so what is published is what it made of the search before: clear the task" in model_note(store, "")
    assert [each["stage"] for each in sent] == ["conclude"]
    status(str(world.run))
    assert "conclude: NEVER_BEGUN (the search has gone on" in capsys.readouterr().out
    world.stage("conclude", cleared=1)
    world.reduce()
    assert world.result()["experiment"]["stages"]["conclude"]["state"] == "SUCCEEDED"
    assert model_note(store, "") == ""


def test_of_a_conclude_that_an_earlier_release_began_no_search_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StageStudy, "_note_search", lambda _: None)
    world = Staged(tmp_path, tasks=[task("echo accuracy=${x}")], conclude=[task("true")], **ENDLESS)
    for slot in world.propose():
        world.trial(slot)
    world.stage("conclude")
    world.reduce()
    edit(world.study(), {"trials": {"max": 3}}, "anna", reopen=True)
    world.trial(2)
    world.reduce()
    assert world.result()["experiment"]["stages"]["conclude"]["state"] == "SUCCEEDED"


def test_a_conclude_that_a_cancel_has_skipped_is_told_of_and_fails_nothing(tmp_path: Path) -> None:
    world = Staged(tmp_path, tasks=[task("echo accuracy=${x}")], conclude=[task("true")])
    world.trial(world.propose()[1])
    world.study().stop("user", ExperimentState.USER_CANCELED, "stopped by anna", running="cancel", by="anna")
    with pytest.raises(AirflowSkipException, match="everything was cancelled: stopped by anna"):
        world.stage("conclude")
    assert world.reduce()["state"] == "USER_CANCELED"
    assert world.result()["experiment"]["stages"]["conclude"]["state"] == "SKIPPED"
    said = unconcluded(FolderStore(world.run), "")
    assert said.startswith("conclude was skipped (everything was cancelled: stopped by anna), so what is published")
    assert "extend the run" in said
    assert "clear the task" not in said


@pytest.mark.parametrize("stopped", [False, True])
def test_where_no_trial_has_a_value_nothing_is_said_of_a_conclude_that_did_not_run(
    stopped: bool, tmp_path: Path
) -> None:
    world = Staged(tmp_path, tasks=[task("exit 1")], conclude=[task("true")])
    slots = world.propose()
    if stopped:
        world.study().stop("user", ExperimentState.USER_CANCELED, "stopped by anna", running="cancel", by="anna")
    else:
        for slot in slots:
            with pytest.raises(AirflowFailException):
                world.trial(slot)
    with pytest.raises(AirflowFailException, match=r"^experiment ") as found:
        world.reduce()
    assert "conclude" not in str(found.value)
    assert "stages" not in world.result()["experiment"]


def test_the_result_of_a_search_that_goes_on_says_nothing_of_its_conclude_yet(tmp_path: Path) -> None:
    world = Staged(tmp_path, tasks=[task("echo accuracy=${x}")], conclude=[task("true")])
    world.trial(world.propose()[1])
    publish_study(world.study())
    assert "stages" not in world.result()["experiment"]


def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> tuple[Staged, list[Path]]:
    """A search for a model that scores a table, its first trials trained; the folders of models that scored one."""
    scored: list[Path] = []
    monkeypatch.setattr(PredictOperator, "score", lambda _, folder, *__: scored.append(folder) or {})
    write = 'echo "{}" > "$AUTOML_MODEL_DIR"/model.json'
    places = {"rows": "odps://standin/people", "out": "odps://standin/scored"}
    world = Staged(
        tmp_path, tasks=[task(f"{write}; echo accuracy=${{x}}")], conclude=[task(write)], predict=places, **more
    )  # fmt: skip
    for slot in world.propose():
        world.trial(slot)
    return world, scored


@pytest.mark.parametrize("concluded", [True, False])
def test_no_table_is_scored_by_the_model_of_a_trial_where_conclude_made_none(
    concluded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, scored = trained(tmp_path, monkeypatch)
    predict = PredictOperator(task_id="predict", **world.where)
    if concluded:
        world.stage("conclude")
        world.reduce()
        predict.resume(world.context(), {})
        assert len(scored) == 1
        return
    with pytest.raises(AirflowFailException, match="conclude was never begun"):
        world.reduce()
    with pytest.raises(AirflowFailException, match=r"predict: conclude was never begun .*clear the task conclude"):
        predict.resume(world.context(), {})  # a person has marked the reducer
    assert not scored


def test_a_table_that_is_scored_by_the_model_of_a_shorter_search_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world, scored = trained(tmp_path, monkeypatch, **ENDLESS)
    world.stage("conclude")
    world.reduce()
    edit(world.study(), {"trials": {"max": 3}}, "anna", reopen=True)
    world.trial(2)
    with pytest.raises(AirflowFailException, match="never begun"):
        world.reduce()
    capsys.readouterr()
    PredictOperator(task_id="predict", **world.where).resume(world.context(), {})  # a person has marked the reducer
    assert len(scored) == 1
    assert "so what is published is what it made of the search before" in capsys.readouterr().out


def test_whoever_stops_the_experiment_stops_its_prepare(tmp_path: Path) -> None:
    world = Staged(tmp_path, prepare=[task("sleep 600")])
    world.propose()
    study = staged(world, "prepare")
    binding = study.ask(0, generation=10)
    world.study().stop("user", ExperimentState.USER_CANCELED, "stopped by anna", running="cancel", by="anna")
    assert study.order(binding) == (TrialState.USER_CANCELED, "stopped by anna")
    # one that has not begun is not begun
    late = Staged(tmp_path / "late", prepare=[task("sleep 600")])
    late.propose()
    late.study().stop("user", ExperimentState.USER_CANCELED, "stopped by anna", running="drain", by="anna")
    with pytest.raises(AirflowSkipException, match="stopped by anna"):
        late.stage("prepare")


def test_a_stage_goes_on_when_the_search_is_extended(tmp_path: Path) -> None:
    """After an extension Airflow clears conclude: it runs anew, over all trials."""
    world = Staged(tmp_path, tasks=[task("echo accuracy=${x}")], conclude=[python(COUNT)])
    slots = world.propose()
    for slot in slots:
        world.trial(slot)
    world.stage("conclude")
    world.reduce()
    assert (world.run / "best_model" / "model" / "count").read_text() == "2"
    world.stage("conclude", cleared=1)
    world.reduce()
    assert len(staged(world, "conclude").state.works[0].attempts) == 2
    assert world.result()["experiment"]["stages"]["conclude"]["state"] == "SUCCEEDED"


def test_what_conclude_made_of_fewer_trials_is_not_published_where_it_makes_nothing_of_all(tmp_path: Path) -> None:
    once = f'test -e {tmp_path}/there || {{ touch {tmp_path}/there; echo refit > "$AUTOML_MODEL_DIR"/refit; }}'
    train = 'echo trial > "$AUTOML_MODEL_DIR"/trial; echo accuracy=${x}'
    world = Staged(tmp_path, tasks=[task(train)], conclude=[task(once)])
    for slot in world.propose():
        world.trial(slot)
    world.stage("conclude")
    world.reduce()
    assert world.result()["experiment"]["model_from"] == "conclude"
    world.stage("conclude")  # its answer was lost: nothing runs anew, and nothing is lost
    world.reduce()
    assert [each.name for each in (world.run / "best_model" / "model").iterdir()] == ["refit"]
    world.stage("conclude", cleared=1)
    world.reduce()
    assert world.result()["experiment"]["model_from"] == "trial"
    assert [each.name for each in (world.run / "best_model" / "model").iterdir()] == ["trial"]


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"backend": "local"}, "{folder}/a/experiment_0/model"),
        (
            {"backend": "kubernetes", "storage_mount": SimpleNamespace(path="/mnt/runs")},
            "/mnt/runs/a/experiment_0/model",
        ),
        ({"backend": "custom_resource", "storage_path": "/mnt/runs/"}, "/mnt/runs/a/experiment_0/model"),
        ({"backend": "maxcompute"}, "file://{folder}/a/experiment_0/model"),
    ],
)
def test_conclude_is_told_where_its_own_machine_has_the_models(
    given: dict[str, Any], seen: str, tmp_path: Path
) -> None:
    study: Any = SimpleNamespace(
        experiment=SimpleNamespace(conclude=[SimpleNamespace(**given)]),
        journal=SimpleNamespace(store=FolderStore(tmp_path)),
    )
    assert stages._seen(study, 0, "a/experiment_0/model") == seen.format(folder=tmp_path)


def test_a_stage_that_can_not_be_started_is_named_where_it_stands(tmp_path: Path) -> None:
    world = Staged(tmp_path, prepare=[{"name": "split", "command": ["no-such-program-at-all"]}])
    world.propose()
    with pytest.raises(AirflowFailException, match=r"prepare\.split: "):
        world.stage("prepare")


COUNT = """
import json, os
told = json.load(open(os.environ["AUTOML_TRIALS_FILE"]))
open(os.path.join(os.environ["AUTOML_MODEL_DIR"], "count"), "w").write(str(len(told["trials"])))
"""


def staged(world: Staged, stage: StageName) -> StageStudy:
    from automl_core.study.stages import begin_stage

    return begin_stage(world.study(), stage)


def test_the_dag_has_a_task_a_stage_before_the_first_trial_and_after_the_last(tmp_path: Path) -> None:
    from automl_core.spec.validation import validate

    experiment, problems = validate(
        body(prepare=[task("true", "split")], conclude=[task("true", "refit"), task("true", "report")])
    )
    assert experiment is not None, problems
    dag = round_trip(experiment_dag(experiment, tmp_path / "first.yaml"))
    ways = {each.task_id: sorted(each.downstream_task_ids) for each in dag.tasks}
    assert ways == {
        "propose": ["prepare", "trial"], "prepare": ["trial"], "trial": ["conclude.refit"],
        "conclude.refit": ["conclude.report"], "conclude.report": ["reduce"], "reduce": [],
    }  # fmt: skip
    assert str(dag.get_task("conclude.refit").trigger_rule) == "all_done"


def test_stages_of_a_study_are_those_begun(tmp_path: Path) -> None:
    world = Staged(tmp_path, prepare=[task(PREPARE)], conclude=[task("true")])
    world.propose()
    study: Study = world.study()
    assert stages_of(study) == {}
    world.stage("prepare")
    assert list(stages_of(study)) == ["prepare"]
    assert ReduceOperator(task_id="reduce", **world.where).stage is None


def test_trials_that_a_person_let_begin_without_prepare_are_concluded(tmp_path: Path) -> None:
    """Who marks a failed prepare as a success has made by hand what it was to make."""
    world = Staged(tmp_path, prepare=[task("exit 1")], tasks=[task("echo accuracy=${x}")], conclude=[task("true")])
    slots = world.propose()
    with pytest.raises(AirflowFailException):
        world.stage("prepare")
    for slot in slots:
        world.trial(slot)
    world.stage("conclude")
    with pytest.raises(AirflowFailException, match="what the search found is published"):
        world.reduce()
    told = world.result()["experiment"]
    assert (told["state"], told["stages"]["conclude"]["state"]) == ("NO_MORE_TRIAL", "SUCCEEDED")


def test_a_prepare_that_never_came_to_run_does_when_the_run_is_extended(tmp_path: Path) -> None:
    world = Staged(tmp_path, prepare=[task(PREPARE)])
    world.propose()
    world.study().stop("user", ExperimentState.USER_CANCELED, "stopped by anna", running="drain", by="anna")
    with pytest.raises(AirflowSkipException, match="stopped by anna"):
        world.stage("prepare")
    with pytest.raises(AirflowFailException, match="USER_CANCELED"):
        world.reduce()
    edit(world.study(), {}, "anna", reopen=True)
    world.stage("prepare", cleared=1)
    assert staged(world, "prepare").state.works[0].state is TrialState.SUCCEEDED


def test_a_stage_that_was_added_while_the_run_is_on_says_so_at_once(tmp_path: Path) -> None:
    world = Staged(tmp_path, conclude=[task("true")], tasks=[task("echo accuracy=${x}")])
    for slot in world.propose():
        world.trial(slot)
    with pytest.raises(AirflowFailException, match="began without this task of prepare"):
        world.stage("prepare")
    with pytest.raises(AirflowFailException, match="began without this task of conclude"):
        world.stage("conclude", 1, 2)


def test_what_attempts_at_stages_left_behind_goes_with_the_end(tmp_path: Path) -> None:
    world = Staged(tmp_path, prepare=[task(PREPARE)], conclude=[task("true")])
    slots = world.propose()
    world.stage("prepare")
    (world.run / "prepare" / "scratch").mkdir(exist_ok=True)
    (world.run / "prepare" / "scratch" / "owner_of_0_final").write_text("slot_0_0_1")  # as pods have it
    for slot in slots:
        world.trial(slot)
    world.stage("conclude")
    world.reduce()
    assert not [each for each in world.run.rglob("scratch/*") if each.is_file()]


def test_people_are_told_of_a_stage_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(alerts, "send", lambda _, body: sent.append(body))
    world = Staged(
        tmp_path, tasks=[task("echo accuracy=${x}")], conclude=[task("echo 'no space left' >&2; exit 1")],
        alerts={"on": ["failure"], "url_connection": "hook"},
    )  # fmt: skip
    for slot in world.propose():
        world.trial(slot)
    with pytest.raises(AirflowFailException):
        world.stage("conclude")
    with pytest.raises(AirflowFailException):
        world.reduce()
    (told,) = sent
    assert (told["on"], told["stage"]) == ("failure", "conclude")
    assert "no space left" in told["text"]


class Killed(BaseException):
    """As SIGKILL: nothing of ours is to catch it."""


@pytest.mark.parametrize("stage", ["prepare", "conclude"])
def test_killed_before_any_change_of_the_store_a_stage_loses_and_repeats_nothing(
    stage: StageName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill before the n-th change, for every n; then Airflow's next try of the same task, which nothing kills."""
    changes, ends = {"left": 10**9, "seen": 0}, 0

    def dying(method: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            changes["seen"] += 1
            if changes["left"] <= 0:
                raise Killed
            changes["left"] -= 1
            return method(*args, **kwargs)

        return call

    for name in ("put", "create", "delete", "delete_prefix", "copy", "upload_file"):
        monkeypatch.setattr(FolderStore, name, dying(getattr(FolderStore, name)))
    for kill in range(100):
        world = Staged(
            tmp_path / str(kill), tasks=[task("echo accuracy=${x}")],
            **{stage: [task(f'echo run >> {tmp_path}/{kill}/count; echo made > "$AUTOML_MODEL_DIR"/made')]},
        )  # fmt: skip
        slots = world.propose()
        if stage == "conclude":
            for slot in slots:
                world.trial(slot)
        changes["left"] = kill
        try:
            world.stage(stage)
            killed = False
        except Killed:
            killed = True
        changes["left"] = 10**9
        told = staged(world, stage).state.works
        ended = bool(told) and told[0].state is TrialState.SUCCEEDED
        count = tmp_path / str(kill) / "count"
        runs = count.read_text().count("run") if count.exists() else 0
        world.stage(stage)
        again = count.read_text().count("run")
        assert again == (runs if ended else runs + 1), "what has ended is not trained again, what has not is, once"
        assert (world.run / stage / "experiment_0" / "model" / "made").read_text() == "made\n"
        work = staged(world, stage).state.works[0]
        assert work.state is TrialState.SUCCEEDED
        assert [attempt.state for attempt in work.attempts].count(TrialState.SUCCEEDED) == 1
        ends += ended
        if not killed:
            break
    else:
        raise AssertionError("no end of changes was found")
    assert kill > 3, "there are several moments to be killed at"
    assert ends >= 1
