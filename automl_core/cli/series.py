"""`automl predict` for models of series: run on by newer rows, forecast, compared with what came, drawn, saved."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.modelfile.series import SeriesModel

PLOTS = (".html", ".htm", ".svg")


@dataclass(frozen=True)
class Asked:
    """What a user asks of a model of series.

    Attributes:
        out: file of forecasts; None: standard output.
        horizon: steps ahead; None: the model's.
        series: names; empty: all.
        levels: of intervals as the user wrote them; None: the model's.
        plot: file to draw into.
        evaluate: compare with what the file has, instead of running on by it.
        save: folder for the model that was run on.
    """

    out: Path | None = None
    horizon: int | None = None
    series: tuple[str, ...] = ()
    levels: str | None = None
    plot: Path | None = None
    evaluate: bool = False
    save: Path | None = None


def check(asked: Asked, file: Path | str | None) -> None:
    """See that what is asked can be done at all.

    Raises:
        UserError: it can't.
    """
    from automl_core.cli.places import UserError

    if asked.plot is not None and asked.plot.suffix.lower() not in PLOTS:
        raise UserError(f"a plot is no {asked.plot.suffix or 'file without an ending'} (allowed: {', '.join(PLOTS)})")
    if asked.evaluate and file is None:
        raise UserError("--evaluate compares forecasts with the values of a file: name one")
    if asked.evaluate and asked.save is not None:
        raise UserError("--evaluate leaves the model as it is: there is nothing to save")
    if asked.save is not None and file is None:
        raise UserError("--save keeps a model that newer rows have run on: name a file of them")


def forecast(folder: Path, file: Path | str | None, asked: Asked) -> list[str]:
    """Do it.

    Args:
        folder: the model's.
        file: of rows, or a table of MaxCompute: newer values, and rows without a value for the steps ahead.
        asked: what.

    Returns:
        What is to be said about it, in words.

    Raises:
        UserError, ValueError, OSError: it can't be done, in words.
    """
    from automl_core.forecasting.against import compared, kept
    from automl_core.modelfile.rows import writer
    from automl_core.modelfile.series import load

    check(asked, file)
    model = load(folder)
    levels = _levels(asked.levels)
    series = list(asked.series) or None
    rows = None if file is None else model.read(_rows(model, file))
    notes: list[str] = []
    against = []
    if rows is not None and not asked.evaluate:
        at_first = _before(model, rows, asked, levels) if asked.plot is not None else None
        notes += model.update(rows, _source(file))
        if at_first is not None:
            against.append(at_first)
    places = model.forecaster.places(series)
    names = [model.forecaster.names[place] for place in places]
    found = model.forecast(asked.horizon, known=rows, series=names, levels=levels)
    notes += found.notes
    last = compared(model.forecaster, found.arrays, rows if asked.evaluate else None, kept(model.forecaster, names))
    against.append(last)
    if asked.evaluate:
        _tell(last, model, file)
    table = found.columns if not asked.evaluate else found.columns | {model.target: _came(model, last)}
    if asked.out is not None or not asked.evaluate:
        with writer(asked.out, sys.stdout) as write:
            write(table)
    if asked.plot is not None:
        _draw(model, against, asked.plot, notes)
    if asked.save is not None:
        model.save(asked.save)
    return list(dict.fromkeys(notes))


def _levels(text: str | None) -> list[float] | None:
    from automl_core.cli.places import UserError

    if text is None:
        return None
    try:
        found = [float(each) for each in text.split(",")]
    except ValueError:
        raise UserError(f"{text!r} are no levels of intervals (allowed: as 0.8,0.95)") from None
    return [each / 100.0 if each > 1.0 else each for each in found]


def _rows(model: SeriesModel, file: Path | str) -> Any:
    """All rows at once: a model of series needs them in the order of time."""
    from automl_core.cli.in_tables import pieces as of_table
    from automl_core.modelfile.rows import pieces

    forecaster = model.forecaster
    wanted = [forecaster.time, *forecaster.keys, forecaster.target, *(each.name for each in forecaster.known)]
    held = list(pieces(file, wanted) if isinstance(file, Path) else of_table(file, tuple(wanted), moments=True))
    if isinstance(held[0], dict):
        return {name: [value for piece in held for value in piece[name]] for name in held[0]}
    if isinstance(held[0], list):
        return [row for piece in held for row in piece]
    import pyarrow as pa

    return held[0] if isinstance(held[0], pa.Table) else pa.Table.from_batches(held)


def _source(file: Path | str | None) -> dict[str, str]:
    """What rows are, for whoever reads the saved model."""
    if not isinstance(file, Path):
        return {"table": file or ""}
    with file.open("rb") as opened:
        return {"file": file.name, "sha256": hashlib.file_digest(opened, "sha256").hexdigest()}


def _before(model: SeriesModel, rows: Any, asked: Asked, levels: list[float] | None) -> Any:
    """The forecast that the model would have made of the rows that it is run on by, beside these; None without any."""
    from automl_core.forecasting.against import compared, kept
    from automl_core.modelfile.scoring.series.problems import SeriesProblem

    known = [name for name in model.names if not asked.series or name in asked.series]
    news = [name for name in model.check_update(rows).news.names if name in known]
    if not news:
        return None
    try:
        found = model.forecast(asked.horizon, known=rows, series=news, levels=levels)
    except SeriesProblem:  # known columns that the new rows have only of later steps
        return None
    before = compared(model.forecaster, found.arrays, rows, kept(model.forecaster, news))
    return before if before.came else None


def _came(model: SeriesModel, against: Any) -> list[float | None]:
    """What came, in the order of the forecast's rows."""
    import math

    found: list[float | None] = []
    for k in range(len(against.forecast.names)):
        first = int(against.forecast.last[k]) + 1
        _, steps = model.grid.real_times(first, first + against.forecast.horizon)
        found += [None if math.isnan(value) else value for value in against.actual[k][steps].tolist()]
    return found


def _tell(against: Any, model: SeriesModel, file: Path | str | None) -> None:
    """Print metrics and coverage of all series, and of each where there are several."""
    from automl_core.cli.output import number
    from automl_core.cli.places import UserError

    if not against.came:
        raise UserError(
            f"{file} has no value of {model.target} in the {against.forecast.horizon} steps after the model's end "
            f"({model.until}): there is nothing to compare with"
        )
    said = against.as_json()
    print(f"{said['values']} values of {said['series']} series, in the steps after {model.until}")
    for name, value in said["metrics"].items():
        print(f"  {name:<36} {number(value)}")
    for level, share in said["coverage"].items():
        print(f"  {f'within the {float(level):.3g} interval':<36} {number(share)}")
    for each in said["each"] if said["series"] > 1 else ():
        told = " ".join(f"{name}={number(value)}" for name, value in each["metrics"].items())
        print(f"{each['series']}: {told}")


def _draw(model: SeriesModel, against: list[Any], path: Path, notes: list[str]) -> None:
    from automl_core.forecasting.report import against as drawn

    title = f"Forecast of {model.target}"
    if path.suffix.lower() == ".svg":
        text = drawn.svg(model.forecaster, against, title)
    else:
        text = drawn.page(model.forecaster, against, title, notes)
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
