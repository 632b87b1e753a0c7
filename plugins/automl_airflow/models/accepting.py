"""``accept``: a person is asked on Airflow's approval page, and their answer becomes a record of the model's journal.

The journal is the truth. Airflow's task waits, and what it is told is written down; what follows reads the journal, so
a task that was marked, cleared or answered too late brings nothing into use. How Airflow's part behaves was tried on
Airflow 3.3.2 with the standard provider 1.21.0 (docs/model-approval.md has the table):

* A page keeps the first text it had, and an answer belongs to what was read. So a page shows one evidence: where there
  is another since, a run of its own asks about it.
* Asking again through the operator's own ``execute`` forgets an answer that came meanwhile. So that is called once; a
  task that is tried again or cleared goes on waiting for the answer on the page that is there, which may have been
  given.
* That wait is the provider's trigger with a pause before its first look: a wait that is shorter than the worker's end
  is taken for a failure by the scheduler.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.triggers.hitl import HITLTrigger
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowFailException
from airflow.triggers.base import TriggerEvent

from automl_airflow.form import SCHEMA
from automl_airflow.models.names import NO, NOTE, YES
from automl_airflow.models.people import assigned, name_of
from automl_airflow.models.runs import start_again
from automl_airflow.models.tasks import RolloutTask

if TYPE_CHECKING:
    from airflow.sdk import Context

    from automl_core.models.file import ModelFile
    from automl_core.models.life import ModelLife, Version

SHOWN, ASKS = "shown", "asks"
"""In the task's state: the evidence that the page shows; that which it was about to show, and Airflow's count of tries
then, which only a clear changes."""

PAUSE = 8.0
"""Seconds before a task that is tried again looks for an answer: longer than its worker takes to end."""

LEAST = timedelta(seconds=1)

LONGEST_NOTE = 2000
"""Characters of a note that are kept, as by our own routes."""


class LaterHITLTrigger(HITLTrigger):
    """The provider's trigger, with a pause before its first look."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """See `BaseTrigger.serialize`."""
        return f"{type(self).__module__}.{type(self).__qualname__}", super().serialize()[1]

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then look as the provider does."""
        await asyncio.sleep(PAUSE)
        async for event in super().run():
            yield event


class AcceptOperator(RolloutTask, HITLOperator):
    """Asks for the acceptance of a version."""

    ui_color = "#f7e6d5"

    def __init__(self, *, file: ModelFile, **kwargs: Any) -> None:
        kwargs.pop("params", None)  # the DAG's, which Airflow adds again
        why = Param(
            "", type=["string", "null"], maxLength=LONGEST_NOTE, title="Why (optional)",
            description="Kept beside the answer.", **SCHEMA,
        )  # fmt: skip
        super().__init__(subject=f"A version of {file.name}", options=[YES, NO], params={NOTE: why}, **kwargs)
        self.keep(file)

    def execute(self, context: Context) -> Any:
        """Ask, unless the journal has an answer already.

        Raises:
            TaskAwaitingInput, TaskDeferred: a person is asked.
            AirflowFailException: nobody is to be asked: `ask` has not run.
        """
        from automl_core.models.life import VersionState

        life, version = self.open(context)
        if version.decision is not None:
            return self._told(version)
        asked = version.asked
        if version.state is not VersionState.ASKED or asked is None or asked.run != str(context["run_id"]):
            raise AirflowFailException(
                f"version {version.number} is {version.state}, and this run asks nobody about it: clear `ask`"
            )
        if life.now() >= asked.until:
            return self._expire(context, life, version)
        state = context["task_state_store"]
        shown = state.get(SHOWN)
        if shown is None and self._has_no_page(context, state, asked.evidence):
            return self._ask(context, life, version, state)
        if shown != asked.evidence:
            run = start_again(context, version)
            self.log.info("this run's page shows other evidence, and keeps it: the run %s asks about version %d",
                          run, version.number)  # fmt: skip
            return {"decision": None, "asked_in": run}
        return self._go_on_waiting(context, asked.until)

    def _has_no_page(self, context: Any, state: Any, evidence: str) -> bool:
        """Whether this task has no page yet, or one that was made a moment ago, of this very evidence."""
        ti, asks = context["ti"], state.get(ASKS)
        if asks is None:  # a clear may take the task's state along (apache/airflow#72100); no clear, no page
            return bool(ti.try_number == 1 or ti.max_tries == self.retries)
        return bool(asks.get("evidence") == evidence and asks.get("tries") == ti.max_tries)

    def _ask(self, context: Any, life: ModelLife, version: Version, state: Any) -> Any:
        from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]  # Airflow 3.3.2: not in __init__.pyi

        from automl_airflow.models.pages import body_of, subject_of

        asked = version.asked
        assert asked is not None
        evidence = self.patiently(lambda: life.evidence(asked.evidence))
        self.subject = subject_of(self.model, version, evidence)
        self.body = body_of(self.model, version, evidence)
        self.assigned_users = assigned(asked.whom)
        self.response_timeout = max(LEAST, timedelta(seconds=asked.until - life.now()))
        asks = {"evidence": asked.evidence, "tries": context["ti"].max_tries}
        state.set(ASKS, asks, retention=NEVER_EXPIRE)
        from airflow.sdk.exceptions import TaskAwaitingInput

        try:
            return super().execute(context)
        except TaskAwaitingInput:
            state.set(SHOWN, asked.evidence, retention=NEVER_EXPIRE)
            raise

    def _go_on_waiting(self, context: Any, until: float) -> None:
        """Wait for the answer on the page that is there; it may have been given already.

        Raises:
            TaskDeferred: always.
        """
        self.log.info("waiting for the answer on the page that is there")
        trigger = LaterHITLTrigger(
            ti_id=context["task_instance"].id, options=self.options, params={},
            timeout_datetime=datetime.fromtimestamp(until, UTC),
        )  # fmt: skip
        self.defer(trigger=trigger, method_name="execute_complete")

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Record what was answered, or that nobody has."""
        from automl_core.models.life import Person, Refused

        life, version = self.open(context)
        if version.decision is not None:  # given elsewhere; this one was only told to the task
            return self._told(version)
        if "error" in event:
            if event.get("error_type") == "timeout":
                return self._expire(context, life, version)
            raise AirflowFailException(f"Airflow could not take the answer: {event['error']}")
        shown = context["task_state_store"].get(SHOWN)
        chosen, given = list(event["chosen_options"]), event.get("params_input") or {}
        self.validate_chosen_options(chosen)
        whom = version.asked.whom if version.asked is not None else ()
        person = Person(name_of(event.get("responded_by_user"), whom), "airflow")
        note, at = str(given.get(NOTE) or ""), event.get("responded_at")
        if len(note) > LONGEST_NOTE:  # Airflow's REST takes any; each object of the journal would repeat it
            self.log.warning("the note has %d characters; the first %d are kept", len(note), LONGEST_NOTE)
            note = f"{note[: LONGEST_NOTE - 1]}…"
        act = life.accept if chosen == [YES] else life.reject
        try:
            self.patiently(
                lambda: act(version.number, str(shown), person, note, at=at.timestamp() if at is not None else None)
            )
        except Refused as refused:
            return self._refused(
                context, life, version, f"{person} answered {chosen[0]}, which is not recorded: {refused}"
            )
        return self._told(life.state.version(version.number))

    def _refused(self, context: Any, life: ModelLife, version: Version, words: str) -> dict[str, Any]:
        """What to do with an answer that the journal does not take: somebody was faster, or the evidence is old."""
        self.log.warning("%s", words)
        version = life.state.version(version.number)
        if version.decision is not None:
            return self._told(version) | {"refused": words}
        if version.asked is not None and life.now() >= version.asked.until:
            return self._expire(context, life, version) | {"refused": words}
        run = start_again(context, version)
        self.log.warning("version %d is evaluated anew and asked about by the run %s", version.number, run)
        return {"decision": None, "refused": words, "asked_in": run}

    def _expire(self, context: Any, life: ModelLife, version: Version) -> dict[str, Any]:
        from automl_core.models.life import Refused

        asked = version.asked
        if asked is not None:
            try:
                self.patiently(lambda: life.expire(version.number, asked.evidence, self.this_dag(context)))
            except Refused as refused:
                self.log.info("%s", refused)
        return self._told(life.state.version(version.number))

    def _told(self, version: Version) -> dict[str, Any]:
        given = version.decision
        if given is None:
            self.log.info("version %d: nobody has decided", version.number)
            return {"decision": None}
        self.log.info("version %d was %s", version.number, given)
        return {"decision": given.what, "by": given.by.name, "how": given.by.how, "evidence": given.evidence,
                "note": given.note}  # fmt: skip
