"""What ``automl preview`` says of an annotation project's file: what it makes, and what it will take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.file.here import Here


def preview_annotation(path: Path, as_json: bool) -> None:
    """Show what an annotation project's file will make, and how many labels, rounds and money it takes.

    Args:
        path: of the file.
        as_json: whether to write JSON.

    Raises:
        SpecError: anything in it is wrong.
    """
    from automl_core.annotation.file.checks import examine_annotation_file
    from automl_core.annotation.file.forecast import forecast, forecast_lines
    from automl_core.annotation.file.here import items_here
    from automl_core.cli.output import print_json
    from automl_core.cli.places import home
    from automl_core.spec.bundles import bundle_of

    examined = examine_annotation_file(path)
    file, seen = examined.file, items_here(examined.file, home(), bundle_of(path))
    counts = [each.rows for each in seen]
    rows = sum(each or 0 for each in counts) if all(each is not None for each in counts) else None
    found = forecast(file, rows)
    warnings = [*examined.warnings, *columns_of(file, path, seen)]
    if as_json:
        body: dict[str, Any] = {"kind": "annotation", "dags": list(file.dag_ids), "annotation": file.plain()}
        body |= {"forecast": found.to_json(), "items": [_seen_json(each) for each in seen]}
        print_json(body | {"warnings": [warning.to_json() for warning in warnings]})
        return
    for warning in warnings:
        print(warning)
    print("\n".join([*annotation_lines(file, seen), *forecast_lines(file, found)]))


def columns_of(file: AnnotationFile, path: Path, seen: list[Here]) -> list[Any]:
    """Warnings of columns that the data have not, each with its line.

    Args:
        file: of the project.
        path: of its file.
        seen: places of items, as this machine sees them.
    """
    from automl_core.annotation.file import parse_annotation_document
    from automl_core.annotation.file.here import column_warnings
    from automl_core.spec.loader import locate, read_text

    found = list(column_warnings(file, seen))
    return locate(found, parse_annotation_document(read_text(path), str(path))[1]) if found else []


def annotation_lines(file: AnnotationFile, seen: list[Here] | None = None) -> list[str]:
    """An annotation project's file in a few lines.

    Args:
        file: a valid one.
        seen: places of items, as this machine sees them.
    """
    items, people = file.items, file.people
    columns = ", ".join(items.columns) if items.columns is not None else "all columns"
    lines = {
        "lies": f"{file.output.storage.rstrip('/')}/{file.prefix}",
        "DAG": ", ".join(file.dag_ids),
        "labels": ", ".join(file.labels.classes),
        "of": f"{items.kind or 'rows or texts'}: {columns}",
        "models": ", ".join(_model(each.title, each.family, each.models) for each in file.models),
        "people": f"{_WHERE[people.where]}: {', '.join(people.who) if people.who else 'whoever may'}",
        "looks": file.cron or ("by hand" if file.schedule is None else "when assets are updated"),
    }
    told = [f"{file.name}: an annotation project", *(f"  {name:<13}{said}" for name, said in lines.items())]
    for each in seen or ():
        rows = "looked at when a run begins" if each.rows is None else f"{each.rows:,} rows"
        told.append(f"  {'data':<13}{each.place}: {each.problem or rows}")
    return told


_WHERE = {"page": "on the page in Airflow", "files": "in files", "label-studio": "in Label Studio"}


def _model(title: str, family: str | None, models: int) -> str:
    if family is not None:
        return f"{title} (a program, {family})"
    return f"{title} (its two best families)" if models == 2 else title


def _seen_json(each: Here) -> dict[str, Any]:
    return {
        "place": each.place, "rows": each.rows, "columns": None if each.columns is None else list(each.columns),
        "problem": each.problem,
    }  # fmt: skip
