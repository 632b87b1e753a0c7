"""Two halves of problems: what draws them deals evenly, the same everywhere, and nothing stands in both."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from benchmarks.search import halves, trained
from benchmarks.search.drawn import BBOB_GROUPS, bbob_numbers, conditional, mixed, seed_of, stepped
from benchmarks.search.results import Result
from benchmarks.search.run import _open_seal


@pytest.mark.parametrize("salt", ["2026-11", "another"])
def test_every_function_stands_in_one_half_and_groups_and_dimensions_in_both(salt: str) -> None:
    work, sealed = bbob_numbers(salt)
    assert sorted(number for number, _ in (*work, *sealed)) == list(range(1, 25))
    for half in (work, sealed):
        assert Counter(width for _, width in half) == {2: 3, 3: 3, 5: 3, 10: 3}
        assert all(2 <= sum(number in group for number, _ in half) <= 3 for group in BBOB_GROUPS)
    assert bbob_numbers(salt) == (work, sealed)
    assert bbob_numbers(salt + "x") != (work, sealed)


def test_learners_meet_data_in_one_half_only() -> None:
    work, sealed = (halves.pairs(name) for name in halves.HALVES)
    assert not set(work) & set(sealed)
    assert len({kind for kind, _ in work}) == len(work) == len({kind for kind, _ in sealed}) == len(sealed) == 5
    names = [problem.name for name in halves.HALVES for problem in halves._others(name)]
    assert len(set(names)) == 24


def test_trained_models_to_choose_by_meet_no_data_that_they_meet_in_a_half() -> None:
    known = {pair for half in halves.HALVES for pair in halves.pairs(half)}
    drawn = trained.drawn_pairs()
    assert not known & set(drawn)
    assert len(set(drawn)) == len(drawn) == 14
    assert len({problem.name for problem in trained.drawn()}) == 9


@pytest.mark.parametrize("make", [mixed, conditional])
def test_a_drawn_problem_is_the_same_everywhere_and_says_something_of_each_parameter(make: object) -> None:
    problems = [make("x", seed_of("test", number)) for number in range(6)]  # type: ignore[operator]
    for number, problem in enumerate(problems):
        again = make("x", seed_of("test", number))  # type: ignore[operator]
        rng = random.Random(1)
        drawn = [problem.space.sample(rng) for _ in range(60)]
        losses = [problem.loss(params) for params in drawn]
        assert losses == [again.loss(params) for params in drawn]
        assert all(math.isfinite(loss) for loss in losses)
        assert max(losses) > min(losses) + 0.05
    assert len({str(problem.models) for problem in problems}) == 6


def test_stepped_ones_have_whole_counts_and_ties() -> None:
    problem = stepped(mixed("x", 5), 100, 1.5, 7)
    rng = random.Random(0)
    losses = [problem.loss(problem.space.sample(rng)) for _ in range(200)]
    assert all(abs(100 * loss - round(100 * loss)) < 1e-9 for loss in losses)
    assert len(set(losses)) < 80


def test_the_sealed_half_is_scored_once_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = mixed("x", 5)
    result = Result("sealed", "bayesian", 1)
    _open_seal(result, [0], [problem])
    assert result.version
    assert result.date
    result.scores = {"x": {"0": [1.0]}}
    with pytest.raises(SystemExit, match="once is all"):
        _open_seal(result, [0], [problem])
    _open_seal(result, [0, 1], [problem])  # what an interrupted run lacks
    assert result.scores
    monkeypatch.setattr("benchmarks.search.run.RELEASE", "99.0")
    _open_seal(result, [0], [problem])
    assert not result.scores, "another release begins anew"
