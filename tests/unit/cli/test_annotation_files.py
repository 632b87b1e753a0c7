"""Commands that read and write annotation projects' files: validate, schema, preview, annotation new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from automl_core.annotation.file import load_annotation_file
from automl_core.cli.places import UserError, experiment_files, find_experiment
from tests.unit.annotation.file.files import WHOLE, body, write
from tests.unit.cli.conftest import DIGITS, Automl

QUIET: dict[str, Any] = {
    "items": {"data": "messages/*.jsonl", "columns": ["text"], "key": "id"},
    "models": [{"experiment": "digits", "families": 2}], "people": {"who": ["anna"], "price": 0.05},
}  # fmt: skip


@pytest.fixture
def messages(home: Path) -> Path:
    """Items of the tests' project, which the experiment digits learns from."""
    (home / "messages").mkdir()
    (home / "messages" / "a.jsonl").write_text('{"id": 1, "text": "x"}\n{"id": 2, "text": "y"}\n')
    newest = "file://./runs/_annotation/intents/newest/train.csv"
    (home / "experiments" / "digits.yaml").write_text(f"{DIGITS}\ndata: {{train: {newest}}}\n")
    return home


def test_a_file_is_validated(automl: Automl, messages: Path) -> None:
    path = write(messages, "intents.annotation.yaml", body(**QUIET))
    said = automl("validate", str(path))
    assert (said.code, said.out, said.err) == (0, f"{path}: valid\n", "")
    path.write_text(path.read_text().replace("labels:", "lables:"))
    said = automl("validate", str(path))
    assert said.code == 1
    assert "lables: the key 'lables' is not known here" in said.out
    assert "Did you mean 'labels'?" in said.out


def test_columns_that_the_items_have_not_are_warned_of(automl: Automl, messages: Path) -> None:
    path = write(messages, "intents.annotation.yaml", body(**{**QUIET, "items": {"data": "messages/", "key": "ids"}}))
    for command in ("validate", "preview"):
        said = automl(command, str(path))
        assert said.code == 0
        assert "warning: items.key: the data have no column 'ids'. Allowed: id, text. Did you mean 'id'?" in said.out
    told = json.loads(automl("validate", "--json", str(path)).out)
    assert [(each["path"], each["line"] is not None) for each in told] == [("items.key", True)]


def test_two_projects_of_one_name_and_an_experiment_called_like_its_dag(automl: Automl, messages: Path) -> None:
    write(messages, "a.annotation.yaml", body(**QUIET))
    write(messages, "b.annotation.yaml", body(**QUIET))
    write(messages, "c.yaml", DIGITS.replace("name: digits", "name: intents.annotation"))
    said = automl("validate", str(messages / "experiments"))
    assert said.code == 1
    assert "'intents' is the name of experiments/a.annotation.yaml already, and each annotation project's" in said.out
    assert "'intents.annotation' is the name of a DAG of the annotation project intents already" in said.out


def test_the_schema(automl: Automl) -> None:
    jsonschema.Draft202012Validator(json.loads(automl("schema", "annotation").out)).validate(WHOLE)


def test_a_preview_says_what_it_takes(automl: Automl, messages: Path) -> None:
    path = write(messages, "intents.annotation.yaml", body(**QUIET))
    said = automl("preview", str(path))
    assert said.code == 0, said.err
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert lines[:8] == [
        "intents: an annotation project",
        "lies file://./runs/_annotation/intents/",
        "DAG intents.annotation",
        "labels order, refund, other",
        "of rows or texts: text",
        "models digits (its two best families)",
        "people on the page in Airflow: anna",
        "looks by hand",
    ]
    assert "data messages/*.jsonl: 2 rows" in lines
    # two items never show a promise, so the stratum has what evaluation needs and no more
    assert any(line.startswith("a round 100 items, 10 of them from the random stratum") for line in lines)
    assert any(line.startswith("promise 305 labels of the random stratum") for line in lines)
    told = json.loads(automl("preview", "--json", str(path)).out)
    assert (told["kind"], told["dags"], told["items"][0]["rows"]) == ("annotation", ["intents.annotation"], 2)
    assert told["forecast"]["promise"]["least"] == 305
    assert told["annotation"]["people"]["who"] == ["anna"]


def test_a_project_is_no_experiment(messages: Path) -> None:
    path = write(messages, "digits.annotation.yaml", body(name="digits"))
    assert [name for name, _ in experiment_files(messages)] == ["digits"]
    assert find_experiment("digits") == ("digits", messages / "experiments" / "digits.yaml")
    with pytest.raises(UserError, match="is the file of the annotation project digits, and an experiment is wanted"):
        find_experiment(str(path))


NEW = ("annotation", "new", "intents", "--data", "messages/*.jsonl", "-c", "order", "-c", "refund", "-c", "yes")


def test_a_new_project_comes_with_its_two_experiments(automl: Automl, messages: Path) -> None:
    said = automl(*NEW, "--text", "text", "--key", "id", "--who", "anna", "--price", "0.05", "--target", "95%")
    assert said.code == 0, said.err
    folder = messages / "experiments"
    file = load_annotation_file(folder / "intents.annotation.yaml")
    assert (file.items.kind, file.items.columns, file.items.key) == ("text", ["text"], "id")
    assert file.labels.classes == ["order", "refund", "yes"]
    assert (file.people.who, file.people.price, file.stop.target) == (["anna"], 0.05, 0.95)
    assert "warning" not in said.out
    said = automl("validate", str(folder))
    assert said.code == 0, said.out
    assert "doesn't read" not in said.out
    for each in file.experiments:
        shown = json.loads(automl("preview", "--json", str(folder / f"{each.experiment}.yaml")).out)["experiment"]
        assert shown["data"]["train"] == file.newest
        assert shown["columns"] == {"target": "label", "weight": "weight", "id": "item", "ignore": "source",
                                    "text": "text"}  # fmt: skip


def test_a_new_project_of_rows_for_an_experiment_that_is_there(automl: Automl, messages: Path) -> None:
    said = automl(*NEW, "--column", "a b", "--column", "c", "--label", "y: z", "--experiment", "digits")
    assert said.code == 0, said.err
    assert [path.name for path in (messages / "experiments").iterdir() if "intents" in path.name] == [
        "intents.annotation.yaml"
    ]
    file = load_annotation_file(messages / "experiments" / "intents.annotation.yaml")
    assert (file.items.kind, file.items.columns, file.items.label) == (None, ["a b", "c"], "y: z")
    assert (file.models[0].experiment, file.models[0].families) == ("digits", 2)


def test_no_file_is_written_over_and_none_where_one_is_wrong(automl: Automl, messages: Path) -> None:
    folder = messages / "experiments"
    write(messages, "intents_linear.yaml", "name: mine\n")
    said = automl(*NEW)
    assert said.code == 1
    assert "intents_linear.yaml is there already" in said.err
    assert not (folder / "intents.annotation.yaml").exists()
    assert automl(*NEW, "--force").code == 0
    assert "name: intents_linear" in (folder / "intents_linear.yaml").read_text()
    said = automl("annotation", "new", "other", "--data", "messages/", "-c", "only")
    assert said.code == 1
    assert "two classes are the fewest" in said.err
    assert not (folder / "other.annotation.yaml").exists()
    assert automl(*NEW, "--text", "a", "--column", "b").code == 1
