"""What knowing the cost of trials brings, on problems of the work half that take no training, with drawn cost models.

    python -m benchmarks.search.costs --seeds 3

A trial costs a factor of 10 to 100 more at one end of a drawn number than at the other, more or less again by the
option of a drawn choice (normal, deviation 0.5), and noise (lognormal, 0.2, the same for the same combination). A
random combination costs 1 on average. With a limit of 10, 20 and 40 (tight, middle, loose) of at most 60 trials the
search that is told of costs and limit is compared with the one that isn't. ``max_cost``: the trial that is under way
when the limit is reached counts. ``deadline``: it is lost.

Scores: 0 is what random search reaches for the same money (mean of 300 orders of 3,000 random combinations), 100 the
optimum; a run's score is clipped to 0 … 100. Intervals by bootstrap over problems, the seeds of each within.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from automl_core.search.base import Context, Limit, NewTrial, PastTrial
from automl_core.search.registry import create
from automl_core.space import Params, Space
from automl_core.states import TrialState
from benchmarks.search.drawn import seed_of
from benchmarks.search.halves import SALT, half
from benchmarks.search.problems import Problem
from benchmarks.search.statistics import difference

LIMITS = {"tight": 10.0, "middle": 20.0, "loose": 40.0}
STOPS = {"max_cost": False, "deadline": True}

Numbers: TypeAlias = Sequence[float] | npt.NDArray[np.float64]

_TRIALS, _DRAWS, _ORDERS = 60, 3_000, 300


@dataclass(frozen=True)
class Costly:
    """A problem whose trials differ in cost.

    Attributes:
        problem: of the loss.
        cost: of a combination, 1 on average over random ones.
        draws: losses and costs of random combinations, shape (draws, 2).
    """

    problem: Problem
    cost: Callable[[Params], float]
    draws: npt.NDArray[np.float64]

    def random_regret(self, limit: float, hard: bool) -> float:
        """Mean regret of random search for so much money."""
        rng = np.random.default_rng(0)
        found = []
        for _ in range(_ORDERS):
            losses, costs = self.draws[rng.permutation(len(self.draws))[:_TRIALS]].T
            found.append(reached(losses, costs, limit, hard))
        known = [loss for loss in found if math.isfinite(loss)]
        return float(np.mean(known)) - self.problem.optimum


def reached(losses: Numbers, costs: Numbers, limit: float, hard: bool) -> float:
    """Lowest loss of the trials that ended by the limit; where it isn't hard, of those that had begun by then."""
    ended = np.cumsum(costs)
    counts = ended <= limit if hard else ended - np.asarray(costs) < limit
    return float(np.min(np.asarray(losses)[counts], initial=math.inf))


def costly(problem: Problem) -> Costly:
    """The problem with a cost model that a hash of its name draws."""
    rng = np.random.default_rng(seed_of(SALT, "costs", problem.name))
    space = problem.space
    always = [parameter for parameter in space.dimensions if not parameter.when]
    size = rng.choice([parameter.name for parameter in always if parameter.kind != "categorical"])
    factor = math.log(10.0) * float(rng.uniform(1, 2)) * float(rng.choice([-1, 1]))
    choices = [parameter.name for parameter in always if parameter.kind == "categorical"]
    branch = str(rng.choice(choices)) if choices else None
    extra = {option: float(rng.normal(0, 0.5)) for option in space.by_name[branch].options} if branch else {}

    def plain(params: Params) -> float:
        digest = hashlib.sha256(f"cost:{problem.name}:{Space.key(params)}".encode()).digest()
        noise = 0.2 * float(np.random.default_rng(int.from_bytes(digest[:8], "big")).normal())
        unit = space.by_name[size].unit_of(params[size])
        return math.exp(factor * unit + (extra[params[branch]] if branch else 0.0) + noise)

    drawn = random.Random(f"costs:{problem.name}")
    combinations = [space.sample(drawn) for _ in range(_DRAWS)]
    mean = float(np.mean([plain(params) for params in combinations]))
    draws = np.array([(problem.loss(params), plain(params) / mean) for params in combinations])
    return Costly(problem, lambda params: plain(params) / mean, draws)


def run(costly: Costly, limit: Limit | None, until: float, seed: int) -> tuple[list[float], list[float]]:
    """Losses and costs of one run, trial after trial, until so much is spent.

    Args:
        costly: the problem.
        limit: what the search is told; None: neither limit nor costs.
        until: what is spent in the end.
        seed: of the search.
    """
    context = Context(space=costly.problem.space, max_trials=_TRIALS, seed=seed, limit=limit)
    algorithm = create("bayesian", context)
    history: list[PastTrial] = []
    costs: list[float] = []
    while len(history) < _TRIALS and sum(costs) < until:
        decision = algorithm.suggest(history)
        if not isinstance(decision, NewTrial):
            break
        costs.append(costly.cost(decision.params))
        loss = costly.problem.loss(decision.params)
        done = PastTrial(len(history), decision.params, TrialState.SUCCEEDED, loss=loss)
        history.append(replace(done, spent=costs[-1]) if limit else done)
    return [float(trial.loss) for trial in history if trial.loss is not None], costs


def score(costly: Costly, losses: Sequence[float], costs: Sequence[float], limit: float, hard: bool) -> float:
    """From 0 (random search for the same money, or worse) to 100 (the optimum)."""
    regret = reached(losses, costs, limit, hard) - costly.problem.optimum
    return float(np.clip(100 * (1 - regret / costly.random_regret(limit, hard)), 0, 100))


def main() -> None:
    """Run, and print a line for each stop and limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--problems", nargs="*", help="only those whose name has one of these in it")
    arguments = parser.parse_args()
    named = [each for each in half("work") if each.draws > 1_000]  # those that train have fewer
    problems = [
        costly(each)
        for each in named
        if not arguments.problems or any(part in each.name for part in arguments.problems)
    ]
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    found: dict[tuple[str, str], list[list[tuple[float, float]]]] = {
        (stop, limit): [] for stop in STOPS for limit in LIMITS
    }
    for problem in problems:
        for key in found:
            found[key].append([])
        for seed in seeds:
            blind = run(problem, None, max(LIMITS.values()), seed)
            for (stop, limit), rows in found.items():
                hard, total = STOPS[stop], LIMITS[limit]
                told = run(problem, Limit(total, "cost", hard), total, seed)
                rows[-1].append(tuple(score(problem, *each, total, hard) for each in (blind, told)))  # type: ignore[arg-type]
        means = {key: np.mean(rows[-1], axis=0) for key, rows in found.items()}
        line = "  ".join(f"{stop} {limit} {a:.0f} → {b:.0f}" for (stop, limit), (a, b) in means.items())
        print(f"{problem.problem.name:30} {line}", flush=True)
    print("| stop | limit | costs unknown | known | difference (95 %) |")
    print("|---|---|---|---|---|")
    for (stop, limit), rows in found.items():
        table = np.array(rows)
        gain = difference(table[:, :, 1] - table[:, :, 0])
        blind_mean, told_mean = table.mean(axis=(0, 1))
        known = f"{gain.mean:+.1f} ({gain.low:+.1f} to {gain.high:+.1f})"
        print(f"| {stop} | {limit} | {blind_mean:.1f} | {told_mean:.1f} | {known} |")


if __name__ == "__main__":
    main()
