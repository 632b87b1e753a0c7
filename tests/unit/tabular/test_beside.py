"""A validation set of the user's own beside rows in groups and in time: what is done, and what is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from automl_core.modelfile.scoring.sources import source_of
from automl_core.tabular import beside, fit
from automl_core.tabular.options import Options
from automl_core.tabular.prepared import Prepared, prepare
from automl_core.tabular.refitting import needs_refit

SHOPS, YEARS, CUT = 40, 10, 2007


def panel(seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    """Shops over years: what a shop is above others lasts."""
    random = np.random.default_rng(seed)
    shop, year = np.repeat(np.arange(SHOPS), YEARS), np.tile(np.arange(2000, 2000 + YEARS), SHOPS)
    x = random.normal(size=len(shop))
    return {
        "shop_id": np.array([f"s{each:02}" for each in shop]), "year": year, "x": x, "z": random.normal(size=len(shop)),
        "sales": 2 * x + random.normal(0, 3, SHOPS)[shop] + random.normal(0, 0.5, len(shop)),
    }  # fmt: skip


def of(rows: dict[str, Any], which: Any) -> dict[str, Any]:
    return {name: values[which].tolist() for name, values in rows.items()}


def said(prepared: Prepared, kind: str) -> list[dict[str, Any]]:
    return [dict(each) for each in prepared.findings if each["kind"] == kind]


def made(train: dict[str, Any], valid: dict[str, Any], **options: Any) -> Prepared:
    return prepare(train, Options.of(target="sales", **options), valid=valid)


def test_later_rows_of_known_groups_ask_for_known_groups() -> None:
    """Nothing is named: the set says that the same shops will come, so what names them is learned from, and said."""
    rows = panel()
    early = rows["year"] < CUT
    found = made(of(rows, early), of(rows, ~early))
    assert "shop_id" in found.schema.names
    (finding,) = said(found, "group")
    assert (finding["columns"], finding["certainty"], finding["drop"]) == (["shop_id"], "doubtful", [])
    assert "100% of the rows of the validation set have a known value of shop_id" in finding["found"]
    assert "is learned from" in finding["done"]
    assert not said(found, "validation"), "all of them are later"
    assert found.panel is None
    quick: dict[str, Any] = {"iterations": 1, "workers": 1, "allowed": ("linear",)}
    model = fit(of(rows, early), "sales", validation_data=of(rows, ~early), **quick)
    without = fit(of(rows, early), "sales", validation_data=of(rows, ~early), ignore=("shop_id",), **quick)
    assert model.report["estimate"] < 0.5 * without.report["estimate"]


def test_where_such_rows_are_not_later_it_is_said() -> None:
    rows = panel()
    drawn = np.random.default_rng(1).random(len(rows["year"])) < 0.3
    (finding,) = said(made(of(rows, ~drawn), of(rows, drawn)), "validation")
    assert finding["columns"] == ["year"]
    assert finding["numbers"]["not_later"] == 1.0
    assert "not later than the newest row to learn from, by year" in finding["found"]


def test_rows_of_other_groups_ask_for_new_groups() -> None:
    rows = panel()
    others = rows["shop_id"] >= "s30"
    found = made(of(rows, ~others), of(rows, others))
    assert "shop_id" not in found.schema.names
    (finding,) = said(found, "group")
    assert finding["done"] == "judged by the validation set that was given; shop_id is not learned from"
    assert "set the validation to" not in finding["advice"]
    assert not said(found, "validation")
    assert len(found.split.folds[0].train) == int((~others).sum())
    assert found.panel is None, "no row of a known shop is held out, so nothing is known of what it is above others"


@pytest.mark.parametrize("named", [True, False])
def test_of_both_kinds_none_of_its_groups_is_learned_from_while_it_judges(named: bool) -> None:
    rows = panel()
    valid = (rows["shop_id"] >= "s34") | ((rows["shop_id"] >= "s30") & (rows["year"] >= CUT))
    found = made(of(rows, ~valid), of(rows, valid), **({"group": "shop_id"} if named else {}))
    assert "shop_id" not in found.schema.names
    (fold,) = found.split.folds
    assert found.groups is not None
    assert not np.isin(found.groups[fold.train], found.groups[fold.valid]).any()
    assert len(found.rows) - len(fold.train) == 4 * (CUT - 2000)
    assert "28 rows of its groups are not learned from meanwhile" in found.split.why
    (finding,) = said(found, "validation")
    assert finding["certainty"] == "certain"
    assert finding["numbers"] == {"shared": pytest.approx(12 / 72, abs=1e-4), "left_out": 28.0}
    assert needs_refit(found), "the model learns from them all the same"
    assert not needs_refit(replace(found, options=found.options.replaced(final="bag")))


def test_of_named_groups_that_all_go_on_nothing_can_be_left_out_and_it_is_said() -> None:
    rows = panel()
    early = rows["year"] < CUT
    found = made(of(rows, early), of(rows, ~early), group="shop_id", time="year")
    (fold,) = found.split.folds
    assert len(fold.train) == int(early.sum())
    assert "most rows to learn from are of its groups" in found.split.why
    (finding,) = said(found, "validation")
    assert (finding["certainty"], finding["numbers"]["shared"]) == ("doubtful", 1.0)
    assert "leave columns.group out: shop_id is learned from then" in finding["advice"]


def test_of_a_named_time_rows_that_are_not_later_are_told() -> None:
    rows = panel()
    early = rows["year"] < CUT
    mixed = early & (rows["shop_id"] < "s05")
    found = made(of(rows, early & ~mixed), of(rows, ~early | mixed), time="year", ignore=("shop_id",))
    (finding,) = said(found, "validation")
    assert finding["numbers"]["not_later"] == pytest.approx(35 / 155, abs=1e-4)
    assert "23 % of the validation set's rows are not later" in finding["found"]


def test_a_set_without_the_column_has_groups_of_its_own_and_no_moments() -> None:
    rows = panel()
    others = rows["shop_id"] >= "s30"
    valid = {name: values for name, values in of(rows, others).items() if name not in ("shop_id", "year")}
    valid["year"] = [None] * len(valid["x"])
    found = made(of(rows, ~others), valid, group="shop_id", time="year")
    assert found.groups is not None
    assert len(np.unique(found.groups[found.split.folds[0].valid])) == len(valid["x"])
    assert not said(found, "validation")


names = st.lists(st.one_of(st.none(), st.sampled_from("abcdef")), min_size=1, max_size=30)


@given(names, names)
def test_groups_are_one_where_their_names_are(here: list[str | None], there: list[str | None]) -> None:
    from automl_core.tabular.roles import groups_of

    table, more = source_of({"g": here}), source_of({"g": there})
    codes = groups_of(table, "g")
    assert codes is not None
    joined = beside.joined(table, more, "g", codes)
    texts = [*here, *there]
    for one in range(len(texts)):
        for two in range(one):
            assert (joined[one] == joined[two]) == (texts[one] is not None and texts[one] == texts[two])
