"""What each guardrail finds, and what it must leave alone."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from automl_core.tabular.guardrails import Finding, drops, examine
from automl_core.tabular.guardrails.equal_rows import copies, without
from tests.sources import ROOT
from tests.unit.tabular.tables import classification, regression, table

N = 800


def plain(seed: int = 0, count: int = N) -> dict[str, Any]:
    """Columns that tell something of a target, without any fault."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(2, count))
    return {
        "a": a,
        "b": np.exp(b),
        "c": [f"level {value}" for value in random.integers(0, 5, count)],
        "y": 2 * a + b + random.normal(size=count),
    }


def found(columns: dict[str, Any], y: Any = None, problem: Any = None, **settings: Any) -> dict[str, list[Finding]]:
    columns = dict(columns)
    target = columns.pop("y") if y is None else y
    columns.pop("y", None)
    kinds: dict[str, list[Finding]] = {}
    for finding in examine(*table(**columns), target, problem or regression(), **settings):
        kinds.setdefault(finding.kind, []).append(finding)
    return kinds


def test_a_table_without_fault_has_no_finding() -> None:
    for seed in range(5):
        columns = plain(seed)
        assert found(columns) == {}
        assert found(columns, (columns["y"] > 0).astype(np.int64), classification()) == {}


def test_every_finding_says_what_was_found_what_was_done_and_what_to_do() -> None:
    columns = plain()
    columns |= {"id": np.arange(N) + 1.0, "same": np.ones(N), "copy": columns["y"] * 2}
    columns["a"] = np.where(columns["a"] > 1, np.nan, columns["a"])
    for findings in found(columns).values():
        for each in findings:
            assert each.found
            assert each.done
            assert each.advice
            assert Finding.from_json(json.loads(json.dumps(each.as_json()))) == each


def test_whatever_is_dropped_is_named_with_its_reason() -> None:
    columns = plain()
    columns |= {"id": np.arange(N) + 1.0, "same": np.ones(N), "copy": -(columns["y"] ** 3)}
    told = found(columns)
    everything = [each for findings in told.values() for each in findings]
    assert drops(everything) == {"id", "same", "copy"}
    for each in everything:
        assert set(each.drop) <= set(each.columns)
        assert not each.drop or each.certainty == "certain"
        assert all(name in each.done for name in each.drop)


@pytest.mark.parametrize("form", ["itself", "logarithm", "falling"])
def test_the_target_again_is_dropped(form: str) -> None:
    columns = plain()
    y = np.exp(columns["y"])
    columns["other"] = {"itself": y, "logarithm": np.log(y), "falling": 1 / y}[form]
    (leak,) = found(columns, y)["leak"]
    assert (leak.certainty, leak.drop) == ("certain", ("other",))


def test_a_copy_with_noise_is_said_and_kept() -> None:
    columns = plain()
    columns["other"] = columns["y"] + 0.1 * np.random.default_rng(1).normal(size=N)
    (leak,) = found(columns)["leak"]
    assert (leak.certainty, leak.columns, leak.drop) == ("doubtful", ("other",), ())


def test_a_value_that_only_one_outcome_has_is_a_leak() -> None:
    columns = plain()
    y = (columns["y"] > 0).astype(np.int64)
    columns["closed"] = np.where(y == 1, np.random.default_rng(1).normal(size=N), np.nan)
    assert found(columns, y, classification())["leak"][0].columns == ("closed",)


def test_a_good_predictor_among_others_is_no_leak() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(N, 3))
    y = x[:, 0] + 0.1 * random.normal(size=N)
    near = x[:, [0]] + 0.3 * random.normal(size=(N, 3))
    assert "leak" not in found({"x": x[:, 0], "n0": near[:, 0], "n1": near[:, 1], "n2": near[:, 2]}, y)


def test_classes_that_all_columns_tell_have_no_leak() -> None:
    random = np.random.default_rng(0)
    y = random.integers(0, 2, N)
    apart = y[:, None] * 8 + random.normal(size=(N, 3))
    columns = {"a": apart[:, 0], "b": apart[:, 1], "flag": (apart[:, 2] > 4).astype(float)}
    assert "leak" not in found(columns, y, classification())


def test_the_targets_own_past_is_no_leak() -> None:
    random = np.random.default_rng(0)
    walk = np.cumsum(random.normal(size=N + 1))
    days = np.datetime64("2024-01-01") + np.arange(N)
    told = found({"date": days, "yesterday": walk[:-1], "x": random.normal(size=N)}, walk[1:])
    assert "leak" not in told
    assert told["time"][0].certainty == "certain"


def test_rows_that_are_there_twice_are_found_and_kept_together() -> None:
    columns = plain()
    rows = np.concatenate([np.arange(N), np.random.default_rng(1).choice(N, 40, replace=False)])
    copied = {name: list(np.asarray(values)[rows]) for name, values in columns.items()}
    y = np.asarray(copied.pop("y"))
    frame, schema = table(**{name: np.asarray(values) for name, values in copied.items()})
    (finding,) = [each for each in examine(frame, schema, y, regression()) if each.kind == "duplicates"]
    assert finding.certainty == "certain"
    assert 80 <= finding.numbers["rows"] <= 84
    codes = copies(frame, frame.columns, np.arange(N + 40))
    assert codes is not None
    assert (codes >= 0).sum() == 80
    assert (codes[N:] == codes[rows[N:]]).all()
    assert list(without(np.arange(N), np.arange(N, N + 40), codes)) == sorted(set(range(N)) - set(rows[N:].tolist()))


def test_equal_rows_of_few_short_columns_are_no_wonder() -> None:
    random = np.random.default_rng(0)
    columns = {f"c{place}": [f"v{value}" for value in random.integers(0, 4, N)] for place in range(4)}
    told = found(columns, random.integers(0, 2, N), classification())
    assert "duplicates" not in told
    assert "conflicts" not in told


def test_equal_rows_with_other_labels_are_conflicts() -> None:
    columns = plain()
    columns["y"] = (columns["y"] > 0).astype(np.int64)
    rows = np.concatenate([np.arange(N), np.arange(30)])
    copied = {name: np.asarray(values)[rows] for name, values in columns.items()}
    y = copied.pop("y")
    y[N:] = 1 - y[N:]
    (conflict,) = found(copied, y, classification())["conflicts"]
    assert conflict.numbers["rows"] == 60


def test_rows_to_predict_that_are_known_are_said() -> None:
    columns = plain()
    y = columns.pop("y")
    frame, schema = table(**columns)
    told = examine(frame, schema, y, regression(), test=frame.take(np.arange(100)))
    (finding,) = [each for each in told if each.kind == "duplicates"]
    assert finding.numbers["rows_to_predict"] == 100


@pytest.mark.parametrize(
    ("name", "values", "sure"),
    [
        ("id", np.arange(N) + 1000.0, True),
        ("whatever", np.random.default_rng(0).permutation(N) + 5.0, True),
        ("order_id", np.random.default_rng(0).choice(10**8, N, replace=False).astype(float), True),
        ("ref", np.random.default_rng(0).choice(10**8, N, replace=False).astype(float), False),
        ("hash", [f"{value:012x}" for value in np.random.default_rng(0).integers(0, 2**48, N)], True),
    ],
)
def test_identifiers_are_found(name: str, values: Any, sure: bool) -> None:
    (finding,) = found(plain() | {name: values})["identifier"]
    assert finding.columns == (name,)
    assert (finding.certainty == "certain") == sure
    assert drops([finding]) == ({name} if sure else set())


def test_quantities_that_differ_in_each_row_are_no_identifiers() -> None:
    random = np.random.default_rng(0)
    columns = plain()
    columns["population"] = np.round(np.exp(random.normal(12, 1, N)))
    columns["grows"] = np.round(columns["y"] * 1e6)
    assert "identifier" not in found(columns)


def test_texts_with_words_are_no_identifiers() -> None:
    columns = plain() | {"note": [f"the customer number {value} was not happy" for value in range(N)]}
    assert "identifier" not in found(columns)


def test_constant_columns_are_dropped_and_almost_constant_ones_said() -> None:
    few = np.zeros(N)
    few[3] = 1
    told = found(plain() | {"one": ["x"] * N, "none": np.full(N, np.nan), "few": few})["constant"]
    assert drops(told) == {"one", "none"}
    assert [each.columns for each in told if each.certainty == "doubtful"] == [("few",)]


def test_categories_of_many_values_are_said() -> None:
    values = [f"p{value}" for value in np.random.default_rng(0).integers(0, 150, N)]
    (finding,) = found(plain() | {"product": values})["cardinality"]
    assert finding.columns == ("product",)


def test_rare_classes_are_said_and_so_are_classes_of_few_rows() -> None:
    y = np.zeros(N, dtype=np.int64)
    y[:6] = 1
    told = found(plain(), y, classification())
    assert told["few_rows"][0].numbers["rows"] == 6
    assert told["imbalance"][0].numbers["rarest"] == 6
    assert "imbalance" not in found(plain(), np.arange(N) % 2, classification())


def test_missing_values_are_counted_once_for_the_table() -> None:
    random = np.random.default_rng(3)
    columns = plain()
    for name in ("a", "b"):
        columns[name] = np.where(random.random(N) < 0.1, np.nan, columns[name])
    told = found(columns)
    assert set(told["missing"][0].columns) == {"a", "b"}
    assert "missing_tells" not in told


def test_missing_values_that_tell_the_target_are_said() -> None:
    columns = plain()
    columns["b"] = np.where((columns["y"] > 0) & (np.random.default_rng(0).random(N) < 0.5), np.nan, columns["b"])
    assert found(columns)["missing_tells"][0].columns == ("b",)


def moved(strength: float, seed: int = 0) -> dict[str, list[Finding]]:
    columns = plain(seed)
    y = columns.pop("y")
    frame, schema = table(**columns)
    later = {**columns, "a": columns["a"] + strength}
    rest = np.arange(500, N)
    return {
        each.kind: [each]
        for each in examine(
            frame.take(np.arange(500)), schema, y[:500], regression(), test=schema.read(later).take(rest)
        )
    }


def test_rows_to_predict_from_elsewhere_are_said() -> None:
    assert moved(0.6)["shift"][0].columns == ("a",)


def test_rows_to_predict_from_the_same_place_raise_no_alarm() -> None:
    assert len([seed for seed in range(40) if moved(0.0, seed)]) <= 1  # at a rate of 0.2 %


def test_values_to_predict_that_nobody_has_seen_are_said() -> None:
    columns = plain()
    y = columns.pop("y")
    frame, schema = table(**columns)
    new = schema.read({**columns, "c": ["level 9" if row % 3 else value for row, value in enumerate(columns["c"])]})
    told = examine(frame, schema, y, regression(), test=new)
    assert [each.columns for each in told if each.kind == "unseen"] == [("c",)]


@pytest.mark.parametrize("mark", [-999.0, 9999.0, -99.0, 99999.0])
def test_numbers_that_mean_missing_are_said(mark: float) -> None:
    columns = plain()
    columns["b"] = np.where(np.random.default_rng(0).random(N) < 0.05, mark, columns["b"])
    (finding,) = found(columns)["sentinel"]
    assert finding.numbers["value"] == mark


def test_single_values_far_out_are_said_and_long_tails_are_not() -> None:
    columns = plain()
    columns["b"] = np.exp(2 * np.random.default_rng(0).normal(size=N))
    assert "outliers" not in found(columns)
    columns["a"][5] = 500.0
    assert found(columns)["outliers"][0].columns == ("a",)


def test_numbers_to_predict_that_decide_a_squared_error_are_said_and_long_tails_are_not() -> None:
    columns = plain()
    random = np.random.default_rng(0)
    for tail in (np.exp(2 * random.normal(size=N)), random.standard_t(3, N), random.gamma(0.5, size=N)):
        assert "outliers" not in found(columns, tail)
    target = 10 + 3 * columns["y"] / columns["y"].std()
    target[:4] *= 80
    (finding,) = found(columns, target)["outliers"]
    assert finding.numbers["rows"] == 4
    assert finding.numbers["share"] > 0.9
    assert "mae" in finding.advice


def test_numbers_mixed_with_texts_and_spellings_are_said() -> None:
    random = np.random.default_rng(0)
    amounts = [f"{value:.1f}" if value > -1 else "n/a" for value in random.normal(size=N)]
    cities = [str(random.choice(["Rome", "rome", "Paris", "Lima"])) for _ in range(N)]
    told = found(plain() | {"amount": amounts, "city": cities})
    assert told["mixed"][0].columns == ("amount",)
    assert told["spelling"][0].columns == ("city",)


def test_weights_that_leave_few_rows_are_said() -> None:
    weights = np.ones(N)
    weights[:50] = 0
    weights[100:103] = 1e5
    told = found(plain(), weights=weights)["weights"]
    assert [each.certainty for each in told] == ["certain", "doubtful"]
    assert told[0].numbers["rows"] == 50


def test_rows_without_weight_raise_no_alarm() -> None:
    columns = plain()
    weights = np.ones(N)
    weights[:100] = 0
    columns["a"][:100] = 1e6
    columns["y"][:100] = 1e9
    assert set(found(columns, weights=weights)) == {"weights"}


def test_columns_with_a_role_are_no_features() -> None:
    columns = plain() | {"id": np.arange(N) + 1.0}
    assert "identifier" in found(columns)
    assert "identifier" not in found(columns, roles={"id": "id"})


def test_a_table_of_one_row_says_nothing() -> None:
    assert found({"a": np.ones(1)}, np.ones(1)) == {}


def test_of_many_rows_a_sample_is_looked_at_and_counts_are_of_all() -> None:
    columns = plain(count=45_000)
    rows = np.concatenate([np.arange(45_000), np.arange(30_000)])
    copied = {name: np.asarray(values)[rows] for name, values in columns.items() if name != "c"}
    (finding,) = found(copied)["duplicates"]
    assert "about" in finding.found


def test_the_page_has_every_kind_of_finding() -> None:
    kinds = set()
    for folder in (".", "guardrails", "large"):
        for path in (ROOT / "automl_core/tabular" / folder).glob("*.py"):
            kinds.update(re.findall(r'Finding\(\s*"(\w+)"', path.read_text(encoding="utf-8")))
    page = (ROOT / "docs/tables-guardrails.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(\w+)` \|", page, re.M))
    assert len(kinds) > 15
    assert kinds == told


@pytest.mark.parametrize(("name", "dropped"), [("column_1", True), ("Unnamed: 0", True), ("...1", True), ("x", False)])
def test_row_numbers_without_a_name_are_not_learned_from_though_a_sorted_file_makes_them_tell(
    name: str, dropped: bool
) -> None:
    columns = plain()
    order = np.argsort(columns["y"])
    columns = {
        key: [values[each] for each in order] if key == "c" else values[order] for key, values in columns.items()
    }
    given = found({name: np.arange(1.0, N + 1), **columns})
    assert (name in drops(given["identifier"])) is dropped
    assert all(name not in each.columns for each in given.get("leak", ())) is dropped


@pytest.mark.parametrize("form", ["column_{}", "Unnamed: {}", "...{}"])
def test_the_first_column_of_a_table_without_a_header_is_as_any_other(form: str) -> None:
    columns = plain()
    order = np.argsort(columns["y"])
    others = {
        "y" if key == "y" else form.format(place): [values[each] for each in order]
        for place, (key, values) in enumerate(columns.items(), start=2)
    }
    name = form.format(1)
    (finding,) = found({name: np.arange(1.0, N + 1), **others})["identifier"]
    assert (finding.certainty, finding.columns, finding.drop) == ("doubtful", (name,), ())


@pytest.mark.parametrize("numbered", ["by the outcome", "at random"])
def test_a_group_that_was_numbered_by_the_outcome_is_told(numbered: str) -> None:
    random = np.random.default_rng(5)
    level = random.normal(size=300)
    things = np.argsort(np.argsort(level)) if numbered == "by the outcome" else random.permutation(300)
    of = np.repeat(np.arange(300), 4)
    visit = np.tile(np.arange(4), 300)
    columns = {
        "patient_id": things[of] + 1.0, "visit": visit, "a": random.normal(size=1200),
        "y": level[of] + 0.2 * random.normal(size=1200),
    }  # fmt: skip
    (group,) = found(columns)["group"]
    assert group.drop == ("patient_id",)
    assert ("numbered by the outcome" in group.advice) == (numbered == "by the outcome")
    assert ("order_tells" in group.numbers) == (numbered == "by the outcome")
