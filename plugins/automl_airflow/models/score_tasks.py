"""The tasks that score: what is owed, and one interval on the worker. What they decide is decided in automl_core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from automl_airflow.assets import AssetsFromItsFile
from automl_airflow.models.lineage import TellsLineage, note_scored
from automl_airflow.models.score_intervals import (
    default_zone,
    interval_from,
    label_of,
    of_events,
    own_interval,
    plain,
    run_type,
)
from automl_airflow.models.score_orders import keys_of, with_program

if TYPE_CHECKING:
    from pathlib import Path

    from automl_core.models.batch import Batch, Interval, Order, Outcome, Report, Wish
    from automl_core.models.batch.processes import ScoringProcess
    from automl_core.models.file import ModelFile

T = TypeVar("T")

PLAN, SCORE_TASK = "plan", "score"

WAIT = 6 * 3600.0
"""Seconds that a run waits for the data of its own interval, without a worker. After that its task fails, and the next
run takes the interval on."""

AT_THE_START = 300.0
"""Seconds that a store is waited for before anything is claimed."""


class ScoreTask(TellsLineage, AssetsFromItsFile):
    """What the tasks have in common. A mixin, so that the same holds for a KubernetesPodOperator."""

    file: ModelFile
    killed = False
    if TYPE_CHECKING:
        log: Any

    def batch(self, context: Any) -> Batch:
        """Batch scoring of the model, with a moment-old state.

        Raises:
            StorageError: the store is away.
            AirflowFailException: a closed environment doesn't take the file.
        """
        from automl_airflow.compat import bundle_folder
        from automl_airflow.data_access import FromConnections
        from automl_airflow.models.opening import open_life
        from automl_airflow.models.score_dag import spans
        from automl_airflow.session import home
        from automl_core.models.batch import Batch, Timetable
        from automl_core.spec.models import Schedule
        from automl_core.spec.schedule import TIMELESS

        deploy, bundle = self.file.batch, bundle_folder(context)
        assert deploy is not None
        _check_closed(self.file, bundle)
        zone = deploy.schedule.timezone if isinstance(deploy.schedule, Schedule) else None
        return Batch(
            self.patiently(lambda: open_life(self.file)), self.file, FromConnections(), home(),
            Timetable(None if deploy.cron in TIMELESS else deploy.cron, zone or default_zone(), spans()),
            str(bundle or ""),
            say=self.log.info,
        )  # fmt: skip

    def patiently(self, call: Callable[[], T], *, most: float = float("inf")) -> T:
        """Do something with a store, waiting for one that is away (see `automl_core.running.patience`)."""
        from automl_airflow.session import patience
        from automl_core.running.patience import patiently

        return patiently(
            call, patience=min(most, patience()), say=self.log.warning, wanted=lambda: not self.killed
        )  # fmt: skip


def _check_closed(file: ModelFile, bundle: Path | None) -> None:
    from airflow.sdk.exceptions import AirflowNotFoundException

    from automl_airflow.models.closed import taken
    from automl_core.backends.base import BackendError
    from automl_core.spec.errors import SpecError
    from automl_core.storage.base import StorageError

    try:
        taken(file, bundle)
    except (SpecError, StorageError, BackendError, AirflowNotFoundException) as error:
        raise AirflowFailException(str(error)) from error


class PlanOperator(ScoreTask, BaseOperator):
    """Notes what is due, and emits the intervals that this run scores."""

    ui_color = "#d5e8f7"

    def __init__(self, *, file: ModelFile, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.file = file

    def execute(self, context: Any) -> list[dict[str, Any]]:
        """The intervals, as plain data to map `score` over.

        Raises:
            AirflowFailException: the run's conf is wrong, or names more than Airflow maps a task to.
        """
        from automl_airflow.operators import most_mapped
        from automl_core.models.batch.planning import MOST
        from automl_core.spec.places import BadPlace
        from automl_core.storage import StorageError, StorageUnavailable

        batch = self.batch(context)
        try:
            chosen = self._asked(context, batch)
            if chosen is not None:
                if len(chosen) > most_mapped():
                    raise ValueError(
                        f"conf: {len(chosen)} intervals are named, and [core] max_map_length of this Airflow is "
                        f"{most_mapped()}: name fewer in each run"
                    )
                return [plain(each) for each in chosen]
            own = own_interval(context, batch)
            by_hand = run_type(context) == "manual"
            found = of_events(context)
            most = min(MOST, most_mapped())
            plan = self.patiently(lambda: batch.plan(own, found, asked=by_hand, most=most), most=AT_THE_START)
        except StorageUnavailable as error:
            raise AirflowException(str(error)) from error
        except (BadPlace, StorageError, ValueError) as error:
            raise AirflowFailException(str(error)) from error
        for words in plan.words:
            self.log.warning(words)
        self.log.info("to be scored: %s", ", ".join(each.key for each in plan.intervals) or "nothing")
        return [plain(each) for each in plan.intervals]

    def _asked(self, context: Any, batch: Batch) -> list[Interval] | None:
        """The intervals that somebody asks for: those that the conf names, that of a backfill's run; None if nobody."""
        conf = dict(context["dag_run"].conf or {})
        named = conf.get("interval")
        if named is not None:
            texts = [named] if isinstance(named, str) else list(named)
            if not texts:
                raise ValueError("conf: interval names none; leave it out, or name one such as 2026-11-01")
            return batch.named([str(each) for each in texts])
        own = own_interval(context, batch)
        if run_type(context) == "backfill" or conf.get("version") is not None:
            if own is None:
                raise ValueError(
                    'this run has no logical date: name what is to be scored again, {"interval": "2026-11-01", '
                    '"version": "now"}'
                )
            return [own]
        return None


class ScoreOperator(ScoreTask, BaseOperator):
    """Scores one interval in a process on the worker."""

    ui_color = "#fdebd3"
    template_fields: Sequence[str] = ("interval",)

    def __init__(
        self, *, file: ModelFile, path: str = "", interval: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.file, self.path, self.interval = file, path, interval
        self._process: ScoringProcess | None = None

    def execute(self, context: Any, event: Any = None) -> dict[str, Any]:
        """Score, unless that is done; wait without a worker for data that aren't there yet.

        Args:
            context: of the task.
            event: of the trigger that has waited.
        """
        attempt = Attempt(self, context)
        outcome = attempt.begin()
        return attempt.told(outcome if outcome is not None else attempt.end(self._scored(attempt)))

    def _scored(self, attempt: Attempt) -> Report:
        from automl_core.models.batch.processes import ScoringProcess

        with ExitStack() as stack:
            try:
                order = attempt.order
                if not attempt.ours:
                    order = with_program(self.file, self.path, order, stack, self.log.info)
            except AirflowFailException as error:
                attempt.failed(str(error))
                raise
            self._process = ScoringProcess(order, keys_of(order))
            try:
                return self._process.run(self.log.info, lambda: not self.killed)
            finally:
                self._process = None

    def on_kill(self) -> None:
        """The task was cleared or marked, or its worker is ending."""
        self.killed = True
        if self._process is not None:
            self._process.stop()


class Attempt:
    """One try of a task at one interval, whatever scores it."""

    def __init__(self, task: Any, context: Any) -> None:
        from automl_airflow.compat import name_map_index

        self.task, self.context = task, context
        self.interval = interval_from(task.interval)
        self.batch: Batch = task.batch(context)
        self.begun: Any = None
        name_map_index(context, label_of(self.interval))

    @property
    def order(self) -> Order:
        """What is to be scored."""
        order: Order = self.begun.order
        return order

    @property
    def ours(self) -> bool:
        """Whether the version that scores is a model of this product, which needs no program."""
        from automl_core.models.life.copying import MODEL_FILE_KIND

        return bool(self.batch.life.state.version(self.order.version).model.kind == MODEL_FILE_KIND)

    def begin(self, *, adopt: bool = False) -> Outcome | None:
        """Claim the interval.

        Args:
            adopt: whether what an earlier try has started may still go on, and is taken over.

        Returns:
            None where it is to be scored now, else what became of it.

        Raises:
            TaskDeferred: its data aren't there yet, and are waited for.
        """
        from automl_core.models.batch import Outcome
        from automl_core.storage import StorageError, StorageUnavailable

        run, wish = self._run(), self._wish()
        try:
            begun = self.task.patiently(lambda: self.batch.begin(self.interval, run, wish=wish, adopt=adopt))
        except StorageUnavailable as error:
            raise AirflowException(str(error)) from error
        except StorageError as error:
            raise AirflowFailException(str(error)) from error
        if isinstance(begun, Outcome):
            if begun.what == "missing":
                self._wait(begun)
            return begun
        self.begun = begun
        self.task.log.info(
            "%s: version %d, attempt %d: %s → %s", begun.claim.key, begun.claim.version, begun.claim.attempt,
            begun.order.data.text, begun.order.out.text,
        )  # fmt: skip
        return None

    def end(self, report: Report) -> Outcome:
        """Record what came of it."""
        outcome: Outcome = self.task.patiently(lambda: self.batch.end(self.begun, report))
        for note in report.notes:
            self.task.log.info("note – %s", note)
        return outcome

    def failed(self, words: str, *, final: bool = False) -> Outcome:
        """Record that nothing has scored: it could not be started, say.

        Args:
            words: why.
            final: whether another try would fail alike.
        """
        found: Outcome = self.task.patiently(lambda: self.batch.failed(self.begun, words))
        return replace(found, what="failed") if final else found

    def told(self, outcome: Outcome) -> dict[str, Any]:
        """The task's result, or its state.

        Raises:
            AirflowFailException: these data can't be scored by this version.
            AirflowException: worth another try.
            AirflowSkipException: nothing to do now; the next run takes the interval on.
        """
        words = f"{self.interval.key}: {outcome.words}"
        if outcome.what == "failed":
            raise AirflowFailException(words)
        if outcome.what == "again":
            raise AirflowException(words)
        if outcome.what in ("busy", "no_champion", "missing"):
            raise AirflowSkipException(words)
        self.task.log.info(words)
        if outcome.what == "scored" and self.begun is not None:
            note_scored(self.task, self.order, outcome.out)
        return {
            "interval": self.interval.key, "what": outcome.what, "rows": outcome.rows, "version": outcome.version,
            "out": outcome.out,
        }  # fmt: skip

    def _run(self) -> str:
        """Who claims: the DAG's run; one that people have cleared counts as another where it asks for a version."""
        from automl_airflow.compat import generation_of

        run, count = str(self.context["run_id"]), generation_of(self.context)
        cleared = count is not None and count > int(getattr(self.task, "retries", 0) or 0)
        return f"{run}#{count}" if self._wish() is not None and cleared else run

    def _wish(self) -> Wish | None:
        from automl_core.models.batch import Wish

        conf = dict(self.context["dag_run"].conf or {})
        version = conf.get("version")
        if version is None or version == "":
            return None
        if version not in ("then", "now"):
            try:
                version = int(version)
            except (TypeError, ValueError):
                raise AirflowFailException(
                    f"conf: version is {version!r}; allowed: then, now, or the number of a version"
                ) from None
        by = str(getattr(self.context["dag_run"], "triggering_user_name", None) or conf.get("by") or "a run's conf")
        return Wish(version, by, str(conf.get("why") or ""))

    def _wait(self, outcome: Outcome) -> None:
        """Let go of the worker until the data of the run's own interval are there; others are looked at once.

        Raises:
            TaskDeferred: until then.
            AirflowFailException: it has waited long enough.
        """
        from datetime import timedelta

        from automl_airflow.models.score_waiting import PartitionTrigger

        own = own_interval(self.context, self.batch)
        if own is None or own.key != self.interval.key:
            return
        since = getattr(self.context["dag_run"], "start_date", None)
        waited = self.batch.clock() - since.timestamp() if since is not None else 0.0
        if waited >= WAIT:
            raise AirflowFailException(
                f"{self.interval.key}: {outcome.words}. It was waited for {WAIT / 3600:.0f} hours; it stays owed, and "
                "the next run takes it on"
            )
        place = self.batch.data_of(self.interval)
        self.task.log.info("waiting for %s", place.text)
        self.task.defer(
            trigger=PartitionTrigger(place.text, place.connection, place.format), method_name="execute",
            timeout=timedelta(seconds=WAIT - waited + 600.0),
        )  # fmt: skip
