"""Showing how a run stands: a live display on a terminal, a line at each change elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from automl_core.cli.output import combination_text, number, plural
from automl_core.spec.units import format_duration

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from automl_core.results.summary import Summary


class Display(Protocol):
    """Where a run's progress is shown."""

    def update(self, now: Summary | None, airflow: str) -> None:
        """Show how the run stands.

        Args:
            now: None before anything is known.
            airflow: the state of the DAG run.
        """

    def note(self, text: str) -> None:
        """Show a remark."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def open_display(console: Console) -> Display:
    """The display that fits where the output goes."""
    return LiveDisplay(console) if console.is_terminal else PlainDisplay()


def counts_text(now: Summary) -> str:
    """``12 of 24 trials done, 3 running, 1 failed, 2 stopped early``."""
    parts = [f"{now.done:,} of {now.trials:,} trials done", f"{now.running} running", f"{now.failed} failed"]
    if now.waiting:
        parts.append(f"{now.waiting} waiting")
    if now.early_stopped:
        parts.append(f"{now.early_stopped} stopped early")
    return ", ".join(parts)


def best_text(now: Summary) -> str:
    """``best val_accuracy 0.953 (trial 7: lr=0.003 units=64)``, empty before there is one."""
    best = now.best
    if best is None:
        return ""
    values = combination_text({name: value for name, value in best.params.items() if name not in now.unsearched})
    return f"best {now.metric} {number(best.value)} (trial {best.trial}{': ' if values else ''}{values})"


def baseline_text(now: Summary) -> str:
    """``0.031 (3.5 %) better than the defaults (0.88, trial 0)``, empty without a baseline."""
    from automl_core.results.entries import baseline_words

    return baseline_words(now.baseline)


def left_text(now: Summary) -> str:
    """``120 epochs to run, 4m 10s left``; ``12 trials to run, …`` in experiments without budgets."""
    if now.state.ended:
        return f"took {format_duration(now.elapsed)}"
    left = now.left
    to_run = plural(left.trials_left, "trial") if left.units_left is None else f"{left.units_left:,} {now.units}"
    time = f"{format_duration(left.seconds_left)} left" if left.seconds_left is not None else "time left not known yet"
    return f"{to_run} to run, {time}"


class PlainDisplay:
    """A line whenever something has changed."""

    def __init__(self, write: Callable[[str], Any] | None = None) -> None:
        self._write = write or (lambda text: print(text, flush=True))
        self._shown: tuple[Any, ...] = ()

    def update(self, now: Summary | None, airflow: str) -> None:
        """See `Display`."""
        if now is None:
            shown: tuple[Any, ...] = (airflow,)
            text = f"the run is {airflow}"
        else:
            shown = (now.state, tuple(now.counts.values()), now.best)
            parts = (counts_text(now), best_text(now), baseline_text(now), left_text(now))
            text = f"[{format_duration(now.elapsed)}] {'; '.join(part for part in parts if part)}"
        if shown != self._shown:
            self._shown = shown
            self._write(text)

    def note(self, text: str) -> None:
        """See `Display`."""
        self._write(text)

    def close(self) -> None:
        """See `Display`."""


class LiveDisplay:
    """A bar and three lines that stay in place."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        self._live = Live(console=console, refresh_per_second=4)
        self._live.start()

    def update(self, now: Summary | None, airflow: str) -> None:
        """See `Display`."""
        self._live.update(_picture(now, airflow))

    def note(self, text: str) -> None:
        """See `Display`."""
        self._live.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """See `Display`."""
        self._live.stop()


def _picture(now: Summary | None, airflow: str) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.spinner import Spinner
    from rich.table import Table
    from rich.text import Text

    if now is None:
        return Spinner("dots", Text(f"the run is {airflow}"))
    bar = Table.grid(padding=(0, 1))
    style = "red" if now.state == "FAILED" else "green"
    bar.add_row(
        Text(now.name, style="bold"),
        ProgressBar(total=1.0, completed=now.fraction, width=40, complete_style=style, finished_style=style),
        Text(f"{now.fraction:.0%}"),
        Text(str(now.state), style="dim"),
    )
    lines = [
        counts_text(now),
        best_text(now),
        baseline_text(now),
        f"{format_duration(now.elapsed)} so far; {left_text(now)}",
    ]
    if now.state.ended:
        lines[-1] = left_text(now)
    if now.reason:
        lines.append(now.reason)
    return Group(bar, *(Text(f"  {line}", overflow="ellipsis", no_wrap=True) for line in lines if line))
