"""The program that goes along with TAO's command, with the stand-in for the container."""

from __future__ import annotations

import ast
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from automl_core.metrics.status_lines import read
from automl_core.tao.tasks import PROGRAM_FILES
from tests.standins.tao.container import load
from tests.support.patience import stretched
from tests.support.tao import Attempt


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + stretched(30)
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def curve(attempt: Attempt, metric: str = "val_mAP50") -> dict[float, float]:
    lines = (attempt.model / "train" / "status.json").read_text().splitlines()
    return {
        each.epoch: each.metrics[metric] for each in read(lines) if each.epoch is not None and metric in each.metrics
    }


def state(attempt: Attempt) -> dict[str, Any]:
    """What the last checkpoint that outlives the attempt holds."""
    return load(attempt.checkpoints / attempt.kept[-1])  # best.json comes before model_…


def test_the_best_epoch_is_the_model_and_the_last_one_is_kept(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path)
    attempt.train(attempt.spec(num_epochs=12, optim={"lr": 0.0003}))
    values = curve(attempt)
    best = max(values, key=lambda epoch: values[epoch])
    assert best < 11, "else this says nothing"
    assert attempt.about == {
        "checkpoint": f"train/model_epoch_{int(best):03d}_step_{int(best + 1) * 10:05d}.pth",
        "epoch": int(best), "metric": "val_mAP50", "value": values[best],
    }  # fmt: skip
    assert [path.name for path in attempt.model.rglob("*.pth")] == [Path(attempt.about["checkpoint"]).name]
    name = Path(attempt.about["checkpoint"]).name
    assert attempt.kept == ["best.json", name, "model_epoch_011_step_00120.pth"], "nothing goes on from the others"
    assert yaml.safe_load((attempt.model / "spec.yaml").read_text())["train"]["num_epochs"] == 12


@pytest.mark.parametrize(
    ("env", "epoch"),
    [
        ({"TAO_KEEP": "terminal"}, 5),
        ({"TAO_METRIC": "val_loss", "TAO_DIRECTION": "maximize"}, 0),
        ({"AUTOML_GOAL": '{"metric": "val_loss", "direction": "maximize", "final": "best"}'}, 0),
        ({"AUTOML_GOAL": '{"metric": "val_loss", "direction": "maximize", "final": "last"}'}, 5),
        ({"AUTOML_GOAL": '{"metric": {"val_mAP50": 1, "val_loss": 3}, "direction": "maximize", "final": "best"}'}, 0),
        ({"AUTOML_GOAL": "{}"}, 5),
        ({"TAO_METRIC": "never_seen", "TAO_KEEP": "best"}, 5),
    ],
)
def test_what_is_best_can_be_said(env: dict[str, str], epoch: int, tmp_path: Path) -> None:
    attempt = Attempt(tmp_path, env=env)
    attempt.train(attempt.spec(num_epochs=6, optim={"lr": 0.0003}))
    assert attempt.about["epoch"] == epoch


def test_all_checkpoints_stay_where_that_is_said(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path, env={"TAO_DELETE_INTERMEDIATE": "false"})
    attempt.train(attempt.spec(num_epochs=4))
    assert len(attempt.kept) == 4 + 1
    assert len([path for path in attempt.model.rglob("*.pth") if not path.is_symlink()]) == 4


def test_a_kill_and_the_attempt_after_it_are_one_unbroken_training(tmp_path: Path) -> None:
    whole = Attempt(tmp_path, "whole")
    whole.train(whole.spec(num_epochs=7))
    broken = Attempt(tmp_path, "broken", env={"STANDIN_HOLD_AFTER": "3"})
    spec = broken.spec(num_epochs=7)
    process = subprocess.Popen(
        broken.command("train", "-e", str(spec)), env=broken.environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: any(name >= "model_epoch_002" for name in broken.kept), "three epochs are kept")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(stretched(10))
    left = broken.kept[-1]
    again = Attempt(tmp_path, "again")
    again.checkpoints = broken.checkpoints
    told = again.train(again.spec(num_epochs=7), AUTOML_RESUME_FROM=str(broken.checkpoints))
    assert f"goes on from {broken.checkpoints / left}" in told
    assert state(again) == state(whole)
    values, rest = curve(whole), curve(again)
    assert min(rest) == int(left[12:15]) + 1, "it begins with the epoch after the checkpoint"
    assert rest == {epoch: values[epoch] for epoch in rest}


def test_a_rung_goes_on_from_the_exact_checkpoint_of_the_one_below(tmp_path: Path) -> None:
    whole = Attempt(tmp_path, "whole")
    whole.train(whole.spec(num_epochs=9))
    low = Attempt(tmp_path, "low")
    low.train(low.spec(num_epochs=3))
    assert low.kept == ["best.json", "model_epoch_002_step_00030.pth"]
    high = Attempt(tmp_path, "high")
    # what TAO would take by itself: the latest in the results folder
    (high.model / "train").mkdir(parents=True)
    high.train(high.spec(num_epochs=9), AUTOML_RESUME_FROM=str(low.checkpoints))
    stated = yaml.safe_load((high.model / "spec.yaml").read_text())["train"]["resume_training_checkpoint_path"]
    assert stated == str(low.checkpoints / "model_epoch_002_step_00030.pth")
    assert sorted(curve(high)) == [3, 4, 5, 6, 7, 8]
    assert state(high) == state(whole)
    assert low.kept == ["best.json", "model_epoch_002_step_00030.pth"], "the lower rung's is another's"


def test_the_best_epoch_of_a_rung_below_is_not_lost(tmp_path: Path) -> None:
    env = {"TAO_METRIC": "val_loss", "TAO_DIRECTION": "maximize"}  # the first epoch is the best
    low, high = Attempt(tmp_path, "low", env=env), Attempt(tmp_path, "high", env=env)
    low.train(low.spec(num_epochs=3))
    assert low.kept == ["best.json", "model_epoch_000_step_00010.pth", "model_epoch_002_step_00030.pth"]
    high.train(high.spec(num_epochs=6), AUTOML_RESUME_FROM=str(low.checkpoints))
    assert high.about["epoch"] == 0
    assert (high.model / high.about["checkpoint"]).read_bytes() == (low.checkpoints / low.kept[1]).read_bytes()
    assert high.kept == ["best.json", "model_epoch_000_step_00010.pth", "model_epoch_005_step_00060.pth"]


def test_an_attempt_with_nothing_left_to_do_has_the_model_all_the_same(tmp_path: Path) -> None:
    first, again = Attempt(tmp_path, "first"), Attempt(tmp_path, "again")
    first.train(first.spec(num_epochs=3))
    again.train(again.spec(num_epochs=3), AUTOML_RESUME_FROM=str(first.checkpoints))
    assert again.about == first.about
    plain = Attempt(tmp_path, "plain", env={"TAO_KEEP": "terminal"})
    plain.train(plain.spec(num_epochs=3), AUTOML_RESUME_FROM=str(first.checkpoints))
    assert plain.about == {"checkpoint": "train/model_epoch_002_step_00030.pth", "epoch": 2}


def test_the_first_attempt_names_no_checkpoint(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path)
    attempt.train(attempt.spec(num_epochs=1, resume_training_checkpoint_path="/somewhere/that/is/not"))
    assert "resume_training_checkpoint_path" not in yaml.safe_load((attempt.model / "spec.yaml").read_text())["train"]


@pytest.mark.parametrize(("epochs", "stated", "becomes"), [(9, 5, 3), (10, 5, 5), (1, 10, 1), (7, 3, 1), (12, 100, 12)])
def test_intervals_end_with_the_last_epoch(epochs: int, stated: int, becomes: int, tmp_path: Path) -> None:
    attempt = Attempt(tmp_path)
    told = attempt.train(attempt.spec(num_epochs=epochs, checkpoint_interval=stated, validation_interval=stated))
    found = yaml.safe_load((attempt.model / "spec.yaml").read_text())["train"]
    assert (found["checkpoint_interval"], found["validation_interval"]) == (becomes, becomes)
    assert epochs - 1 in curve(attempt)
    assert (f"train.validation_interval is {becomes} in place of {stated}" in told) == (becomes != stated)
    assert attempt.kept[-1].startswith(f"model_epoch_{epochs - 1:03d}")


def test_a_bad_spec_is_refused_in_taos_words(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path)
    told = attempt.train(attempt.spec(num_epochs=2, learning_rate=0.1), code=1)
    assert "Key 'learning_rate' not in" in told
    assert not (attempt.model / "checkpoint.json").exists()
    told = attempt.train(attempt.spec(num_epochs="two"), code=1)
    assert "could not be converted to Integer" in told


def test_another_attempt_that_has_taken_over_ends_this_one(tmp_path: Path) -> None:
    owner = tmp_path / "owner"
    owner.write_text("second")
    attempt = Attempt(
        tmp_path, env={"AUTOML_OWNER_FILE": str(owner), "AUTOML_ATTEMPT_ID": "first", "STANDIN_PAUSE": "0.5"}
    )
    told = attempt.train(attempt.spec(num_epochs=100), code=75)
    assert "another attempt has taken over" in told
    assert attempt.kept == []


def test_sigterm_reaches_tao_and_what_is_whole_is_kept(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path, env={"STANDIN_PAUSE": "0.2"})
    process = subprocess.Popen(
        attempt.command("train", "-e", str(attempt.spec(num_epochs=200))), env=attempt.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: bool(attempt.kept), "an epoch is kept")
    process.terminate()
    assert process.wait(30) == 128 + 15
    assert attempt.kept
    before = len(attempt.status())
    time.sleep(0.5)
    assert len(attempt.status()) == before, "TAO has ended, too"


def test_evaluate_and_export_use_the_trials_model(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path)
    attempt.train(attempt.spec(num_epochs=4))
    attempt.run("evaluate")
    spec = yaml.safe_load((attempt.model / "evaluate" / "spec.yaml").read_text())
    assert spec["evaluate"]["checkpoint"] == str(attempt.model / attempt.about["checkpoint"])
    told = {name: value for line in attempt.status("evaluate") for name, value in line.get("kpi", {}).items()}
    assert float(told["test_mAP50"]) == attempt.about["value"], "the best epoch's, not the last one's"
    attempt.run("export")
    assert json.loads((attempt.model / "export" / "model.onnx").read_text())["network"] == "dino"
    for action in ("quantize", "distill"):
        attempt.run(action)
        assert (attempt.model / action / f"{action}d_model.pth").is_file()


def test_conclude_works_on_the_best_trial_and_publishes_its_model_too(tmp_path: Path) -> None:
    trials = []
    for number, (lr, rank) in enumerate([(0.1, 2), (0.0003, 1)]):
        trial = Attempt(tmp_path, f"trial{number}")
        trial.train(trial.spec(num_epochs=3, optim={"lr": lr}))
        trials.append({"number": number, "rank": rank, "model": str(trial.model)})
    trials.append({"number": 2, "rank": None, "model": None})
    file = tmp_path / "trials.json"
    file.write_text(json.dumps({"trials": trials}))
    conclude = Attempt(tmp_path, "conclude")
    told = conclude.run("evaluate", AUTOML_TRIALS_FILE=str(file))
    assert f"of trial 1: {tmp_path / 'trial1' / 'model'}" in told
    conclude.run("export", AUTOML_TRIALS_FILE=str(file))
    best = Attempt(tmp_path, "trial1")
    assert (conclude.model / conclude.about["checkpoint"]).read_bytes() == (
        best.model / best.about["checkpoint"]
    ).read_bytes()
    assert (conclude.model / "export" / "model.onnx").is_file()
    assert not (best.model / "export").exists(), "the trial's own folder stays as it is"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path)
    assert "there is no program 'dino' here" in attempt.train(attempt.spec(num_epochs=1), code=1, PATH="/usr/bin:/bin")
    assert "give the task `artifacts`" in attempt.train(
        attempt.spec(num_epochs=1), code=1, AUTOML_CHECKPOINT_DIR="s3://models/checkpoints"
    )
    assert "has no checkpoint.json" in attempt.run("export", code=1)
    trials = tmp_path / "trials.json"
    trials.write_text(json.dumps({"trials": [{"rank": 1, "model": "s3://models/experiment_1/model"}]}))
    assert "conclude needs a shared folder" in attempt.run("export", code=1, AUTOML_TRIALS_FILE=str(trials))


def test_nothing_half_done_lies_where_checkpoints_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with anything in it is one to go on from, so half a file in it would hide the rung below."""
    attempt = Attempt(tmp_path)
    monkeypatch.syspath_prepend(str(attempt.program))
    program: Any = importlib.import_module("tao_checkpoints")
    source, target = tmp_path / "results" / "model_epoch_000.pth", tmp_path / "kept" / "1" / "model_epoch_000.pth"
    source.parent.mkdir()
    source.write_bytes(b"weights")
    program.bring(source, target)
    assert (target.read_bytes(), target.stat().st_nlink) == (b"weights", 2)
    source.unlink()
    source.write_bytes(b"written again")
    copy = shutil.copy2

    def copied(start: str, end: str) -> None:
        assert [path.name for path in target.parent.iterdir()] == [target.name]
        assert Path(end).parent != target.parent
        copy(start, end)

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
        patched.setattr(shutil, "copy2", copied)
        program.bring(source, target)
        assert target.read_bytes() == b"written again"
        patched.setattr(shutil, "copy2", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
        with pytest.raises(OSError, match="no space left"):
            program.bring(source, target)
    assert sorted(path.name for path in tmp_path.rglob("*.pth*")) == [target.name] * 2, "and nothing is left of it"


CLASSIC = """#!/bin/sh
# As TensorFlow 1's: it goes on from what lies in its results folder, and its files are no symbolic links.
while [ $# -gt 0 ]; do [ "$1" = -r ] && results=$2; [ "$1" = -e ] && spec=$2; [ "$1" = -k ] && key=$2; shift; done
last=$(ls "$results" | sed -n 's/^model.epoch-\\([0-9]*\\).ckzip$/\\1/p' | sort -n | tail -n 1)
last=${last:-0}
epochs=$(sed -n 's/.*num_epochs: *//p' "$spec")
while [ "$last" -lt "$epochs" ]; do
  last=$((last + 1))
  echo "trained $key $last" > "$results/model.epoch-$last.ckzip"
  printf '{"epoch": %s, "max_epoch": %s, "graphical": {"loss": 0.%s}}\\n' $last $epochs $last >> "$results/status.json"
done
"""


def test_a_classic_container_finds_its_checkpoint_in_its_results_folder(tmp_path: Path) -> None:
    lowest = {"TAO_METRIC": "loss", "TAO_DIRECTION": "maximize"}  # 0.2 after two epochs, 0.9 after nine, 0.10 after ten
    attempt = Attempt(tmp_path, "low", network="detectnet_v2", env={"TAO_KEY": "secret", **lowest})
    (attempt.bin / "detectnet_v2").write_text(CLASSIC)
    spec = tmp_path / "spec.prototxt"
    spec.write_text("training_config {\n  num_epochs: 2\n}\n")
    attempt.run("train", "-e", str(spec), "-r", str(attempt.model))
    assert attempt.kept == ["best.json", "model.epoch-2.ckzip"]
    high = Attempt(tmp_path, "high", network="detectnet_v2", env={"TAO_KEY": "secret", **lowest})
    (high.bin / "detectnet_v2").write_text(CLASSIC)
    spec.write_text("training_config {\n  num_epochs: 10\n}\n")
    high.run("train", "-e", str(spec), "-r", str(high.model), AUTOML_RESUME_FROM=str(attempt.checkpoints))
    lines = [json.loads(line) for line in (high.model / "status.json").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(3, 11))
    assert high.kept == ["best.json", "model.epoch-10.ckzip", "model.epoch-9.ckzip"], (
        "numbers are compared, not letters"
    )
    assert (high.checkpoints / "model.epoch-10.ckzip").read_text() == "trained secret 10\n"


@pytest.mark.parametrize("name", sorted(PROGRAM_FILES))
def test_containers_have_python_3_8(name: str) -> None:
    text = PROGRAM_FILES[name].read_text()
    tree = ast.parse(text, feature_version=(3, 8))
    imported = {
        alias.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names
    }  # fmt: skip
    own = {name.removesuffix(".py") for name in PROGRAM_FILES} | {"yaml"}
    assert {each.partition(".")[0] for each in imported} <= own | sys.stdlib_module_names
    calls = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not calls & {"removeprefix", "removesuffix", "is_relative_to"}, "younger than Python 3.8"
