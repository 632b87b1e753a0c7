"""What people do to a model: ``offer``, ``accept``, ``reject``, ``take-back``, ``retire``, ``retrain``, ``score``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from automl_core.cli.models.options import Airflow, By, Note, Number, Target

if TYPE_CHECKING:
    from automl_core.cli.models.desks import Desk

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
Digest = Annotated[
    str | None,
    typer.Option("--evidence", metavar="DIGEST", help="The evidence that was read; else what is shown before it asks."),
]
Why = Annotated[str, typer.Option("--why", help="Why, for those who read the history.")]


def offer(
    target: Target,
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", show_default=False, help="EXPERIMENT@RUN, an experiment's name or file for its "
                       "newest run, or the address of a run's folder."),
    ],
    airflow: Airflow = None,
    by: By = None,
) -> None:  # fmt: skip
    """Make a published result a version of a model: its files are copied, so nothing that is deleted breaks it."""
    from automl_core.cli.models.desks import desk

    with desk(target, airflow=airflow, by=by) as model:
        print(model.offer(run))


def accept(
    target: Target, version: Number, digest: Digest = None, note: Note = "", yes: Yes = False, airflow: Airflow = None,
    by: By = None,
    use: Annotated[
        bool, typer.Option("--use", help="On the bucket: put it in use too, where a rollout of Airflow's has had "
                           "it, or servers answer: for all requests at once.")
    ] = False,
) -> None:  # fmt: skip
    """Accept a version on its evidence, which is shown first.

    On the bucket `accept.by` is held against the name that you give: whoever has the bucket's keys can write anything.
    """
    from automl_core.cli.models.desks import desk

    with desk(target, airflow=airflow, by=by) as model:
        _answer(model, version, digest, note, yes=yes, accepts=True, use=use)


def reject(
    target: Target, version: Number, digest: Digest = None, note: Note = "", yes: Yes = False, airflow: Airflow = None,
    by: By = None,
) -> None:  # fmt: skip
    """Reject a version on its evidence, which is shown first."""
    from automl_core.cli.models.desks import desk

    with desk(target, airflow=airflow, by=by) as model:
        _answer(model, version, digest, note, yes=yes, accepts=False)


def _answer(
    model: Desk, version: int, digest: str | None, note: str, *, yes: bool, accepts: bool, use: bool = False
) -> None:
    from automl_core.cli.models.looking import VERDICT
    from automl_core.cli.output import tell

    found = model.evidence(version, digest)
    verdict = found.get("verdict") or {}
    held = VERDICT[verdict.get("ok")]
    tell(f"version {version} of {model.name}, evidence {found['digest'][:12]}: the condition {held}")
    for reason in verdict.get("reasons", []):
        tell(f"  {reason}")
    ask(f"{'Accept' if accepts else 'Reject'} it?", yes)
    print(model.answer(version, found["digest"], note, accepts=accepts, use=use))


def take_back(
    target: Target,
    version: Annotated[
        int | None,
        typer.Argument(
            metavar="[VERSION]",
            min=1,
            show_default=False,
            help="The one that is being rolled out; else the one in use.",
        ),
    ] = None,
    to: Annotated[
        int | None, typer.Option("--to", metavar="VERSION", min=1, help="What is in use instead; the one before it.")
    ] = None,
    why: Why = "",
    yes: Yes = False,
    airflow: Airflow = None,
    by: By = None,
) -> None:
    """Take a version out of use: the one before it, or another that was in use, answers again.

    While a version is being rolled out it is that one, and the one in use answers all; taking that one back by its
    number stops the rollout as well.
    """
    from automl_core.cli.models.desks import desk
    from automl_core.cli.places import UserError

    if not why:
        raise UserError("--why: say why it is taken back, for those who read the history")
    with desk(target, airflow=airflow, by=by) as model:
        overview = model.overview()
        used, rollout = overview["in_use"], overview.get("rollout")
        if version is None:
            if used is None:
                raise UserError(f"{model.name}: nothing is in use")
            version = int(rollout["version"] if rollout is not None else used["version"])
        rolling = rollout is not None and rollout["version"] == version
        told = f", which is being rolled out beside version {rollout['champion']}" if rollout and rolling else ""
        ask(f"Take version {version} of {model.name}{told} back?", yes)
        print(model.take_back(version, why, to))


def retire(
    target: Target, version: Number, why: Why = "", yes: Yes = False, airflow: Airflow = None, by: By = None
) -> None:
    """Set a version aside for good: it is never in use again, and `automl gc` may delete its files."""
    from automl_core.cli.models.desks import desk

    with desk(target, airflow=airflow, by=by) as model:
        ask(f"Retire version {version} of {model.name}?", yes)
        print(model.retire(version, why))


def retrain(
    target: Target,
    reason: Annotated[str, typer.Option("--reason", help="Why, for those who read the history.", show_default=False)],
    experiment: Annotated[
        str | None, typer.Option("--experiment", help="Which; the one that the model's file names, by default.")
    ] = None,
    airflow: Airflow = None,
) -> None:
    """Ask for a training of a new version: a run of the experiment in Airflow, with the reason in its conf."""
    from automl_core.cli.models.desks import desk

    with desk(target, airflow=_by_server(airflow)) as model:
        print(model.retrain(reason, experiment))


def score(
    target: Target,
    interval: Annotated[str, typer.Argument(metavar="INTERVAL", show_default=False, help="Its date, or key.")],
    why: Why = "",
    version: Annotated[
        str, typer.Option("--version", metavar="now|then|N", help="By today's, by that of then, or by a number.")
    ] = "now",
    airflow: Airflow = None,
) -> None:
    """Have an interval of data scored, also again, in Airflow."""
    from automl_core.cli.models.desks import desk
    from automl_core.cli.places import UserError

    if version not in ("now", "then") and not version.isdecimal():
        raise UserError(f"--version: found {version!r}; allowed: now, then, or the number of a version")
    with desk(target, airflow=_by_server(airflow)) as model:
        print(model.score(interval, why or "asked for", int(version) if version.isdecimal() else version))


def _by_server(airflow: bool | None) -> bool | None:
    """What only a run of Airflow can do goes to Airflow, unless somebody insists on the bucket, which says so."""
    return True if airflow is None else airflow


def ask(question: str, yes: bool) -> None:
    """Ask the person at the terminal.

    Raises:
        UserError: the answer is no, or nobody is there to give one.
    """
    import sys

    from automl_core.cli.places import UserError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError(f"{question} Nobody is at this terminal to say so; --yes does")
    if not typer.confirm(question, default=False, err=True):
        raise UserError("nothing was done")
