"""``retrain``: retrainings that were asked for are started, those that are over are noted, and new ones asked for.

The journal has the order: asked for, started, over. A run's id follows from the retraining's number, so a worker that
is killed between the record and the run leaves a retraining without a run, which the next try (or the next watch)
starts, once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from automl_airflow.compat import is_paused, start_run
from automl_airflow.models.names import LOOK
from automl_airflow.models.tasks import RolloutOperator

if TYPE_CHECKING:
    from automl_core.models.life import ModelLife, Retraining
    from automl_core.models.watching import Wish


class RetrainOperator(RolloutOperator):
    """Asks for retraining by loss and by time, and starts what anybody has asked for."""

    ui_color = "#d5e8f7"

    def execute(self, context: Any) -> dict[str, Any]:
        """Start, note, ask.

        Raises:
            AirflowFailException: the look failed, or the experiment has no DAG in this Airflow.
            AirflowException: Airflow does not start the run; trying again may help.
        """
        from automl_airflow.models.opening import open_life
        from automl_core.models.watching import read_looks, wish_of

        self.check_closed(context)
        life: ModelLife = self.patiently(lambda: open_life(self.place))
        for retraining in [each for each in life.state.retrainings.values() if each.ended is None]:
            self._settle(context, life, retraining)
        run = str(context["run_id"])
        looks = self.patiently(lambda: read_looks(life.store, life.name)).looks
        look = next((each for each in looks if each.run == run), None)
        told: dict[str, Any] = {"asked": None, "why": "nothing asks for it"}
        wish = wish_of(self.file, life.state, look, life.now(), looks)
        if wish is not None:
            told = self._ask(context, life, wish)
        self.log.info("retraining: %s", told["why"])
        if look is None and life.state.champion is not None:
            raise AirflowFailException(f"{LOOK} has found nothing out: see its log")
        return told

    def _ask(self, context: Any, life: ModelLife, wish: Wish) -> dict[str, Any]:
        from automl_core.models.life import Braked

        self._dag_of(context, wish.experiment)
        try:
            retraining = self.patiently(
                lambda: life.ask_retraining(
                    wish.experiment, wish.reason, self.this_dag(context), at_most=wish.at_most, within=wish.within
                )
            )
        except Braked as braked:
            return {"asked": None, "why": f"{wish.reason['text']}; not asked for now: {braked}"}
        self._start(context, life, retraining)
        return {
            "asked": retraining.id,
            "why": str(wish.reason["text"]),
            "run": life.state.retrainings[retraining.id].run,
        }

    def _settle(self, context: Any, life: ModelLife, retraining: Retraining) -> None:
        """Start one that has no run, or note that its run is over without a version."""
        if not retraining.run:
            if is_paused(context, retraining.experiment) is None:
                outcome = f"there is no DAG {retraining.experiment!r} in this Airflow"
                self.log.warning("retraining %d: %s", retraining.id, outcome)
                self.patiently(lambda: life.retraining_ended(retraining.id, outcome))
                return
            self._start(context, life, retraining)
            return
        outcome = self._outcome(context, retraining)
        if outcome:
            self.log.warning("retraining %d is over: %s", retraining.id, outcome)
            self.patiently(lambda: life.retraining_ended(retraining.id, outcome))
        elif is_paused(context, retraining.experiment):
            self.log.warning(
                "retraining %d goes on only once the DAG %s, which is paused, does: let it go on in Airflow, or delete "
                "its run %s; no other is asked for meanwhile", retraining.id, retraining.experiment, retraining.run,
            )  # fmt: skip

    def _start(self, context: Any, life: ModelLife, retraining: Retraining) -> None:
        from automl_core.models.watching import conf_of, run_of

        run, experiment = run_of(self.model, retraining.id), retraining.experiment
        if is_paused(context, experiment):
            self.log.warning("the DAG %s is paused: its run %s waits until somebody lets it go on", experiment, run)
        try:
            started = start_run(
                experiment, run, conf_of(self.model, retraining), datetime.fromtimestamp(retraining.time, UTC)
            )
        except RuntimeError as error:
            raise AirflowException(f"retraining {retraining.id} is recorded and not started: {error}") from error
        self.log.info("%s %s of %s", "started" if started else "there is already", run, experiment)
        self.patiently(lambda: life.retraining_started(retraining.id, run))

    def _outcome(self, context: Any, retraining: Retraining) -> str:
        """Why no version will come of a run; empty while one may."""
        from automl_core.models.offering import NotPublished, candidate_at
        from automl_core.study.layout import experiment_prefix

        ti, dag, run = context["ti"], retraining.experiment, retraining.run

        def has(*states: str) -> bool:
            return bool(ti.get_dr_count(dag_id=dag, run_ids=[run], states=list(states) or None))

        if not has():
            return f"its run {run} was deleted in Airflow"
        if has("failed"):
            return f"its run {run} failed"
        source = next((each for each in self.file.sources if each.experiment == dag), None)
        if not has("success") or source is None:
            return ""
        from automl_airflow.session import open_experiment_store

        try:
            store = self.patiently(lambda: open_experiment_store(str(source.storage), source.connection))
            self.patiently(lambda: candidate_at(store, experiment_prefix(dag, run)))
        except NotPublished as error:
            return str(error)
        return ""

    def _dag_of(self, context: Any, experiment: str) -> None:
        if is_paused(context, experiment) is None:
            raise AirflowFailException(
                f"watch.retrain: there is no DAG {experiment!r} in this Airflow that could train it anew"
            )
