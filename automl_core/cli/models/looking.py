"""``automl model list``, ``show``, ``history``, ``evidence``, ``efficiency``, ``pull``: nothing is changed by them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from automl_core.cli.models.options import Airflow, Target, listed, moment, moment_of
from automl_core.cli.models.rolling import standing
from automl_core.cli.remote import AsJson

VERDICT = {True: "holds", False: "does not hold", None: "can't tell"}
"""Whether the conditions of a model's file hold."""


def list_(
    storage: Annotated[
        str | None,
        typer.Argument(metavar="STORAGE", show_default=False, help="All models of a model storage path; else those "
                       "whose files are here, or that Airflow has."),
    ] = None,
    airflow: Airflow = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """List models: what is in use, who is waited for, what the newest evidence says."""
    from rich.text import Text

    from automl_core.cli.output import console, print_json

    found = _by_airflow() if _asks(airflow, storage) else _in(storage) if storage else _of_files()
    if as_json:
        print_json(found)
        return
    table = _table("model", "in use", "since (UTC)", "accepted by", "newest", "waits for")
    for each in found:
        if each.get("problem"):
            table.add_row(Text(each["model"]), Text(each["problem"]))
            continue
        used, newest = each.get("in_use"), each.get("newest")
        accepted = (used or {}).get("accepted") or {}
        table.add_row(
            each["model"], f"version {used['version']}" if used else "nothing", moment(used["since"]) if used else "–",
            (accepted.get("by") or {}).get("name", "–"),
            f"{newest['version']}: {_state(newest['state'])}" if newest else "no version",
            listed(f"{listed(asked['whom'], 'anybody')} (version {asked['version']})" for asked in each["waiting"]),
        )  # fmt: skip
    console().print(table)
    if not found:
        print("no model: `automl model new NAME --experiment EXPERIMENT` writes the file of one")


def show(
    target: Target,
    version: Annotated[int | None, typer.Argument(metavar="[VERSION]", min=1, show_default=False)] = None,
    airflow: Airflow = None,
    as_json: AsJson = False,
) -> None:
    """Show how a model stands, and its versions; or all of one version."""
    from automl_core.cli.models.desks import desk
    from automl_core.cli.output import console, number, print_json

    with desk(target, airflow=airflow) as model:
        if version is not None:
            _show_version(model.name, model.version(version), as_json)
            return
        overview, versions = model.overview(), model.versions()
    if as_json:
        print_json({**overview, "versions": versions})
        return
    used = overview["in_use"]
    print(f"{model.name}: {_in_use(used) if used else 'nothing is in use'}")
    for line in standing(model.name, overview.get("rollout")):
        print(line)
    for asked in overview["waiting"]:
        late = ", which is over" if asked["late"] else ""
        print(
            f"{listed(asked['whom'], 'anybody with the right')} asked about version {asked['version']}, "
            f"until {moment(asked['until'])} UTC{late}"
        )
    table = _table("version", "state", "from", "trained", "evidence", "against", "conditions", "decided")
    for row in versions:
        summary = row["summary"] or {}
        decided = row["decided"]
        table.add_row(
            str(row["version"]), _state(row["state"]), f"{row['experiment']}@{row['run']}",
            f"{row['metric']} {number(row['value'])}" if row["metric"] else "–", _measured(summary),
            _against(summary), VERDICT[row["verdict"]["ok"]] if row["verdict"] else "not evaluated",
            f"{decided['what']} by {decided['by']['name']}" if decided else "–",
        )  # fmt: skip
    console().print(table)
    if overview.get("skipped"):
        print(f"{overview['skipped']} records of its journal were not understood by this release")


def _show_version(name: str, found: Mapping[str, Any], as_json: bool) -> None:
    from automl_core.cli.output import number, plural, print_json

    if as_json:
        print_json(found)
        return
    source, model = found["source"], found["copy"]
    lines = [
        ("state", _state(found["state"]) + (f": {found['note']}" if found["note"] else "")),
        ("from", f"{source['experiment']}@{source['run']}, trial {source['trial']}, "
                 f"{source['metric']} {number(source['value'])}"),
        ("trained on", listed(f"{key} {each.get('digest', '')[:12]}" for key, each in source["fingerprints"].items())),
        ("because", source["reason"].get("text") or str(source["reason"]) if source["reason"] else "–"),
        ("model", f"{model['problem'] or model['kind']}, {plural(model['files'], 'file')}, {model['bytes']:,} bytes, "
                  f"{model['digest'][:12]}"),
        ("folder", model["folder"]),
        ("offered", f"{moment(found['offered']['time'])} by {found['offered']['by']['name']}"),
    ]  # fmt: skip
    lines += [
        ("evidence", f"{each['digest'][:12]}  {moment(each['time'])}  {_measured(each['summary'])}  "
                     f"{VERDICT[each['ok']]}")
        for each in [*found["evidence"], *found["checks"]]
    ]  # fmt: skip
    for each in found["decisions"]:
        note = f": {each['note']}" if each["note"] else ""
        lines.append((each["what"], f"{moment(each['time'])} by {each['by']['name']} ({each['by']['how']}), on "
                                    f"{each['evidence'][:12]}{note}"))  # fmt: skip
    if found["scored"]:
        lines.append(
            ("scored", f"{plural(found['scored']['intervals'], 'interval')}, {found['scored']['rows']:,} rows")
        )
    print(f"{name}, version {found['version']}")
    for what, text in lines:
        print(f"  {what:<11} {text}")


def history(
    target: Target,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="What was in use then: 2026-11-24T15:00, or 2d ago.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="From then on.")] = None,
    airflow: Airflow = None,
    as_json: AsJson = False,
) -> None:
    """Tell what has happened to a model; with --at what was in use then, by whom accepted, on what evidence."""
    from automl_core.cli.models.desks import desk
    from automl_core.cli.output import print_json
    from automl_core.cli.places import UserError

    if at is not None and since is not None:
        raise UserError("--at and --since: one of them")
    with desk(target, airflow=airflow) as model:
        if at is not None:
            when = moment_of(at)
            used = model.at(when)
            if as_json:
                print_json({"model": model.name, "at": when, "in_use": used})
            else:
                print(f"{model.name} at {moment(when)} UTC: {_in_use(used) if used else 'nothing was in use'}")
            return
        events = model.history(None if since is None else moment_of(since))
    if as_json:
        print_json(events)
        return
    for each in events:
        print(f"{moment(each['time'])}  {each['text']}")


def evidence(
    target: Target,
    version: Annotated[int | None, typer.Argument(metavar="[VERSION]", min=1, show_default=False)] = None,
    digest: Annotated[
        str | None, typer.Option("--digest", help="Which; the newest of the version if not given.")
    ] = None,
    rows: Annotated[bool, typer.Option("--rows", help="The bad cases with their rows of data.")] = False,
    airflow: Airflow = None,
    as_json: AsJson = False,
) -> None:
    """Show what an acceptance rests on: both models on the same rows of the latest data."""
    from automl_core.cli.models.desks import desk
    from automl_core.cli.output import print_json
    from automl_core.cli.places import UserError
    from automl_core.models.evaluation import markdown_of

    if rows and digest is not None:
        raise UserError("--rows and --digest: the rows of data are those of a version's newest evidence; leave one out")
    with desk(target, airflow=airflow) as model:
        number = version or newest_of(model.name, model.versions())
        found = model.rows(number) if rows else model.evidence(number, digest)
    if as_json:
        print_json(found)
    elif rows:
        _print_rows(found)
    else:
        print(f"evidence {found['digest']}\n")
        print(markdown_of(found))


def newest_of(name: str, versions: list[dict[str, Any]]) -> int:
    """The number of the newest version.

    Raises:
        UserError: there is none.
    """
    from automl_core.cli.places import UserError

    if not versions:
        raise UserError(f"{name} has no version yet: `automl model offer {name} EXPERIMENT` offers a result")
    return int(versions[-1]["version"])


def _print_rows(found: Mapping[str, Any]) -> None:
    from rich.text import Text

    from automl_core.cli.output import console, plural

    cases = found.get("cases", [])
    table = _table("row", "case", "was", "challenger", "champion", "columns")
    for each in cases:
        champion = each.get("champion") or {}
        columns = " ".join(f"{name}={value}" for name, value in (each.get("row") or {}).items())
        table.add_row(*(Text(str(text)) for text in (
            each["id"], each["state"], each["truth"], each["challenger"]["prediction"],
            champion.get("prediction", "–"), columns)))  # fmt: skip
    console().print(table)
    print(plural(len(cases), "bad case"))


def pull(
    target: Target,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to; empty, or not there yet.", show_default=False)
    ],
    version: Annotated[
        int | None, typer.Option("--version", metavar="N", min=1, help="Which; the one in use if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the files of the version in use, for a program of your own that scores by them.

    They come from the bucket, whole and as they were offered, or not at all; --json says which version it was, for
    what is written by it.
    """
    from automl_core.cli.models.desks import Here
    from automl_core.cli.models.places import find_model
    from automl_core.cli.output import plural, print_json
    from automl_core.cli.places import UserError
    from automl_core.models.life.copying import digest_of_folder

    life = Here(find_model(target)).life
    number = version or life.state.champion
    if number is None:
        raise UserError(f"{life.name}: nothing is in use")
    found = life.state.version(number)
    if found.removed is not None:
        raise UserError(f"version {number} of {life.name}: its files were removed")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there already, and not empty")
    partial = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        life.store.download(found.model.prefix.rstrip("/"), partial)
        if digest_of_folder(partial) != found.model.digest:
            raise UserError(
                f"version {number} of {life.name}: its files at {life.store.url}/{found.model.prefix} are not what was "
                "offered: somebody has changed them since. Take it back, or offer its result again"
            )
        if folder.is_dir():
            folder.rmdir()
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if as_json:
        print_json({"model": life.name, "version": number, "digest": found.model.digest, "folder": str(folder)})
    else:
        print(f"version {number} of {life.name}: {plural(found.model.files, 'file')} in {folder}")


def efficiency(target: Target, airflow: Airflow = None, as_json: AsJson = False) -> None:
    """Tell how long each version took from data to use, stage by stage, and how many there were each month."""
    from automl_core.cli.models.desks import desk
    from automl_core.cli.output import console, print_json
    from automl_core.models.life.words import seconds

    with desk(target, airflow=airflow) as model:
        found = model.efficiency()
    if as_json:
        print_json(found)
        return
    names = list(dict.fromkeys(stage["name"] for each in found["versions"] for stage in each["stages"]))
    table = _table("version", "state", *names, "in all", "without people")
    for each in found["versions"]:
        stages = {stage["name"]: stage for stage in each["stages"]}
        cells = ["–" if (took := stages[name]["seconds"]) is None else seconds(round(took)) for name in names]
        whole = each["total"]  # None of what is not in use: its way has no end yet
        ends = (None, None) if whole is None else (whole, whole - (each["people"] or 0.0))
        cells += ["–" if took is None else seconds(round(took)) for took in ends]
        table.add_row(str(each["version"]), _state(each["state"]), *cells)
    console().print(table)
    for month in found["months"]:
        print(f"{month['month']}: {month['offered']} offered, {month['decided']} decided, {month['in_use']} put in use")


def _table(*columns: str) -> Any:
    from rich.table import Table

    return Table(*columns, box=None, header_style="bold", pad_edge=False)


def _state(state: str) -> str:
    return state.lower().replace("_", " ")


def _in_use(used: Mapping[str, Any]) -> str:
    accepted = used["accepted"]
    source = used["source"]
    by = (
        f", accepted by {accepted['by']['name']} ({accepted['by']['how']}) {moment(accepted['time'])} UTC on evidence "
        f"{used['evidence'][:12]}"
        if accepted else ""
    )  # fmt: skip
    others = {number: share for number, share in used["shares"].items() if int(number) != used["version"]}
    shares = "".join(f", {share:.0%} version {number}" for number, share in others.items())
    return (
        f"version {used['version']} since {moment(used['since'])} UTC "
        f"({source['experiment']}@{source['run']}){shares}{by}"
    )


def _measured(summary: Mapping[str, Any]) -> str:
    from automl_core.cli.output import number

    metric, values = summary.get("metric"), summary.get("values") or {}
    name = metric["name"] if isinstance(metric, Mapping) else metric
    return f"{name} {number(values.get('challenger'))}" if name else "–"


def _against(summary: Mapping[str, Any]) -> str:
    from automl_core.cli.output import number

    difference = summary.get("difference") or {}
    if difference.get("value") is None:
        return "–"
    low, high = difference.get("low"), difference.get("high")
    between = f" [{number(low)}, {number(high)}]" if low is not None else ""
    return f"{difference['value']:+.4g}{between}"


def _asks(airflow: bool | None, storage: str | None) -> bool:
    from automl_core.cli.places import UserError
    from automl_core.cli.served import asks_the_server_first

    if storage is not None:
        if airflow:
            raise UserError("a model storage path is read from here, not by Airflow")
        return False
    return asks_the_server_first() if airflow is None else airflow


def _by_airflow() -> list[dict[str, Any]]:
    from automl_core.cli.remote import connect

    with connect() as automl:
        return automl.models()


def _of_files() -> list[dict[str, Any]]:
    from automl_core.cli.places import files_of, home
    from automl_core.spec.kinds import MODEL

    return [_told(name, str(path)) for name, path in files_of(MODEL, home())]


def _told(name: str, target: str) -> dict[str, Any]:
    """How a model stands, or what is wrong: one that can't be read keeps no other from the list."""
    from automl_core.cli.models.desks import Here
    from automl_core.cli.models.places import find_model
    from automl_core.cli.places import UserError
    from automl_core.spec.errors import SpecError
    from automl_core.storage import StorageError

    try:
        return Here(find_model(target)).overview()
    except (UserError, SpecError, StorageError) as error:
        return {"model": name, "problem": str(error)}


def _in(storage: str) -> list[dict[str, Any]]:
    from automl_core.cli.places import home
    from automl_core.models.life import MODELS
    from automl_core.storage import open_store

    store = open_store(storage, base=home())
    found: list[dict[str, Any]] = []
    after = ""
    while keys := store.list(MODELS, start_after=after, limit=1):
        name = keys[0].removeprefix(MODELS).partition("/")[0]
        if not name.startswith("_"):  # `_news` and its like lie beside the models, whose names begin with a letter
            found.append(_told(name, f"{store.url.rstrip('/')}/{MODELS}{name}"))
        after = f"{MODELS}{name}0"  # '0' follows '/': what lies below is passed over
    return found
