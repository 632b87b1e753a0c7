"""Acts on a model: offer a result, evaluate again, accept, reject, take back, retire, retrain, score again.

Each stands in the model's journal with who did it, and in Airflow's audit log. The journal decides: whoever comes too
late is told who was faster, and when.
"""

from __future__ import annotations

from typing import Any, Literal

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import Field
from sqlalchemy.orm import Session

from automl_airflow.compat.acts import SessionDep
from automl_airflow.models.answering import Option, answer_waiting
from automl_airflow.models.closed import is_closed_result
from automl_airflow.models.names import run_of_version
from automl_airflow.models.runs import INSTEAD_OF, VERSION
from automl_airflow.stores import shared_store
from automl_airflow.web import airflow_acts
from automl_airflow.web.access import (
    ACT,
    CAN_ANSWER,
    CAN_EDIT_MODEL,
    CAN_OFFER,
    CAN_READ_MODEL,
    CAN_SCORE,
    NO_RIGHT_TO_DOWNLOAD,
    User,
    logs_model_act,
    may,
    may_download,
    rollout_of,
    score_of,
)
from automl_airflow.web.aside import LONGEST_ACT, AsideRoute, touches_store
from automl_airflow.web.catalog import find_run, reading
from automl_airflow.web.downloads import TheAsker, note_offer
from automl_airflow.web.held_models import Fresh, HeldModel, TheModel
from automl_airflow.web.model_catalog import ModelInfo
from automl_airflow.web.model_standing import (
    GONE,
    accepted_by,
    as_asked,
    file_text,
    is_closed_model,
    model_file_of,
    why_not_answer,
)
from automl_airflow.web.respond import reply
from automl_airflow.web.routes.acts import Body, Nothing
from automl_airflow.web.routes.evidence import VersionNumber
from automl_airflow.web.routes.experiments import NO_RIGHT_TO_START, model_of
from automl_core.models.file.model import SCORE
from automl_core.models.life import Life, ModelLife, Person, VersionState
from automl_core.models.offering import candidate_at
from automl_core.models.watching import conf_of, run_of
from automl_core.study.finding import find_prefix

router = APIRouter(
    route_class=AsideRoute, prefix="/models/{model}", tags=["models"], dependencies=[Depends(CAN_READ_MODEL), ACT]
)

LARGEST = 2 << 30
"""Bytes of a model that the API server copies; a task of the rollout copies any."""

Why = Field("", max_length=2000)


class Offer(Body):
    """A result to be offered."""

    experiment: str = Field(max_length=250)
    run: str = Field(max_length=250, description="Airflow's id of the run.")


class Answered(Body):
    """An answer on evidence."""

    digest: str = Field(pattern="^[0-9a-f]{64}$", description="Of the evidence that was read.")
    note: str = Why


class TakeBack(Body):
    """What is taken out of use."""

    version: int = Field(ge=1)
    why: str = Field(min_length=1, max_length=2000)
    to: int | None = Field(None, ge=1, description="Which one is in use instead; the one before it when left out.")


class Reasoned(Body):
    """Why something is done."""

    why: str = Field(min_length=1, max_length=2000)


class Again(Body):
    """An interval that is scored again."""

    interval: str = Field(
        min_length=1, max_length=200, description="A date, or its key as the list of intervals has it."
    )
    why: str = Field(min_length=1, max_length=2000)
    version: Literal["now", "then"] | int = Field(
        "now", description="By which version: today's, that of then, a number."
    )


class Retrain(Body):
    """A training that is asked for."""

    reason: str = Field(min_length=1, max_length=2000)
    experiment: str | None = Field(None, max_length=250, description="One of the candidates; the first when left out.")


def _person(user: Any) -> Person:
    return Person(str(user.get_name()), "rest")


def _is_there(info: ModelInfo) -> None:
    if info.gone:
        raise HTTPException(409, f"{info.name}: {GONE}")


@router.post("/offer", dependencies=[Depends(CAN_OFFER), *logs_model_act("automl_model_offer")])
@touches_store("offer")
def offer(
    request: Request, info: TheModel, held: Fresh, session: SessionDep, user: User, asker: TheAsker, body: Offer
) -> Response:  # fmt: skip
    """Offer a published result as a version: its model is copied, then a run of the rollout evaluates it."""
    _is_there(info)
    if not may(user, "GET", DagAccessEntity.RUN, body.experiment):
        raise HTTPException(403, f"Forbidden: you have not the right to read runs of {body.experiment}")
    with reading() as looking:  # copying takes its time, and must not hold a transaction
        run, text = find_run(looking, body.experiment, body.run), file_text(looking, info)
    store = shared_store(run.place.storage, run.connection)
    found = candidate_at(store, find_prefix(store, run.place.experiment, run.run_id))
    size = sum(entry.size for entry in store.entries(found.model))
    if size > LARGEST:
        raise HTTPException(
            409,
            f"its model has {size >> 20} MiB, and the API server copies {LARGEST >> 20} at most: name "
            f"{body.experiment} in candidates of the model's file, and its rollout offers it",
        )
    if not is_closed_model(model_file_of(info, text), held.use(lambda life: life.document)) and is_closed_result(
        store, found.source.prefix
    ):  # the copy would lie where any reader of the model may have it
        if not may_download(user, body.experiment):
            raise HTTPException(403, f"Forbidden: {body.experiment} is closed and {info.name} is not; "
                                f"{NO_RIGHT_TO_DOWNLOAD}")  # fmt: skip
        note_offer(asker, store, body.experiment, body.run, info.name)
    acts = ModelLife.open(shared_store(info.place.storage, info.connection), info.name)
    known = len(acts.state.versions)
    version = acts.offer(found.source, (store, found.model), _person(user))
    started = _roll_out(request, session, user, info, version.number) if version.state.undecided else None
    held.read(acts.state.seq)
    new = version.number > known
    told = f"it is version {version.number}" + ("" if new else f" already, and {version.state.lower()}")
    status = 201 if new else 200
    return reply({"seq": acts.state.seq, "version": version.number, "new": new, "run": started, "text": told}, status)


def _roll_out(request: Request, session: Session, user: User, info: ModelInfo, version: int) -> str:
    """Have a run of the rollout take a version; one that there is already does."""
    run_id = run_of_version(version)
    if not airflow_acts.has_dag_run(session, rollout_of(info.name), run_id):
        airflow_acts.begin(request, session, user, rollout_of(info.name), {VERSION: version}, run_id)
    return run_id


@router.post(
    "/versions/{version}/evaluate", dependencies=[Depends(CAN_OFFER), *logs_model_act("automl_model_evaluate")]
)
@touches_store(patience=LONGEST_ACT)
def evaluate(
    request: Request, info: TheModel, held: Fresh, session: SessionDep, user: User, version: VersionNumber,
    body: Nothing,
) -> Response:  # fmt: skip
    """Evaluate a version again, on the data as they are now, in a run of its own: what was asked keeps its page."""
    _is_there(info)
    dag_id = rollout_of(info.name)
    found = held.use(lambda life: life.version(version))
    if found.removed is not None:
        raise HTTPException(409, f"the files of version {version} were removed")
    if found.state in (VersionState.IN_USE, VersionState.ROLLING_OUT, VersionState.RETIRED):
        raise HTTPException(409, f"version {version} is {found.state.lower().replace('_', ' ')}")
    again = len(found.evidence) + 1
    while airflow_acts.has_dag_run(session, dag_id, run_of_version(version, again)):
        if airflow_acts.is_on(session, dag_id, run_of_version(version, again)):
            raise HTTPException(409, f"the run {run_of_version(version, again)} evaluates version {version} already")
        again += 1
    conf = {VERSION: version, **({INSTEAD_OF: found.run} if found.run else {})}
    run = airflow_acts.begin(request, session, user, dag_id, conf, run_of_version(version, again))
    return reply({"seq": held.acts.state.seq, "run": run, "text": f"version {version} is evaluated again"}, 201)


@router.post("/versions/{version}/accept", dependencies=[Depends(CAN_ANSWER), *logs_model_act("automl_model_accept")])
@touches_store(patience=LONGEST_ACT)
def accept(
    info: TheModel, held: Fresh, session: SessionDep, user: User, version: VersionNumber, body: Answered
) -> Response:  # fmt: skip
    """Accept a version on the evidence that was read; 409 where that is not the newest, or somebody has decided."""
    return _answer(info, held, session, user, version, body, accepts=True)


@router.post("/versions/{version}/reject", dependencies=[Depends(CAN_ANSWER), *logs_model_act("automl_model_reject")])
@touches_store(patience=LONGEST_ACT)
def reject(
    info: TheModel, held: Fresh, session: SessionDep, user: User, version: VersionNumber, body: Answered
) -> Response:  # fmt: skip
    """Reject a version on the evidence that was read."""
    return _answer(info, held, session, user, version, body, accepts=False)


def _answer(
    info: ModelInfo, held: HeldModel, session: Session, user: Any, version: int, body: Answered, *, accepts: bool
) -> Response:  # fmt: skip
    file = model_file_of(info, file_text(session, info))
    with held.lock:
        acts = held.acts
        found = acts.refresh().version(version)
        by = accepted_by(file, acts.state.document)
        why_not = why_not_answer(user, by)
        if why_not:
            raise HTTPException(403, f"Forbidden: {info.name}: {why_not}")
        # Airflow first, in the transaction of the request: what the journal refuses takes this back
        run = found.asked.run if found.asked is not None and found.asked.evidence == body.digest else None
        option: Option = "Accept" if accepts else "Reject"
        answer_waiting(session, as_asked(user, by), rollout_of(info.name), run, option, body.note)
        act = acts.accept if accepts else acts.reject
        given = act(version, body.digest, _person(user), body.note)
        seq = acts.state.seq
    goes_on = "; its rollout puts it in use" if accepts and run else ""
    return reply({"seq": seq, "decision": given.what, "text": f"version {version} is {given.what}{goes_on}"})


@router.post("/take-back", dependencies=[Depends(CAN_EDIT_MODEL), *logs_model_act("automl_model_take_back")])
@touches_store(patience=LONGEST_ACT)
def take_back(info: TheModel, held: Fresh, user: User, body: TakeBack) -> Response:
    """Take a version out of use, or out of its rollout; the one before it, or one that is named, answers instead."""
    with held.lock:
        rollout = held.acts.refresh().rollout
        record = held.acts.take_back(body.version, _person(user), body.why, body.to)
        seq = held.acts.state.seq
    now = f"version {record.champion} is in use" if record.champion is not None else "nothing is in use"
    if rollout is not None and rollout.version != body.version:
        now += f"; the rollout of version {rollout.version} is stopped"
    return reply({"seq": seq, "in_use": record.champion, "text": f"version {body.version} is taken back; {now}"})


@router.post(
    "/versions/{version}/retire", dependencies=[Depends(CAN_EDIT_MODEL), *logs_model_act("automl_model_retire")]
)
@touches_store(patience=LONGEST_ACT)
def retire(info: TheModel, held: Fresh, user: User, version: VersionNumber, body: Reasoned) -> Response:
    """Say that a version is not to be used any more."""
    with held.lock:
        held.acts.retire(version, _person(user), body.why)
        seq = held.acts.state.seq
    return reply({"seq": seq, "text": f"version {version} is retired"})


@router.post("/score", dependencies=[Depends(CAN_SCORE), *logs_model_act("automl_model_score")])
@touches_store(patience=LONGEST_ACT)
def score(
    request: Request, info: TheModel, held: Fresh, session: SessionDep, user: User, body: Again
) -> Response:  # fmt: skip
    """Score an interval, also again: a run of the DAG that scores claims it.

    A date or a moment is taken whether or not it was scored: before the first version was in use, nobody owes it.
    """
    from automl_core.models.batch.intervals import check_has_come, moment_named

    _is_there(info)
    dag_id = score_of(info.name)
    if SCORE not in info.dags:
        raise HTTPException(409, f"{info.name}: its file has no deploy, so it scores nothing")

    def known(life: Life) -> bool:
        return body.interval in life.scoring.done or body.interval in life.scoring.open

    again = held.use(known)
    if not again:
        if moment_named(body.interval) is None:
            raise HTTPException(
                404, f"{info.name} has not scored an interval {body.interval!r}; allowed: a date or moment "
                "(2026-11-01), or the key of an interval as the model's history has it"
            )  # fmt: skip
        try:
            check_has_come(body.interval, held.acts.now())
        except ValueError as error:
            raise HTTPException(422, f"interval: {error}") from None
    if isinstance(body.version, int):
        number = body.version
        held.use(lambda life: life.version(number))
    elif body.version == "now" and held.use(lambda life: life.champion) is None:
        raise HTTPException(409, f"no version of {info.name} is in use")
    conf = {"interval": body.interval, VERSION: body.version, "why": body.why, "by": str(user.get_name())}
    run = airflow_acts.begin(request, session, user, dag_id, conf, None)
    text = f"{body.interval} is scored {'again ' if again else ''}by the run {run}"
    return reply({"seq": held.acts.state.seq, "run": run, "text": text}, 201)


@router.post("/retrain", dependencies=[Depends(CAN_OFFER), *logs_model_act("automl_model_retrain")])
@touches_store(patience=LONGEST_ACT)
def retrain(
    request: Request, info: TheModel, held: Fresh, session: SessionDep, user: User, body: Retrain
) -> Response:  # fmt: skip
    """Ask for a training of a new version: a run of the experiment, with the reason in its conf."""
    _is_there(info)
    file = model_file_of(info, file_text(session, info))
    if file is None:
        raise HTTPException(409, f"{info.name}: its file can't be read, so nobody knows which experiment trains it")
    experiments = [each.experiment for each in file.sources]
    experiment = body.experiment or file.retrained or experiments[0]
    if experiment not in (*experiments, file.retrained):
        raise HTTPException(
            422, f"experiment: {experiment!r} is none of this model's; allowed: {', '.join(experiments)}"
        )
    if not may(user, "POST", DagAccessEntity.RUN, experiment):
        raise HTTPException(403, f"Forbidden: {experiment}: {NO_RIGHT_TO_START}")
    if model_of(session, experiment) is None:
        raise HTTPException(409, f"Airflow has no experiment {experiment!r}")
    with held.lock:
        started = start_retraining(request, session, user, held, experiment, body.reason)
        seq = held.acts.state.seq
    return reply({"seq": seq, **started}, 201)


def start_retraining(
    request: Request, session: Session, user: Any, held: HeldModel, experiment: str, reason: str
) -> dict[str, Any]:  # fmt: skip
    """Ask for a training, and begin its run; a person's wish heeds only that none goes on."""
    acts = held.acts
    told = {"text": reason, "model": acts.name}
    asked = acts.ask_retraining(experiment, told, _person(user), at_most=1, within=0.0)
    if not asked.run:
        run_id = run_of(acts.name, asked.id)  # as the watch calls it, which starts what was asked for and not started
        if not airflow_acts.has_dag_run(session, experiment, run_id):
            airflow_acts.trigger(request, session, user, experiment, conf_of(acts.name, asked), run_id)
        asked = acts.retraining_started(asked.id, run_id)
    return {"retraining": asked.id, "experiment": experiment, "run": asked.run, "text": f"{experiment} is trained anew"}
