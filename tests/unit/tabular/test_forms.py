"""Numbers and dates in forms that nothing here reads: known as such, and told; targets of them are refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from automl_core.tabular.forms import form_of
from automl_core.tabular.options import Options
from automl_core.tabular.prepared import Prepared, prepare
from automl_core.tabular.program.prepare import tell
from automl_core.tabular.selection import select
from automl_core.training.problems import TrainingError

N = 200


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["$1,484.12", "$940.32", "$12.00"], "numbers"),
        (["1.234,50 €", "12 €", "7,5 €"], "numbers"),
        (["EUR 12", "EUR 13.5", "EUR 1 000"], "numbers"),
        (["12%", "12.5%", "0%"], "numbers"),
        (["54.3 m²", "120 m²", "7.25 m²"], "numbers"),
        (["3 kg", "12 kg", "4.5kg"], "numbers"),
        (["12,5", "7,25", "0,5"], "numbers"),
        (["1 234", "12 000", "7\u202f500"], "numbers"),
        (["31.12.2022", "01.02.2023", "05.05.2021"], "dates"),
        (["2/8/2024", "12/31/23", "11/3/2022"], "dates"),
        (["April 26, 2022", "May 1, 2023", "Jan. 3rd 2020"], "dates"),
        (["3. März 2022", "14 Dezember 2021", "01-Feb-2020"], "dates"),
        (["2024/01/05 17:30", "2024/02/05 08:00", "2023/12/31 23:59:59"], "dates"),
        (["01234", "99999", "10115"], None),
        (["A12", "B7", "C-100"], None),
        (["BMW 320", "BMW 520", "VW 3"], None),
        (["1.2.3", "10.0.1", "2.4.17"], None),
        (["red", "blue", "5 green"], None),
        (["3-4", "5-6", "7-8"], None),
        (["12/20", "3/4", "7/8"], None),
        (["S", "M", "XL"], None),
        (["12%", "5%"], None),
        (["6.745", "13.281", "0.5", "2"], None),
        ([f"{each}.25" for each in range(19)] + ["."], None),
        (["01.1", "01.11", "46.2"], None),
        (["1 low", "2 medium", "3 high"], None),
        (["2 weeks", "3 weeks", "12 weeks"], "numbers"),
        (["12-34-56", "99-10-87", "40-47-84"], None),
        (["1939 Jan", "1939 Feb", "1940 Mar"], "dates"),
        ([], None),
    ],
)
def test_forms_are_known(texts: list[str], form: str | None) -> None:
    assert form_of(texts) == form


@given(st.lists(st.integers(-(10**9), 10**9), min_size=3, unique=True))
def test_whole_numbers_alone_are_no_form(values: list[int]) -> None:
    assert form_of([str(each) for each in values]) is None


@given(
    st.lists(st.dates(dt.date(1900, 1, 1), dt.date(2099, 12, 31)), min_size=3, unique=True),
    st.sampled_from(["%d.%m.%Y", "%m/%d/%Y", "%d-%m-%y", "%B %d, %Y", "%d %b %Y", "%Y/%m/%d %H:%M"]),
)
def test_dates_are_dates_however_they_are_written(days: list[dt.date], way: str) -> None:
    assert form_of([each.strftime(way) for each in days]) == "dates"


def rows() -> dict[str, list[Any]]:
    return {
        "fee": [f"${1000 + 7.25 * each:,.2f}" for each in range(N)],
        "seen": [f"{1 + each % 12:02}/{1 + each % 28:02}/2023" for each in range(N)],
        "signed": [f"{1 + each % 28:02}.{1 + each % 12:02}.2022" for each in range(N)],
        "x": [float(each % 17) for each in range(N)],
        "y": [["no", "yes"][each % 3 == 0] for each in range(N)],
    }


def findings(prepared: Prepared, kind: str) -> dict[str, dict[str, Any]]:
    return {each["columns"][0]: dict(each) for each in prepared.findings if each["kind"] == kind}


def test_columns_of_such_forms_are_told_and_stay() -> None:
    found = prepare(rows(), Options.of(target="y"))
    told = findings(found, "written")
    assert set(told) == {"fee", "seen", "signed"}
    assert "how large they are is lost" in told["fee"]["done"]
    assert "'$1,000.00'" in told["fee"]["found"]
    assert "ISO 8601" in told["seen"]["advice"]
    assert {"fee", "seen", "signed"} <= set(found.schema.names)
    assert not findings(found, "cardinality")
    assert not findings(found, "identifier"), "each fee is another one, and none is a name"
    plain = rows() | {"fee": [1000 + 7.25 * each for each in range(N)]}
    del plain["seen"], plain["signed"]
    assert not findings(prepare(plain, Options.of(target="y")), "written")


def test_what_names_rows_does_so_where_some_are_copies_too() -> None:
    made = rows() | {"tag": [f"C-{100_000 + each}" for each in range(N)]}
    copied = {name: [*values, *values[:20]] for name, values in made.items()}
    (finding,) = findings(prepare(copied, Options.of(target="y")), "identifier").values()
    assert (finding["columns"], finding["drop"]) == (["tag"], ["tag"])
    assert "rows of the same value are copies" in finding["found"]
    # whose rows differ otherwise is no name of rows
    others = {**copied, "x": [each * 1.37 for each in range(N + 20)]}
    assert not findings(prepare(others, Options.of(target="y")), "identifier")


@pytest.mark.parametrize("task", ["auto", "classification"])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([f"{each * 1000:,} €" for each in range(N)], r"'y' is numbers in a form .*'0 €'.*plain numbers.*200 of them"),
        ([f"{each}" for each in range(N - 1)] + ["-"], r"'y' is numbers but for '-' \(1 of 200 rows, .* row 199\)"),
        ([f"{1 + each % 28}.{1 + each // 28}.2023" for each in range(N)], r"'y' is dates in a form .*days since"),
        ([f"name of {each}" for each in range(N)], r"'y' has another text in most rows"),
    ],
)  # fmt: skip
def test_a_target_with_another_text_in_most_rows_is_refused(values: list[str], words: str, task: str) -> None:
    with pytest.raises(TrainingError, match=f"target: {words}"):
        prepare(rows() | {"y": values}, Options.of(target="y", task=task))


def test_classes_of_two_rows_each_are_no_text_in_most_rows() -> None:
    found = prepare(rows() | {"y": [f"XL-{each // 2}" for each in range(N)]}, Options.of(target="y"))
    assert len(found.problem.classes) == N / 2


def test_the_first_row_that_is_no_number_is_told_whichever_mark_it_has() -> None:
    values = [f"{each % 40}" for each in range(N)]
    values[5], values[9], values[11] = "z", "a", "a"
    found = prepare(rows() | {"y": values}, Options.of(target="y"))
    assert any("(3 of 200 rows, the first is row 5)" in note for note in found.notes)


def test_a_point_among_numbers_is_a_mark_and_stops_nothing() -> None:
    made = rows() | {"dose": ["." if each % 20 == 0 else f"{each}.25" for each in range(N)]}
    found = prepare(made, Options.of(target="y"))
    assert not findings(found, "written").get("dose")
    assert "texts in the others: '.'" in findings(found, "mixed")["dose"]["found"]


def test_of_a_target_that_is_numbers_but_for_a_mark_it_is_said() -> None:
    values = [f"{each % 40}" for each in range(N - 1)] + ["-"]
    found = prepare(rows() | {"y": values}, Options.of(target="y"))
    assert any("'y' is numbers but for '-' (1 of 200 rows, the first is row 199)" in note for note in found.notes)
    few = prepare(rows() | {"y": [f"{each % 3}" for each in range(N - 1)] + ["-"]}, Options.of(target="y"))
    assert not any("numbers but for" in note for note in few.notes), "classes 0, 1, 2 and - may be meant"


@pytest.mark.parametrize(("values", "task"), [(["ok"] * N, "auto"), ([3.5] * N, "auto"), ([3.5] * N, "regression")])
def test_of_one_target_it_is_said_that_there_is_nothing_to_learn(
    values: list[Any], task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = prepare(rows() | {"y": values}, Options.of(target="y", task=task))
    tell(found)
    assert "there is nothing to learn" in capsys.readouterr().out
    assert select(found, []).why == "no pipeline was tried", "and none failed"
