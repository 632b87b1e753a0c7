"""``decide``: what the journal says of the version, whatever became of the tasks before."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped

from automl_airflow.models.names import ACCEPT, DEPLOY
from automl_airflow.models.registry import tell_registry
from automl_airflow.models.runs import start_again
from automl_airflow.models.tasks import RolloutOperator


class DecideOperator(RolloutOperator):
    """Lets a version pass that the journal says was accepted, on the newest evidence; runs whatever came before."""

    ui_color = "#e4f2dc"

    def execute(self, context: Any) -> dict[str, Any]:
        """Read the journal.

        Raises:
            DownstreamTasksSkipped: it was rejected, nobody answered in time, or another run asks.
            AirflowFailException: nobody has decided: a task before was marked by hand, or failed.
        """
        from automl_core.models.life import VersionState

        life, version = self.open(context)
        given, newest = version.decision, version.newest
        if given is None or newest is None:
            told = context["ti"].xcom_pull(task_ids=ACCEPT)
            if isinstance(told, dict) and told.get("asked_in"):
                self.log.info("the run %s goes on with version %d", told["asked_in"], version.number)
                raise DownstreamTasksSkipped(tasks=[DEPLOY])
            raise AirflowFailException(
                f"version {version.number} is {version.state}, and its journal has no answer on its newest evidence, "
                f"whatever state `{ACCEPT}` is in: clear the task that failed or was marked (`{ACCEPT}` goes on "
                "waiting for an answer), or answer on the model's page"
            )
        self.log.info("version %d was %s", version.number, given)
        if given.what != "accepted":
            tell_registry(self.file, life)
            raise DownstreamTasksSkipped(tasks=[DEPLOY])
        if version.state is VersionState.ACCEPTED and newest.champion != life.state.champion:
            run = start_again(context, version)
            self.log.warning(
                "version %d was accepted beside %s, and %s is the champion since: the run %s evaluates it anew",
                version.number, _called(newest.champion), _called(life.state.champion), run,
            )  # fmt: skip
            raise DownstreamTasksSkipped(tasks=[DEPLOY])
        if version.state not in (VersionState.ACCEPTED, VersionState.ROLLING_OUT, VersionState.IN_USE):
            self.log.info("version %d is %s since", version.number, version.state)
            raise DownstreamTasksSkipped(tasks=[DEPLOY])
        return {"decision": given.what, "by": given.by.name, "how": given.by.how, "evidence": given.evidence}


def _called(version: int | None) -> str:
    return f"version {version}" if version is not None else "no version"
