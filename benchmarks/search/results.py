"""What a measurement leaves: one JSON file an algorithm, set and number of pending trials, written after each run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

CHECKPOINTS = (5, 10, 15, 20, 25, 30, 35, 40, 45, 50)
"""Numbers of ended trials after which a run is scored."""


CLIPPED = ("work", "sealed", "trained", "branches")
"""Sets whose scores count from 0 to 100 alone: one run far below random search would outweigh all others."""


@dataclass
class Result:
    """Scores of one algorithm on one set of problems.

    Attributes:
        set: name of the set of problems.
        algorithm: as registered, or a peer's name.
        pending: trials under way at any time.
        version: of the library that was measured; of this product's release on the sealed half, else empty for ours.
        date: when the sealed half was scored (`benchmarks.search.halves`), the day of its last run; else empty.
        scores: problem → seed → score at each of `CHECKPOINTS` (of the first ones where runs were shorter).
        cpu: problem → seed → CPU seconds of one suggestion, mean over the run.
        wall: the same in wall time.
    """

    set: str
    algorithm: str
    pending: int
    version: str = ""
    date: str = ""
    scores: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    cpu: dict[str, dict[str, float]] = field(default_factory=dict)
    wall: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return RESULTS / f"{self.set}-{self.pending}-{self.algorithm}.json"

    def has(self, problem: str, seed: int) -> bool:
        """Whether this run was made already."""
        return str(seed) in self.scores.get(problem, {})

    def add(self, problem: str, seed: int, scores: Sequence[float], cpu: float, wall: float) -> None:
        """Take a run in, and write the file."""
        self.scores.setdefault(problem, {})[str(seed)] = [round(score, 1) for score in scores]
        self.cpu.setdefault(problem, {})[str(seed)] = round(cpu, 4)
        self.wall.setdefault(problem, {})[str(seed)] = round(wall, 4)
        self.save()

    def seeds(self, trials: int = CHECKPOINTS[0]) -> list[str]:
        """The seeds that every problem was run with, for so many trials at least."""
        place = CHECKPOINTS.index(trials)
        runs = [{seed for seed, s in by_seed.items() if len(s) > place} for by_seed in self.scores.values()]
        return sorted(set.intersection(*runs), key=int) if runs else []

    def save(self) -> None:
        """Write the file, by rename: a run that is ended in the middle loses nothing."""
        self.path.parent.mkdir(exist_ok=True)
        lines = json.dumps(asdict(self), indent=1)
        text = re.sub(r"\[[^\[\]]*\]|\{[^{}\[\]]*\}", lambda found: " ".join(found[0].split()), lines)
        fresh = self.path.with_suffix(".part")
        fresh.write_text(text + "\n")
        os.replace(fresh, self.path)


def load(name: str, pending: int, algorithm: str) -> Result:
    """What is known of an algorithm so far; empty when nothing is."""
    result = Result(name, algorithm, pending)
    return Result(**json.loads(result.path.read_text())) if result.path.exists() else result


def saved() -> Iterator[Result]:
    """Every result there is, in order of its file's name."""
    for path in sorted(RESULTS.glob("*-[0-9]*-*.json")):
        yield Result(**json.loads(path.read_text()))
