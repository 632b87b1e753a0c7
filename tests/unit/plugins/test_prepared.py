"""What prepare made is taken again while data, tasks and code are the same; otherwise it is made anew."""

from __future__ import annotations

import pkgutil
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl_airflow import compat
from automl_airflow.operators import TrialOperator
from automl_core.housekeeping import Options, look, make_plan
from automl_core.states import TrialState
from automl_core.storage.folder import FolderStore
from automl_core.study.layout import experiment_prefix
from automl_core.study.prepared import taken_in
from automl_core.study.stages import stages_of
from tests.unit.plugins.test_operators import World

PROGRAM = """
import os, pathlib
made = pathlib.Path(os.environ["AUTOML_MODEL_DIR"], "table.csv")
made.write_text(pathlib.Path(os.environ["AUTOML_DATA_TRAIN"]).read_text() + os.environ["AUTOML_RUN_ID"])
print("prepared")
"""
SHOW = 'cat "$AUTOML_PREPARED_DIR"/table.csv > "$AUTOML_MODEL_DIR"/seen.txt; echo accuracy=${x}'


class Runs(World):
    """Runs of one experiment, one after the other, whose prepare is a script that reads a data set."""

    def __init__(self, folder: Path, **groups: Any) -> None:
        self.run_id = "r1"
        (folder / "code").mkdir(parents=True)
        (folder / "code/prep.py").write_text(PROGRAM)
        (folder / "train.csv").write_text("a\n1\n")
        prepare = {"name": "split", "command": [sys.executable, "prep.py"], "cwd": "code"}
        given = {
            "prepare": [prepare], "data": {"train": "train.csv"}, "tasks": [{"command": SHOW}],
            "trials": {"max": 2, "concurrency": 2}, **groups,
        }  # fmt: skip
        super().__init__(folder, **given)

    def context(self, conf: dict[str, Any] | None = None) -> dict[str, Any]:
        context = {**super().context(conf), "run_id": self.run_id}
        context["ti"].max_tries = 10
        return context

    def prepare(self, cleared: int = 0, index: int = 0, count: int = 1) -> Any:
        ids = ["prepare"] if count == 1 else [f"prepare.{number}" for number in range(count)]
        operator = TrialOperator(
            task_id="x", slot=0, task_index=index, step_ids=ids, stage="prepare", max_active_tis_per_dagrun=3,
            **self.where,
        )  # fmt: skip
        context = self.context()
        context["ti"].max_tries = 10 + cleared
        return operator.execute(context)

    def run(self, run_id: str, conclude: Callable[[], object] = lambda: None) -> str:
        """A whole run; returns whose table its first trial has seen."""
        self.run_id = run_id
        slots = self.propose()
        self.prepare()
        for slot in slots:
            self.trial(slot)
        seen = self.seen()
        conclude()
        self.reduce()
        return seen

    def seen(self) -> str:
        return (self.folder_of(self.run_id) / "experiment_0/model/seen.txt").read_text().split("\n")[-1]

    def folder_of(self, run_id: str) -> Path:
        return self.folder / "runs" / experiment_prefix("first", run_id)


@pytest.fixture(autouse=True)
def no_airflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(compat, "skip_instances", lambda *_: None)
    monkeypatch.setattr(compat, "name_map_index", lambda *_: None)
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))


def test_a_later_run_takes_what_an_earlier_one_prepared(tmp_path: Path) -> None:
    world = Runs(tmp_path)
    assert [world.run(name) for name in ("r1", "r2", "r3")] == ["r1", "r1", "r1"]
    study = world.study()
    taken = taken_in(study.state.inputs)
    assert taken is not None
    assert (taken.run, taken.prefix) == ("r1", "first/r1/"), "of the run that made it, not of one that took it"
    work = stages_of(study)["prepare"].state.works[0]
    assert (work.state, work.reason) == (TrialState.SUCCEEDED, "what the run r1 has prepared is taken")


def other_data(world: Runs) -> None:
    (world.folder / "train.csv").write_text("a\n2\n")


def other_code(world: Runs) -> None:
    (world.folder / "code/prep.py").write_text(PROGRAM + "# another\n")


def other_module(world: Runs) -> None:
    (world.folder / "code/package").mkdir()
    (world.folder / "code/package/used.py").write_text("x = 1\n")


def other_task(world: Runs) -> None:
    text = world.file.read_text()
    world.file.write_text(text.replace("cwd: code", "cwd: code\n  env: {SEED: '2'}"))


def gone(world: Runs) -> None:
    shutil.rmtree(world.folder_of("r1") / "prepare/experiment_0/model")


def opted_out(world: Runs) -> None:
    world.file.write_text(world.file.read_text() + "reuse_prepared: false\n")


def being_deleted(world: Runs) -> None:
    (world.folder_of("r1") / "housekeeping.json").write_text("{}")


@pytest.mark.parametrize("change", [other_data, other_code, other_module, other_task, gone, opted_out, being_deleted])
def test_what_is_no_longer_the_same_is_prepared_anew(tmp_path: Path, change: Callable[[Runs], None]) -> None:
    world = Runs(tmp_path)
    world.run("r1")
    change(world)
    assert world.run("r2") == "r2"


def how_it_is_run(world: Runs) -> None:
    text = world.file.read_text().replace("cwd: code", "cwd: code\n  timeout: 1h\n  airflow: {queue: other}")
    world.file.write_text(text.replace("max: 2", "max: 1"))


def touched(world: Runs) -> None:
    (world.folder / "train.csv").touch()
    (world.folder / "runs/notes.txt").write_text("beside the runs")


@pytest.mark.parametrize("change", [how_it_is_run, touched])
def test_what_makes_no_difference_is_taken(tmp_path: Path, change: Callable[[Runs], None]) -> None:
    world = Runs(tmp_path)
    world.run("r1")
    change(world)
    assert world.run("r2") == "r1"


def test_a_prepare_that_failed_is_not_taken(tmp_path: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    world = Runs(tmp_path)
    (tmp_path / "code/prep.py").write_text(PROGRAM + "import pathlib\npathlib.Path('no').read_text()\n")
    world.propose()
    with pytest.raises(AirflowFailException):
        world.prepare()
    world.run_id = "r2"
    world.propose()
    assert taken_in(world.study().state.inputs) is None


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ({"data": {}}, None),
        ({"prepare": [{"command": [sys.executable, "-m", "site"]}]}, "runs a module"),
    ],
)
def test_what_nobody_can_tell_is_prepared_anew(tmp_path: Path, groups: dict[str, Any], words: str | None) -> None:
    world = Runs(tmp_path, **groups)
    world.propose()
    found = world.study().state.inputs.get("prepare", {})
    assert "key" not in found
    assert words is None or words in found["why"]


def test_a_person_who_clears_it_has_it_made_anew_for_this_run(tmp_path: Path) -> None:
    world = Runs(tmp_path)
    world.run("r1")
    world.run_id = "r2"
    slots = world.propose()
    world.prepare()
    world.prepare(cleared=1)
    for slot in slots:
        world.trial(slot)
    assert world.seen() == "r2"
    assert taken_in(world.study().state.inputs) is None


def test_what_is_concluded_again_sees_what_was_made_anew(tmp_path: Path) -> None:
    conclude = {"command": "cat ${prepared_dir}/table.csv > ${model_dir}/seen.txt"}
    world = Runs(tmp_path, conclude=[conclude])

    def concluded(cleared: int = 0) -> str:
        operator = TrialOperator(
            task_id="x", slot=0, step_ids=["conclude"], stage="conclude", max_active_tis_per_dagrun=3, **world.where
        )
        context = world.context()
        context["ti"].max_tries = 10 + cleared
        operator.execute(context)
        return (world.folder_of(world.run_id) / "conclude/experiment_0/model/seen.txt").read_text().split("\n")[-1]

    world.run("r1", concluded)
    world.run("r2", concluded)
    assert concluded() == "r1"
    world.prepare(cleared=1)
    assert concluded(cleared=1) == "r2"


def test_clearing_only_the_second_task_goes_on_from_what_was_taken(tmp_path: Path) -> None:
    first = {"name": "split", "command": [sys.executable, "prep.py"], "cwd": "code"}
    second = {"name": "more", "command": "echo more >> ${model_dir}/more.txt; cat ${model_dir}/table.csv"}
    world = Runs(tmp_path, prepare=[first, second])
    world.propose()
    for index in (0, 1):
        world.prepare(index=index, count=2)
    world.run_id = "r2"
    slots = world.propose()
    for index in (0, 1):
        world.prepare(index=index, count=2)
    assert not (world.folder_of("r2") / "prepare/experiment_0/model").exists()
    world.prepare(cleared=1, index=1, count=2)
    assert (world.folder_of("r2") / "prepare/experiment_0/model/table.csv").read_text().endswith("r1")
    world.trial(slots[0])
    assert world.seen() == "r1"


def test_a_folder_that_is_deleted_after_the_run_began_is_made_anew(tmp_path: Path) -> None:
    world = Runs(tmp_path)
    world.run("r1")
    world.run_id = "r2"
    slots = world.propose()
    shutil.rmtree(tmp_path / "runs/first/r1")
    world.prepare()
    world.trial(slots[0])
    assert world.seen() == "r2"


def test_a_worker_that_dies_half_way_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_core.study.stages import StageStudy

    world = Runs(tmp_path)
    world.run("r1")
    world.run_id = "r2"
    slots = world.propose()
    tell = StageStudy.tell

    def killed(*_: Any) -> Any:
        raise SystemExit

    monkeypatch.setattr(StageStudy, "tell", killed)
    with pytest.raises(SystemExit):
        world.prepare()
    monkeypatch.setattr(StageStudy, "tell", tell)
    world.prepare()
    world.trial(slots[0])
    assert world.seen() == "r1"


def test_housekeeping_keeps_what_a_later_run_uses(tmp_path: Path) -> None:
    world = Runs(tmp_path)
    for name in ("r1", "r2"):
        world.run(name)
    found = look(FolderStore(tmp_path / "runs"))
    made = make_plan(found, Options(older_than=0.0, keep_last=0, transferred=True), 10**11)
    assert {each.run: each.why for each in made.spared} == {"r1": "first@r2 uses what it has prepared"}
    assert [each.run for each in made.items if each.what == "runs"] == ["r2"]


def test_a_run_that_is_being_deleted_is_not_taken(tmp_path: Path) -> None:
    from automl_core.study.journal import StudyJournal
    from automl_core.study.prepared import Taken, hold

    world = Runs(tmp_path)
    world.run("r1")
    store = FolderStore(tmp_path / "runs")
    before = StudyJournal(store, "first/r1/").refresh().seq
    assert hold(store, Taken("r1", "first/r1/"), "r2")
    journal = StudyJournal(store, "first/r1/")
    assert journal.refresh().seq == before + 1, "whoever was about to delete it sees that somebody was faster"
    journal.append("note", {"act": "gc", "by": "a person"})
    assert not hold(store, Taken("r1", "first/r1/"), "r3")


def test_code_that_goes_along_counts_whole(tmp_path: Path) -> None:
    runs = Runs(tmp_path, code="../code")
    (tmp_path / "code" / "helper.txt").write_text("read by nobody as far as one can tell")
    assert runs.run("r1") == "r1"
    assert runs.run("r2") == "r1"
    (tmp_path / "code" / "helper.txt").write_text("edited")
    assert runs.run("r3") == "r3"


@pytest.mark.parametrize(
    "after",
    ["automl_core.code.with_code", "automl_airflow.data_access.found_inputs", "automl_core.study.prepared.hold",
     "automl_airflow.data_access.prepare_inputs", "automl_core.study.Study.create", "automl_airflow.began.remember"],
)  # fmt: skip
def test_propose_that_dies_after_any_of_its_writes_loses_and_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    runs = Runs(tmp_path, code="../code")
    runs.run("r1")
    runs.run_id = "r2"
    owner, _, name = after.rpartition(".")
    holder = pkgutil.resolve_name(owner)
    done = getattr(holder, name)
    with monkeypatch.context() as patched:

        def dies(*given: Any, **more: Any) -> Any:
            done(*given, **more)
            raise SystemExit

        patched.setattr(holder, name, dies)
        with pytest.raises(SystemExit):
            runs.propose()
    slots = runs.propose()
    assert len(slots) == 2
    runs.prepare()
    for slot in slots:
        runs.trial(slot)
    assert runs.seen() == "r1", "what was prepared is still taken"
    assert len(list((tmp_path / "runs/_code").iterdir())) == 1
    assert [len(work.attempts) for work in runs.study().state.works.values()] == [1, 1]
    assert runs.reduce()["best_value"] is not None
