"""What the benchmark of the search rests on: references, scores, intervals, tables, and spaces as peers see them."""

from __future__ import annotations

import gzip
import itertools
import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import pytest

from automl_core.space import Params, Space
from benchmarks.search import budgets, reference, results, table
from benchmarks.search.budgets import Work
from benchmarks.search.curves import Table, space_of
from benchmarks.search.peers.budget import at, grid
from benchmarks.search.peers.nesting import active, everything, flat, nested
from benchmarks.search.problems import Problem, conditional_models, continuous, mixed_training
from benchmarks.search.reference import expected_lowest
from benchmarks.search.results import CHECKPOINTS, Result
from benchmarks.search.run import Run, simulate
from benchmarks.search.sets import check, eighteen, nine
from benchmarks.search.statistics import lead, mean_score, ranks


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for results of its own."""
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(reference, "_PATH", tmp_path / "random_regret.json")
    return tmp_path


def made(name: str, *by_problem: list[float], first_seed: int = 0) -> Result:
    """A result in which every checkpoint of a run has one score: a list a problem, a number a seed."""
    result = Result("nine", name, 1)
    for index, by_seed in enumerate(by_problem):
        runs = {str(first_seed + seed): [score] * len(CHECKPOINTS) for seed, score in enumerate(by_seed)}
        result.scores[f"p{index}"] = runs
        result.cpu[f"p{index}"] = dict.fromkeys(runs, 0.5)
    return result


# --- the reference ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("draws", [1, 2, 4, 6])
def test_expected_lowest_is_the_mean_over_every_subset(draws: int) -> None:
    values = [4.0, 1.0, 7.5, 1.0, 3.0, 9.0]
    every = [min(subset) for subset in itertools.combinations(values, draws)]
    assert expected_lowest(values, draws) == pytest.approx(fmean(every))


def test_expected_lowest_leaves_out_draws_that_failed_altogether() -> None:
    values = [2.0, 5.0, math.inf, math.inf]
    every = [min(s) for s in itertools.combinations(values, 2) if min(s) < math.inf]
    assert expected_lowest(values, 2) == pytest.approx(fmean(every))


def test_the_reference_is_kept_and_not_drawn_again(kept: Path) -> None:
    calls = []

    def loss(params: Params) -> float:
        calls.append(params)
        return float(params["x0"])  # type: ignore[arg-type]

    problem = Problem("line", continuous("line", sum, [(0, 1)], 0.0).models, loss, 0.0, draws=400)
    first = reference.random_regret(problem)
    again = reference.random_regret(Problem("line", problem.models, loss, 0.0))
    assert first == again
    assert len(calls) == 400
    for trials, regret in zip(CHECKPOINTS, first, strict=True):  # of n uniform numbers the lowest is 1 / (n + 1)
        assert regret == pytest.approx(1 / (trials + 1), rel=0.35)


@pytest.mark.parametrize("problem", [*nine(), *eighteen(), *check()], ids=lambda problem: problem.name)
def test_no_draw_beats_the_stated_optimum(problem: Problem) -> None:
    rng = random.Random(1)
    losses = [problem.loss(problem.space.sample(rng)) for _ in range(200)]
    assert min(loss for loss in losses if math.isfinite(loss)) >= problem.optimum - 1e-9


# --- a run -----------------------------------------------------------------------------------------------------


class Counting:
    """A searcher that hands out draws, and counts how many are under way."""

    def __init__(self, space: Space) -> None:
        self.space, self.rng = space, random.Random(0)
        self.running = self.most = 0
        self.told: list[float | None] = []

    def ask(self) -> Params:
        self.running += 1
        self.most = max(self.most, self.running)
        return self.space.sample(self.rng)

    def tell(self, params: Params, loss: float | None) -> None:
        self.running -= 1
        self.told.append(loss)


@pytest.mark.parametrize("pending", [1, 4])
def test_so_many_trials_are_under_way_and_each_is_told(pending: int) -> None:
    problem = mixed_training()
    searcher = Counting(problem.space)
    run = simulate(searcher, problem, 12, pending, 0)
    assert searcher.most == pending
    assert list(run.losses) == searcher.told
    assert len(run.losses) == 12


def test_a_failure_is_told_as_one_and_costs_the_run_nothing_else() -> None:
    problem = continuous("p", lambda x: math.nan if x[0] > 0.5 else float(x[0]), [(0, 1)], 0.0)
    searcher = Counting(problem.space)
    run = simulate(searcher, problem, 30, 1, 0)
    assert [loss is None for loss in searcher.told] == [math.isnan(loss) for loss in run.losses]
    assert 0 < sum(loss is None for loss in searcher.told) < 30
    assert run.regret(30, 0.0) == min(loss for loss in run.losses if loss == loss)


def test_the_score_is_0_for_random_search_and_100_for_the_optimum(kept: Path) -> None:
    problem = continuous("p", lambda x: float(x[0]), [(0, 1)], 0.0)
    fair = reference.random_regret(problem)
    as_random = Run(tuple([1.0] * 4 + [fair[0]] + [1.0] * 45), 50, 0.0, 0.0).scores(problem)
    assert as_random[0] == pytest.approx(0.0)
    assert Run((0.0,) * 7, 50, 0.0, 0.0).scores(problem) == [100.0] * len(CHECKPOINTS)  # it knew no more to try
    assert Run((math.nan,) * 30, 30, 0.0, 0.0).scores(problem) == [-100.0] * 6  # a shorter run has fewer scores


# --- results, intervals, tables --------------------------------------------------------------------------------


def test_a_result_survives_its_file_and_knows_what_is_missing(kept: Path) -> None:
    result = results.load("nine", 1, "a")
    result.add("p0", 0, [1.0] * 10, 0.1, 0.2)
    result.add("p1", 0, [2.0] * 10, 0.1, 0.2)
    result.add("p1", 1, [3.0] * 6, 0.1, 0.2)
    again = results.load("nine", 1, "a")
    assert again == result
    assert again.has("p1", 1)
    assert not again.has("p0", 1)
    assert again.seeds(50) == ["0"]
    assert list(results.saved()) == [result]


def test_the_lead_pairs_the_seeds_that_both_have() -> None:
    ours = made("bayesian", [90.0, 80.0, 70.0], [60.0, 50.0, 40.0])
    same = lead(ours, made("peer", [80.0, 70.0], [50.0, 40.0]), 50)
    assert (same.mean, same.low, same.high) == pytest.approx((10.0, 10.0, 10.0))
    behind = lead(made("peer", [80.0, 70.0], [50.0, 40.0]), ours, 50)
    assert behind.mean == pytest.approx(-10.0)
    assert math.isnan(lead(ours, made("peer", [1.0], [1.0], first_seed=7), 50).mean)


def test_an_interval_over_problems_is_wider_than_one_over_seeds_alone() -> None:
    ours, peer = made("bayesian", [90.0] * 5, [20.0] * 5), made("peer", [10.0] * 5, [10.0] * 5)
    assert mean_score(ours, 50).half == 0.0
    found = lead(ours, peer, 50)
    assert (found.low, found.high) == pytest.approx((10.0, 80.0))


def test_ranks_share_places_between_equals() -> None:
    found = [made("a", [3.0], [1.0]), made("b", [3.0], [2.0]), made("c", [1.0], [3.0])]
    assert ranks(found, 50) == {"a": pytest.approx(2.25), "b": pytest.approx(1.75), "c": pytest.approx(2.0)}


def test_the_tables_show_what_is_better_than_ours() -> None:
    lines = table.by_problem([made("bayesian", [90.0], [20.0]), made("peer", [10.0], [30.0])])
    assert lines[2:] == ["| p0 | 90 | 10 |", "| p1 | 20 | **30** |"]


def test_only_the_marked_block_of_the_page_is_replaced() -> None:
    page = "a\n<!-- begin: x -->\nold\n<!-- end: x -->\nb\n"
    assert table.written(page, {"x": ["new \\1"]}) == "a\n<!-- begin: x -->\nnew \\1\n<!-- end: x -->\nb\n"
    with pytest.raises(ValueError, match="no block <!-- begin: y -->"):
        table.written(page, {"y": []})


# --- spaces as peers see them ----------------------------------------------------------------------------------


def filled(tree: dict[str, object], pick: Iterator[int]) -> dict[str, object]:
    """A nested space with a branch picked at every choice."""
    done: dict[str, object] = {}
    for name, part in tree.items():
        if isinstance(part, list):
            done[name] = filled(part[next(pick) % len(part)], pick)
        else:
            done[name] = part
    return done


@pytest.mark.parametrize("branch", [0, 1, 2])
@pytest.mark.parametrize("problem", [conditional_models(), mixed_training()], ids=lambda problem: problem.name)
def test_a_nested_choice_becomes_a_whole_combination(problem: Problem, branch: int) -> None:
    space = problem.space
    tree = nested(space, lambda parameter: parameter.value_at(0.7), lambda _, branches: list(branches))
    params = flat(space, filled(tree, itertools.repeat(branch)))
    assert {p.name for p in space.parameters if space.is_active(p, params)} == set(params)
    assert math.isfinite(problem.loss(params))
    assert active(space, everything(space, params)) == params


def curves() -> Table:
    mapping = {
        "lr": {"type": "loguniform", "low": 0.25, "high": 4.0, "power_of": 2},
        "solver": {"type": "choice", "values": ["adam", "sgd"]},
        "momentum": {"type": "choice", "values": [0.0, 0.9], "when": {"solver": ["sgd"]}},
    }
    space = space_of(mapping)
    losses = {Space.key(p): [10.0 - epoch for epoch in range(9)] for p in space.combinations()}
    return Table("t", mapping, space, 9, losses)


def test_a_table_is_given_to_peers_as_places_on_its_grid() -> None:
    space = curves().space
    assert grid(space.by_name["lr"]) == [0.25, 0.5, 1.0, 2.0, 4.0]
    assert at(space, {"lr": 1, "solver": 1, "momentum": 1}) == {"lr": 0.5, "solver": "sgd", "momentum": 0.9}
    assert at(space, {"lr": 1, "solver": 0, "momentum": 1}) == {"lr": 0.5, "solver": "adam"}


class Doubling:
    """Asks for one combination again and again, for 1, 2, 4, 8 epochs."""

    def __init__(self, resumes: bool) -> None:
        self.asked, self.resumes = 0, resumes

    def ask(self) -> Work | None:
        self.asked += 1
        return Work({"lr": 0.5, "solver": "adam"}, 2 ** (self.asked - 1), self.resumes) if self.asked <= 4 else None

    def report(self, work: Work, epoch: int, loss: float) -> bool:
        return epoch < work.target


@pytest.mark.parametrize(("resumes", "epochs"), [(True, 8), (False, 1 + 2 + 4 + 8)])
def test_a_resumed_combination_pays_the_difference(resumes: bool, epochs: int) -> None:
    run = budgets.simulate(Doubling(resumes), curves(), workers=1)
    assert run.log[-1][0] == epochs
    assert max(reached for _, _, reached in run.log) == 8


# --- NVIDIA's default search -----------------------------------------------------------------------------------


def test_the_function_of_dino_has_its_optimum_inside_the_default_search() -> None:
    from benchmarks.search import tao

    assets = Path(__file__).parents[2] / "assets" / "tao" / "networks-7.2.0.json.gz"
    schema = json.loads(gzip.decompress(assets.read_bytes()))["networks"]["dino"]["schema"]
    models = tao.space_of(schema)
    space, rng = Space.from_models(models), random.Random(1)
    searched = {parameter.name for parameter in space.tunable}
    assert searched == set(tao.SPANS)
    for name, (low, high) in tao.SPANS.items():
        parameter = space.by_name[name]
        assert parameter.low <= low < high <= parameter.high
        assert parameter.log == (name in tao.LOGARITHMIC)
    for seed in range(3):
        loss, even = tao.function(seed), tao.function(seed, even=True)
        drawn = [space.sample(rng) for _ in range(50)]
        assert min(map(loss, drawn)) > 0
        assert all(even(params) <= loss(params) for params in drawn)
        best = {name: tao._between(name, random.Random(f"tao {seed}").random()) for name in list(tao.SPANS)[:1]}
        near = {**drawn[0], **best}
        assert loss(near) < loss(drawn[0])
