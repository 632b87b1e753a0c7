"""A learner of the user's own from an experiment's file: in the stages, in trials, in the model's folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.csv as pc
import pytest

from automl_core import modelfile
from automl_core.modelfile import own_code
from automl_core.modelfile.estimators import NotTrusted
from automl_core.modelfile.model import BrokenModel
from automl_core.tabular.learners.of_file import learner_of
from automl_core.tabular.program import prepare
from automl_core.tabular.trial import TrialResult
from automl_core.templates import load_experiment
from automl_core.training.problems import TrainingError
from tests.sources import ROOT
from tests.unit.tabular.program.test_programs import Way, way

__all__ = ["way"]

MINE = """\
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Centres(ClassifierMixin, BaseEstimator):
    '''The nearer centre of the two classes, as sharply as told.'''

    def __init__(self, sharp=1.0):
        self.sharp = sharp

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.centres_ = np.stack([X[y == each].mean(axis=0) for each in self.classes_])
        return self

    def predict_proba(self, X):
        apart = -self.sharp * ((X[:, None, :] - self.centres_) ** 2).sum(axis=2)
        odds = np.exp(apart - apart.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


learner = Centres
"""


@pytest.fixture
def mine(way: Way) -> Path:
    file = way.place / "mine.py"
    file.write_text(MINE)
    way.data["learner"] = str(file)
    return file


def test_the_whole_way_to_a_model_that_opens_where_the_file_is_not(way: Way, mine: Path) -> None:
    way.call(prepare, "prepared")
    way.trial(0, "own", own={"sharp": 0.5})
    way.trial(1, "own", own={"sharp": 5.0})
    results = [TrialResult.load(way.place / f"trial{each}", each, way.prepared.problem) for each in range(2)]
    assert results[0].params["own.sharp"] == 0.5
    assert results[0].value != results[1].value, "its parameters reach it"
    log = way.conclude([0, 1])
    (told,) = [line for line in log if "--trust" in line]
    kind = told.rpartition("--trust ")[2]
    model = way.place / "model"
    info = json.loads((model / "model.json").read_text())
    assert info["scorer"] == "estimators"
    assert any("no predict.py beside this model" in note for note in json.loads(
        (model / "report.json").read_text())["notes"])  # fmt: skip
    (code,) = info["code"]
    assert kind == f"{code['module']}.Centres"
    assert (model / code["file"]).read_text() == MINE
    with pytest.raises(NotTrusted, match="Centres"):
        modelfile.load(model)
    rows = pc.read_csv(way.place / "rows.csv")
    here = modelfile.load(model, trusted=[kind])
    assert (np.asarray(here.predict(rows)) == np.asarray(rows["bought"])).mean() > 0.7
    mine.unlink()
    look = (
        "import sys, json, pyarrow.csv as pc; from automl_core import modelfile\n"
        "model = modelfile.load(sys.argv[1], trusted=[sys.argv[2]])\n"
        "print(json.dumps([str(each) for each in model.predict(pc.read_csv(sys.argv[3]))]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", look, str(model), kind, str(way.place / "rows.csv")], capture_output=True, text=True,
        check=False, cwd="/", env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [str(each) for each in here.predict(rows)]


def test_code_is_run_only_where_its_own_types_are_trusted_and_only_if_it_is_that_code(
    way: Way, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way.call(prepare, "prepared")
    way.trial(0, "own", own={"sharp": 1.0})
    way.conclude([0])
    model = way.place / "model"
    (code,) = json.loads((model / "model.json").read_text())["code"]
    monkeypatch.delitem(sys.modules, code["module"])
    with pytest.raises(NotTrusted):
        modelfile.load(model, trusted=["automl_own_mine_000000000000.Centres"])
    assert code["module"] not in sys.modules, "nothing of it was run"
    file = model / code["file"]
    file.write_text(MINE + "\nraise SystemExit('run')\n")
    with pytest.raises(BrokenModel):
        modelfile.load(model, trusted=True)
    with pytest.raises(own_code.OtherCode, match="nothing of it is run"):
        own_code.bring(model, [code])


def test_a_function_that_makes_what_numpy_can_score_needs_no_trust(way: Way, mine: Path) -> None:
    mine.write_text(
        "from sklearn.tree import DecisionTreeClassifier\n"
        "def learner(depth=2, random_state=None):\n"
        "    return DecisionTreeClassifier(max_depth=depth, random_state=random_state)\n"
        "learner.matrix = 'filled'\nlearner.kinds = ['binary', 'multiclass']\n"
    )
    way.call(prepare, "prepared")
    way.trial(0, "own", own={"depth": 4})
    log = way.conclude([0])
    assert not any("--trust" in line for line in log)
    info = json.loads((way.place / "model" / "model.json").read_text())
    assert info["scorer"] == "numpy"
    assert "code" not in info
    modelfile.load(way.place / "model")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("learner = (\n", r"data.learner: .*mine.py, line 1 can't be run: SyntaxError"),
        ("import nothing_such\n", "data.learner: .*ModuleNotFoundError: No module named 'nothing_such'"),
        ("Learner = int\n", "data.learner: .* has no 'learner'; let it name a class with fit and predict"),
        ("learner = 3\n", "data.learner: .*3 is no class with a method fit"),
        (f"{MINE}\nlearner.matrix = 'wide'\n", r"data.learner: .*matrix is 'wide' \(allowed: dense, filled, gaps\)"),
        (f"{MINE}\nlearner.kinds = ['clusters']\n", r"data.learner: .*kinds has \['clusters'\]"),
        (f"{MINE}\ndel Centres.predict_proba\n", "data.learner: it solves regression, and this is binary"),
        ("def learner():\n    class Hidden:\n        def fit(self): pass\n    return Hidden\nlearner = learner()\n",
         "data.learner: it solves regression|defined in a function"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_before_any_trial(way: Way, mine: Path, text: str, says: str) -> None:
    mine.write_text(text)
    with pytest.raises(TrainingError, match=says):
        way.call(prepare, "prepared")


def test_the_name_that_is_trusted_has_too_much_of_the_digest_to_be_met_by_another_file(tmp_path: Path) -> None:
    file = tmp_path / "plain.py"
    file.write_text("x = 1\n")
    assert len(own_code.module_of(file).__name__.rpartition("_")[2]) * 4 >= 160


def test_a_url_is_named_as_it_was_given() -> None:
    with pytest.raises(TrainingError, match=r"s3://lake/mine\.py is no \.py file on this machine"):
        learner_of("s3://lake/mine.py")


@pytest.mark.parametrize("place", ["s3://lake/mine.py", "mine.so", "/nowhere/mine.py"])
def test_places_that_are_no_file(place: str) -> None:
    with pytest.raises(TrainingError, match=r"^data\.learner: "):
        learner_of(place)


def test_an_error_of_its_own_is_its_trials_failure_with_its_words(way: Way, mine: Path) -> None:
    mine.write_text(MINE.replace("self.classes_ = np.unique(y)", "raise ValueError('no such luck')"))
    way.call(prepare, "prepared")
    with pytest.raises(TrainingError, match="own can't fit: own: ValueError: no such luck"):
        way.trial(0, "own", own={"sharp": 1.0})
    mine.write_text(MINE)
    with pytest.raises(TrainingError, match="unexpected keyword argument 'shrap'"):
        way.trial(1, "own", own={"shrap": 1.0})


def test_a_trial_of_it_without_its_file(way: Way) -> None:
    way.call(prepare, "prepared")
    with pytest.raises(TrainingError, match="learner: own is a learner of your own; name its file: data"):
        way.trial(0, "own")


FILE = """\
name: mine
template: table-classification@1
data: {{train: "{place}/rows.csv", learner: "{place}/mine.py"}}
columns: {{target: bought, id: [row], ignore: [spent]}}
set: {{folds: 3, repeats: 1, validation: k-fold}}
space:
  learner: {{values: [own, naive_bayes], weights: [1, 1]}}
  own.sharp: {{type: loguniform, low: 0.1, high: 10, default: 2}}
"""


def test_the_file_has_its_sub_space_and_it_is_tried_second(way: Way, mine: Path) -> None:
    file = way.place / "mine.yaml"
    file.write_text(FILE.format(place=way.place))
    experiment = load_experiment(str(file))
    assert experiment.space["own.sharp"].when == {"learner": ["own"]}
    assert [each.get("learner") for each in experiment.search.warm_start][:2] == ["naive_bayes", "own"]


def test_the_real_path_of_a_trials_process(way: Way, mine: Path) -> None:
    """`automl try`: prepare and one trial as processes, forked from one that has all libraries."""
    file = way.place / "experiments" / "mine.yaml"
    file.parent.mkdir()
    file.write_text(FILE.format(place=way.place))
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from automl_core.cli import main; sys.exit(main())", "try", str(file),
         "--set", "learner=own", "--set", "own.sharp=0.7", "--json"],
        capture_output=True, text=True, check=False, cwd=way.place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "AUTOML_HOME": str(way.place), "AUTOML_PRELOAD_IDLE": "5"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["params"]["own.sharp"] == 0.7
