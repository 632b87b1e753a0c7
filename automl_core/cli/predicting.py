"""``automl predict``: a model's folder, here or in a store, or a run's best model, over a file of rows or series."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl_core.cli.remote import RunId

if TYPE_CHECKING:
    from automl_core.cli.series import Asked
    from automl_core.modelfile.model import Model
    from automl_core.storage.base import ObjectStore

MODEL_FILE = "model.json"


def predict(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", show_default=False,
            help="Folder of a model, here or in a store (s3://…), or an experiment whose best model is meant.",
        ),
    ],
    rows: Annotated[
        str | None,
        typer.Argument(
            metavar="ROWS", show_default=False,
            help="Rows: .csv, .parquet or .jsonl, here or in a store; or a table of MaxCompute (odps://…). A model of "
            "series is run on by newer ones, and needs none.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="FILE",
            help="Write here (.csv or .parquet), not to the terminal; of a table odps://…: it is scored there, by SQL.",
        ),
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="The probability of each class as well.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="What each column adds to what the model says.")] = False,
    keep: Annotated[
        list[str] | None, typer.Option("--keep", metavar="COLUMN", help="Copy a column of the rows; may be repeated.")
    ] = None,
    run_id: RunId = None,
    trust: Annotated[
        list[str] | None,
        typer.Option("--trust", metavar="TYPE", help="Trust a type that estimators need; `all`: pickles too."),
    ] = None,
    horizon: Annotated[
        int | None, typer.Option("--horizon", metavar="STEPS", help="Series: how far ahead; else as it was trained.")
    ] = None,
    series: Annotated[
        list[str] | None, typer.Option("--series", metavar="NAME", help="Series: only this one; may be repeated.")
    ] = None,
    levels: Annotated[
        str | None, typer.Option("--levels", metavar="LEVELS", help="Series: of the intervals, as 0.8,0.95.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Series: draw history, forecast and what came "
                                  "(.html or .svg).")
    ] = None,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Series: forecast from the model's end, and compare with the file.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FOLDER", help="Series: keep the model as the rows have run it on.")
    ] = None,
) -> None:  # fmt: skip
    """Predict with a model's folder: a prediction for each row, or what comes next of series, with intervals.

    A table of MaxCompute is scored where it lies where --out is one, too: the model becomes SQL.
    """
    from automl_core.cli.in_tables import is_table, score
    from automl_core.cli.output import tell
    from automl_core.cli.places import UserError
    from automl_core.cli.series import Asked
    from automl_core.extras import needed_by

    of_series = Asked(None, horizon, tuple(series or ()), levels, plot, evaluate, save)

    if out is not None and is_table(out):
        if rows is None or not is_table(rows):
            raise UserError(f"{rows} is no table of MaxCompute, and only one is scored into {out}: upload it first")
        if explain:
            raise UserError("--explain: SQL doesn't explain; write to a file")
        with needed_by("this model", "tabular"), folder_of(model, run_id) as folder:
            try:
                if _is_of_series(folder):
                    raise UserError(f"{model} is a model of series, and only models of tables are scored by SQL")
                _refuse(of_series)
                loaded = _load(folder, trust or ())
            except (OSError, ValueError) as error:
                raise UserError(str(error)) from None
            score(loaded, rows, out, keep=tuple(keep or ()), proba=proba)
        return

    with needed_by("`automl predict`", "tabular"):
        from automl_core.modelfile.scoring.models import NotExplained
    asked = replace(of_series, out=Path(out) if out is not None else None)
    of_tables = {"--proba": proba, "--explain": explain, "--keep": keep, "--trust": trust}
    with needed_by("this model", "tabular"), folder_of(model, run_id) as folder, _file_of(rows) as file:
        try:
            for text in _predict(folder, file, asked, of_tables):
                tell(f"note – {text}")
        except NotExplained as error:
            raise UserError(f"{model} can't be explained: {error}") from None
        except BrokenPipeError:  # whoever reads the predictions has seen enough: no error of the model
            raise
        except FileNotFoundError as error:
            raise UserError(f"there is no file {error.filename}") from None
        except (OSError, ValueError) as error:
            raise UserError(str(error)) from None


def _predict(folder: Path, file: Path | str | None, asked: Asked, of_tables: Mapping[str, Any]) -> list[str]:
    """Forecast, or predict: by what the folder holds.

    Args:
        folder: the model's.
        file: of rows, or a table of MaxCompute.
        asked: what models of series take.
        of_tables: options that models of tables take, by name.

    Returns:
        What is to be said, in words.
    """
    from automl_core.cli.places import UserError
    from automl_core.cli.series import forecast

    if _is_of_series(folder):
        wrong = next((name for name, value in of_tables.items() if value), None)
        if wrong is not None:
            raise UserError(f"{wrong} is for models of tables, and this is one of series")
        return forecast(folder, file, asked)
    _refuse(asked)
    if file is None:
        raise UserError("a model of a table predicts for rows: name a file of them")
    loaded = _load(folder, of_tables["--trust"] or ())
    return _write(loaded, file, asked.out, proba=of_tables["--proba"], explain=of_tables["--explain"],
                  keep=of_tables["--keep"] or ())  # fmt: skip


def _is_of_series(folder: Path) -> bool:
    from automl_core.modelfile.model import read_info
    from automl_core.modelfile.writing import FORECASTING

    return bool(read_info(folder)["problem"].get("kind") == FORECASTING)


def _refuse(asked: Asked) -> None:
    """Refuse what only models of series take.

    Raises:
        UserError: some of it is asked for.
    """
    from automl_core.cli.places import UserError

    given = {
        "--horizon": asked.horizon, "--series": asked.series, "--levels": asked.levels, "--plot": asked.plot,
        "--evaluate": asked.evaluate, "--save": asked.save,
    }  # fmt: skip
    wrong = next((name for name, value in given.items() if value not in (None, (), False)), None)
    if wrong is not None:
        raise UserError(f"{wrong} is for models of series, and this is one of a table")


def _load(folder: Path, trust: Sequence[str]) -> Model:
    from automl_core.modelfile.model import load

    return load(folder, trusted=True if "all" in trust else trust)


def _write(
    model: Model, file: Path | str, out: Path | None, *, proba: bool, explain: bool, keep: Sequence[str]
) -> list[str]:
    """Score a file piece by piece.

    Returns:
        What was strange about the rows, in words.
    """
    from automl_core.cli.places import UserError
    from automl_core.modelfile.rows import writer
    from automl_core.modelfile.scoring.command import predictions
    from automl_core.modelfile.scoring.review import Tally
    from automl_core.modelfile.scoring.sources import source_of
    from automl_core.modelfile.scoring.values import nearest

    if proba and not model.classes:
        raise UserError(f"{model.target} is a number: there are no probabilities")
    tally = Tally()
    notes: dict[str, None] = {}
    with writer(out, sys.stdout) as write:
        optional = {each.name for each in model.schema if each.optional and each.name not in keep}
        for piece in _pieces(file, (*model.schema.names, *keep), optional):
            source = source_of(piece)
            frame = model.schema.read(source)
            tally.add(model.schema, frame)
            for name in keep:
                if name not in source.names:
                    raise UserError(f"{file} has no column {name!r} to keep{nearest(name, source.names)}")
            table: dict[str, Any] = {name: _values(piece, name) for name in keep}
            found, said = predictions(model.scorer, frame, proba=proba, explained=explain)
            write(table | found)
            notes |= dict.fromkeys(said)
    return [*tally.texts(), *notes]


def _pieces(rows: Path | str, columns: tuple[str, ...], optional: set[str]) -> Iterator[Any]:
    from automl_core.cli.in_tables import pieces as of_table
    from automl_core.modelfile.rows import pieces

    return pieces(rows, columns, optional=optional) if isinstance(rows, Path) else of_table(rows, columns)


def _values(piece: Any, name: str) -> Any:
    """A column of a piece as it is, for the file of predictions."""
    if isinstance(piece, list):
        return [row.get(name) for row in piece]
    return piece[name] if isinstance(piece, dict) else piece.column(name).to_pylist()


@contextmanager
def folder_of(target: str, run_id: str | None) -> Iterator[Path]:
    """The folder of a model on this machine; what lies in a store is fetched for as long as it is needed."""
    if run_id is None and (Path(target) / MODEL_FILE).is_file():
        yield Path(target)
        return
    store, prefix = _place_of(target, run_id)
    local = store.local_path(prefix.rstrip("/")) if prefix else None
    if local is not None and (local / MODEL_FILE).is_file():
        yield local
        return
    folder = Path(tempfile.mkdtemp(prefix="automl-model-"))
    try:
        store.download(prefix, folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place_of(target: str, run_id: str | None) -> tuple[ObjectStore, str]:
    """Where a model's folder lies: a store, and its prefix there.

    Raises:
        UserError: there is none; the message says what there is.
    """
    from automl_core.cli.places import UserError, find_run
    from automl_core.results.names import BEST_MODEL
    from automl_core.results.stages import model_note, unconcluded
    from automl_core.results.table_models import table_models
    from automl_core.storage import open_store

    if run_id is None and ("://" in target or Path(target).is_dir()):
        store = open_store(target, base=Path.cwd())
        if MODEL_FILE in store.list(MODEL_FILE, limit=1):
            return store, ""
        # a run's folder, or what it has published as its best model
        found = table_models(store, BEST_MODEL) or table_models(store, "model/")
        if len(found) == 1:
            _note(model_note(store, ""))
            return store, found[0]
    place = find_run(target, run_id)
    found = table_models(place.store, place.prefix + BEST_MODEL)
    if not found:
        why = unconcluded(place.store, place.prefix)
        raise UserError(
            f"{place.folder} has published no model of a table or of series: there is no {MODEL_FILE} below "
            f"{BEST_MODEL.rstrip('/')}{f'. {why}' if why else ''}"
        )
    _note(model_note(place.store, place.prefix))
    if len(found) > 1:
        raise UserError(f"{place.folder} has several models: name one of {', '.join(found)}")
    return place.store, found[0]


def _note(text: str) -> None:
    from automl_core.cli.output import tell

    if text:
        tell(f"note – {text}")


@contextmanager
def _file_of(rows: str | None) -> Iterator[Path | str | None]:
    """A file of rows on this machine; one in a store is fetched. A table of MaxCompute stays its address."""
    from automl_core.cli.in_tables import is_table
    from automl_core.cli.places import UserError
    from automl_core.storage import NotFound, open_store

    if rows is None:
        yield None
        return
    if "://" not in rows or is_table(rows):
        yield rows if is_table(rows) else Path(rows)
        return
    where, _, name = rows.rpartition("/")
    with tempfile.TemporaryDirectory(prefix="automl-rows-") as folder:
        path = Path(folder) / name
        try:
            open_store(where, base=Path.cwd()).download_file(name, path)
        except NotFound:
            raise UserError(f"there is no file {rows}") from None
        yield path
