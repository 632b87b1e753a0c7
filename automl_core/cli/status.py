"""``automl status`` and ``automl stop``: one run of an experiment, by its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from automl_core.cli.places import Place
    from automl_core.results.summary import Summary
    from automl_core.study import Study

Target = Annotated[
    str, typer.Argument(metavar="NAME|PATH", help="Experiment's name or file, or a run's folder or address.")
]
RunId = Annotated[str | None, typer.Option(help="Which run; the newest if not given.")]


def status(
    experiment: Target,
    run_id: RunId = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show how an experiment stands."""
    import time

    from automl_core.cli.display import baseline_text, best_text, counts_text, left_text
    from automl_core.cli.output import print_json
    from automl_core.cli.places import from_here_or_server
    from automl_core.results.inputs import data_lines
    from automl_core.results.stages import stage_entries, told_of_conclude
    from automl_core.results.summary import summary
    from automl_core.study.stages import stages_of

    def here() -> tuple[Summary, str, list[dict[str, Any]]]:
        place, study = _open(experiment, run_id)
        begun = stages_of(study)
        entries = stage_entries(begun)
        told = told_of_conclude(study.journal.store, study.journal.prefix, study.experiment, study.state, begun)
        if told is not None:
            entries["conclude"] = told
        stages = [{"name": stage, **entry} for stage, entry in entries.items()]
        return summary(study.state, study.experiment, time.time()), place.folder, stages

    now, folder, stages = from_here_or_server(
        experiment, run_id, here, lambda served: (served.summary(), served.folder(), served.stages())
    )  # fmt: skip
    if as_json:
        print_json(now.to_json() | ({"stages": stages} if stages else {}))
        return
    lines = [
        f"{now.name} · {now.run}: {now.state}{f' ({now.reason})' if now.reason else ''}",
        f"template: {now.template}" if now.template else "",
        counts_text(now),
        best_text(now),
        baseline_text(now),
        left_text(now),
        f"cost so far {now.cost:.4g}" if now.cost else "",
        *data_lines(now.data),
        *(_stage_line(each) for each in stages),
        f"folder: {folder}",
    ]
    print("\n".join(line for line in lines if line))


def _stage_line(stage: dict[str, Any]) -> str:
    reason = f" ({stage['reason']})" if stage["reason"] else ""
    return f"{stage['name']}: {stage['state']}{reason}"


def stop(
    experiment: Target,
    run_id: RunId = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="End the running trials too.")] = False,
) -> None:
    """End an experiment: no new trial starts, running ones finish, and what there is is published."""
    import getpass

    from automl_core.cli.output import plural
    from automl_core.cli.places import find_experiment, needs_airflow
    from automl_core.results.entries import has_ended
    from automl_core.states import ExperimentState
    from automl_core.study.stages import running_stages

    elsewhere = needs_airflow(experiment)
    if elsewhere and _stop_by_rest(find_experiment(experiment)[0], run_id, cancel):
        return
    user = getpass.getuser()
    if not elsewhere and _stop_before_start(experiment, run_id, cancel):
        return
    _, study = _open(experiment, run_id)
    name, stopped = study.experiment.name, study.state.stop
    stages = running_stages(study) if stopped is not None and has_ended(study.state) else []
    if stages:
        stages[0].cancel_trial(0, user)
        print(f"{name}: {stages[0].stage} is told to end")
        return
    if stopped is not None and has_ended(study.state):
        print(f"{name} has ended already: {stopped.reason}")
        return
    if stopped is None:
        how = "cancel" if cancel else "drain"
        stopped = study.stop("user", ExperimentState.USER_CANCELED, f"stopped by {user}", running=how, by=user)
    elif cancel and stopped.running != "cancel":  # the first stop stands, so each trial is told by itself
        for work in study.state.running:
            study.cancel_trial(work.trial, user)
    running = plural(len(study.state.running), "running trial")
    how = "ended too" if cancel or stopped.running == "cancel" else "finished (--cancel ends them)"
    print(f"{name} ends: {stopped.reason}; {running} will be {how}")


def _stop_before_start(target: str, run_id: str | None, cancel: bool) -> bool:
    """End a run that Airflow has, but whose journal is not here: not begun yet, or where only Airflow sees it.

    Returns:
        Whether there was such a run. Where Airflow can't be asked, the journal is all there is.
    """
    from pathlib import Path

    from automl_core.cli.places import UserError, find_experiment, home, run_place
    from automl_core.client.airflow import AirflowClient
    from automl_core.client.credentials import find_credentials
    from automl_core.client.errors import ClientError
    from automl_core.templates import load_experiment

    if "://" in target or Path(target).is_dir():
        return False
    name, path = find_experiment(target)
    if path is None:
        return _stop_by_rest(name, run_id, cancel)
    try:
        with AirflowClient(find_credentials(home())) as client:
            active = [run for run in client.runs(name) if not run.over and run_id in (None, run.run_id)]
            for run in active[:1]:
                place = run_place(load_experiment(path), run.run_id)
                if place.journal().refresh().created:
                    return False
                if any(
                    t.task_id == "propose" and t.state == "success" for t in client.task_instances(name, run.run_id)
                ):
                    # it runs, but its journal lies where only Airflow's machines see it
                    if _stop_by_rest(name, run.run_id, cancel):
                        return True
                    raise UserError(
                        f"the journal of {run.run_id} is not in {place.folder}: stop it where that folder is"
                    )
                client.set_run_state(name, run.run_id, "failed")
                print(f"{name}: the run {run.run_id} is ended before its first trial")
                return True
    except ClientError:
        pass
    return False


def _stop_by_rest(name: str, run_id: str | None, cancel: bool) -> bool:
    """Stop a run by AutoML's REST API, with the rights that the user has in Airflow.

    Returns:
        Whether it was there to be asked, and knew the run.
    """
    from automl_core.cli import remote
    from automl_core.client.errors import ClientError, NotKnown, Unreachable

    try:
        automl = remote.connect()
    except ClientError:  # nobody to ask, or nobody who asks
        return False
    with automl:
        try:
            print(f"{name}: {automl.run(name, run_id).stop(cancel=cancel)}")
        except (NotKnown, Unreachable):
            return False
    return True


def _open(target: str, run_id: str | None) -> tuple[Place, Study]:
    from automl_core.cli.places import find_run
    from automl_core.study import Study

    place = find_run(target, run_id)
    return place, Study.load(place.journal())
