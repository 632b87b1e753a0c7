"""automl try: one combination here, without Airflow; what is told of it, and what is wrong in words."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from automl_core.cli import main
from tests.unit.cli.conftest import Automl

TRAIN = """\
import argparse, os, sys
p = argparse.ArgumentParser()
p.add_argument("--lr", type=float); p.add_argument("--momentum", type=float, default=0.0)
a = p.parse_args()
for step in range(5):
    print(f"epoch={step} accuracy={a.lr * (step + 1):.3f} loss={1 / (step + 1):.3f}", flush=True)
open(os.path.join(os.environ["AUTOML_MODEL_DIR"], "model.txt"), "w").write("weights")
"""
FILE = """\
name: tried
goal: {metric: accuracy, direction: maximize, constraints: [{metric: loss, max: 0.5}]}
search: {algorithm: random, seed: 1}
space:
  lr: {type: uniform, low: 0, high: 1, default: 0.1}
  solver: {type: choice, values: [adam, sgd], default: adam}
  momentum: {type: uniform, low: 0, high: 1, when: {solver: [sgd]}}
trials: {max: 4, early_stopping: {rule: median, delay: 2, interval: 2}}
stop: {target: 0.4}
tasks:
  - command: [python, train.py, --lr, "${lr}", --momentum, "${momentum}"]
    env: {SOLVER: "${solver}"}
"""


@pytest.fixture
def place(home: Path) -> Path:
    (home / "train.py").write_text(TRAIN)
    (home / "tried.yaml").write_text(FILE)
    return home / "tried.yaml"


def test_what_ran_where_and_what_was_seen_and_judged(automl: Automl, place: Path) -> None:
    said = automl("try", str(place))
    assert said.code == 0, said
    home = place.parent
    lines = said.out.splitlines()
    assert lines[:2] == [
        "tried: one combination, here, without Airflow",
        "  combination  lr=0.1 solver=adam (the defaults of the file)",
    ]
    assert "  train        python train.py --lr 0.1" in lines, "momentum has no value, so its option is left out"
    assert f"               in {home}, with {Path(sys.executable).parent}/python" in lines
    assert any(line.startswith("  ended        exit code 0 after ") and "5 lines of output" in line for line in lines)
    assert "  metrics      accuracy 0.1 → 0.5 at steps 0, 1, 2, 3, 4 (5 values)" in lines
    assert "  judged       accuracy 0.5 (best, at step 4; maximize); stop.target is reached" in lines
    assert "  constraint   loss ≤ 0.5 holds" in lines
    assert "  early stop   median is asked 2 times, at steps 1, 3" in lines
    assert "  model        1 file in ${model_dir}, 7 bytes: model.txt" in lines
    assert lines[-1] == f"It works. All of it: automl run {place}"
    assert "  | epoch=4 accuracy=0.500 loss=0.200" in said.err, "the output itself, beside the result"
    assert not (home / "runs").exists(), "nothing is left behind"


def test_a_combination_of_ones_own_and_one_of_the_search(automl: Automl, place: Path) -> None:
    given = automl("try", str(place), "--set", "lr=0.2", "-s", "solver=sgd", "-s", "momentum=0.5")
    assert "  combination  lr=0.2 solver=sgd momentum=0.5 (as given)" in given.out
    assert "  train        python train.py --lr 0.2 --momentum 0.5" in given.out
    some = automl("try", str(place), "--set", "solver=sgd")
    assert "  combination  lr=0.1 solver=sgd momentum=0.5 (as given, else the defaults of the file)" in some.out
    proposed = json.loads(automl("preview", str(place), "--json", "-n", "2").out)["first"]
    found = json.loads(automl("try", str(place), "--proposal", "1", "--json").out)
    assert (found["params"], found["chosen"]) == (proposed[1]["params"], "proposal 1 of the search")


def test_lists_are_given_as_yaml_has_them(automl: Automl, place: Path) -> None:
    place.write_text(
        FILE.replace("space:\n", "space:\n  drops: {type: sorted_list, low: 1, high: 9, length: 2, whole: true}\n"
                     "  parts: {type: subset, values: [a, b, c], min: 1}\n")
    )  # fmt: skip
    found = json.loads(automl("try", str(place), "-s", "drops=[2, 7]", "-s", "parts=[c, a]", "--json").out)
    assert (found["params"]["drops"], found["params"]["parts"]) == ([2, 7], ["a", "c"])
    wrong = automl("try", str(place), "-s", "drops=[7, 2]")
    assert wrong.code != 0
    assert "drops: [7, 2] does not ascend" in wrong.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--set", "lrr=1"], "there is no parameter 'lrr'"),
        (["--set", "lr=7"], "lr: 7 lies outside 0..1"),
        (["--set", "lr"], "--set lr: name=value is wanted, such as lr=0.01"),
        (["--set", "momentum=0.5"], "momentum doesn't exist beside the other values (its condition doesn't hold)"),
        (["--proposal", "99"], "there is no proposal 99; 0 to 3 are known before any result"),
        (["--budget", "3"], "--budget: the experiment has none (trials.budget)"),
        (["--keep", "."], "--keep .: an empty folder, or one that isn't there yet, is wanted"),
        (["--for", "soon"], "'soon': a duration such as"),
    ],
)
def test_what_cannot_be_tried(automl: Automl, place: Path, options: list[str], says: str) -> None:
    said = automl("try", str(place), *options)
    assert said.code in (1, 2)
    assert says in said.err


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("metric: accuracy", "metric: acuracy",
         "It does not work: goal.metric: 'acuracy' was never reported. Seen: accuracy, loss. Did you mean 'accuracy'?"),
        ("train.py, --lr", "trian.py, --lr",
         "can't open file '{home}/trian.py': [Errno 2] No such file or directory"),
        ("[python,", "[pyhton,",
         "It does not work: tasks.train: command: 'pyhton' was not found in any folder of PATH"),
        ('--lr, "${lr}"', '--lr, "${lr}", --extra, "1"',
         "It does not work: exit code 2: train.py: error: unrecognized arguments: --extra 1"),
        ('--lr, "${lr}"', "--lr, x", "It does not work: exit code 2: train.py: error: argument --lr: invalid"),
        ("train.py, --lr", "broken.py, --lr", "It does not work: exit code 1: SyntaxError: "),
        ("train.py, --lr", "raises.py, --lr", "It does not work: exit code 1: ValueError: bad luck"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_words(automl: Automl, place: Path, old: str, new: str, problem: str) -> None:
    home = place.parent
    (home / "broken.py").write_text("def f(:\n")
    (home / "raises.py").write_text("raise ValueError('bad luck')\n")
    place.write_text(FILE.replace(old, new))
    said = automl("try", str(place))
    assert said.code == 1
    assert problem.format(home=home) in said.out
    found = json.loads(automl("try", str(place), "--json").out)
    assert not found["ok"]
    assert problem.removeprefix("It does not work: ").format(home=home) in found["problem"]


def test_a_training_that_takes_long_is_ended_and_what_it_said_until_then_is_told(automl: Automl, place: Path) -> None:
    (place.parent / "train.py").write_text(TRAIN + "import time; time.sleep(600)\n")
    said = automl("try", str(place), "--for", "1s")
    assert said.code == 0, said
    assert "  ended        ended after 1.0s, as asked after " in said.out
    assert "  judged       accuracy 0.4 (best, at step 3; maximize)" in said.out, "step 4 was not over"


def test_log_and_model_are_kept_where_one_asks_for_it(automl: Automl, place: Path) -> None:
    kept = place.parent / "kept"
    assert automl("try", str(place), "--keep", str(kept)).code == 0
    assert [path.read_text() for path in kept.rglob("model.txt")] == ["weights"]
    assert any("accuracy=0.500" in path.read_text() for path in kept.rglob("log.txt"))


def test_all_of_it_as_json(automl: Automl, place: Path) -> None:
    found = json.loads(automl("try", str(place), "--json").out)
    (task,) = found["tasks"]
    assert (found["ok"], task["exit_code"], task["cwd"], task["state"]) == (True, 0, str(place.parent), "SUCCEEDED")
    assert task["points"][4] == {"step": 4, "metrics": {"accuracy": 0.5, "loss": 0.2}}
    assert [(metric["name"], metric["wanted"]) for metric in task["metrics"]] == [("accuracy", True), ("loss", True)]
    assert found["judged"]["asked_at"] == [1, 3]
    assert found["judged"]["constraints"] == [{"constraint": "loss ≤ 0.5", "holds": True}]


def test_training_tasks_run_in_order_and_the_last_is_not_begun_after_a_failure(automl: Automl, place: Path) -> None:
    two = (
        '  - name: prepare\n    command: echo ready > "${model_dir}/data"\n'
        '  - name: score\n    command: cat "${model_dir}/data" && echo accuracy=0.7\n'
    )
    place.write_text(FILE[: FILE.index("tasks:")] + "tasks:\n" + two)
    found = json.loads(automl("try", str(place), "--json").out)
    assert ([task["name"] for task in found["tasks"]], found["judged"]["value"]) == (["prepare", "score"], None)
    assert "'loss'" in found["problem"], "a constraint's metric is needed too"
    place.write_text(place.read_text().replace("echo ready >", "exit 3;"))
    assert [task["name"] for task in json.loads(automl("try", str(place), "--json").out)["tasks"]] == ["prepare"]


def test_pods_and_sql_are_refused_with_what_to_do(automl: Automl, place: Path) -> None:
    start = FILE[: FILE.index("tasks:")]
    pod = (
        "  - backend: kubernetes\n    image: i:1\n    storage_mount: {path: /m, claim: c}\n"
        "    files: {/code/t.py: train.py}\n"
        '    command: [python, /code/t.py, --lr, "${lr}", --momentum, "${momentum}"]\n'
    )
    place.write_text(f"{start}tasks:\n{pod}")
    said = automl("try", str(place))
    assert (said.code, said.out) == (1, "")
    assert "tasks.train runs in a pod, and `try` runs processes on this machine: --local runs" in said.err
    assert "automl run FILE --conf trials.max=1" in said.err
    here = automl("try", str(place), "--local")
    assert here.code == 0, here
    assert "  note         train: its command here, not in i:1: without its resources, secrets and volumes" in here.out
    assert f"python {place.parent}/train.py --lr 0.1" in here.out
    place.write_text(f'{start}tasks:\n  - backend: maxcompute\n    sql: "SELECT ${{lr}}, ${{solver}}, ${{momentum}}"\n')
    refused = automl("try", str(place), "--local")
    assert refused.code == 1
    assert "tasks.train runs in MaxCompute, and `try` runs processes on this machine: SQL runs in" in refused.err


def test_a_metric_that_is_no_number_is_null_in_json(automl: Automl, place: Path) -> None:
    (place.parent / "train.py").write_text("print('epoch=0 accuracy=nan loss=inf')\n")
    kept = place.parent / "result.json"
    said = automl("try", str(place), "--json", "--result", str(kept))
    assert said.code == 1, said
    found = json.loads(said.out)
    assert [(each["name"], each["last"]) for each in found["tasks"][0]["metrics"]] == [
        ("accuracy", None),
        ("loss", None),
    ]
    assert "accuracy" in found["problem"]
    assert json.loads(kept.read_text()) == found


def test_the_folder_of_a_bundle_can_be_named(automl: Automl, place: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "a-bundle"
    bundle.mkdir()
    (bundle / "train.py").write_text("print('epoch=0 accuracy=0.5 loss=0.1')\n")
    text = place.read_text().replace("python, train.py", 'python, "${bundle_dir}/train.py"')
    place.write_text(text)
    said = automl("try", str(place), "--bundle", str(bundle))
    assert said.code == 0, said
    assert f"python {bundle}/train.py" in said.out


def test_what_prepare_makes_is_made_first_and_conclude_is_said_not_to_be_tried(automl: Automl, place: Path) -> None:
    look = "cat $AUTOML_PREPARED_DIR/table >&2; echo epoch=0 accuracy=0.5 loss=0.1"
    text = place.read_text().partition("tasks:")[0] + (
        "prepare:\n  - {name: split, command: 'echo rows of the table > $AUTOML_MODEL_DIR/table'}\n"
        f"tasks:\n  - {{command: '{look}', env: {{SOLVER: '${{solver}}${{lr}}${{momentum}}'}}}}\n"
        "conclude:\n  - {name: refit, command: 'exit 1'}\n"
    )
    place.write_text(text)
    said = automl("try", str(place), "--json")
    assert said.code == 0, said
    told = json.loads(said.out)
    assert [task["name"] for task in told["tasks"]] == ["prepare.split", "train"]
    assert any("conclude" in note for note in told["notes"])
    place.write_text(text.replace("echo rows of the table", "echo no rows; exit 3"))
    said = automl("try", str(place), "--json")
    told = json.loads(said.out)
    assert [task["name"] for task in told["tasks"]] == ["prepare.split"]
    assert not told["ok"]


def test_the_dates_of_a_run_of_now_or_of_a_day(automl: Automl, place: Path) -> None:
    dated = FILE.replace("tasks:", 'schedule: "0 0 * * *"\ntasks:').replace('SOLVER: "${solver}"', 'DAY: "${ds}"')
    shown = '[sh, -c, \'echo day $DAY $AUTOML_LOGICAL_DATE; exec "$0" "$@"\', python, train.py'
    place.write_text(dated.replace("[python, train.py", shown))
    said = automl("try", str(place), "--logical-date", "2026-11-01")
    assert said.code == 0, said
    assert "  dates        ${ds} 2026-11-01" in said.out.splitlines()
    assert "day 2026-11-01 2026-11-01T00:00:00+00:00" in said.err + said.out
    today = datetime.now(UTC).date()
    line = next(row for row in automl("try", str(place)).out.splitlines() if row.startswith("  dates"))
    assert line in [f"  dates        ${{ds}} {day} (of a run of now)" for day in (today, today + timedelta(days=1))]
    wrong = automl("try", str(place), "--logical-date", "tomorrow")
    assert wrong.code == 2
    assert "2026-11-01T06:00:00+01:00" in wrong.err


def test_a_look_ahead_shows_the_dates_too(automl: Automl, place: Path) -> None:
    place.write_text(FILE.replace('SOLVER: "${solver}"', 'DAY: "${ts_nodash}"'))
    said = automl("preview", str(place))
    assert said.code == 0, said
    assert "  dates        ${ts_nodash} 20" in said.out


def test_the_combination_tried_keeps_what_the_data_allow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("x\n" + "1\n" * 9)
    (tmp_path / "capped.yaml").write_text(
        "name: capped\ngoal: {metric: loss, direction: minimize}\ndata: {train: rows.csv}\n"
        "space: {batch: {type: int, low: 1, high: 512, power_of: 2, default: 64, at_most: data.train.rows}}\n"
        "tasks: [{command: [python, -c, \"print('loss=' + '${batch}')\"]}]\n"
    )
    assert main(["try", "capped.yaml", "--json", "--result", "out.json"]) == 0
    body = json.loads((tmp_path / "out.json").read_text())
    assert body["params"] == {"batch": 8}
