"""Labelling configurations: one of ours for a kind of item and its classes, and what is read of somebody's own.

A configuration is XML (labelstud.io/tags). What this product needs of it is one ``Choices`` that gives a class;
whatever else is in it (boxes, brushes, times of audio) stays in Label Studio.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from automl_core.annotation.label_studio.errors import StudioError

CONTROL = "label"
"""Name of our ``Choices``."""

SHOWN = "shown"
"""Name of our object tag, and the task's field for a whole row."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)")
_ANSWERS = ("Choice", "Label")
"""Tags whose value is an answer: a class may be called ``$5``."""

_HOTKEYS = "1234567890qwertyuiopasdfghjklzxcvbnm"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What annotations of a project look like.

    Attributes:
        text: the XML.
        control: name of the ``Choices``, ``from_name`` of its results.
        shown: name of what it is about, ``to_name`` of its results.
        choices: a result's values, in order.
        fields: fields of a task that the configuration shows.
    """

    text: str
    control: str
    shown: str
    choices: tuple[str, ...]
    fields: tuple[str, ...]


def field_of(column: str, place: int) -> str:
    """The field of a task that shows a column: its own name where a configuration can have it."""
    return column if _PLAIN.fullmatch(column) else f"column_{place + 1}"


def configuration(
    kind: str, columns: Sequence[str], classes: Sequence[str], *, hints: Mapping[str, str] | None = None,
    keys: Mapping[str, str] | None = None,
) -> Configuration:  # fmt: skip
    """The configuration for a kind of item: one class of several, which must be given.

    Args:
        kind: ``row``, ``text``, ``image`` or ``audio``; of the last three the first column is the text or the address.
        columns: what people see of an item, in order.
        classes: that can be given, in order.
        hints: what is shown when the pointer rests on a class.
        keys: class → key of the keyboard; the others get free ones of 1 2 3 … q w e.

    Raises:
        StudioError: nothing is shown, or there are fewer than two classes.
    """
    if not columns or len(classes) < 2:
        raise StudioError("a labelling configuration needs a column that is shown, and two classes at least")
    fields = [field_of(column, place) for place, column in enumerate(columns)]
    lines = []
    if kind == "row":
        lines.append(f'  <Table name="{SHOWN}" value="${SHOWN}"/>')
        fields = [SHOWN]
    else:
        tag = {"text": "Text", "image": "Image", "audio": "Audio"}[kind]
        lines.append(f'  <{tag} name="{SHOWN}" value="${fields[0]}"/>')
        for column, field in zip(columns[1:], fields[1:], strict=True):
            heading = f"column {column}" if column.startswith("$") else column  # $ would ask for a field
            lines.append(f'  <Header size="6" value={quoteattr(heading)}/>')
            lines.append(f'  <Text name="about_{field}" value="${field}"/>')
    chosen = {**_free_keys(classes, keys or {}), **(keys or {})}
    lines.append(f'  <Choices name="{CONTROL}" toName="{SHOWN}" choice="single-radio" required="true">')
    for each in classes:
        more = f" hotkey={quoteattr(chosen[each])}" if each in chosen else ""
        more += f" hint={quoteattr(hints[each])}" if hints and each in hints else ""
        lines.append(f"    <Choice value={quoteattr(each)}{more}/>")
    text = "\n".join(["<View>", *lines, "  </Choices>", "</View>"])
    return Configuration(text, CONTROL, SHOWN, tuple(classes), tuple(fields))


def read_configuration(text: str) -> Configuration:
    """What a configuration says, one of the file's or one that a project has.

    Raises:
        StudioError: it is no XML, or not one ``Choices`` about one thing is in it.
    """
    if "<!" in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL):
        raise StudioError("a labelling configuration has tags and comments; <!DOCTYPE and its like have no place in it")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - entities, by which XML attacks, are refused above
    except ElementTree.ParseError as error:
        raise StudioError(f"the labelling configuration is no XML: {error}") from None
    controls = [each for each in root.iter("Choices") if each.get("name")]
    if len(controls) > 1:  # some are about a reason, a quality: ours is the one of our name
        controls = [each for each in controls if each.get("name") == CONTROL] or controls
    if len(controls) != 1:
        found = ", ".join(str(each.get("name")) for each in controls) or "none"
        raise StudioError(
            "the labelling configuration must have one <Choices name=… toName=…> that gives the class, or several of "
            f"which one is named {CONTROL!r}; found: {found}"
        )
    control = controls[0]
    shown = control.get("toName", "")
    if not shown or shown not in {each.get("name") for each in root.iter()}:
        raise StudioError(
            f"the labelling configuration: <Choices name={control.get('name')!r}> names {shown!r} in toName, and no "
            "tag has that name"
        )
    if control.get("choice", "single") == "multiple":
        raise StudioError(
            f"the labelling configuration: <Choices name={control.get('name')!r}> lets several classes be chosen "
            '(choice="multiple"); an item has one class: single, single-radio or select'
        )
    choices = tuple(str(each.get("alias") or each.get("value") or "") for each in control.iter("Choice"))
    fields = dict.fromkeys(
        named[1] for each in root.iter() if each.tag not in _ANSWERS
        for name in ("value", "valueList") if (named := _VARIABLE.match(each.get(name, "")))
    )  # fmt: skip
    return Configuration(text, str(control.get("name")), shown, choices, tuple(fields))


def lacking(found: Configuration, classes: Iterable[str]) -> list[str]:
    """Classes that nobody could choose."""
    return [each for each in classes if each not in found.choices]


def unknown_fields(found: Configuration, columns: Sequence[str]) -> list[str]:
    """Fields that a configuration shows and no task would have: Label Studio refuses such tasks."""
    known = {SHOWN, *columns, *(field_of(column, place) for place, column in enumerate(columns))}
    return [each for each in found.fields if each not in known]


def _free_keys(classes: Sequence[str], taken: Mapping[str, str]) -> dict[str, str]:
    free = (key for key in _HOTKEYS if key not in set(taken.values()))
    return dict(zip((one for one in classes if one not in taken), free, strict=False))
