"""What can be done to a run as it stands, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_airflow.web.catalog import RunInfo
from automl_core.results.entries import has_ended
from automl_core.results.summary import summary
from automl_core.states import ExperimentState, TrialState
from automl_core.views.view import ExperimentView

_NO_RIGHT = "you have not the right to"

GONE = "its file is gone, so Airflow has nothing to run"
"""Why nothing of an experiment can be started whose file was deleted."""


def standing(
    view: ExperimentView, run: RunInfo, rights: Mapping[str, bool], *, in_stage: bool = False
) -> tuple[dict[str, bool], dict[str, str]]:
    """Acts → whether they are possible now, and for those that aren't, why.

    Args:
        view: the experiment.
        run: its DAG run.
        rights: as from `may_act`.
        in_stage: whether ``prepare`` or ``conclude`` runs, which can be stopped by itself.
    """
    state = view.state
    ended = has_ended(state) or run.over
    over = ended and (run.over or not in_stage)
    draining = state.stop is not None and not ended
    why_not: dict[str, str] = {}

    def deny(act: str, *reasons: str | bool) -> None:
        for reason in reasons:
            if isinstance(reason, str) and reason:
                why_not.setdefault(act, reason)

    deny("stop", "it has ended" if over else "", "" if rights["edit"] else f"{_NO_RIGHT} edit runs of this DAG")
    deny("stop_trial", "it has ended" if ended else "", "" if rights["tasks"] else f"{_NO_RIGHT} edit its tasks")
    failed = any(work.state is not TrialState.SUCCEEDED and work.state.ended for work in state.works.values())
    deny(
        "rerun",
        "" if rights["tasks"] else f"{_NO_RIGHT} edit its tasks",
        "trials run in lanes, which can't begin one anew" if state.lanes is not None else "",
        "" if failed else "no trial has failed",
    )
    deny(
        "edit",
        "it has ended: extend it" if ended else "it ends: only what runs goes on" if draining else "",
        "" if rights["edit"] else f"{_NO_RIGHT} edit runs of this DAG",
    )
    deny(
        "extend",
        "" if run.over else "its run is still ending in Airflow" if ended else "it still runs: edit it",
        "" if rights["edit"] and rights["tasks"] else f"{_NO_RIGHT} edit runs and tasks of this DAG",
    )
    deny("clone", "" if rights["start"] else f"{_NO_RIGHT} start runs of this DAG")
    deny("label", "" if rights["edit"] else f"{_NO_RIGHT} edit runs of this DAG")
    deny("label_trial", "" if rights["tasks"] else f"{_NO_RIGHT} edit its tasks")
    if run.over and not has_ended(state):
        why_not = {act: why.replace("it has ended", "its run has ended in Airflow") for act, why in why_not.items()}
    if run.gone:  # what Airflow would have to run
        why_not |= dict.fromkeys(("rerun", "extend", "clone"), GONE)
    acts = ("stop", "stop_trial", "rerun", "edit", "extend", "clone", "label", "label_trial")
    return {act: act not in why_not for act in acts}, why_not


def ended_in_airflow(view: ExperimentView, run: RunInfo) -> dict[str, Any]:
    """How a run stands whose journal is open, but whose DAG run has ended: nothing of it goes on, nor costs more."""
    then = summary(view.state, view.experiment, run.ended or view.clock())
    return {
        "state": str(ExperimentState.SYS_CANCELED), "reason": "its run has ended in Airflow", "ended": run.ended,
        "elapsed": then.elapsed, "cost": then.cost,
    }  # fmt: skip


def trial_standing(
    view: ExperimentView, run: RunInfo, number: int, rights: Mapping[str, bool]
) -> tuple[dict[str, bool], dict[str, str]]:
    """What can be done to one trial now, and why not; as `standing`."""
    state = view.state
    trial = state.trials[number]
    work = state.latest(trial)
    why_not: dict[str, str] = {}
    if not rights["tasks"]:
        why_not = dict.fromkeys(("stop", "rerun"), f"{_NO_RIGHT} edit its tasks")
    elif work.state.ended:
        why_not["stop"] = "it has ended"
    else:
        why_not["rerun"] = "it goes on"
        if trial.cancel:
            why_not["stop"] = f"{trial.cancel} has asked for its end already"
    if state.lanes is not None:
        why_not.setdefault("rerun", "trials run in lanes, which can't begin one anew")
    if run.gone:
        why_not["rerun"] = GONE
    if not rights["tasks"]:
        why_not["label"] = f"{_NO_RIGHT} edit its tasks"
    return {act: act not in why_not for act in ("stop", "rerun", "label")}, why_not
