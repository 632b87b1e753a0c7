"""``automl annotation label`` and ``retire``: what somebody says at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from automl_core.cli.annotation.places import By, Target

if TYPE_CHECKING:
    from automl_core.annotation.project import Label, Project

Item = Annotated[str, typer.Argument(metavar="ITEM", help="Id of the item.", show_default=False)]


def label(
    target: Target,
    item: Annotated[
        str | None, typer.Argument(metavar="[ITEM]", help="Its id; if not given, items are shown one by one.")
    ] = None,
    given: Annotated[str | None, typer.Argument(metavar="[CLASS]", help="The class.", show_default=False)] = None,
    skip: Annotated[bool, typer.Option("--skip", help="It can't be told.")] = False,
    many: Annotated[int, typer.Option("--many", min=1, max=100, help="Items that you have at once, one by one.")] = 5,
    by: By = None,
) -> None:
    """Label an item; or, without one, what people are asked about, item by item.

    While items are shown nobody else gets them. Answer with a class or its key; `skip` where it can't be told, `quit`
    to end.
    """
    from automl_core.annotation.project import Label
    from automl_core.cli.annotation.places import find_project, open_project, person
    from automl_core.cli.places import UserError

    known = find_project(target)
    who = person(by)
    project = open_project(known)
    if item is None:
        _one_by_one(project, who.name, many)
        return
    if (given is None) != skip:
        raise UserError("a class, or --skip where it can't be told")
    _say(project, Label(item, given or "", who.name, skipped=skip, where="cli"))


def retire(
    target: Target,
    items: Annotated[list[str], typer.Argument(metavar="ITEM…", help="Ids of items.", show_default=False)],
    why: Annotated[str, typer.Option("--why", help="Why, for those who read the history.")] = "",
    by: By = None,
) -> None:
    """Set items aside for good: nobody is asked about them, nothing is trained on them; their labels are kept."""
    from automl_core.cli.annotation.places import find_project, open_project, person
    from automl_core.cli.output import plural
    from automl_core.cli.places import UserError

    if not why:
        raise UserError("--why: say why they are set aside, for those who read the history")
    project = open_project(find_project(target))
    done = project.retire(items, why, person(by))
    known = len(set(items)) - done
    print(f"{plural(done, 'item')} set aside" + (f", {known} were so before" if known else ""))


def _one_by_one(project: Project, who: str, many: int) -> None:
    """Show items until there is none, or whoever answers ends it; what is not answered goes back."""
    from automl_core.annotation.exchange.exporting import shown_of
    from automl_core.annotation.items.content import id_of
    from automl_core.annotation.project import Label
    from automl_core.annotation.project.authors import Authors, NotAllowed
    from automl_core.cli.places import UserError
    from automl_core.spec.units import parse_duration

    document = project.state.document
    people, labels = document.get("people") or {}, document.get("labels") or {}
    try:
        who = Authors(project.state, (who,)).allowed(who).name
    except NotAllowed as error:
        raise UserError(f"{error}: {', '.join(error.allowed)}") from None
    to = str(people.get("where") or "page")
    lease = people.get("lease") or 900.0
    lease = float(lease) if isinstance(lease, int | float) else parse_duration(str(lease))
    keys = _keys(labels)
    held: list[str] = []
    answered = 0
    try:
        while True:
            held = project.claim(who, many, lease, to=to)
            if not held:
                print(f"nothing is left to ask you; {answered} answered")
                return
            for place, each in enumerate(held):
                content = shown_of(project.state, project.catalog.shown(each))
                print("\n".join(f"{name}: {value}" for name, value in content.items()))
                seconds, said = _ask(keys)
                if said is None:
                    print(f"{answered} answered")
                    held = held[place:]
                    return
                _say(project, Label(
                    each, said, who, seconds=seconds, skipped=not said, where="cli", shown=id_of(content)
                ))  # fmt: skip
                answered += 1
            held = []
    finally:
        if held:
            project.release(who, held)


def _ask(keys: dict[str, str]) -> tuple[float, str | None]:
    """Seconds and the class; empty where it is skipped, None for the end."""
    import time

    began = time.monotonic()
    shown = "  ".join(f"[{key}] {name}" for key, name in keys.items())
    while True:
        try:
            said = input(f"{shown}  skip, quit? ").strip()
        except EOFError:
            return 0.0, None
        if said in keys.values() or said in keys:
            return time.monotonic() - began, said if said in keys.values() else keys[said]
        if said in ("skip", "quit"):
            return time.monotonic() - began, "" if said == "skip" else None
        print(f"{said!r} is no class, and no key of one")


def _keys(labels: dict[str, object]) -> dict[str, str]:
    """Key → class, as the page has them."""
    from automl_core.annotation.file.labels import Labels

    return Labels.model_validate(labels).keyboard if labels else {}


def _say(project: Project, said: Label) -> None:
    from automl_core.cli.annotation.places import person
    from automl_core.cli.places import UserError

    told = project.label([said], person(said.author))
    if told.refused:
        raise UserError(told.refused[0][1])
    print("changed" if told.changed else "stands already" if told.same else "taken")
