"""What the groups of an annotation project's file say of one another."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from automl_core.annotation.file.annotation import AnnotationFile
from automl_core.annotation.file.items import BY_ADDRESS
from automl_core.annotation.file.label_studio import label_studio_problems
from automl_core.annotation.file.labels import RESERVED
from automl_core.annotation.file.select import OF_TWO
from automl_core.spec.errors import Path, Problem, did_you_mean, show
from automl_core.spec.places import BadPlace, DataPlace, parse_place, regex_of
from automl_core.spec.values import data_set_of, filled_place


def relation_problems(file: AnnotationFile) -> Iterator[Problem]:
    """What is wrong between the groups of a file, without file and line.

    Args:
        file: of which each group by itself is right.
    """
    yield from _items(file)
    yield from _places(file)
    yield from _labels(file)
    yield from _models(file)
    yield from _select(file)
    yield from _people(file)
    yield from label_studio_problems(file)


def named_places(file: AnnotationFile) -> Iterator[tuple[Path, str]]:
    """Every place of data that a file names, each with its field."""
    several = isinstance(file.items.data, list)
    for index, each in enumerate(file.items.places):
        where: Path = ("items", "data", index) if several else ("items", "data")
        yield (where if isinstance(each, str) else (*where, "place")), data_set_of(each).place


def _items(file: AnnotationFile) -> Iterator[Problem]:
    items = file.items
    roles = {name: str(getattr(items, name)) for name in ("key", "label", "gold") if getattr(items, name) is not None}
    seen: dict[str, str] = {}
    for role, column in roles.items():
        other = seen.setdefault(column, role)
        if other != role:
            yield Problem(f"{column!r} is `{other}` already", ("items", role), found=show(column))
        if items.columns is not None and column in items.columns:
            yield Problem(
                f"{column!r} is `{role}`, {_WHY_NOT[role]}", ("items", "columns", items.columns.index(column)),
                found=show(column), suggestion="Leave it out",
            )  # fmt: skip
    if items.gold is not None and items.show is not None and items.gold in items.show:
        yield Problem(
            f"{items.gold!r} is the right answer (`gold`), which who labels must not see",
            ("items", "show", items.show.index(items.gold)), found=show(items.gold), suggestion="Leave it out",
        )  # fmt: skip
    if items.kind in BY_ADDRESS and items.address_column is None:
        yield Problem(
            f"nothing says which column has the address of the {items.kind}", ("items", "address"),
            allowed=tuple(items.columns or ()) or ("the name of a column",),
        )  # fmt: skip
    elif items.address is not None and items.kind not in BY_ADDRESS:
        yield Problem(
            f"the address is that of an image or of audio, and items are of kind {items.kind or 'row or text'}",
            ("items", "address"), found=show(items.address), suggestion="Say kind: image or kind: audio",
        )  # fmt: skip
    elif items.address is not None and items.columns is not None and items.address not in items.columns:
        yield Problem(
            f"{items.address!r} is none of `columns`, and it is what makes an item", ("items", "address"),
            found=show(items.address), allowed=tuple(items.columns),
            suggestion=did_you_mean(items.address, items.columns),
        )  # fmt: skip


ROLE = "role:"
"""How an entry of ``people.who`` begins that names all of a role."""

_WHY_NOT = {
    "key": "by which each item would be unlike all others",
    "label": "and models that see what they are to say learn nothing",
    "gold": "and models that see what they are to say learn nothing",
}


def _places(file: AnnotationFile) -> Iterator[Problem]:
    """Items must not be looked for where the project itself writes: its own data sets would come in as items."""
    own = _read(f"{file.output.storage.rstrip('/')}/{file.prefix}")
    seen: dict[str, Path] = {}
    for where, text in named_places(file):
        place = _read(text)
        if seen.setdefault(text, where) != where:
            yield Problem(f"{text} stands there twice", where, found=show(text))
        elif place is not None and own is not None and _reaches(place, own):
            yield Problem(
                f"the project itself lies there ({own.text}): what it writes would come in as items", where,
                found=show(text), suggestion="Name the folder of the items alone",
            )  # fmt: skip


WRITTEN = ("items/part.jsonl", "newest/train.csv", "sets/1-digest/train.csv")
"""Files that a project writes, below its folder, such as might be taken for items."""


def _reaches(place: DataPlace, own: DataPlace) -> bool:
    """Whether what the project writes would be found at a place.

    Folders whose names begin with ``_`` are left out of folders and patterns that do not name them themselves
    (`automl_core.data.listing`), so a folder above the project's is none of these.
    """
    if (place.scheme, place.root) != (own.scheme, own.root):
        return False
    base, inner = (posixpath.normpath(each or ".") for each in (place.fixed, own.path))
    if inner == base or base.startswith(f"{inner}/"):
        return True
    above = "" if base == "." else f"{base}/"
    if not inner.startswith(above):
        return False
    below = inner[len(above) :]
    if not place.is_pattern:
        return not _is_hidden(below)
    rest = place.path[len(place.fixed) :].lstrip("/")
    try:
        pattern, hidden = re.compile(regex_of(rest)), _is_hidden(rest)
    except re.error:  # such as [z-a]: whoever lists it says so
        return False
    return any(pattern.fullmatch(name) and (hidden or not _is_hidden(name)) for name in
               (f"{below}/{each}" for each in WRITTEN))  # fmt: skip


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in name.split("/"))


def _labels(file: AnnotationFile) -> Iterator[Problem]:
    labels = file.labels
    for group in ("hints", "keys"):
        for name in getattr(labels, group):
            if name not in labels.classes:
                yield Problem(
                    f"{name!r} is no class", ("labels", group, name), found=show(name), allowed=tuple(labels.classes),
                    suggestion=did_you_mean(name, labels.classes),
                )  # fmt: skip
    seen: dict[str, str] = {}
    for name, key in labels.keys.items():
        where: Path = ("labels", "keys", name)
        if len(key) != 1 or not key.isprintable():
            yield Problem(f"{show(key)} is no key", where, found=show(key), allowed=("one character, such as o or 1",))
        elif key in RESERVED:
            what = "the space bar" if key == " " else f"the key {key}"
            yield Problem(f"{what} is the page's own", where, found=show(key), allowed=("a letter or a digit",))
        elif (other := seen.setdefault(key.casefold(), name)) != name:
            yield Problem(
                f"{other!r} has the key {key.lower()} already", where, found=show(key),
                suggestion="Large letters count as small ones" if key.isupper() else "",
            )  # fmt: skip


def _models(file: AnnotationFile) -> Iterator[Problem]:
    seen: dict[tuple[str, str], int] = {}
    for index, each in enumerate(file.models):
        place = "" if each.is_program else (each.storage or file.output.storage).rstrip("/")
        if seen.setdefault((each.title, place), index) != index:
            yield Problem(
                f"{each.title!r} stands there twice, and two models of one experiment are one opinion"
                if not each.is_program else f"two programs are called {each.title!r}",
                ("models", index, "experiment" if not each.is_program else "name"), found=show(each.title),
                suggestion="Say `families: 2` for its two best models of different families"
                if not each.is_program else "Give each a name of its own",
            )  # fmt: skip
            return
    many = sum(each.models for each in file.models)
    if many > 2:
        yield Problem(
            f"these are {many} models, and two are compared", ("models",), found=str(many),
            suggestion="Leave out a model, or `families: 2`",
        )  # fmt: skip
    if file.promise is None:
        return
    if many < 2:
        yield Problem(
            "one model agrees with nobody: two of different families are needed for `agree`", ("models",), found="1",
            suggestion="Name another experiment, say `families: 2` for the two best families of this one, or "
            "`agree: off`",
        )  # fmt: skip
    families = [each.family for each in file.programs]
    if len(families) == 2 and str(families[0]).casefold() == str(families[1]).casefold():
        yield Problem(
            f"both programs are of the family {families[1]!r}: they make the same mistakes, so that they agree shows "
            "nothing", ("models", 1, "family"), found=show(families[1]),
            suggestion="Take a model of another family for one of them, or say `agree: off`",
        )  # fmt: skip


def _select(file: AnnotationFile) -> Iterator[Problem]:
    select = file.select
    if select.by in OF_TWO and sum(each.models for each in file.models) < 2:
        yield Problem(
            f"{select.by} is that of two models, and there is one", ("select", "by"), found=select.by,
            allowed=("margin", "entropy"),
        )  # fmt: skip
    shares = select.bad_share + select.random_share
    if shares >= 1:
        field = "bad_share" if "bad_share" in select.model_fields_set else "random_share"
        yield Problem(
            f"with random_share {select.random_share:.0%} and bad_share {select.bad_share:.0%} nothing of a batch is "
            "left for what is useful", ("select", field), found=f"{getattr(select, field):.0%}",
            allowed=("shares whose sum is below 100%",),
        )  # fmt: skip


def _people(file: AnnotationFile) -> Iterator[Problem]:
    people = file.people
    roles = any(name.startswith(ROLE) for name in people.who or ())
    if people.who is not None and not roles and people.votes > len(people.who):
        yield Problem(
            f"{people.votes} people label each item, and `who` names {len(people.who)}", ("people", "votes"),
            found=str(people.votes), allowed=(f"a whole number of at most {len(people.who)}",),
        )  # fmt: skip
    if roles and people.where != "page":
        role = next(index for index, name in enumerate(people.who or ()) if name.startswith(ROLE))
        yield Problem(
            f"roles are Airflow's, and people label {_PLACES[people.where]}", ("people", "who", role),
            found=show((people.who or [""])[role]), allowed=("names of people",),
        )  # fmt: skip
    if people.where == "label-studio" and file.label_studio is None:
        yield Problem(
            "people label in Label Studio, and nothing says where that is", ("label_studio",),
            suggestion="For example: label_studio: {connection: label_studio}",
        )  # fmt: skip
    if file.label_studio is not None and people.where != "label-studio":
        yield Problem(
            f"people label {_PLACES[people.where]}, so no server is needed", ("label_studio",),
            suggestion="Say `people: {where: label-studio}`, or leave it out",
        )  # fmt: skip
    if file.stop.money is not None and people.price == 0:
        yield Problem(
            "labels cost nothing here, so money would never end it", ("stop", "money"), found=show(file.stop.money),
            suggestion="Say what a label costs: people: {price: 0.05}",
        )  # fmt: skip


_PLACES = {"page": "on the page in Airflow", "files": "in files", "label-studio": "in Label Studio"}


def _read(text: str) -> DataPlace | None:
    try:
        return parse_place(filled_place(text))
    except (BadPlace, KeyError):
        return None
