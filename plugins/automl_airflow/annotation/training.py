"""``train``: experiments learn from the round's data set, each in a run of its own DAG, waited for without a worker.

The id of such a run follows from the round and its data set, so a worker that is killed at any point starts nothing
twice. What became of it stands in the journal: one that has failed there is over, and a clear of this task starts
another run of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from automl_airflow.annotation.alerts import tell
from automl_airflow.annotation.names import SET, TRAIN, WRITE_SET, training_run
from automl_airflow.annotation.runs_trigger import RunsTrigger
from automl_airflow.annotation.tasks import RoundOperator
from automl_airflow.compat import is_paused, start_run

if TYPE_CHECKING:
    from automl_core.annotation.file.labellers import Labeller
    from automl_core.annotation.project import DataSetVersion, Project


TRAINED = "trained"
"""The outcome that the journal keeps of a run with a model; of one without, why there is none."""


class TrainOperator(RoundOperator):
    """Has each experiment learn from the newest data set, and finds what it has published."""

    ui_color = "#d5e8f7"

    def execute(
        self, context: Any, event: dict[str, Any] | None = None, failed: Mapping[str, str] | None = None
    ) -> dict[str, Any]:  # fmt: skip
        """Start what isn't started, wait for what goes on, and record what came of it.

        Args:
            context: of the task.
            event: of the trigger, where runs were waited for: which.
            failed: experiments that could not be started before that → why.

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
        runs = dict(event["runs"]) if event is not None else self._start(context, project, number, data_set, failures)
        on = {dag: run for dag, run in runs.items() if _has(context, dag, run) and not self._over(context, dag, run)}
        if on:
            self.log.info("waiting for %s", ", ".join(f"{run} of {dag}" for dag, run in on.items()))
            self.defer(trigger=RunsTrigger(runs=runs), method_name="execute", kwargs={"failed": failures})
        return self._conclude(context, project, number, data_set, runs, failures)

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
