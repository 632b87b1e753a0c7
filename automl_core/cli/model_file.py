"""What ``automl preview`` says of a model's file: which DAGs it makes, and what they will do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile


def preview_model(path: Path, as_json: bool) -> None:
    """Show what a model's file will make.

    Args:
        path: of the file.
        as_json: whether to write JSON.

    Raises:
        SpecError: anything in it is wrong.
    """
    from automl_core.cli.output import print_json
    from automl_core.models.file.checks import examine_model_file

    examined = examine_model_file(path)
    if as_json:
        body: dict[str, Any] = {"kind": "model", "dags": list(examined.file.dag_ids), "model": examined.file.plain()}
        print_json(body | {"warnings": [warning.to_json() for warning in examined.warnings]})
        return
    for warning in examined.warnings:
        print(warning)
    print("\n".join(model_lines(examined.file)))


def model_lines(file: ModelFile) -> list[str]:
    """A model's file in a few lines.

    Args:
        file: a valid one.
    """
    from automl_core.models.file.rolling import served_line
    from automl_core.models.file.values import data_set_of
    from automl_core.spec.units import format_duration

    lines = {
        "lies": f"{file.output.storage.rstrip('/')}/_models/{file.name}/",
        "DAGs": ", ".join(file.dag_ids),
        "candidates": f"{', '.join(_source(file, index) for index in range(len(file.sources)))}; looked for when one "
        f"publishes, and every {format_duration(file.candidates.look)}",
        "evaluated on": "answers that outcomes have come for" if file.evaluate.by_feedback else _place(file),
        "accepted": _accepted(file),
    }
    batch = file.batch
    if batch is not None:
        places = [data_set_of(each).place for each in (batch.data, batch.out)]
        when = batch.cron or ("when assets are updated" if batch.schedule is not None else "by hand")
        lines["scores"] = f"{places[0]} → {places[1]}, {when} ({getattr(batch, 'backend', 'local')})"
    if file.served is not None:
        lines["answers"] = served_line(file.served)
    if file.watch is not None:
        every = file.watch.cron or f"every {format_duration(file.watch.seconds or 0)}"
        again = f"; trained anew by {file.retrained}" if file.retrained is not None else ""
        lines["watched"] = f"{every}{again}"
    return [f"{file.name}: a model", *(f"  {name:<13}{said}" for name, said in lines.items())]


def _source(file: ModelFile, index: int) -> str:
    source = file.sources[index]
    elsewhere = source.storage != file.output.storage
    return f"{source.experiment} ({source.storage})" if elsewhere else source.experiment


def _place(file: ModelFile) -> str:
    from automl_core.models.file.values import data_set_of

    return data_set_of(file.evaluate.data).place


def _accepted(file: ModelFile) -> str:
    from automl_core.spec.units import format_duration

    accept = file.accept
    when = {"better": "better than the champion", "not_worse": "not worse than the champion",
            "passes": "through the regression tests"}[accept.when]  # fmt: skip
    if accept.by_itself:
        return f"by itself, where it is {when}"
    by = f"by {' or '.join(accept.people)}" if accept.people else "by anybody who may answer"
    return f"{by} within {format_duration(accept.within)}, asked where it is {when}"
