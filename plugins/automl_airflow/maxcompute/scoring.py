"""Scoring a table of MaxCompute by a model, as a task: of any DAG, and the last one of an experiment's.

The worker submits a statement and lets go of its place; a trigger looks until that has ended. What was submitted is
found by its name, so a task that is tried again, or started twice, makes the same instances.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from automl_airflow.operators import ExperimentOperator
from automl_airflow.task_log import TaskLog
from automl_airflow.triggers import LEAST_WAIT
from automl_airflow.waiting import Trouble

if TYPE_CHECKING:
    from automl_core.batch import Scoring, Wanted
    from automl_core.spec.places import DataPlace
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Study

MOST_LOOKS, BETWEEN = 40, 0.5
"""Looks at one statement before the worker is given up, and seconds between two: many are over in seconds, as long as a
worker's start takes."""


class PredictTableOperator(BaseOperator):
    """Scores a table, or a partition of it, into another one, by SQL where it lies."""

    ui_color = "#fdebd3"
    template_fields: Sequence[str] = ("model", "rows", "out", "keep")

    def __init__(
        self, *, model: str, rows: str, out: str, keep: Sequence[str] = (), proba: bool = False,
        maxcompute: str = "maxcompute_default", project: str | None = None, hints: dict[str, Any] | None = None,
        store: str | None = None, poll: float = 10.0, **kwargs: Any,
    ) -> None:  # fmt: skip
        """Take what is to be scored.

        Args:
            model: folder of a model, here or in a store (``s3://…``).
            rows: ``odps://project/table[/ds=…]``.
            out: likewise; made where it is not there, overwritten where it is.
            keep: columns of the rows that are copied.
            proba: whether the probability of each class is written too.
            maxcompute: connection with the keys.
            project: in which the statements run; the connection's when None.
            hints: settings of every statement.
            store: connection of the model's store.
            poll: seconds between two looks at what runs.
            **kwargs: what every operator takes.
        """
        super().__init__(**kwargs)
        self.model, self.rows, self.out, self.keep, self.proba = model, rows, out, keep, proba
        self.maxcompute, self.project, self.hints, self.store, self.poll = maxcompute, project, hints, store, poll
        self._scoring: Scoring | None = None

    def execute(self, context: Any) -> dict[str, Any]:
        """Score until the end, or until a trigger takes over."""
        return self.resume(context, {})

    def resume(self, context: Any, event: dict[str, Any]) -> dict[str, Any]:
        """Go on where it was.

        Args:
            context: of the task.
            event: of the trigger, with the state; empty at the start.

        Raises:
            AirflowFailException: it can't be done; another try would fail likewise.
            AirflowException: a statement failed for a reason that may pass.
        """
        from automl_airflow.session import open_experiment_store

        with folder_of(open_experiment_store(self.model, self.store), "") as folder:
            return self.score(folder, self.rows, self.out, self.keep, event)

    def score(
        self, folder: Path, rows: str, out: str, keep: Sequence[str], event: dict[str, Any],
        constants: Mapping[str, str | int] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Score by the model in a folder, as far as it goes without waiting; see `resume`."""
        from automl_airflow.maxcompute.connection import access_of
        from automl_core.backends.base import BackendError
        from automl_core.backends.maxcompute.client import Client, Refused
        from automl_core.backends.remote import Unreachable
        from automl_core.batch import BatchFailed, CantScore, Scoring, Wanted
        from automl_core.modelfile import Model, load

        try:
            hints = {key: text_of(value) for key, value in (self.hints or {}).items()}
            wanted = Wanted.of(rows, out, keep=tuple(keep), proba=self.proba, hints=hints, constants=constants)
            self._check_places(wanted)
            client = Client(access_of(self.maxcompute, self.project))
            model = load(folder)
            if not isinstance(model, Model):
                raise CantScore("a model of series can't be scored by SQL")
            self._scoring = Scoring(client, model, wanted, state=event.get("state"))
            return self._advance(self._scoring)
        except Unreachable as error:
            raise AirflowException(str(error)) from error
        except BatchFailed as error:
            kind = AirflowException if error.exit is not None and not error.exit.final else AirflowFailException
            raise kind(str(error)) from error
        except (CantScore, Refused, BackendError, ValueError) as error:
            raise AirflowFailException(str(error)) from error

    def _check_places(self, wanted: Wanted) -> None:
        """Of a closed environment: both tables' projects are on its list, as that of the connection."""
        from automl_airflow.closed import check_project
        from automl_airflow.maxcompute.connection import access_of

        for place in (wanted.rows, wanted.out):
            access = access_of(self.maxcompute, place.root)
            check_project(access.project, access.endpoint, access.tunnel_endpoint)

    def _advance(self, scoring: Scoring) -> dict[str, Any]:
        looks = 0
        while looks < MOST_LOOKS:
            over, looks = scoring.advance(), looks + 1
            notes, scoring.notes = scoring.notes, []
            for note in notes:
                self.log.info(note)
            if over:
                done = scoring.done
                assert done is not None
                self.log.info("%d rows of %s scored into %s", done.rows, scoring.wanted.rows.text, done.out)
                return {"rows": done.rows, "out": done.out, "columns": dict(done.columns), "golden": done.golden,
                        "instances": list(done.instances)}  # fmt: skip
            if notes:
                looks = min(looks, 1)  # another statement runs now
            if looks < MOST_LOOKS:
                time.sleep(BETWEEN)
        self._scoring = None  # from here on what runs is the trigger's to watch
        trigger = InstanceTrigger(self.maxcompute, self.project, scoring.running, self.state_of(scoring), self.poll)
        self.defer(trigger=trigger, method_name="resume")
        raise AssertionError("a task that has deferred goes on")

    def state_of(self, scoring: Scoring) -> dict[str, Any]:
        """What `resume` gets back of a trigger: plain JSON without secrets."""
        return scoring.state

    def on_kill(self) -> None:
        """The task was cleared or marked while a worker had it: stop what runs."""
        if self._scoring is not None:
            self._scoring.stop()


class PredictOperator(ExperimentOperator, PredictTableOperator):
    """The last task of an experiment: its published model scores the table that the file names."""

    template_fields: Sequence[str] = ()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(model="", rows="", out="", **kwargs)

    def resume(self, context: Any, event: dict[str, Any]) -> dict[str, Any]:
        """See `PredictTableOperator.resume`; what is scored stands in the run's journal."""
        from automl_core.results.names import BEST_MODEL
        from automl_core.results.stages import model_note, unconcluded
        from automl_core.results.table_models import table_models
        from automl_core.spec.dates import run_dates
        from automl_core.spec.places import BadPlace
        from automl_core.spec.predictions import predict_places

        store, study = self.open_study(context)
        predict = study.experiment.predict
        if predict is None:
            raise AirflowSkipException("the run began with a file that names no table to score")
        found = self.patiently(lambda: table_models(store, study.journal.prefix + BEST_MODEL))
        if len(found) != 1:
            raise AirflowFailException(
                f"predict: the run has published {len(found) or 'no'} models of tables, and one is wanted: a folder "
                f"with a model.json below {BEST_MODEL.rstrip('/')}"
            )
        why = self.patiently(lambda: unconcluded(store, study.journal.prefix))
        if why:  # a trial's own model, neither calibrated nor tested, is no answer to what the file asks for
            raise AirflowFailException(f"predict: {why}")
        if note := self.patiently(lambda: model_note(store, study.journal.prefix)):
            self.log.warning("%s", note)  # the whole model of a search that has gone on since
        try:
            rows, out = predict_places(predict, run_dates(study.state.identity))
        except BadPlace as error:
            raise AirflowFailException(f"predict: {error}") from error
        self.maxcompute, self.project, self.poll = predict.connection, predict.project, predict.poll
        self.hints, self.proba = dict(predict.hints), predict.proba
        if not event:
            self._record(study, rows)
        with folder_of(store, found[0]) as folder:
            return self.score(folder, rows.text, out.text, predict.keep, event)

    def _record(self, study: Study, rows: DataPlace) -> None:
        """Of a closed run: which table is read stands in the audit before anything is submitted."""
        from automl_airflow.closed import is_closed

        if not is_closed(study.experiment):
            return
        from automl_core.audit import read_data

        self.patiently(
            lambda: read_data(
                study.journal.store, experiment=study.state.name, run=study.state.run, task=self.task_id, attempt=1,
                trial=None, name="predict", place=rows.text, fingerprint="", more={"kind": "table"},
            )
        )  # fmt: skip


class InstanceTrigger(BaseTrigger):
    """Fires once an instance has ended; hands the task its own state back."""

    def __init__(
        self, connection: str, project: str | None, instance: str | None, state: dict[str, Any], poll: float
    ) -> None:
        super().__init__()
        self.connection, self.project, self.instance, self.state, self.poll = connection, project, instance, state, poll

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, without any credentials."""
        return (
            "automl_airflow.maxcompute.scoring.InstanceTrigger",
            {
                "connection": self.connection, "project": self.project, "instance": self.instance, "state": self.state,
                "poll": self.poll,
            },
        )  # fmt: skip

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until it has ended. What can't be asked now is asked again: the instance runs on meanwhile."""
        from automl_airflow.maxcompute.hubs import borrow, give_back
        from automl_core.backends.base import BackendError
        from automl_core.backends.remote import Unreachable

        lines = TaskLog(self.log)
        trouble = Trouble(lines)
        await asyncio.sleep(LEAST_WAIT)
        try:
            hub = await borrow(self.connection, self.project)
        except BackendError as error:
            lines.warning("the task looks by itself: %s", error)
            await lines.close()
            yield TriggerEvent({"state": self.state})
            return
        try:
            while self.instance is not None:
                try:
                    if await hub.call(hub.client.state, self.instance) != "Running":
                        break
                except Unreachable as error:
                    trouble.is_there(f"MaxCompute can't be asked now: {error}")
                else:
                    trouble.is_over("MaxCompute can be asked again")
                await asyncio.sleep(self.poll)
        finally:
            give_back(hub)
        await lines.close()
        yield TriggerEvent({"state": self.state})


def text_of(value: Any) -> str:
    """A setting as MaxCompute takes it."""
    return value if isinstance(value, str) else json.dumps(value)


@contextmanager
def folder_of(store: ObjectStore, prefix: str) -> Iterator[Path]:
    """A model's folder on this machine, for as long as it is needed."""
    local = store.local_path(prefix.rstrip("/")) if prefix else None
    if local is not None and local.is_dir():
        yield local
        return
    folder = Path(tempfile.mkdtemp(prefix="automl-model-"))
    try:
        store.download(prefix, folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
