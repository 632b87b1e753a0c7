"""``automl experiments``, ``trials``, ``edit``, ``extend``, ``rerun``, ``cancel`` and ``clone``: by AutoML's REST API.

What a person may do is what Airflow allows them, wherever the journal lies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from automl_core.client.automl import AutoML

Name = Annotated[str, typer.Argument(metavar="NAME", help="Experiment's name.", show_default=False)]
RunId = Annotated[str | None, typer.Option(help="Which run; the newest if not given.")]
Changes = Annotated[
    list[str], typer.Argument(metavar="FIELD=VALUE…", help="trials.max=60 stop.target=0.99 space.lr.high=0.01")
]
Number = Annotated[int, typer.Argument(metavar="TRIAL", min=0, help="Number of the trial.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]


def experiments(
    search: Annotated[str, typer.Argument(help="Text in the name, the description or the tags.")] = "",
    state: Annotated[str, typer.Option(help="States of the latest run, with commas between.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the experiments that you may see, each with its latest run."""
    from rich.table import Table
    from rich.text import Text

    from automl_core.cli.output import console, number, print_json

    with connect() as automl:
        found = automl.experiments(search, state)
    if as_json:
        print_json(found)
        return
    columns = ["experiment", "state", "best", "trials", "cost", "run"]
    templated = any((each["latest"] or {}).get("template") for each in found)
    table = Table(*columns, *(["template"] if templated else []), box=None, header_style="bold", pad_edge=False)
    for each in found:
        run = each["latest"] or {}
        best = run.get("best")
        done = f"{run['done']}/{run['trials']}" if run.get("trials") is not None else ""
        cells = [each["experiment"], run.get("state") or "never run", number(best["value"]) if best else "–", done,
                 number(run.get("cost")), run.get("run") or ""]  # fmt: skip
        cells += [run.get("template") or ""] if templated else []
        table.add_row(*(Text(cell) for cell in cells))
    console().print(table)


def trials(
    name: Name,
    run_id: RunId = None,
    sort: Annotated[str, typer.Option(help="A column; '-' before it turns the order round.")] = "rank",
    state: Annotated[str, typer.Option(help="Only trials in these states, with commas between.")] = "",
    where: Annotated[
        list[str] | None, typer.Option("--where", "-w", help="params.lr:0.001..0.1 or params.solver:adam,sgd")
    ] = None,
    top: Annotated[int, typer.Option("--top", "-n", min=1, max=10_000, help="Trials to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the trials of a run: sorted, filtered."""
    from rich.table import Table
    from rich.text import Text

    from automl_core.cli.output import combination_text, console, number, plural, print_json
    from automl_core.space import in_common
    from automl_core.study.reasons import headline

    with connect() as automl:
        query = {"sort": sort, "state": state, "filter": where or [], "limit": top}
        found = automl.run(name, run_id).get("trials", **query)
    if as_json:
        print_json(found)
        return
    columns = found["columns"]
    table = Table("trial", "state", "value", "seconds", "combination", box=None, header_style="bold", pad_edge=False)
    failed = "FAILED" in columns["state"]
    if failed:
        table.add_column("why", overflow="fold")
    combinations = [
        {key: values[row] for key, values in columns["params"].items() if values[row] is not None}
        for row in range(len(columns["number"]))
    ]
    shared = in_common(combinations)
    for row, trial in enumerate(columns["number"]):
        params = {key: value for key, value in combinations[row].items() if key not in shared}
        why = headline(columns["reason"][row]) if columns["state"][row] == "FAILED" else ""
        table.add_row(
            str(trial), columns["state"][row], number(columns["value"][row]), f"{columns['seconds'][row]:.1f}",
            Text(combination_text(params)), *([Text(why)] if failed else []),
        )  # fmt: skip
    console().print(table)
    if shared:
        print(f"in all of them: {combination_text(shared)}")
    print(f"{len(columns['number'])} of {plural(found['matched'], 'trial')}")


def edit(name: Name, changes: Changes, run_id: RunId = None) -> None:
    """Change a running experiment: number of trials, concurrency, stop conditions, the space within its bounds."""
    with connect() as automl:
        print(automl.run(name, run_id).edit(**_groups(changes)))


def extend(
    name: Name,
    changes: Annotated[list[str] | None, typer.Argument(metavar="FIELD=VALUE…")] = None,
    run_id: RunId = None,
) -> None:
    """Open a run that has ended again, with more trials or other limits."""
    with connect() as automl:
        print(automl.run(name, run_id).extend(**_groups(changes or [])))


def rerun(name: Name, trial: Number, run_id: RunId = None) -> None:
    """Run a failed trial once more."""
    with connect() as automl:
        print(automl.run(name, run_id).rerun(trial))


def cancel(name: Name, trial: Number, run_id: RunId = None) -> None:
    """End one trial that runs."""
    with connect() as automl:
        print(automl.run(name, run_id).stop_trial(trial))


def clone(
    name: Name,
    changes: Annotated[list[str] | None, typer.Argument(metavar="FIELD=VALUE…")] = None,
    run_id: RunId = None,
) -> None:
    """Start a new run with an earlier one's changes, and more on top of them."""
    with connect() as automl:
        begun = automl.run(name, run_id).clone(_groups(changes or []))
        print(f"{begun.experiment}: run {begun.run_id}")


def connect() -> AutoML:
    """The client of the Airflow that the environment, or this AUTOML_HOME, names.

    Raises:
        ClientError: there are no credentials for it.
    """
    from automl_core.cli.places import home
    from automl_core.client.automl import AutoML
    from automl_core.client.credentials import find_credentials

    return AutoML(find_credentials(home()))


def _groups(changes: list[str]) -> dict[str, Any]:
    from automl_core.cli.conf import parse_conf

    return parse_conf(changes)
