"""The three tasks of an experiment's DAG. What they decide is decided in automl_core."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowNotFoundException,
)

from automl_airflow import closed_runs, tracking
from automl_airflow.ahead import lanes_ahead
from automl_airflow.assets import published_asset
from automl_airflow.retrying import OthersAway
from automl_airflow.slots import ExperimentTask, SlotTask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automl_core.backends.ready import ReadyGuard
    from automl_core.running.local import LocalRun
    from automl_core.spec.overrides import Change
    from automl_core.spec.stages import StageName
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Binding, Outcome, Study, Told
    from automl_core.study.stages import StageStudy


AT_THE_START = 300.0
"""Seconds that a store is waited for before anything has trained: its address may be wrong as well."""


def most_mapped() -> int:
    """Task instances at most that this Airflow maps a task to."""
    from airflow.configuration import conf

    return conf.getint("core", "max_map_length", fallback=1024)


class ExperimentOperator(ExperimentTask, BaseOperator):
    """What the operators of ours have in common: where the experiment's journal lies, or that of its stage."""

    def __init__(
        self, *, storage: str, connection: str | None, experiment: str, stage: StageName | None = None,
        made_from: dict[str, Any] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.made_from = made_from
        self.storage = storage
        self.connection = connection
        self.experiment = experiment
        self.stage = stage


class ProposeOperator(ExperimentOperator):
    """Reads the file and the run's conf, opens the journal, and emits one slot per piece of work."""

    ui_color = "#d5e8f7"

    def __init__(self, *, file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.file = file

    @classmethod
    def get_serialized_fields(cls) -> frozenset[str]:
        """As Airflow's, and where the experiment lies: the web view finds it in the serialized DAG."""
        return frozenset(super().get_serialized_fields()) | {"storage", "connection", "experiment"}

    def execute(self, context: Any) -> list[int]:
        """Slot numbers (or lane numbers, beyond a thousand slots) to map the trial task over.

        Raises:
            AirflowFailException: the file or the run's conf is wrong, or its connection is missing; trying again won't
                help.
        """
        from automl_airflow.began import KEY, Beginning, remember, remembered
        from automl_core.backends.base import BackendError
        from automl_core.spec.errors import SpecError

        conf = dict(context["dag_run"].conf or {})
        again = remembered(context)
        if again is not None:
            again.apply(self)
        try:
            store, study, changes = self.patiently(lambda: self._open(context, conf), most=AT_THE_START, refused=False)
        except (SpecError, ValueError, AirflowNotFoundException, BackendError) as error:
            raise AirflowFailException(str(error)) from error
        state, place = study.state, Beginning.of(self)
        if again is None:
            remember(context, place)
        if state.identity.get("reason"):
            self.log.info("started because: %s", state.identity["reason"]["text"])
        for change in changes:
            self.log.info("conf: %s: %r → %r", change.path, change.old, change.new)
        closed_runs.fence(study, self.log, self.patiently)
        slots = int(state.plan["slots"])
        self.log.info("%s: %s", state.algorithm, state.plan["note"] or f"{slots} slots")
        self.log.info("journal: %s/%s", store.url, study.journal.prefix)
        for run in state.earlier:
            self.log.info("earlier run %s", run)
        context["ti"].xcom_push(
            key="search",
            value={
                "algorithm": state.algorithm, "plan": state.plan,
                "combinations": [params for params in state.proposals if params][:50],
                "folder": f"{store.url}/{study.journal.prefix}", "earlier": [run.summary() for run in state.earlier],
                KEY: place.to_json(),
            },
        )  # fmt: skip
        if state.lanes is not None:
            self.log.info("%d slots run in %d lanes: one task instance runs trial after trial", slots, state.lanes)
        mapped = slots if state.lanes is None else min(slots, state.lanes + lanes_ahead(study.experiment))
        return list(range(self._mappable(mapped)))

    @staticmethod
    def _mappable(count: int) -> int:
        """As many as Airflow lets a task be mapped over.

        Raises:
            AirflowFailException: there are more than that.
        """
        most = most_mapped()
        if count > most:
            raise AirflowFailException(
                f"{count} task instances are wanted, and [core] max_map_length of this Airflow is {most}: set it to "
                f"{count} or more for the API server and the workers, and clear this task"
            )
        return count

    def _open(self, context: Any, conf: dict[str, Any]) -> tuple[ObjectStore, Study, tuple[Change, ...]]:
        """The study of this run, created if there is none, and what the run's conf has changed in the file."""
        from automl_airflow.compat import bundle_folder
        from automl_airflow.data_access import found_inputs, prepare_inputs
        from automl_airflow.form import overrides_of
        from automl_airflow.identity import another_run, identity_of
        from automl_core.code import with_code
        from automl_core.housekeeping.mark import settle
        from automl_core.running.environment import check_lock
        from automl_core.spec.dates import missing_dates, run_dates
        from automl_core.spec.errors import SpecError
        from automl_core.spec.loader import locate, read_text
        from automl_core.spec.reason import REASON, reason_of
        from automl_core.spec.stages import task_places
        from automl_core.specfiles.beside import with_base
        from automl_core.storage import check_store
        from automl_core.study import Study
        from automl_core.templates.loading import parse_document
        from automl_core.templates.overriding import apply_overrides
        from automl_core.templates.places import Places
        from automl_core.templates.published import why_another

        store, journal = self.open_store(context)
        settle(store, journal.prefix, time.time())
        if journal.refresh().created:  # run again, for more slots: what was resolved at its start holds
            another = another_run(journal.state.identity, context)
            if another:
                raise AirflowFailException(f"{store.url}/{journal.prefix} {another}")
            study = Study.load(journal)
            self.check_template(study)
            return store, study, ()
        places = Places.of(self.file, bundle_folder(context))
        experiment, document = parse_document(read_text(self.file), self.file, places)
        identity: dict[str, Any] = identity_of(context)
        why = reason_of(conf)
        if why:
            identity[REASON] = why
        try:
            experiment = with_base(experiment, Path(self.file))
        except SpecError as error:
            raise SpecError(locate(list(error.problems), document)) from None
        problems = missing_dates(experiment, run_dates(identity))
        if problems:
            raise SpecError(locate(problems, document))
        experiment, changes = apply_overrides(experiment, overrides_of(experiment, conf), places)
        if any(getattr(task, "prices_connection", None) for _, task in task_places(experiment)):
            from automl_airflow.kubernetes.prices import with_prices

            experiment = with_prices(experiment)
        experiment = closed_runs.taken(experiment, document, store, bundle_folder(context))
        check_store(store)
        check_lock(experiment, Path(self.file))
        experiment, packed = with_code(experiment, Path(self.file), store)
        if packed is not None:
            self.log.info("code: %d files, %d bytes, packed as %s", packed.files, len(packed.data), packed.digest)
        overrides = [change.to_json() for change in changes]
        inputs = found_inputs(experiment, run_dates(identity), document, bundle_folder(context), self.log)
        inputs |= prepare_inputs(experiment, inputs, journal, identity, bundle_folder(context), self.log)
        changed = why_another(store, experiment.template)
        if changed:
            raise AirflowFailException(changed)
        study = Study.create(
            journal, experiment, context["run_id"], overrides, identity, mapped_at_most=most_mapped(), inputs=inputs
        )
        return store, study, changes


class TrialOperator(SlotTask, ExperimentOperator):
    """One slot (or lane) at one training task of its trial, run by the worker itself."""

    ui_color = "#e4f2dc"
    backend = "local"
    template_fields: Sequence[str] = ("slot",)  # inside a mapped task group Airflow resolves these alone

    def __init__(
        self, *, slot: int | None = None, task_index: int = 0, step_ids: list[str], ahead: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.slot = slot
        self.task_index = task_index
        self.step_ids = step_ids
        self.ahead = ahead
        if len(step_ids) == 1:  # mapped alone: Airflow gives it its slot in any case, and would record each "rendered"
            self.template_fields = ()
        self._run: LocalRun | None = None
        self._guard: ReadyGuard | None = None

    def execute(self, context: Any, event: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Ask what to do, do it, and record what became of it.

        Raises:
            AirflowSkipException: nothing is left to do, or the trial was cancelled.
            AirflowException: the training failed and is to be tried again.
            AirflowFailException: the trial failed for good.
        """
        from automl_core.study import Ended

        store, study = self.open_study(context)
        self.woken = event is not None
        if study.state.lanes is not None:
            from automl_airflow.lanes import run_lane

            return run_lane(self, context, store, study)
        try:
            binding = self.bind(context, study)
            if isinstance(binding, Ended):
                return self.conclude_again(context, study, binding)
            outcome, told = self.train(context, store, study, binding)
        finally:
            if self._guard is not None and not self._guard.taken:
                self._guard.close()
        return self.conclude(context, study, binding, outcome, told)

    def make_ready(self, study: Study) -> None:
        """Load the search, and start the guard of the training: what takes time and decides nothing."""
        from automl_core.backends.base import StartError
        from automl_core.backends.ready import ReadyGuard

        super().make_ready(study)
        if self._guard is None:
            try:
                self._guard = ReadyGuard(f"{study.state.name}/{study.state.run}, ahead of its trial")
            except StartError as error:  # the attempt tries it again, and tells
                self.log.warning("%s", error)

    def train(self, context: Any, store: ObjectStore, study: Study, binding: Binding) -> tuple[Outcome, Told]:
        """Run one attempt at one training task on this worker."""
        from automl_airflow.compat import bundle_folder
        from automl_airflow.data_access import FromConnections
        from automl_airflow.naming import announced
        from automl_airflow.session import home, patience
        from automl_core.running.local import LocalRun
        from automl_core.states import TrialState
        from automl_core.storage.base import StorageError, StorageUnavailable
        from automl_core.study import Outcome

        bundle = bundle_folder(context)
        try:
            self._run = self.patiently(
                lambda: LocalRun(
                    study,
                    store,
                    binding,
                    home=home(),
                    bundle=bundle,
                    emit=self.log.info,
                    patience=patience(),
                    access=FromConnections(),
                    ready=self._guard,
                )
            )
            with announced(self, context, study, binding):
                return self._run.run()
        except StorageUnavailable:  # as a worker that is lost: what can't be told can't be counted either
            raise
        except Exception as error:  # of ours, not of the training: the study must not take it for running
            self.log.exception("the attempt broke off")
            reason = f"the attempt broke off: {type(error).__name__}: {error}"
            outcome = Outcome(TrialState.FAILED, reason, retryable=True, blameless=isinstance(error, StorageError))
            return outcome, self.patiently(lambda: study.tell(binding, outcome))

    def on_kill(self) -> None:
        """The task was cleared or marked in the UI, or its worker is ending: end the training, record why."""
        from automl_core.states import TrialState

        self.killed = True
        if self._run is not None:
            self._run.kill(TrialState.USER_CANCELED, "ended from Airflow (cleared, marked, or its worker stopped)")


class ReduceOperator(ExperimentOperator):
    """Judges the whole and publishes. May be cleared and run again: it gives the same files."""

    ui_color = "#f7e6d5"

    def execute(self, context: Any) -> dict[str, Any]:
        """Close the experiment and publish it.

        Raises:
            AirflowFailException: the experiment failed; what there is was published.
        """
        from automl_airflow.alerts import experiment_ended, stages_ended
        from automl_airflow.session import home
        from automl_core.results import publish_study
        from automl_core.states import ExperimentState

        try:
            _, study = self.open_study(context)
        except LookupError as error:
            raise AirflowFailException(f"nothing to publish: {error}; see the log of `propose`") from error
        except AirflowNotFoundException as error:  # no try mends that: the run must not wait for one after the other
            raise AirflowFailException(str(error)) from error
        from automl_airflow.remote import sweep
        from automl_airflow.stages import finish_stages

        if self.outlets:  # where it is published, which is where the run began: the file may name another place by now
            asset = published_asset(self.storage, self.experiment, home())
            self.outlets = [asset] if asset is not None else []
        stages, broken = self.patiently(lambda: finish_stages(study))
        left = [each for found in (study, *stages.values()) for each in self.patiently(partial(sweep, context, found))]
        if not left:
            closed_runs.lift_fences(study, self.log)
        stop = self.patiently(study.finish)
        self.patiently(lambda: self._sum_up(study, stages))
        published = self.patiently(lambda: publish_study(study))
        best = study.best()
        self.log.info("%s: %s", stop.state, stop.reason)
        self.log.info("result: %s", published.folder)
        result = {
            "state": stop.state, "reason": stop.reason, "result": published.folder,
            "best_trial": best[0] if best else None, "best_value": best[1] if best else None,
            "best_params": study.state.trials[best[0]].params if best else None,
        }  # fmt: skip
        context["ti"].xcom_push(key="result", value=result)
        stages_ended(study, stages)
        experiment_ended(study, stop)
        tracking.tell(study)
        if left:
            raise OthersAway(f"published in {published.folder}, but jobs may be left running: {'; '.join(left)}")
        if stop.state in (ExperimentState.FAILED, ExperimentState.SYS_CANCELED) or best is None:
            raise AirflowFailException(f"experiment {stop.state}: {stop.reason} (published in {published.folder})")
        if broken:
            raise AirflowFailException(
                f"{'; '.join(broken)} (what the search found is published in {published.folder})"
            )
        return result

    def _sum_up(self, study: Study, stages: Mapping[StageName, StageStudy]) -> None:
        """Sum up predictions that no worker has: models that are not kept go with what is published."""
        from automl_core.running.details import make_missing

        for name, each in ((None, study), *stages.items()):
            if name != "prepare":  # what that leaves is data
                make_missing(each, self.log.info)
