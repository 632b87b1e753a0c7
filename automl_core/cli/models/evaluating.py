"""``automl model evaluate``: a version, and the champion beside it, on the latest data, on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl_core.cli.models.options import By, Target
from automl_core.cli.remote import AsJson

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile
    from automl_core.models.life import ModelLife, Version
    from automl_core.spec.datasets import DataSet


def evaluate(
    target: Target,
    version: Annotated[
        int | None, typer.Argument(metavar="[VERSION]", min=1, show_default=False, help="The newest by default.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="PLACE", help="Other data than `evaluate.data` of the file.")
    ] = None,
    date: Annotated[
        str | None, typer.Option("--date", metavar="DATE", help="What ${ds} and its like stand for; now by default.")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Write the evidence to the model's journal, for people to decide on.")
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a version here: it and the champion on the same rows of the latest data, in a process of its own.

    It is what the task `evaluate` does in Airflow, with the keys of this machine. Nothing is written without --record.
    """
    from automl_core.cli.models.desks import Here
    from automl_core.cli.models.looking import VERDICT, newest_of
    from automl_core.cli.models.places import find_model
    from automl_core.cli.output import print_json, tell
    from automl_core.cli.places import UserError
    from automl_core.models.evaluation import digest_of, markdown_of

    known = find_model(target)
    if known.file is None or known.path is None:
        raise UserError(f"{target}: its file says how it is evaluated, and is not here")
    if record and data is not None:
        raise UserError("--record and --data: people decide on what the file says, so other data are not recorded")
    here = Here(known, by)
    number = version or newest_of(known.name, here.versions())
    life = here.life
    found = life.state.version(number)
    if found.removed is not None:
        raise UserError(f"version {number} of {known.name}: its files were removed")
    champion = life.state.champion
    evidence, rows = _evaluate(life, known.file, known.path, found, data, date)
    if record:
        if life.refresh().champion != champion:
            raise UserError(f"version {life.state.champion} is in use since: evaluate once more, beside it")
        digest = life.evaluated(number, evidence, rows)
    else:
        digest = digest_of(evidence)
    if as_json:
        print_json({"digest": digest, "recorded": record, **evidence})
        return
    print(f"evidence {digest}\n\n{markdown_of(evidence)}")
    tell(f"version {number} of {known.name}: the condition {VERDICT[evidence['verdict']['ok']]}")
    if record:
        tell(f"recorded; `automl model accept {target} {number}` or `reject` comes next")
    else:
        tell("not recorded: --record does that")


def _evaluate(
    life: ModelLife, file: ModelFile, path: Path, version: Version, data: str | None, date: str | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    from dataclasses import replace

    from automl_core.cli.output import tell
    from automl_core.cli.places import UserError
    from automl_core.models.evaluation import NotEvaluated, Request, run_apart
    from automl_core.models.file.options import evaluate_options
    from automl_core.models.life.evidence import cases_left

    state = life.state
    champion = state.version(state.champion) if state.champion not in (None, version.number) else None
    given: Any = data if data is not None else file.evaluate.data
    if data is None and file.evaluate.by_feedback:
        raise UserError(
            "evaluate.data: feedback is joined by Airflow's tasks; --data PLACE evaluates on other rows here"
        )
    with ExitStack() as stack:
        challenger = stack.enter_context(_folder(life, version))
        other = stack.enter_context(_folder(life, champion)) if champion is not None else None
        rows, format, place, fingerprint = stack.enter_context(_brought(file.data_set(given), date))
        environment = _environment(file, path, stack)
        told = evaluate_options(file, path, version, champion, environment)
        options = replace(told, place=place, fingerprint=fingerprint)
        beside = f"beside version {champion.number}" if champion is not None else "with no champion beside it"
        tell(f"version {version.number}, {beside}, on {place}")
        try:
            earlier = cases_left(life.store, life.name, champion)
            return run_apart(Request(challenger, other, rows, options, earlier, format), say=tell)
        except NotEvaluated as error:
            raise UserError(f"version {version.number} was not evaluated: {error}") from None


@contextmanager
def _folder(life: ModelLife, version: Version) -> Iterator[Path]:
    """The files of a version on this machine: where they lie, or downloaded."""
    import tempfile

    prefix = version.model.prefix.rstrip("/")
    local = life.store.local_path(prefix)
    if local is not None:
        yield Path(local)
        return
    with tempfile.TemporaryDirectory(prefix="automl-model-") as folder:
        life.store.download(prefix, Path(folder))
        yield Path(folder)


@contextmanager
def _brought(data_set: DataSet, date: str | None) -> Iterator[tuple[Path, str | None, str, Mapping[str, Any]]]:
    """Rows on this machine for as long as they are read: their path, format, place and fingerprint."""
    from datetime import UTC, datetime

    from automl_core.cli.output import tell
    from automl_core.cli.places import UserError, home
    from automl_core.data.access import FromEnvironment, absolute
    from automl_core.data.cache import Cache
    from automl_core.data.fingerprint import of_listing, take
    from automl_core.data.listing import list_place
    from automl_core.data.table_copies import hold
    from automl_core.spec import dates
    from automl_core.spec.datasets import place_of
    from automl_core.spec.places import BadPlace

    try:
        at = dates.moment_of(date) if date is not None else datetime.now(UTC)
    except ValueError as error:
        raise UserError(f"--date: {error}") from None
    try:
        place = place_of(data_set, dates.run_dates(dates.dates_at(at)), str(home()))
    except BadPlace as error:
        raise UserError(f"evaluate.data: {error}") from None
    access, connection, format = FromEnvironment(), data_set.connection, data_set.format
    if place.is_table or not place.in_bucket:
        found = take(place, home(), access, connection, format).to_json()
        if not place.is_table:
            yield absolute(place, home()), format, place.text, found
            return
        held, format = hold(Cache.of(home()), place, access, connection, say=tell), None
    else:
        listing = list_place(place, home(), access, connection)
        listed = of_listing(place, listing, format)
        found = listed.to_json()
        held = Cache.of(home()).hold(
            place, listing, listed.digest, say=tell,
            unchanged=lambda: list_place(place, home(), access, connection).files == listing.files,
        )  # fmt: skip
    try:
        yield held.path, format, place.text, found
    finally:
        held.release()


def _environment(file: ModelFile, path: Path, stack: ExitStack) -> str | None:
    """The folder of the environment that the file's program runs in; None: this one."""
    from automl_core.cli.output import tell
    from automl_core.cli.places import UserError, home
    from automl_core.environments import EnvironmentProblem
    from automl_core.environments.beside import environment_beside
    from automl_core.spec.lock_files import LockError

    program = file.evaluate.program
    wanted = program.environment if program is not None else None
    try:
        found = stack.enter_context(environment_beside(wanted, path.parent, home(), say=tell))
    except (LockError, EnvironmentProblem) as error:
        raise UserError(f"evaluate.program.environment: {error}") from None
    return str(found) if found is not None else None
