"""The leaderboard: every trial, best first, as table, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.results.entries import baseline_words
from automl_core.results.reading import read_result
from automl_core.space import Params, brief, in_common
from automl_core.spec.units import format_duration
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.credentials import Credentials

if TYPE_CHECKING:
    from rich.table import Table

_METRICS_SHOWN = 5
"""Metrics of a row that people see; CSV and JSON have them all."""

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_STYLES = {TrialState.FAILED: "red", TrialState.RUNNING: "cyan", TrialState.EARLY_STOPPED: "yellow"}


@dataclass(frozen=True, slots=True)
class Row:
    """One trial.

    Attributes:
        rank: from 1; None without a value that counts.
        value: of the goal, on the metric's own scale.
        seconds: of training, over all attempts.
        budget: at which it has that value, None in experiments without budgets.
        values: with several objectives the value of each; ``value`` is the first's.
        feasible: whether it satisfies the constraints, None without constraints or without values.
        front: whether it is on the Pareto front.
    """

    rank: int | None
    trial: int
    value: float | None
    state: TrialState
    metrics: Mapping[str, float]
    seconds: float
    params: Params
    budget: int | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    feasible: bool | None = None
    front: bool = False


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The trials of an experiment, best first; those without a value at the end, by number.

    Attributes:
        name, run, state: of the experiment.
        reason: why it ended; empty while it runs.
        metric: how the value is called; ``default`` where several metrics are weighted.
        weights: metric → weight in the value.
        direction: ``maximize`` or ``minimize``.
        units: what a budget counts, None in experiments without budgets.
        objectives: with several the direction of each by its name, else empty; ``metric``, ``weights`` and
            ``direction`` are then those of the first.
        constraints: as text: ``latency_ms ≤ 20``.
        template: the template version that it was made from, ``name@version``; None without.
        baseline: the trial of the defaults and what is gained over it (`entries.baseline_entry`), None without.
    """

    name: str
    run: str
    state: ExperimentState
    reason: str
    metric: str
    weights: Mapping[str, float]
    direction: str
    units: str | None
    rows: tuple[Row, ...]
    objectives: Mapping[str, str] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    template: str | None = None
    baseline: Mapping[str, Any] | None = None

    @classmethod
    def from_controller(cls, body: Mapping[str, Any]) -> Leaderboard:
        """Read what `entries.controller` made and controller.json holds.

        Raises:
            ValueError: it is something else.
        """
        try:
            experiment, trials = body["experiment"], body["trials"]
            rows = [
                Row(
                    rank=trial["rank"],
                    trial=int(trial["number"]),
                    value=trial["value"],
                    state=TrialState(trial["state"]),
                    metrics=dict(trial["metrics"]),
                    seconds=float(trial["seconds"]),
                    params=dict(trial["params"]),
                    budget=trial.get("budget"),
                    values=dict(trial.get("values") or {}),
                    feasible=trial.get("feasible"),
                    front=bool(trial.get("front", False)),
                )
                for trial in trials
            ]
            rows.sort(key=lambda row: (row.rank is None, row.rank or 0, row.trial))
            return cls(
                name=str(experiment["name"]),
                run=str(experiment["run"]),
                state=ExperimentState(experiment["state"]),
                reason=str(experiment["stop_reason"] or ""),
                metric=str(experiment["metric"]),
                weights=dict(experiment["goal"]["weights"]),
                direction=str(experiment["goal"]["direction"]),
                units=experiment["budget"]["name"] if "budget" in experiment else None,
                rows=tuple(rows),
                objectives={str(o["name"]): str(o["direction"]) for o in experiment["goal"].get("objectives", ())},
                constraints=tuple(map(str, experiment["goal"].get("constraints", ()))),
                template="{name}@{version}".format(**experiment["template"]) if "template" in experiment else None,
                baseline=experiment.get("baseline"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not the controller.json of an experiment: {type(error).__name__}: {error}") from None

    @property
    def best(self) -> Row | None:
        """The best trial, None while none has a value."""
        return self.rows[0] if self.rows and self.rows[0].rank is not None else None

    @property
    def shared(self) -> Params:
        """Parameters that every trial has with the same value, such as those that nothing searches.

        They tell no row from another, so people see them once, below the table; empty with less than two trials.
        """
        return in_common([row.params for row in self.rows])

    def head(self) -> str:
        """How the experiment ended and what is best, in two sentences."""
        first = f"{self.state}: {self.reason}" if self.reason else str(self.state)
        best = self.best
        if best is None:
            return f"{first}. No trial has a value."
        values = f"{self.metric} {_number(best.value)} ({self.direction}d)"
        if self.objectives:
            values = ", ".join(f"{name} {_number(best.values.get(name))}" for name in self.objectives)
        if best.feasible is False:
            return f"{first}. No trial satisfies {', '.join(self.constraints)}. Nearest: trial {best.trial}, {values}."
        if self.objectives:
            size = sum(row.front for row in self.rows)
            front = f"Pareto front: {size} trial{'' if size == 1 else 's'}, marked with *"
            first = f"{first}. {front}. Best compromise, nearest to the ideal of each: trial {best.trial}, {values}"
        else:
            first = f"{first}. Best: trial {best.trial}, {values}"
        return f"{first}; {baseline_words(self.baseline)}." if self.baseline is not None else f"{first}."

    def to_table(self, top: int | None = None) -> Table:
        """A table for a terminal.

        Args:
            top: rows at most; all when left out.
        """
        from rich.table import Table
        from rich.text import Text

        columns, rows = self._grid(top)
        made = f" · {self.template}" if self.template else ""
        table = Table(
            title=Text(_plain(f"{self.name} · {self.run}{made}")), header_style="bold", row_styles=["", "dim"],
            caption=Text(_plain(self._shared_text())) if self.shared else None, caption_justify="left",
        )  # fmt: skip
        for column in columns:
            table.add_column(Text(_plain(column)), justify="left" if column in ("state", "params") else "right")
        for row, cells in rows:
            style = "bold green" if row is self.best else _STYLES.get(row.state, "")
            table.add_row(*(Text(_plain(cell)) for cell in cells), style=style)
        return table

    def to_markdown(self, top: int | None = None) -> str:
        """A page with the table, for people."""
        columns, rows = self._grid(top)
        table = [[_markdown(c) for c in columns], ["---" if c in ("state", "params") else "---:" for c in columns]]
        table += [[_markdown(cell) for cell in cells] for _, cells in rows]
        lines = ["| " + " | ".join(cells) + " |" for cells in table]
        title = f"# {_markdown(self.name)} · {_markdown(self.run)}"
        title += f" · {_markdown(self.template)}" if self.template else ""
        shared = [_markdown(self._shared_text()), ""] if self.shared else []
        return "\n".join([title, "", _markdown(self.head()), "", *lines, "", *shared])

    def to_csv(self, top: int | None = None) -> str:
        """A table for other programs: every metric and parameter in a column of its own.

        Text that a spreadsheet would run as a formula gets an apostrophe in front.
        """
        metrics = sorted({name for row in self.rows for name in row.metrics})
        params = sorted({name for row in self.rows for name in row.params})
        budget = ["budget"] if self.units is not None else []
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        front, feasible = ["front"] if self.objectives else [], ["feasible"] if self.constraints else []
        values = list(self.objectives)
        head = ["rank", "trial", *front, "value", *(f"values.{name}" for name in values), *feasible, "state"]
        head += [*budget, "seconds"]
        writer.writerow([*head, *(f"metrics.{name}" for name in metrics), *(f"params.{name}" for name in params)])
        for row in self.rows[:top]:
            cells: list[Any] = [row.rank, row.trial, *([row.front] if front else []), row.value]
            cells += [*(row.values.get(name) for name in values), *([row.feasible] if feasible else [])]
            cells.append(str(row.state))
            cells += [row.budget] if budget else []
            cells += [row.seconds, *(row.metrics.get(name) for name in metrics)]
            writer.writerow([csv_cell(cell) for cell in [*cells, *(row.params.get(name) for name in params)]])
        return text.getvalue()

    def to_json(self, top: int | None = None) -> dict[str, Any]:
        """The leaderboard as plain JSON."""
        body = asdict(self) | {"state": str(self.state), "best_trial": self.best.trial if self.best else None}
        body["constraints"] = list(self.constraints)
        body["rows"] = [asdict(row) | {"state": str(row.state)} for row in self.rows[:top]]
        return body

    def _grid(self, top: int | None) -> tuple[list[str], list[tuple[Row, list[str]]]]:
        """Columns and cells as people see them."""
        metrics = self._metrics_shown()
        budget = [self.units] if self.units is not None else []
        front, feasible = ["front"] if self.objectives else [], ["feasible"] if self.constraints else []
        values = list(self.objectives) or [self.metric]
        columns = ["rank", "trial", *front, *values, *feasible, "state", *budget, *metrics, "time", "params"]
        rows, shared = [], self.shared
        for row in self.rows[:top]:
            mark = " (defaults)" if self.baseline is not None and row.trial == self.baseline["trial"] else ""
            cells = [_number(row.rank), f"{row.trial}{mark}", *(["*" if row.front else ""] if front else [])]
            cells += [_number(row.values.get(name)) for name in values] if front else [_number(row.value)]
            cells += [{True: "yes", False: "no", None: ""}[row.feasible]] if feasible else []
            cells.append(str(row.state))
            cells += [_number(row.budget)] if budget else []
            cells += [_number(row.metrics.get(name)) for name in metrics]
            params = {name: value for name, value in row.params.items() if name not in shared}
            cells += [format_duration(row.seconds), _combination(params)]
            rows.append((row, cells))
        return columns, rows

    def _shared_text(self) -> str:
        return f"In all trials: {_combination(self.shared)}"

    def _metrics_shown(self) -> list[str]:
        """Metrics beside the value: those that it is weighted from, then others in the order of their names."""
        others = sorted(
            {name for row in self.rows for name in row.metrics} - self.weights.keys() - set(self.objectives)
        )
        weighted = [] if self.metric in self.weights else list(self.weights)
        return [*weighted, *others][: max(_METRICS_SHOWN, len(weighted))]


def leaderboard(path_or_url: str | Path, *, credentials: Credentials | None = None) -> Leaderboard:
    """The leaderboard of an experiment: as published, or from its journal while it is not.

    Args:
        path_or_url: a run's folder, the experiment's folder (its newest run is taken), or a controller.json;
            on this machine or ``s3://…``, ``oss://…``. Relative paths begin at the current folder.
        credentials: of a bucket.

    Raises:
        LookupError: there is no experiment at that place; the message says what there is.
        ValueError: a controller.json that is none.
        StorageError: the store refuses or is away.
    """
    return Leaderboard.from_controller(read_result(path_or_url, credentials=credentials))


def _number(value: float | None) -> str:
    return "" if value is None else str(value) if isinstance(value, int) else f"{value:.6g}"


def _combination(params: Params) -> str:
    return " ".join(f"{name}={brief(value, 4)}" for name, value in params.items())


def _plain(text: str) -> str:
    """Text without line ends and control characters, which could rewrite a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def _markdown(text: str) -> str:
    for character in "\\|`*<[":
        text = text.replace(character, "\\" + character)
    return _plain(text)


def csv_cell(value: Any) -> Any:
    """A cell of a CSV file, harmless in a spreadsheet (OWASP, "CSV Injection"); line ends become a plain one.

    A list is written as JSON.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text[:1] in ("\t", "\n") else text
