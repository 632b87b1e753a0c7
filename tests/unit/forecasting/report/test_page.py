"""The report of series as one HTML file: whole, closed, escaped, and never the reason why a model is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.forecasting.report import render, write
from automl_core.forecasting.report.sections import SECTIONS
from tests.support.examples import examples
from tests.support.report_pages import HOSTILE, Reader, everywhere, ids
from tests.support.series_reports import DAYS, SALES, plot, report


def text_of(page: Reader) -> str:
    return " ".join(page.text.split())


def test_every_section_is_there_with_its_figures() -> None:
    page = Reader(render(SALES))
    assert ids(page) == {anchor for anchor, _, _ in SECTIONS}
    for said in ("Forecasting sales", "7 steps of sales ahead, daily, seasons of 7 steps", "0.61 to 0.78",
                 "last 7 steps of each series", "The worst series: north", "gaps", "interpolated for others", "79 %",
                 "step 7", "kept from the search", "ets: too short, seasonal naive", "theta needs statsforecast",
                 "ets (trial 2)", "Steps between two", "a season of 7 steps was found"):  # fmt: skip
        assert said in text_of(page), said
    assert "could not be drawn" not in page.text


def test_how_to_use_it_says_what_the_model_needs() -> None:
    assert "The model needs the future of holiday" in text_of(Reader(render(SALES)))
    assert "model.forecast(horizon=7, known=rows)" in render(SALES)
    plain = render(report(problem={**SALES["problem"], "known": []}))
    assert "model.forecast(horizon=7) " in plain
    assert "needs the future" not in plain


def test_what_the_search_has_seen_is_not_sold_as_unseen() -> None:
    text = text_of(Reader(render(report(test={**SALES["test"], "untouched": False}))))
    assert "a little too good for that" in text
    assert "which took no part in the search" not in text
    assert "mase on the origins" in text


def test_every_picture_has_words_and_a_table_and_every_link_leads_somewhere() -> None:
    page = Reader(render(SALES))
    links = {(value or "").removeprefix("#") for name, value in page.attributes if name == "href"}
    assert links == ids(page)
    assert page.tags.count("svg") == 3 + 1 + 1 + 1, "three series, steps, learners by origin, weights"
    # the last forecast that came true and the one ahead, of each of three series
    assert page.text.count("80 % interval") == 3
    assert text_of(page).count(f"{DAYS[27]} ") >= 3


def test_it_loads_and_runs_nothing() -> None:
    page = render(SALES)
    assert not re.findall(r"https?://|<script|@import|url\(|\bon\w+=", page)
    assert {"src", "srcdoc"}.isdisjoint({name for name, _ in Reader(page).attributes})


def test_what_comes_from_data_is_text() -> None:
    page = Reader(render(everywhere(SALES, HOSTILE), title=HOSTILE))
    assert {"script", "img"}.isdisjoint(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert HOSTILE in page.text, "and it is there, letter for letter"


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=examples(40), deadline=None)
@given(st.sampled_from(sorted(SALES)), JUNK)
def test_a_part_of_another_shape_costs_no_other_part(key: str, junk: object) -> None:
    page = Reader(render(report(**{key: junk})))
    assert "use" in ids(page)
    if key not in ("leaderboard", "problem"):
        assert "0.71" in page.text


def test_many_series_are_counted(tmp_path: Path) -> None:
    many = [{**SALES["series"][0], "series": f"shop {number}"} for number in range(100)]
    (tmp_path / "report.json").write_text(json.dumps(report(series=many, series_in_all=5000)))
    page = Reader(write(tmp_path).read_text(encoding="utf-8"))
    assert "And 4,970 more." in page.text


@pytest.mark.parametrize("values", [[None] * 21, [0.0] * 21, [1e300] * 21, [None, 5.0, None] * 7])
def test_a_series_of_any_kind_is_drawn(values: list[float | None]) -> None:
    page = Reader(render(report(plots=[{**plot("x", "worst"), "values": values}])))
    assert "could not be drawn" not in page.text
    shapes = [value for name, value in page.attributes if name in ("points", "d", "cx", "cy", "y1")]
    assert not [each for each in shapes if each and ("nan" in each or "inf" in each)]


def test_a_value_without_a_neighbour_is_a_point() -> None:
    values: list[float | None] = [None, 5.0, None] * 7
    page = render(report(plots=[{**plot("x", "worst"), "values": values}]))
    assert page.count('class="came-point"') == 7
