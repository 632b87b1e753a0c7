"""What tasks have in common whose truth is a journal of their own: a model's, or an annotation project's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from automl_airflow.retrying import again

T = TypeVar("T")

AGAIN = again(timedelta(seconds=10), at_most=5)
"""How such a task is tried again, for workers that die and stores that are away. What no trying mends fails at once."""


class JournalTask:
    """A task that reads and writes a journal. A mixin, so that an operator of Airflow's may be one as well."""

    storage: str
    connection: str | None
    killed = False
    if TYPE_CHECKING:
        log: Any

    def patiently(self, call: Callable[[], T], *, most: float = float("inf"), refused: bool = True) -> T:
        """Do something with the store, waiting for one that is away (see `automl_airflow.slots.ExperimentTask`)."""
        from automl_airflow.session import patience
        from automl_core.running.patience import patiently

        return patiently(
            call, patience=min(most, patience()), refused=refused, say=self.log.warning, wanted=lambda: not self.killed
        )

    def on_kill(self) -> None:
        """The task was cleared or marked in the UI, or its worker is ending."""
        self.killed = True


def base_url() -> str:
    """What stands before the paths of Airflow's pages, where that is configured."""
    from airflow.configuration import conf

    return (conf.get("api", "base_url", fallback="") or "").rstrip("/")


def dag_link(dag: str) -> str:
    """A link to a DAG's page, in Markdown."""
    return f"[{dag}]({base_url()}/dags/{quote(dag, safe='')})"


def failure_words(context: Any) -> tuple[str, dict[str, str]]:
    """What to tell of a task that failed and that Airflow doesn't try again: words, and the same for programs."""
    instance, error = context["ti"], context.get("exception")
    why = f": {error}" if error is not None else ""
    facts = {"dag": str(instance.dag_id), "task": str(instance.task_id), "run": str(instance.run_id)}
    return f"{facts['task']} of {facts['dag']} failed{why}", facts
