"""``ask``: by the evidence, a version is rejected, accepted by stated conditions, or people are asked about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped

from automl_airflow.models.names import ACCEPT
from automl_airflow.models.pages import page_of
from automl_airflow.models.tasks import RolloutOperator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automl_core.models.life import ModelLife, Person, Version


class AskOperator(RolloutOperator):
    """Decides whether a person is asked, and asks: until when, and whom."""

    ui_color = "#fdebd3"

    def execute(self, context: Any) -> dict[str, Any]:
        """Record what the conditions say.

        Raises:
            DownstreamTasksSkipped: nobody is asked: the conditions have decided, or somebody has.
            AirflowFailException: there is no evidence, it is old since a moment ago, or it was judged by conditions
                that are the file's no more, and nobody is to look at it.
        """
        from automl_core.models.life import Refused

        life, version = self.open(context)
        newest = version.newest
        if newest is None:
            raise AirflowFailException(f"version {version.number} has no evidence: clear `evaluate`")
        if version.decision is not None:
            self.log.info("version %d was %s", version.number, version.decision)
            raise DownstreamTasksSkipped(tasks=[ACCEPT])
        evidence = self.patiently(lambda: life.evidence(newest.digest))
        verdict = evidence.get("verdict") or {}
        reasons = "; ".join(str(each) for each in verdict.get("reasons") or ())
        self._see_that_conditions_hold(version.number, verdict)
        try:
            asked = self.patiently(lambda: self._decide(context, life, version, verdict.get("ok"), reasons))
        except Refused as refused:
            raise AirflowFailException(f"{refused}; clear `evaluate`") from refused
        if not asked:
            self.log.info("version %d was %s", version.number, life.state.version(version.number).decision)
            raise DownstreamTasksSkipped(tasks=[ACCEPT])
        return self._tell(life.state.version(version.number), reasons)

    def _see_that_conditions_hold(self, number: int, verdict: Mapping[str, Any]) -> None:
        """See that a verdict that decides by itself is one on the conditions that the file states now.

        Raises:
            AirflowFailException: the file was edited since.
        """
        accept = self.file.accept
        stated: dict[str, Any] = {"when": accept.when, "margin": accept.margin}
        judged = {name: verdict.get(name, value) for name, value in stated.items()}
        if accept.by_itself and judged != stated:
            raise AirflowFailException(
                f"version {number} was judged by `when: {judged['when']}` with a margin of {judged['margin']:g}, and "
                f"the file says {stated['when']} and {stated['margin']:g} by now: clear `evaluate`"
            )

    def _decide(self, context: Any, life: ModelLife, version: Version, ok: bool | None, reasons: str) -> bool:
        """Do what the verdict asks for. Returns whether people are asked."""
        newest, accept = version.newest, self.file.accept
        assert newest is not None
        if ok is False:
            life.reject(version.number, newest.digest, self._conditions(context), reasons)
            return False
        if accept.by_itself:
            if ok is None:
                words = f"whether it is {accept.when} can't be told, and no person is to be asked: {reasons}"
                life.reject(version.number, newest.digest, self._conditions(context), words)
            else:
                life.accept(version.number, newest.digest, self._conditions(context), reasons)
            return False
        run, asked = str(context["run_id"]), version.asked
        if asked is None or asked.run != run or asked.evidence != newest.digest or life.now() >= asked.until:
            life.ask(
                version.number, newest.digest, until=life.now() + accept.within, whom=accept.people, run=run
            )  # fmt: skip
        return True

    def _conditions(self, context: Any) -> Person:
        from automl_core.models.life import Person

        return Person(str(context["ti"].dag_id), "conditions")

    def _tell(self, version: Version, reasons: str) -> dict[str, Any]:
        from automl_airflow.models.alerts import tell
        from automl_core.models.life.words import moment

        asked = version.asked
        assert asked is not None
        whom, page = ", ".join(asked.whom) or "anybody with the right", page_of(self.model, version.number)
        text = f"version {version.number} waits for {whom} until {moment(asked.until)} ({reasons}): {page}"
        self.log.info("%s", text)
        tell(self.file, "asked", text, version=version.number, until=asked.until, evidence=asked.evidence)
        return {"until": asked.until, "whom": list(asked.whom), "evidence": asked.evidence}
