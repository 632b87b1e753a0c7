"""``choose`` and ``send``: which items go to people, and where they find them."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from automl_airflow.annotation.alerts import tell
from automl_airflow.annotation.common import project_page
from automl_airflow.annotation.names import PREDICT
from automl_airflow.annotation.studio import send_to_studio
from automl_airflow.annotation.tasks import RoundOperator, workplace

WHERE = {"page": "on the page", "files": "in files", "label-studio": "in Label Studio"}


class ChooseOperator(RoundOperator):
    """Chooses the round's batch, once: whoever chooses again gets the one that stands."""

    ui_color = "#fbf0d2"

    def execute(self, context: Any) -> dict[str, Any]:
        """Choose, and record what was sent.

        Raises:
            AirflowFailException: the selection came to nothing; trying again won't help.
        """
        from automl_core.annotation.rounds import NotDone, Predicted, choose

        project, number = self.begin(context)
        predicted = Predicted.from_json(self.told(context, PREDICT))
        reach, by = self.reach(context), self.this_dag(context)
        with workplace() as folder:
            try:
                done = self.patiently(
                    lambda: choose(project, self.file, number, predicted, reach, folder, by)
                )  # fmt: skip
            except NotDone as error:
                raise AirflowFailException(f"round {number}: {error}") from error
        self.say(done.notes)
        return done.to_json()


class SendOperator(RoundOperator):
    """Brings the batch to where people label, and tells them."""

    ui_color = "#fbf0d2"

    def execute(self, context: Any) -> dict[str, Any]:
        """Send; what is there already is not sent again.

        Raises:
            AirflowFailException: Label Studio refuses; trying again won't help.
        """
        project, number = self.begin(context)
        batches = [each for each in project.state.batches.values() if each.round == number and each.items]
        where = self.file.people.where
        if where == "label-studio":
            predicted = self.told(context, PREDICT).get("key")
            from automl_core.annotation.label_studio.errors import StudioAway, StudioError

            for each in batches:
                try:
                    send_to_studio(self.file, project, each.number, self.log.info, predicted)
                except StudioAway:
                    raise  # Airflow tries again
                except StudioError as error:
                    raise AirflowFailException(f"round {number}: {error}") from error
        many = sum(len(project.state.open_tasks(each.number)) for each in batches)
        self.log.info("round %d: %d items wait for people %s", number, many, WHERE[where])
        if many:
            page = f": {project_page(self.annotation, 'label')}" if where == "page" else ""
            words = f"round {number}: {many} items wait for people {WHERE[where]}{page}"
            tell(self.file, "labels", words, round=number, items=many)
        return {"sent": many, "where": where}
