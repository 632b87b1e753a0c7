"""``automl gc``: what can go from a model storage path; deleted only where that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl_core.cli.remote import AsJson

if TYPE_CHECKING:
    from automl_core.housekeeping import Options, Plan

_SHOWN = 20
"""Runs that stay of which more is said."""


def gc(
    storage: Annotated[
        str | None,
        typer.Argument(
            metavar="STORAGE",
            help="Model storage path, or an experiment's name or file; what Airflow knows of if not given.",
            show_default=False,
        ),
    ] = None,
    older_than: Annotated[str, typer.Option(metavar="TIME", help="Time since the last change.")] = "30d",
    keep_last: Annotated[int, typer.Option(min=0, help="Newest runs of each experiment that stay.")] = 1,
    keep_best: Annotated[bool, typer.Option("--keep-best", help="The best run of each experiment stays.")] = False,
    keep_versions: Annotated[
        int, typer.Option(min=0, help="Versions of each model that were in use last whose copies stay.")
    ] = 2,
    what: Annotated[
        str, typer.Option(help="Kinds of things, with commas between.")
    ] = "runs,checkpoints,caches,code,parts,models",
    abandoned: Annotated[
        str | None, typer.Option(metavar="TIME", help="Runs that never ended go too, after so long without a change.")
    ] = None,
    orphaned: Annotated[
        bool, typer.Option("--orphaned", help="Runs that Airflow doesn't have any more go too, of whatever age.")
    ] = False,
    transferred: Annotated[
        bool, typer.Option("--transferred", help="Runs that only ended ones have learned from may go.")
    ] = False,
    experiment: Annotated[list[str] | None, typer.Option(help="Only this experiment; several may be given.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Delete; without it, it is only said what would go.")] = False,
    plan: Annotated[
        str | None, typer.Option(metavar="ID", help="With --apply: only if just what this plan has goes.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Clean up: say what old runs, checkpoints, caches and broken uploads could go, and delete them with --apply.

    Nothing goes that runs, that a model, an annotation or an experiment file names, or that another run has learned
    from.
    """
    from automl_core.cli.places import UserError

    asked: dict[str, Any] = {
        "what": [part.strip() for part in what.split(",") if part.strip()],
        "older_than": _seconds("--older-than", older_than), "keep_last": keep_last, "keep_best": keep_best,
        "keep_versions": keep_versions,
        "abandoned": None if abandoned is None else _seconds("--abandoned", abandoned), "orphaned": orphaned,
        "transferred": transferred, "experiments": experiment or None,
    }  # fmt: skip
    if plan is not None and not apply:
        raise UserError("--plan is for --apply: without that nothing is deleted")
    if storage is None:
        _by_rest(asked, apply, plan, as_json)
    elif orphaned:
        raise UserError("only Airflow knows which runs are gone from it: leave STORAGE out, and its server is asked")
    else:
        _here(storage, asked, apply, plan, as_json)


def _seconds(option: str, text: str) -> float:
    from automl_core.spec.units import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from None


def _here(target: str, asked: dict[str, Any], apply: bool, plan_id: str | None, as_json: bool) -> None:
    """Look at a store and clean it up from this machine, with the credentials of the environment."""
    import getpass
    import time
    from dataclasses import replace

    from automl_core.cli.output import print_json, tell
    from automl_core.cli.places import UserError, experiment_files, home
    from automl_core.housekeeping import (
        ExperimentFile,
        Options,
        carry_out,
        local_leftovers,
        look,
        make_plan,
        unused_environments,
    )
    from automl_core.housekeeping.plan import made_at
    from automl_core.templates.places import Places

    store, name = store_of(target)
    names = asked["experiments"] or ([name] if name else None)
    try:
        options: Options = Options(
            **asked | {"what": frozenset(asked["what"]), "experiments": frozenset(names) if names else None}
        )
        at = made_at(plan_id) if plan_id is not None else int(time.time())
    except ValueError as error:
        raise UserError(str(error)) from None
    files = [
        ExperimentFile(str(path), path.read_text(errors="replace"), Places.of(path))
        for _, path in experiment_files(home())
    ]

    def planned() -> Plan:
        plan = make_plan(look(store, files), options, at)
        if not files:
            unknown = f"experiment files: there are none below {home()}, so what they learn from is not known here"
            plan = replace(plan, problems=(*plan.problems, unknown))
        if "caches" not in options.what or options.experiments is not None:
            return plan
        local = (*local_leftovers(options.older_than, at), *unused_environments(home(), options.older_than, at))
        return replace(plan, items=(*plan.items, *local))

    plan = planned()
    if not apply:
        print_json(plan.to_json()) if as_json else _show(plan.to_json())
        return
    if plan_id is not None and plan.id != plan_id:
        raise UserError(f"something else would go than plan {plan_id} has: look again without --apply")
    if not as_json:
        _show(plan.to_json(), dry=False)
    done = carry_out(store, plan, planned, by=getpass.getuser()).to_json()
    if as_json:
        print_json(done)
    else:
        tell(_said(done))
    raise typer.Exit(1 if done["failed"] else 0)


def store_of(target: str) -> tuple[Any, str | None]:
    """The store that is named, and the experiment where one was named instead."""
    from pathlib import Path

    from automl_core.cli.places import UserError, find_experiment, home
    from automl_core.storage import open_store
    from automl_core.templates import load_experiment

    if "://" in target or Path(target).is_dir():
        return open_store(target, base=Path.cwd()), None
    _, path = find_experiment(target)
    if path is None:
        raise UserError(
            f"{target}: no such folder, file or experiment; name the model storage path, such as s3://bucket/automl"
        )
    found = load_experiment(path)
    return open_store(found.output.storage, base=home()), found.name


def _by_rest(asked: dict[str, Any], apply: bool, plan_id: str | None, as_json: bool) -> None:
    """Have Airflow's API server look, and clean up, with the rights that the user has there."""
    from automl_core.cli.output import print_json, tell
    from automl_core.cli.remote import connect

    with connect() as automl:
        plan = automl.housekeeping(**asked)
        if not apply:
            print_json(plan) if as_json else _show(plan)
            return
        if not as_json:
            _show(plan, dry=False)
        done = automl.clean_up(plan_id or plan["plan"], **asked)
    if as_json:
        print_json(done)
    else:
        tell(_said(done))
    raise typer.Exit(1 if done["failed"] or done["left"] else 0)


def _show(plan: dict[str, Any], dry: bool = True) -> None:
    from rich.table import Table
    from rich.text import Text

    from automl_core.cli.output import console, plural
    from automl_core.housekeeping.plan import age_text

    if plan["items"]:
        table = Table("what", box=None, header_style="bold", pad_edge=False)
        table.add_column("place", overflow="fold")  # to be copied: nothing of it is cut off
        for name in ("age", "objects", "size", "why"):
            table.add_column(name)
        for item in plan["items"]:
            cells = (item["what"], _place(item), age_text(item["age"]), f"{item['objects']:,}",
                     size_text(item["bytes"]), item["why"])  # fmt: skip
            table.add_row(*map(Text, cells))
        console().print(table)
    notable = [each for each in plan["spared"] if each["notable"]]
    for each in notable[:_SHOWN]:
        print(f"stays: {each['experiment']}@{each['run']}: {each['why']}")
    if len(notable) > _SHOWN:
        print(f"stays: {plural(len(notable) - _SHOWN, 'run')} more (--json has them)")
    for problem in plan["problems"]:
        print(f"not looked at: {problem}")
    total = f"{plural(len(plan['items']), 'item')}, {plural(plan['objects'], 'object')}, {size_text(plan['bytes'])}"
    kept = plural(len(plan["spared"]), "run")
    if dry:
        way = f" Nothing was deleted: --apply --plan {plan['plan']} deletes these." if plan["items"] else ""
        print(f"{total} would go, {kept} would stay.{way}")


def _place(item: dict[str, Any]) -> str:
    """Where it lies: where Airflow was asked, with the storage; there may be several."""
    return f"{item['storage']}/{item['place']}" if "storage" in item else str(item["place"])


def _said(done: dict[str, Any]) -> str:
    from automl_core.cli.output import plural

    size = f"{plural(done['objects'], 'object')}, {size_text(done['bytes'])}"
    lines = [f"deleted {plural(len(done['deleted']), 'item')}: {size}"]
    lines += [f"spared {each['place']}: {each['why']}" for each in done["spared"]]
    lines += [f"NOT deleted {each['place']}: {each['why']}" for each in done["failed"]]
    if done["left"]:
        lines.append(f"{plural(done['left'], 'item')} left for want of time: call it again")
    return "\n".join(lines)


def size_text(size: float) -> str:
    """Bytes for people: ``3.4 GB``."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")
