"""``predict`` and ``settle``: what models say of the items, and what they may label by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from automl_airflow.annotation.alerts import tell
from automl_airflow.annotation.names import PREDICT
from automl_airflow.annotation.tasks import RoundOperator, workplace

if TYPE_CHECKING:
    from automl_core.annotation.project import Project


class PredictOperator(RoundOperator):
    """Asks the models that earlier rounds have trained, and programs, about all items."""

    ui_color = "#e4f2dc"

    def execute(self, context: Any) -> dict[str, Any]:
        """Predict; in the first round there may be no model, and then nothing is said.

        Raises:
            AirflowFailException: scoring came to nothing; trying again won't help.
        """
        from automl_core.annotation.rounds import NotDone, digests, find_models, predict

        project, number = self.begin(context)
        reach = self.reach(context)
        with workplace() as folder:
            sets, runs, later = digests(project.state), runs_before(project, number), runs_since(project, number)
            models = self.patiently(
                lambda: find_models(self.file, sets, reach, folder / "models", runs=runs, later=later)
            )  # fmt: skip
            try:
                done = self.patiently(lambda: predict(project, self.file, number, models, reach, folder / "work"))
            except NotDone as error:
                raise AirflowFailException(f"round {number}: {error}") from error
        self.say(done.notes)
        self.log.info("round %d: %d items are predicted, by %s", number, done.items, ", ".join(done.models) or "nobody")
        return done.to_json()


def runs_before(project: Project, number: int) -> dict[str, str]:
    """Experiment → its newest run that a round before this one has trained a model by.

    So a round that is cleared asks the same models again, whatever was trained since.

    Args:
        project: as it was read last.
        number: of the round.
    """
    found: dict[str, str] = {}
    for each in project.state.rounds.values():
        if each.number >= number:
            break
        for training in each.trainings:
            if training.model is not None:
                found[training.experiment] = training.run
    return found


def runs_since(project: Project, number: int) -> set[str]:
    """Runs that no round before this one has trained by, and this or a later one has: cleared, it asks no such model.

    Args:
        project: as it was read last.
        number: of the round.
    """
    rounds = project.state.rounds.values()
    before = {each.run for found in rounds if found.number < number for each in found.trainings}
    return {each.run for found in rounds for each in found.trainings} - before


class SettleOperator(RoundOperator):
    """Audits what models have labelled, takes back what does not hold, and lets them label what does."""

    ui_color = "#e4f2dc"

    def execute(self, context: Any) -> dict[str, Any]:
        """Audit, search, take."""
        from automl_core.annotation.rounds import Predicted, settle

        project, number = self.begin(context)
        predicted = Predicted.from_json(self.told(context, PREDICT))
        by = self.this_dag(context)
        done = self.patiently(lambda: settle(project, self.file, number, predicted, by))
        self.say(done.notes)
        if done.back:
            many = sum(done.back.values())
            words = f"round {number}: {many} labels of models are taken back: the audit did not hold"
            tell(self.file, "taken_back", words, round=number, items=many)
        return done.to_json()
