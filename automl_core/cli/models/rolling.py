"""``automl model rollout``, ``step``, ``hold``, ``release``: a version on its way to the traffic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl_core.cli.models.options import Airflow, By, Target, moment
from automl_core.cli.remote import AsJson

if TYPE_CHECKING:
    from automl_core.cli.models.desks import Desk

Why = Annotated[str, typer.Option("--why", help="Why, for those who read the history.")]

USE = "use"
"""What ``step`` calls the end of a rollout: its version is in use."""


def rollout(
    target: Target,
    number: Annotated[
        int | None, typer.Argument(metavar="[ROLLOUT]", min=1, show_default=False, help="Its number; the newest one.")
    ] = None,
    airflow: Airflow = None,
    as_json: AsJson = False,
) -> None:
    """Show where a rollout stands: its steps, who moved it, and what its tests say as they were looked at last."""
    from automl_core.cli.models.desks import desk
    from automl_core.cli.output import print_json

    with desk(target, airflow=airflow) as model:
        found = model.rollout(number)
    if as_json:
        print_json(found)
        return
    for line in lines_of(model.name, found):
        print(line)


def step(
    target: Target,
    to: Annotated[
        str, typer.Argument(metavar="[STEP]", help="next, back, use (it is in use at once), or a step by its share: "
                            "25%, shadow.")
    ] = "next",
    why: Why = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    airflow: Airflow = None,
    by: By = None,
) -> None:  # fmt: skip
    """Move the rollout that is open to another of its steps at once, without waiting for its tests; back as well.

    One that is held stays held there. `automl model take-back` ends it.
    """
    from automl_core.cli.models.acting import ask
    from automl_core.cli.models.desks import desk

    with desk(target, airflow=airflow, by=by) as model:
        found = _open(model)
        place = step_of(found, to)
        if place is None:
            ask(f"Put version {found['version']} of {model.name} in use, before its rollout is through?", yes)
            print(model.promote(found, why))
            return
        ask(f"Move version {found['version']} of {model.name} from {_does(found, found['step'])} to "
            f"{_does(found, place)}?", yes)  # fmt: skip
        print(model.step(found, place, why))


def hold(target: Target, why: Why = "", airflow: Airflow = None, by: By = None) -> None:
    """Keep the rollout that is open in its step until it is released; its safeguard takes it back all the same."""
    from automl_core.cli.models.desks import desk

    with desk(target, airflow=airflow, by=by) as model:
        print(model.hold(_open(model), why, holds=True))


def release(target: Target, why: Why = "", airflow: Airflow = None, by: By = None) -> None:
    """Let a rollout that is held go on by itself."""
    from automl_core.cli.models.desks import desk

    with desk(target, airflow=airflow, by=by) as model:
        print(model.hold(_open(model), why, holds=False))


def step_of(found: Mapping[str, Any], to: str) -> int | None:
    """The index of the step that a person names; None for the end of the rollout.

    Args:
        found: the rollout, as `automl_core.models.rollout_views` has it.
        to: as the command line has it.

    Raises:
        UserError: it has no such step.
    """
    from automl_core.cli.places import UserError
    from automl_core.models.life.rollout_words import step_words
    from automl_core.models.life.rollouts import Step
    from automl_core.spec.errors import did_you_mean

    names = [step_words(Step(each["share"], shadow=each["shadow"])) for each in found["steps"]]
    told = f"its steps are {', '.join(names)}"
    if to == USE:
        return None
    if to in ("next", "back"):
        place = int(found["step"]) + (1 if to == "next" else -1)
        if place < 0:
            raise UserError(f"it is in its first step; `automl model take-back` ends it; {told}")
        if place == len(names):
            raise UserError(f"it is in its last step; `step … use` puts its version in use; {told}")
        return place
    wanted = to.replace(" ", "")
    for place, (each, name) in enumerate(zip(found["steps"], names, strict=True)):
        if wanted in (("shadow",) if each["shadow"] else (name.replace(" ", ""),)):
            return place
    known = ["next", "back", USE, *(name.replace(" ", "") for name in names if "shadow" not in name)]
    raise UserError(f"there is no step {to!r}: {told}; or next, back, use. {did_you_mean(to, known)}".rstrip())


def lines_of(name: str, found: Mapping[str, Any]) -> list[str]:
    """A rollout in words: where it stands, its steps, its tests, what was done to it.

    Args:
        name: of the model.
        found: ``rollout``, ``view`` and ``problem``, as `automl_core.cli.models.desks.Desk.rollout` has them.
    """
    rollout, view = found["rollout"], found["view"]
    if rollout is None:
        return [f"{name}: no rollout has begun yet"]
    what = "an A/B test" if rollout["kind"] == "ab" else f"rollout {rollout['id']}"
    lines = [
        f"{name}, {what}: version {rollout['version']} beside version {rollout['champion']}, begun "
        f"{moment(rollout['begun'])} UTC by {rollout['by']['name']}"
    ]
    if rollout["ended"] is not None:
        words = str(rollout["outcome"]).replace("_", " ")
        why = f": {rollout['why']}" if rollout["why"] else ""
        lines.append(f"  {words} {moment(rollout['ended'])} UTC{why}")
    else:
        lines.append(f"  {_does(rollout, rollout['step'])} since {moment(rollout['since'])} UTC")
    if rollout["holder"] is not None:
        holder = rollout["holder"]
        why = f": {holder['why']}" if holder["why"] else ""
        lines.append(f"  held by {holder['by']['name']} since {moment(holder['time'])} UTC{why}")
    steps = [_does(rollout, place) for place in range(len(rollout["steps"]))]
    lines.append("  steps  " + ", ".join(
        f"[{each}]" if place == rollout["step"] and rollout["ended"] is None else each
        for place, each in enumerate(steps)
    ))  # fmt: skip
    if view is not None:
        lines += _of_view(view)
        lines += [f"  note   {found['problem']}"] if found["problem"] else []
    elif rollout["ended"] is None:
        lines.append(f"  tests  {found['problem'] or 'nobody has looked at them yet'}")
    for act in rollout["acts"]:
        why = f": {act['why']}" if act["why"] else ""
        words = {"step": f"moved to {_does(rollout, act['step'])}"}.get(act["what"], act["what"].replace("_", " "))
        lines.append(f"  {moment(act['time'])}  {words}, by {act['by']['name']} ({act['by']['how']}){why}")
    return lines


def standing(name: str, rollout: Mapping[str, Any] | None) -> list[str]:
    """Where the rollout of a model that is open stands, in a line; no line where none is."""
    if rollout is None:
        return []
    held = ", held there" if rollout["held"] else ""
    return [
        f"version {rollout['version']} is being rolled out beside version {rollout['champion']}: "
        f"{_does(rollout, rollout['step'])}{held}; `automl model rollout {name}` has its tests"
    ]


def _of_view(view: Mapping[str, Any]) -> list[str]:
    lines = [f"  looked at {moment(view['time'])} UTC"]
    lines += [f"  test   {each['words']}" for each in view["tests"]]
    if view.get("waits") and view.get("ended") is None:
        lines.append(f"  waits  {view['waits']}")
    lines += [f"  note   {each}" for each in view["notes"]]
    return lines


def _does(rollout: Mapping[str, Any], place: int) -> str:
    from automl_core.models.life.rollout_words import step_words
    from automl_core.models.life.rollouts import Step

    step = rollout["steps"][place]
    return step_words(Step(step["share"], shadow=step["shadow"]))


def _open(model: Desk) -> dict[str, Any]:
    """The rollout that is open.

    Raises:
        UserError: none is.
    """
    from automl_core.cli.places import UserError

    found: dict[str, Any] | None = model.overview().get("rollout")
    if found is None:
        raise UserError(f"{model.name}: no version is being rolled out")
    return found
