"""``deploy``: the version is put in use by a record, which the journal takes for an accepted one alone."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from automl_airflow.models.alerts import tell
from automl_airflow.models.registry import tell_registry
from automl_airflow.models.runs import start_again
from automl_airflow.models.tasks import RolloutOperator


class DeployOperator(RolloutOperator):
    """Puts the version in use. What follows is told of it by the asset; exports that fail undo nothing."""

    ui_color = "#e8e0f0"

    def execute(self, context: Any) -> dict[str, Any]:
        """Write the record.

        Raises:
            AirflowSkipException: another version became the champion meanwhile; another run evaluates this one anew.
            AirflowFailException: it may not be put in use (any more).
        """
        from automl_core.models.life import Refused, VersionState

        life, version = self.open(context)
        given = version.decision
        why = f"{given}" if given is not None else ""
        try:
            shares = self.patiently(lambda: life.put_in_use(version.number, self.this_dag(context), why))
        except Refused as refused:
            version = life.state.version(version.number)
            if version.state is VersionState.ACCEPTED:
                run = start_again(context, version)
                raise AirflowSkipException(f"{refused}; the run {run} does") from refused
            raise AirflowFailException(str(refused)) from refused
        self.log.info("version %d of %s is in use", version.number, self.model)
        tell_registry(self.file, life)
        tell(self.file, "in_use", f"version {version.number} is in use ({why})", version=version.number)
        return {"version": version.number, "since": shares.time}
