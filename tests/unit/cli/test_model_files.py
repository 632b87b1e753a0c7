"""Commands that read files, and what they say of a model's: validate, schema, preview, and those for experiments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from automl_core.cli.places import UserError, experiment_files, find_experiment
from tests.unit.cli.conftest import DIGITS, Automl, Lived
from tests.unit.models.file.files import WHOLE, body, write


def test_a_model_s_file_is_validated(automl: Automl, home: Path) -> None:
    path = write(home, "churn.model.yaml", body(accept={"by": ["anna"]}))
    said = automl("validate", str(path))
    assert (said.code, said.out, said.err) == (0, f"{path}: valid\n", "")
    path.write_text(path.read_text().replace("candidates", "candidats"))
    said = automl("validate", str(path))
    assert said.code == 1
    assert f"{path}:3: candidats: the key 'candidats' is not known here" in said.out
    assert "Did you mean 'candidates'?" in said.out


def test_notes_and_warnings_are_said_with_their_lines(automl: Automl, home: Path) -> None:
    path = write(home, "churn.model.yaml", body(accept={"within": "60d"}))
    said = automl("validate", str(path))
    assert said.code == 0
    lines = said.out.replace(str(path), "f").splitlines()
    assert lines[0] == "f: valid, with 1 to look at"
    assert any(line.startswith("f:9: warning: accept.within: ") for line in lines)
    assert any(": note: accept.by: whoever may answer" in line for line in lines)
    told = json.loads(automl("validate", "--json", str(path)).out)
    (problem,) = [each for each in told if each["path"] == "accept.by"]
    assert problem["severity"] == "note"


def test_a_folder_of_both_kinds(automl: Automl, home: Path) -> None:
    write(home, "digits.model.yaml", body(name="digits", accept={"by": ["anna"]}))
    write(home, "more/other.yaml", DIGITS.replace("name: digits", "name: digits.score"))
    said = automl("validate", str(home / "experiments"))
    lines = said.out.replace(f"{home}/", "").splitlines()
    assert lines[:2] == ["experiments/digits.model.yaml: valid", "experiments/digits.yaml: valid"]
    assert lines[2].startswith(
        "experiments/more/other.yaml:1: name: 'digits.score' is the name of a DAG of the model digits already"
    )
    assert said.code == 1


def test_files_anywhere_whose_dags_would_meet(automl: Automl, home: Path) -> None:
    for name, content in (("a.yaml", body(name="x")), ("b.yaml", body(name="x"))):
        (home / name).write_text(yaml.safe_dump(content, sort_keys=False))
    said = automl("validate", str(home / "a.yaml"), str(home / "b.yaml"))
    assert said.code == 1
    assert "b.yaml:2: name: 'x' is the name of" in said.out


def test_the_schema_of_models(automl: Automl, home: Path) -> None:
    schema = json.loads(automl("schema", "model").out)
    jsonschema.Draft202012Validator(schema).validate(WHOLE)
    assert json.loads(automl("schema", "experiment").out) == json.loads(automl("schema").out)
    assert automl("schema", "model", "-o", str(home / "s.json")).code == 0
    assert json.loads((home / "s.json").read_text()) == schema
    assert automl("schema", "annotations").code == 2


def test_a_preview_of_a_model(automl: Automl, home: Path) -> None:
    path = write(home, "churn.model.yaml", WHOLE)
    said = automl("preview", str(path))
    assert said.code == 0
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert lines == [
        "churn: a model",
        "lies s3://bucket/automl/_models/churn/",
        "DAGs churn.rollout, churn.score, churn.watch",
        "candidates churn, other (s3://elsewhere/runs); looked for when one publishes, and every 12h 00m",
        "evaluated on answers that outcomes have come for",
        "accepted by anna or ben within 2d 00h, asked where it is not worse than the champion",
        "scores s3://lake/in/ds=${ds}/ → s3://lake/out/ds=${ds}/, @daily (local)",
        "watched 0 6 * * 1; trained anew by churn",
    ]
    shown = json.loads(automl("preview", "--json", str(path)).out)
    assert shown["dags"] == ["churn.rollout", "churn.score", "churn.watch"]
    assert shown["model"]["watch"]["retrain"]["in"] == 90 * 86400
    path.write_text(yaml.safe_dump(body(accept={"by": "nobody", "when": "better"}), sort_keys=False))
    assert "by itself, where it is better than the champion" in automl("preview", str(path)).out
    assert "evaluated on s3://lake/latest/" in automl("preview", str(path)).out.replace("  ", " ")


@pytest.mark.parametrize(
    ("deploy", "said"),
    [
        ({"to": "servers"}, "requests by `automl serve`; a new version in steps of 5%, 25%, 100%, 30m 00s each"),
        ({"to": "servers", "key": "customer", "shadow": {"for": "2h"}, "steps": ["100%"]},
         "split by customer; a new version in the shadow for 2h 00m, then in steps of 100%"),
        ({"to": "kubernetes", "image": "x:1", "open": True, "ab": {"metric": "errors", "within": "3d"}},
         "requests in Kubernetes; a new version 50% beside the champion until errors tells, 3d 00h at most"),
    ],
)  # fmt: skip
def test_a_preview_of_a_served_model(deploy: dict[str, Any], said: str, automl: Automl, home: Path) -> None:
    path = write(home, "churn.model.yaml", body(deploy=deploy))
    for command in (("preview",), ("model", "check")):
        shown = automl(*command, str(path))
        assert shown.code == 0, shown.err
        assert said in " ".join(shown.out.split())
    assert "churn.score" not in shown.out


def test_a_model_is_no_experiment(home: Path) -> None:
    path = write(home, "churn.model.yaml", body(name="digits"))
    (home / "automl").mkdir()
    (home / "automl" / "more.yaml").write_text(DIGITS.replace("name: digits", "name: more"))
    assert [name for name, _ in experiment_files(home)] == ["digits", "more"]
    assert find_experiment("digits") == ("digits", home / "experiments" / "digits.yaml")
    assert find_experiment("more")[1] == home / "automl" / "more.yaml"
    with pytest.raises(UserError, match="is the file of the model digits, and an experiment is wanted here"):
        find_experiment(str(path))


@pytest.mark.parametrize("command", ["results", "status", "run", "stop", "try"])
def test_commands_for_experiments_say_so(automl: Automl, home: Path, command: str) -> None:
    """A model may have the name of an experiment: its file must not show, or stop, that one's runs."""
    Lived(home).publish()
    path = write(home, "churn.model.yaml", body(name="digits"))
    said = automl(command, str(path))
    assert said.code == 1
    assert "the file of" in said.err + said.out
    assert "model" in said.err + said.out


def test_nothing_is_held_by_words_in_a_model_s_file(home: Path) -> None:
    from automl_core.housekeeping import ExperimentFile
    from automl_core.housekeeping.mentions import mentions_in
    from automl_core.storage.folder import FolderStore

    text = yaml.safe_dump(body(description="a transfer from digits"), sort_keys=False)
    store = FolderStore(home / "runs")
    assert mentions_in(store, [], [ExperimentFile("a", text)], ["digits"]).latest == []
    broken = ExperimentFile("b", "name: digits\nsearch: {transfer: {runs: 3\n")
    (latest,) = mentions_in(store, [], [broken], ["digits"]).latest
    assert latest.place == "the experiment file b"
