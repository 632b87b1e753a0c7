"""Subsets, sorted lists and ordered options: drawn as the file says, encoded and back, counted, checked."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from itertools import combinations, combinations_with_replacement, islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from automl_core.space import Space
from automl_core.space.listed import Lists, how_many
from automl_core.space.lists import SortedListParameter, SubsetParameter
from automl_core.spec.parameters import Parameter
from automl_core.spec.relations import check_space

READ = TypeAdapter(dict[str, Parameter])


def space(**parameters: dict[str, Any]) -> Space:
    models = READ.validate_python(parameters)
    check_space(models)
    return Space.from_models(models)


def subset(values: int = 4, **more: Any) -> dict[str, Any]:
    return {"type": "subset", "values": [f"v{i}" for i in range(values)], **more}


def numbers(low: float = 1, high: float = 5, **more: Any) -> dict[str, Any]:
    return {"type": "sorted_list", "low": low, "high": high, **more}


@st.composite
def subsets(draw: st.DrawFn) -> dict[str, Any]:
    values = draw(st.lists(st.one_of(st.text(max_size=3), st.integers(-9, 9), st.booleans()), min_size=1, max_size=9,
                           unique_by=lambda v: (type(v).__name__, v)))  # fmt: skip
    weights = draw(st.none() | st.lists(st.sampled_from([0.0, 1e-6, 0.5, 1.0, 3.0]), min_size=len(values),
                                        max_size=len(values)).filter(lambda w: sum(w) > 0))  # fmt: skip
    free = len(values) if weights is None else sum(1 for w in weights if w > 0)
    least = draw(st.integers(0, free))
    most = draw(st.none() | st.integers(least, len(values)))
    return {"type": "subset", "values": values, "weights": weights, "min": least, "max": most}


@st.composite
def sorted_lists(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.sampled_from([1, 2, 16]))
    high = low + draw(st.sampled_from([8, 9, 240]))
    shortest = draw(st.integers(0, 3))
    longest = draw(st.integers(max(shortest, 1), 4))
    how = draw(st.sampled_from([{}, {"whole": True}, {"multiple_of": 0.5}, {"whole": True, "multiple_of": 2}]))
    return numbers(
        low, high, min_length=shortest, max_length=longest, log=draw(st.booleans()), distinct=draw(st.booleans()), **how
    )


class TestBoth:
    @given(parameter=st.one_of(subsets(), sorted_lists()), seed=st.integers(0, 10**6))
    def test_what_is_drawn_is_valid_and_comes_back_from_its_point(self, parameter: dict[str, Any], seed: int) -> None:
        whole = space(a=parameter)
        rng = random.Random(seed)
        for _ in range(20):
            params = whole.sample(rng)
            units = [0.37 if math.isnan(unit) else unit for unit in whole.units(params)]

            assert whole.problem(params) is None
            assert all(0 <= unit <= 1 for unit in units)
            for back in (whole.at(units), whole.near(units)):
                assert [round(v, 9) if isinstance(v, float) else v for v in back["a"]] == [
                    round(v, 9) if isinstance(v, float) else v for v in params["a"]
                ]
            assert whole.complete({"a": params["a"]}) == params
            assert whole.key(json.loads(json.dumps(params))) == whole.key(params)

    @given(parameter=st.one_of(subsets(), sorted_lists()), units=st.lists(st.floats(0, 1), min_size=9, max_size=9))
    def test_every_point_of_the_cube_is_a_combination(self, parameter: dict[str, Any], units: list[float]) -> None:
        whole = space(a=parameter)
        for each in ([*units], [0.0] * 9, [1.0] * 9, [0.5] * 9):
            point = each[: len(whole.dimensions)]
            assert whole.problem(whole.at(point)) is None
            assert whole.problem(whole.near(point)) is None
        assert whole.problem(whole.complete({})) is None

    @given(parameter=st.one_of(subsets(), sorted_lists()))
    def test_a_finite_space_is_counted_as_it_is_listed(self, parameter: dict[str, Any]) -> None:
        whole = space(a=parameter)
        size = whole.size()
        if size is None:
            assert parameter["type"] == "sorted_list"
            return
        listed = list(islice(whole.combinations(), 3000))
        assert len({whole.key(params) for params in listed}) == len(listed) == min(size, 3000)
        assert all(whole.problem(params) is None for params in listed)
        assert all(whole.on_grid(params, None) for params in listed[:50])

    def test_a_grid_has_points_of_an_endless_list(self) -> None:
        whole = space(a=numbers(0, 1, length=2), b={"type": "ordinal", "values": ["s", "m"]})
        points = list(whole.combinations(resolution=3))
        assert len(points) == whole.count(3, 100) == 2 * 3
        assert [params["a"] for params in points][::2] == [[0.0, 0.5], [0.0, 1.0], [0.5, 1.0]]

    def test_a_shorter_grid_than_the_list_still_has_lists(self) -> None:
        assert len(list(space(a=numbers(0, 1, length=3)).combinations(resolution=2))) == 4


class TestSubset:
    def test_each_subset_of_an_allowed_size_is_drawn_with_the_same_chance(self) -> None:
        whole, rng = space(a=subset(4, min=1, max=2)), random.Random(1)
        counts = Counter(tuple(whole.sample(rng)["a"]) for _ in range(20_000))  # type: ignore[arg-type]
        assert set(counts) == {c for k in (1, 2) for c in combinations(["v0", "v1", "v2", "v3"], k)}
        assert all(abs(count - 2000) < 5 * math.sqrt(2000) for count in counts.values())

    def test_a_chance_is_the_product_of_the_members_weights(self) -> None:
        whole, rng = space(a=subset(3, min=1, max=2, weights=[4, 2, 1])), random.Random(1)
        counts = Counter("".join(whole.sample(rng)["a"]) for _ in range(20_000))  # type: ignore[arg-type]
        chances = {"v0": 8, "v1": 4, "v2": 2, "v0v1": 4, "v0v2": 2, "v1v2": 1}  # of weights 1, 1/2, 1/4
        for name, chance in chances.items():
            expected = 20_000 * chance / 21
            assert abs(counts[name] - expected) < 5 * math.sqrt(expected)

    def test_the_nearest_one_prefers_no_option(self) -> None:
        whole = space(a=subset(12, min=3, max=3))
        places: Counter[Any] = Counter()
        for k in range(400):
            noise = random.Random(k)
            places.update(whole.near([0.9 if noise.random() < 0.5 else 0.1 for _ in range(12)])["a"])  # type: ignore[arg-type]
        assert min(places.values()) > 0.5 * max(places.values())
        assert whole.near([0.9, 0.2, 0.8, 0.7, 0.6, *[0.1] * 7])["a"] == ["v0", "v2", "v3"]

    def test_members_stand_in_the_order_of_the_file(self) -> None:
        whole = space(a=subset(3))
        assert whole.complete({"a": ["v2", "v0"]})["a"] == ["v0", "v2"]
        assert whole.problem({"a": ["v2", "v0"]}) == (
            "a: ['v2', 'v0'] is not in the order of its options ['v0', 'v1', 'v2']"
        )

    @pytest.mark.parametrize(
        ("value", "says"),
        [
            ("v0", "'v0' is no list; it is a subset of ['v0', 'v1', 'v2']"),
            (["v0", "v9"], "'v9' is not among ['v0', 'v1', 'v2']"),
            (["v0", "v0"], "'v0' stands twice in it"),
            ([], "it has 0 members; 1 to 2 are allowed"),
            (["v0", "v1", "v2"], "it has 3 members; 1 to 2 are allowed"),
        ],
    )
    def test_a_wrong_value_is_named(self, value: Any, says: str) -> None:
        whole = space(a=subset(3, min=1, max=2))
        assert whole.by_name["a"].check(value) == says
        with pytest.raises(ValueError, match="a: "):
            whole.complete({"a": value})

    def test_true_and_1_are_two_options(self) -> None:
        whole = space(a={"type": "subset", "values": [1, True]})
        assert len(list(whole.combinations())) == 4
        assert whole.units({"a": [True]}) == [0.0, 1.0]

    def test_what_depends_on_a_subset_exists_with_one_of_its_members(self) -> None:
        whole = space(a=subset(3), g={"type": "int", "low": 1, "high": 2, "when": {"a": ["v0", "v2"]}})
        assert whole.size() == 6 * 2 + 2
        for params in whole.combinations():
            assert ("g" in params) is bool({"v0", "v2"} & set(params["a"]))  # type: ignore[arg-type]

    def test_hundreds_of_options_are_counted_exactly(self) -> None:
        whole = space(a=subset(200))
        values = whole.by_name["a"].values_within(0, 0)
        assert values is not None
        assert how_many(values) == 2**200
        assert whole.count(None, 10**9) == 10**9 + 1
        assert len(next(iter(whole.combinations()))["a"]) == 0  # type: ignore[arg-type]
        assert 70 < len(whole.sample(random.Random(0))["a"]) < 130  # type: ignore[arg-type]

    def test_one_subset_is_nothing_to_search(self) -> None:
        whole = space(a=subset(3, min=3), b=subset(2, weights=[0, 1], min=1))
        assert whole.dimensions == ()
        assert whole.sample(random.Random(0)) == {"a": ["v0", "v1", "v2"], "b": ["v1"]}


class TestSortedList:
    @pytest.mark.parametrize("distinct", [True, False])
    def test_distinct_whole_numbers_are_drawn_evenly_others_each_on_its_own(self, distinct: bool) -> None:
        whole, rng = space(a=numbers(1, 5, length=3, whole=True, distinct=distinct)), random.Random(1)
        counts = Counter(tuple(whole.sample(rng)["a"]) for _ in range(25_000))  # type: ignore[arg-type]
        kinds = combinations if distinct else combinations_with_replacement
        assert set(counts) == set(kinds(range(1, 6), 3))
        for found, count in counts.items():
            orders = math.factorial(3) / math.prod(math.factorial(c) for c in Counter(found).values())
            expected = 25_000 / 10 if distinct else 25_000 * orders / 125
            assert abs(count - expected) < 5 * math.sqrt(expected)

    def test_the_numbers_of_a_range_are_order_statistics(self) -> None:
        whole, rng = space(a=numbers(0, 1, length=3)), random.Random(1)
        drawn = [whole.sample(rng)["a"] for _ in range(4000)]
        means = [sum(each[k] for each in drawn) / 4000 for k in range(3)]  # type: ignore[index,misc]
        assert means == pytest.approx([0.25, 0.5, 0.75], abs=0.02)

    def test_each_length_is_drawn_with_the_same_chance(self) -> None:
        whole, rng = space(a=numbers(0, 1, min_length=0, max_length=3)), random.Random(1)
        counts = Counter(len(whole.sample(rng)["a"]) for _ in range(4000))  # type: ignore[arg-type]
        assert all(abs(counts[k] - 1000) < 150 for k in range(4))

    def test_a_logarithmic_one_is_uniform_in_the_logarithm(self) -> None:
        whole, rng = space(a=numbers(1e-4, 1, length=1, log=True)), random.Random(1)
        logs = [math.log10(whole.sample(rng)["a"][0]) for _ in range(2000)]  # type: ignore[index,arg-type]
        assert sum(logs) / 2000 == pytest.approx(-2, abs=0.1)

    def test_another_parameter_bounds_all_numbers(self) -> None:
        whole = space(e={"type": "int", "low": 3, "high": 9}, a=numbers(1, 9, length=3, whole=True, at_most="e"))
        assert whole.size() == sum(math.comb(e, 3) for e in range(3, 10))
        for params in whole.combinations():
            assert params["a"][-1] <= params["e"]  # type: ignore[index,operator]
        assert whole.problem({"e": 4, "a": [1, 2, 5]}) == "a: 5 lies outside -inf..4"

    def test_equal_numbers_are_moved_apart(self) -> None:
        (parameter,) = space(a=numbers(0, 1, length=3)).parameters
        assert isinstance(parameter, SortedListParameter)
        for units in ([0.5, 0.5, 0.5], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]):
            found = parameter.list_at(units)
            assert parameter.check(found) is None
            assert max(found) - min(found) < 1e-5  # type: ignore[type-var,operator]

    @pytest.mark.parametrize(
        ("value", "says"),
        [
            (3, "3 is no list; it is an ascending list of numbers"),
            ([3, 2], "[3, 2] does not ascend"),
            ([2, 2], "2 stands twice in it (distinct: true)"),
            ([2, 9], "9 lies outside 1..5"),
            ([2, True], "True is not a number"),
            ([2, 2.5], "2.5 is not a whole number"),
            ([1], "it has 1 numbers; 2 are allowed"),
        ],
    )
    def test_a_wrong_value_is_named(self, value: Any, says: str) -> None:
        assert space(a=numbers(1, 5, length=2, whole=True)).by_name["a"].check(value) == says

    def test_the_users_own_digits_are_kept(self) -> None:
        whole = space(a=numbers(0, 1, length=2, default=[0.1, 0.30000000000000004]))
        assert whole.defaults() == {"a": [0.1, 0.30000000000000004]}

    def test_a_list_beside_the_grid_says_so(self) -> None:
        parameter = space(a=numbers(0, 64, length=2, multiple_of=16)).by_name["a"]
        assert parameter.off_grid([16, 30]) == "30 is not on the parameter's grid; the nearest value is 32"
        assert parameter.off_grid([16, 32]) is None

    @given(places=st.lists(st.integers(0, 6), min_size=3, max_size=3))
    def test_what_nearly_fits_moves_as_little_as_it_takes(self, places: list[int]) -> None:
        (parameter,) = space(a=numbers(0, 6, length=3, whole=True)).parameters
        assert isinstance(parameter, SortedListParameter)
        fitted = parameter.fit(places)
        assert parameter.check(fitted) is None
        if len(set(places)) == 3:
            assert fitted == sorted(places)


class TestOrdinal:
    def test_options_stand_in_their_order_on_the_unit_interval(self) -> None:
        whole = space(a={"type": "ordinal", "values": ["s", "m", "l", "never"], "weights": [2, 1, 1, 0]})
        (parameter,) = whole.parameters
        assert [parameter.unit_of(option) for option in ("s", "m", "l")] == [0.25, 0.625, 0.875]
        assert [parameter.value_at(u) for u in (0.0, 0.49, 0.51, 0.99, 1.0)] == ["s", "s", "m", "l", "l"]
        assert whole.size() == 3

    def test_ordered_numbers_may_bound_others(self) -> None:
        whole = space(
            b={"type": "ordinal", "values": [8, 16, 64]}, a={"type": "int", "low": 1, "high": 64, "at_most": "b"}
        )
        assert whole.size() == 8 + 16 + 64

    def test_an_option_brings_parameters_of_its_own(self) -> None:
        inner = {"d": {"type": "int", "low": 1, "high": 3}}
        whole = space(a={"type": "ordinal", "values": ["s", {"value": "m", "space": inner}]})
        assert whole.size() == 1 + 3


class TestListed:
    @given(items=st.integers(0, 7), fewest=st.integers(0, 3), more=st.integers(0, 3), repeats=st.booleans())
    def test_indexing_is_what_itertools_lists(self, items: int, fewest: int, more: int, repeats: bool) -> None:
        kinds = combinations_with_replacement if repeats else combinations
        names = [f"i{k}" for k in range(items)]
        expected = [list(each) for length in range(fewest, fewest + more + 1) for each in kinds(names, length)]
        found = Lists(names, fewest, fewest + more, repeats=repeats)
        assert list(found) == expected
        assert len(found) == how_many(found) == len(expected)
        assert all(each in found for each in expected)
        assert ["i0", "nothing"] not in found
        assert ["i1", "i0"] not in found

    def test_a_far_one_is_found_without_listing(self) -> None:
        found = Lists(range(300), 0, 300)
        assert found.total == 2**300
        assert found[-1] == list(range(300))
        assert found[2**40] in found


def test_a_subset_knows_its_parts() -> None:
    whole = space(a=subset(3, weights=[1, 0, 1]), n=numbers(1, 9, min_length=1, max_length=2, whole=True))
    assert [dimension.name for dimension in whole.dimensions] == ["a[v0]", "a[v2]", "n[]", "n[0]", "n[1]"]
    assert whole.spread({"a": ["v2"], "n": [4]}) == {"a[v0]": False, "a[v2]": True, "n[]": 1, "n[0]": 4}
    assert isinstance(whole.by_name["a"], SubsetParameter)
