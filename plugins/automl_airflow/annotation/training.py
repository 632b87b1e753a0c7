"""``train``: experiments learn from the round's data set, each in a run of its own DAG, waited for without a worker.

The id of such a run follows from the round and its data set, so a worker that is killed at any point starts nothing
twice. What became of it stands in the journal: one that has failed there is over, and a clear of this task starts
another run of it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from automl_airflow.annotation.alerts import tell
from automl_airflow.annotation.names import SET, TRAIN, WRITE_SET, training_run
from automl_airflow.annotation.runs_trigger import RunsTrigger
from automl_airflow.annotation.tasks import RoundOperator
from automl_airflow.compat import is_paused, start_run
from automl_core.spec.units import format_duration

if TYPE_CHECKING:
    from automl_core.annotation.file.labellers import Labeller
    from automl_core.annotation.project import DataSetVersion, Project


TRAINED = "trained"
"""The outcome that the journal keeps of a run with a model; of one without, why there is none."""


FIRST_LOOK, MOST_LOOK = 300.0, 3600.0
"""Seconds until a task looks whether what it waits for is paused: first, and at most; each time twice as long. A look
takes a worker for a moment."""


class TrainOperator(RoundOperator):
    """Has each experiment learn from the newest data set, and finds what it has published."""

    ui_color = "#d5e8f7"

    def execute(
        self, context: Any, event: dict[str, Any] | None = None, failed: Mapping[str, str] | None = None,
        runs: Mapping[str, str] | None = None, until: Mapping[str, float] | None = None, look: float = FIRST_LOOK,
        paused: Sequence[str] = (),
    ) -> dict[str, Any]:  # fmt: skip
        """Start what isn't started, wait for what goes on, and record what came of it.

        Args:
            context: of the task.
            event: of the trigger, where runs were waited for: which.
            failed: experiments that could not be started before that → why.
            runs: of each experiment that was started.
            until: how long each is waited for, seconds since 1970.
            look: seconds until it is looked at what a trigger can't see.
            paused: experiments of which people were told that they are paused.

        Returns:
            What each has come to, as the task's XCom.

        Raises:
            TaskDeferred: runs go on.
            AirflowFailException: no model was trained. A clear of the task starts all of them again.
            AirflowException: Airflow does not start a run; trying again may help.
        """
        project, number = self.begin(context)
        if not self.file.experiments:
            self.log.info("the models are programs that are brought: nothing is trained")
            return {}
        written = self.told(context, WRITE_SET)
        if written.get("why"):
            self.log.info("nothing is trained: %s", written["why"])
            return {}
        data_set = self._set_of(project, number, written.get(SET))
        failures = dict(failed or {})
        if event is not None:
            named = {str(each.experiment) for each in self.file.experiments}  # it may have been edited meanwhile
            known = {dag: run for dag, run in {**(runs or {}), **event["runs"]}.items() if dag in named}
        else:
            known = self._start(context, project, number, data_set, failures)
        on = {dag: run for dag, run in known.items() if _has(context, dag, run) and not self._over(context, dag, run)}
        limits = self._limits(on, until or {})
        late = {dag for dag in on if limits[dag] <= time.time()}
        awaited = {dag: run for dag, run in on.items() if dag not in late}
        if awaited:
            still = self._say_what_is_awaited(context, number, awaited, limits, paused)
            again = min(time.time() + look, *(limits[dag] for dag in awaited))
            kept = {"failed": failures, "runs": known, "until": limits, "look": min(2 * look, MOST_LOOK)}
            self.defer(
                trigger=RunsTrigger(runs=awaited, until=again), method_name="execute", kwargs=kept | {"paused": still}
            )
        for dag in late:
            failures[dag] = self._why_late(context, dag, known.pop(dag))
        return self._conclude(context, project, number, data_set, known, failures)

    # --- waiting ---------------------------------------------------------------------------------

    def _limits(self, on: Mapping[str, str], until: Mapping[str, float]) -> dict[str, float]:
        """Until when each run that goes on is waited for, seconds since 1970."""
        within = {str(each.experiment): float(each.within) for each in self.file.experiments}
        return {dag: until.get(dag, time.time() + within[dag]) for dag in on}

    def _say_what_is_awaited(
        self, context: Any, number: int, awaited: Mapping[str, str], limits: Mapping[str, float],
        before: Sequence[str],
    ) -> list[str]:  # fmt: skip
        """Say in the log what is waited for, and tell people of what is paused. Returns those that are."""
        paused = []
        for dag, run in awaited.items():
            end = datetime.fromtimestamp(limits[dag], UTC).strftime("%Y-%m-%d %H:%M UTC")
            stands = self._stands(context, dag)
            if not stands:
                self.log.info("waiting for the run %s of %s, until %s at most (models.within)", run, dag, end)
                continue
            paused.append(dag)
            words = (
                f"the run {run} of {dag} is waited for, and {stands}: let it go on in Airflow, or delete the run; at "
                f"{end} the round goes on without (models.within)"
            )
            self.log.warning("%s", words)
            if dag not in before:
                tell(self.file, "model", f"round {number}: {words}", round=number, paused=dag)
        return paused

    def _stands(self, context: Any, dag: str) -> str:
        """Why a run can't go on, in words; empty where nothing is known to hold it."""
        try:
            paused = is_paused(context, dag)
        except Exception as error:  # a look that fails ends no wait
            self.log.warning("whether %s is paused can't be asked now: %s: %s", dag, type(error).__name__, error)
            return ""
        if paused is None:
            return f"there is no DAG {dag!r} in this Airflow any more"
        return f"the DAG {dag} is paused" if paused else ""

    def _why_late(self, context: Any, dag: str, run: str) -> str:
        within = next(float(each.within) for each in self.file.experiments if each.experiment == dag)
        stands = self._stands(context, dag)
        return (
            f"its run {run} has not ended within {format_duration(within)} (models.within)"
            f"{f', since {stands}' if stands else ''}; once it has, clear `{TRAIN}`, which takes what it has come to"
        )

    def _set_of(self, project: Project, number: int, data_set: int | None) -> DataSetVersion:
        found = project.state.sets.get(data_set or 0)
        if found is None:
            raise AirflowFailException(f"the journal has no data set of round {number}: clear `{WRITE_SET}`")
        return found

    # --- starting --------------------------------------------------------------------------------

    def _start(
        self, context: Any, project: Project, number: int, data_set: DataSetVersion, failures: dict[str, str]
    ) -> dict[str, str]:
        """Start a run of each experiment that has none which goes on, or has ended well."""
        runs = {}
        for labeller in self.file.experiments:
            experiment = str(labeller.experiment)
            if (before := self._trained_before(context, project, number, data_set, experiment)) is not None:
                self.log.info("%s has learned from the very same labels already, by %s", experiment, before)
                runs[experiment] = before
                continue
            paused = is_paused(context, experiment)
            if paused is None:
                failures[experiment] = f"there is no DAG {experiment!r} in this Airflow: see its file's import error"
                continue
            run, again = self._run_to_start(project, number, data_set, experiment)
            if paused and not _has(context, experiment, run):
                failures[experiment] = f"the DAG {experiment} is paused: nobody would run it until it goes on"
                continue
            if number < len(project.state.rounds) and not _has(context, experiment, run):
                failures[experiment] = "it was not trained then, and by now it would read the labels of a later round"
                continue
            runs[experiment] = run
            self._start_one(project, number, data_set, experiment, run, again)
        return runs

    def _trained_before(
        self, context: Any, project: Project, number: int, data_set: DataSetVersion, experiment: str
    ) -> str | None:  # fmt: skip
        """The run that an earlier round has a model of which learned from just what is there now; None where none is.

        Nobody has answered since, or what was answered is of the stratum: to train again costs as much, and brings
        another model of the same labels, no better one.
        """
        state = project.state
        same = {each.number for each in state.sets.values() if each.fingerprint == data_set.fingerprint}
        found = [
            each.run
            for one in state.rounds.values()
            for each in one.trainings
            if one.number < number and each.experiment == experiment and each.set in same and each.model is not None
        ]
        return next((run for run in reversed(found) if _has(context, experiment, run, "success")), None)

    def _run_to_start(
        self, project: Project, number: int, data_set: DataSetVersion, experiment: str
    ) -> tuple[str, int]:  # fmt: skip
        """The first id of a run that has not failed, and which try that is."""
        recorded = project.state.rounds[number].trainings
        folder = data_set.prefix.rstrip("/").rpartition("/")[2]
        gone = {each.run for each in recorded if each.experiment == experiment and each.model is None}
        again = 1
        while (run := training_run(self.annotation, number, folder, again)) in gone:
            again += 1
        return run, again

    def _start_one(
        self, project: Project, number: int, data_set: DataSetVersion, experiment: str, run: str, again: int
    ) -> None:  # fmt: skip
        text = f"data set {data_set.number} of the annotation {self.annotation}, of round {number}"
        conf = {
            "reason": {"text": text, "annotation": self.annotation, "round": number, "set": data_set.number},
            "transfer": True,
        }  # fmt: skip
        # a DAG has one run of a logical date; an experiment that asks for dates gets those of its data set
        later = timedelta(milliseconds=number - data_set.round, microseconds=again - 1)
        moment = datetime.fromtimestamp(data_set.time, UTC) + later
        try:
            started = start_run(experiment, run, conf, moment)
        except RuntimeError as error:
            raise AirflowException(str(error)) from error
        self.log.info("%s %s of %s", "started" if started else "there is already", run, experiment)

    # --- concluding -----------------------------------------------------------------------------

    def _over(self, context: Any, dag: str, run: str) -> bool:
        return _has(context, dag, run, "success", "failed")

    def _conclude(
        self, context: Any, project: Project, number: int, data_set: DataSetVersion, runs: Mapping[str, str],
        failures: dict[str, str],
    ) -> dict[str, Any]:  # fmt: skip
        """Record what came of each run; the round goes on where there is one model."""
        told: dict[str, Any] = {}
        by = self.this_dag(context)
        for labeller in self.file.experiments:
            experiment = str(labeller.experiment)
            run = runs.get(experiment)
            if run is None:
                continue
            model, why = self._outcome(context, labeller, run, data_set)
            note = partial(project.trained, number, data_set.number, experiment, run, why or TRAINED, model, by)
            self.patiently(note)
            if model is None:
                failures[experiment] = why
                continue
            told[experiment] = {"run": run, "trial": model["trial"], "metric": model["metric"], "value": model["value"]}
            self.log.info("%s: %s %s of trial %d", run, model["metric"], model["value"], model["trial"])
        words = "; ".join(f"{experiment}: {why}" for experiment, why in failures.items())
        if not told:
            raise AirflowFailException(f"round {number}: no model was trained. {words}. Mend it, then clear `{TRAIN}`")
        if failures:
            self.log.warning("the round goes on without %s", words)
            tell(self.file, "model", f"round {number} goes on without {words}", round=number, without=sorted(failures))
        return told | {experiment: {"failed": why} for experiment, why in failures.items()}

    def _outcome(
        self, context: Any, labeller: Labeller, run: str, data_set: DataSetVersion
    ) -> tuple[dict[str, Any] | None, str]:
        """The model that a run has published, as the journal keeps it; or None, and why there is none."""
        from automl_airflow.session import open_experiment_store
        from automl_core.models.offering import NotPublished, candidate_at
        from automl_core.study.layout import experiment_prefix

        experiment = str(labeller.experiment)
        if not _has(context, experiment, run):
            return None, f"its run {run} was deleted in Airflow"
        if _has(context, experiment, run, "failed"):
            return None, f"its run {run} failed: see the log of its tasks"
        store = self.patiently(lambda: open_experiment_store(str(labeller.storage), labeller.connection))
        try:
            found = self.patiently(lambda: candidate_at(store, experiment_prefix(experiment, run)))
        except NotPublished as error:
            return None, str(error)
        source = found.source
        if not _learned_from(source.fingerprints, data_set):
            return None, (
                f"its run {run} has learned from other data than data set {data_set.number}: its file has to name "
                f"{self.file.newest} as a data set, and nobody else may write that meanwhile"
            )
        return {
            "storage": str(labeller.storage), "prefix": found.model, "trial": source.trial, "metric": source.metric,
            "value": source.value, "families": labeller.families,
        }, ""  # fmt: skip


def _has(context: Any, dag: str, run: str, *states: str) -> bool:
    """Whether Airflow has a run of a DAG, in one of some states where they are named."""
    return bool(context["ti"].get_dr_count(dag_id=dag, run_ids=[run], states=list(states) or None))


def _learned_from(fingerprints: Mapping[str, Any], data_set: DataSetVersion) -> bool:
    """Whether one of a run's data sets was the one that the round has written."""
    return any(each.get("digest") == data_set.fingerprint for each in fingerprints.values())
