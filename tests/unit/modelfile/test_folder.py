"""A model's folder: written whole and alike, checked in fresh processes, loaded, refused where it has to be."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from automl_core import modelfile
from automl_core.modelfile import CheckFailed, LaterFormat, NotTrusted, SchemaError
from automl_core.modelfile.estimators import KNOWN, CantBeKept
from automl_core.modelfile.model import BrokenModel
from automl_core.modelfile.scoring.golden import Differs
from automl_core.modelfile.scoring.scorer import Scorer
from automl_core.modelfile.scoring.values import Field, Schema
from automl_core.modelfile.writing import plain
from tests.unit.modelfile.models import BINARY, NUMBERS, ROWS, SCHEMA, features, forest, linear, whole

MADE = {"seed": 7, "data": {"fingerprint": "sha256:abc", "rows": 100}, "day": date(2026, 11, 29)}


class Own:
    """An estimator of somebody's own."""

    def predict_proba(self, rows: Any) -> Any:
        return np.tile([0.25, 0.75], (len(rows), 1))


class Stubborn(Own):
    """One that skops can't write."""

    def __init__(self) -> None:
        self.held = open(__file__)  # noqa: SIM115 - what can't be written

    def __reduce__(self) -> Any:
        return Own, ()


def write(folder: Path, members: Any = None, **more: Any) -> Path:
    given: dict[str, Any] = {"schema": SCHEMA, "problem": BINARY, "golden": ROWS, "made": MADE, **more}
    return modelfile.write(folder, members=members or [linear(), forest(weight=2.0)], **given)


def with_estimator(folder: Path, estimator: Any = None, **more: Any) -> Path:
    rng = np.random.default_rng(1)
    estimator = estimator or LogisticRegression().fit(rng.normal(size=(40, 5)), np.arange(40) % 2)
    member = {"features": features(), "model": {"type": "estimator", "name": "own"}, "link": "identity"}
    return write(folder, [member], estimators={"own": estimator}, **more)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_was_written_is_loaded(tmp_path: Path) -> None:
    model = modelfile.load(write(tmp_path / "model", threshold=0.4))
    expected = Scorer(whole([linear(), forest(weight=2.0)], threshold=0.4))
    np.testing.assert_array_equal(model.predict_proba(ROWS), expected.outputs(ROWS))
    assert model.predict(ROWS).tolist() == expected.predict(ROWS).tolist()
    assert (model.kind, model.target, model.classes) == ("binary", "churned", ("no", "yes"))
    assert model.info["made"] == {"seed": 7, "data": {"fingerprint": "sha256:abc", "rows": 100}, "day": "2026-11-29"}
    assert model.explain(ROWS).columns == ("age", "city", "plan")
    assert model.schema == SCHEMA
    assert [note.column for note in model.review(ROWS)] == ["age", "city", "plan"]


def test_the_folder_holds_what_its_page_says(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    info = json.loads((folder / "model.json").read_text())
    assert {"golden.json", "predict.py", "requirements.txt", "scorer.json", "scorer.npz", "scorer/__init__.py"} < set(
        info["files"]
    )
    assert set(info["files"]) | {"model.json"} == set(files(folder))
    for name, told in info["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == told["sha256"]
    assert f"numpy=={np.__version__}" in (folder / "requirements.txt").read_text().splitlines()
    assert (info["scorer"], info["pickle"], info["estimators"]) == ("numpy", False, [])


def test_the_same_inputs_make_the_same_bytes(tmp_path: Path) -> None:
    written = [files(with_estimator(tmp_path / name / "model")) for name in "ab"]
    assert written[0] == written[1]
    assert files(write(tmp_path / "c")) == files(write(tmp_path / "d"))


def test_a_fresh_process_says_the_same_without_this_product(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    said = modelfile.check(folder)
    assert len(said) == 1
    assert said[0].startswith("numpy alone: 4 golden rows, together and one by one: largest difference 0")


def test_the_check_notices_what_changed(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    golden = json.loads((folder / "golden.json").read_text())
    golden["outputs"][2][0] += 1e-6
    (folder / "golden.json").write_text(json.dumps(golden))
    with pytest.raises(CheckFailed, match="golden rows, scored together, differ by 1e-06"):
        modelfile.check(folder)
    scorer = folder / "scorer" / "scorer.py"
    scorer.write_text(scorer.read_text() + "\n")
    with pytest.raises(CheckFailed, match=r"not the scorer of this release \(scorer.py\)"):
        modelfile.check(folder)


def test_the_check_notices_a_scorer_that_needs_more(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    program = folder / "scorer" / "scorer.py"
    program.write_text(program.read_text() + "\nimport scipy\n")
    with pytest.raises(CheckFailed, match="the scorer imports scipy"):
        modelfile.check(folder, trusted=True)


def test_predict_py_needs_numpy_alone(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    rows = tmp_path / "rows.csv"
    rows.write_text(
        "id,plan,city,age,unused\n007,1.0,Bonn,30,x\n8,2,Ulm,55.5,\n9,,,,\n10,7,Köln,41,z\n", encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-B", str(folder / "predict.py"), str(rows), "--proba", "--explain", "--keep", "id"],
        capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    table = list(csv.DictReader(io.StringIO(done.stdout)))
    expected = modelfile.load(folder)
    assert [row["id"] for row in table] == ["007", "8", "9", "10"]
    assert [float(row["probability_yes"]) for row in table] == expected.predict_proba(ROWS)[:, 1].tolist()
    assert [row["prediction"] for row in table] == expected.predict(ROWS).tolist()
    sums = [float(row["base"]) + sum(float(row[f"adds_{name}"]) for name in SCHEMA.names) for row in table]
    np.testing.assert_allclose(sums, expected.explain(ROWS).total[:, 0])
    assert {row["explained"] for row in table} == {"log odds of yes"}
    assert "note – city: 1 of 4 rows have a category that training had not ('Köln')" in done.stderr


def test_predict_py_says_what_is_wrong(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    rows = tmp_path / "rows.csv"
    rows.write_text("agee,city,plan\n1,a,b\n")
    done = subprocess.run(
        [sys.executable, str(folder / "predict.py"), str(rows)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "error: the rows have no column 'age'; did you mean 'agee'? (there are: agee, city, plan)\n"


def test_an_empty_cell_changes_no_other_row(tmp_path: Path) -> None:
    """A category of whole numbers: one gap in the file to score turns its column into decimals."""
    model = modelfile.load(write(tmp_path / "model"))
    whole_numbers = pd.DataFrame({"age": [30, 55, 41], "city": ["Bonn", "Ulm", "Ulm"], "plan": [1, 2, 1]})
    gap = pd.concat([whole_numbers, pd.DataFrame({"age": [50], "city": ["Ulm"], "plan": [None]})])
    assert whole_numbers["plan"].dtype.kind == "i"
    assert gap["plan"].dtype.kind in "fO"
    expected = model.predict_proba(whole_numbers)
    np.testing.assert_array_equal(model.predict_proba(gap)[:3], expected)
    np.testing.assert_array_equal(model.predict_proba(gap.astype({"plan": float}))[:3], expected)
    for row in range(3):
        np.testing.assert_array_equal(model.predict_proba(gap.iloc[[row]]), expected[[row]])
    path = tmp_path / "gap.csv"
    gap.astype({"plan": float}).to_csv(path, index=False)
    np.testing.assert_array_equal(model.predict_proba(path)[:3], expected)


def test_an_estimator_is_kept_by_skops_and_checked(tmp_path: Path) -> None:
    folder = with_estimator(tmp_path / "model")
    info = json.loads((folder / "model.json").read_text())
    assert info["scorer"] == "estimators"
    assert info["estimators"][0]["class"] == "sklearn.linear_model._logistic.LogisticRegression"
    assert "scikit-learn==" in (folder / "requirements.txt").read_text()
    assert not (folder / "predict.py").exists()
    assert modelfile.check(folder)[0].startswith("with estimators: 4 golden rows")


def test_types_are_looked_at_before_anything_is_made(tmp_path: Path) -> None:
    folder = with_estimator(tmp_path / "model", Own())
    name = f"{Own.__module__}.Own"
    with pytest.raises(NotTrusted, match=f"not said to trust: {name}"):
        modelfile.load(folder)
    for trusted in ([name], True):
        assert modelfile.load(folder, trusted=trusted).predict_proba(ROWS)[0].tolist() == [0.25, 0.75]
    info = json.loads((folder / "model.json").read_text())
    info["estimators"][0]["types"] = []
    (folder / "model.json").write_text(json.dumps(info))
    with pytest.raises(NotTrusted, match="the model's list does not name"):
        modelfile.load(folder, trusted=True)


def test_a_class_that_is_not_found_here_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = with_estimator(tmp_path / "model", Own())
    name = f"{Own.__module__}.Own"
    monkeypatch.delattr(name)
    with pytest.raises(ValueError, match=r"can't be made here: .*Own.*PYTHONPATH"):
        modelfile.load(folder, trusted=[name])


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("lightgbm.basic.Booster", True),
        ("xgboost.sklearn.XGBRegressor", True),
        ("sklearn.tree._tree.Tree", True),
        ("numpy.f2py.crackfortran.myeval", False),
        ("sklearn.utils._testing.ignore_warnings", False),
        ("lightgbm.basic.Boosterish", False),
        ("builtins.eval", False),
    ],
)
def test_trust_is_in_types_not_in_packages(name: str, known: bool) -> None:
    assert any(fnmatchcase(name, pattern) for pattern in KNOWN) is known


def test_boosters_are_trusted_as_they_are(tmp_path: Path) -> None:
    lgb = pytest.importorskip("lightgbm")
    rng = np.random.default_rng(1)
    rows, target = rng.normal(size=(60, 5)), np.arange(60) % 2
    booster = lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1}, lgb.Dataset(rows, target), 3)
    model = modelfile.load(with_estimator(tmp_path / "model", booster))
    assert model.info["estimators"][0]["types"] == ["collections.OrderedDict", "lightgbm.basic.Booster"]
    matrix = model.scorer.ensemble.members[0].matrix(SCHEMA.read(ROWS))
    np.testing.assert_allclose(model.predict_proba(ROWS)[:, 1], booster.predict(matrix.values))


def test_pickles_are_asked_for_and_trusted_or_not(tmp_path: Path) -> None:
    with pytest.raises(CantBeKept, match="with allow_pickle it is pickled"):
        with_estimator(tmp_path / "model", Stubborn())
    assert not list(tmp_path.iterdir()), "nothing is left of a folder that could not be written"
    folder = with_estimator(tmp_path / "model", Stubborn(), allow_pickle=True)
    assert json.loads((folder / "model.json").read_text())["pickle"] is True
    with pytest.raises(NotTrusted, match="a pickle, which runs whatever"):
        modelfile.load(folder, trusted=[f"{Own.__module__}.Own"])
    assert modelfile.load(folder, trusted=True).predict(ROWS).tolist() == ["yes"] * 4


def test_golden_outputs_that_were_given_are_compared(tmp_path: Path) -> None:
    outputs = Scorer(whole([linear()])).outputs(ROWS)
    write(tmp_path / "model", [linear()], golden=(ROWS, outputs + 1e-7))
    with pytest.raises(Differs, match=r"differs by 0\.001"):
        write(tmp_path / "other", [linear()], golden=(ROWS, outputs + 1e-3))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    numbers = Scorer(whole([linear(1, "identity")], NUMBERS)).outputs(ROWS)[:, 0]
    write(tmp_path / "numbers", [linear(1, "identity")], problem=NUMBERS, golden=(ROWS, numbers))


def test_golden_rows_read_back_as_they_were(tmp_path: Path) -> None:
    schema = Schema([Field("t", "time", "timestamp"), Field("c", "category"), Field("x", "number")])
    rows = [{"t": date(2026, 1, 2), "c": np.float32(0.1), "x": np.inf}, {"t": None, "c": True, "x": np.float32(0.1)}]
    told = [plain(row) for row in rows]
    read, back = schema.read(rows), schema.read(json.loads(json.dumps(told, allow_nan=False)))
    for name in ("t", "x"):
        np.testing.assert_allclose(read.numbers(name), back.numbers(name), rtol=1e-7)
    assert read.coded("c").texts() == back.coded("c").texts() == ["0.1", "true"]


def test_a_folder_is_replaced_as_a_whole_and_others_are_left_alone(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    (folder / "stray").write_text("x")
    write(tmp_path / "model", [linear()])
    assert not (folder / "stray").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(FileExistsError, match="no model's folder"):
        write(tmp_path / "mine")


def test_schema_problems_name_the_column(tmp_path: Path) -> None:
    model = modelfile.load(write(tmp_path / "model"))
    with pytest.raises(SchemaError, match="no column 'city'; did you mean 'City'"):
        model.predict([{"age": 1, "City": "x", "plan": 1}])
    with pytest.raises(SchemaError, match="column 'age', row 1: 'old' is no number"):
        model.predict([{"age": 1, "city": "x", "plan": 1}, {"age": "old", "city": "x", "plan": 1}])


def test_broken_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match=r"there is no model\.json"):
        modelfile.load(tmp_path)
    folder = write(tmp_path / "model")
    data = (folder / "scorer.npz").read_bytes() if (folder / "scorer.npz").stat().st_size else b""
    (folder / "scorer.npz").write_bytes(data[:-1])
    with pytest.raises(BrokenModel, match=r"scorer\.npz is not what it was"):
        modelfile.load(folder)
    (folder / "scorer.npz").unlink()
    with pytest.raises(BrokenModel, match=r"lacks its file scorer\.npz"):
        modelfile.load(folder)
    (folder / "model.json").write_text("[]")
    with pytest.raises(BrokenModel, match="no file of a model"):
        modelfile.load(folder)


def test_a_later_format_is_refused_by_name(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    info = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**info, "format": 2}))
    with pytest.raises(LaterFormat, match="has the format 2, and this release reads up to 1"):
        modelfile.load(folder)
