from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from automl_core.tabular.structure import detect
from tests.unit.tabular.tables import classification, regression, table


def patients(count: int = 40, visits: int = 6, seed: int = 0, effect: float = 1.0) -> tuple[dict[str, Any], Any]:
    """Repeated measures: an outcome with an effect of the patient, and a sex that does not change."""
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(count), visits)
    visit = np.tile(np.arange(visits), count).astype(float)
    sex = random.integers(0, 2, count)[who].astype(float)
    dose = random.normal(size=len(who))
    outcome = effect * random.normal(size=count)[who] + 0.3 * visit + 0.5 * dose + random.normal(0, 0.5, len(who))
    return {"who": who, "visit": visit, "sex": sex, "dose": dose}, outcome


def shuffled(columns: dict[str, Any], y: Any, seed: int = 1) -> tuple[dict[str, Any], Any]:
    order = np.random.default_rng(seed).permutation(len(y))
    return {name: np.asarray(values)[order] for name, values in columns.items()}, y[order]


@pytest.mark.parametrize("name", ["patient_id", "customer", "SchoolNr"])
@pytest.mark.parametrize("mixed", [False, True])
def test_things_with_several_rows_are_groups_whatever_the_order_of_the_file(name: str, mixed: bool) -> None:
    columns, y = patients()
    columns[name] = columns.pop("who") + 1000.0
    if mixed:
        columns, y = shuffled(columns, y)
    found = detect(*table(**columns), y, regression())
    assert (found.kind, found.certainty, found.group) == ("group", "certain", name)
    assert found.drop == (name,)
    assert name in found.why
    assert found.evidence


def test_what_gives_a_groups_rows_their_order_in_time_is_said_and_what_does_not_is_not() -> None:
    columns, y = patients()
    columns["patient"] = columns.pop("who") + 1000.0
    assert detect(*table(**columns), y, regression()).order == "visit"
    columns["tablet"] = columns.pop("visit")
    found = detect(*table(**columns), y, regression())
    assert (found.group, found.order) == ("patient", None)


def test_years_of_school_are_no_schools_though_all_rows_of_a_person_have_the_same() -> None:
    columns, y = patients(count=120)
    columns["nr"] = columns["who"] * 7.0 + 13
    years = np.clip(np.round(np.random.default_rng(3).normal(12, 1.2, 120)), 7, 16)[columns.pop("who")]
    columns["school"] = years
    columns["year"] = columns.pop("visit") + 1980
    found = detect(*table(**columns), y + 0.8 * years, regression())
    assert (found.kind, found.group, found.order) == ("group", "nr", "year")


def test_groups_without_a_telling_name_are_seen_by_an_own_order_and_what_never_changes() -> None:
    columns, y = patients()
    columns["v7"] = [f"k{value:03d}" for value in columns.pop("who")]
    found = detect(*table(**columns), y, regression())
    assert (found.kind, found.group) == ("group", "v7")


def test_texts_and_numbers_name_the_same_groups() -> None:
    columns, y = patients()
    who = columns.pop("who")
    by_number = detect(*table(subject=who.astype(float), **columns), y, regression())
    by_text = detect(*table(subject=[f"s{value}" for value in who], **columns), y, regression())
    assert by_number.kind == by_text.kind == "group"


def test_rows_to_predict_of_the_same_groups_make_a_random_split_right() -> None:
    columns, y = patients()
    columns["patient"] = columns.pop("who").astype(float)
    frame, schema = table(**columns)
    rows = np.random.default_rng(3).permutation(len(y))
    learn, ask = frame.take(rows[:180]), frame.take(rows[180:])
    assert detect(learn, schema, y[rows[:180]], regression(), test=ask).kind == "random"
    new = frame.take(np.flatnonzero(columns["patient"] >= 30))
    old = np.flatnonzero(columns["patient"] < 30)
    assert detect(frame.take(old), schema, y[old], regression(), test=new).kind == "group"


def test_quantities_and_categories_are_no_groups() -> None:
    random = np.random.default_rng(0)
    count = 600
    age = random.integers(18, 80, count).astype(float)
    region = [f"r{value}" for value in random.integers(0, 12, count)]
    children = random.poisson(1.3, count).astype(float)
    income = random.lognormal(10, 0.5, count).round(-2)
    y = 0.1 * age + children + np.array([int(name[1:]) % 3 for name in region]) + random.normal(size=count)
    found = detect(
        *table(age=age, region=region, children=children, income=income, age_squared=age**2), y, regression()
    )
    assert found.kind == "random"


def test_a_size_that_is_called_family_is_no_group() -> None:
    random = np.random.default_rng(0)
    family = 1.0 + random.poisson(2.0, 2000)
    y = family + random.normal(size=2000)
    assert detect(*table(family=family, x=random.normal(size=2000)), y, regression()).kind == "random"


def test_one_row_a_day_that_persists_is_a_course_in_time() -> None:
    random = np.random.default_rng(0)
    days = np.datetime64("2024-01-01") + np.arange(400)
    y = np.cumsum(random.normal(size=400))
    found = detect(*table(date=days, x=random.normal(size=400)), y, regression())
    assert (found.kind, found.certainty, found.time) == ("time", "certain", "date")
    assert found.moments is not None
    assert len(found.moments) == 400
    assert (np.diff(found.moments) > 0).all()


def test_dates_that_are_texts_are_dates() -> None:
    random = np.random.default_rng(0)
    days = [str(np.datetime64("2024-01-01") + each) for each in range(300)]
    found = detect(*table(date=days, x=random.normal(size=300)), np.cumsum(random.normal(size=300)), regression())
    assert (found.kind, found.time) == ("time", "date")


def test_parts_of_a_date_are_one_order() -> None:
    random = np.random.default_rng(0)
    days = np.datetime64("2022-01-01") + np.arange(700)
    year = days.astype("datetime64[Y]").astype(int) + 1970.0
    month = days.astype("datetime64[M]").astype(int) % 12 + 1.0
    day = (days - days.astype("datetime64[M]")).astype(int) + 1.0
    found = detect(*table(year=year, month=month, day=day), np.cumsum(random.normal(size=700)), regression())
    assert (found.kind, found.time_columns, found.time) == ("time", ("year", "month", "day"), None)
    assert found.moments is not None
    assert (np.diff(found.moments) > 0).all()


def test_a_file_in_order_of_time_without_a_column_of_it_is_a_course() -> None:
    random = np.random.default_rng(2)
    walk = np.cumsum(random.normal(size=(500, 4)), axis=0)
    found = detect(*table(a=walk[:, 0], b=walk[:, 1], c=walk[:, 2]), walk[:, 3], regression())
    assert (found.kind, found.time_columns) == ("time", ())


def test_a_file_sorted_by_its_classes_is_no_course() -> None:
    random = np.random.default_rng(0)
    y = np.repeat(np.arange(3), 100)
    x = random.normal(size=(300, 4)) + y[:, None]
    found = detect(*table(a=x[:, 0], b=x[:, 1], c=x[:, 2], d=x[:, 3]), y, classification(3))
    assert found.kind == "random"


def test_a_year_of_a_survey_is_no_course() -> None:
    random = np.random.default_rng(0)
    year = random.integers(2003, 2010, 2000).astype(float)
    x = random.normal(size=2000)
    found = detect(*table(year=year, x=x), x + 0.02 * (year - 2006) + random.normal(size=2000), regression())
    assert found.kind == "random"


def test_a_panel_of_firms_is_grouped_and_names_its_time() -> None:
    random = np.random.default_rng(0)
    firm = np.repeat(np.arange(60), 10)
    year = np.tile(np.arange(1990, 2000), 60).astype(float)
    size = np.exp(random.normal(size=60))[firm] + 0.1 * random.normal(size=600)
    y = 3 * size + random.normal(size=60)[firm] + 0.05 * (year - 1990) + 0.3 * random.normal(size=600)
    found = detect(*table(firm=firm.astype(float), year=year, size=size), y, regression())
    assert (found.kind, found.group) == ("group", "firm")


def test_few_rows_are_drawn_at_random_and_the_reason_said() -> None:
    found = detect(*table(id=np.repeat(np.arange(5.0), 4)), np.arange(20.0), regression())
    assert found.kind == "random"
    assert "20 rows" in found.why


def test_rows_without_weight_or_target_say_nothing() -> None:
    columns, y = patients()
    columns["patient"] = columns.pop("who").astype(float)
    frame, schema = table(**columns)
    weights = np.ones(len(y))
    weights[:60] = 0
    y[:60] = 1e9
    assert detect(frame, schema, y, regression(), weights=weights).kind == "group"


def test_what_was_found_is_plain_data() -> None:
    import json

    columns, y = patients()
    columns["patient"] = columns.pop("who").astype(float)
    told = json.loads(json.dumps(detect(*table(**columns), y, regression()).as_json()))
    assert told["group"] == "patient"
    assert "moments" not in told


def test_of_a_table_with_many_rows_every_row_has_its_moment() -> None:
    random = np.random.default_rng(0)
    count = 30_000
    moments = np.datetime64("2020-01-01T00:00:00") + np.arange(count) * 3600
    y = np.cumsum(random.normal(size=count))
    found = detect(*table(timestamp=moments, x=random.normal(size=count)), y, regression())
    assert found.kind == "time"
    assert found.moments is not None
    assert len(found.moments) == count


def test_row_numbers_and_what_a_file_is_sorted_by_make_no_course() -> None:
    """As R writes a table that was counted out: a number for each row, sorted by categories, the answer within them."""
    random = np.random.default_rng(7)
    combinations = [(a, b, c) for a in ("1st", "2nd", "3rd") for b in ("adult", "child") for c in ("f", "m")]
    sizes = random.integers(20, 90, len(combinations))
    shares = random.random(len(combinations))
    y = np.concatenate([np.sort(random.random(size) < share) for size, share in zip(sizes, shares, strict=True)])
    texts = [np.repeat([each[place] for each in combinations], sizes) for place in range(3)]
    columns = {"column_1": np.arange(1.0, len(y) + 1), "class": texts[0], "age": texts[1], "sex": texts[2]}
    assert detect(*table(**columns), y.astype(np.int64), classification()).kind == "random"
    price = np.sort(random.gamma(2.0, 10.0, len(y)))  # sorted by a quantity that is new in each row
    columns = {"price": price, "other": random.normal(size=len(y))}
    assert detect(*table(**columns), 3 * price + random.normal(size=len(y)), regression()).kind == "random"
