"""How a run stands, as TAO shows it: the trial, what is still to train, the time left, the best so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """How a run stands.

    Attributes:
        state: of the run.
        done, trials: ended trials, and how many there are at most.
        running: numbers of the trials that run.
        units, units_left: what budgets count, such as epochs, and how many are still to run over all trials; None in
            experiments without budgets.
        seconds_left: until the end by what trials took so far, None while nobody can tell.
        metric: the goal's name.
        best: its best value, None before there is one.
        best_trial: the trial that has it.
    """

    state: str
    done: int
    trials: int
    running: tuple[int, ...]
    units: str | None
    units_left: int | None
    seconds_left: float | None
    metric: str
    best: float | None
    best_trial: int | None

    @classmethod
    def of(cls, overview: Mapping[str, Any]) -> Progress:
        """Read what `ExperimentRun.overview` gives."""
        tao, best = overview["tao"], overview.get("best") or {}
        return cls(
            state=str(overview["state"]), done=int(overview["done"]), trials=int(overview["trials"]),
            running=tuple(tao["running_trials"]), units=tao["units"], units_left=tao["units_left"],
            seconds_left=tao["seconds_left"], metric=str(overview["goal"]["metric"]), best=tao["best_value"],
            best_trial=best.get("trial"),
        )  # fmt: skip

    def __str__(self) -> str:
        """``trials 3, 4 of 20: 5 done; 120 epochs pending; 4m 10s left; best val_mAP50 0.71 (trial 2)``."""
        which = (
            f"trial{'s' if len(self.running) > 1 else ''} {', '.join(map(str, self.running))}" if self.running else ""
        )
        parts = [
            f"{which} of {self.trials}: {self.done} done" if which else f"{self.done} of {self.trials} trials done"
        ]
        if self.units is not None and self.units_left is not None:
            parts.append(f"{self.units_left} {self.units} pending")
        if self.seconds_left is not None:
            parts.append(f"{duration(self.seconds_left)} left")
        if self.best is not None:
            parts.append(f"best {self.metric} {self.best:.4g} (trial {self.best_trial})")
        return "; ".join(parts)


def duration(seconds: float) -> str:
    """Seconds for people: ``4m 10s``, ``1h 02m``."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {left:02}s" if minutes else f"{left}s"
