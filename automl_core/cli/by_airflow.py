"""A run's state and result by AutoML's REST API, for experiments whose bucket Airflow alone has the keys of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.results.forecast import Forecast
from automl_core.results.summary import Best, Summary
from automl_core.states import ExperimentState, TrialState

if TYPE_CHECKING:
    from automl_core.client.automl import AutoML
    from automl_core.results.leaderboard import Leaderboard
    from automl_core.spec.models import Experiment


def folder_of(experiment: Experiment, run_id: str) -> str:
    """The address of a run's folder, without opening its store."""
    from automl_core.study.layout import experiment_prefix

    return f"{experiment.output.storage.rstrip('/')}/{experiment_prefix(experiment.name, run_id)}".rstrip("/")


def needs_airflow(target: str) -> Experiment | None:
    """The experiment that a person names, where its file has a connection: the keys are Airflow's.

    Raises:
        SpecError: its file is wrong.
    """
    from automl_core.cli.places import find_experiment
    from automl_core.spec.loader import load_experiment

    if "://" in target or Path(target).is_dir():
        return None
    _, path = find_experiment(target)
    experiment = load_experiment(path) if path is not None else None
    return experiment if experiment is not None and experiment.output.connection is not None else None


def read_summary(automl: AutoML, name: str, run_id: str | None) -> Summary:
    """How a run stands; the newest one without an id.

    Raises:
        ClientError: Airflow does not answer, does not know it, or does not let this user look.
    """
    return summary_of(automl.run(name, run_id).overview())


def read_board(automl: AutoML, name: str, run_id: str | None) -> Leaderboard:
    """The leaderboard that a run has published; of the newest one without an id.

    Raises:
        ClientError: as `read_summary`, or nothing is published yet.
        ValueError: what is published is no controller.json.
    """
    from automl_core.results.leaderboard import Leaderboard

    run = automl.run(name, run_id)
    return Leaderboard.from_controller(automl.ask("GET", f"{run.path}/results/controller.json"))


def summary_of(body: Mapping[str, Any]) -> Summary:
    """An overview of the API as the displays take it."""
    best, goal = body["best"], body["goal"]
    return Summary(
        name=str(body["experiment"]),
        run=str(body["run"]),
        state=ExperimentState(body["state"]),
        reason=str(body["reason"] or ""),
        metric=str(goal["metric"]),
        direction=str(goal["direction"]),
        counts=dict.fromkeys(TrialState, 0) | {TrialState(name): int(n) for name, n in body["counts"].items()},
        trials=int(body["trials"]),
        slots=int(body["slots"]),
        slots_ended=int(body["slots_ended"]),
        best=Best(int(best["trial"]), float(best["value"]), best["params"], best["budget"]) if best else None,
        units=body["tao"]["units"],
        left=Forecast(**body["forecast"]),
        elapsed=float(body["elapsed"]),
        cost=float(body["cost"]),
    )
