"""What every shipped program that learns from a table promises (see `tests.support.programs`)."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn import metrics

from tests.support.programs import Case, Workplace, breast_cancer, diabetes, scores, wine, write


def learns_classes(case: Case, place: Workplace) -> None:
    """It is better than a guess, says so truly, and keeps labels letter for letter."""
    data = write(wine(), place.folder / "wine.csv")  # where nothing but the program knows that 01 is no number
    run = place.train(case, "wine", data={"train": data}, columns={"target": "cultivar"})
    told = json.loads((run.model / "model.json").read_text())
    assert told["classes"] == ["01", "02", "10"]
    assert told["task"] == "classification"
    found = run.predictions
    own = {"id", "truth", "prediction", "score", "score_01", "score_02", "score_10"}
    assert own | (set(wine().column_names) - {"cultivar"}) == set(found.column_names), "with the rows themselves"
    probabilities = scores(found)
    assert np.allclose(probabilities.sum(axis=1), 1)
    truth, best = found.column("truth").to_pylist(), run.curve[told["step"]]
    assert best["valid_loss"] == min(point["valid_loss"] for point in run.curve.values())
    measured = {
        "valid_accuracy": metrics.accuracy_score(truth, found.column("prediction").to_pylist()),
        "valid_log_loss": metrics.log_loss(truth, probabilities, labels=told["classes"]),
        "valid_f1_macro": metrics.f1_score(truth, found.column("prediction").to_pylist(), average="macro"),
        "valid_roc_auc": metrics.roc_auc_score(truth, probabilities, multi_class="ovr"),
    }
    for name, value in measured.items():
        if name in best or name != "valid_roc_auc":  # CatBoost has it for two classes only
            assert best[name] == pytest.approx(value, abs=2e-6), name
    assert best["valid_accuracy"] > 0.85
    assert sorted(set(truth)) == ["01", "02", "10"], "each class is judged"


def learns_numbers(case: Case, place: Workplace) -> None:
    data = write(diabetes(), place.folder / "diabetes.parquet")
    run = place.train(case, "diabetes", data={"train": data}, columns={"target": "progression"})
    told = json.loads((run.model / "model.json").read_text())
    assert told["task"] == "regression"
    found, best = run.predictions, run.curve[told["step"]]
    truth, predicted = found.column("truth").to_numpy(), found.column("prediction").to_numpy()
    assert best["valid_rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, predicted), rel=1e-5)
    assert best["valid_mae"] == pytest.approx(metrics.mean_absolute_error(truth, predicted), rel=1e-5)
    assert best["valid_r2"] == pytest.approx(metrics.r2_score(truth, predicted), rel=1e-4)
    assert best["valid_r2"] > 0.25


def is_used_again(case: Case, place: Workplace) -> None:
    """``predict.py`` says of the rows that were held back what ``predictions.parquet`` says of them."""
    table = breast_cancer() if "classification" in case.tasks else diabetes()
    target = table.column_names[-1]
    table = table.append_column("patient", pa.array([f"p{row}" for row in range(len(table))]))
    data = write(table, place.folder / "patients.parquet")
    run = place.train(case, "used", data={"train": data}, columns={"target": target, "id": "patient"})
    before = run.predictions
    new = write(table.drop_columns([target]), place.folder / "new.parquet")
    after = place.predict(case, run.model, new, ident="patient", fresh=True)
    assert len(after) == len(table)
    mask = pc.is_in(after.column("id"), value_set=before.column("id").combine_chunks())
    again = after.filter(mask)
    assert again.column("id").to_pylist() == before.column("id").to_pylist()
    assert again.column("prediction").to_pylist() == pytest.approx(before.column("prediction").to_pylist())
    assert np.allclose(scores(again), scores(before), rtol=0, atol=1e-12)
    unknown = table.set_column(0, table.column_names[0], pa.nulls(len(table), table.column(0).type))
    assert len(place.predict(case, run.model, write(unknown, place.folder / "gaps.parquet"))) == len(table)


def resumes(case: Case, place: Workplace) -> None:
    """Killed and tried again, or promoted to a larger budget: the numbers of a training that was never interrupted."""
    table = breast_cancer() if "classification" in case.tasks else diabetes()
    options = {
        "data": {"train": write(table, place.folder / "resumed.parquet")},
        "columns": {"target": table.column_names[-1]},
        "params": case.sampled,
    }
    whole = place.train(case, "whole", **options)
    place.train(case, "lower", budget=case.lower, **options)
    promoted = place.train(case, "promoted", AUTOML_RESUME_FROM=place.folder / "lower" / "checkpoints", **options)
    place.killed(case, "killed", after=2 + len(whole.curve) // 2, **options)
    retried = place.train(case, "killed", fresh=True, **options)  # whose hash seed is another one
    for run in (promoted, retried):
        assert "going on from" in run.output, run.output
        assert np.array_equal(scores(run.predictions), scores(whole.predictions)), "not the same model"
        later = {step: point for step, point in run.curve.items() if step > min(run.curve)}
        assert later
        for step, point in later.items():
            assert point == pytest.approx(whole.curve[step], rel=1e-6), step
    done = place.train(case, "killed", **options)  # there is nothing left to do, and the model is there all the same
    assert np.array_equal(scores(done.predictions), scores(whole.predictions))


def learns_nothing_from_rows_that_do_not_count(case: Case, place: Workplace) -> None:
    """Rows of weight 0 and rows without a target change no digit; a group is never on both sides."""
    table = breast_cancer() if "classification" in case.tasks else diabetes()
    target = table.column_names[-1]
    count = len(table)
    table = table.append_column("site", pa.array([f"s{row % 40}" for row in range(count)]))
    clean = table.append_column("weight", pa.array(np.ones(count)))
    spoiled = table.slice(0, 50).append_column("weight", pa.array(np.zeros(50)))
    spoiled = spoiled.set_column(0, spoiled.column_names[0], pa.array(np.full(50, 1e9)))
    unlabelled = clean.slice(50, 30).set_column(
        clean.column_names.index(target), target, pa.nulls(30, clean.column(target).type)
    )
    columns = {"target": target, "weight": "weight", "group": "site"}
    plain = place.train(case, "plain", data={"train": write(clean, place.folder / "plain.parquet")}, columns=columns)
    mixed = pa.concat_tables([clean, spoiled, unlabelled])
    run = place.train(case, "mixed", data={"train": write(mixed, place.folder / "mixed.parquet")}, columns=columns)
    assert "50 rows have weight 0" in run.output
    assert f"30 of {count + 80} rows have no '{target}'" in run.output
    assert run.curve == plain.curve
    assert np.array_equal(scores(run.predictions), scores(plain.predictions))
    held = set(plain.predictions.column("id").to_pylist())
    sites = clean.column("site").to_pylist()
    assert not {sites[row] for row in held} & {sites[row] for row in range(count) if row not in held}


def refuses(case: Case, place: Workplace) -> None:
    """What can't be is told in a line, with what is allowed, and no traceback."""
    data = {"train": write(wine(), place.folder / "refused.parquet")}
    name = next(name for name in case.params if name not in ("every", "threads"))
    run = place.train(case, "unknown", data=data, columns={"target": "cultivar"}, params={name + "s": 1}, ok=False)
    assert f"there is no parameter '{name}s'; did you mean '{name}'?" in run.output
    run = place.train(case, "column", data=data, columns={"target": "cultivars"}, ok=False)
    assert "there is no column 'cultivars'; did you mean 'cultivar'?" in run.output
    assert "Traceback" not in run.output


CHECKS = (learns_classes, learns_numbers, is_used_again, resumes, learns_nothing_from_rows_that_do_not_count, refuses)


def applies(check: object, case: Case) -> bool:
    needed = {learns_classes: "classification", learns_numbers: "regression"}.get(check)  # type: ignore[call-overload]
    return needed is None or needed in case.tasks


def cases(*all_cases: Case) -> list[object]:
    """All that a test is to be parametrised with."""
    return [
        pytest.param(case, check, id=f"{case.name}-{check.__name__}")
        for case in all_cases
        for check in CHECKS
        if applies(check, case)
    ]
