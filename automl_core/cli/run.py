"""``automl run``: start an experiment in Airflow and follow it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from automl_core.cli.places import Place
    from automl_core.cli.served import Served
    from automl_core.client.airflow import AirflowClient
    from automl_core.client.records import Run
    from automl_core.results.leaderboard import Leaderboard
    from automl_core.spec.models import Experiment


def run(
    experiment: Annotated[str, typer.Argument(metavar="FILE|NAME", help="Experiment file, or its name.")],
    conf: Annotated[
        list[str] | None,
        typer.Option("--conf", "-c", metavar="FIELD=VALUE", help="Change a field for this run: trials.max=5."),
    ] = None,
    follow: Annotated[bool, typer.Option(help="Show the progress until the run has ended.")] = True,
    run_id: Annotated[str | None, typer.Option(help="Id of the run; Airflow makes one if not given.")] = None,
    logical_date: Annotated[
        str | None, typer.Option("--logical-date", metavar="DATE", help="The run's date, for ${ds} and its like.")
    ] = None,
    unpause: Annotated[bool, typer.Option("--unpause", help="Let Airflow run a paused DAG, its schedule too.")] = False,
    top: Annotated[int, typer.Option("--top", "-n", min=1, help="Trials to show at the end.")] = 10,
) -> None:
    """Run an experiment in Airflow and follow it to its end.

    The address comes from AIRFLOW_API_URL, the user from AIRFLOW_USERNAME and AIRFLOW_PASSWORD (or
    AIRFLOW_API_TOKEN); a local Airflow started by this project is found by itself.
    """
    from automl_core.cli.conf import parse_conf
    from automl_core.cli.look import moment_option
    from automl_core.cli.output import tell
    from automl_core.cli.places import find_experiment, home, run_place
    from automl_core.client.airflow import AirflowClient
    from automl_core.client.credentials import find_credentials

    date = moment_option(logical_date)
    name, path = find_experiment(experiment)
    changes = parse_conf(conf or [])
    checked = _check(path, changes, dated=date is not None) if path is not None else None
    name = checked.name if checked is not None else name
    with AirflowClient(find_credentials(home())) as client:
        _make_ready(client, name, path, checked, unpause)
        started = client.trigger(name, changes, run_id, date)
        tell(f"{name}: run {started.run_id}\n{client.run_url(name, started.run_id)}")
        if follow:
            place = None
            if checked is not None and checked.output.connection is None:
                place = run_place(checked, started.run_id)
            raise typer.Exit(_follow(client, started, place, top))


def _check(path: Path, changes: dict[str, Any], *, dated: bool) -> Experiment:
    """The experiment as this run will have it; wrong files and changes are known before anything starts."""
    from automl_core.cli.output import tell
    from automl_core.cli.places import home
    from automl_core.preview.checks import check_experiment, examine_file
    from automl_core.spec.dates import RUN_DATES, missing_dates
    from automl_core.spec.errors import SpecError, in_file
    from automl_core.spec.loader import locate, read_text
    from automl_core.spec.overrides import SOURCE
    from automl_core.templates.loading import parse_document
    from automl_core.templates.overriding import apply_overrides
    from automl_core.templates.places import Places

    examined = examine_file(path, home())
    experiment = examined.experiment
    undated = missing_dates(experiment, RUN_DATES if dated else ())
    if undated:
        raise SpecError(locate(undated, parse_document(read_text(path), str(path), Places.of(path))[1]))
    for warning in examined.warnings:
        tell(str(warning))
    if not changes:
        return experiment
    changed = apply_overrides(experiment, changes, Places.of(path)).experiment
    problems = check_experiment(changed)
    if problems:
        raise SpecError(in_file(problems, SOURCE))
    return changed


def _make_ready(
    client: AirflowClient, name: str, path: Path | None, experiment: Experiment | None, unpause: bool
) -> None:
    """Wait until Airflow has the DAG, and see that it may run."""
    from automl_core.cli.output import tell
    from automl_core.cli.places import UserError

    told = False

    def waiting(_seconds: float) -> None:
        nonlocal told
        if not told:
            told = True
            tell(f"waiting for Airflow to read {path or name} …")

    if path is None:
        dag = client.dag(name)
    else:
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        dag = client.wait_for_dag(name, file=path.name, changed=changed, waiting=waiting)
    _check_pools(client, experiment)
    if not dag.paused:
        return
    scheduled = experiment is None or experiment.schedule is not None
    if scheduled and not unpause:
        raise UserError(f"{name} is paused in Airflow, so no run of it starts; --unpause also starts its schedule")
    client.unpause(name)


def _check_pools(client: AirflowClient, experiment: Experiment | None) -> None:
    """See that Airflow has the pools that a file names: a task in one that it doesn't have never starts, silently."""
    from automl_core.cli.places import UserError

    for pool in experiment.pools if experiment is not None else ():
        if client.has_pool(pool) is False:
            raise UserError(
                f"airflow.pool: Airflow has no pool {pool!r}, so tasks in it would never start; make it first: "
                f"airflow pools set {pool} SLOTS DESCRIPTION --include-deferred"
            )


def _follow(client: AirflowClient, run: Run, place: Place | None, top: int) -> int:
    """Show the run to its end, then its leaderboard; the exit code.

    Args:
        client: of the Airflow that runs it.
        run: which one.
        place: where it lies; None where only Airflow has the keys, or nobody here knows.
        top: trials to show.
    """
    from automl_core.cli import remote
    from automl_core.cli.display import open_display
    from automl_core.cli.follow import follow
    from automl_core.cli.output import console, tell
    from automl_core.cli.served import Served
    from automl_core.cli.watcher import Watcher

    with Served(remote.connect().run(run.dag_id, run.run_id)) as served:
        watcher = Watcher(client, place, served)
        try:
            ending = follow(client, run, watcher, open_display(console()))
        except KeyboardInterrupt:
            tell(f"no longer following; the experiment goes on (automl status {run.dag_id}, automl stop {run.dag_id})")
            return 130
        for remark in ending.remarks:
            print(remark)
        found = ending.summary
        result = _result(served, place if watcher.reads_here else None) if found is not None else None
        if result is not None:
            _show(*result, top)
        else:
            why = f"{found.state}: {found.reason}" if found is not None and found.reason else ""
            print(why or f"the run ended: {ending.run.state}")
        return 0 if ending.good else 1


def _result(served: Served, place: Place | None) -> tuple[Leaderboard, str, bool] | None:
    """The leaderboard, its folder and whether it is published: from here where that can be read, else from the server.

    Args:
        served: the run as the server has it.
        place: where it is read from here, None where it is not.
    """
    from automl_core.cli.output import tell
    from automl_core.client.errors import ClientError
    from automl_core.results.leaderboard import leaderboard
    from automl_core.results.names import CONTROLLER
    from automl_core.storage import StorageError

    why = ""
    if place is not None:
        try:
            published = bool(place.store.list(place.prefix + CONTROLLER, limit=1))
            return leaderboard(place.folder), place.folder, published
        except (LookupError, ValueError, StorageError) as error:
            why = f"the result can't be read here: {error}"
    try:
        board, published = served.result()
        return board, served.folder(), published
    except (ClientError, ValueError) as error:
        tell(why or f"the result can't be read from the server: {error}")
        return None


def _show(board: Leaderboard, folder: str, published: bool, top: int) -> None:
    """The leaderboard and, where the result is published, as the very last line its folder."""
    from automl_core.cli.output import console

    console().print(board.to_table(top))
    if len(board.rows) > top:
        print(f"… and {len(board.rows) - top} more: automl results {board.name if '://' in folder else folder}")
    print(board.head())
    if published:
        print(f"result: {folder}", flush=True)
