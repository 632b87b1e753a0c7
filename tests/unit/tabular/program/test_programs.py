"""The whole way of a table by its programs, as the platform calls them: prepare, trials, conclude."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest
import yaml

from automl_core import modelfile
from automl_core.study.prepared import NOTHING_TO_SEARCH
from automl_core.tabular.learners import registry
from automl_core.tabular.metrics import find
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.program import conclude, preload, prepare, trial
from automl_core.tabular.trial import TrialResult
from automl_core.training.problems import TrainingError
from automl_core.training.told import untaken


class Way:
    """The folders and files of one run."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.place, self.patch, self.capsys = place, monkeypatch, capsys
        self.columns: dict[str, Any] = {"target": "bought"}
        self.options: dict[str, Any] = {"folds": 3, "validation": "k-fold", "repeats": 1, "test_share": 0.2}
        self.data = {"train": str(place / "rows.csv")}

    def call(self, program: Any, folder: str, **params: Any) -> list[str]:
        """Run a program's main; returns what it printed."""
        body = {**self.options, **params, "data": self.data, "columns": self.columns}
        file = self.place / "spec.yaml"
        file.write_text(yaml.safe_dump(body))
        target = self.place / folder
        target.mkdir(exist_ok=True)
        self.patch.setenv("AUTOML_MODEL_DIR", str(target))
        self.patch.setenv("AUTOML_PREPARED_DIR", str(self.place / "prepared"))
        self.patch.setattr("sys.argv", ["program", "--config", str(file)])
        self.capsys.readouterr()
        program.main()
        return self.capsys.readouterr().out.splitlines()

    def trial(self, number: int, learner: str, **params: Any) -> list[str]:
        self.patch.setenv("AUTOML_TRIAL_ID", str(number))
        return self.call(trial, f"trial{number}", learner=learner, **params)

    def conclude(self, numbers: list[int], *, others: Sequence[Any] = (), **experiment: Any) -> list[str]:
        trials: list[Any] = [
            {"number": number, "state": "SUCCEEDED", "model": str(self.place / f"trial{number}")} for number in numbers
        ]
        trials += others
        told = {"experiment": {"name": "shop", **experiment}, "trials": trials}
        (self.place / "trials.json").write_text(json.dumps(told))
        self.patch.setenv("AUTOML_TRIALS_FILE", str(self.place / "trials.json"))
        return self.call(conclude, "model")

    @property
    def prepared(self) -> Prepared:
        return Prepared.load(self.place / "prepared")


@pytest.fixture
def way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Way:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    rng = np.random.default_rng(3)
    n = 260
    age, income = rng.normal(40, 12, n), rng.gamma(3, 900, n)
    city = rng.choice(["Ulm", "Bonn", "Kiel"], n)
    score = (age - 40) / 12 + (income - 2700) / 1500 + (city == "Ulm") + rng.normal(0, 0.6, n)
    table = pa.table({
        "age": np.round(age, 1), "income": np.round(income, 2), "city": city, "row": [f"r{i:04}" for i in range(n)],
        "bought": np.where(score > 0.4, "yes", "no"), "spent": np.round(100 + 30 * score, 2),
    })  # fmt: skip
    pc.write_csv(table, tmp_path / "rows.csv")
    found = Way(tmp_path, monkeypatch, capsys)
    found.columns |= {"id": ["row"], "ignore": ["spent"]}
    return found


def test_classes_from_rows_to_a_model_and_its_report(way: Way) -> None:
    log = way.call(prepare, "prepared")
    assert any("208 rows to search on and 52 to test on, 3 columns" in line for line in log), log
    assert way.prepared.schema.names == ("age", "income", "city") or list(way.prepared.schema.names) == [
        "age", "income", "city",
    ]  # fmt: skip
    printed = way.trial(0, "linear")
    steps = [dict(part.split("=") for part in line.split()) for line in printed if line.startswith("fold=")]
    assert [step["fold"] for step in steps] == ["1", "2", "3"]
    result = TrialResult.load(way.place / "trial0", 0, way.prepared.problem)
    assert float(steps[-1]["loss"]) == pytest.approx(result.value, rel=1e-8), "the last is the trial's own value"
    first, second = (float(step["of_this_fold"]) for step in steps[:2])
    assert float(steps[0]["loss"]) == pytest.approx(first)
    assert min(first, second) <= float(steps[1]["loss"]) <= max(first, second), "so far, it is the mean"
    assert (way.place / "trial0" / "predictions.parquet").is_file()
    way.trial(1, "naive_bayes")
    log = way.conclude([0, 1])
    assert any("2 trials to choose from" in line for line in log)
    report = json.loads((way.place / "model" / "report.json").read_text())
    assert report["test"]["rows"] == 52
    assert report["test"]["untouched"] is True
    assert "shop: predicting bought" in (way.place / "model" / "report.html").read_text(encoding="utf-8")
    model = modelfile.load(way.place / "model")
    rows = pc.read_csv(way.place / "rows.csv")
    said, truth = np.asarray(model.predict(rows)), np.asarray(rows["bought"])
    assert (said == truth).mean() > 0.8


def test_numbers_and_a_metric_of_ones_own(way: Way) -> None:
    gain = way.place / "gain.py"
    gain.write_text(
        "import numpy as np\n"
        "def metric(truth, prediction):\n    return float(np.mean(np.abs(truth - prediction) < 20))\n"
        "metric.direction = 'maximize'\n"
    )
    way.columns = {"target": "spent", "ignore": ["bought", "row"]}
    way.options |= {"metric": "own", "task": "regression"}
    way.data["metric"] = str(gain)
    way.call(prepare, "prepared")
    (last,) = [line for line in way.trial(0, "linear") if line.startswith("fold=3")]
    values = dict(part.split("=") for part in last.split())
    assert float(values["loss"]) == -float(values["metric"]), "lower is better, whatever the metric"
    way.conclude([0])
    assert json.loads((way.place / "model" / "report.json").read_text())["residuals"]["points"]


def test_from_the_same_trials_come_the_same_bytes(way: Way) -> None:
    way.call(prepare, "prepared")
    for number, learner in enumerate(["linear", "naive_bayes"]):
        way.trial(number, learner)
    made = []
    for _ in range(2):
        way.conclude([0, 1])
        folder = way.place / "model"
        made.append({
            path.relative_to(folder): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith("report.")
        })  # fmt: skip
        folder.rename(way.place / f"model{len(made)}")
    assert made[0] == made[1]


def test_a_learner_that_can_not_fit_is_a_failed_trial_with_its_reason(way: Way) -> None:
    way.call(prepare, "prepared")
    way.patch.setattr("automl_core.tabular.space.MOST_ROWS", {"svm": 10})
    with pytest.raises(TrainingError, match=r"svm: not started: on a table of .*any_size: true"):
        way.trial(0, "svm")
    way.trial(1, "svm", any_size=True)
    way.options["memory"] = 2_000_000.0
    way.call(prepare, "prepared")
    with pytest.raises(TrainingError, match=r"would take some .* of memory") as refused:
        way.trial(2, "random_forest")
    reason = f"exit code 2: error: {refused.value}"
    (found,) = untaken(
        {"trials": [{"number": 2, "state": "FAILED", "reason": reason, "attempts": [{}]}]}, [], find("r2", "regression")
    )
    assert found.state == "skipped"


def test_a_budget_is_a_number_of_folds(way: Way) -> None:
    way.call(prepare, "prepared")
    way.patch.setenv("AUTOML_BUDGET", "2")
    printed = way.trial(0, "linear")
    assert [line.split()[0] for line in printed if line.startswith("fold=")] == ["fold=1", "fold=2"]


def test_trials_that_have_left_nothing_are_passed_over(way: Way) -> None:
    way.call(prepare, "prepared")
    way.trial(0, "linear")
    (way.place / "trial1").mkdir()
    log = way.conclude([0, 1])
    assert any("left out: trial 1 can't be read" in line for line in log)
    assert (way.place / "model" / "report.html").is_file()


def test_without_any_result_there_is_no_model(way: Way) -> None:
    way.call(prepare, "prepared")
    (way.place / "trial0").mkdir()
    with pytest.raises(TrainingError, match="no trial has left a result"):
        way.conclude([0])


def test_a_table_is_read_once_by_a_process_that_forks(way: Way) -> None:
    way.call(prepare, "prepared")
    preload.before_fork({"AUTOML_PREPARED_DIR": str(way.place / "prepared")})
    first = preload.load(way.place / "prepared")
    assert preload.load(way.place / "prepared") is first
    way.options["folds"] = 4
    way.call(prepare, "prepared")
    assert preload.load(way.place / "prepared") is not first, "another table in the same place is another table"
    with pytest.raises(TrainingError, match="no prepared table can be read"):
        preload.load(way.place / "nowhere")


def test_a_table_larger_than_memory_is_searched_by_a_sample_and_fitted_whole(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automl_core.tabular.large.sampled.LEAST", 150)
    monkeypatch.setattr("automl_core.tabular.large.sampled.MOST", 150)
    monkeypatch.setattr("automl_core.tabular.large.size.Size.fits", lambda *_: False)
    log = way.call(prepare, "prepared")
    said = next(line for line in log if "does not fit into memory" in line)
    assert "space: {learner: {values: [lightgbm]}} tries no others" in said
    assert way.prepared.frame.n == 150
    assert any(each["kind"] == "large" for each in way.prepared.findings)
    way.trial(0, "linear")
    way.trial(1, "lightgbm", **{"lightgbm.min_data_in_leaf": 5})
    log = way.conclude([0, 1])
    assert any(line.endswith("left out, since they can't learn from all rows in pieces: linear") for line in log)
    report = json.loads((way.place / "model" / "report.json").read_text())
    assert [each["trial"] for each in report["ensemble"]] == [1]
    board = {each["trial"]: each for each in report["leaderboard"]}
    assert (board[0]["state"], report["search"]["trials"]) == ("succeeded", 2), "the report has every trial"
    assert board[0]["value"] is not None
    fitted = next(note for note in report["notes"] if "fitted on" in note)
    tested = len(way.prepared.test)
    assert f"was fitted on {260 - tested} of all 260 rows, read in pieces" in fitted
    assert json.loads((way.place / "model" / "model.json").read_text())["made"]["rows"] == 260
    assert len(modelfile.load(way.place / "model").predict(pc.read_csv(way.place / "rows.csv"))) == 260
    before = {file.name: file.read_bytes() for file in (way.place / "trial0").glob("*_0.*")}
    way.conclude([0], others=[{"number": 1, "state": "FAILED", "params": {"learner": "lightgbm"}, "attempts": [{}]}])
    report = json.loads((way.place / "model" / "report.json").read_text())
    assert [each["trial"] for each in report["ensemble"]] == [2], "a pipeline of its own has a number of its own"
    assert {each["trial"] for each in report["leaderboard"]} == {0, 1, 2}
    assert {file.name: file.read_bytes() for file in (way.place / "trial0").glob("*_0.*")} == before
    way.data["test"] = way.data["train"]
    with pytest.raises(TrainingError, match="test_share: there is a test set of your own"):
        way.call(prepare, "prepared")
    way.options["test_share"] = 0
    way.call(prepare, "prepared")
    assert len(way.prepared.test) == 260


@pytest.mark.parametrize("constant", ["target", "columns"])
def test_of_a_table_with_nothing_to_learn_one_trial_stands_for_all(way: Way, constant: str) -> None:
    rows = pc.read_csv(way.place / "rows.csv")
    for name in ["bought"] if constant == "target" else ["age", "income", "city"]:
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(["no"] * len(rows)))
    pc.write_csv(rows, way.place / "rows.csv")
    log = way.call(prepare, "prepared")
    word = json.loads((way.place / "prepared" / NOTHING_TO_SEARCH).read_text())
    assert word["reason"].startswith("there is nothing to learn")
    assert any(word["reason"] in line for line in log)
    way.trial(0, "lightgbm")
    way.conclude([0])
    model = modelfile.load(way.place / "model")
    said = set(model.predict(rows))
    assert said == {"no"} if constant == "target" else len(said) == 1, "as `fit` makes it of such a table"


def test_of_one_with_something_to_learn_prepare_says_nothing_of_the_kind(way: Way) -> None:
    way.call(prepare, "prepared")
    assert not (way.place / "prepared" / NOTHING_TO_SEARCH).exists()


def test_a_constant_needs_no_library_of_the_learner_that_its_trial_names(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pc.read_csv(way.place / "rows.csv")
    rows = rows.set_column(rows.column_names.index("bought"), "bought", pa.array(["no"] * len(rows)))
    pc.write_csv(rows, way.place / "rows.csv")
    monkeypatch.setattr(registry, "installed", lambda: ("constant",))
    way.call(prepare, "prepared")
    way.trial(0, "catboost")
    way.conclude([0])
    assert set(modelfile.load(way.place / "model").predict(rows)) == {"no"}


def test_a_constant_that_has_no_value_says_so_and_lays_it_to_no_learner(way: Way) -> None:
    rows = pc.read_csv(way.place / "rows.csv")
    rows = rows.set_column(rows.column_names.index("bought"), "bought", pa.array(["no"] * len(rows)))
    pc.write_csv(rows, way.place / "rows.csv")
    way.options["metric"] = "roc_auc"
    way.call(prepare, "prepared")
    with pytest.raises(TrainingError, match=r"nothing to learn .* a constant fails: its roc_auc is not defined"):
        way.trial(0, "lightgbm")


def test_of_three_rows_a_constant_is_made(way: Way) -> None:
    pc.write_csv(pc.read_csv(way.place / "rows.csv").slice(0, 3), way.place / "rows.csv")
    way.call(prepare, "prepared")
    assert any(line.startswith("fold=") for line in way.trial(0, "lightgbm"))
    way.conclude([0])
