"""Every measurement behind benchmarks/README.md, one after the other, those of most worth first.

``python -m benchmarks.search.jobs`` makes the peers' environments, then runs what results/ lacks: it can be ended at
any time and goes on where it was. All of it takes most of a day on one core; ``--only`` names a part.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmarks.search import environments
from benchmarks.search.peers import PEERS
from benchmarks.search.results import CHECKPOINTS, load

_QUICK = ("optuna-tpe", "flaml", "nevergrad", "hyperopt")


@dataclass(frozen=True)
class Job:
    """One algorithm on one set, with so many seeds of so many trials."""

    set: str
    pending: int
    algorithm: str
    seeds: int
    trials: int = CHECKPOINTS[-1]

    @property
    def name(self) -> str:
        """As its file under results/."""
        return f"{self.set}-{self.pending}-{self.algorithm}"

    @property
    def done(self) -> bool:
        """Whether results/ has it."""
        return len(load(self.set, self.pending, self.algorithm).seeds(self.trials)) >= self.seeds

    def run(self) -> int:
        """Run it where the library lives. Returns the exit code."""
        environment = PEERS[self.algorithm].environment if self.algorithm in PEERS else "main"
        return environments.run(
            environment, "-m", "benchmarks.search.run", "--set", self.set, "--pending", str(self.pending),
            "--algorithm", self.algorithm, "--seeds", str(self.seeds), "--trials", str(self.trials),
        )  # fmt: skip


def _each(sets: str, pendings: Iterable[int], algorithms: Iterable[str], seeds: int) -> Iterator[Job]:
    return (Job(sets, pending, algorithm, seeds) for pending in pendings for algorithm in algorithms)


JOBS: tuple[Job, ...] = (
    *_each("nine", (1, 4, 8), ("bayesian", *_QUICK), 10),
    *_each("nine", (1,), ("peer-random",), 10),
    *_each("eighteen", (1,), ("bayesian", *_QUICK), 10),
    *_each("bbob", (1,), ("bayesian", *_QUICK, "peer-random"), 3),
    *_each("check", (1,), ("bayesian", *_QUICK), 3),
    *_each("live", (1,), ("bayesian", *_QUICK), 3),
    *_each("nine", (1,), ("optuna-gp", "smac", "ax", "skopt", "smac-bb"), 3),
    Job("nine", 1, "hebo", 1, trials=30),
    *_each("nine", (4, 8), ("optuna-gp", "smac", "ax"), 2),
    *_each("eighteen", (1,), ("optuna-gp", "smac", "ax"), 2),
)
"""What the README reports. Seeds: ten where a run takes seconds, fewer where it takes many minutes."""


def main() -> int:
    """Command line. Returns how many jobs failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], help="parts of names, such as nine-1 or optuna")
    parser.add_argument("--list", action="store_true", help="say what there is to do and end")
    arguments = parser.parse_args()
    failed = 0
    for job in JOBS:
        if arguments.only and not any(part in job.name for part in arguments.only):
            continue
        if arguments.list:
            print(f"{job.name}, {job.seeds} seeds: {'done' if job.done else 'to do'}")
        elif not job.done and job.run():
            print(f"{job.name} failed; the others go on", file=sys.stderr, flush=True)
            failed += 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
