"""Several goals and constraints: ``python -m benchmarks.search.multi`` runs what is missing and prints the table.

Score of a run = 100 * (1 - r / mean r of random search with as many trials), where r is the hypervolume that is
missing to the best front: 0 is random search, 100 the whole front. Hypervolume is measured from a reference that no
algorithm is told. Optuna runs in the peers' environment (`benchmarks.search.environments`).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

from automl_core.search.pareto import Point
from automl_core.space import Params
from benchmarks.search import environments
from benchmarks.search.goals import Goals, problems

RESULTS = Path(__file__).parent / "results" / "multi"
"""One JSON file an algorithm: problem → seed → its run."""

CHECKPOINTS = (20, 35, 50)
OURS = ("bayesian", "evolution", "tpe", "random")
PEERS = ("optuna-gp", "optuna-tpe", "optuna-nsga2")


class Searcher(Protocol):
    """Ours and the peers' behind one interface."""

    def ask(self) -> Params:
        """The next combination."""

    def tell(self, point: Point) -> None:
        """What it is worth."""


class Ours:
    """An algorithm of automl_core."""

    def __init__(self, algorithm: str, problem: Goals, seed: int) -> None:
        """Make it for one run."""
        from automl_core import Optimizer

        self.optimizer = Optimizer(
            problem.models, ["minimize"] * len(problem.reference), algorithm, seed, max_trials=CHECKPOINTS[-1],
            constraints={f"c{i}": {"max": 0.0} for i in range(problem.constraints)},
        )  # fmt: skip

    def ask(self) -> Params:
        """See `Searcher`."""
        trial = self.optimizer.ask()
        assert trial is not None
        self.trial = trial
        return trial.params

    def tell(self, point: Point) -> None:
        """See `Searcher`."""
        measured = {f"c{i}": excess for i, excess in enumerate(point.constraints)}
        self.optimizer.tell(self.trial, point.objectives, constraints=measured)


class Optuna:
    """One of Optuna's samplers."""

    def __init__(self, sampler: str, problem: Goals, seed: int) -> None:
        """Make a study; constraints are what the trial was told (as Optuna's documentation shows)."""
        import optuna  # type: ignore[import-not-found,unused-ignore]  # it lives in the peers' environment

        optuna.logging.set_verbosity(optuna.logging.ERROR)

        def constraints(trial: Any) -> Any:
            return trial.user_attrs.get("constraints", ())

        limited = {"constraints_func": constraints} if problem.constraints else {}
        samplers = optuna.samplers
        made: dict[str, Any] = {
            "gp": lambda: samplers.GPSampler(seed=seed, deterministic_objective=True, **limited),
            "tpe": lambda: samplers.TPESampler(seed=seed, multivariate=True, **limited),
            "nsga2": lambda: samplers.NSGAIISampler(seed=seed, population_size=10, **limited),
        }
        self.study = optuna.create_study(directions=["minimize"] * len(problem.reference), sampler=made[sampler]())
        self.space = problem.space

    def ask(self) -> Params:
        """See `Searcher`."""
        from benchmarks.search.peers.optuna import Optuna as OneGoal

        self.trial = self.study.ask()
        return {each.name: OneGoal._suggest(self.trial, each) for each in self.space.parameters}

    def tell(self, point: Point) -> None:
        """See `Searcher`."""
        self.trial.set_user_attr("constraints", point.constraints)
        self.study.tell(self.trial, list(point.objectives))


def run(algorithm: str, problem: Goals, seed: int) -> dict[str, Any]:
    """Hypervolumes at `CHECKPOINTS`, and CPU seconds a suggestion."""
    kind, _, sampler = algorithm.partition("-")
    make: Searcher = Optuna(sampler, problem, seed) if kind == "optuna" else Ours(algorithm, problem, seed)
    points: list[Point] = []
    spent = 0.0
    for _ in range(CHECKPOINTS[-1]):
        started = time.process_time()
        params = make.ask()
        spent += time.process_time() - started
        points.append(problem.worth(params))
        started = time.process_time()
        make.tell(points[-1])
        spent += time.process_time() - started
    volumes = [problem.hypervolume(points[:count]) for count in CHECKPOINTS]
    return {"hypervolume": volumes, "cpu": round(spent / CHECKPOINTS[-1], 4)}


def load(algorithm: str) -> dict[str, Any]:
    """The runs of an algorithm so far."""
    path = RESULTS / f"{algorithm}.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def measure(algorithm: str, seeds: int) -> None:
    """Make the runs of an algorithm that are missing; written after each."""
    for seed in range(seeds):
        for problem in problems():
            known = load(algorithm)
            done = known.setdefault(problem.name, {})
            if str(seed) not in done:
                done[str(seed)] = run(algorithm, problem, seed)
                RESULTS.mkdir(exist_ok=True)
                text = json.dumps(known, indent=1, sort_keys=True) + "\n"
                (RESULTS / f"{algorithm}.json").write_text(text)


def table() -> str:
    """Scores after the last checkpoint in Markdown, a line an algorithm, with 95 % intervals of the mean."""
    known = {algorithm: runs for algorithm in (*OURS, *PEERS) if (runs := load(algorithm))}
    names = [problem.name for problem in problems()]
    lines = ["| algorithm | " + " | ".join(names) + " | mean | CPU s |", "|---|" + "---:|" * (len(names) + 2)]
    for algorithm in (*OURS[:-1], *PEERS):
        if algorithm not in known:
            continue
        cells, means, times = [], [], []
        for problem in problems():
            scores = _scores(known, problem, algorithm, len(CHECKPOINTS) - 1)
            times += [each["cpu"] for each in known[algorithm].get(problem.name, {}).values()]
            means += [fmean(scores)] if scores else []
            width = f" ± {_half_width(scores):.0f}" if len(scores) > 1 else ""
            cells.append(f"{fmean(scores):.0f}{width}" if scores else "")
        mean = f"**{fmean(means):.0f}**" if len(means) == len(names) else ""
        lines.append(f"| {algorithm} | {' | '.join(cells)} | {mean} | {fmean(times):.2f} |")
    return "\n".join(lines)


def _scores(known: dict[str, Any], problem: Goals, algorithm: str, checkpoint: int) -> list[float]:
    def volumes(name: str) -> list[float]:
        return [each["hypervolume"][checkpoint] for each in known.get(name, {}).get(problem.name, {}).values()]

    best = problem.best or max(
        each["hypervolume"][-1] for runs in known.values() for each in runs.get(problem.name, {}).values()
    )
    random = best - fmean(volumes("random"))
    return [100 * (1 - (best - volume) / random) for volume in volumes(algorithm)]


def _half_width(scores: list[float]) -> float:
    from scipy.stats import t

    variance = sum((score - fmean(scores)) ** 2 for score in scores) / (len(scores) - 1)
    return float(t.ppf(0.975, len(scores) - 1)) * math.sqrt(variance / len(scores))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--algorithm", choices=(*OURS, *PEERS), help="only this one, in this environment")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    if given.algorithm:
        measure(given.algorithm, given.seeds)
        return 0
    for algorithm in ("random", *OURS[:-1]):
        measure(algorithm, given.seeds)
    for algorithm in PEERS:
        code = environments.run("main", "-m", __spec__.name, "--algorithm", algorithm, "--seeds", str(given.seeds))
        if code:
            return code
    print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
