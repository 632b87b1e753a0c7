"""``decide``: whether another round is to come, and why not."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from automl_airflow.annotation.alerts import tell
from automl_airflow.annotation.figures import tell_figures
from automl_airflow.annotation.names import COLLECT
from automl_airflow.annotation.runs import start_round
from automl_airflow.annotation.tasks import RoundOperator


class DecideOperator(RoundOperator):
    """Ends the round, and starts the next one or says why there is none."""

    ui_color = "#e8e0f0"

    def execute(self, context: Any) -> dict[str, Any]:
        """Decide by the file's rules. The same again, or after a kill at any point, comes to the same.

        Raises:
            AirflowException: Airflow does not start the next run; trying again may help.
            AirflowFailException: the journal has no such round: somebody has emptied the project's folder.
        """
        from automl_core.annotation.rounds import verdict

        project, number = self.begin(context)
        by, state = self.this_dag(context), project.state
        if len(state.rounds) > number:
            self.log.info("round %d has begun since: nothing is to be decided", number + 1)
            return {"next": number + 1, "why": "it has begun"}
        if number not in state.rounds:
            raise AirflowFailException(f"the journal has no round {number}: clear `{COLLECT}`")
        stood = state.stopped is not None
        found = self.patiently(lambda: verdict(project, self.file, number, by))  # which records an end
        self.say(found.reasons)
        why, reasons = found.why, list(found.reasons)
        if why is not None and not stood:
            tell(self.file, "stopped", f"no further round ({why}): {'; '.join(reasons)}", round=number, why=why)
        if project.state.rounds[number].open:
            self.patiently(lambda: project.end_round(number, {"why": why, "reasons": reasons}, by))
        tell_figures(project.name, project.state)
        if why is not None:
            self.log.info("no further round: %s", why)
            return {"next": None, "why": why}
        try:
            run, started = start_round(context, number + 1)
        except RuntimeError as error:
            raise AirflowException(str(error)) from error
        self.log.info("%s %s", "started" if started else "there is already", run)
        return {"next": number + 1, "run": run}
