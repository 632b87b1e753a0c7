"""Code that goes along and spec files from propose to the result: what is edited meanwhile changes nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException

from automl_airflow import compat
from automl_airflow.factory import build_dag
from automl_airflow.importer import ExperimentImporter
from automl_core.code import archive_key
from automl_core.spec.errors import SpecError
from tests.unit.plugins.files import body, write
from tests.unit.plugins.test_operators import World

TRAIN = "cp ${spec_file} ${model_dir}/; echo accuracy=$(cat value.txt)"
SPACE = {"model.x": {"type": "choice", "values": [0.25, 0.75]}, "model.kind": {"type": "fixed", "value": "on"}}


@pytest.fixture(autouse=True)
def no_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "skip_instances", lambda *_: None)
    monkeypatch.setattr(compat, "name_map_index", lambda *_: None)


def world(folder: Path, **groups: Any) -> World:
    """An experiment beside its folder of code and the base of its spec file."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "value.txt").write_text("0.5\n")
    (folder / "base.yaml").write_text("model: {depth: 3}\n")
    given = {
        "code": "../src", "spec_file": {"base": "../base.yaml"}, "space": SPACE, "search": {"algorithm": "grid"},
        "tasks": [{"name": "train", "cwd": "code", "command": TRAIN}], **groups,
    }  # fmt: skip
    return World(folder, **given)


def edited(made: World) -> None:
    (made.folder / "src" / "value.txt").write_text("0.9\n")
    (made.folder / "base.yaml").write_text("model: {depth: 4}\n")


def test_a_run_is_what_it_was_when_it_began(tmp_path: Path) -> None:
    made = world(tmp_path)
    slots = made.propose()
    edited(made)
    made.trial(slots[0])
    assert made.propose() == slots, "propose is cleared: it takes what the journal has"
    made.trial(slots[1])
    result = made.reduce()

    study = made.study()
    assert result["best_value"] == 0.5
    store = study.journal.store
    assert store.list("_code/") == [archive_key(study.experiment.program.digest)]  # type: ignore[union-attr, arg-type]
    for trial in range(2):
        x = study.state.trials[trial].params["model.x"]
        kept = yaml.safe_load(store.get(f"{study.journal.prefix}experiment_{trial}/spec.yaml"))
        assert kept["model"] == {"depth": 3, "x": x, "kind": "on"}
        published = yaml.safe_load(store.get(f"{study.journal.prefix}recommendation_{trial}.yaml"))
        assert published == {"model": kept["model"]}
    told = yaml.safe_load(store.get(f"{study.journal.prefix}experiment.yaml"))
    assert told["spec_file"]["base"] == {"model": {"depth": 3}}

    first = json.loads(store.get(f"{study.journal.prefix}journal/0000000001.json").partition(b"\n")[0])
    assert first["data"]["experiment"]["code"]["digest"] == told["code"]["digest"]


def test_the_next_run_has_the_edits(tmp_path: Path) -> None:
    made = world(tmp_path)
    edited(made)
    made.propose()
    made.trial(0)
    made.trial(1)
    assert made.reduce()["best_value"] == 0.9


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "src" / ".env").write_text(""), r"\.env in .*a name that secrets have"),
        (lambda folder: (folder / "src").rename(folder / "gone"), "there is no folder .*/src"),
        (lambda folder: (folder / "base.yaml").write_text("day: '${ds}'"), r"spec_file\.base.*: .*no logical date"),
        (lambda folder: (folder / "base.yaml").unlink(), r"first\.yaml:\d+: spec_file\.base: there is no file"),
        (lambda folder: (folder / "base.yaml").write_text("model: 3"), r"first\.yaml:\d+: space\.model\.x: .* has 3"),
    ],
    ids=["secret", "code", "date", "base", "conflict"],
)  # fmt: skip
def test_what_is_wrong_beside_the_file_fails_the_run_as_it_begins(tmp_path: Path, change: Any, said: str) -> None:
    made = world(tmp_path)
    change(tmp_path)
    with pytest.raises(AirflowFailException, match=said):
        made.propose()


def test_a_runs_conf_is_checked_against_the_base(tmp_path: Path) -> None:
    made = world(tmp_path)
    with pytest.raises(AirflowFailException, match=re.escape("space.model.depth.y: spec_file.base has 3")):
        made.propose({"space": {"model.depth.y": {"type": "fixed", "value": 1}}})


def test_what_is_missing_is_an_import_error(tmp_path: Path) -> None:
    file = write(tmp_path, "a.yaml", body(name="a", code="../src", spec_file={"base": "../base.yaml"}))
    with pytest.raises(SpecError, match=r"a\.yaml:\d+: spec_file\.base: there is no file"):
        build_dag(file)
    (tmp_path / "base.yaml").write_text("x: 1")
    (error,) = ExperimentImporter().import_file(file, bundle_path=tmp_path).errors
    assert re.search(r"a\.yaml:\d+: code: there is no folder .*/src", error.message)
    (tmp_path / "src").mkdir()
    assert build_dag(file).dag_id == "a"
