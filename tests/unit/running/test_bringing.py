"""The spec file of an attempt and the code that goes along, on a folder and on S3."""

from __future__ import annotations

import json
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from automl_core.code import archive_key, with_code
from automl_core.states import TrialState
from automl_core.storage.base import ObjectStore
from automl_core.study import Study, StudyJournal
from automl_core.study.stages import begin_stage
from tests.unit.running.attempts import PREFIX, Bench
from tests.unit.running.promises import experiment

SHOW = "cat ${spec_file}; echo accuracy=0.5 step=0"
SPACE = {
    "optim.lr": {"type": "fixed", "value": 1e-5},
    "optim.name": {"type": "fixed", "value": "1e3"},
    "layers.1.units": {"type": "fixed", "value": 64},
    "momentum": {"type": "uniform", "low": 0, "high": 1, "when": {"optim.name": ["other"]}},
}
BASE = {"optim": {"clip": 1.0}, "layers": [{"units": 8}, {"units": 16}], "out": "${model_dir}/m", "left": "${budget}"}


class WithCode(Bench):
    """A study whose code lies in a folder beside its file."""

    def __init__(self, store: ObjectStore, home: Path, *scripts: str | dict[str, Any], **groups: Any) -> None:
        super().__init__(store, home, "true")
        tasks = [{"name": f"task{n}", "cwd": "code", "command": script} for n, script in enumerate(scripts)]
        found, _ = with_code(experiment(tasks=tasks, code="src", **groups), home / "e.yaml", store)
        self.study = Study.create(StudyJournal(store, "code/r/"), found, "r", [])


def code(home: Path, text: str = "echo accuracy=0.5 step=0") -> Path:
    (home / "src").mkdir(parents=True, exist_ok=True)
    (home / "src" / "train.sh").write_text(text)
    return home / "src"


def test_what_is_set_goes_over_base_and_parameters_where_the_attempt_has_it(store: ObjectStore, tmp_path: Path) -> None:
    spec = {
        "base": {"train": {"epochs": 3, "resume": "from.the.base"}, "out": "here"}, "groups": [],
        "set": {"train.epochs": "${budget}", "train.resume": "${resume_from}", "out": "${model_dir}",
                "optim.lr": "${trial_id}", "new.group": [1, "${attempt}"]},
    }  # fmt: skip
    plain = Bench(store, tmp_path, SHOW, space=SPACE, spec_file=spec)
    assert plain.run()[0].state is TrialState.SUCCEEDED
    body = yaml.safe_load(plain.text("experiment_0/spec.yaml"))
    assert body["train"] == {"epochs": 3, "resume": "from.the.base"}, "it has no budget, and nothing to go on from"
    assert body["out"].endswith("model")
    assert body["optim"] == {"lr": 0, "name": "1e3"}, "over the parameter, with the value's own type"
    assert body["new"] == {"group": [1, 1]}


def test_the_spec_file_is_the_trainings_and_lies_in_the_trials_folder(store: ObjectStore, tmp_path: Path) -> None:
    bench = Bench(store, tmp_path, SHOW, space=SPACE, spec_file={"base": BASE})
    outcome, _ = bench.run()
    assert outcome.state is TrialState.SUCCEEDED
    kept = bench.text("experiment_0/spec.yaml")
    assert kept == "\n".join(bench.lines[:-1]) + "\n"
    body = yaml.safe_load(kept)
    assert body["optim"] == {"clip": 1.0, "lr": 1e-5, "name": "1e3"}
    assert body["layers"] == [{"units": 8}, {"units": 64}]
    assert body["out"] == body["automl"]["model_dir"] + "/m"
    assert sorted(body["automl"]) == ["checkpoint_dir", "model_dir"]
    assert "left" not in body
    assert "momentum" not in body


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("toml", tomllib.loads), ("yaml", yaml.safe_load)])
def test_each_attempt_gets_one_of_its_own_with_its_budget(tmp_path: Path, form: str, read: Any) -> None:
    from automl_core.storage.folder import FolderStore

    script = f"cat $AUTOML_SPEC_FILE > {tmp_path}/$AUTOML_BUDGET; touch $AUTOML_CHECKPOINT_DIR/s; {SHOW}"
    spec = {"format": form, "name": f"train.{form}", "groups": ["automl"], "base": {"n": "${budget}"}}
    budget = {"min": 1, "max": 3, "factor": 3}
    bench = Bench(
        FolderStore(tmp_path / "runs"), tmp_path, script, space=SPACE, spec_file=spec,
        search={"algorithm": "hyperband"}, trials={"max": 3, "budget": budget, "canary": False},
    )  # fmt: skip
    bench.run(0)
    bench.run(1)
    first, second = (read((tmp_path / budget).read_text()) for budget in ("1", "3"))
    assert (first["n"], second["n"]) == (1, 3)
    assert "resume_from" not in first["automl"]
    assert second["automl"]["resume_from"].endswith("checkpoints/budget_1")
    assert read(bench.text(f"experiment_0/train.{form}")) == second


def test_a_template_of_ones_own_is_filled_as_it_stands(store: ObjectStore, tmp_path: Path) -> None:
    text = "lr = ${optim.lr}\nmomentum = '${momentum}'\n$${HOME}\n"
    bench = Bench(store, tmp_path, SHOW, space=SPACE, spec_file={"format": "text", "text": text, "name": "train.conf"})
    bench.run()
    assert bench.text("experiment_0/train.conf") == "lr = 1e-05\nmomentum = ''\n${HOME}\n"


def test_what_the_format_has_no_word_for_fails_the_attempt_with_its_name(tmp_path: Path) -> None:
    from automl_core.storage.folder import FolderStore

    space = {"a.kind": {"type": "fixed", "value": "l 1"}}
    spec = {"format": "prototxt", "enums": ["a.kind"]}
    bench = Bench(FolderStore(tmp_path / "runs"), tmp_path, SHOW, space=space, spec_file=spec)
    outcome, _ = bench.run()
    assert outcome.state is TrialState.FAILED
    assert "spec.prototxt can't be written as prototxt: a.kind: 'l 1' is no value of an enum" in outcome.reason


def test_code_is_where_the_training_runs_and_edits_change_nothing(store: ObjectStore, tmp_path: Path) -> None:
    folder = code(tmp_path, "ls; echo $AUTOML_CODE_DIR; pwd; echo mine > left.txt; echo accuracy=0.5 step=0")
    bench = WithCode(store, tmp_path, "sh train.sh", trials={"max": 2, "canary": False})
    (folder / "train.sh").write_text("exit 1")
    (folder / "new.txt").write_text("")
    for slot in range(2):
        outcome, _ = bench.run(slot)
        assert outcome.state is TrialState.SUCCEEDED, outcome.reason
    assert bench.lines[0] == "train.sh"  # what the first attempt wrote there is not the second's
    assert bench.lines[1] == bench.lines[2]
    assert bench.lines.count("train.sh") == 2
    assert bench.lines.count("left.txt") == 0
    digest = bench.study.experiment.code.digest  # type: ignore[union-attr]
    assert store.list("_code/") == [archive_key(digest)]
    assert bench.study.state.experiment["code"] == {"folder": "src", "ignore": [], "digest": digest}


def test_a_bucket_is_asked_for_the_code_once_for_a_machine(
    bucket: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code(tmp_path)
    bench = WithCode(bucket, tmp_path, "sh train.sh", trials={"max": 3, "canary": False})
    asked: list[str] = []
    get = bucket.get
    monkeypatch.setattr(bucket, "get", lambda key: asked.append(key) or get(key))
    for slot in range(2):
        assert bench.run(slot)[0].state is TrialState.SUCCEEDED
    assert len([key for key in asked if key.startswith("_code/")]) == 1
    kept = next(Path(tempfile.gettempdir()).rglob("*.tar.gz"))
    kept.write_bytes(b"somebody wrote here")
    assert bench.run(2)[0].state is TrialState.SUCCEEDED
    assert len([key for key in asked if key.startswith("_code/")]) == 2


def test_code_that_is_gone_from_the_store_is_said(store: ObjectStore, tmp_path: Path) -> None:
    code(tmp_path)
    bench = WithCode(store, tmp_path, "sh train.sh")
    store.delete_prefix("_code/")
    outcome, _ = bench.run()
    assert (outcome.state, outcome.kind, outcome.systematic) == (TrialState.FAILED, "launch", True)
    assert "is no longer in the storage" in outcome.reason


def test_stages_have_the_code_too(tmp_path: Path) -> None:
    from automl_core.storage.folder import FolderStore

    store = FolderStore(tmp_path / "runs")
    code(tmp_path, "echo prepared > $AUTOML_MODEL_DIR/x")
    bench = WithCode(store, tmp_path, "true", prepare=[{"command": "sh ${code_dir}/train.sh"}])
    stage = begin_stage(bench.study, "prepare")
    run = bench.attempt(stage.ask(0), stage)  # type: ignore[arg-type]
    assert run.run()[0].state is TrialState.SUCCEEDED
    assert store.get("code/r/prepare/experiment_0/model/x") == b"prepared\n"


def test_the_same_code_is_kept_once_and_a_stated_digest_takes_what_is_kept(store: ObjectStore, tmp_path: Path) -> None:
    folder = code(tmp_path)
    file = tmp_path / "e.yaml"
    first, packed = with_code(experiment(code="src"), file, store)
    again, _ = with_code(experiment(code={"folder": "src", "ignore": ["*.md"]}), file, store)
    assert packed is not None
    assert first.program.digest == again.program.digest == packed.digest  # type: ignore[union-attr]
    (folder / "train.sh").write_text("another")
    kept, packed = with_code(first, tmp_path / "elsewhere" / "e.yaml", store)
    assert (kept, packed) == (first, None)
    store.delete_prefix("_code/")
    with pytest.raises(ValueError, match=r"is not what the file states by code\.digest"):
        with_code(first, file, store)
    with pytest.raises(ValueError, match="there is no folder"):
        with_code(experiment(code="nowhere"), file, store)


def test_an_experiment_without_them_asks_for_nothing_more(tmp_path: Path) -> None:
    from automl_core.storage.folder import FolderStore

    bench = Bench(FolderStore(tmp_path / "runs"), tmp_path, "env; ls -a $AUTOML_MODEL_DIR/..; echo accuracy=0.5 step=0")
    bench.run()
    assert not [line for line in bench.lines if "SPEC_FILE" in line or "CODE_DIR" in line or line in ("code", "spec")]
    assert bench.store.list("_code/") == []
    assert [key for key in bench.store.list(PREFIX) if "spec" in key] == []


def test_data_sets_and_columns_stand_in_it(tmp_path: Path) -> None:
    from automl_core.storage.folder import FolderStore

    (tmp_path / "train.csv").write_text("a,b\n1,2\n")
    spec = {"base": {"data": {"batch": 32}, "file": "${data.train}", "label": "${columns.target}"}}
    bench = Bench(
        FolderStore(tmp_path / "runs"), tmp_path, SHOW, space=SPACE, spec_file=spec | {"groups": ["data", "columns"]},
        data={"train": str(tmp_path / "train.csv")}, columns={"target": "b", "features": ["a"]},
    )  # fmt: skip
    assert bench.run()[0].state is TrialState.SUCCEEDED
    body = yaml.safe_load(bench.text("experiment_0/spec.yaml"))
    place = str(tmp_path / "train.csv")
    assert body["data"] == {"batch": 32, "train": place}
    assert (body["file"], body["label"]) == (place, "b")
    assert body["columns"] == {"target": "b", "features": ["a"]}
