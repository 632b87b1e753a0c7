"""``automl import``: old results of other tools become a run that ``search.transfer`` can name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl_core.cli.tao_settings import tao_settings

if TYPE_CHECKING:
    from automl_core.importing.fitting import Fitted
    from automl_core.importing.trials import OldStudy
    from automl_core.spec.models import Experiment

app = typer.Typer(
    help="Bring what other tools have: old results into a model storage path, where search.transfer finds them; "
    "settings as an experiment file.",
    no_args_is_help=True,
)
app.command("tao-settings")(tao_settings)

_PLACES = 3
"""Trials named for each reason."""

Into = Annotated[
    str | None, typer.Option("--into", metavar="PATH", help="Model storage path; by default the experiment's.")
]
FOR = typer.Option("--experiment", "-e", metavar="FILE", help="Experiment that it is for: its goal, space and storage.")
Name = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Experiment whose run it becomes, in place of the file's.")
]
Again = Annotated[bool, typer.Option("--again", help="Write it once more where it was imported already.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]


@app.command("optuna")
def optuna(
    storage: Annotated[
        str, typer.Argument(metavar="STORAGE", help="sqlite:///file.db, or the path of such a file or of a journal.")
    ],
    study: Annotated[
        str | None, typer.Option("--study", metavar="NAME", help="Which study; may be left out where there is one.")
    ] = None,
    file: Annotated[str | None, FOR] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME", help="What the study's value is; once for each objective."),
    ] = None,
    into: Into = None,
    name: Name = None,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Import a study of Optuna's, from its SQLite file or its journal file. Optuna itself is not needed.

    With --experiment only trials that its space can hold are taken. Without, goal and space are the study's.
    """
    from automl_core.cli.places import UserError
    from automl_core.importing.fitting import check_goal, experiment_of
    from automl_core.importing.optuna import read_optuna
    from automl_core.study.layout import safe

    old = read_optuna(storage, study)
    experiment = _experiment(file, name)
    if experiment is None:
        if into is None:
            raise UserError(
                "say where it is to lie: --experiment FILE takes that of an experiment, --into PATH another"
            )
        experiment = experiment_of(old, name or safe(old.name), into, metric or ())
    elif metric:
        raise UserError("--metric: the experiment's goal says what a study's value is; leave it out")
    else:
        check_goal(old, experiment)
    _import(old, experiment, into, again, as_json, gaps=file is None)


@app.command("csv")
def csv(
    table: Annotated[
        Path, typer.Argument(metavar="FILE", help="A row for each trial, below the names of the columns; UTF-8.")
    ],
    file: Annotated[str, FOR],
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="COLUMN", help="The column of the goal's metric, if it has one.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map", "-m", metavar="NAME=COLUMN", help="The column of a parameter or metric that is called otherwise."
        ),
    ] = None,
    into: Into = None,
    name: Name = None,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Import a table of trials: of MLflow, Weights & Biases, an Optuna data frame, or your own.

    Columns have the names of the experiment's parameters and metrics (params.NAME and metrics.NAME are found too).
    """
    from automl_core.cli.places import UserError
    from automl_core.importing.table import read_table

    experiment = _experiment(file, name)
    assert experiment is not None
    given: dict[str, str] = {}
    for each in columns or []:
        key, equals, column = each.partition("=")
        if not equals or not key.strip() or not column.strip():
            raise UserError(f"--map {each}: wanted is NAME=COLUMN")
        given[key.strip()] = column.strip()
    if metric is not None:
        if len(experiment.goal.metrics) != 1:
            raise UserError(
                f"--metric: the goal has {len(experiment.goal.metrics)} metrics; use --map NAME=COLUMN for each"
            )
        given[experiment.goal.metrics[0]] = metric
    _import(read_table(table, experiment, given), experiment, into, again, as_json)


@app.command("tao")
def tao(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="A workspace of NVIDIA TAO's AutoML: with .automl, or controller.json."),
    ],
    session: Annotated[
        str | None, typer.Option("--session", metavar="ID", help="Which search; may be left out where there is one.")
    ] = None,
    file: Annotated[str | None, FOR] = None,
    direction: Annotated[
        str | None,
        typer.Option("--direction", metavar="maximize|minimize", help="Of the metric; guessed from its name if none."),
    ] = None,
    into: Into = None,
    name: Name = None,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Import a search of NVIDIA TAO's AutoML, from the folder that it left. TAO itself is not needed.

    With --experiment only what its space can hold is taken. Without, ranges are those of the values seen.
    """
    from automl_core.cli.places import UserError
    from automl_core.importing.fitting import check_goal, experiment_of
    from automl_core.study.layout import safe
    from automl_core.tao.reading import read_folder

    experiment = _experiment(file, name)
    old = read_folder(folder, session, experiment.goal if experiment is not None else None)
    if experiment is None:
        if into is None:
            raise UserError(
                "say where it is to lie: --experiment FILE takes that of an experiment, --into PATH another"
            )
        if direction in ("maximize", "minimize"):
            old.directions = ("maximize",) if direction == "maximize" else ("minimize",)
        elif direction is not None:
            raise UserError(f"--direction {direction}: maximize or minimize is wanted")
        experiment = experiment_of(old, name or safe(f"tao-{old.name}"), into)
    elif direction is not None:
        raise UserError("--direction: the experiment's goal says it; leave it out")
    else:
        check_goal(old, experiment)
    _import(old, experiment, into, again, as_json, gaps=file is None)


def _experiment(file: str | None, name: str | None) -> Experiment | None:
    """The experiment that the import is for, under another name where one is given."""
    from automl_core.cli.places import UserError, find_experiment
    from automl_core.spec.models import Experiment
    from automl_core.templates import load_experiment

    if file is None:
        return None
    _, path = find_experiment(file)
    if path is None:
        raise UserError(f"--experiment {file}: there is no such file or experiment here")
    experiment = load_experiment(path)
    if name is None:
        return experiment
    return Experiment.model_validate(experiment.model_dump(mode="json") | {"name": name})


def _import(
    study: OldStudy, experiment: Experiment, into: str | None, again: bool, as_json: bool, gaps: bool = False
) -> None:
    from automl_core.cli.output import plural, print_json
    from automl_core.cli.places import home
    from automl_core.importing.fitting import fit
    from automl_core.importing.writing import write
    from automl_core.storage import open_store

    fitted = fit(study, experiment, gaps=gaps)
    store = open_store(into or experiment.output.storage, base=Path.cwd() if into else home())
    done = write(store, experiment, study, fitted, again=again)
    source = f"{done.experiment}@{done.run}"
    if as_json:
        print_json(_body(study, fitted) | {
            "experiment": done.experiment, "run": done.run, "folder": done.folder, "new": done.new, "transfer": source,
            "others": list(done.others),
        })  # fmt: skip
        return
    taken = f"{len(fitted.trials)} of {plural(len(study.trials), 'trial')} of {study.name}"
    lines = [
        f"{taken}: {'imported' if done.new else 'imported before, and nothing is new (--again writes it once more)'}"
    ]
    for reason, places in fitted.left_out.items():
        more = ", …" if len(places) > _PLACES else ""
        lines.append(f"  left out   {len(places)} {reason} ({', '.join(places[:_PLACES])}{more})")
    lines += [f"  unread     {problem}" for problem in study.problems]
    lines += [f"  note       {note}" for note in fitted.notes]
    lines.append(f"  folder     {done.folder}")
    lines.append(f'  use it     search: {{transfer: {{experiments: ["{source}"]}}}}')
    for other in done.others:
        lines.append(f"  beside it  {done.experiment}@{other}, from the same source: transfer should name one of them")
    print("\n".join(lines))


def _body(study: OldStudy, fitted: Fitted) -> dict[str, Any]:
    return {
        "tool": study.tool,
        "study": study.name,
        "source": study.source,
        "trials": len(study.trials),
        "taken": len(fitted.trials),
        "left_out": [
            {"reason": reason, "count": len(places), "places": places} for reason, places in fitted.left_out.items()
        ],
        "unread": study.problems,
        "notes": fitted.notes,
    }
