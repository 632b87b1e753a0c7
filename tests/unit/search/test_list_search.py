"""What searches do with subsets, sorted lists and ordered options."""

from __future__ import annotations

import random
from statistics import mean
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from automl_core.search.bayesian.encoding import Encoding
from automl_core.search.bayesian.maximize import _neighbours
from automl_core.search.bayesian.source import Source
from automl_core.search.earlier import Incompatible, as_history, translate
from automl_core.search.neighbours import crossover, mutate
from automl_core.search.pbt import PbtOptions, explore
from automl_core.space import Space
from automl_core.spec.parameters import Parameter
from benchmarks.search.lists import PROBLEMS, best_of

READ = TypeAdapter(dict[str, Parameter])


def space(**parameters: dict[str, Any]) -> Space:
    return Space.from_models(READ.validate_python(parameters))


SUBSET = {"type": "subset", "values": list("abcdef"), "min": 1, "max": 3}
DROPS = {"type": "sorted_list", "low": 1, "high": 90, "length": 3, "whole": True}
VARIED = {"type": "sorted_list", "low": 0.01, "high": 1, "min_length": 0, "max_length": 3, "log": True}
SIZES = {"type": "ordinal", "values": ["xs", "s", "m", "l", "xl"]}
TWICE = {"type": "sorted_list", "low": 8, "high": 512, "length": 3, "multiple_of": 8, "distinct": False}
WHOLE = space(subset=SUBSET, drops=DROPS, varied=VARIED, size=SIZES, twice=TWICE)
STAYS = PbtOptions(resample=0)


@pytest.mark.parametrize(("algorithm", "trials", "seeds"), [("tpe", 40, 4), ("bayesian", 25, 1)])
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_a_model_beats_random_search(problem: Any, algorithm: str, trials: int, seeds: int) -> None:
    by_chance = mean(best_of(problem, "random", seed, trials) for seed in range(12))
    assert mean(best_of(problem, algorithm, seed, trials) for seed in range(seeds)) < by_chance


class TestMoves:
    @given(seed=st.integers(0, 10**6))
    def test_a_mutation_is_another_valid_combination(self, seed: int) -> None:
        rng = random.Random(seed)
        params = WHOLE.sample(rng)
        changed = mutate(WHOLE, params, rng, width=0.1, chance=0.3)
        assert WHOLE.problem(changed) is None
        assert changed != params

    @given(seed=st.integers(0, 10**6))
    def test_a_child_has_its_members_from_its_parents(self, seed: int) -> None:
        rng = random.Random(seed)
        one, two = WHOLE.sample(rng), WHOLE.sample(rng)
        child = crossover(WHOLE, one, two, rng)
        assert WHOLE.problem(child) is None
        assert set(child["subset"]) <= {*one["subset"], *two["subset"]}  # type: ignore[misc]
        assert len(child["varied"]) in (len(one["varied"]), len(two["varied"]))  # type: ignore[arg-type]

    @given(seed=st.integers(0, 10**6))
    def test_pbt_moves_a_little(self, seed: int) -> None:
        rng = random.Random(seed)
        params = WHOLE.sample(rng)
        changed = explore(WHOLE, params, rng, STAYS)
        before, after = set(params["subset"]), set(changed["subset"])  # type: ignore[arg-type]
        assert before != after
        assert len(before - after) <= 1
        assert len(after - before) <= 1
        order = SIZES["values"]
        assert abs(order.index(params["size"]) - order.index(changed["size"])) == 1  # type: ignore[attr-defined]
        assert WHOLE.problem(changed) is None
        for old, new in zip(params["drops"], changed["drops"], strict=True):  # type: ignore[arg-type]
            assert 0.3 * old - 3 <= new <= 3 * old + 3  # a factor of 1.2, and what neighbours push

    def test_pbt_draws_a_list_anew_now_and_then(self) -> None:
        rng = random.Random(1)
        params = {"subset": ["a", "b", "c"], "drops": [1, 2, 3], "varied": [], "size": "m", "twice": [8, 8, 8]}
        found = [explore(WHOLE, params, rng, PbtOptions(resample=1))["drops"] for _ in range(20)]
        assert max(drops[0] for drops in found) > 10  # type: ignore[index,type-var]


class TestEncoding:
    @given(seed=st.integers(0, 10**6))
    def test_rows_come_back(self, seed: int) -> None:
        encoding = Encoding(WHOLE)
        params = WHOLE.sample(random.Random(seed))
        (row,) = encoding.rows([params])
        back = encoding.params(row)
        assert back["subset"] == params["subset"]
        assert back["drops"] == params["drops"]
        assert back["size"] == params["size"]
        assert back["varied"] == pytest.approx(params["varied"], rel=1e-4)

    def test_sampled_and_settled_rows_are_combinations(self) -> None:
        encoding = Encoding(WHOLE)
        rows = encoding.sample(60, np.random.default_rng(1))
        for row in rows:
            assert WHOLE.problem(encoding.params(row)) is None
        noisy = np.clip(rows + np.random.default_rng(2).normal(size=rows.shape) * 0.3, 0, 1)
        noisy[:, encoding.categorical] = np.random.default_rng(3).integers(0, 2, (60, len(encoding.categorical)))
        settled = encoding.settle(noisy)
        assert np.abs(encoding.rows([encoding.params(row) for row in settled]) - settled).max() < 1e-4
        assert all(WHOLE.problem(encoding.params(row)) is None for row in settled)

    def test_what_a_shorter_list_lacks_is_not_compared(self) -> None:
        encoding = Encoding(space(varied=VARIED))
        one, two = encoding.rows([{"varied": [0.1]}, {"varied": [0.1, 0.5]}])
        assert encoding.active(np.array([one, two])).tolist() == [[True, True, False, False], [True, True, True, False]]

    def test_a_condition_on_a_subset_is_seen(self) -> None:
        encoding = Encoding(space(subset=SUBSET, g={"type": "uniform", "low": 0, "high": 1, "when": {"subset": ["b"]}}))
        rows = encoding.rows([{"subset": ["a"]}, {"subset": ["a", "b"], "g": 0.3}])
        assert encoding.active(rows)[:, -1].tolist() == [False, True]

    def test_a_full_subset_is_left_by_a_swap(self) -> None:
        whole = space(subset={**SUBSET, "min": 3})
        encoding = Encoding(whole)
        (row,) = encoding.rows([{"subset": ["a", "b", "c"]}])
        found = {
            tuple(encoding.params(each)["subset"]) for each in _neighbours(encoding, row, np.random.default_rng(1))
        }  # type: ignore[arg-type]
        assert {tuple(sorted({"a", "b", "c"} - {out} | {into})) for out in "abc" for into in "def"} <= found


class TestEarlier:
    def test_lists_are_brought_into_todays_space(self) -> None:
        today = space(subset=SUBSET, drops={**DROPS, "multiple_of": 10, "high": 90})
        given = [
            ({"subset": ["c", "a"], "drops": [11, 28, 90]}, 1.0),
            ({"subset": ["a", "z"], "drops": [10, 20, 30]}, 2.0),
            ({"subset": ["a"], "drops": [10, 20, 95]}, 3.0),
            ({"subset": [], "drops": [10, 20, 30]}, 4.0),
        ]
        found = translate(today, given)
        assert found.observations == (({"subset": ["a", "c"], "drops": [10, 30, 90]}, 1.0),)
        assert dict(found.dropped) == {"subset lies outside today's values": 2, "drops lies outside today's values": 1}

    def test_a_list_that_was_none_leaves_the_run_out(self) -> None:
        with pytest.raises(Incompatible, match="drops is a list today, and was none there"):
            translate(space(drops=DROPS), [({"drops": 3}, 1.0)])

    def test_a_model_of_an_earlier_run_knows_the_parts_of_its_lists(self) -> None:
        rng = random.Random(1)
        found = translate(WHOLE, [(WHOLE.sample(rng), float(k)) for k in range(12)])
        source = Source(Encoding(WHOLE), as_history(found.observations), np.random.default_rng(1))
        assert len(source.columns.numeric) + len(source.columns.categorical) == len(WHOLE.dimensions)
