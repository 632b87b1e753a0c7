"""``automl annotation``: on a project's storage."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from automl_core.annotation.file import load_annotation_file
from automl_core.annotation.project import Chosen, Label, Person, Project
from automl_core.storage import open_store
from tests.unit.cli.conftest import Automl

ANNA = Person("anna", "cli")
FILE = """\
kind: annotation
name: intents
output: {storage: ./runs}
items: {data: examples/*.jsonl, columns: [text], kind: text}
labels: {classes: [order, refund], keys: {order: o}}
models: [{experiment: trees}, {experiment: dense}]
people: {where: files, price: 0.05}
"""


@pytest.fixture
def project(home: Path) -> Project:
    path = home / "experiments" / "intents.annotation.yaml"
    path.write_text(FILE)
    found = Project.open(open_store("./runs", base=home), "intents")
    found.configure(load_annotation_file(path).plain(), ANNA)
    found.add_items([{"text": each} for each in "abc"], ANNA, source="here")
    found.begin_round(1, ANNA)
    found.send(1, [Chosen(found.catalog.id_of(number)) for number in range(3)], "files", 1, ANNA, price=0.05)
    return found


def ids(project: Project) -> list[str]:
    return [project.catalog.id_of(number) for number in range(3)]


def test_out_and_in_again(automl: Automl, project: Project, tmp_path: Path) -> None:
    out = automl("annotation", "export", "intents")
    lines = [json.loads(line) for line in out.out.splitlines()]
    assert [each["item"] for each in lines] == ids(project)
    assert out.err == "3 items\n"
    back = tmp_path / "back.jsonl"
    back.write_text("".join(json.dumps({**each, "label": "order", "seconds": 2}) + "\n" for each in lines[:2]))
    said = automl("annotation", "import", "intents", str(back), "--author", "ben")
    assert (said.code, said.out) == (0, "2 labels are new, 0 changed, 0 stood already\n")
    assert automl("annotation", "import", "intents", str(back), "--author", "ben").out.endswith("2 stood already\n")
    assert len(automl("annotation", "export", "intents", "--batch", "1").out.splitlines()) == 1
    assert [each.author for each in project.refresh().votes] == ["ben", "ben"]


def test_a_file_is_written_over_no_other(automl: Automl, project: Project, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert automl("annotation", "export", "intents", "-o", str(out)).err == f"3 items in {out}\n"
    assert len(out.read_text().splitlines()) == 3
    said = automl("annotation", "export", "intents", "-o", str(out))
    assert (said.code, "--force" in said.err) == (1, True)
    assert (
        automl("annotation", "export", "intents", "--batch", "7").err == "intents has no batch 7: there are 1, from 1\n"
    )


def test_what_is_wrong_in_a_file(automl: Automl, project: Project, tmp_path: Path) -> None:
    back = tmp_path / "back.jsonl"
    back.write_text('{"text": "a", "label": "ordr"}\n{"text": "b", "label": "order"}\n')
    said = automl("annotation", "import", "intents", str(back), "--by", "anna")
    assert said.code == 1
    assert said.err.startswith(f"{back}:1: label: 'ordr' is no class of this project. Allowed: order, refund. Did you")
    assert said.out == "1 labels are new, 0 changed, 0 stood already, 1 lines were refused\n"
    body = json.loads(automl("annotation", "import", "intents", str(back), "--by", "anna", "--json").out)
    assert (body["same"], body["refused"], body["problems"][0]["line"]) == (1, 1, 1)
    assert automl("annotation", "import", "intents", str(tmp_path / "no.jsonl")).err.endswith(
        "No such file or directory\n"
    )


def test_what_was_imported_says_where_it_is_from(automl: Automl, project: Project, tmp_path: Path) -> None:
    back = tmp_path / "back.jsonl"
    back.write_text('{"text": "a", "label": "order"}\n')
    assert "--author" in automl("annotation", "import", "intents", str(back), "--imported").err
    automl("annotation", "import", "intents", str(back), "--imported", "--author", "old system")
    (vote,) = project.refresh().votes
    assert (vote.source, vote.author) == ("imported", "old system")


def test_how_it_stands(automl: Automl, project: Project, home: Path) -> None:
    project.label([Label(ids(project)[0], "order", "ben", where="file")], ANNA)
    said = automl("annotation", "status", "intents").out
    assert "intents: 3 items, 1 with a label" in said
    assert "batch 1    files: 1 of 3 have their answer" in said
    assert "ben: 1 labels (person)" in said
    body = json.loads(automl("annotation", "status", str(home / "runs" / "_annotation" / "intents"), "--json").out)
    assert (body["items"], body["labelled"], body["asked"], body["states"]["SENT"]) == (3, 1, 2, 2)
    (home / "experiments" / "broken.annotation.yaml").write_text("kind: annotation\nname: broken\n")
    rows = json.loads(automl("annotation", "list", "--json").out)
    assert {each["project"]: each["problem"] is None for each in rows} == {"broken": False, "intents": True}
    assert "1 (open)" in automl("annotation", "list").out


def test_a_project_that_nobody_knows(automl: Automl, project: Project, home: Path) -> None:
    said = automl("annotation", "status", "intent")
    assert said.code == 1
    assert "intent: no such annotation project here. Projects in" in said.err
    assert "Did you mean 'intents'?" in said.err
    assert "the folder of an annotation project is wanted" in automl("annotation", "status", str(home)).err
    (home / "runs" / "_annotation" / "empty").mkdir()
    assert "has no annotation project empty" in automl(
        "annotation", "status", str(home / "runs" / "_annotation" / "empty")
    ).err  # fmt: skip


def test_one_label_and_one_item_set_aside(automl: Automl, project: Project) -> None:
    first, second, third = ids(project)
    assert automl("annotation", "label", "intents", first, "order", "--by", "anna").out == "taken\n"
    assert automl("annotation", "label", "intents", first, "order", "--by", "anna").out == "stands already\n"
    assert automl("annotation", "label", "intents", first, "--skip", "--by", "anna").out == "changed\n"
    assert "'ordr' is no class" in automl("annotation", "label", "intents", second, "ordr").err
    assert "a class, or --skip" in automl("annotation", "label", "intents", second).err
    assert "there is no item" in automl("annotation", "label", "intents", "i7", "order").err
    assert "--why" in automl("annotation", "retire", "intents", third).err
    assert automl("annotation", "retire", "intents", third, "--why", "a test").out == "1 item set aside\n"
    assert (
        automl("annotation", "retire", "intents", third, "--why", "a test").out
        == "0 items set aside, 1 were so before\n"
    )
    assert project.refresh().answer_by(0, "anna").skipped  # type: ignore[union-attr]


def answers(monkeypatch: pytest.MonkeyPatch, said: Iterable[str]) -> None:
    left = iter(said)

    def answer(prompt: str) -> str:
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", answer)


def test_item_by_item(automl: Automl, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, ["o", "ordr", "skip", "refund"])
    said = automl("annotation", "label", "intents", "--by", "anna").out
    assert said.splitlines()[0] == "text: a"
    assert "'ordr' is no class, and no key of one" in said
    assert said.endswith("nothing is left to ask you; 3 answered\n")
    assert [(each.label, each.skipped, each.where) for each in project.refresh().votes] == [
        ("order", False, "cli"), ("", True, "cli"), ("refund", False, "cli"),
    ]  # fmt: skip
    assert all(each.seconds is not None for each in project.state.votes)


def test_who_ends_gives_back_what_was_not_answered(
    automl: Automl, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, ["o", "quit"])
    assert automl("annotation", "label", "intents", "--by", "anna").out.endswith("1 answered\n")
    assert project.refresh().claims == {}
    answers(monkeypatch, [])
    assert automl("annotation", "label", "intents", "--by", "ben").out.endswith("0 answered\n")
    assert project.refresh().claims == {}


def test_the_ledger(automl: Automl, project: Project) -> None:
    project.label([Label(ids(project)[0], "order", "ben", seconds=3.0, where="file")], ANNA)
    said = automl("annotation", "ledger", "intents").out
    assert said.startswith("intents: 1 labels, 0.05 EUR\n")
    assert "author  ben: 1 labels, 0.05" in said
    assert json.loads(automl("annotation", "ledger", "intents", "--json").out)["cost"]["total"]["labels"] == 1
    (row,) = csv.DictReader(io.StringIO(automl("annotation", "ledger", "intents", "--csv").out))
    assert (row["item"], row["label"], row["author"], row["price"]) == (ids(project)[0], "order", "ben", "0.05")
    assert automl("annotation", "ledger", "intents", "--csv", "--json").code == 1


def test_the_file(automl: Automl, project: Project, home: Path) -> None:
    path = str(home / "experiments" / "intents.annotation.yaml")
    assert "intents.annotation" in automl("annotation", "check", path).out
    assert json.loads(automl("annotation", "check", path, "--json").out)["dags"] == ["intents.annotation"]
    Path(path).write_text(FILE.replace("[order, refund]", "[order]"))
    said = automl("annotation", "check", path)
    assert (said.code, f"{path}:5: labels" in said.err) == (1, True)


def test_opinions_of_the_round_that_sent_them(automl: Automl, project: Project) -> None:
    import numpy as np

    from automl_core.annotation.project import round_prefix
    from automl_core.annotation.rounds.predictions import DIRECT, Predictions, keep

    outputs = np.array([[[0.9, 0.1], [0.2, 0.8], [np.nan, np.nan]]], dtype=np.float32)
    said = Predictions(
        np.arange(3), outputs, np.full((1, 3), DIRECT, dtype=np.int8), ("order", "refund"), ({"name": "trees 3"},)
    )
    keep(project.store, round_prefix(project.prefix, 1), said)
    lines = [json.loads(line) for line in automl("annotation", "export", "intents", "--opinions").out.splitlines()]
    assert [each.get("opinion") for each in lines] == [
        {"label": "order", "probability": 0.9, "model": "trees 3"},
        {"label": "refund", "probability": 0.8, "model": "trees 3"}, None,
    ]  # fmt: skip
