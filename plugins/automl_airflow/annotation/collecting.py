"""``collect``: new items come in; a run that is no round starts the one that is to be made, or says why none is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException, DownstreamTasksSkipped

from automl_airflow.annotation.names import ROUND, TASKS, round_of_run, run_of_round
from automl_airflow.annotation.runs import start_round, state_of_round
from automl_airflow.annotation.tasks import RoundOperator

if TYPE_CHECKING:
    from automl_core.annotation.project import Project
    from automl_core.annotation.rounds import Collected


class CollectOperator(RoundOperator):
    """Takes in new items, and begins the round that the run is."""

    ui_color = "#d5e8f7"

    def execute(self, context: Any) -> dict[str, Any]:
        """Collect, then begin the round; of a run that is none, start the one that is.

        Raises:
            DownstreamTasksSkipped: the run is no round.
            AirflowFailException: the data can't be read, or the round is none that could begin.
            AirflowException: Airflow does not start the round's run; trying again may help.
        """
        from automl_core.annotation.rounds import collect
        from automl_core.data.access import DataError

        self.check_closed(context)
        project, by = self.open(), self.this_dag(context)
        self.patiently(lambda: project.configure(self.file.plain(), by))
        reach = self.reach(context)
        try:
            done = self.patiently(lambda: collect(project, self.file, reach, by))
        except DataError as error:
            raise AirflowFailException(f"items.data: {error}") from error
        self.say(done.notes)
        self.log.info("%d rows: %d new items, %d known, %d retired", done.rows, done.new, done.known, done.retired)
        number = round_of_run(str(context["run_id"]))
        if number is None:
            self._start_one(context, project, done)
            raise DownstreamTasksSkipped(tasks=list(TASKS[1:]))
        self._begin(context, project, number)
        return {ROUND: number, **done.to_json()}

    def _begin(self, context: Any, project: Project, number: int) -> None:
        from automl_core.journal import Refused

        found = project.state.rounds.get(number)
        if found is not None and not found.open:
            later = len(project.state.rounds) > number
            words = f"; round {len(project.state.rounds)} came after it" if later else ""
            self.log.warning("round %d has ended%s: what is done again adds to the journal, no new round begins",
                             number, words)  # fmt: skip
            return
        try:
            self.patiently(lambda: project.begin_round(number, self.this_dag(context)))
        except Refused as error:
            raise AirflowFailException(f"round {number} can't begin: {error}") from error

    def _start_one(self, context: Any, project: Project, done: Collected) -> None:
        """Start the round that is to be made, where there is one."""
        number, why = self._wanted(context, project, done)
        if number is None:
            self.log.info("no round is started: %s", why)
            return
        try:
            started = start_round(context, number)
        except RuntimeError as error:
            raise AirflowException(str(error)) from error
        self.log.info("%s %s: %s", "started" if started else "there is already", run_of_round(number), why)

    def _wanted(self, context: Any, project: Project, done: Collected) -> tuple[int | None, str]:
        """The round to start, None for none, and why."""
        state = project.state
        if state.round is not None:
            number = state.round.number
            run = state_of_round(context, number)
            if run == "on":
                return None, f"{run_of_round(number)} goes on"
            if run == "over":
                return None, f"{run_of_round(number)} is open and its run has ended: clear what failed in it"
            return number, f"round {number} is open, and has no run in this Airflow"
        if state.stopped is not None:
            reason = self._reason_to_reopen(project, done)
            if not reason:
                return None, f"it has ended: {state.stopped.why}. New items begin it anew, or a file that allows more"
            self.patiently(lambda: project.reopened(reason, self.this_dag(context)))
            return len(state.rounds) + 1, reason
        if not state.count:
            return None, f"there are no items in {', '.join(each.place for each in self.file.data_sets)}"
        return len(state.rounds) + 1, "there are items without labels"

    def _reason_to_reopen(self, project: Project, done: Collected) -> str:
        """Why a project that has ended goes on; empty where it doesn't."""
        from automl_core.annotation.rounds import verdict

        stopped = project.state.stopped
        assert stopped is not None
        if stopped.why in ("money", "rounds") and verdict(project, self.file).why in ("money", "rounds"):
            return ""  # new items change nothing of that: the file has to allow more
        if done.new:
            return f"{done.new} new items"
        if stopped.why in ("target", "flat", "money", "rounds") and verdict(project, self.file).why is None:
            return "the file asks for more than it did"
        return ""
