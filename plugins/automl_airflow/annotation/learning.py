"""``write_set`` and ``evaluate``: what there is to learn from, and what was learned."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from automl_airflow.annotation.names import SET
from automl_airflow.annotation.predicting import runs_before, runs_since
from automl_airflow.annotation.tasks import RoundOperator, workplace


class WriteSetOperator(RoundOperator):
    """Writes the next data set version, where labels have come since the last one."""

    ui_color = "#fbf0d2"

    def execute(self, context: Any) -> dict[str, Any]:
        """Write the set, and have `newest/` hold it.

        Where there is nothing to learn from yet (nobody has answered, or all said the same) the round goes on without:
        its batch is over by now, so only the next one can ask people again.

        Raises:
            AirflowFailException: items have a column that a data set has for itself.
        """
        from automl_core.annotation.rounds import NoSet, TooFewLabels, write_set

        project, number = self.begin(context)
        by = self.this_dag(context)
        try:
            done = self.patiently(lambda: write_set(project, self.file, number, by))
        except TooFewLabels as error:
            self.log.warning("round %d trains nothing: %s", number, error)
            return {SET: None, "rows": 0, "by_source": {}, "why": str(error)}
        except NoSet as error:
            raise AirflowFailException(f"round {number}: {error}") from error
        by_source = ", ".join(f"{many} by {source}" for source, many in sorted(done.by_source.items()))
        self.log.info("data set %d, of round %d: %d rows (%s)", done.number, done.round, done.rows, by_source)
        return {SET: done.number, "rows": done.rows, "by_source": done.by_source}


class EvaluateOperator(RoundOperator):
    """Measures the round's models on the random stratum, which none of them has learned from, and follows bad cases."""

    ui_color = "#e4f2dc"

    def execute(self, context: Any) -> dict[str, Any]:
        """Evaluate.

        Raises:
            AirflowFailException: no model can be evaluated; trying again won't help.
        """
        from automl_core.annotation.rounds import NotDone, digests, evaluate, find_models

        project, number = self.begin(context)
        reach, by = self.reach(context), self.this_dag(context)
        with workplace() as folder:
            sets, runs, later = (
                digests(project.state),
                runs_before(project, number + 1),
                runs_since(project, number + 1),
            )
            models = self.patiently(
                lambda: find_models(self.file, sets, reach, folder / "models", runs=runs, later=later)
            )  # fmt: skip
            try:
                done = self.patiently(
                    lambda: evaluate(project, self.file, number, models, reach, folder / "work", by)
                )  # fmt: skip
            except NotDone as error:
                raise AirflowFailException(f"round {number}: {error}") from error
        self.say(done.notes)
        return done.to_json()
