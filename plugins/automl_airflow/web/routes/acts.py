"""Acts on a run: stop it, stop or rerun a trial, edit it, extend it, clone it.

Each stands in the journal with who did it, and in Airflow's audit log.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Literal

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from automl_airflow.compat.acts import SessionDep, action_logging
from automl_airflow.web import airflow_acts
from automl_airflow.web.access import ACT, CAN_EDIT_RUN, CAN_EDIT_TASKS, CAN_START, User, may
from automl_airflow.web.aside import LONGEST_ACT, AsideRoute, touches_store
from automl_airflow.web.bundles import places_in
from automl_airflow.web.catalog import RunInfo
from automl_airflow.web.held import HeldRun, held_run
from automl_airflow.web.opening import NotBegun
from automl_airflow.web.respond import reply
from automl_airflow.web.routes.experiments import model_of, source_of
from automl_airflow.web.routes.parts import TheRun, TrialNumber
from automl_airflow.web.routes.start import check_conf
from automl_airflow.web.standing import GONE
from automl_core.results.entries import has_ended
from automl_core.spec.errors import SpecError
from automl_core.spec.stages import task_ids
from automl_core.states import ExperimentState, TrialState
from automl_core.study import Study
from automl_core.study.editing import NotEditable, edit
from automl_core.study.stages import running_stages, stages_of
from automl_core.templates.changed import why_changed
from automl_core.templates.loading import parse_experiment
from automl_core.views.trial import trial_of

router = APIRouter(
    route_class=AsideRoute, prefix="/experiments/{dag_id}/runs/{run_id}", tags=["acts"], dependencies=[ACT]
)


class Body(BaseModel):
    """What an act is told; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class Stop(Body):
    """How an experiment is to end."""

    running: Literal["drain", "cancel"] = Field("drain", description="Running trials finish, or are ended too.")


class Nothing(Body):
    """An empty object."""


class Edit(Body):
    """What is to change, as in an experiment file."""

    trials: dict[str, Any] | None = None
    stop: dict[str, Any] | None = None
    space: dict[str, Any] | None = None

    def wanted(self) -> dict[str, Any]:
        """The groups that were given."""
        return {name: value for name, value in self if value is not None}


class Clone(Body):
    """What the new run has otherwise than the old one."""

    conf: dict[str, Any] = Field(default_factory=dict)
    run_id: str | None = Field(None, max_length=250, description="Airflow makes one when left out.")
    logical_date: AwareDatetime | None = Field(None, description="The run's date; none when left out.")


def _begun(run: RunInfo) -> HeldRun:
    """The read model of a run that something is to be done to.

    Raises:
        HTTPException: 409, it has no journal (yet).
    """
    try:
        return held_run(run)
    except NotBegun as error:
        raise HTTPException(409, str(error)) from None


def _is_there(run: RunInfo) -> None:
    """See that the experiment's file is there, for Airflow to run."""
    if run.gone:
        raise HTTPException(409, f"{run.dag_id}: {GONE}")


def _see_template(session: Session, run: RunInfo, study: Study) -> None:
    """See that the run's template is what it was, as far as its folder is here: else the tasks would refuse to go on.

    Refused here, a run that has ended stays what it is; there, it would end as one that failed.
    """
    if study.experiment.template is None:
        return
    source, model = source_of(session, run.dag_id), model_of(session, run.dag_id)
    with suppress(SpecError):  # the DAG processor tells what is wrong with the file
        places = places_in(model.bundle_name if model is not None else None)
        now = parse_experiment(source or "", run.dag_id, places).template
        problem = why_changed(study.experiment.template, now)
        if problem:
            raise HTTPException(409, problem)


def _name(user: Any) -> str:
    return str(user.get_name())


@router.post("/stop", dependencies=[Depends(CAN_EDIT_RUN), Depends(action_logging("automl_stop"))])
@touches_store(patience=LONGEST_ACT)
def stop_run(run: TheRun, session: SessionDep, user: User, body: Stop) -> Response:
    """End a run: no new trial starts, running ones finish or are ended, and what there is is published."""
    name = _name(user)
    try:
        held = held_run(run)
    except LookupError:
        if run.over:
            raise HTTPException(409, "the run has ended") from None
        airflow_acts.end_run(session, run)
        return reply({"seq": 0, "text": "the run is ended before its first trial"})
    with held.shared.lock:
        study = held.shared.study
        stopped = study.refresh().stop
        stages = [] if run.over else running_stages(study, store=held.shared.store)
        if has_ended(study.state) and stages:  # the search is over, and nothing of it is left to drain
            for stage in stages:
                stage.cancel_trial(0, name)
            return reply({"seq": study.state.seq, "text": f"{stages[0].stage} is told to end"})
        if has_ended(study.state):
            raise HTTPException(409, f"it has ended already: {stopped.reason if stopped else ''}")
        if run.over:
            raise HTTPException(409, "its run has ended in Airflow already")
        if stopped is None:
            reason = f"stopped by {name}"
            study.stop("user", ExperimentState.USER_CANCELED, reason, running=body.running, by=name)
        elif body.running == "cancel" and stopped.running != "cancel":  # the first stop stands: each is told by itself
            for work in study.state.running:
                study.cancel_trial(work.trial, name)
        else:
            raise HTTPException(409, f"it ends already: {stopped.reason}")
        text = "running trials finish" if body.running == "drain" else "running trials are ended"
        return reply({"seq": study.state.seq, "text": f"no new trial starts; {text}"})


@router.post(
    "/trials/{number}/stop", dependencies=[Depends(CAN_EDIT_TASKS), Depends(action_logging("automl_stop_trial"))]
)
@touches_store(patience=LONGEST_ACT)
def stop_trial(run: TheRun, user: User, number: TrialNumber, body: Nothing) -> Response:
    """End one trial; whoever runs it obeys at its next look."""
    held = _begun(run)
    with held.shared.lock:
        study = held.shared.study
        study.refresh()
        trial = trial_of(held.view, number)
        if study.state.state_of(trial).ended:
            raise HTTPException(409, f"trial {number} has ended: {study.state.state_of(trial)}")
        study.cancel_trial(number, _name(user))
        return reply({"seq": study.state.seq, "text": f"trial {number} is told to end"})


@router.post("/trials/{number}/rerun", dependencies=[Depends(CAN_EDIT_TASKS), Depends(action_logging("automl_rerun"))])
@touches_store(patience=LONGEST_ACT)
def rerun_trial(run: TheRun, session: SessionDep, user: User, number: TrialNumber, body: Nothing) -> Response:
    """Run a trial once more, as clearing its task instance in Airflow does."""
    _is_there(run)
    held = _begun(run)
    with held.shared.lock:
        study = held.shared.study
        study.refresh()
        trial = trial_of(held.view, number)
        work = study.state.latest(trial)
        if not work.state.ended:
            raise HTTPException(409, f"trial {number} goes on: {work.state}")
        if work.lane is not None:
            raise HTTPException(409, "trials run in lanes, which can't begin one anew; clone the run")
        if airflow_acts.goes_on(session, run, run.place.steps[0], work.slot):
            raise HTTPException(409, f"Airflow is at trial {number} already")
        _see_template(session, run, study)
        tasks: list[str | tuple[str, int]] = [(step, work.slot) for step in run.place.steps]
        tasks += [last for last in _last_tasks(study) if airflow_acts.has_run(session, run, last)]
        name = _name(user)
        text = f"trial {number} runs again"
        study.journal.append("note", {"act": "rerun", "trial": number, "by": name, "text": text})
        airflow_acts.clear(session, user, run, tasks, f"AutoML: {text} ({name})")
        return reply({"seq": study.state.seq, "text": text})


@router.patch("", dependencies=[Depends(CAN_EDIT_RUN), Depends(action_logging("automl_edit"))])
@touches_store(patience=LONGEST_ACT)
def edit_run(run: TheRun, session: SessionDep, user: User, body: Edit) -> Response:
    """Change a running experiment: number of trials, concurrency, stop conditions, the space within its bounds."""
    return _edit(run, session, user, body, reopen=False)


@router.post(
    "/extend",
    dependencies=[Depends(CAN_EDIT_RUN), Depends(CAN_EDIT_TASKS), Depends(action_logging("automl_extend"))],
)
@touches_store(patience=LONGEST_ACT)
def extend_run(run: TheRun, session: SessionDep, user: User, body: Edit) -> Response:
    """Open a run that has ended again, with more trials or other limits."""
    _is_there(run)
    if not run.over:
        raise HTTPException(409, "its DAG run still goes on in Airflow: edit it instead")
    return _edit(run, session, user, body, reopen=True)


def _edit(run: RunInfo, session: SessionDep, user: Any, body: Edit, *, reopen: bool) -> Response:
    held: HeldRun = _begun(run)
    with held.shared.lock:
        study = held.shared.study
        study.refresh()
        if reopen:
            _see_template(session, run, study)
        wanted = body.wanted()
        more = "max" in (wanted.get("trials") or {})
        if more and not may(user, "PUT", DagAccessEntity.TASK_INSTANCE, run.dag_id):
            # Airflow clears `propose` for it
            raise HTTPException(403, "Forbidden: another number of trials needs the right to edit this DAG's tasks")
        if more and not reopen and not airflow_acts.has_run(session, run, airflow_acts.PROPOSE):
            raise NotEditable("the number of trials can be edited once `propose` has ended; try again")
        # an experiment that its journal holds to be open, but whose DAG run has ended, only needs Airflow to go on
        done = edit(study, wanted, _name(user), reopen=reopen and study.state.stop is not None)
        _let_airflow_follow(run, session, user, held, reopen=reopen)
        changes = [change.to_json() for change in done.changes]
        text = done.text if done.changes or not reopen else "it goes on"
        return reply({"seq": study.state.seq, "text": text, "changes": changes})


def _let_airflow_follow(run: RunInfo, session: SessionDep, user: Any, held: HeldRun, *, reopen: bool) -> None:
    """Have Airflow start what an edit has added: further mapped instances, and those that were skipped at the end.

    What is missing is looked for, not remembered: an act that broke off half way is made whole by doing it again.
    """
    study = held.shared.study
    tasks: list[str | tuple[str, int]] = []
    slots, lanes = int(study.state.plan["slots"]), study.state.lanes
    present = airflow_acts.mapped(session, run, run.place.steps[0]) - {-1}
    if lanes is None and present and max(present) + 1 < slots:
        airflow_acts.add_slots(session, run, slots)
        tasks.append(airflow_acts.PROPOSE)
    if reopen and _is_unprepared(held):  # no trial could begin: Airflow has not even mapped them
        tasks = [airflow_acts.PROPOSE, *task_ids(study.experiment, "prepare"), *run.place.steps, *_last_tasks(study)]
    elif reopen:
        indexes = range(lanes) if lanes is not None else study.unbound()
        tasks += [(step, index) for index in indexes if index in present for step in run.place.steps]
        tasks += _last_tasks(study)
    if tasks:
        airflow_acts.clear(session, user, run, tasks, f"AutoML: more trials ({_name(user)})")


def _is_unprepared(held: HeldRun) -> bool:
    """Whether an experiment has a ``prepare`` that has not done its work, and so no trials."""
    study = held.shared.study
    if not study.experiment.prepare or study.state.trials:
        return False
    begun = stages_of(study, store=held.shared.store).get("prepare")
    return begun is None or not begun.state.works or begun.state.works[0].state is not TrialState.SUCCEEDED


def _last_tasks(study: Study) -> list[str]:
    """Ids of the tasks that come after the last trial: they look at all trials, so they run again with one of them."""
    concluding = task_ids(study.experiment, "conclude") if study.experiment.conclude else []
    return [*concluding, airflow_acts.REDUCE]


@router.post("/clone", dependencies=[Depends(CAN_START), Depends(action_logging("automl_clone"))])
def clone_run(request: Request, run: TheRun, session: SessionDep, user: User, body: Clone) -> Response:
    """Begin a new run with this one's conf, and what is given on top of it."""
    _is_there(run)
    conf = merged(run.conf, body.conf)
    check_conf(session, user, run.dag_id, conf, dated=body.logical_date is not None)
    started = airflow_acts.trigger(request, session, user, run.dag_id, conf, body.run_id, body.logical_date)
    return reply({"experiment": run.dag_id, "run": started}, 201)


def merged(old: Any, new: Any) -> Any:
    """The new value over the old one, mappings key by key."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
