"""``automl try``: one combination, here, without Airflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from automl_core.metrics.points import Step
    from automl_core.running.trying import Judged, MetricSeen, TaskTried, Tried
    from automl_core.spec.models import Experiment

_LAST_LINES = 15
_LONGEST_STEPS = 6


def try_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Experiment file.", show_default=False)],
    given: Annotated[
        list[str] | None, typer.Option("--set", "-s", metavar="NAME=VALUE", help="A parameter's value: lr=0.01.")
    ] = None,
    proposal: Annotated[
        int | None, typer.Option("--proposal", "-p", min=0, metavar="N", help="Try the search's N-th, from 0.")
    ] = None,
    budget: Annotated[int | None, typer.Option(min=1, help="How far to train; the lowest rung if not given.")] = None,
    limit: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="End it after so long and say what was seen: 2m.")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Run the commands of pods as processes here, without their images.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="FOLDER", help="Keep log, metrics and model in this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    result: Annotated[
        Path | None, typer.Option("--result", metavar="FILE", help="Write the JSON into this file as well.")
    ] = None,
    logical_date: Annotated[
        str | None, typer.Option("--logical-date", metavar="DATE", help="The run's date, for ${ds} and its like.")
    ] = None,
    place: Annotated[
        Path | None,
        typer.Option(
            "--bundle", metavar="FOLDER", help="The file's DAG bundle; the folder above `experiments` if not given."
        ),
    ] = None,
) -> None:
    """Run one combination here, without Airflow, and say all that a trial would make of it.

    What ran, where, which metrics were seen at which steps, what would be judged, and what is wrong. The exit code is 0
    where a trial like it has a value.
    """
    from automl_core.cli.conf import parse_values
    from automl_core.cli.look import data_lines, dates_lines, moment_option, seconds_of
    from automl_core.cli.output import json_text, print_json, tell
    from automl_core.cli.places import UserError, home
    from automl_core.preview.checks import examine_file
    from automl_core.preview.combination import chosen_combination
    from automl_core.preview.data import counted_here, data_preview
    from automl_core.spec.bundles import FOLDER, bundle_of
    from automl_core.spec.dates import dates_at, dates_of_now, run_dates

    date = moment_option(logical_date)
    bundle = bundle_of(file) if place is None else place.absolute()
    examined = examine_file(file, home(), file if place is None else bundle / FOLDER / file.name)
    if examined.experiment.closed:
        raise UserError(
            "closed: the experiment is for the closed environment of a deployment, and `try` runs processes on this "
            "machine, whose network nothing fences. Try it without `closed: true`, on data that may be here"
        )
    experiment, notes = _made_local(examined.experiment, local, bundle)
    try:
        values = parse_values(given, "name=value is wanted, such as lr=0.01")
        known = dates_at(date) if date is not None else dates_of_now(experiment)
        counted = counted_here(experiment, run_dates(known), home(), bundle)
        params, smallest, chosen = chosen_combination(counted, values, proposal)
    except ValueError as error:
        raise UserError(str(error)) from None
    if budget is not None and experiment.trials.budget is None:
        raise UserError("--budget: the experiment has none (trials.budget)")
    for warning in examined.warnings:
        tell(str(warning))
    how_far = budget or smallest
    if not as_json:
        shown = dates_lines(experiment, dates_at(date) if date is not None else None)
        shown += data_lines(list(data_preview(experiment, run_dates(known), home(), bundle)))
        print("\n".join([*_head(experiment, params, chosen, how_far, notes), *shown]), flush=True)
    dates = dates_at(date) if date is not None else dates_of_now(experiment)
    lies = file if place is None else bundle / FOLDER / file.name
    found = _try(
        experiment, params, how_far, chosen, seconds_of(limit), notes, keep, bundle, dates, lies, quiet=as_json
    )
    body = found.to_json() | {"warnings": [warning.to_json() for warning in examined.warnings]}
    if result is not None:
        result.write_text(json_text(body), encoding="utf-8")
    if as_json:
        print_json(body)
    else:
        print("\n".join([*_result(found), *_last_words(found, file, keep)]))
    raise typer.Exit(0 if found.ok else 1)


def _try(
    experiment: Experiment, params: dict[str, Any], budget: int | None, chosen: str, limit: float | None,
    notes: tuple[str, ...], keep: Path | None, bundle: Path, dates: dict[str, str], file: Path, *, quiet: bool,
) -> Tried:  # fmt: skip
    import tempfile

    from automl_core.cli.output import tell
    from automl_core.cli.places import UserError, home
    from automl_core.code import CodeError, with_code
    from automl_core.running.environment import check_lock
    from automl_core.spec.lock_files import LockError
    from automl_core.storage.folder import FolderStore

    if keep is not None and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise UserError(f"--keep {keep}: an empty folder, or one that isn't there yet, is wanted")
    with tempfile.TemporaryDirectory(prefix="automl-try-") as temporary:
        store = FolderStore((keep or Path(temporary)).absolute())
        try:
            check_lock(experiment, file)
            experiment, _ = with_code(experiment, file, store)
        except CodeError as error:
            raise UserError(f"code: {error}") from None
        except LockError as error:
            raise UserError(f"environment.lock: {error}") from None
        emit = (lambda _: None) if quiet else (lambda line: tell(f"  | {line}"))
        return _tried(
            experiment,
            params,
            store,
            home=home(),
            emit=emit,
            budget=budget,
            chosen=chosen,
            limit=limit,
            notes=notes,
            bundle=bundle,
            dates=dates,
        )


def _tried(experiment: Experiment, *args: Any, **more: Any) -> Tried:
    """A try, or what keeps it from its data."""
    from automl_core.cli.places import UserError
    from automl_core.data.access import DataError
    from automl_core.running.trying import try_out

    try:
        return try_out(experiment, *args, **more)
    except DataError as error:
        raise UserError(str(error)) from None


def _made_local(experiment: Experiment, local: bool, bundle: Path) -> tuple[Experiment, tuple[str, ...]]:
    """The experiment with training tasks that can run here, and what is otherwise than in their own places."""
    from automl_core.cli.places import UserError, home
    from automl_core.running.trying import ELSEWHERE, here
    from automl_core.spec.tasks import LocalTask

    lists: dict[str, list[LocalTask]] = {"prepare": [], "tasks": []}
    notes = []
    for name, tasks in lists.items():
        for task in getattr(experiment, name):
            made, said = here(task, home(), bundle)
            if made is None or (not local and not isinstance(task, LocalTask)):
                where = ELSEWHERE[task.backend]
                way = f"--local runs {said.partition(': ')[2]}" if made is not None else said
                raise UserError(
                    f"{name}.{task.name} runs {where}, and `try` runs processes on this machine: {way}. "
                    "One trial in its own place: automl run FILE --conf trials.max=1"
                )
            tasks.append(made)
            notes += [said] if said else []
    return experiment.model_copy(update=lists), tuple(notes)


def _head(
    experiment: Experiment, params: dict[str, Any], chosen: str, budget: int | None, notes: tuple[str, ...]
) -> list[str]:
    from automl_core.cli.output import combination_text

    lines = [f"{experiment.name}: one combination, here, without Airflow",
             f"  combination  {combination_text(params)} ({chosen})"]  # fmt: skip
    unit = experiment.trials.budget.name if experiment.trials.budget else ""
    return [*lines, *([f"  budget       {budget} {unit}"] if budget is not None else []),
            *(f"  note         {note}" for note in notes)]  # fmt: skip


def _result(found: Tried) -> list[str]:
    from automl_core.cli.output import plural
    from automl_core.spec.units import format_duration

    lines = [line for task in found.tasks for line in _task(task)]
    lines += _judged(found.judged, found)
    if found.model_files:
        size = sum(found.model_files.values())
        names = ", ".join(list(found.model_files)[:3]) + (", …" if len(found.model_files) > 3 else "")
        files = plural(len(found.model_files), "file")
        lines.append(f"  model        {files} in ${{model_dir}}, {size:,} bytes: {names}")
    lines.append(f"  took         {format_duration(found.seconds)}")
    return lines


def _task(task: TaskTried) -> list[str]:
    import shlex

    from automl_core.cli.output import plural
    from automl_core.spec.units import format_duration

    command = task.command if isinstance(task.command, str) else shlex.join(task.command)
    memory = f", {task.peak_memory_bytes / 1e6:,.0f} MB at most" if task.peak_memory_bytes else ""
    ran = f"{task.ended} after {format_duration(task.seconds)}, {plural(task.lines, 'line')} of output{memory}"
    shown = [f"  {task.name:12} {command}", f"  {'':12} in {task.cwd}, with {task.program or 'no such program'}",
             f"  ended        {ran if task.started else task.ended}"]  # fmt: skip
    if not task.started:
        return shown
    metrics = [_metric(metric, task) for metric in task.metrics[:12]] or ["none was seen"]
    if len(task.metrics) > 12:
        metrics.append(f"and {len(task.metrics) - 12} more: {', '.join(m.name for m in task.metrics[12:40])}")
    return [*shown, f"  metrics      {metrics[0]}", *(f"  {'':12} {line}" for line in metrics[1:])]


def _metric(metric: MetricSeen, task: TaskTried) -> str:
    from automl_core.cli.output import number

    steps = [step for step, values in task.points if metric.name in values]
    at = f"step {steps[0]}" if len(steps) == 1 else f"steps {_steps(steps)}"
    values = number(metric.last) if metric.count == 1 else f"{number(metric.first)} → {number(metric.last)}"
    return f"{metric.name} {values} at {at}{'' if metric.count == 1 else f' ({metric.count} values)'}"


def _steps(steps: list[Step]) -> str:
    if len(steps) <= _LONGEST_STEPS:
        return ", ".join(map(str, steps))
    return f"{', '.join(map(str, steps[: _LONGEST_STEPS - 2]))}, … {steps[-1]}"


def _judged(judged: Judged, found: Tried) -> list[str]:
    from automl_core.cli.output import number

    lines = []
    if judged.value is not None:
        at = f", at step {judged.step}" if judged.step is not None else ""
        reached = {True: "; stop.target is reached", False: "; stop.target is not reached", None: ""}[judged.target]
        how = f"({judged.final}{at}; {judged.direction}){reached}"
        lines.append(f"  judged       {judged.label} {number(judged.value)} {how}")
    for text, holds in judged.constraints:
        words = {True: "holds", False: "does not hold", None: "can't be judged: its metric was not reported"}[holds]
        lines.append(f"  constraint   {text} {words}")
    if judged.rule is not None and found.ok:
        count = len(judged.asked_at)
        asked = f"is asked {count} times, at steps {_steps(list(judged.asked_at))}" if count else (
            "is never asked: this trial reported fewer steps than it waits for"
        )  # fmt: skip
        lines.append(f"  early stop   {judged.rule} {asked}")
    return lines


def _last_words(found: Tried, file: Path, keep: Path | None) -> list[str]:
    kept = [f"kept in {keep}"] if keep is not None else []
    if found.ok:
        return [*kept, f"It works. All of it: automl run {file}"]
    last = found.tasks[-1] if found.tasks else None
    tail = last.reason.splitlines()[1:] if last is not None else []
    said = [line.removeprefix("  | ") for line in tail if line.strip() and not line.startswith("Last lines")]
    shown = [f"  | {line}" for line in said[-_LAST_LINES:]]
    return [*kept, f"It does not work: {found.problem}", *(["Its last lines:", *shown] if shown else [])]
