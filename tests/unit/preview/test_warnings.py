"""What is valid but may do something else than was meant: said with its line and a remedy, and of nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from automl_core.preview.checks import examine_file, examine_text
from automl_core.preview.programs import script_of
from automl_core.preview.warnings import notes_of, warnings_of
from automl_core.spec.loader import parse_experiment
from automl_core.spec.models import Experiment
from automl_core.templates import load_experiment
from tests.sources import ROOT, gallery

TEXT = """\
name: e
output: {storage: "file://./runs"}
goal: {metric: accuracy, direction: maximize}
space:
  lr: {type: loguniform, low: 1.0e-4, high: 0.1}
  units: {type: int, low: 1, high: 64}
trials: {max: 20}
tasks:
  - command: [python, train.py, --lr, "${lr}", --units, "${units}"]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text("print('accuracy=1')\n")
    return tmp_path


def said(text: str, home: Path) -> list[str]:
    found = examine_text(text, "x.yaml", home)
    assert all(each.severity == each.to_json()["severity"] == "warning" for each in found.warnings)
    return [str(each) for each in found.warnings]


def experiment(**groups: Any) -> Experiment:
    spec = {"name": "e", "goal": {"metric": "accuracy", "direction": "maximize"},
            "space": {"lr": {"type": "uniform", "low": 0, "high": 1}}, **groups}  # fmt: skip
    return Experiment.model_validate(spec)


def messages(home: Path, **groups: Any) -> list[str]:
    groups.setdefault("tasks", [{"command": ["python", "train.py", "${lr}"]}])
    return [str(each) for each in warnings_of(experiment(**groups), home)]


def test_nothing_is_said_of_a_file_that_is_fine(home: Path) -> None:
    assert said(TEXT, home) == []


@pytest.mark.parametrize("path", gallery(), ids=lambda path: path.stem)
def test_nothing_is_said_of_the_gallery(path: Path) -> None:
    assert examine_file(path, ROOT).warnings == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("file://./runs", "s3:/bucket/x",
         "x.yaml:2: warning: output.storage: 's3:/bucket/x' is no address, so it is taken for a folder of that name "
         "below AUTOML_HOME. Did you mean 's3://bucket/x'?"),
        ("file://./runs", "s3:bucket/x", "Did you mean 's3://bucket/x'?"),
        ("file://./runs", "OSS//bucket/x", "Did you mean 'oss://bucket/x'?"),
        ("file://./runs", "file:/srv/runs", "Did you mean 'file://srv/runs'?"),
        ("file://./runs", "~/runs", "'~' stands for no home folder here"),
        ('"${lr}"', "$lr", "x.yaml:9: warning: tasks[0].command[3]: $lr is taken as it stands. Did you mean ${lr}?"),
        ('"${lr}"', '"{lr}"', "tasks[0].command[3]: {lr} is taken as it stands. Did you mean ${lr}?"),
        ('"${lr}"', '"{{ params.lr }}"', "{{ params.lr }} is taken as it stands. Did you mean ${lr}?"),
        ('--lr, "${lr}"', "--lr=$lr", "tasks[0].command[2]: $lr is taken as it stands. Did you mean ${lr}?"),
        ('[python, train.py, --lr, "${lr}", --units, "${units}"]', "python train.py --lr $lr --units ${units}",
         "tasks[0].command: $lr is the shell's own variable, which is empty. Did you mean ${lr}?"),
        ("train.py", "trian.py", "trian.py on this machine; commands run in AUTOML_HOME"),
        ("train.py", "trian.py", "Did you mean 'train.py'?"),
        ("[python, train.py", "[pyhton, train.py",
         "tasks[0].command: 'pyhton' is not to be found in any folder of PATH on this machine. Did you mean 'python'?"),
        ("[python, train.py", "[./start.sh, train.py", "'./start.sh' is not to be found in"),
        ("]\n", "]\n    cwd: nowhere\n", "tasks[0].cwd: there is no folder"),
        (', --units, "${units}"', "",
         "x.yaml:6: warning: space.units: no training task names ${units}, so it reaches the training in the "
         "environment variable AUTOML_PARAMS alone (JSON), and train.py does not read it. Write it where the command"),
        ("maximize}", "minimize}", "goal.direction: accuracy is to be as low as can be, and by its name a higher one"),
        ("metric: accuracy,", "metric: {auc: 0.5, loss: 0.25},", "goal.direction: loss is to be as high as can be"),
        ("metric: accuracy, direction: maximize", "metric: val_loss, direction: maximize", "Did you mean 'minimize'?"),
        ("metric: accuracy,", "metric: epoch,", "goal: 'epoch' is read as the number of a step, not as a metric"),
        ("]\n", "]\n    metrics: {source: stdout, patterns: {acc: 'acc ([0-9.]+)'}}\n",
         "no training task can report 'accuracy', which the goal needs: its patterns have acc only"),
        ("{max: 20}", "{max: 4, early_stopping: {rule: median, min_trials: 4}}",
         "trials.early_stopping.min_trials: no more than 4 trials run"),
        ("trials:", "stop: {max_cost: 3}\ntrials:", "stop.max_cost: no training task has a price"),
        ("trials:", "stop: {no_improvement: {trials: 20}}\ntrials:", "stop.no_improvement.trials: no more than 20"),
        ("{max: 20}", "{max: 20, timeout: 1m}\n", None),
        ("]\n", "]\n    timeout: 2h\n", None),
        ("{max: 20}", "{max: 20, budget: {max: 9}}", "trials.budget: no training task names ${budget}"),
    ],
)  # fmt: skip
def test_what_may_be_a_slip(home: Path, old: str, new: str, says: str | None) -> None:
    found = said(TEXT.replace(old, new, 1) if old != "]\n" else TEXT[:-1] + new[1:], home)
    assert len(found) == (says is not None), found
    assert says is None or says in found[0]


def test_a_script_beside_the_experiment_file_is_shown_the_way(tmp_path: Path) -> None:
    folder = tmp_path / "experiments"
    folder.mkdir()
    (folder / "train.py").write_text("")
    path = folder / "e.yaml"
    path.write_text(TEXT)
    (warning,) = examine_file(path, tmp_path).warnings
    assert warning.line == 9
    assert warning.suggestion == "It lies beside the experiment file: write experiments/train.py"


def test_all_parameters_in_the_environment_are_one_remark_and_none_where_the_script_reads_them(home: Path) -> None:
    tasks = [{"command": ["python", "train.py"]}]
    space = {name: {"type": "uniform", "low": 0, "high": 1} for name in ("a", "b", "c")}
    (one,) = messages(home, tasks=tasks, space=space)
    assert one.startswith("warning: space.a: no training task names any parameter, so it reaches the training in")
    (home / "train.py").write_text("import json, os\njson.loads(os.environ['AUTOML_PARAMS'])\n")
    assert messages(home, tasks=tasks, space=space) == []


def test_what_a_parameter_chooses_or_a_shell_assigns_is_not_judged(home: Path) -> None:
    assert messages(home, tasks=[{"command": ["python", "${lr}.py"]}]) == []
    assert messages(home, tasks=[{"command": ["${lr}", "nothere.py"]}]) == []
    assert messages(home, tasks=[{"command": ["python", "nothere.py", "${lr}"], "cwd": "/srv/${lr}"}]) == []
    assert messages(home, tasks=[{"command": "lr=${lr}; echo $lr"}]) == []
    assert messages(home, tasks=[{"command": "echo $lr ${lr}", "env": {"lr": "1"}}]) == []
    assert messages(home, tasks=[{"command": ["bash", "-c", "for lr in 1 2; do echo $lr ${lr}; done"]}]) == []


def test_names_that_mislead_are_left_alone(home: Path) -> None:
    for metric, direction in (
        ("neg_mean_squared_error", "maximize"),
        ("loss_accuracy", "minimize"),
        ("x", "maximize"),
    ):
        assert messages(home, goal={"metric": metric, "direction": direction}) == []


def test_sql_has_neither_environment_nor_dollars(home: Path) -> None:
    select = {"source": "select", "sql": "SELECT accuracy FROM t_${trial_id}"}
    task = {"backend": "maxcompute", "sql": "SELECT {lr}, $lr", "metrics": select}
    found = messages(home, tasks=[task])
    assert any("$lr is taken as it stands" in each for each in found)
    (unused,) = messages(home, tasks=[{**task, "sql": "SELECT 1"}])
    assert "no training task names ${lr}, so it changes nothing in a trial" in unused
    (other,) = messages(home, tasks=[{**task, "sql": "SELECT ${lr}", "metrics": {**select, "sql": "SELECT a"}}])
    assert "no training task can report 'accuracy', which the goal needs: its sql have no metric of the goal" in other


def test_files_for_pods_that_are_not_there(home: Path) -> None:
    pod = {"backend": "kubernetes", "image": "i", "command": ["python", "/t.py", "${lr}"], "files": {"/t.py": "t.py"},
           "storage_mount": {"path": "/mnt", "claim": "c"}}  # fmt: skip
    (one,) = messages(home, tasks=[pod])
    assert f"tasks[0].files./t.py: there is no file {home}/t.py here" in one


@pytest.mark.parametrize(
    ("words", "script"),
    [
        (["python", "-u", "-W", "ignore", "t.py", "x.py"], "t.py"), (["python3.12", "t.py"], "t.py"),
        (["/usr/bin/Rscript", "t.R"], "t.R"), (["python", "-m", "t"], None), (["python", "-c", "x.py"], None),
        (["mytool", "t.py"], None), (["bash", "data.csv"], None), ([], None),
    ],
)  # fmt: skip
def test_the_script_of_a_command(words: list[str], script: str | None) -> None:
    assert script_of(words) == script


def test_notes_stand_among_the_warnings_with_a_severity_of_their_own(tmp_path: Path) -> None:
    task = {
        "name": "train",
        "command": ["train", "${lr}"],
        "metrics": {"source": "stdout", "patterns": {"accuracy": "(?<=acc=)(.*)"}},
    }
    noted = experiment(tasks=[task])
    (note,) = notes_of(noted)
    assert (note.severity, note.path) == ("note", ("tasks", 0, "metrics", "patterns", "accuracy"))
    assert str(replace(note, file="x.yaml", line=3)).startswith(
        "x.yaml:3: note: tasks[0].metrics.patterns.accuracy: it is"
    )
    assert note.path not in [each.path for each in warnings_of(noted, tmp_path)]
    assert {each.severity for each in warnings_of(noted, tmp_path)} <= {"warning"}


def test_code_in_the_bundle_is_looked_for_there(tmp_path: Path) -> None:
    """`cwd: bundle` is the folder above `experiments`; without it, a script that lies there is told with the remedy."""
    bundle = tmp_path / "repo"
    (bundle / "experiments").mkdir(parents=True)
    (bundle / "train.py").write_text("import json, os; print('accuracy', json.loads(os.environ['AUTOML_PARAMS']))\n")
    file = bundle / "experiments" / "first.yaml"
    home = tmp_path / "home"
    home.mkdir()
    task = {"name": "train", "command": ["python", "train.py"]}
    without = list(warnings_of(experiment(tasks=[task]), home, file))
    assert [each.suggestion for each in without if "train.py" in each.message] == [
        "It lies in the folder that the experiment file comes from: write cwd: bundle"
    ]
    assert not list(warnings_of(experiment(tasks=[task | {"cwd": "bundle"}]), home, file))


DATED = [{"command": ["python", "train.py", "${lr}", "${ds}"]}]


def test_dates_that_no_run_has_by_itself_are_said(home: Path) -> None:
    (by_hand,) = messages(home, tasks=DATED)
    assert "${ds}: no schedule gives runs a logical date" in by_hand
    assert "--logical-date" in by_hand
    (by_assets,) = messages(home, tasks=DATED, schedule={"assets": ["a"]})
    assert "runs that assets begin have no logical date" in by_assets
    for schedule in ("@daily", {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}):
        assert not messages(home, tasks=DATED, schedule=schedule)


def test_a_date_in_airflow_s_own_braces_is_a_likely_slip(home: Path) -> None:
    (said_,) = messages(home, tasks=[{"command": ["python", "train.py", "${lr}", "{{ ds }}"]}])
    assert "Did you mean ${ds}?" in said_


def test_training_tasks_of_stages_are_looked_at_too(home: Path) -> None:
    conclude = [{"command": ["python", "train.py", "{trials_file}", "$lr"]}]
    (warning,) = messages(home, conclude=conclude)
    assert warning.startswith("warning: conclude[0].command[2]: {trials_file} is taken as it stands")
    assert warning.endswith("Did you mean ${trials_file}?")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("{format: json}", []),
        ("{format: text, text: 'lr = ${lr}'}", ["${units}"]),
    ],
)
def test_parameters_reach_the_training_in_its_spec_file(spec: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    text = (
        "name: x\ngoal: {metric: m, direction: maximize}\n"
        "space: {lr: {type: uniform, low: 0, high: 1}, units: {type: int, low: 1, high: 3}}\n"
        f"spec_file: {spec}\n"
        "tasks: [{command: [python, train.py, --config, '${spec_file}']}]\n"
    )
    found = [each.message for each in examine_text(text, "x.yaml", tmp_path).warnings]
    assert len(found) == len(words)
    assert all(word in message for word, message in zip(words, found, strict=True))


def test_what_the_spec_file_brings_is_named(tmp_path: Path) -> None:
    def said(spec: dict[str, Any], command: str = "train --config ${spec_file}") -> list[str]:
        body = {
            "name": "e", "goal": {"metric": "x", "direction": "minimize"}, "search": {"algorithm": "hyperband"},
            "space": {"a.b": {"type": "uniform", "low": 0, "high": 1}, "c": {"type": "uniform", "low": 0, "high": 1}},
            "trials": {"budget": {"max": 3}}, "spec_file": spec, "tasks": [{"command": command}],
        }  # fmt: skip
        found = warnings_of(parse_experiment(json.dumps(body), "e.yaml"), tmp_path, None)
        return [problem.message for problem in found if "no training task names" in problem.message]

    assert said({}) == []
    assert len(said({}, "train")) == 2, "nobody reads it"
    assert len(said({"groups": []})) == 1, "the budget does not stand in it"
    assert said({"groups": [], "base": {"epochs": "${budget}"}}) == []
    assert len(said({"format": "text", "text": "b=${a.b} ${budget}"})) == 1


def test_data_that_are_not_there_or_not_seen(home: Path) -> None:
    (home / "a.csv").write_text("a\n1\n")
    pod = [{"name": "pod", "backend": "kubernetes", "image": "x", "command": ["t", "${lr}"]}]
    here = {"data": {"a": "a.csv", "b": "b.csv", "c": "no/*.csv", "d": "s3://lake/d.csv", "e": "x-${ds}.csv"}}
    found = [each for each in messages(home, **here, schedule="@daily") if "data." in each]
    assert found == [
        f"warning: data.b: there is no file or folder {home}/b.csv on this machine.",
        f"warning: data.c: there is no file or folder {home}/no on this machine.",
    ]
    bucket = {"storage": "s3://models/x"}
    seen = [
        each for each in messages(home, data={"a": {"place": "a.csv"}}, output=bucket, tasks=pod) if "data." in each
    ]
    assert seen == [
        "warning: data.a.place: pod runs elsewhere, and gets the path a.csv as it stands on this machine. Mount it "
        "there under the same path, or put the data into a bucket."
    ]
    assert not [each for each in messages(home, data={"b": "b.csv"}, prepare=[{"command": "true"}]) if "data." in each]


COLUMNS = """\
data: {train: %s}
columns: {target: targt, features: [age, plan]}
"""


def columns_said(tmp_path: Path, place: str, more: str = "") -> list[str]:
    text = TEXT.replace(', "--units", "${units}"', "") + COLUMNS % place + more
    file = tmp_path / "x.yaml"
    file.write_text(text)
    return [str(each) for each in examine_file(file, tmp_path).warnings if each.path[:1] == ("columns",)]


def test_columns_that_the_data_lack_are_named(home: Path) -> None:
    (home / "t.csv").write_text("age,plan,target\n1,a,0\n")
    (said_,) = columns_said(home, "t.csv")
    assert "x.yaml:11: warning: columns.target: data.train has no column 'targt'" in said_
    assert "Allowed: age, plan, target. Did you mean 'target'?" in said_
    (home / "t.csv").write_text("age;plan;targt\n1;a;0\n")
    assert columns_said(home, "t.csv") == [], "as read_table reads it"


@pytest.mark.parametrize(
    ("place", "more"),
    [
        ("s3://lake/t.csv", ""), ("nowhere.csv", ""), ("t.jsonl", ""), ("t.csv.gz", ""), ("broken.csv", ""),
        ("lake", ""), ("t.csv", "prepare: [{command: make}]\n"), ("pictures", ""),
    ],
)  # fmt: skip
def test_columns_that_may_be_there_are_not_spoken_of(place: str, more: str, home: Path) -> None:
    for name in ("t.csv", "t.jsonl", "t.csv.gz", "lake/age=1/plan=2/x.csv", "pictures/a.png"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("targt\n1\n" if name.startswith("lake") else "a,b\n1,2\n")
    (home / "broken.csv").write_text('a,"b\nc"\n1,2\n')
    assert columns_said(home, place, more) == []


def test_a_texts_data_are_looked_into_for_whoever_may_read_them_alone(home: Path) -> None:
    (home / "t.csv").write_text("age,plan,target\n")
    text = TEXT + COLUMNS % "t.csv"
    assert not any("targt" in str(each) for each in examine_text(text, "x.yaml", home).warnings)
    assert any("targt" in str(each) for each in examine_text(text, "x.yaml", home, columns=True).warnings)


def test_a_prior_that_the_search_never_looks_at_is_told(home: Path) -> None:
    believed = {"lr": {"type": "uniform", "low": 0, "high": 1, "prior": {"center": 0.3}}}
    assert messages(home, space=believed, trials={"max": 20}) == []
    (found,) = messages(home, space=believed, search={"algorithm": "tpe"}, trials={"max": 20})
    assert "tpe searches here" in found
    assert "default" in found
    (found,) = messages(home, space=believed, trials={"max": 9, "concurrency": 9})
    assert "sobol searches here" in found, "what auto chooses is what counts"


@pytest.mark.parametrize(
    ("metric", "target", "warned"),
    [("AUC_weighted", 0.95, True), ("AUC_weighted", -0.95, False), ("log_loss", 0.2, False), ("auto", 0.2, False)],
)
def test_a_target_in_terms_of_a_metric_that_the_goal_turns(
    tmp_path: Path, metric: str, target: float, warned: bool
) -> None:
    (tmp_path / "rows.csv").write_text("a,y\n1,no\n2,yes\n")
    file = tmp_path / "x.yaml"
    file.write_text(
        f"name: x\ntemplate: table-classification@1\ndata: {{train: {tmp_path}/rows.csv}}\ncolumns: {{target: y}}\n"
        f"set: {{metric: {metric}}}\nstop: {{target: {target}}}\n"
    )
    found = [str(each) for each in warnings_of(load_experiment(file), tmp_path, file)]
    assert any("the first trial reaches 0.95" in each and "-0.95" in each for each in found) is warned
