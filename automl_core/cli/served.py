"""A run as AutoML's REST API has it, where its journal can't be read from here: a bucket, another machine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from automl_core.client.errors import ClientError, NotKnown, Unreadable
from automl_core.results.forecast import Forecast
from automl_core.results.summary import Best, Summary
from automl_core.states import ExperimentState, TrialState
from automl_core.study.reasons import headline

if TYPE_CHECKING:
    from automl_core.client.run import ExperimentRun
    from automl_core.results.leaderboard import Leaderboard

_ROWS = 10_000


class Served:
    """One run, asked of the server each time. Use it in a ``with`` statement, or call `close`."""

    def __init__(self, run: ExperimentRun) -> None:
        self._run = run

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection to the server."""
        self._run.client.close()

    def summary(self) -> Summary:
        """How it stands.

        Raises:
            ClientError: the server can't be asked, knows no such run, or has no AutoML in it.
        """
        return summary_of(self._run.overview())

    def failures(self, limit: int = 3) -> list[str]:
        """Why trials failed, one line a reason.

        Raises:
            ClientError: as `summary`.
        """
        columns = self._run.get("trials", state="FAILED", sort="number", limit=200)["columns"]
        return failure_lines(zip(columns["number"], columns["reason"], strict=True), limit)

    def result(self) -> tuple[Leaderboard, bool]:
        """The published leaderboard, else that of its trials so far; and whether it is published.

        Raises:
            ClientError: as `summary`.
            ValueError: what is published is no controller.json.
        """
        from automl_core.results.leaderboard import Leaderboard

        overview = self._run.overview()
        if ExperimentState(
            overview["state"]
        ).ended:  # what was published of a run that goes on is older than its trials
            try:
                published = self._run.get("results/controller.json")
            except NotKnown:
                pass
            else:
                return Leaderboard.from_controller(published), True
        pages: list[Mapping[str, Any]] = []
        rows = 0
        while True:
            page = self._run.get("trials", sort="number", offset=rows, limit=_ROWS)
            pages.append(page)
            rows += len(page["columns"]["number"])
            if rows >= page["matched"] or not page["columns"]["number"]:
                break
        return board_of(overview, pages, self._objectives()), False

    def leaderboard(self) -> Leaderboard:
        """Its trials, best first (see `result`)."""
        return self.result()[0]

    def stages(self) -> list[dict[str, Any]]:
        """How prepare and conclude stand, as far as they have begun."""
        return list(self._run.overview().get("stages", []))

    def folder(self) -> str:
        """Where it lies, as the server has it."""
        return str(self._run.overview()["folder"]).rstrip("/")

    def _objectives(self) -> Mapping[int, Mapping[str, float]]:
        columns = self._run.get("pareto")["columns"]
        return {
            int(number): {name: column[place] for name, column in columns["values"].items()}
            for place, number in enumerate(columns["number"])
        }


def open_served(name: str, run_id: str | None) -> Served:
    """A run that the server knows; its newest without an id.

    Raises:
        ClientError: the server can't be asked, does not know who asks, knows no such run, or can't read it now.
    """
    from automl_core.cli import remote

    automl = remote.connect()
    try:
        served = Served(automl.run(name, run_id))
        served.summary()
    except BaseException:
        automl.close()
        raise
    return served


def find_served(name: str, run_id: str | None) -> Served | None:
    """A run that the server knows; None where there is nobody to ask or nobody who asks, or no such run.

    Raises:
        Unreadable: the server knows the run and can't read it now.
    """
    try:
        return open_served(name, run_id)
    except Unreadable:
        raise
    except ClientError:
        return None


def asks_the_server_first() -> bool:
    """Whether a person has said which server to ask: what lies on this machine may be of another."""
    return bool(os.environ.get("AIRFLOW_API_URL"))


def failure_lines(failed: Any, limit: int = 3) -> list[str]:
    """Why trials failed, one line a reason, those of the most trials first.

    Args:
        failed: (number, reason) of each.
        limit: lines at most.
    """
    by_reason: dict[str, list[int]] = {}
    for number, reason in failed:
        by_reason.setdefault(headline(reason), []).append(int(number))
    shown = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[1]))[:limit]
    return [f"{_trials(numbers)} failed: {reason}" for reason, numbers in shown]


def _trials(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"trial {numbers[0]}"
    named = ", ".join(map(str, numbers[:3]))
    return f"{len(numbers)} trials ({named}{', …' if len(numbers) > 3 else ''})"


def summary_of(overview: Mapping[str, Any]) -> Summary:
    """The summary behind a run's overview."""
    best, goal = overview["best"], overview["goal"]
    found = None
    if best is not None:
        found = Best(int(best["trial"]), best["value"], dict(best["params"]), best.get("budget"))
    return Summary(
        name=str(overview["experiment"]), run=str(overview["run"]), state=ExperimentState(overview["state"]),
        reason=str(overview["reason"] or ""), metric=str(goal["metric"]), direction=str(goal["direction"]),
        counts={state: int(overview["counts"].get(str(state), 0)) for state in TrialState},
        trials=int(overview["trials"]), slots=int(overview["slots"]), slots_ended=int(overview["slots_ended"]),
        best=found, units=overview["tao"]["units"], left=Forecast(**overview["forecast"]),
        elapsed=float(overview["elapsed"]), cost=float(overview["cost"]),
        data=dict(overview.get("data", {})),
        template="{name}@{version}".format(**overview["template"]) if overview.get("template") else None,
        unsearched=tuple(each["name"] for each in overview.get("parameters", ()) if each["kind"] == "fixed"),
        baseline=overview.get("baseline"),
    )  # fmt: skip


def board_of(
    overview: Mapping[str, Any], pages: Sequence[Mapping[str, Any]], objectives: Mapping[int, Mapping[str, float]]
) -> Leaderboard:
    """The leaderboard of a run, from its overview and the pages of its trials.

    Args:
        overview: as the API has it.
        pages: of the trial table, by number.
        objectives: the value of each objective, by number of the trial.
    """
    from automl_core.results.leaderboard import Leaderboard

    goal = overview["goal"]
    several = len(goal["objectives"]) > 1
    trials = [trial for page in pages for trial in _rows(page["columns"])]
    if several:
        for trial in trials:
            trial["values"] = objectives.get(trial["number"], {})
    named = [{"name": each["metric"], "direction": each["direction"]} for each in goal["objectives"]]
    constraints = [f"{c['metric']} {'≤' if c['max'] is not None else '≥'} {_limit(c):g}" for c in goal["constraints"]]
    experiment = {
        "name": overview["experiment"], "run": overview["run"], "state": overview["state"],
        "stop_reason": overview["reason"], "metric": goal["metric"],
        "goal": {
            "weights": goal["weights"], "direction": goal["direction"], "constraints": constraints,
            "objectives": named if several else [],
        },
    }  # fmt: skip
    if overview.get("baseline") is not None:
        experiment["baseline"] = overview["baseline"]
    if overview["tao"]["units"] is not None:
        experiment["budget"] = {"name": overview["tao"]["units"]}
    return Leaderboard.from_controller({"experiment": experiment, "trials": trials})


def _limit(constraint: Mapping[str, Any]) -> float:
    return float(constraint["max"] if constraint["max"] is not None else constraint["min"])


def _rows(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = ("rank", "number", "value", "state", "seconds", "budget", "feasible", "front")
    rows = []
    for place in range(len(columns["number"])):
        row: dict[str, Any] = {name: columns[name][place] for name in names}
        for group in ("params", "metrics"):
            cells = {name: column[place] for name, column in columns[group].items()}
            row[group] = {name: value for name, value in cells.items() if value is not None}
        rows.append(row)
    return rows
