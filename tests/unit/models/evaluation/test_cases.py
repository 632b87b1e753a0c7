"""Bad cases from version to version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.models.evaluation import EvaluateOptions, evaluate
from automl_core.models.evaluation.document import earlier_of
from tests.unit.models.evaluation.small import model, rows


def row(name: str, a: float, b: float, y: int, city: str = "Ulm") -> dict[str, Any]:
    return {"id": name, "a": a, "b": b, "city": city, "y": y}


ROWS = [
    row("both right", 2.0, 2.0, 1),
    row("fixed", -1.0, 5.0, 1),  # by a alone it is 0
    row("still", -1.0, -1.0, 1),
    row("worse still", -3.0, -3.0, 1),
    row("new", 1.0, -5.0, 1),  # by a alone it is 1
]


def of(challenger: Path, champion: Path | None, data: Any, earlier: Any = (), **options: Any) -> tuple[Any, Any]:
    numbers = {"version": 2, "champion": 1 if champion is not None else None}
    told = EvaluateOptions(latency=False, draws=100, **{"key": "id"} | numbers | options)
    evidence, shown = evaluate(challenger, champion, data, told, earlier=earlier)
    return evidence["cases"], shown


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    home = tmp_path_factory.mktemp("m")
    return model(home / "new", a=1.0, b=1.0), model(home / "old", a=1.0, b=0.0)


def test_fixed_still_and_new_the_worst_first(both: tuple[Path, Path]) -> None:
    found, shown = of(*both, ROWS)
    assert found["counts"] == {"fixed": 1, "still": 2, "new": 1, "regressed": 0, "unseen": 0}
    assert found["fixed"] == ["fixed"]
    assert found["still"] == ["worse still", "still"]
    assert found["new"] == ["new"]
    by_id = {each["id"]: each for each in shown["cases"]}
    assert by_id["fixed"]["since"] == by_id["still"]["since"] == 1
    assert by_id["new"]["since"] == 2
    told = by_id["new"]
    assert (told["truth"], told["challenger"]["prediction"], told["champion"]["prediction"]) == ("1", "0", "1")
    assert told["challenger"]["loss"] == pytest.approx(1 - 1 / (1 + 2.718281828459045**4))
    assert told["row"] == {"a": 1.0, "b": -5.0, "city": "Ulm", "id": "new", "y": 1}


def test_without_a_champion_every_bad_case_is_new(both: tuple[Path, Path]) -> None:
    found, _ = of(both[0], None, ROWS)
    assert found["counts"] == {"fixed": 0, "still": 0, "new": 3, "regressed": 0, "unseen": 0}


def test_a_case_is_followed_from_version_to_version(both: tuple[Path, Path], tmp_path: Path) -> None:
    new, old = both
    _, first = of(old, None, ROWS, version=1)
    _, second = of(new, old, ROWS, earlier_of(first))
    by_id = {each["id"]: each for each in second["cases"]}
    assert (by_id["still"]["state"], by_id["still"]["since"]) == ("still", 1)
    # a third version is as the first was, and "still" and one more have left the data
    third, shown = of(old, new, [ROWS[0], ROWS[1], ROWS[4]], earlier_of(second), version=3)
    assert third["counts"] == {"fixed": 1, "still": 0, "new": 0, "regressed": 1, "unseen": 2}
    assert third["regressed"] == ["fixed"]
    assert third["unseen"] == ["worse still", "still"]
    gone = next(each for each in shown["cases"] if each["id"] == "still")
    assert (gone["seen"], gone["since"], gone["row"]["a"]) == (False, 1, -1.0)
    # and they are back in the data later
    fourth, _ = of(new, old, ROWS, earlier_of(shown), version=4)
    assert fourth["counts"]["unseen"] == 0
    assert set(fourth["still"]) == {"still", "worse still"}


def test_without_a_key_a_row_is_found_again_by_what_it_holds(both: tuple[Path, Path], tmp_path: Path) -> None:
    import numpy as np

    from automl_core.modelfile import write
    from automl_core.modelfile.scoring.values import Field, Schema

    new, old = both
    _, first = of(old, None, ROWS, key=None, version=1)
    again, _ = of(new, old, list(reversed(ROWS)), earlier_of(first), key=None)
    assert again["by"] == "row"
    assert again["counts"]["unseen"] == 0
    # the next version reads other columns: the same rows have other digests, and are found by their values
    features = [{"step": "numbers", "columns": ["a"], "fill": np.asarray([0.0])}]
    linear = {"type": "linear", "coef": np.ones((1, 1)), "intercept": np.zeros(1), "center": np.zeros(1)}
    narrow = write(
        tmp_path / "n", members=[{"weight": 1.0, "features": features, "model": linear, "link": "sigmoid"}],
        schema=Schema([Field("a", "number", "number")]), golden=[{"a": 1.0}], made={},
        problem={"kind": "binary", "target": "y", "classes": ["0", "1"]},
    )  # fmt: skip
    other, shown = of(narrow, old, ROWS, earlier_of(first), key=None)
    assert other["counts"]["unseen"] == 0
    assert {each["since"] for each in shown["cases"] if each["state"] == "still"} == {1}


def test_of_numbers_the_largest_errors_of_the_champion_are_its_bad_cases(tmp_path: Path) -> None:
    new = model(tmp_path / "new", a=1.0, b=0.5, kind="regression")
    old = model(tmp_path / "old", a=1.0, b=0.0, kind="regression")
    found, _ = of(new, old, rows(400, kind="regression"))
    assert found["counts"]["fixed"] + found["counts"]["still"] == 20  # 5 % of 400
    assert found["counts"]["fixed"] > found["counts"]["new"]
    assert "5%" in found["rule"]
    given, _ = of(new, old, rows(400, kind="regression"), threshold=100.0)
    assert given["counts"] == {"fixed": 0, "still": 0, "new": 0, "regressed": 0, "unseen": 0}
    assert given["threshold"] == 100.0


def test_lists_are_bounded_and_counts_are_not(both: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_core.models.evaluation.cases.MOST_CASES", 5)
    found, shown = of(*both, rows(300))
    assert found["counts"]["still"] > 5
    assert len(found["still"]) == 5
    assert sum(each["state"] == "still" for each in shown["cases"]) == 5


def test_evidence_has_no_row_of_data_in_it(both: tuple[Path, Path]) -> None:
    import json

    secret = [each | {"note": "a very private remark"} for each in ROWS]
    told = EvaluateOptions(key="id", latency=False, draws=100)
    evidence, shown = evaluate(*both, secret, told)
    assert "private remark" not in json.dumps(evidence)
    assert "private remark" in json.dumps(shown)
