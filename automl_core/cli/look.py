"""``automl preview`` and ``automl algorithms``: what will be, without Airflow."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from rich.table import Table

    from automl_core.preview.beside import CodeAhead
    from automl_core.preview.environment import EnvironmentAhead
    from automl_core.preview.estimate import StatementEstimate
    from automl_core.preview.preview import Combination, Preview
    from automl_core.results.forecast import Pace
    from automl_core.spec.models import Experiment


def preview(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="File of an experiment, a model or an annotation project.", show_default=False
        ),
    ],
    trial_time: Annotated[str | None, typer.Option(metavar="TIME", help="Time of one whole trial, such as 3m.")] = None,
    unit_time: Annotated[str | None, typer.Option(metavar="TIME", help="Time of one budget unit (an epoch).")] = None,
    combinations: Annotated[int, typer.Option("--combinations", "-n", min=0, help="First ones to show.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    whole: Annotated[
        bool, typer.Option("--whole", help="Write the whole experiment as YAML instead, its template laid under it.")
    ] = False,
    maxcompute: Annotated[
        bool, typer.Option("--maxcompute", help="Ask the project of ODPS_… what the SQL would read; runs nothing.")
    ] = False,
) -> None:
    """Show what an experiment will be: trials, jobs, budget, algorithm, time, cost, first combinations.

    Without a time, the forecast takes that of the experiment's last run on this machine. Of a model's file it shows
    which DAGs it makes and what they will do; of an annotation project's, what it takes in labels, rounds and money.
    """
    from automl_core.spec.kinds import ANNOTATION, MODEL
    from automl_core.spec.names import stated_kind

    kind = stated_kind(file)
    if kind == MODEL:
        from automl_core.cli.model_file import preview_model

        preview_model(file, as_json)
        return
    if kind == ANNOTATION:
        from automl_core.cli.annotation_file import preview_annotation

        preview_annotation(file, as_json)
        return
    from automl_core.cli.output import console, plural, print_json
    from automl_core.cli.places import home
    from automl_core.preview.beside import code_ahead, spec_file_ahead
    from automl_core.preview.checks import examine_file
    from automl_core.preview.data import counted_here, data_preview
    from automl_core.preview.environment import environment_ahead
    from automl_core.preview.preview import given_pace
    from automl_core.preview.preview import preview as look_ahead
    from automl_core.results.summary import unsearched
    from automl_core.spec.bundles import bundle_of
    from automl_core.spec.dates import dates_of_now, run_dates

    examined = examine_file(file, home())
    experiment = examined.experiment
    if whole:
        print(whole_text(experiment), end="")
        return
    try:
        pace = given_pace(experiment, seconds_of(trial_time), seconds_of(unit_time))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    basis = "at the given time of a trial" if trial_time else "at the given time of a unit"
    if pace is None:
        pace, basis = _earlier_pace(experiment)
    dates = run_dates(dates_of_now(experiment))
    found = look_ahead(counted_here(experiment, dates, home(), bundle_of(file)), pace, basis, combinations)
    estimates = _estimates(experiment, found) if maxcompute else []
    data = list(data_preview(experiment, dates, home(), bundle_of(file)))
    code, first = code_ahead(experiment, file), next(iter(found.first), None)
    environment = environment_ahead(experiment, home(), file)
    spec_file = spec_file_ahead(experiment, first.params, first.budget) if first is not None else None
    if as_json:
        more: dict[str, Any] = {"warnings": [warning.to_json() for warning in examined.warnings]}
        more["experiment"] = experiment.model_dump(mode="json")
        more |= {"data": data} if data else {}
        more |= {"code": asdict(code)} if code is not None else {}
        more |= {"environment": asdict(environment)} if environment is not None else {}
        more |= {"spec_file": spec_file} if spec_file is not None else {}
        more |= {"maxcompute": [asdict(each) for each in estimates]} if maxcompute else {}
        print_json(found.to_json() | more)
        return
    for warning in examined.warnings:
        print(warning)
    beside = [*data_lines(data), *environment_lines(environment), *_beside_lines(experiment, code, spec_file)]
    searched = searched_lines(found) if experiment.template is not None else []
    print("\n".join([*_lines(found), *template_lines(experiment), *searched, *dates_lines(experiment), *beside]))
    for each in estimates:
        print(f"  maxcompute   {each}")
    if found.first:
        print(f"  first        {len(found.first):,} of {plural(found.known, 'combination')} known before the start:")
        console().print(_table(found.first, found.unit, unsearched(experiment)))


def template_lines(experiment: Experiment) -> list[str]:
    """A line with the template version that it is made from; none without."""
    template = experiment.template
    return [f"  template     {template.label}, {template.digest}"] if template is not None else []


def searched_lines(found: Preview) -> list[str]:
    """Which parameters are searched, and what there is to say of their ranges."""
    from automl_core.cli.output import plural

    lines = [f"  searched     {plural(len(found.searched), 'parameter')}: {', '.join(found.searched)}"]
    return lines + [f"    {name}: {said}" for name, said in found.searched.items() if said]


def whole_text(experiment: Experiment) -> str:
    """The whole experiment as a file of its own: what was stated, in YAML."""
    import yaml

    body = experiment.model_dump(mode="json", exclude_unset=True)
    return yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=120)


def environment_lines(found: EnvironmentAhead | None) -> list[str]:
    """A line with the environment of local training tasks; none where they have Airflow's."""
    from automl_core.cli.output import plural

    if found is None:
        return []
    if found.problem:
        return [f"  environment  {found.problem}"]
    when = "which this machine has" if found.made else "made by the first training on each machine"
    return [f"  environment  {plural(found.packages, 'package')} of {found.lock}, {found.python}, {when}"]


def _beside_lines(experiment: Experiment, code: CodeAhead | None, spec_file: str | None) -> list[str]:
    """What goes along, and the spec file of the first combination."""
    from automl_core.cli.output import plural

    lines = []
    if code is not None:
        files = f"{plural(code.files, 'file')}, {code.size:,} bytes ({code.packed:,} packed)"
        lines.append(f"  code         {files} of {code.folder}, {code.digest[:12]}")
    if spec_file is not None and experiment.spec_file is not None:
        lines.append(f"  spec file    {experiment.spec_file.file_name} of the first combination:")
        lines += [f"    | {line}" for line in spec_file.splitlines()]
    return lines


def dates_lines(experiment: Experiment, recorded: dict[str, str] | None = None) -> list[str]:
    """A line with the dates that training tasks name, as a run of now would have them; none where they name none.

    Args:
        experiment: its file.
        recorded: other dates than those of now.
    """
    from automl_core.spec.dates import dates_of_now, named_dates, run_dates

    named = list(dict.fromkeys(name for name, _ in named_dates(experiment)))
    dates = run_dates(dates_of_now(experiment) if recorded is None else recorded)
    shown = ", ".join(f"${{{name}}} {dates[name]}" for name in named)
    return [f"  dates        {shown}" + (" (of a run of now)" if recorded is None else "")] if named else []


def data_lines(data: list[dict[str, Any]]) -> list[str]:
    """A line for each data set.

    Args:
        data: see `automl_core.preview.data.data_preview`.
    """
    lines = []
    for each in data:
        said = each["problem"] or each["found"] or "looked at when a run begins"
        keys = f" (connection {each['connection']})" if each["connection"] else ""
        place = "" if each["problem"] and each["place"] in each["problem"] else f"{each['place']}{keys}: "
        lines.append(f"  data         {each['name']}: {place}{said}")
    return lines


def moment_option(text: str | None) -> datetime | None:
    """A moment of the command line.

    Raises:
        BadParameter: it is none.
    """
    from automl_core.spec.dates import moment_of

    try:
        return moment_of(text) if text is not None else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def algorithms() -> None:
    """List the search algorithms that `search.algorithm` may name."""
    from rich.table import Table

    from automl_core.cli.output import console
    from automl_core.search import available
    from automl_core.search.registry import algorithm_class

    table = Table("algorithm", "what it does", "options", box=None, header_style="bold", pad_edge=False)
    for name, summary in available():
        options = algorithm_class(name).options_model.model_fields
        table.add_row(name, summary, ", ".join(options))
    console().print(table)


def seconds_of(text: str | None) -> float | None:
    """A duration of the command line in seconds.

    Raises:
        BadParameter: it is none.
    """
    from automl_core.spec.units import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(float(text) if text.replace(".", "", 1).isdigit() else text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {error}") from None


def _earlier_pace(experiment: Experiment) -> tuple[Pace | None, str]:
    """The pace of the experiment's newest run, where runs lie on this machine (a bucket may be away or slow)."""
    from automl_core.cli.places import Place, home
    from automl_core.results.forecast import pace_of
    from automl_core.results.reading import find_run
    from automl_core.spec.models import Experiment
    from automl_core.storage import StorageError, open_store
    from automl_core.study.layout import safe

    if experiment.output.storage.startswith(("s3://", "oss://")):
        return None, ""
    store = open_store(f"{experiment.output.storage.rstrip('/')}/{safe(experiment.name)}", base=home())
    try:
        place = Place(store, find_run(store))
        state = place.journal().refresh()
        if "imported" in state.identity:
            return None, ""  # its trials were trained elsewhere: the run's times are those of the import
        return pace_of(state, Experiment.model_validate(state.experiment)), f"at the pace of {place.folder}"
    except (LookupError, StorageError, ValueError):
        return None, ""  # no earlier run, or one that can't be read: then there is no forecast


def _estimates(experiment: Experiment, found: Preview) -> list[StatementEstimate]:
    from automl_core.backends.base import BackendError
    from automl_core.backends.maxcompute.access import access_from_environment
    from automl_core.backends.maxcompute.client import Client
    from automl_core.cli.places import UserError
    from automl_core.preview.estimate import estimate, some_combination

    params = found.first[0].params if found.first else some_combination(experiment)
    try:
        return list(estimate(experiment, params, Client(access_from_environment())))
    except BackendError as error:
        raise UserError(str(error)) from None


def _lines(found: Preview) -> list[str]:
    from automl_core.cli.output import number, plural
    from automl_core.spec.units import format_duration

    lines = [
        f"{found.name}",
        f"  search       {found.note or found.algorithm}",
        f"  combinations {'endless' if found.size is None else f'{found.size:,}'} in the space, "
        f"{plural(found.trials, 'trial')} at most, {found.concurrency} at a time",
        f"  jobs         {plural(found.jobs, 'job')} at most, retries left out",
    ]
    for stage, tasks in found.stages.items():
        when = "once, before the first trial" if stage == "prepare" else "once, after the last trial"
        lines.append(f"  {stage:<12} {' → '.join(f'{name} ({backend})' for name, backend in tasks)}, {when}")
    if found.deadline is not None:
        kept = f", of which {format_duration(found.reserve)} are kept for conclude" if found.reserve else ""
        lines.append(f"  deadline     {format_duration(found.deadline)} for everything{kept}")
    if found.units is not None:
        lines.append(f"  budget       {found.units:,} {found.unit} in all")
    forecast = found.forecast
    if forecast is None:
        lines.append("  time, cost   unknown: give --trial-time, or run it once")
    elif forecast.seconds_left is not None:
        limit = f", ended after {format_duration(found.max_duration)}" if found.max_duration else ""
        lines.append(f"  time         {format_duration(forecast.seconds_left)} at most{limit}, {found.basis}")
        limit = f", ended at {number(found.max_cost)}" if found.max_cost else ""
        if forecast.cost_left:
            lines.append(f"  cost         {number(forecast.cost_left)} at most{limit}")
        elif forecast.cost_left is None:
            why = "its prices are those of an Airflow connection, or of what statements read and compute"
            lines.append(f"  cost         unknown before it has run{limit}: {why}")
    return lines


def _table(first: tuple[Combination, ...], unit: str | None, hidden: tuple[str, ...]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from automl_core.cli.output import combination_text

    table = Table("trial", *([unit] if unit else []), "combination", header_style="bold", box=None, pad_edge=False)
    for combination in first:
        budget = [str(combination.budget or "")] if unit else []
        params = {name: value for name, value in combination.params.items() if name not in hidden}
        table.add_row(str(combination.number), *budget, Text(combination_text(params)))
    return table
