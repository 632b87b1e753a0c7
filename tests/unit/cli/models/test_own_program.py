"""A model that this product has not trained: the program of docs/models.md, from an offer to its files on a machine."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import joblib
import pytest
from sklearn.linear_model import LogisticRegression

from tests.sources import ROOT
from tests.unit.cli.conftest import Automl
from tests.unit.cli.models.shop import Shop

TUTORIAL = (ROOT / "docs" / "models.md").read_text()


@pytest.fixture
def shop(home: Path) -> Shop:
    return Shop(home)


def test_the_program_of_the_tutorial_scores_a_model_of_ones_own(shop: Shop, automl: Automl) -> None:
    program = re.search(r"```python\n(# experiments/score\.py.*?)```", TUTORIAL, re.DOTALL)
    assert program is not None
    mine = program[1].replace('("calls", "age", "spend")', '("a", "b")')
    assert mine != program[1]
    (shop.home / "experiments" / "score.py").write_text(mine)
    told = re.search(r"--program ('python [^']*')", TUTORIAL)
    assert told is not None
    command = told[1]
    text = shop.write(when="passes").read_text()
    tests = "tests: [{test: metric, metric: roc_auc, at_least: 0.6}]"
    more = f"metric: roc_auc, {tests}, program: {{command: {command}}}"
    (shop.home / "experiments" / "churn.model.yaml").write_text(text.replace("metric: roc_auc", more, 1))
    folder = Path(shop.publish("own"))
    for each in (folder / "best_model" / "model").rglob("*"):
        if each.is_file():
            each.unlink()
    with (shop.home / "latest.csv").open(newline="") as stream:
        known = list(csv.DictReader(stream))
    table = [[float(row[name] or 0) for name in ("a", "b")] for row in known]
    churn = LogisticRegression().fit(table, [int(row["y"]) for row in known])
    joblib.dump(churn, folder / "best_model" / "model" / "model.joblib")
    said = automl("model", "offer", "churn", str(folder))
    assert said.code == 0, said.err
    said = automl("model", "evaluate", "churn", "--record", "--json")
    assert said.code == 0, said.err
    evidence = json.loads(said.out)
    assert evidence["values"]["challenger"] > 0.6
    assert evidence["verdict"]["ok"] is True, evidence["verdict"]
    assert automl("model", "accept", "churn", "1", "--yes", "--by", "anna").code == 0

    target = shop.home / "pulled"
    said = automl("model", "pull", "churn", str(target), "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["version"] == 1
    pulled = joblib.load(target / "model" / "model.joblib")
    assert pulled.coef_.tolist() == churn.coef_.tolist()
    assert "not empty" in automl("model", "pull", "churn", str(target)).err
    assert [each.name for each in shop.home.iterdir() if each.name.startswith(".pulled")] == []


def test_pull_refuses_files_that_are_not_what_was_offered(shop: Shop, automl: Automl) -> None:
    automl("model", "offer", "churn", shop.publish("one"))
    changed = shop.home / "runs" / shop.life().state.version(1).model.prefix / "scorer.json"
    changed.write_text(changed.read_text() + " ")
    said = automl("model", "pull", "churn", str(shop.home / "pulled"), "--version", "1")
    assert said.code == 1
    assert "not what was offered" in said.err
    assert not (shop.home / "pulled").exists()
