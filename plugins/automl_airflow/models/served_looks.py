"""What a look sees of a model at work: what servers answered or batches scored of late, tests asked of its servers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.models.evaluation import EvaluateOptions
    from automl_core.models.file import ModelFile
    from automl_core.models.file.watch import Endpoint
    from automl_core.models.life import ModelLife, Version
    from automl_core.models.watching import Look
    from automl_core.models.watching.endpoint import Way

MOST_TESTED = 1_000
"""Logged rows that regression tests may choose from."""


@dataclass(slots=True)
class Seen:
    """What was seen.

    Attributes:
        since, until: between which times answers were looked at, seconds since 1970; None where none were.
        details: ``drift`` and ``estimate``, as an evaluation gives them.
        rows: some of the rows that were asked about, as they were logged.
        notes: for people.
    """

    since: float | None = None
    until: float | None = None
    details: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def answers_of(
    file: ModelFile, life: ModelLife, version: Version, folder: Path, options: EvaluateOptions, last: Look | None, *,
    say: Callable[[str], None], wanted: Callable[[], bool],
) -> Seen:  # fmt: skip
    """Look at what the champion's servers have answered since the last look.

    Args:
        file: the model's.
        life: its journal.
        version: the champion.
        folder: of its model, on this machine.
        options: whether drift and an estimate are asked for, by what.
        last: the look before this one.
        say: is told of what takes time.
        wanted: whether anybody still waits for it.

    Raises:
        NotEvaluated: the answers or the version can't be read.
        StorageError: the store refuses or is away.
    """
    from automl_core.models.evaluation import NotEvaluated, Request, run_apart
    from automl_core.models.watching.answered import interval_of, recent_answers

    assert file.watch is not None
    until = last.until if last is not None else None
    since, until = interval_of(until, life.now(), file.watch.seconds)
    found = recent_answers(life.store, life.name, version.number, since, until)
    seen = Seen(since, until, rows=found.rows_of(MOST_TESTED), notes=found.notes(version.number))
    for words in seen.notes:
        say(words)
    if not (options.reference or options.answers):
        return seen
    if not found.kept:
        why = f"no answer of version {version.number} was logged since the last look"
        seen.details = _nothing(options, why)
        return seen
    with tempfile.TemporaryDirectory(prefix="automl-answers-") as home:
        path = Path(home) / "answers.jsonl"
        found.write(path)
        options = replace(options, tests=(), slices=(), fingerprint={"digest": f"{since:.3f}-{until:.3f}"})
        request = Request(folder, None, path, options, (), "jsonl", unlabelled="answered")
        try:
            seen.details, _ = run_apart(request, say=say, wanted=wanted)
        except NotEvaluated as error:
            seen.details = _nothing(options, f"the logged answers can't be looked at: {error}")
    return seen


def scored_of(
    file: ModelFile, life: ModelLife, version: Version, folder: Path, options: EvaluateOptions, last: Look | None,
    bundle: Path | None, *, say: Callable[[str], None], wanted: Callable[[], bool],
) -> Seen | None:  # fmt: skip
    """Look at what the champion has scored in batches since the last look.

    Args:
        file, life, version, folder, options, last, say, wanted: as for `answers_of`.
        bundle: folder of the DAG bundle.

    Returns:
        None where that is not to be found: the model is scored in no batches, or from a place without dates.

    Raises:
        StorageError: the store, or where the rows lie, refuses or is away.
    """
    from automl_airflow.data_access import FromConnections
    from automl_airflow.session import home
    from automl_core.data.access import DataError
    from automl_core.models.batch.intervals import has_dates
    from automl_core.models.evaluation import NotEvaluated, Request, run_apart
    from automl_core.models.feedback.gathering import Reach
    from automl_core.models.watching.answered import interval_of
    from automl_core.models.watching.scored import scored_rows, scored_since

    if file.batch is None or file.watch is None or not (options.reference or options.answers):
        return None
    data = file.data_set(file.batch.data)
    if not has_dates(data.place):
        return None
    since, until = interval_of(last.until if last is not None else None, life.now(), file.watch.seconds)
    seen = Seen(since, until)
    intervals = scored_since(life.state.scoring.recent, version.number, since, until)
    if not intervals:
        seen.details = _nothing(options, f"version {version.number} has scored nothing since the last look")
        return seen
    options = replace(options, tests=(), slices=(), fingerprint={"digest": "|".join(each.key for each in intervals)})
    try:
        found = scored_rows(data, intervals, Reach(FromConnections(), home(), str(bundle or home()), say))
        seen.notes = found.notes(version.number)
        for words in seen.notes:
            say(words)
        if found.table is None:
            seen.details = _nothing(options, f"none of what version {version.number} has scored is there any more")
            return seen
        request = Request(folder, None, found.table, options, (), unlabelled="scored")
        seen.details, _ = run_apart(request, say=say, wanted=wanted)
    except (DataError, NotEvaluated) as error:
        seen.details = _nothing(options, f"what was scored can't be looked at: {error}")
    return seen


def _nothing(options: EvaluateOptions, why: str) -> dict[str, Any]:
    from automl_core.models.drift.comparing import TableDrift
    from automl_core.models.evaluation.unlabelled import not_estimated

    found: dict[str, Any] = {}
    if options.reference:
        found["drift"] = TableDrift(0, None, 1.0, options.alarms, (), why).to_json()
    if options.answers:
        found["estimate"] = not_estimated(why, "cant_tell")
    return found


def live_of(
    file: ModelFile, life: ModelLife, folder: Path, options: EvaluateOptions, rows: list[dict[str, Any]],
    bundle: Path | None,
) -> dict[str, Any] | None:  # fmt: skip
    """Ask the regression tests of the server; None where the file names none.

    What is wrong with the way to it is said, and fails nothing: see `automl_core.models.watching.endpoint`.

    Args:
        file: the model's.
        life: its journal.
        folder: of the champion's model, on this machine.
        options: with the tests.
        rows: that tests of columns change.
        bundle: folder of the DAG bundle.
    """
    from contextlib import closing

    from automl_core.models.watching.endpoint import Endpoint as Asked
    from automl_core.models.watching.endpoint import Trouble
    from automl_core.models.watching.live import live_tests, not_told

    wanted = endpoint_of(file)
    if wanted is None:
        return None
    before = life.state
    url = wanted.url or ""
    try:
        way = way_to(file, wanted, bundle)
        url = way.url
        with closing(Asked(way, file.name)) as endpoint:
            return live_tests(folder, endpoint, options.tests, rows, before, life.refresh)
    except Trouble as trouble:
        return not_told(url, trouble.cause, str(trouble))


def endpoint_of(file: ModelFile) -> Endpoint | None:
    """The server that tests are sent to, as the file has it; None: to none."""
    from automl_core.models.file.kubernetes import KubernetesServers
    from automl_core.models.file.watch import Endpoint

    given = file.watch.endpoint if file.watch is not None else None
    if given is None:
        return Endpoint() if isinstance(file.deploy, KubernetesServers) else None
    return given or None


def way_to(file: ModelFile, wanted: Endpoint, bundle: Path | None) -> Way:
    """How the server is reached: its address, the token of the connection, the files of TLS.

    Args:
        file: the model's.
        wanted: as the file has it.
        bundle: folder of the DAG bundle, for a pod template that lies in it.

    Raises:
        Trouble: the connection is not there, or nothing says where the server is.
    """
    from automl_airflow.session import home
    from automl_core.models.watching.endpoint import Way

    tls = {
        name: str(home() / value) for name, value in (wanted.tls.model_dump() if wanted.tls is not None else {}).items()
        if value is not None
    }  # fmt: skip
    url = wanted.url or _service_of(file, bundle)
    return Way(url, _token_of(wanted.connection), timeout=wanted.timeout, **tls)


def _token_of(connection: str | None) -> str | None:
    if connection is None:
        return None
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    from automl_core.models.watching.endpoint import Trouble

    try:
        found = Connection.get(connection)
    except AirflowNotFoundException:
        raise Trouble("unauthorized", f"watch.endpoint.connection: there is no connection {connection!r}") from None
    if not found.password:
        raise Trouble("unauthorized", f"watch.endpoint.connection: {connection} has no password, which is the token")
    return str(found.password)


def _service_of(file: ModelFile, bundle: Path | None) -> str:
    from automl_airflow.kubernetes.connection import cluster_of
    from automl_airflow.session import home
    from automl_core.models.file.kubernetes import KubernetesServers
    from automl_core.models.watching.endpoint import Trouble
    from automl_core.serving.kubernetes.objects import address_of
    from automl_core.serving.kubernetes.plan import plan_of

    deploy = file.deploy
    if not isinstance(deploy, KubernetesServers):  # the file's check refuses an end point without an address
        raise Trouble("away", "watch.endpoint.url: nothing says where the server is")
    try:
        namespace = deploy.namespace or cluster_of(deploy.connection).namespace_or_default()
        return address_of(plan_of(file, namespace, home=home(), bundle=bundle))
    except (ValueError, OSError) as error:
        raise Trouble("away", f"where the Service is can't be told: {error}") from None


def words_of(live: Mapping[str, Any]) -> str:
    """What tests against the server came to, in a sentence."""
    head = {"passed": "the server", "failed": "the server", "not_told": "the server was not tested"}[live["state"]]
    by = f" (version {live['version']}, record {live['record']})" if live.get("version") is not None else ""
    more = f"; {live['other']}" if live["other"] and live["other"] != live["why"] else ""
    return f"{head}{by}: {live['why']}{more}"
