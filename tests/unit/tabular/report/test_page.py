"""The report as one HTML file: whole, closed, escaped, and never the reason why a model is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.tabular.report import render, write
from automl_core.tabular.report.sections import SECTIONS
from tests.support.examples import examples
from tests.support.report_pages import HOSTILE, Reader, everywhere, ids
from tests.support.table_reports import BINARY, REGRESSION, report


def test_classes_have_every_section_that_is_theirs() -> None:
    page = Reader(render(BINARY))
    assert ids(page) == {anchor for anchor, _, _ in SECTIONS} - {"residuals"}
    for said in (
        "0.09",
        "0.05 to 0.14",
        "household",
        "lightgbm",
        "75 %",
        "customer_id",
        "left out",
        "0.42",
        "250.0 MiB",
    ):
        assert said in page.text, said
    assert not [text for text in page.texts if "could not be drawn" in text]


def test_costs_of_more_classes_stand_there_the_dearest_first() -> None:
    costs = [[0.0, 1.0, 4.5], [1.0, 0.0, 1.0], [20.0, 1.0, 0.0]]
    three = {**BINARY["problem"], "kind": "multiclass", "classes": ["calm", "wind", "storm"]}
    text = " ".join(Reader(render(report(problem=three, threshold={"costs": costs}))).text.split())
    assert "the class of the least expected cost" in text
    assert text.index("storm calm 20") < text.index("calm storm 4.5") < text.index("calm wind 1")
    # costs that are not of these classes are left out, and nothing breaks
    assert "expected cost" not in Reader(render(report(problem=three, threshold={"costs": costs[:2]}))).text


def test_numbers_have_theirs() -> None:
    page = Reader(render(REGRESSION))
    assert {"residuals", "quality"} <= ids(page)
    assert ids(page).isdisjoint({"confusion", "calibration", "threshold"})
    assert "nobody knows yet how good the model is" in " ".join(page.text.split())


def test_what_the_search_has_seen_is_not_sold_as_unseen() -> None:
    test = {**BINARY["test"], "of": "rows held out in the search", "untouched": False}
    text = " ".join(Reader(render(report(test=test))).text.split())
    assert "the search chose by them" in text
    assert "nobody knows yet how good the model is" in text
    assert "on held-out rows" in text
    assert "took no part in the search" not in text
    assert "took no part in the search" in " ".join(Reader(render(BINARY)).text.split())


def test_a_pipeline_that_could_not_be_fitted_stands_there_with_its_reason() -> None:
    failed = {"trial": 7, "learner": "svm", "value": None, "state": "failed", "folds": [], "reason": "too many rows"}
    text = Reader(render(report(leaderboard=[*BINARY["leaderboard"], failed]))).text
    assert "too many rows" in text
    # and is not counted among those that were compared
    count = len(BINARY["leaderboard"])
    assert f"{count} pipelines were judged" in text
    assert f"{count} pipelines" in Reader(render(BINARY)).text


def test_every_link_leads_somewhere_and_every_picture_has_words_and_a_table() -> None:
    page = Reader(render(BINARY))
    links = {(value or "").removeprefix("#") for name, value in page.attributes if name == "href"}
    assert links == ids(page)
    assert page.tags.count("svg") == 4
    assert page.tags.count("title") >= 1 + 4
    assert page.tags.count("details") >= 4


def test_it_loads_and_runs_nothing() -> None:
    page = render(BINARY)
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert not re.findall(r"https?://|<script|@import|url\(|\bon\w+=", page)
    assert {"src", "srcdoc"}.isdisjoint({name for name, _ in Reader(page).attributes})


@pytest.mark.parametrize("base", [BINARY, REGRESSION])
def test_what_comes_from_data_is_text(base: dict[str, Any]) -> None:
    page = Reader(render(everywhere(base, HOSTILE), title=HOSTILE))
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert HOSTILE in page.text, "and it is there, letter for letter"


@settings(max_examples=examples(40), deadline=None)
@given(st.text(min_size=1, max_size=60))
def test_any_name_of_a_column_leaves_the_page_whole(name: str) -> None:
    page = Reader(render(everywhere(BINARY, name)))
    assert "script" not in page.tags
    render(everywhere(REGRESSION, name)).encode("utf-8")  # also a half of a surrogate pair


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=examples(150), deadline=None)
@given(st.sampled_from(sorted(BINARY | REGRESSION)), JUNK)
def test_a_part_of_another_shape_costs_no_other_part(key: str, junk: Any) -> None:
    page = Reader(render(report(BINARY, **{key: junk})))
    assert "use" in ids(page)
    if key not in ("leaderboard", "problem"):
        assert "0.081" in page.text


def test_long_lists_are_counted(tmp_path: Path) -> None:
    board = [dict(BINARY["leaderboard"][0], trial=number) for number in range(500)]
    columns = [{"column": f"c{number}", "value": number / 500, "std": 0.0} for number in range(500)]
    classes = [f"k{number}" for number in range(60)]
    counts = [[int(t == p) * 5 + int(p == t + 1) for p in range(60)] for t in range(60)]
    whole = report(leaderboard=board, importance=columns, confusion={"classes": classes, "counts": counts})
    (tmp_path / "report.json").write_text(json.dumps(whole))
    file = write(tmp_path)
    page = Reader(file.read_text(encoding="utf-8"))
    assert file.name == "report.html"
    assert "And 440 more." in page.text
    assert "Most confused of 60 classes" in page.text
    assert file.stat().st_size < 400_000


def test_numbers_that_are_none_are_dashes() -> None:
    test = {"rows": 10, "metrics": {"log_loss": {"value": None, "low": None, "high": float("nan")}}}
    page = Reader(render(report(test=test, importance=[{"column": "a", "value": None, "std": None}])))
    assert "–" in page.text
    assert "nan" not in page.text.lower().split()
