"""Tasks laid over, pulls, and a template of one's own that really trains."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest

from automl_core.cli import main
from automl_core.spec.errors import SpecError
from automl_core.spec.template import TemplateVersion
from automl_core.storage import open_store
from automl_core.templates.changed import why_changed
from automl_core.templates.checking import check_template
from automl_core.templates.digest import digest_of
from automl_core.templates.places import Different, Unknown
from automl_core.templates.pulling import pull, split_address
from automl_core.templates.scaffold import Refused, make_template
from automl_core.templates.tasks import lay_over
from tests.support.template_folders import NET
from tests.support.template_folders import make_template as make_net

TASK = {
    "name": "train", "cwd": "code", "grace": "9s", "timeout": "1h", "env": {"A": "a", "B": "b"},
    "command": ["python", "train.py", "--config", "${spec_file}", "train.py.bak", "/abs/train.py"],
}  # fmt: skip


def laid(over: dict[str, Any], folder: Path, task: dict[str, Any] = TASK) -> dict[str, Any]:
    tasks, problems = lay_over([task], {"train": over}, "tasks", folder, {})
    assert problems == []
    return dict(tasks[0])


def test_a_task_that_stays_where_it_is_is_merged(tmp_path: Path) -> None:
    found = laid({"timeout": "2h", "env": {"B": "c"}}, tmp_path)
    assert found == {**TASK, "backend": "local", "timeout": "2h", "env": {"A": "a", "B": "c"}}


def test_a_task_that_goes_to_a_pod_finds_its_program_there(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("")
    found = laid({"backend": "kubernetes", "image": "net:1"}, tmp_path)
    assert found == {
        "backend": "kubernetes", "name": "train", "grace": "9s", "timeout": "1h", "env": {"A": "a", "B": "b"},
        "image": "net:1",
        "command": ["python", "${code_dir}/train.py", "--config", "${spec_file}", "train.py.bak", "/abs/train.py"],
    }  # fmt: skip
    shell = {**TASK, "command": "python train.py | tee log"}
    moved = laid({"backend": "kubernetes", "image": "net:1"}, tmp_path, shell)
    assert moved["command"] == "cd ${code_dir} && python train.py | tee log"


def test_a_task_that_ran_elsewhere_keeps_its_command(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("")
    task = {**TASK, "cwd": "bundle"}
    assert laid({"backend": "kubernetes", "image": "net:1"}, tmp_path, task)["command"] == TASK["command"]


def test_a_task_that_becomes_sql_keeps_only_what_sql_has(tmp_path: Path) -> None:
    task = {**TASK, "metrics": {"source": "json", "path": "m.json"}}
    found = laid({"backend": "maxcompute", "statements": ["SELECT 1"]}, tmp_path, task)
    assert found == {
        "backend": "maxcompute", "name": "train", "timeout": "1h", "env": {"A": "a", "B": "b"},
        "statements": ["SELECT 1"],
    }  # fmt: skip


def test_stages_are_laid_over_or_replaced(tmp_path: Path) -> None:
    own = [{"name": "split", "command": ["a"]}]
    origins: dict[Any, Any] = {}
    assert lay_over(own, [{"command": ["b"]}], "prepare", tmp_path, origins) == ([{"command": ["b"]}], [])
    assert origins == {("prepare",): ("prepare",)}
    tasks, problems = lay_over(own, {"split": {"timeout": 3}}, "prepare", tmp_path, {})
    assert (tasks, problems) == ([{"name": "split", "command": ["a"], "timeout": 3, "backend": "local"}], [])
    _, (problem,) = lay_over([], {"split": {}}, "conclude", tmp_path, {})
    assert "the template has no training task 'split' here" in problem.message


def store_with(folder: Path, text: str = NET) -> Any:
    make_net(folder, text)
    return open_store(str(folder))


def test_a_version_is_pulled_once(tmp_path: Path) -> None:
    store = store_with(tmp_path / "bucket")
    done = pull(store, "net", 1, tmp_path / "here")
    assert (done.label, done.folder, done.new) == ("net@1", tmp_path / "here/net/1", True)
    assert done.digest == digest_of(tmp_path / "bucket/net/1") == digest_of(done.folder)
    assert pull(store, "net", 1, tmp_path / "here").new is False
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["net"], "nothing else is left"


def test_a_published_version_never_changes(tmp_path: Path) -> None:
    store = store_with(tmp_path / "bucket")
    pull(store, "net", 1, tmp_path / "here")
    before = digest_of(tmp_path / "here/net/1")
    (tmp_path / "bucket/net/1/train.py").write_text("print('accuracy=1')\n")
    with pytest.raises(Different, match=r"net@1 lies in .*here/net/1 already .* a version never changes"):
        pull(store, "net", 1, tmp_path / "here")
    assert digest_of(tmp_path / "here/net/1") == before


def test_what_is_wrong_is_not_pulled(tmp_path: Path) -> None:
    store = store_with(tmp_path / "bucket")
    with pytest.raises(Unknown, match=r"net/2 has no template\.yaml"):
        pull(store, "net", 2, tmp_path / "here")
    (tmp_path / "bucket/net/1/template.yaml").write_text(NET.replace("max: 20", "max: none"))
    with pytest.raises(SpecError, match="found 'none'"):
        pull(store, "net", 1, tmp_path / "here")
    assert not (tmp_path / "here/net/1").exists()


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("s3://bucket/templates/mlp/3", ("s3://bucket/templates", "mlp", 3)),
        ("s3://bucket/mlp/3/", ("s3://bucket", "mlp", 3)),
        ("/srv/templates/mlp/1", ("/srv/templates", "mlp", 1)),
    ],
)
def test_addresses(address: str, found: tuple[str, str, int]) -> None:
    assert split_address(address) == found


@pytest.mark.parametrize("address", ["s3://bucket/mlp", "mlp/3", "s3://mlp/3", "s3://bucket/mlp/new", ""])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match="names no version"):
        split_address(address)


def version(digit: str, number: int = 1, name: str = "net") -> TemplateVersion:
    return TemplateVersion(name=name, version=number, digest=f"sha256:{digit * 64}")


def test_a_run_does_not_go_on_with_a_changed_version() -> None:
    why = why_changed(version("a"), version("b"))
    assert "net@1 has changed since this run began (sha256:aaaaaaaaaaaa then, sha256:bbbbbbbbbbbb now)" in why
    assert "(net/2)" in why
    for now in (version("a"), version("b", 2), version("b", name="tree"), None):
        assert why_changed(version("a"), now) == "", "another version in the file is for the next run"
    assert why_changed(None, version("b")) == ""


def test_a_template_of_ones_own_checks_and_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    rng = random.Random(0)
    with open("table.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "churned"])
        for _ in range(200):
            a, b = rng.gauss(0, 1), rng.gauss(0, 1)
            writer.writerow([a, b, "yes" if a + 2 * b > 0 else "no"])
    assert main(["template", "new", "own"]) == 0
    assert main(["template", "check", "templates/own/1"]) == 0
    assert (
        main(["new", "first", "--template", "own", "-d", "table.csv", "--target", "churned", "--set", "epochs=5"]) == 0
    )
    capsys.readouterr()
    assert main(["try", "experiments/first.yaml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["judged"]["value"] > 0.85
    assert "model.json" in found["model_files"]
    with pytest.raises(Refused, match="is there already; copy it to"):
        make_template(tmp_path / "templates", "own")
    with pytest.raises(Refused, match="is no template's name"):
        make_template(tmp_path / "templates", "Own Template")
    assert check_template(tmp_path / "templates/own/1").problems == []
