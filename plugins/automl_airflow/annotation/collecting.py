"""``collect``: new items come in; a run that is no round starts the one that is to be made, or says why none is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException, DownstreamTasksSkipped

from automl_airflow.annotation.names import ROUND, TASKS, round_of_run
from automl_airflow.annotation.runs import newest_run, start_round
from automl_airflow.annotation.tasks import RoundOperator

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import Project, ProjectState


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
        before = project.state.document.get("stop")
        self.patiently(lambda: project.configure(self.file.plain(), by))
        changed = before is not None and before != project.state.document.get("stop")
        reach = self.reach(context)
        try:
            done = self.patiently(lambda: collect(project, self.file, reach, by))
        except DataError as error:
            raise AirflowFailException(f"items.data: {error}") from error
        self.say(done.notes)
        self.log.info("%d rows: %d new items, %d known, %d retired", done.rows, done.new, done.known, done.retired)
        number = round_of_run(str(context["run_id"]))
        if number is None:
            self._start_one(context, project, changed)
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

    def _start_one(self, context: Any, project: Project, changed: bool) -> None:
        """Start the round that is to be made, where there is one."""
        number, why = self._wanted(context, project, changed)
        if number is None:
            self.log.info("no round is started: %s", why)
            return
        try:
            run, started = start_round(context, number)
        except RuntimeError as error:
            raise AirflowException(str(error)) from error
        self.log.info("%s %s: %s", "started" if started else "there is already", run, why)

    def _wanted(self, context: Any, project: Project, changed: bool) -> tuple[int | None, str]:
        """The round to start, None for none, and why.

        Args:
            context: of the task.
            project: with what is new.
            changed: whether the file says something else of the end than before.
        """
        from automl_core.annotation.rounds import verdict

        state, by = project.state, self.this_dag(context)
        if state.round is not None:
            number = state.round.number
            run, became = newest_run(context, number)
            if became == "on":
                return None, f"{run} goes on"
            if became == "over":
                return None, f"round {number} is open, and {run} has ended: clear what failed in it"
            return number, f"round {number} is open, and has no run in this Airflow"
        if not state.count:
            return None, f"there are no items in {', '.join(each.place for each in self.file.data_sets)}"
        reason = "there are items without labels"
        if state.stopped is not None:
            reason, why_not = reason_to_reopen(state, self.file, changed)
            if not reason:
                return None, f"it has ended ({state.stopped.why}): {why_not}"
            self.patiently(lambda: project.reopened(reason, by))
        if state.rounds and not reason.startswith(NEW_ITEMS):
            last = len(state.rounds)
            found = self.patiently(lambda: verdict(project, self.file, last, by))
            if found.why is not None:
                return None, f"it has ended ({found.why}): {'; '.join(found.reasons)}"
        return len(state.rounds) + 1, reason


NEW_ITEMS = "new items"


def reason_to_reopen(state: ProjectState, file: AnnotationFile, changed: bool = False) -> tuple[str, str]:
    """Why a project that has ended goes on, or why it doesn't: the other one is empty.

    Args:
        state: the project's, which is stopped.
        file: the project's.
        changed: whether the file says something else of the end than when it was read before.
    """
    from automl_core.annotation.rounds.choosing import affordable

    stopped, rounds = state.stopped, file.stop.rounds
    assert stopped is not None
    if rounds is not None and len(state.rounds) >= rounds:
        return "", f"{rounds} rounds were made, and stop.rounds allows no more"
    if affordable(state, file) == 0:
        return "", "no label can be paid for any more (stop.money)"
    if stopped.why in ("rounds", "money"):
        return f"stop.{stopped.why} allows more than it did", ""
    if stopped.why not in ("target", "flat", "items"):
        return "", f"{stopped.by} said so"
    new = sum(each.items for each in state.parts if each.time > stopped.time)
    if new:
        return f"{NEW_ITEMS} since it ended: {new}", ""
    return ("`stop` says something else than it did", "") if changed else ("", "new items begin it anew")
