"""``wait``: until people have labelled what they were sent, or their time is over; without a worker."""

from __future__ import annotations

from functools import partial
from typing import Any

from automl_airflow.annotation.labels_trigger import LabelsTrigger, progress_of
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
        """
        project, number = self.begin(context)
        batches = [each for each in project.state.batches.values() if each.round == number]
        if not batches:
            self.log.info("nothing was sent in round %d: nobody is waited for", number)
            return {"answered": 0, "of": 0, "why": "nothing was sent"}
        if event is None and self.file.people.where == "label-studio":
            self._last_look()
            project.refresh()
        numbers = [each.number for each in batches]
        answered, of = progress_of(project.state, numbers)
        times = [each.until for each in batches]
        until = None if None in times else max(times)  # type: ignore[type-var]
        why = self._why(answered, of, until, project.right_now(), event)
        if why is None:
            studio = self.file.plain() if self.file.people.where == "label-studio" else None
            trigger = LabelsTrigger(
                **self.place.arguments(), batches=numbers, enough=self.file.people.enough, until=until, studio=studio
            )
            self.defer(trigger=trigger, method_name="execute")
        for each in batches:
            self.patiently(partial(project.close_batch, each.number, why, self.this_dag(context)))
        self.log.info("round %d: %d of %d items are answered: %s", number, answered, of, why)
        return {"answered": answered, "of": of, "why": why}

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
