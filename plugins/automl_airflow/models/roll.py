"""``roll``: the version's rollout over the traffic of servers, looked at without a worker until it has ended.

The journal is the truth here too. The task says in Airflow what became of a rollout; what moves it, and takes it back,
are records, by the guard in the triggerer or by people. So a task that was cleared or marked changes nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from automl_airflow.models.alerts import TakenBack
from automl_airflow.models.in_use import note_version, tell_in_use
from automl_airflow.models.names import DEPLOY, ROLLOUT_ID
from automl_airflow.models.registry import tell_registry
from automl_airflow.models.roll_trigger import RolloutTrigger
from automl_airflow.models.runs import start_again, tried_again
from automl_airflow.models.tasks import RolloutOperator

if TYPE_CHECKING:
    from automl_core.models.life import ModelLife, Rollout, Version


class RollOperator(RolloutOperator):
    """Waits for the end of a rollout, and says what became of it."""

    ui_color = "#e8e0f0"

    def execute(self, context: Any, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Conclude a rollout that has ended; have one that goes on looked at.

        Args:
            context: of the task.
            event: of the trigger, where that was waited for.

        Returns:
            What became of it, as the task's XCom: version, rollout, outcome, why.

        Raises:
            TaskDeferred: it goes on.
            AirflowSkipException: a person has ended it, or another version.
            AirflowFailException: it was taken back by what was measured, or there is no rollout of this version.
        """
        if event is None:
            self.check_closed(context)
        elif event.get("gone"):
            raise AirflowFailException(f"{event['gone']}: clear `{DEPLOY}`")
        life, version = self.open(context)
        rollout = self._rollout(context, life, version)
        if rollout is None:
            self.log.info("version %d was put in use: there was no champion to roll it out beside", version.number)
            why = str(version.decision or "")
            return {"version": version.number, ROLLOUT_ID: None, "outcome": "promoted", "why": why}
        if rollout.ended is None:
            self._look(rollout)
        return self._conclude(context, life, rollout)

    def _rollout(self, context: Any, life: ModelLife, version: Version) -> Rollout | None:
        """The rollout that `deploy` has begun; None where it has put the version in use.

        Raises:
            AirflowFailException: there is none: `deploy` was marked by hand.
        """
        from automl_core.models.life import VersionState

        told = context["ti"].xcom_pull(task_ids=DEPLOY)
        if isinstance(told, dict) and told.get("version") == version.number and ROLLOUT_ID in told:
            number = told[ROLLOUT_ID]
            found = life.state.rollouts.get(number) if isinstance(number, int) else None
            if number is None or (found is not None and found.version == version.number):
                return found
        begun = life.state.rollout
        if begun is not None and begun.version == version.number:  # whatever became of `deploy`
            return begun
        if version.state is VersionState.IN_USE:
            return None
        ended = max((each.id for each in life.state.rollouts.values() if each.version == version.number), default=None)
        if version.state is VersionState.TAKEN_BACK and ended is not None:  # never begun anew by a task that is cleared
            return life.state.rollouts[ended]
        raise AirflowFailException(
            f"version {version.number} is {version.state}, and `{DEPLOY}` has begun no rollout of it (it was marked by "
            f"hand, or its XCom was deleted): clear `{DEPLOY}`"
        )

    def _look(self, rollout: Rollout) -> NoReturn:
        import msgspec

        from automl_core.models.rollout.rules import Rules

        alerts = self.file.alerts
        rules = Rules.of(self.file)
        trigger = RolloutTrigger(
            **self.place.arguments(), rollout=rollout.id, version=rollout.version, rules=msgspec.to_builtins(rules),
            alerts=alerts.model_dump(mode="json", by_alias=True) if alerts is not None else None,
        )  # fmt: skip
        self.defer(trigger=trigger, method_name="execute")

    def _conclude(self, context: Any, life: ModelLife, rollout: Rollout) -> dict[str, Any]:
        """Say what became of a rollout that has ended. Raises as `execute`."""
        from automl_core.models.life import VersionState
        from automl_core.models.life.entities import BY_HAND

        version = rollout.version
        if rollout.outcome == "promoted":
            self.log.info("version %d was put in use: %s", version, rollout.why)
            if life.state.champion != version:
                self.log.info("it is %s since", life.state.version(version).state)
            if life.state.champion == version:  # else somebody has put another in use since, and has told of that
                tell_in_use(self, life, version, rollout.why, people=False)
            return {"version": version, ROLLOUT_ID: rollout.id, "outcome": rollout.outcome, "why": rollout.why}
        note_version(self, life, version, life.state.champion)
        tell_registry(self.file, life)
        last = rollout.acts[-1] if rollout.acts else None
        by = f" by {last.by}" if last is not None else ""
        if rollout.outcome == "taken_back":
            words = f"version {version} is taken back{by}: {rollout.why}"
            self.log.info("a cleared task rolls it out no second time; %s", tried_again(version))
            if last is None or last.by.how not in BY_HAND:
                raise TakenBack(words)
            raise AirflowSkipException(words)
        words = f"the rollout of version {version} was stopped{by}: {rollout.why}"
        found = life.state.version(version)
        if found.state is VersionState.ACCEPTED:  # on evidence beside what is gone
            run = start_again(context, found)
            raise AirflowSkipException(f"{words}; the run {run} evaluates it anew, beside what answers now")
        raise AirflowSkipException(words)
