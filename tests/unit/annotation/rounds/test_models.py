"""Which models count in a round: found where experiments published them, and known by what they learned from."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl_core import modelfile
from automl_core.annotation.rounds import Models, digests, find_models, predicting, predictions, write_set
from automl_core.annotation.rounds.mapping import NotUsable, check_classes, check_columns, onto
from automl_core.annotation.rounds.models import check_two
from automl_core.annotation.rounds.scoring import of_family, score
from automl_core.annotation.rounds.working import scored, selected
from automl_core.modelfile.scoring.values import Field, Schema
from automl_core.storage.folder import FolderStore
from tests.unit.annotation.rounds.world import BY, CLASSES, World, file_of, sure_of, texts


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A project with a data set version."""
    world = World(tmp_path, file_of(tmp_path), texts(100))
    monkeypatch.setattr(predicting, "scored", world.scored)
    world.begin(1)
    world.people()
    write_set(world.project, world.file, 1, BY)
    return world


def test_the_newest_run_counts_or_the_one_that_is_named(world: World) -> None:
    for run in ("r1", "r2"):
        world.train("trees", run, sure_of(world.truth), family="trees")
    world.train("linear", "r1", sure_of(world.truth), family="linear", state="FAILED")
    models = world.models()
    assert [each.run for each in models.found] == ["r2"]
    assert models.found[0].set == 1
    assert models.notes == ("linear has no published model yet (1 runs are there)",)
    named = world.models({"trees": "r1"})
    assert [each.run for each in named.found] == ["r1"]


def test_what_was_trained_elsewhere_helps_to_choose_and_does_nothing_else(world: World) -> None:
    other = world.root / "other.csv"
    other.write_text("text,label\nbuy,order\n")
    world.train("trees", "r1", sure_of(world.truth), family="trees", data=other)
    models = world.models()
    assert not models.found[0].known
    assert any("not trained on a data set version of this project" in note for note in models.notes)
    with pytest.raises(NotUsable, match="of those that may there is none"):
        check_two(models.found)
    world.end(1, {"trees": "r1"})
    evidence = world.project.state.rounds[1].evaluation
    assert evidence is not None
    assert evidence.evidence["models"] == []


def test_an_older_version_is_found_by_its_fingerprint(world: World) -> None:
    world.train("trees", "r1", sure_of(world.truth), family="trees")
    world.begin_again(2)
    world.people()
    write_set(world.project, world.file, 2, BY)
    assert world.models().found[0].set == 1
    assert len(digests(world.project.state)) == 2


def test_what_a_trial_has_left_where_conclude_failed_is_no_model_to_label_by(world: World) -> None:
    world.train("trees", "r1", sure_of(world.truth), family="trees")
    assert [each.run for each in world.models().found] == ["r1"]
    file = world.root / "runs" / "trees" / "r1" / "controller.json"
    told = json.loads(file.read_text())
    told["experiment"] |= {"stages": {"conclude": {"state": "FAILED"}}, "model_from": "trial"}
    file.write_text(json.dumps(told))
    models = world.models()
    assert not models.found
    assert any("conclude failed, so what is published is what" in note for note in models.notes)


def test_an_older_run_that_concluded_is_taken_where_the_newest_did_not(world: World) -> None:
    undone = {"stages": {"conclude": {"state": "FAILED"}}, "model_from": "trial"}
    for run, entry in (("r1", {}), ("r2", {}), ("r3", undone), ("r4", {"state": "FAILED"})):
        world.train("trees", run, sure_of(world.truth), family="trees", **entry)
    assert [each.run for each in world.models().found] == ["r2"]
    named = world.models({"trees": "r3"})
    assert not named.found
    assert any("trees@r3: conclude failed" in note for note in named.notes), "who names it is told why it is not used"


def test_a_run_without_a_models_folder_is_named_with_what_would_do(world: World) -> None:
    world.train("trees", "r1", sure_of(world.truth), family="trees")
    (world.root / "runs" / "trees" / "r1" / "best_model" / "model" / "model.json").unlink()
    assert any("bring what predicts as a program" in note for note in world.models().notes)


# --- classes and columns ---------------------------------------------------------------------------


def test_other_classes_and_columns_than_the_files_are_refused_with_the_nearest() -> None:
    assert check_classes("m", ["order", "refund"], CLASSES) == ["other"]
    with pytest.raises(NotUsable, match=r"'orders', which labels.classes has not .*; did it mean 'order'"):
        check_classes("m", ["orders", "refund"], CLASSES)
    with pytest.raises(NotUsable, match="knows 1 of the classes"):
        check_classes("m", ["order"], CLASSES)
    with pytest.raises(NotUsable, match=r"'txt', which items have not \(they have text\); the nearest is 'text'"):
        check_columns("m", ["txt"], ["text"])
    with pytest.raises(NotUsable, match=r"columns.ignore: \[source\]"):
        check_columns("m", ["text", "source"], ["text"])


def test_what_a_model_does_not_know_has_no_probability() -> None:
    table = onto(["refund", "order"], CLASSES, np.array([[0.25, 0.75], [np.nan, np.nan]]))
    assert table[0].tolist() == [0.75, 0.25, 0.0]
    assert np.isnan(table[1]).all()


# --- real folders ----------------------------------------------------------------------------------

SCHEMA = Schema([Field("n", "number", "number"), Field("kind", "category", levels=("a", "b"))])
NUMBERS = [{"step": "numbers", "columns": ["n"], "fill": np.array([0.0])}]


def linear(slope: float, weight: float) -> dict[str, Any]:
    """A member that goes by n."""
    model = {"type": "linear", "coef": np.array([[-slope, slope]]), "intercept": np.zeros(2)}
    return {"weight": weight, "features": NUMBERS, "model": model, "link": "softmax"}


def neighbours(weight: float) -> dict[str, Any]:
    """A member that says the second class of everything."""
    model = {"type": "constant", "value": np.array([0.1, 0.9])}
    return {"weight": weight, "features": NUMBERS, "model": model, "link": "identity"}


def folder_of(root: Path, classes: tuple[str, ...] = ("order", "refund"), *members: dict[str, Any]) -> Path:
    """A model's folder."""
    return modelfile.write(
        root / "model", members=members or [linear(1.0, 0.6), neighbours(0.4)], schema=SCHEMA,
        problem={"kind": "binary", "target": "label", "classes": list(classes)}, golden=[{"n": 1.0, "kind": "a"}],
        made={},
    )  # fmt: skip


def test_items_that_a_model_can_not_read_stay_without_and_cost_no_other_its_prediction(tmp_path: Path) -> None:
    contents: list[dict[str, Any]] = [
        {"n": 1, "kind": "a"},
        {"n": "much", "kind": "a"},
        {"n": None, "kind": None},
        {"n": -1, "kind": "c"},
    ]
    outputs, notes = score(
        "m", folder_of(tmp_path), contents, columns=["n", "kind"], classes=CLASSES
    )  # fmt: skip
    assert np.isnan(outputs).any(axis=1).tolist() == [False, True, False, False]
    assert np.allclose(outputs[[0, 2, 3]].sum(axis=1), 1)
    assert outputs[0, 2] == 0
    assert "does not know other" in notes[0]
    assert "can't read 1 items" in notes[1]
    assert "much" in notes[1]


def test_one_family_of_a_model_alone(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, ("order", "refund"), linear(1.0, 0.3), linear(3.0, 0.1), neighbours(0.6))
    alone = of_family("m", folder, "linear").outputs([{"n": 1.0, "kind": "a"}])
    expected = 0.75 / (1 + np.exp(2.0)) + 0.25 / (1 + np.exp(6.0))
    assert alone[0, 0] == pytest.approx(expected)
    with pytest.raises(NotUsable, match="of the family trees"):
        of_family("m", folder, "trees")


def both(root: Path, *members: dict[str, Any]) -> Models:
    """What a file with one experiment of two families finds."""
    file = file_of(
        root, models=[{"experiment": "both", "families": 2}], items={"kind": "row", "columns": ["n", "kind"]}
    )
    world = World(root, file, texts(3))
    (root / "table.csv").write_text("n,label\n1,order\n")
    world.publish("both", "r1", folder_of(root, ("order", "refund"), *members), data=root / "table.csv")
    return find_models(file, {}, world.reach, root / "here")


def test_the_two_best_families_of_one_experiment(tmp_path: Path) -> None:
    bayes = {
        "type": "bayes", "mean": np.array([[-1.0], [1.0]]), "variance": np.ones((2, 1)), "log_prior": np.zeros(2)
    }  # fmt: skip
    other = {"weight": 0.5, "features": NUMBERS, "model": bayes, "link": "softmax"}
    found = both(tmp_path, linear(1.0, 0.2), other, neighbours(0.3)).found
    assert [(each.name, each.family) for each in found] == [
        ("both@r1 (bayes)", "bayes"),
        ("both@r1 (linear)", "linear"),
    ]
    assert [dict(each.families) for each in found] == [{"bayes": 1.0}, {"linear": 1.0}]
    assert check_two([replace(each, set=1) for each in found])
    outputs = [
        score(each.name, Path(str(each.folder)), [{"n": 1.0, "kind": "a"}], columns=["n", "kind"], classes=CLASSES,
              family=each.family)[0][0, 1]
        for each in found
    ]  # fmt: skip
    assert outputs == [pytest.approx(1 / (1 + np.exp(-2.0)))] * 2


def test_one_family_alone_is_refused_with_what_would_do(tmp_path: Path) -> None:
    models = both(tmp_path, linear(1.0, 0.6), neighbours(0.4))
    assert not models.found
    assert "a model of one family (linear), so there are no two to agree: name a second experiment" in models.notes[0]


def test_a_folder_that_is_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotUsable, match=r"m: .*no model's folder"):
        score("m", tmp_path, [{"n": 1}], columns=["n"], classes=CLASSES)


def test_scoring_and_selection_in_a_process_of_their_own_are_what_they_are_here(tmp_path: Path) -> None:
    world = World(tmp_path, file_of(tmp_path), texts(3))
    contents = [{"n": place / 10, "kind": "a"} for place in range(-20, 20)]
    models = [{"name": "good", "folder": str(folder_of(tmp_path)), "family": None},
              {"name": "gone", "folder": str(tmp_path / "nowhere"), "family": None}]  # fmt: skip
    found = []
    for apart in (False, True):
        reach = replace(world.reach, apart=apart, memory=4 << 30)
        told = scored(models, contents, columns=["n", "kind"], classes=CLASSES, reach=reach, folder=tmp_path / "work")
        assert "outputs" not in told[1]
        assert "no model's folder" in told[1]["refused"]
        batch = selected(
            [f"i{place}" for place in range(40)], contents, told[0]["outputs"][None], many=6, seed=1,
            rules={"stratum_share": 0.3}, columns=["n", "kind"], kind="row", classes=CLASSES, reach=reach,
            folder=tmp_path / "work",
        )  # fmt: skip
        found.append((told[0]["outputs"].tobytes(), batch))
    assert found[0] == found[1]
    assert list((tmp_path / "work").iterdir()) == []


def test_predictions_survive_their_object(tmp_path: Path) -> None:
    made = predictions.Predictions(
        np.array([3, 5]), np.array([[[0.2, 0.8], [np.nan, np.nan]]], np.float32), np.array([[1, 2]], np.int8),
        ("a", "b"), ({"name": "m"},),
    )  # fmt: skip
    store = FolderStore(tmp_path)
    key = predictions.keep(store, "x/", made)
    assert predictions.keep(store, "x/", made) == key
    read = predictions.read(store, key)
    assert read.digest() == made.digest()
    assert read.usable().tolist() == [[True, False]]
    assert read.rows == {3: 0, 5: 1}
    store.put("late.npz", _of_format(9))
    with pytest.raises(ValueError, match="format 9"):
        predictions.read(store, "late.npz")


def _of_format(number: int) -> bytes:
    file = io.BytesIO()
    np.savez(file, meta=np.frombuffer(json.dumps({"format": number}).encode(), dtype=np.uint8))
    return file.getvalue()
