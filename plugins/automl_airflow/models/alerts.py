"""Telling people of a model: of what waits for them, of another version in use, of one taken back, of failures.

An alert never costs a version or a run: what goes wrong with it is said in the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from automl_airflow.journal_tasks import failure_words

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile
    from automl_core.models.file.alerts import ModelAlerts, Occasion


class TakenBack(AirflowFailException):
    """A task failed since its version was taken back; people may have been told of that already."""


def tell(file: ModelFile, on: Occasion, text: str, **facts: Any) -> None:
    """Tell whom a model's file names, where it names this occasion. Never raises.

    Args:
        file: the model's.
        on: the occasion.
        text: what happened, for people.
        facts: the same for programs, as plain data.
    """
    tell_by(file.alerts, file.name, on, text, **facts)


def tell_by(alerts: ModelAlerts | None, model: str, on: Occasion, text: str, **facts: Any) -> None:
    """As `tell`, where the file is not at hand.

    Args:
        alerts: the group of the file; None where it has none.
        model: the model's name.
        on, text, facts: as of `tell`.
    """
    if alerts is None or on not in alerts.on:
        return
    from automl_airflow.alerts import send

    send(alerts, {"on": on, "model": model, "text": f"{model}: {text}", **facts})


class TellOfFailure:
    """A callback of Airflow: tells of a task that failed and that Airflow doesn't try again."""

    def __init__(self, file: ModelFile) -> None:
        """Tell whom the file names."""
        self.file = file

    def __call__(self, context: Any) -> None:
        """Tell of the task instance of a context."""
        error = context.get("exception")
        if isinstance(error, TakenBack) and self.file.alerts is not None and "taken_back" in self.file.alerts.on:
            return  # told when it happened, which was before the task's end
        words, facts = failure_words(context)
        tell(self.file, "failure", words, **facts)
