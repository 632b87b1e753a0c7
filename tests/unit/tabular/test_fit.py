"""The library path whole: from rows to a model's folder; odd rows, kills and little time included."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from automl_core.modelfile import load
from automl_core.tabular import fit
from automl_core.tabular.trial import TrialResult, counts
from automl_core.training.problems import TrainingError

QUICK: dict[str, Any] = {"iterations": 2, "workers": 1, "allowed": ("linear", "naive_bayes"), "folds": 3, "repeats": 1}


def _classes(rows: int = 90, seed: int = 0) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    x = random.normal(size=rows)
    colour = np.array(["red", "green", "blue"])[random.integers(0, 3, rows)]
    y = np.where(x + (colour == "red") + random.normal(scale=0.5, size=rows) > 0, "yes", "no")
    return {"x": x.tolist(), "colour": colour.tolist(), "noise": random.normal(size=rows).tolist(), "y": y.tolist()}


def _numbers(rows: int = 90) -> dict[str, Any]:
    random = np.random.default_rng(1)
    x = random.normal(size=rows)
    return {"x": x.tolist(), "z": random.normal(size=rows).tolist(), "y": (3 * x + random.normal(size=rows)).tolist()}


def test_from_rows_to_a_folder_that_says_the_same(tmp_path: Path) -> None:
    data = _classes()
    model = fit(data, "y", metric="roc_auc", folder=tmp_path, test_share=0.2, **QUICK)
    again = load(model.folder)
    rows = {name: values[:7] for name, values in data.items() if name != "y"}
    assert np.allclose(again.predict_proba(rows), model.predict_proba(rows), atol=1e-12)
    assert list(again.predict(rows)) == list(model.predict(rows))
    one = [{name: values[3] for name, values in rows.items()}]
    assert np.allclose(model.predict_proba(one), model.predict_proba(rows)[3:4], atol=1e-12)
    report = json.loads((model.folder / "report.json").read_text())
    assert report["problem"]["classes"] == ["no", "yes"]
    assert report["test"]["rows"] == 18
    auc = report["test"]["metrics"]["roc_auc"]
    assert auc["low"] <= auc["value"] <= auc["high"]
    assert {each["learner"] for each in report["leaderboard"]} <= {"linear", "naive_bayes"}
    assert [each["trial"] for each in report["leaderboard"]] in ([0, 1], [1, 0])
    assert report["importance"][0]["column"] in ("x", "colour")
    assert np.sum(report["confusion"]["counts"]) == 18
    assert sum(each["weight"] for each in report["ensemble"]) == pytest.approx(1)
    assert report["times"]["total"] >= report["times"]["search"] + report["times"]["conclude"]
    page = (model.save(tmp_path / "saved") / "report.html").read_text(encoding="utf-8")
    assert "Predicting y" in page
    assert "2 pipelines were judged" in page
    with pytest.raises(TrainingError, match="saved exists; give another place"):
        model.save(tmp_path / "saved")


def test_the_test_part_is_seen_by_no_trial(tmp_path: Path) -> None:
    from automl_core.tabular.options import Options
    from automl_core.tabular.prepared import prepare

    prepared = prepare(_classes(), Options.of(target="y", test_share=0.2, **QUICK))
    seen = set().union(*({*fold.train, *fold.valid} for fold in prepared.split.folds))
    assert len(prepared.test) == 18
    assert not seen & set(prepared.test)


def test_a_prepared_table_comes_back_the_same(tmp_path: Path) -> None:
    from automl_core.tabular.options import Options
    from automl_core.tabular.prepared import Prepared, prepare
    from automl_core.tabular.trial import TrialResult, run_trial

    data = {**_numbers(), "w": [1.0, 2.0] * 45, "g": [each // 3 for each in range(90)]}
    options = Options.of(
        target="y", weight="w", group="g", metric="normalized_root_mean_squared_error", test_share=0.2, **QUICK
    )
    prepared = prepare(data, options)
    prepared.save(tmp_path / "prepared")
    again = Prepared.load(tmp_path / "prepared")
    params = {"learner": "linear"}
    result, same = run_trial(prepared, params), run_trial(again, params)
    assert result.value == same.value
    assert again.fingerprint == prepared.fingerprint
    assert np.array_equal(again.test, prepared.test)
    result.save(tmp_path / "trials")
    loaded = TrialResult.load(tmp_path / "trials", 0, prepared.problem)
    assert loaded.summary() == result.summary()
    assert np.array_equal(loaded.outputs, result.outputs, equal_nan=True)


@pytest.mark.parametrize("classes", [["01", "02", "10"], [str(each) for each in range(11)]])
def test_classes_keep_their_letters_and_one_order(classes: list[str], tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    y = np.tile(np.arange(len(classes)), 12)
    data = {"x": (y + random.normal(scale=0.1, size=len(y))).tolist(), "y": [classes[each] for each in y]}
    model = fit(data, "y", task="classification", folder=tmp_path, **{**QUICK, "structure": False})
    assert list(model.classes) == classes
    assert model.report["confusion"]["classes"] == classes
    found = model.predict_proba(data)
    assert [classes[each] for each in found.argmax(axis=1)] == list(model.predict(data))
    assert np.mean(np.array(model.predict(data)) == np.array(data["y"])) > 0.5


def test_rows_of_weight_zero_teach_nothing_and_are_predicted() -> None:
    random = np.random.default_rng(0)
    x = np.r_[np.full(100, 1e6), random.uniform(0, 1, 100)]
    y = np.r_[np.full(100, 1e6), 10 * x[100:] + random.normal(scale=0.1, size=100)]
    data = {"x": x.tolist(), "w": [0.0] * 100 + [1.0] * 100, "y": y.tolist()}
    model = fit(data, "y", weight="w", metric="normalized_root_mean_squared_error", **{**QUICK, "allowed": ("linear",)})
    assert model.report["estimate"] == pytest.approx(0.01, abs=0.004)
    rmse = model.report["test"]["metrics"]["rmse"]["value"]
    assert rmse == pytest.approx(0.1, abs=0.04)
    assert np.isfinite(model.predict(data)).all()
    assert model.report["data"]["schema"][0]["high"] <= 1
    for weights, said in (([-1.0, *data["w"][1:]], "is -1 in row 0"), ([None, *data["w"][1:]], "is missing in row 0")):
        with pytest.raises(TrainingError, match=said):
            fit({**data, "w": weights}, "y", weight="w", **QUICK)


def test_a_category_of_whole_numbers_is_the_same_with_an_empty_cell_and_one_by_one() -> None:
    random = np.random.default_rng(0)
    code = random.integers(1, 5, 120)
    data = {"code": code.tolist(), "x": random.normal(size=120).tolist(), "y": (code % 2 == 0).tolist()}
    model = fit(data, "y", kinds={"code": "category"}, **QUICK)
    whole = {"code": [1, 2, 3, 4], "x": [0.0] * 4}
    gaps = {"code": np.array([1, 2, 3, 4, np.nan]), "x": np.zeros(5)}
    one_by_one = np.concatenate([model.predict_proba([{"code": each, "x": 0.0}]) for each in (1, 2, 3, 4)])
    assert np.allclose(model.predict_proba(whole), model.predict_proba(gaps)[:4], atol=1e-12)
    assert np.allclose(model.predict_proba(whole), one_by_one, atol=1e-12)


def test_an_order_in_time_that_is_only_suspected_is_not_said_to_be_validated_by() -> None:
    rows = 400
    random = np.random.default_rng(3)
    day = np.sort(random.integers(0, 300, rows))
    when = (np.datetime64("2022-01-01") + day).astype(str)
    y = np.where(np.sin(day / 40) + random.normal(scale=1.5, size=rows) > 0, "yes", "no")
    data = {"when": when.tolist(), "x": random.normal(size=rows).tolist(), "y": y.tolist()}
    found = fit(data, "y", **QUICK).report
    assert found["structure"]["kind"] == "random"
    assert found["structure"]["time"] == "when"  # told as doubtful
    assert found["validation"]["time"] is None
    # what the user says is
    said = fit(data, "y", time="when", **{**QUICK, "folds": 2}).report["validation"]
    assert (said["kind"], said["time"], said["group"]) == ("time", "when", None)


def test_forward_in_time_the_model_knows_the_latest_rows(tmp_path: Path) -> None:
    days = np.arange(100)
    data = {"day": days.tolist(), "x": np.random.default_rng(0).normal(size=100).tolist()}
    data["y"] = (np.array(data["x"]) + days / 10).tolist()
    model = fit(data, "y", time="day", folder=tmp_path, **{**QUICK, "allowed": ("linear",)})
    assert model.report["validation"]["kind"] == "time"
    assert model.report["final"] == "refit"
    assert model.predict({"day": [99], "x": [0.0]})[0] == pytest.approx(9.9, abs=1)


@pytest.mark.parametrize(
    ("data", "more"),
    [
        ({"a": [1, 2, 3], "y": ["u", "v", "u"]}, {}),
        ({"a": [1], "y": ["u"]}, {}),
        ({"a": list(range(40)), "y": ["u"] * 40}, {}),
        ({"a": list(range(40)), "y": [1.5] * 40}, {"task": "regression"}),
        ({"a": [None] * 40, "y": [float(each) for each in range(40)]}, {}),
        ({"y": [float(each) for each in range(40)]}, {}),
    ],
)
def test_where_nothing_can_be_learned_a_constant_answers_and_says_why(
    data: dict[str, Any], more: dict[str, Any]
) -> None:
    model = fit(data, "y", **{**QUICK, **more})
    assert model.report["final"] == "constant"
    assert any("constant" in each for each in model.report["notes"])
    assert len(model.predict(data)) == len(data["y"])


def test_a_class_of_one_row_and_names_that_occur_twice_are_no_end() -> None:
    data = _classes(60)
    data["y"][0] = "once"
    model = fit(data, "y", **QUICK)
    assert "once" in model.classes
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(np.c_[_numbers()["x"], _numbers()["x"]], columns=["x", "x"])
    frame["z"], frame["y"] = _numbers()["z"], _numbers()["y"]
    model = fit(frame, "y", **{**QUICK, "allowed": ("linear",)})
    assert any("columns of one name" in each for each in model.report["notes"])


class Stubborn:
    def fit(self, x: Any, y: Any) -> None:
        raise ValueError("not these rows")

    def predict(self, x: Any) -> Any:
        return np.zeros(len(x))

    predict_proba = predict


def test_a_learner_that_cannot_fit_is_a_failed_trial_with_its_reason() -> None:
    from automl_core.tabular.learners.custom import Custom as custom

    model = fit(_classes(), "y", learners=[custom(Stubborn, name="stubborn")], **{**QUICK, "iterations": 3})
    reasons = {each["learner"]: each["reason"] for each in model.leaderboard}
    assert "not these rows" in reasons["stubborn"]
    assert {each["state"] for each in model.leaderboard} == {"succeeded", "failed"}


def test_a_target_of_one_value_ends_in_a_constant_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    data = {**_classes(60), "day": [f"2021-01-{1 + row % 28:02}" for row in range(60)], "y": ["a"] * 60}
    model = fit(data, "y", **QUICK)
    assert set(model.predict(data)) == {"a"}
    assert any("constant" in each for each in model.report["notes"])
    assert "None" not in repr(model)
    assert [str(each.message) for each in recwarn if each.category is RuntimeWarning] == []


def test_a_learner_that_no_other_process_finds_is_refused_before_the_search() -> None:
    from automl_core.tabular.learners.custom import Custom as custom

    class Local(Stubborn):
        pass

    with pytest.raises(TrainingError, match=r"defined in a function.*move it into a module"):
        fit(_classes(), "y", learners=[custom(Local)], **QUICK)
    Main = type("Main", (Stubborn,), {"__module__": "__main__"})
    with pytest.raises(TrainingError, match="defined in a script or a notebook"):
        fit(_classes(), "y", learners=[custom(Main)], **QUICK)


def test_a_pipeline_that_would_not_fit_into_memory_is_not_started() -> None:
    model = fit(_classes(), "y", memory=1000, **QUICK)
    assert all("memory" in each["reason"] for each in model.leaderboard)
    assert model.report["final"] == "constant"


def test_a_metric_and_a_threshold_of_the_users_own() -> None:
    def found_share(y_true: Any, y_pred: Any) -> float:
        return float(np.mean((y_true == "yes") & (y_pred == "yes")))

    model = fit(_classes(), "y", metric=found_share, **QUICK)
    assert model.report["problem"]["metric"] == "found_share"
    # only hits count: the threshold goes down
    assert model.report["threshold"] < 0.5
    costly = fit(_classes(), "y", threshold="costs", costs={("yes", "no"): 9.0, ("no", "yes"): 1.0}, **QUICK)
    assert costly.report["threshold"] == pytest.approx(0.1)


def test_of_more_than_two_classes_the_least_expected_cost_decides(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(240, 2))
    names = np.array(["calm", "storm", "wind"])[np.digitize(x[:, 0] + rng.normal(0, 0.7, 240), [-0.5, 0.9])]
    rows = {"x": x[:, 0].tolist(), "z": x[:, 1].tolist(), "y": names.tolist()}
    usual = fit(rows, "y", **QUICK)
    careful = fit(rows, "y", costs={("storm", "calm"): 20.0, ("storm", "wind"): 20.0}, folder=tmp_path / "m", **QUICK)
    assert careful.report["threshold"] == {"costs": [[0.0, 1.0, 1.0], [20.0, 0.0, 20.0], [1.0, 1.0, 0.0]]}

    def missed(model: Any) -> int:
        return int(np.sum((np.asarray(model.predict(rows)) != "storm") & (names == "storm")))

    assert missed(careful) < missed(usual)
    expected = careful.predict_proba(rows) @ np.array(careful.report["threshold"]["costs"])
    assert np.asarray(careful.predict(rows)).tolist() == [careful.classes[at] for at in expected.argmin(axis=1)]
    with pytest.raises(TrainingError, match="'storm' would cost less when it is called 'calm'"):
        fit(rows, "y", costs={("storm", "storm"): 3.0}, **QUICK)
    with pytest.raises(TrainingError, match="there is no class 'stormy'"):
        fit(rows, "y", costs={("stormy", "calm"): 3.0}, **QUICK)


def test_the_deadline_holds_with_everything_inside() -> None:
    """A generous limit on a busy machine: what is tested is that the search ends for time, with a model."""
    began = time.monotonic()
    model = fit(_classes(300), "y", deadline=12, workers=1, allowed=("linear", "naive_bayes"))
    assert time.monotonic() - began < 60
    assert model.report["search"]["why"]
    assert model.report["final"] == "bag"


def test_what_the_user_got_wrong_is_said() -> None:
    with pytest.raises(TrainingError, match="did you mean 'noise'"):
        fit(_classes(), "noisy", **QUICK)
    with pytest.raises(TrainingError, match="did you mean 'roc_auc'"):
        fit(_classes(), "y", metric="rocauc", **QUICK)
    with pytest.raises(TrainingError, match="needs numbers"):
        fit(_classes(), "y", task="regression", **QUICK)
    with pytest.raises(TrainingError, match="there is no option"):
        fit(_classes(), "y", grupo="x")


_KILLED = """
import os, signal, sys
from automl_core.tabular import fit
import json
data = json.load(open(sys.argv[1]))
def progress(result):
    if result.number == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    print(result.number, flush=True)
fit(data, "y", folder=sys.argv[2], progress=progress, iterations=4, workers=1, folds=3, repeats=1,
    allowed=("linear", "naive_bayes"))
"""


def _run(home: Path, folder: str, kill: int) -> Any:
    arguments = [str(home / "program.py"), str(home / "data.json"), str(home / folder), str(kill)]
    return subprocess.run([sys.executable, "-W", "ignore", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program, its rows, and in ``whole`` what it made."""
    home = tmp_path_factory.mktemp("killed")
    (home / "data.json").write_text(json.dumps(_classes()))
    (home / "program.py").write_text(textwrap.dedent(_KILLED))
    whole = _run(home, "whole", -1)
    assert whole.returncode == 0, whole.stderr
    return home


@pytest.mark.parametrize("at", [0, 2])
def test_a_killed_run_gives_the_undisturbed_ones_model_byte_for_byte(at: int, undisturbed: Path) -> None:
    folder = f"killed_{at}"
    assert _run(undisturbed, folder, at).returncode == -signal.SIGKILL
    rest = _run(undisturbed, folder, -1)
    assert rest.returncode == 0, rest.stderr
    # no finished trial is trained again
    assert [int(each) for each in rest.stdout.split()] == list(range(at + 1, 4))
    one, other = (_files(undisturbed / each / "model") for each in ("whole", folder))
    assert one == other
    assert "scorer.npz" in one


def _files(folder: Path) -> dict[str, bytes]:
    found = {each.relative_to(folder).as_posix(): each for each in folder.rglob("*") if each.is_file()}
    return {
        name: each.read_bytes() for name, each in found.items() if "report." not in name and "__pycache__" not in name
    }


def test_a_folder_of_another_search_is_refused(tmp_path: Path) -> None:
    fit(_classes(), "y", folder=tmp_path, **QUICK)
    with pytest.raises(TrainingError, match="a search on other data"):
        fit(_classes(seed=5), "y", folder=tmp_path, **QUICK)


@pytest.mark.parametrize(
    ("more", "has", "lacks"),
    [
        ({}, set(), {"features.keep"}),
        ({"selection": True}, {"features.keep"}, set()),
        ({"featurization": "off"}, set(), {"features.interactions", "features.encoding", "features.scaler"}),
    ],
)
def test_what_is_searched_of_features_is_what_the_user_said(more: dict[str, Any], has: set, lacks: set) -> None:
    from automl_core.tabular.options import Options
    from automl_core.tabular.prepared import prepare
    from automl_core.tabular.running import spaces

    whole, first = spaces(prepare(_classes(), Options.of(target="y", allowed=("lightgbm", "linear"), **more)))
    assert has <= set(whole)
    assert not lacks & set(whole)
    assert all(set(params) <= set(whole) for params in first)


def test_a_column_can_be_left_to_the_user() -> None:
    model = fit(_classes(), "y", featurization={"x": "drop"}, **QUICK)
    assert {each["column"]: each["value"] for each in model.report["importance"]}["x"] == 0


def test_folds_of_a_trial_that_had_to_be_ended_are_better_than_nothing(tmp_path: Path) -> None:
    """A learner that takes all the time there is after its second fold: the first two answer."""

    class Endless:
        def fit(self, x: Any, y: Any) -> None:
            self.mean = float(np.mean(y))
            count = len(list(tmp_path.glob("fold_*")))
            (tmp_path / f"fold_{count}").touch()
            if count >= 2:
                time.sleep(600)

        def predict(self, x: Any) -> Any:
            return np.full(len(x), self.mean)

    from automl_core.tabular.deadline import Deadline
    from automl_core.tabular.learners.custom import Custom
    from automl_core.tabular.options import Options
    from automl_core.tabular.prepared import prepare
    from automl_core.tabular.searching import Search
    from automl_core.tabular.selection import select

    options = Options.of(target="y", learners=[Custom(Endless)], workers=1, folds=3, validation="k-fold", deadline=60)
    prepared = prepare(_numbers(), options)
    moment = [0.0]

    def clock() -> float:  # time passes once the third fold has begun
        moment[0] = 100.0 if (tmp_path / "fold_2").exists() else 0.0
        return moment[0]

    deadline = Deadline(60.0, 60.0, clock=clock)
    space = {"learner": {"type": "choice", "values": ["Endless", "linear"]}}
    search = Search(prepared, tmp_path / "trials", deadline, space=space, portfolio=[{"learner": "Endless"}])
    found = search.run()
    assert [(each.state, len(each.folds)) for each in found.results] == [("stopped", 2)]
    chosen = select(prepared, found.results)
    assert chosen.chosen[0][0].number == 0
    assert "came farthest" in chosen.why


def test_trials_that_never_started_or_were_cut_off_are_no_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automl_core.tabular.deadline import Deadline
    from automl_core.tabular.memory import Guard
    from automl_core.tabular.options import Options
    from automl_core.tabular.prepared import prepare
    from automl_core.tabular.running import spaces
    from automl_core.tabular.searching import Search

    fits = Guard.fits
    killed: list[int] = []
    monkeypatch.setattr(Guard, "fits", lambda self, name, raw: name != "naive_bayes" and fits(self, name, raw))
    monkeypatch.setattr(
        Search, "_too_long", lambda self, params: "not started: 3 s" if params["learner"] == "neighbours" else None
    )
    options = Options.of(
        target="y", iterations=6, workers=1, folds=3, repeats=1, allowed=["linear", "naive_bayes", "neighbours"]
    )
    ready = prepare(_classes(), options)
    space, portfolio = spaces(ready)
    search = Search(ready, tmp_path, Deadline(None, None), space=space, portfolio=portfolio)
    outcome = search.run()
    words = {each.learner: (each.state, each.reason[:11]) for each in outcome.results}
    assert words["naive_bayes"] == words["neighbours"] == ("skipped", "not started")
    assert words["linear"][0] == "succeeded"
    found = counts(outcome.results)
    assert found == {"trials": 6, "failed": 0, "skipped": found["skipped"], "cancelled": 0}

    class Lanes:
        def kill(self, lane: int) -> None:
            killed.append(lane)

    other = Search(ready, tmp_path / "late", Deadline(None, None), space=space, portfolio=portfolio)
    asked = other._next()
    assert asked is not None
    number, params = asked
    other._running[3], other._params[number] = (number, str(params["learner"]), 1), params
    other._abandon(Lanes())  # type: ignore[arg-type]
    (late,) = other._outcome.results
    assert (late.state, late.reason, killed) == ("cancelled", "it was still running at the end of the search", [3])
    assert not late.usable
    assert TrialResult.load(tmp_path / "late", number, ready.problem).state == "cancelled", "kept so, for a later call"
