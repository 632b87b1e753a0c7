"""What is looked at: ``list``, ``status``, ``check``, ``ledger``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl_core.cli.annotation.places import Target
from automl_core.cli.remote import AsJson

if TYPE_CHECKING:
    from automl_core.annotation.project import Project


def list_(as_json: AsJson = False) -> None:
    """List the annotation projects whose files are here, each as its storage has it."""
    from rich.table import Table
    from rich.text import Text

    from automl_core.annotation.file import load_annotation_file
    from automl_core.cli.annotation.places import Known, open_project
    from automl_core.cli.output import console, print_json
    from automl_core.cli.places import UserError, files_of, home
    from automl_core.spec.errors import SpecError
    from automl_core.spec.kinds import ANNOTATION
    from automl_core.storage import StorageError

    rows: list[dict[str, Any]] = []
    for name, path in files_of(ANNOTATION, home()):
        row: dict[str, Any] = {"project": name, "file": str(path), "problem": None}
        try:
            file = load_annotation_file(path)
            row |= standing(open_project(Known(file.name, file)))
        except SpecError as error:
            row["problem"] = str(error).partition("\n")[0]
        except (StorageError, UserError) as error:
            row["problem"] = str(error)
        rows.append(row)
    if as_json:
        print_json(rows)
        return
    table = Table("project", "items", "labelled", "asked", "round", "", box=None, header_style="bold", pad_edge=False)
    for row in rows:
        cells = [row["project"], *(str(row.get(each, "–")) for each in ("items", "labelled", "asked")), _round(row)]
        table.add_row(*(Text(cell) for cell in [*cells, row["problem"] or row.get("stopped") or ""]))
    console().print(table)


def status(target: Target, as_json: AsJson = False) -> None:
    """Show how a project stands: its items by state, what people are asked about, who has said how much."""
    from automl_core.cli.annotation.places import find_project, open_project
    from automl_core.cli.output import print_json

    project = open_project(find_project(target))
    found = standing(project)
    if as_json:
        print_json(found)
        return
    print(f"{found['project']}: {found['items']:,} items, {found['labelled']:,} with a label of people or imported")
    states = ", ".join(f"{name.lower()} {many:,}" for name, many in found["states"].items() if many)
    print(f"  items      {states or 'none yet'}")
    print(f"  round      {_round(found)}")
    for each in found["batches"]:
        until = f", until {each['until']}" if each["until"] else ""
        wanted = "answer" if each["votes"] == 1 else f"{each['votes']} answers"
        print(
            f"  batch {each['batch']:<4} {each['to']}: {each['answered']:,} of {each['items']:,} have their {wanted}"
            f"{until}"
        )
    for each in found["authors"]:
        skipped = f", {each['skipped']:,} skipped" if each["skipped"] else ""
        print(f"  {each['author']}: {each['labels']:,} labels{skipped} ({each['source']})")
    if found["stopped"]:
        print(f"  stopped    {found['stopped']}")
    if found["unreadable"]:
        print(f"  {found['unreadable']:,} records can't be read and are skipped")


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Project's file.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Check the file of a project: every problem with its line, then what may be a slip."""
    from automl_core.annotation.file.checks import examine_annotation_file
    from automl_core.cli.annotation_file import annotation_lines
    from automl_core.cli.output import print_json

    examined = examine_annotation_file(file)
    if as_json:
        notes = [each.to_json() for each in examined.warnings]
        print_json({"project": examined.file.name, "dags": list(examined.file.dag_ids), "warnings": notes})
        return
    print("\n".join(annotation_lines(examined.file)))
    for each in examined.warnings:
        print(each)


def ledger(
    target: Target,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every label, as CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the labels cost, who gave them, how many are used and how right they are."""
    import sys

    from automl_core.annotation.ledger import Ledger, csv_lines
    from automl_core.annotation.ledger.reading import facts_of
    from automl_core.cli.annotation.places import find_project, open_project
    from automl_core.cli.output import print_json
    from automl_core.cli.places import UserError

    if as_csv and as_json:
        raise UserError("--csv or --json, not both")
    project = open_project(find_project(target))
    found = Ledger(facts_of(project.state))
    if as_csv:
        for text in csv_lines(found, project.catalog.id_of):
            sys.stdout.write(text)
        return
    body = found.to_json()
    if as_json:
        print_json(body)
        return
    total = body["cost"]["total"]
    print(f"{project.name}: {total['labels']:,} labels, {total['cost']:g} {body['currency']}".rstrip())
    for what in ("source", "author", "round"):
        for each in body["cost"][f"by_{what}"]:
            took = _time(each["seconds"])
            print(f"  {what:<7} {each[what] or '–'}: {each['labels']:,} labels, {each['cost']:g}, {took}")
    for each in body["use"]["standings"]:
        if each["labels"]:
            print(f"  {each['standing']:<14} {each['labels']:,} labels, {each['cost']:g}: {each['means']}")


def standing(project: Project) -> dict[str, Any]:
    """How a project stands, as plain JSON."""
    from automl_core.cli.models.options import moment

    state = project.state
    authors: dict[tuple[str, str], list[int]] = {}
    for _, vote in state.counting():
        authors.setdefault((vote.author, str(vote.source)), [0, 0])[vote.skipped] += 1
    counts = state.counts()
    batches = []
    for each in state.open_batches():
        answered, items = state.progress(each.number)
        batches.append({
            "batch": each.number, "to": each.to, "votes": each.votes, "answered": answered, "items": items,
            "until": moment(each.until) + " UTC" if each.until is not None else None,
        })  # fmt: skip
    return {
        "project": project.name, "items": state.count, "labelled": sum(1 for _ in state.labelled()),
        "asked": len(state.tasks), "states": {str(name): many for name, many in counts.items()},
        "round": len(state.rounds), "open": state.round is not None, "batches": batches,
        "authors": [
            {"author": author, "source": source, "labels": labels, "skipped": skipped}
            for (author, source), (labels, skipped) in sorted(authors.items())
        ],
        "stopped": state.stopped.why if state.stopped is not None else None, "unreadable": len(state.skipped),
    }  # fmt: skip


def _round(found: dict[str, Any]) -> str:
    if not found.get("round"):
        return "–" if "round" not in found else "none yet"
    return f"{found['round']}{' (open)' if found['open'] else ''}"


def _time(seconds: float | None) -> str:
    return "time unknown" if seconds is None else f"{seconds / 3600:.1f} h"
