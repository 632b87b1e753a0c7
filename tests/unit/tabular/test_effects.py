"""Intercepts of known groups: for later rows of those, and for no others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from automl_core.modelfile import load
from automl_core.modelfile.scoring import documents
from automl_core.modelfile.scoring.scorer import Scorer
from automl_core.modelfile.scoring.values import Coded, Frame
from automl_core.models.evaluation import EvaluateOptions, evaluate
from automl_core.tabular import effects, fit, levels
from automl_core.tabular.options import Options
from automl_core.tabular.prepared import Prepared, prepare

QUICK: dict[str, Any] = {"iterations": 1, "workers": 1, "allowed": ("linear",), "folds": 4, "repeats": 1}
YEARS, SHOPS, CUT = 12, 30, 2008


def _panel(lasting: float, seed: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """Earlier and later years of shops: what a shop is above others lasts by so much, the rest is new each year."""
    random = np.random.default_rng(seed)
    shop, year = np.repeat(np.arange(SHOPS), YEARS), np.tile(np.arange(2000, 2000 + YEARS), SHOPS)
    x = random.normal(size=len(shop))
    level = lasting * random.normal(0, 3, SHOPS)[shop] + (1 - lasting) * random.normal(0, 3, len(shop))
    data = {
        "shop_id": np.array([f"s{each}" for each in shop]), "year": year, "x": x, "z": random.normal(size=len(shop)),
        "sales": 2 * x + level + random.normal(0, 0.5, len(shop)),
    }  # fmt: skip
    early = year < CUT
    return tuple({name: values[part].tolist() for name, values in data.items()} for part in (early, ~early))  # type: ignore[return-value]


def _rmse(model: Any, rows: dict[str, Any]) -> float:
    said = np.asarray(model.predict({name: values for name, values in rows.items() if name != "sales"}))
    return float(np.sqrt(np.mean((said - np.asarray(rows["sales"])) ** 2)))


def test_later_rows_of_known_groups_are_told_better_and_new_groups_as_before(tmp_path: Path) -> None:
    known, later = _panel(lasting=1.0)
    model = fit(known, "sales", folder=tmp_path / "with", **QUICK)
    assert model.report["structure"]["group"] == "shop_id"
    assert model.report["structure"]["order"] == "year"
    without = fit({**known, "shop_id": [f"{each}{n}" for n, each in enumerate(known["shop_id"])]}, "sales", **QUICK)
    assert _rmse(model, later) < 0.4 * _rmse(without, later)
    (why,) = (note for note in model.report["notes"] if "that training knew" in note)
    assert re.search(r"held for later rows: rmse [0-9.]+ → [0-9.]+\)", why)
    judged = {each["column"] for each in model.report["importance"]}
    assert judged == {"year", "x", "z"}, "folds' models know no names of groups: 0 would say that they don't matter"
    strangers = {**later, "shop_id": ["never seen"] * len(later["year"])}
    assert 0.9 < _rmse(model, strangers) / _rmse(without, later) < 1.1
    # the folder says the same, one row alone too, and each column's part adds up
    again, first = load(model.folder), {name: values[0] for name, values in later.items() if name != "sales"}
    assert again.predict([first])[0] == pytest.approx(model.predict([first])[0], abs=1e-9)
    told = again.explain([first])
    assert told.total[0, 0] == pytest.approx(again.predict([first])[0], abs=1e-9)
    assert abs(told.contributions[0, told.columns.index("shop_id"), 0]) > 0.1


def test_what_does_not_last_is_left_out(tmp_path: Path) -> None:
    known, later = _panel(lasting=0.0)
    renamed = {**known, "shop_id": [f"s{int(each[1:]):03}" for each in known["shop_id"]]}
    model = fit(renamed, "sales", folder=tmp_path, **QUICK)
    assert not any("that training knew" in note for note in model.report["notes"])
    assert "shop_id" not in load(model.folder).schema.names
    assert np.isfinite(_rmse(model, later))


@pytest.mark.parametrize(
    "changes",
    [
        {"group": "shop_id"}, {"structure": False}, {"weight": "w"}, {"target": "good", "balance": "balanced"},
        {"target": "good", "calibrate": True},
    ],
)  # fmt: skip
def test_only_found_groups_whose_rows_weigh_the_same_are_a_panel(changes: dict[str, Any]) -> None:
    known, _ = _panel(lasting=1.0)
    known |= {"w": [1.0] * len(known["year"]), "good": [["no", "yes"][each > 0] for each in known["sales"]]}
    found = prepare(known, Options.of(**{"target": "sales", "ignore": ("good", "w"), **changes} | (
        {"ignore": ("sales", "w")} if "target" in changes else {"ignore": ("good",)} if "weight" in changes else {}
    )))  # fmt: skip
    assert found.panel is None


def test_a_saved_preparation_has_its_panel(tmp_path: Path) -> None:
    prepared = prepare(_panel(lasting=1.0)[0], Options.of(target="sales"))
    prepared.save(tmp_path)
    again = Prepared.load(tmp_path)
    assert prepared.panel is not None
    assert again.panel is not None
    assert again.panel.field == prepared.panel.field
    assert again.panel.order.tolist() == prepared.panel.order.tolist()
    assert "shop_id" not in again.schema.names
    assert again.frame.coded("shop_id").texts() == prepared.frame.coded("shop_id").texts()


groups_of_rows = st.lists(st.tuples(st.integers(0, 5), st.floats(-100, 100)), min_size=2, max_size=60)


@given(groups_of_rows)
def test_intercepts_lie_between_nothing_and_the_groups_means(rows: list[tuple[int, float]]) -> None:
    codes, residuals = np.array([code for code, _ in rows]), np.array([value for _, value in rows])
    found = levels.intercepts(residuals[:, None], codes, 7)[:, 0]
    assert found.shape == (7,)
    assert np.isfinite(found).all()
    for group in range(7):
        own = residuals[codes == group]
        if not len(own):
            assert found[group] == 0
            continue
        assert abs(found[group]) <= abs(own.mean()) + 1e-9
        assert found[group] * own.mean() >= 0


def test_intercepts_are_those_of_the_known_variances() -> None:
    random = np.random.default_rng(0)
    codes = np.repeat(np.arange(400), 5)
    residuals = random.normal(0, 2, 400)[codes] + random.normal(0, 1, len(codes))
    means = np.bincount(codes, residuals) / 5
    # variances 4 and 1: a mean of five is worth 20 / 21 of itself
    assert np.median(levels.intercepts(residuals[:, None], codes, 400)[:, 0] / means) == pytest.approx(
        20 / 21, abs=0.01
    )


@given(st.lists(st.floats(0.01, 5), min_size=1, max_size=4), st.floats(-3, 3))
def test_members_joined_with_an_effect_say_their_mean_and_the_effect(weights: list[float], value: float) -> None:
    members = [
        {"weight": weight, "features": [], "model": {"type": "constant", "value": np.array([float(place)])},
         "link": "identity" if place % 2 else [{"type": "clip", "low": 0.5, "high": None}]}
        for place, weight in enumerate(weights)
    ]  # fmt: skip
    effect = effects.Effect("shop", ("a", "b"), np.array([[value], [0.0]]), 1.0, "")
    field = {"name": "shop", "kind": "category", "type": "string"}
    document = {
        "format": 1, "problem": {"kind": "regression", "target": "y", "classes": []}, "schema": [field],
        "members": effects.joined(members, effect), "calibration": None, "threshold": None,
    }  # fmt: skip
    frame = Frame(4, {"shop": Coded(np.array([0, 1, 2, -1], dtype=np.int32), ("a", "b", "unseen"))})
    mean = Scorer({**document, "members": members}).outputs(frame)[:, 0]
    said = Scorer(document).outputs(frame)[:, 0]
    assert said - mean == pytest.approx([value, 0, 0, 0], abs=1e-9)
    bounded = Scorer({**document, "calibration": {"type": "clip", "low": 0.0, "high": None}}).outputs(frame)[:, 0]
    assert bounded == pytest.approx(np.maximum(said, 0.0), abs=1e-9)


def test_where_no_target_is_negative_no_prediction_is() -> None:
    """Counts by shop: one that sells next to nothing is far below what its columns say, and some rows say little."""
    known, later = _panel(lasting=1.0)
    for rows in (known, later):
        rows["sales"] = list(np.maximum(np.asarray(rows["sales"], dtype=float), 0.0))
    model = fit(known, "sales", **{**QUICK, "allowed": ("linear",)})
    assert any("that training knew" in each and "No prediction is below 0" in each for each in model.report["notes"])
    asked = {name: values for name, values in later.items() if name != "sales"}
    said = np.asarray(model.predict(asked))
    document = documents.load(model.folder)
    freely = Scorer({**document, "calibration": None}).outputs(asked)[:, 0]
    assert freely.min() < 0, "the intercepts alone would say so"
    assert said.min() >= 0
    assert load(model.folder).predict([{name: values[int(freely.argmin())] for name, values in asked.items()}])[0] == 0


def test_a_share_is_what_holds_and_nothing_where_it_may_be_luck() -> None:
    random = np.random.default_rng(0)
    codes = np.repeat(np.arange(40), 6)
    known = random.normal(size=(40, 1))[codes]
    noise = random.normal(size=known.shape)
    assert effects._share(known, 5.0 + 0.6 * known + 0.2 * noise, codes) == pytest.approx(0.6, abs=0.05)
    assert effects._share(known, 3.0 * known, codes) == 1.0
    assert effects._share(known, -known + 0.1 * noise, codes) == 0.0
    # by chance alone it is above two standard errors in one draw of forty
    luck = [effects._share(known, random.normal(size=(40, 1))[codes] + noise, codes) for _ in range(200)]
    assert np.mean(np.array(luck) > 0) < 0.08


def _clinics(classes: int, seed: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """Earlier and later visits of people, most of whom stay of the class that they are of."""
    random = np.random.default_rng(seed)
    person, visit = np.repeat(np.arange(150), 9), np.tile(np.arange(9), 150)
    x = random.normal(size=len(person))
    odds = 4 * random.normal(size=(150, classes))[person] + x[:, None] * np.arange(classes)
    data = {
        "patient_id": np.array([f"p{each}" for each in person]), "visit": visit, "x": x,
        "state": np.array(["ill", "well", "cured"])[(odds + random.gumbel(size=odds.shape)).argmax(axis=1)],
    }  # fmt: skip
    early = visit < 6
    return tuple({name: values[part].tolist() for name, values in data.items()} for part in (early, ~early))  # type: ignore[return-value]


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_of_known_groups_are_told_better_and_new_groups_as_before(classes: int, tmp_path: Path) -> None:
    known, later = _clinics(classes)
    model = fit(known, "state", folder=tmp_path / "with", **QUICK)
    assert any("that training knew" in note for note in model.report["notes"])
    nobody = {**known, "patient_id": [f"{each}{n}" for n, each in enumerate(known["patient_id"])]}
    without = fit(nobody, "state", **{**QUICK, "calibrate": False})
    rows = {name: values for name, values in later.items() if name != "state"}
    truth = np.array([model.classes.index(each) for each in later["state"]])

    def loss(said: Any) -> float:
        return float(-np.log(np.asarray(said)[np.arange(len(truth)), truth]).mean())

    said = np.asarray(model.predict_proba(rows))
    assert loss(said) < 0.8 * loss(without.predict_proba(rows))
    assert said.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    assert 0 < said.min() < said.max() < 1
    strangers = {**rows, "patient_id": ["never seen"] * len(truth)}
    assert 0.95 < loss(model.predict_proba(strangers)) / loss(without.predict_proba(strangers)) < 1.05
    again, first = load(model.folder), {name: values[0] for name, values in rows.items()}
    assert again.predict_proba([first])[0] == pytest.approx(said[0], abs=1e-9)
    told = again.explain([first])
    assert np.abs(told.contributions[0, told.columns.index("patient_id")]).max() > 0.05


@given(st.sampled_from(effects.EDGES), st.lists(st.floats(-1, 2), min_size=1, max_size=9))
def test_an_edge_keeps_the_order_and_what_lies_between(width: float, sums: list[float]) -> None:
    second = np.sort(np.array(sums))
    pressed = effects.Edge(width).pressed(np.column_stack([1 - second, second]))
    assert pressed.sum(axis=1) == pytest.approx(1.0)
    assert (np.diff(pressed[:, 1]) >= -1e-12).all()
    assert pressed[:, 1] == pytest.approx(np.clip(pressed[:, 1], width / 10 - 1e-9, 1 - width / 10 + 1e-9))
    kept = (second >= width) & (second <= 1 - width)
    assert pressed[kept, 1] == pytest.approx(second[kept], abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=3, max_size=60))
def test_intercepts_of_classes_add_up_to_nothing(rows: list[tuple[int, int]]) -> None:
    codes, classes = (np.array(each) for each in zip(*rows, strict=True))
    residuals = np.eye(3)[classes] - 1 / 3
    assert levels.intercepts(residuals, codes, 5).sum(axis=1) == pytest.approx(0.0, abs=1e-12)


def test_two_moments_are_enough() -> None:
    """Of groups with one earlier row each nobody knows by that row what is theirs; both moments together tell."""
    known, later = _panel(lasting=1.0)
    first = [place for place, year in enumerate(known["year"]) if year >= CUT - 2]
    model = fit({name: [values[place] for place in first] for name, values in known.items()}, "sales", **QUICK)
    assert any("that training knew" in note for note in model.report["notes"])
    assert _rmse(model, later) < 0.5 * _rmse(model, {**later, "shop_id": ["never seen"] * len(later["year"])})


def test_groups_in_no_order_are_known_too_and_rows_need_not_name_them(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    pupil = np.repeat(np.arange(120), 6)
    level, x = random.normal(0, 3, 120)[pupil], random.normal(size=len(pupil))
    data = {
        "pupil_id": [f"p{each:03}" for each in pupil], "x": x, "home": [f"h{each % 7}" for each in pupil],
        "mark": 2 * x + level + random.normal(0, 0.5, len(pupil)),
    }  # fmt: skip
    asked = random.random(len(pupil)) < 0.3

    def rows(mask: Any, *without: str) -> dict[str, Any]:
        return {name: np.asarray(values)[mask].tolist() for name, values in data.items() if name not in without}

    model = fit(rows(~asked), "mark", folder=tmp_path, **QUICK)
    assert model.report["structure"]["group"] == "pupil_id"
    assert model.report["structure"]["order"] is None
    assert any("other rows of it" in note for note in model.report["notes"])
    nobody = np.asarray(load(model.folder).predict(rows(asked, "mark", "pupil_id")))
    error = np.sqrt(np.mean((nobody - np.asarray(data["mark"])[asked]) ** 2))
    one = {"x": 0.5, "home": "h1"}
    assert model.predict([one]) == pytest.approx(model.predict([{**one, "pupil_id": "new"}]))
    # evidence is gathered without the column too, and of rows with it: it is no column that drifts
    known: dict[str, Any] = {}
    for without in ((), ("pupil_id",)):
        options = EvaluateOptions(latency=False, draws=100, target="mark", reference=known.get("columns"))
        told, known = evaluate(model.folder, None, rows(asked, *without), options)
        assert told["values"]["challenger"] > 0
        assert "pupil_id" not in [each["name"] for each in known["columns"]["columns"]]
    assert told["drift"]["drifted"] in (False, None)
    said = np.asarray(model.predict(rows(asked, "mark")))
    assert np.sqrt(np.mean((said - np.asarray(data["mark"])[asked]) ** 2)) < 0.6 * error


def test_a_saved_preparation_without_an_order_has_its_panel(tmp_path: Path) -> None:
    known = {name: values for name, values in _panel(lasting=1.0)[0].items() if name != "year"}
    prepared = prepare(known, Options.of(target="sales"))
    prepared.save(tmp_path)
    assert prepared.panel is not None
    assert prepared.panel.order is None
    assert Prepared.load(tmp_path).panel == prepared.panel


def test_a_model_names_no_group_that_has_no_intercept(tmp_path: Path) -> None:
    """Groups that were kept for a test, or never held out, have none: their names are nobody's business."""
    known, _ = _panel(lasting=1.0)
    model = fit(known, "sales", folder=tmp_path, test_share=0.2, **QUICK)
    assert any("that training knew" in note for note in model.report["notes"])
    (levels,) = documents.load(model.folder)["members"][-1]["features"][0]["levels"]
    assert len(levels) == SHOPS - SHOPS // 5
    golden = json.loads((model.folder / "golden.json").read_text())["rows"]
    assert {row["shop_id"] for row in golden} <= set(levels)


@pytest.mark.parametrize("time_left", [True, False])
def test_of_one_part_held_out_the_other_groups_are_known_too_where_time_allows(
    time_left: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of many rows: each half of the other groups is told by a fit on the other half, or not at all."""
    random = np.random.default_rng(1)
    pupil = np.repeat(np.arange(300), 8)
    data = {
        "pupil_id": np.array([f"p{each:04}" for each in pupil]), "x": random.normal(size=len(pupil)),
        "mark": random.normal(0, 3, 300)[pupil] + random.normal(0, 0.5, len(pupil)),
    }  # fmt: skip
    asked = np.tile(np.arange(8), 300) >= 6
    known, others = ({name: values[part].tolist() for name, values in data.items()} for part in (~asked, asked))
    fitted: list[tuple[set[int], set[int]]] = []
    whole = effects._fitted

    def watched(prepared: Prepared, selection: Any, train: Any, said: Any, deadline: Any, **more: Any) -> Any:
        assert prepared.groups is not None
        fitted.append((set(prepared.groups[train].tolist()), set(prepared.groups[said].tolist())))
        return whole(prepared, selection, train, said, deadline, **more) if time_left else None

    monkeypatch.setattr(effects, "_fitted", watched)
    model = fit(known, "mark", iterations=1, workers=1, allowed=("linear",), valid_share=0.2, folder=tmp_path)
    (why,) = (note for note in model.report["notes"] if "that training knew" in note)
    assert ("as the 240 of which no row was held out" in why) is not time_left
    (levels,) = documents.load(model.folder)["members"][-1]["features"][0]["levels"]
    assert len(levels) == (300 if time_left else 60)
    assert all(not train & said for train, said in fitted), "no half is told by what learned from it"
    said = np.asarray(model.predict({name: values for name, values in others.items() if name != "mark"}))
    error = np.sqrt(np.mean((said - np.asarray(others["mark"])) ** 2))
    assert error < 0.8 if time_left else error > 2.0


def test_rare_classes_are_still_told_by_costs(tmp_path: Path) -> None:
    """What an edge presses is above a small threshold, all of it, unless the threshold is pressed too."""
    known, later = _clinics(2)
    costs = {("ill", "well"): 1.0, ("well", "ill"): 400.0}
    model = fit(known, "state", folder=tmp_path, costs=costs, **QUICK)
    document = documents.load(model.folder)
    assert document["calibration"]["type"] == "isotonic"
    sums = Scorer({**document, "calibration": None}).outputs(later)[:, 1]
    called = np.asarray(model.predict({name: values for name, values in later.items() if name != "state"})) == "well"
    assert called.tolist() == (sums >= 1 / 401).tolist()
    assert 0 < called.sum() < len(called)
    assert prepare(_clinics(3)[0], Options.of(target="state", costs={("ill", "well"): 9.0})).panel is None
