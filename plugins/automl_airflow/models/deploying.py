"""``deploy``: the version is put in use by a record, which the journal takes for an accepted one alone.

Where servers answer, and a champion does already, the version's rollout begins instead; `roll` goes on with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from automl_airflow.compat import bundle_folder
from automl_airflow.models.alerts import tell
from automl_airflow.models.in_use import note_version, tell_in_use
from automl_airflow.models.names import DEPLOY, ROLLOUT_ID
from automl_airflow.models.registry import tell_registry
from automl_airflow.models.roll_waiting import RolloutOverTrigger
from automl_airflow.models.runs import start_again, tried_again
from automl_airflow.models.serving_pods import ensure_servers
from automl_airflow.models.tasks import RolloutOperator

if TYPE_CHECKING:
    from automl_core.models.life import ModelLife, Refused, Rollout, RolloutOpen, Version


def not_served_any_more(begun: Rollout) -> str:
    """What is said of a rollout that is open though the model's file names no servers any more."""
    return (
        f"version {begun.version} is being rolled out over servers (rollout {begun.id}), and deploy.to of the file "
        "names none any more: its traffic stays as it is, and nobody looks at it. Name the servers again; or end it "
        "on the model's page, by `automl model take-back` or `automl model step … use`"
    )


class DeployOperator(RolloutOperator):
    """Puts the version in use. What follows is told of it by the asset; exports that fail undo nothing."""

    ui_color = "#e8e0f0"

    def execute(self, context: Any, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write the record; where another version's rollout is open, wait for its end without a worker.

        Args:
            context: of the task.
            event: of the trigger, where that was waited for.

        Raises:
            TaskDeferred: a rollout is open, from when the file named servers.
            AirflowSkipException: another version became the champion meanwhile; another run evaluates this one anew.
            AirflowFailException: it may not be put in use (any more), or is in the midst of such a rollout.
        """
        life, version = self.open(context)
        begun = life.state.rollout
        if begun is not None and begun.version == version.number:
            raise AirflowFailException(f"{not_served_any_more(begun)}; then clear `{DEPLOY}`")
        return self.put_in_use(context, life, version)

    def put_in_use(self, context: Any, life: ModelLife, version: Version) -> dict[str, Any]:
        """Have the version answer all from now on, and tell of it. Raises as `execute`."""
        from automl_core.models.life import Refused, RolloutOpen

        why = str(version.decision or "")
        try:
            shares = self.patiently(lambda: life.put_in_use(version.number, self.this_dag(context), why))
        except RolloutOpen as another:
            self.wait(version, another)
        except Refused as refused:
            self.refused(context, life, version, refused)
        self.log.info("version %d of %s is in use", version.number, self.model)
        tell_in_use(self, life, version.number, why)
        return {"version": version.number, "since": shares.time}

    def refused(self, context: Any, life: ModelLife, version: Version, refused: Refused) -> NoReturn:
        """What to do where the journal refuses it. Raises as `execute`."""
        from automl_core.models.life import VersionState

        version = life.state.version(version.number)
        if version.state is VersionState.ACCEPTED:
            run = start_again(context, version)
            raise AirflowSkipException(f"{refused}; the run {run} does") from refused
        how = f" ({tried_again(version.number)})" if version.state is VersionState.TAKEN_BACK else ""
        raise AirflowFailException(f"{refused}{how}") from refused

    def wait(self, version: Version, another: RolloutOpen) -> NoReturn:
        """Go on once another rollout has ended: the evidence tells then whether it is beside the champion still."""
        words = f"version {version.number} waits: {another}"
        self.log.info(words)
        tell(self.file, "waiting", words, version=version.number)
        trigger = RolloutOverTrigger(**self.place.arguments(), rollout=another.rollout.id)
        self.defer(trigger=trigger, method_name="execute")


class ServedDeployOperator(DeployOperator):
    """Begins the version's rollout over the traffic of servers; of a model without a champion, puts it in use."""

    def execute(self, context: Any, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write the record; where another version's rollout is open, wait for its end without a worker.

        Servers in a cluster that are ours are made first, or changed: a version is rolled out over what the file says.

        Args:
            context: of the task.
            event: of the trigger, where that was waited for.

        Raises:
            TaskDeferred: another rollout is open.
            AirflowSkipException: another version became the champion meanwhile; another run evaluates this one anew.
            AirflowFailException: it may not be rolled out (any more), or servers can't be had as the file says.
            AirflowException: servers have not come up in time.
        """
        from automl_core.models.file.options import rollout_steps
        from automl_core.models.life import Refused, RolloutOpen

        self.check_closed(context)
        ensure_servers(self.file, self.log.info, lambda: not self.killed, bundle_folder(context))
        life, version = self.open(context)
        begun = life.state.rollout
        if begun is not None and begun.version == version.number:  # the answer was lost, or the task cleared
            return self._told(life, begun)
        if life.state.champion is None or life.state.champion == version.number:
            return {**self.put_in_use(context, life, version), ROLLOUT_ID: None}
        kind, steps = rollout_steps(self.file)
        why = str(version.decision or "")
        try:
            begun = self.patiently(
                lambda: life.begin_rollout(version.number, self.this_dag(context), steps, kind=kind, why=why)
            )
        except RolloutOpen as another:
            self.wait(version, another)
        except Refused as refused:
            self.refused(context, life, version, refused)
        return self._told(life, begun)

    def _told(self, life: ModelLife, begun: Rollout) -> dict[str, Any]:
        from automl_core.models.rollout.words import percent

        shares = ", ".join(f"{percent(step.share)}{' in the shadow' if step.shadow else ''}" for step in begun.steps)
        self.log.info("rollout %d: version %d beside version %d: %s", begun.id, begun.version, begun.champion, shares)
        note_version(self, life, begun.version, begun.champion)
        tell_registry(self.file, life)
        return {"version": begun.version, ROLLOUT_ID: begun.id, "since": begun.begun}
