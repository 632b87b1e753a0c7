"""Telling people of an annotation project: of tasks that wait for them, of failures, of its end.

An alert never costs a round: what goes wrong with it is said in the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automl_airflow.journal_tasks import failure_words

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.file.alerts import Occasion


def tell(file: AnnotationFile, on: Occasion, text: str, **facts: Any) -> None:
    """Tell whom a project's file names, where it names this occasion. Never raises.

    Args:
        file: the project's.
        on: the occasion.
        text: what happened, for people; nothing of an item or a label.
        facts: the same for programs, as plain data.
    """
    if file.alerts is None or on not in file.alerts.on:
        return
    from automl_airflow.alerts import send

    send(file.alerts, {"on": on, "annotation": file.name, "text": f"{file.name}: {text}", **facts})


class TellOfFailure:
    """A callback of Airflow: tells of a task that failed and that Airflow doesn't try again."""

    def __init__(self, file: AnnotationFile) -> None:
        """Tell whom the file names."""
        self.file = file

    def __call__(self, context: Any) -> None:
        """Tell of the task instance of a context."""
        words, facts = failure_words(context)
        tell(self.file, "failure", words, **facts)
