"""How much memory there is, and whether a pipeline fits into it: an estimate, corrected by what was seen."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.training.told import NOT_STARTED

if TYPE_CHECKING:
    from automl_core.tabular.prepared import Prepared

SHARE = 0.8
"""Of what is free: the rest is for everybody else."""

FIXED = 60_000_000
"""Bytes that a lane takes beside its fit: what it changes of the parent's pages."""


def available() -> int:
    """Bytes that may still be taken: the least of what the machine and the control groups leave; 2**62 if unknown."""
    found = [2**62]
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found.extend(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError):
        pass
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            most = Path(limit).read_text(encoding="ascii").strip()
            if most != "max":
                found.append(int(most) - int(Path(used).read_text(encoding="ascii")))
        except (OSError, ValueError):
            continue
    return max(min(found), 0)


@dataclass
class Guard:
    """Says which pipelines may start.

    Attributes:
        limit: bytes that all trials together may take.
        factors: learner → how many times its estimate it was seen to take, at most.
        held: trial → bytes that it is thought to take while it runs.
    """

    limit: int
    factors: dict[str, float] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, limit: int | None = None) -> Guard:
        """A guard over the user's limit, or over most of what is free."""
        return cls(limit if limit is not None else int(available() * SHARE))

    def estimate(self, learner: str, raw: int) -> int:
        """Bytes that a trial will take, by the learner's estimate and by what was seen of it."""
        return int(raw * self.factors.get(learner, 1.0)) + FIXED

    def fits(self, learner: str, raw: int) -> bool:
        """Whether a trial fits where nothing else runs."""
        return self.estimate(learner, raw) <= self.limit

    def fits_now(self, learner: str, raw: int) -> bool:
        """Whether it fits beside those that run."""
        return self.estimate(learner, raw) + sum(self.held.values()) <= self.limit or (
            not self.held and self.fits(learner, raw)
        )

    def start(self, trial: int, learner: str, raw: int) -> None:
        """A trial starts."""
        self.held[trial] = self.estimate(learner, raw)

    def end(self, trial: int, learner: str, raw: int, seen: int | None = None) -> None:
        """A trial has ended.

        Args:
            trial: its number.
            learner: its name.
            raw: the learner's own estimate.
            seen: bytes that it added to its process at the peak; None where that is not known.
        """
        self.held.pop(trial, None)
        if seen is not None and raw > 0:
            self.factors[learner] = max(self.factors.get(learner, 0.5), min((seen - FIXED) / raw, 50.0))

    def killed(self, trial: int, learner: str, raw: int) -> None:
        """A trial was killed for its memory: the next of this kind is thought to take twice as much as this one was."""
        before = self.held.pop(trial, self.estimate(learner, raw))
        if raw > 0:
            self.factors[learner] = 2.0 * max(before - FIXED, raw) / raw

    def says(self, learner: str, raw: int) -> str:
        """Why a trial is not started."""
        size = _gib(self.estimate(learner, raw))
        return f"{NOT_STARTED}it would take some {size} of memory, {_gib(self.limit)} may be used"


class Peak:
    """How much a process grew by at its peak, from now on."""

    def __init__(self) -> None:
        with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")  # Linux: the peak counts from here (proc(5))
        self._before = _status("VmRSS:")

    def seen(self) -> int | None:
        """Bytes; None where the system doesn't say."""
        peak = _status("VmHWM:")
        return None if peak is None or self._before is None else max(peak - self._before, 0)


def _status(name: str) -> int | None:
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def raw_estimate(prepared: Prepared, params: Mapping[str, Any]) -> int:
    """Bytes that a pipeline is thought to take before anything was seen: matrices of a fold, and its learner's own.

    Args:
        prepared: the table.
        params: of the pipeline.
    """
    from automl_core.tabular.learners import registry

    learner = registry.find(str(params.get("learner", "")), tuple(prepared.options.learners))
    rows = max((len(fold.train) + len(fold.valid) for fold in prepared.split.folds), default=0)
    columns = 0
    for each in prepared.schema:
        levels = min(each.distinct or 1, 64) if each.kind == "category" else 1
        columns += 400 if each.kind == "text" else levels if learner.wants.categories == "onehot" else 1
    prefix = f"{learner.name}."
    own = {name.removeprefix(prefix): value for name, value in params.items() if name.startswith(prefix)}
    own["classes"] = len(prepared.problem.classes)
    # the frame of the fold, its matrix, and a copy of it in the making
    matrices = rows * (len(prepared.schema.fields) + 2 * columns) * 8
    return matrices + int(learner.memory(rows, columns, own))


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**29 else f"{size / 2**20:.0f} MiB"
