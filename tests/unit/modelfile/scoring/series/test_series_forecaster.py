"""A model of series: forecasts of members together, updates, the future of known columns, rows of forecasts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.modelfile.scoring.calendars.grid import Grid
from automl_core.modelfile.scoring.documents import LaterFormat
from automl_core.modelfile.scoring.series.forecaster import Forecaster
from automl_core.modelfile.scoring.series.history import seasonal_naive
from automl_core.modelfile.scoring.series.intervals import MEMORY
from automl_core.modelfile.scoring.series.problems import SeriesProblem
from automl_core.modelfile.scoring.series.rows import read
from automl_core.modelfile.scoring.series.table import columns
from automl_core.modelfile.scoring.series.update import check, future
from tests.support.examples import examples
from tests.support.series_models import NAMES, document, grid, rows

PROMO = [{"name": "promo", "kind": "number", "missing": False}]


def run_on(model: Forecaster, told: list[dict[str, Any]]) -> tuple[str, ...]:
    found = check(model, read(model, told))
    model.run_on(found.news)
    return found.notes


def test_members_are_weighed_and_each_series_is_alone_what_it_is_among_others() -> None:
    model = Forecaster(document())
    all_ = model.forecast()
    parts = []
    for one in range(2):
        weights = document()
        for place, each in enumerate(weights["members"]):
            each["weight"] = float(place == one)
        parts.append(Forecaster(weights).forecast().values)
    np.testing.assert_allclose(all_.values, 0.75 * parts[0] + 0.25 * parts[1], rtol=1e-12)
    for place in range(3):
        alone = model.forecast(places=np.asarray([place]))
        np.testing.assert_allclose(alone.values[0], all_.values[place], rtol=1e-12)
        np.testing.assert_allclose(alone.lower[:, 0], all_.lower[:, place], rtol=1e-12)
    half = Forecaster(document(combine="median")).forecast()
    np.testing.assert_allclose(half.values, np.mean(parts, axis=0), rtol=1e-12)


def test_weights_of_each_series() -> None:
    parts = document()
    parts["members"][0]["weight"], parts["members"][1]["weight"] = (
        np.asarray([1.0, 0.0, 0.5]),
        np.asarray([0.0, 1, 0.5]),
    )
    found = Forecaster(parts).forecast().values
    for place, member in ((0, 0), (1, 1)):
        only = document()
        only["members"] = [only["members"][member]]
        np.testing.assert_allclose(found[place], Forecaster(only).forecast().values[place])


def test_forecasts_end_at_the_limits_and_so_do_bounds() -> None:
    low = np.asarray([12.0, -np.inf, 0.0])
    found = Forecaster(document(limits={"low": low, "high": 14.0})).forecast(levels=[0.999])
    assert found.values[0].min() == 12.0
    assert found.lower[0, 0].min() == 12.0
    assert found.lower[0, 1].min() < 12.0
    assert found.upper.max() == 14.0


def test_a_member_without_a_number_and_a_series_without_a_member_have_the_last_season() -> None:
    parts = document()
    group = parts["members"][0]["models"][0]
    group["level"] = np.asarray([np.nan, 10.0, 10.0])
    for member in parts["members"]:
        member["models"] = [
            {k: v[:2] if isinstance(v, np.ndarray) else v for k, v in each.items()} for each in member["models"]
        ]
    model = Forecaster(parts)
    found = model.forecast()
    naive = seasonal_naive(model.history, 7, 14)
    np.testing.assert_allclose(found.values[2], naive[2])
    np.testing.assert_allclose(found.values[0], naive[0])  # the other member is the same
    assert found.notes == (
        "a member's forecast was no number, and the last season stands for it: Bonn (ets)",
        "no member knows this series, which training had not; the last season again is its forecast: Ulm",
    )


@settings(max_examples=examples(20), deadline=None)
@given(data=st.data())
def test_updates_in_one_go_are_updates_row_by_row(data: st.DataObject) -> None:
    value = st.one_of(st.none(), st.floats(0, 40, allow_nan=False))
    parts = document()
    parts["intervals"] |= {"follows": data.draw(st.booleans()), "one": data.draw(st.sampled_from([0.0, 0.5, 2.0]))}
    told = []
    for name in (*NAMES, "new"):
        values = data.draw(st.lists(value, max_size=6))
        told += [row for row in rows(name, 60, values) if row["sales"] is not None]
    order = data.draw(st.permutations(told)) if told else []
    at_once, one_by_one = Forecaster(parts), Forecaster(parts)
    if not told:
        return
    run_on(at_once, list(order))
    for row in sorted(told, key=lambda each: str(each["date"])):
        run_on(one_by_one, [row])
    names = sorted(at_once.names)
    one, other = (model.forecast(places=model.places(names)) for model in (at_once, one_by_one))
    np.testing.assert_allclose(one.values, other.values, rtol=1e-12)
    np.testing.assert_allclose(one.upper, other.upper, rtol=1e-12)
    again = Forecaster(at_once.as_document())
    np.testing.assert_array_equal(again.forecast(places=again.places(names)).lower, one.lower)


def test_widths_follow_what_newer_values_show() -> None:
    def widths(model: Forecaster) -> Any:
        assert model.intervals is not None
        lower, upper = model.intervals.bounds(model.places(None), np.zeros((3, 1)), [0.9])
        return (upper - lower)[0, :, 0]

    parts = document()
    parts["intervals"] |= {"one": 1.0}
    wild, still = Forecaster(parts), Forecaster(parts)
    before = widths(wild)
    name = NAMES[0]
    run_on(wild, rows(name, 60, [500.0 * (-1) ** each for each in range(12)]))
    for step in range(12):  # what was forecast comes
        said = still.forecast(1, places=still.places([name])).values[0, 0]
        run_on(still, rows(name, 60 + step, [float(said)]))
    assert widths(wild)[0] > 1.5 * before[0]
    assert widths(still)[0] == pytest.approx(before[0] * (1 - 1 / MEMORY) ** 12)
    assert widths(wild)[1:].tolist() == widths(still)[1:].tolist() == before[1:].tolist(), "no news of the others"
    old = document()
    old["intervals"].pop("one", None)
    earlier = Forecaster(old)  # of an earlier release: its widths are those of training
    run_on(earlier, rows(name, 60, [500.0] * 5))
    assert widths(earlier).tolist() == before.tolist()


def test_widths_do_not_follow_a_forecast_that_lacked_its_known_columns() -> None:
    parts = document(known=PROMO)
    parts["intervals"] |= {"one": 1.0}
    blind, seeing = Forecaster(parts), Forecaster(parts)
    scale = list(blind.intervals.scale) if blind.intervals is not None else []
    run_on(blind, rows(NAMES[0], 60, [900.0] * 3))
    run_on(seeing, rows(NAMES[0], 60, [900.0] * 3, promo=[1.0, 0.0, 1.0]))
    assert blind.intervals is not None
    assert seeing.intervals is not None
    assert blind.intervals.scale.tolist() == scale
    assert seeing.intervals.scale[0] > scale[0]


def test_what_is_seen_is_compared_and_what_is_missing_is_said() -> None:
    model = Forecaster(document())
    kept = model.history[0]
    told = rows("Bonn", 55, [kept[-5], kept[-4], 99.0, kept[-2], kept[-1], 11.0, None, None, 13.0])
    told += rows("Ulm", 20, [1.0]) + rows("Aalen", 60, [5.0, 6.0])
    notes = run_on(model, told)
    assert notes == (
        "steps without a value, for which the model's own forecasts stand: Bonn (2)",
        "series that training had not: Aalen",
        "values that have changed since the model saw them; it goes by what it saw, and only a new fit would take "
        f"them: Bonn at 2024-02-27 ({kept[-3]:.6g}, now 99)",
        "1 values are older than what the model keeps, and were not compared",
    )
    assert model.last.tolist() == [63, 59, 59, 61]
    assert model.history[0, -1] == 13.0
    assert np.isnan(model.history[0, -2])
    assert model.history[0, -5] == kept[-1], "a changed value is not taken"
    assert run_on(model, rows("Bonn", 61, [12.0])) == (
        "values that came late, for steps that the model has passed without them: Bonn at 2024-03-02",
    )
    with pytest.raises(SeriesProblem, match=r"Bonn: 3024-01-01 is .* steps after 2024-03-04 \(allowed: 100,000\)"):
        run_on(model, [{"store": "Bonn", "date": "3024-01-01", "sales": 1.0}])


def test_a_new_series_has_the_last_season_and_the_widest_limits() -> None:
    model = Forecaster(document(limits={"low": np.asarray([0.0, -np.inf, 0.0]), "high": None}))
    run_on(model, rows("Aalen", 60, [-5.0, 6.0]))
    found = model.forecast(3, places=model.places(["Aalen"]))
    assert found.values.tolist() == [[6.0, 6.0, 6.0]]  # of a season of 7 nothing else is known
    assert found.lower.min() < 0
    assert np.isfinite(found.upper).all()
    assert found.notes[0].startswith("no member knows this series")


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "row by row"])
def test_a_limit_holds_until_a_value_is_beyond_it(at_once: bool) -> None:
    """Series were never below 0, and now there is one, and a new one: cut at 0 their forecasts would be wrong."""
    model = Forecaster(document(limits={"low": 0.0, "high": None}))
    told = rows("Bonn", 60, [4.0, -50.0, 5.0]) + rows("Aalen", 60, [-20.0] * 3)
    said = list(run_on(model, told)) if at_once else [note for each in told for note in run_on(model, [each])]
    assert any("values beyond the limit that forecasts ended at" in note and "Bonn (-50)" in note for note in said)
    assert any("Aalen (-20)" in note for note in said) == at_once  # row by row Bonn has been below 0 by then
    assert model.low.tolist() == [-np.inf, 0.0, 0.0, -np.inf]
    found = model.forecast(3, places=model.places(["Aalen"]))
    assert found.values.tolist() == [[-20.0] * 3]
    assert found.lower.min() < -20.0
    assert Forecaster(model.as_document()).low.tolist() == model.low.tolist()


def test_a_limit_that_somebody_said_stays() -> None:
    model = Forecaster(document(limits={"low": 0.0, "high": None, "said": True}))
    notes = run_on(model, rows("Bonn", 60, [-50.0]) + rows("Aalen", 60, [-20.0]))
    assert any("they still do, as was said" in note and "Bonn (-50), Aalen (-20)" in note for note in notes)
    again = Forecaster(model.as_document())
    run_on(again, rows("Ulm", 60, [-1.0]))
    assert model.low.tolist() == again.low.tolist() == [0.0] * 4


def test_a_new_series_without_any_value_is_named() -> None:
    model = Forecaster(document())
    notes = run_on(model, rows("Aalen", 60, [None, None]) + rows("Bonn", 60, [1.0]))
    assert notes == ("series that training had not, without any value, so nothing is forecast of them: Aalen",)
    assert "Aalen" not in model.place


def test_series_that_ended_long_ago_are_named() -> None:
    model = Forecaster(document(ends=(59, 59, 20)))
    assert model.forecast().notes == (
        "1 series ended long before the newest value (2024-02-29), and their forecasts go on from there: Ulm "
        "(2024-01-21)",
    )
    assert columns(model, model.forecast(1, places=np.asarray([2])))["date"] == ["2024-01-22"]


def test_what_nobody_can_forecast_is_refused() -> None:
    model = Forecaster(document())
    for horizon in (0, 100_001):
        with pytest.raises(SeriesProblem, match=r"steps is none .allowed: 1 to 100,000"):
            model.forecast(horizon)
    with pytest.raises(SeriesProblem, match="90 is no level of intervals"):
        model.forecast(levels=[90])
    with pytest.raises(SeriesProblem, match="no series 'bon'; did you mean 'Bonn'"):
        model.places(["bon"])
    with pytest.raises(LaterFormat):
        Forecaster(document() | {"format": 3})
    with pytest.raises(ValueError, match="no model of series, but one of binary"):
        Forecaster(document(problem={"kind": "binary"}))
    with pytest.raises(SeriesProblem, match="no time zone 'Europe/Berln' here; did the file mean Europe/Berlin"):
        Forecaster(document(grid=grid("h").as_json() | {"zone": "Europe/Berln"}))
    assert "nobody has measured" in model.forecast(15).notes[0]
    assert model.forecast(14).notes == ()


def test_the_future_of_known_columns_is_looked_for_by_series_time_and_column() -> None:
    model = Forecaster(document(known=PROMO))
    ahead = [row for name in NAMES for row in rows(name, 60, [None] * 3, promo=[1.0, 0.0, 1.0])]
    found = future(model, read(model, ahead), np.arange(3), 3)
    assert found[:, :, 0].tolist() == [[1.0, 0.0, 1.0]] * 3
    with pytest.raises(
        SeriesProblem, match="Köln has no row for 2024-03-02, and the model needs promo of 3 steps from "
    ):
        future(model, read(model, [row for row in ahead if (row["store"], row["date"]) != ("Köln", "2024-03-02")]),
               np.arange(3), 3)  # fmt: skip
    ahead[4]["promo"] = None
    with pytest.raises(SeriesProblem, match="Köln has no promo at 2024-03-02, and training had no missing one"):
        future(model, read(model, ahead), np.arange(3), 3)
    assert np.isnan(future(Forecaster(document(known=[PROMO[0] | {"missing": True}])), read(model, ahead), np.arange(3),
                           3)[1, 1, 0])  # fmt: skip
    with pytest.raises(SeriesProblem, match=r"needs promo for .*, and there are no rows that have it"):
        future(model, None, np.arange(3), 3)


def hourly(first: str) -> tuple[Forecaster, Grid]:
    """A model of hours in Berlin whose last value is before a local day."""
    on = grid("h", "Europe/Berlin", 0, "moment")
    from automl_core.modelfile.scoring.calendars.texts import slots_of

    last = int(slots_of(on, [first])[0][0]) - 1
    return Forecaster(document(grid=on.as_json(), ends=[last] * 3)), on


@pytest.mark.parametrize(("first", "hours"), [("2026-10-25T00:00", 49), ("2026-03-29T00:00", 47), ("2026-05-01", 48)])
def test_two_local_days_have_their_real_hours(first: str, hours: int) -> None:
    model, _ = hourly(first)
    found = columns(model, model.forecast(48, places=np.asarray([0])))
    assert len(found["date"]) == len(set(found["date"])) == hours
    assert found["step"][-1] == 48
    assert len(set(found["step"])) == min(hours, 48)
    assert found["date"][0] == f"{first[:10]}T00:00:00+0{2 if hours != 47 else 1}:00"
    if hours == 49:
        twice = [n for n, text in enumerate(found["date"]) if "T02:00" in text][:2]
        assert [found["date"][n][-6:] for n in twice] == ["+02:00", "+01:00"]
        assert found["forecast"][twice[0]] == found["forecast"][twice[1]]


def test_an_hour_that_never_was_needs_no_row_of_known_columns() -> None:
    model, on = hourly("2026-03-29T00:00")
    model = Forecaster(model.document | {"known": PROMO})
    moments, slots = on.real_times(int(model.last[0]) + 1, int(model.last[0]) + 7)
    told = [
        {"store": "Bonn", "date": on.text(int(each)), "promo": float(slot)}
        for each, slot in zip(moments, slots, strict=True)
    ]
    found = future(model, read(model, told), np.asarray([0]), 6)[0, :, 0]
    assert found.tolist() == [0.0, 1.0, 1.0, 3.0, 4.0, 5.0]


def test_a_column_that_the_model_has_itself_is_told_apart() -> None:
    parts = document()
    parts["columns"]["series"], parts["series"]["keys"] = ["step"], {"step": list(NAMES)}
    model = Forecaster(parts)
    found = columns(model, model.forecast(1))
    assert list(found) == ["step", "date", "step_", "forecast", "lower_80", "upper_80", "lower_95", "upper_95"]
    assert found["step"] == list(NAMES)
    assert found["step_"] == [1, 1, 1]


def test_the_last_season_of_what_is_known() -> None:
    gap = np.nan
    history = np.asarray([[9.0, 2.0, 3.0, 4.0, gap, 6.0], [gap, gap, gap, gap, gap, 7.0], [gap] * 6])
    found = seasonal_naive(history, 3, 4)
    assert found.tolist() == [[4.0, 2.0, 6.0, 4.0], [7.0] * 4, [0.0] * 4]  # a gap has the season before's
