"""``wait``: until people have labelled what they were sent, or their time is over; without a worker."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from automl_airflow.annotation.labels_trigger import LabelsTrigger
from automl_airflow.annotation.names import CHOOSE
from automl_airflow.annotation.progress import answered_in
from automl_airflow.annotation.studio import collect_from_studio
from automl_airflow.annotation.tasks import RoundOperator


class WaitOperator(RoundOperator):
    """Waits for labels. Cleared, it looks anew: labels that came late count, and the time is that of the batch."""

    ui_color = "#e8e0f0"

    def execute(self, context: Any, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Say how much of the round's batch is labelled, once that is enough.

        Args:
            context: of the task.
            event: of the trigger, where that was waited for.

        Raises:
            TaskDeferred: it is not enough, and there is time.
            AirflowFailException: the journal has no batch of this round.
        """
        project, number = self.begin(context)
        batch = project.state.batch_of(number)
        if batch is None:
            raise AirflowFailException(f"round {number} has sent nothing to anybody: clear `{CHOOSE}`")
        if not batch.items:
            self.log.info("nothing was sent in round %d: nobody is waited for", number)
            return {"batch": batch.number, "answered": 0, "of": 0, "why": "nothing was sent"}
        if event is None and self.file.people.where == "label-studio":
            self._last_look()
            project.refresh()
        found = answered_in(project.state, batch.number)
        assert found is not None
        answered, of = found
        why = self._why(answered, of, batch.until, project.now(), event)
        if why is None:
            studio = self.file.plain() if self.file.people.where == "label-studio" else None
            trigger = LabelsTrigger(
                **self.place.arguments(), batch=batch.number, enough=self.file.people.enough, until=batch.until,
                studio=studio,
            )  # fmt: skip
            self.defer(trigger=trigger, method_name="execute")
        self.log.info("batch %d: %d of %d items are answered: %s", batch.number, answered, of, why)
        return {"batch": batch.number, "answered": answered, "of": of, "why": why}

    def _why(
        self, answered: int, of: int, until: float | None, now: float, event: dict[str, Any] | None
    ) -> str | None:  # fmt: skip
        """Why nobody is waited for any more; None where somebody is."""
        if answered >= of:
            return "everything is answered"
        if answered >= self.file.people.enough * of:
            return f"{self.file.people.enough:.0%} are enough"
        if (event is not None and event.get("why") == "time") or (until is not None and now >= until):
            return "their time is over"
        return None

    def _last_look(self) -> None:
        """Ask Label Studio once here: what was labelled while nobody waited is there at once."""
        try:
            collect_from_studio(self.place, self.file.plain(), self.log.info)
        except Exception as error:  # the trigger asks it again and again
            self.log.warning("Label Studio can't be asked now: %s: %s", type(error).__name__, error)
