"""One interval scored by SQL, where its table lies: the claim around what `PredictTableOperator` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from automl_airflow.maxcompute.scoring import PredictTableOperator
from automl_airflow.models.score_tasks import Attempt, ScoreTask

if TYPE_CHECKING:
    from automl_core.batch import Scoring
    from automl_core.models.file import ModelFile


class SqlScoreOperator(ScoreTask, PredictTableOperator):
    """Scores one interval by SQL; a trigger looks until a statement has ended."""

    template_fields: Sequence[str] = ("interval",)

    def __init__(self, *, file: ModelFile, interval: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        deploy: Any = file.deploy
        super().__init__(
            model="", rows="", out="", keep=deploy.keep, proba=deploy.proba, maxcompute=deploy.connection,
            project=deploy.project, hints=dict(deploy.hints), **kwargs,
        )  # fmt: skip
        self.file, self.interval = file, interval
        self._attempt: Attempt | None = None

    @classmethod
    def get_serialized_fields(cls) -> frozenset[str]:
        """As Airflow's: the file is no field of the UI's."""
        return frozenset(super().get_serialized_fields())

    def execute(self, context: Any, event: Any = None) -> dict[str, Any]:
        """Claim and score; or, after waiting for data that were not there, the same.

        Args:
            context: of the task.
            event: of the trigger that has waited for data.
        """
        attempt = self._attempt = Attempt(self, context)
        outcome = attempt.begin(adopt=True)  # statements that an earlier try has submitted are found again
        return attempt.told(outcome) if outcome is not None else self._score(attempt, {})

    def resume(self, context: Any, event: dict[str, Any]) -> dict[str, Any]:
        """Go on where it was; what is claimed came along."""
        from automl_core.models.batch import Begun

        attempt = self._attempt = Attempt(self, context)
        attempt.begun = Begun.from_json(event["state"]["begun"])
        return self._score(attempt, {"state": event["state"]["scoring"]})

    def state_of(self, scoring: Scoring) -> dict[str, Any]:
        """The claim goes along with where the statements are."""
        assert self._attempt is not None
        return {"scoring": scoring.state, "begun": self._attempt.begun.to_json()}

    def _score(self, attempt: Attempt, event: dict[str, Any]) -> dict[str, Any]:
        from automl_core.models.batch import Report
        from automl_core.models.batch.scoring import folder_of

        order = attempt.order
        if not order.out.text.startswith("odps://"):
            raise AirflowFailException(f"deploy.out: {order.out.text} is no table of MaxCompute, and SQL writes tables")
        store = attempt.batch.life.store
        try:
            with folder_of(store, order.model) as folder:
                done = self.score(
                    folder, order.data.text, order.out.text, order.keep, event, constants=dict(order.lineage)
                )  # fmt: skip
        except AirflowFailException as error:
            return attempt.told(attempt.end(Report(problem="cant", words=str(error))))
        report = Report(
            rows=int(done["rows"]), rows_in=int(done["rows"]), out=str(done["out"]), columns=tuple(done["columns"]),
            digest=attempt.batch.digest_of_out(order), fingerprint=attempt.batch.fingerprint_now(order),
            more={"instances": done["instances"], "golden": done["golden"]},
        )  # fmt: skip
        return attempt.told(attempt.end(report))

    def on_kill(self) -> None:
        """The task was cleared or marked while a worker had it: stop what runs."""
        self.killed = True
        PredictTableOperator.on_kill(self)
