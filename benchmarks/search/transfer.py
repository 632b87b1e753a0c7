"""Transfer from an earlier experiment against a cold start: ``python -m benchmarks.search.transfer``.

Each case is a problem and an earlier experiment of 40 trials (TPE's, as a user's earlier search would be) on a
relative of it: the same training some weeks later, another data set, one that agrees in half of its parameters,
and three that mislead. Score as in `benchmarks.search.run`: 0 is random search with as many trials, 100 the
optimum; the difference to the cold start of the same seed is given with its 95 % interval over problems and seeds.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.search.base import Context, History, NewTrial, PastTrial
from automl_core.search.earlier import as_history, translate
from automl_core.search.registry import create
from automl_core.space import Params
from automl_core.states import TrialState
from benchmarks.search import functions as f
from benchmarks.search.problems import Problem, continuous, mixed_training, tabulated

RESULTS = Path(__file__).parent / "results" / "transfer.json"
EARLIER_TRIALS = 40
TRIALS = (10, 20, 30)
_RANDOM_RUNS = 400

Relative = Callable[[Problem], Callable[[Params], float]]
"""From a problem to the loss of the earlier experiment on its space."""


def _moved(problem: Problem, shift: Callable[[int, float], float]) -> Callable[[Params], float]:
    """The loss with the unit interval of each numeric parameter moved, by its position among the parameters."""
    space = problem.space

    def loss(params: Params) -> float:
        units = [0.5 if math.isnan(u) else u for u in space.units(params)]
        for j, parameter in enumerate(space.dimensions):
            if parameter.kind != "categorical":
                units[j] = shift(j, units[j])
        return problem.loss(space.at(units))

    return loss


def retrained(problem: Problem) -> Callable[[Params], float]:
    """The same training on newer data: the optimum a little away, another scale."""
    moved = _moved(problem, lambda j, u: min(max(u + (0.04 if j % 2 else -0.04), 0.0), 1.0))
    return lambda params: 3.0 * moved(params) + 10.0


def half(problem: Problem) -> Callable[[Params], float]:
    """Agrees in every other parameter; the optimum of the others lies elsewhere."""
    return _moved(problem, lambda j, u: (u + 0.4) % 1.0 if j % 2 else u)


def negated(problem: Problem) -> Callable[[Params], float]:
    """The best combinations of the earlier experiment are today's worst."""
    return lambda params: -problem.loss(params)


def elsewhere(problem: Problem) -> Callable[[Params], float]:
    """The same shape, with its optimum far from today's in every parameter."""
    return _moved(problem, lambda j, u: (u + 0.5) % 1.0)


def unrelated(problem: Problem) -> Callable[[Params], float]:
    """A smooth function that has nothing to do with today's."""
    space = problem.space
    rng = np.random.default_rng(len(problem.name))
    centres, heights = rng.random((12, len(space.dimensions))), rng.standard_normal(12)

    def loss(params: Params) -> float:
        units = np.nan_to_num(np.array(space.units(params)), nan=0.5)
        return float(heights @ np.exp(-((centres - units) ** 2).sum(axis=1) / 0.15))

    return loss


KINDS: dict[str, tuple[str, Relative]] = {
    "retrained": ("helpful", retrained),
    "half": ("partly helpful", half),
    "negated": ("misleading", negated),
    "elsewhere": ("misleading", elsewhere),
    "unrelated": ("misleading", unrelated),
}


def problems() -> list[Problem]:
    """What is searched today."""
    return [
        continuous("branin", f.branin, [(-5, 10), (0, 15)], 0.397887),
        continuous("hartmann6", f.hartmann6, [(0, 1)] * 6, -3.322368),
        continuous("rosenbrock4", f.rosenbrock, [(-2, 2)] * 4, 0.0),
        mixed_training(),
        tabulated("svm_digits"),
    ]


@dataclass(frozen=True)
class Case:
    """A problem with an earlier experiment.

    Attributes:
        name: of the kind of relative.
        problem: today's.
        earlier: loss of the earlier experiment.
        lost: a parameter that the earlier experiment did not have, if any.
    """

    name: str
    problem: Problem
    earlier: Callable[[Params], float]
    lost: str | None = None


def cases() -> list[Case]:
    """Every kind of relative of every problem, another data set, and a parameter that is new today."""
    made = [Case(name, problem, relative(problem)) for name, (_, relative) in KINDS.items() for problem in problems()]
    other = tabulated("svm_breast_cancer")
    made.append(Case("other data", tabulated("svm_digits"), other.loss))
    made.extend(
        Case("new parameter", problem, retrained(problem), problem.space.dimensions[-1].name)
        for problem in problems()
        if problem.name in ("hartmann6", "mixed_training")
    )
    return made


VERDICTS = {name: verdict for name, (verdict, _) in KINDS.items()} | {
    "other data": "helpful",
    "new parameter": "helpful",
}


def search(algorithm: str, problem: Problem, loss: Callable[[Params], float], trials: int, **context: Any) -> History:
    """Run a search, one trial after the other."""
    searcher = create(algorithm, Context(space=problem.space, max_trials=trials, **context))
    history: list[PastTrial] = []
    while len(history) < trials:
        decision = searcher.suggest(history)
        if not isinstance(decision, NewTrial):
            break
        value = loss(decision.params)
        history.append(PastTrial(len(history), decision.params, TrialState.SUCCEEDED, loss=value))
    return history


def earlier_of(case: Case, seed: int) -> History:
    """The observations of the case's earlier experiment, in today's space."""
    past = search("tpe", case.problem, case.earlier, EARLIER_TRIALS, seed=1000 + seed)
    observations = []
    for trial in past:
        assert trial.loss is not None
        params = {name: value for name, value in trial.params.items() if name != case.lost}
        observations.append((params, trial.loss))
    return as_history(translate(case.problem.space, observations).observations)


def scored(
    algorithm: str, problem: Problem, regrets: Sequence[float], seed: int, earlier: tuple[History, ...] = ()
) -> list[float]:
    """Scores of one search after each number of `TRIALS`, given the mean regrets of random search."""
    history = search(algorithm, problem, problem.loss, max(TRIALS), seed=seed, earlier=earlier)
    losses = [trial.loss for trial in history if trial.loss is not None]
    return [
        round(100 * (1 - (min(losses[:count]) - problem.optimum) / regret), 2)
        for count, regret in zip(TRIALS, regrets, strict=True)
    ]


def reference(problem: Problem) -> list[float]:
    """Mean regret of random search after each number of `TRIALS`."""
    rng = random.Random(f"transfer:{problem.name}")
    runs = [[problem.loss(problem.space.sample(rng)) for _ in range(max(TRIALS))] for _ in range(_RANDOM_RUNS)]
    return [float(np.mean([min(run[:count]) for run in runs])) - problem.optimum for count in TRIALS]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return float(np.mean(values)), 1.96 * deviation / math.sqrt(len(values))


def table(result: dict[str, Any]) -> str:
    """The result as a Markdown table."""
    lines = [
        "| earlier experiment | | cold 10 / 20 / 30 | with transfer | difference (95 % interval) |",
        "|---|---|---|---|---|",
    ]
    groups = {name: (verdict, {name}) for name, verdict in VERDICTS.items()}
    groups["all that mislead"] = "misleading", {name for name, verdict in VERDICTS.items() if verdict == "misleading"}
    for name, (verdict, members) in groups.items():
        rows = [row for row in result["runs"] if row["case"] in members]
        if not rows:
            continue
        cold, warm = (np.array([row[key] for row in rows]) for key in ("cold", "warm"))
        apart = [interval((warm - cold)[:, k].tolist()) for k in range(len(TRIALS))]
        lines.append(
            f"| {name} | {verdict} | {' / '.join(f'{v:.0f}' for v in cold.mean(axis=0))} | "
            f"{' / '.join(f'{v:.0f}' for v in warm.mean(axis=0))} | "
            + ", ".join(f"{mean:+.1f} ± {half:.1f}" for mean, half in apart)
            + " |"
        )
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algorithm", default="bayesian")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--cases", nargs="*", help="only these kinds of earlier experiments")
    parser.add_argument("--problems", nargs="*", help="only these problems")
    parser.add_argument("--save", action="store_true", help=f"write results/{RESULTS.name} after each seed")
    arguments = parser.parse_args()
    wanted = [
        case
        for case in cases()
        if (not arguments.cases or case.name in arguments.cases)
        and (not arguments.problems or case.problem.name in arguments.problems)
    ]
    today = {case.problem.name: case.problem for case in wanted}
    regrets = {name: reference(problem) for name, problem in today.items()}
    runs: list[dict[str, Any]] = []
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        cold = {name: scored(arguments.algorithm, problem, regrets[name], seed) for name, problem in today.items()}
        for case in wanted:
            name = case.problem.name
            warm = scored(arguments.algorithm, case.problem, regrets[name], seed, (earlier_of(case, seed),))
            runs.append({"case": case.name, "problem": name, "seed": seed, "cold": cold[name], "warm": warm})
            apart = [f"{after - before:+7.1f}" for before, after in zip(cold[name], warm, strict=True)]
            print(f"{seed} {case.name:14s} {name:16s}", *apart, flush=True)
        result = {"algorithm": arguments.algorithm, "trials": TRIALS, "runs": runs}
        print(table(result), flush=True)
        if arguments.save:
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
