"""What people write on a run and on its trials: a name, tags and a comment. They change nothing that the search does.

They stand in the journal as records of the kind ``note`` with the key ``label``, which older releases pass over. A
record carries only the fields that were changed, so that two people who change different ones don't undo each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

RUN = -1
"""Key of the run's own label beside the numbers of trials."""

MOST_TAGS = 20
LONGEST_TAG = 50
LONGEST_NAME = 200
LONGEST_COMMENT = 4000


class Label(msgspec.Struct, omit_defaults=True, frozen=True):
    """What people wrote on a run or a trial.

    Attributes:
        name: what they call it, on one line.
        tags: to find it by; sorted, each once.
        comment: any text.
        by, time: who changed it last, and when.
    """

    name: str = ""
    tags: tuple[str, ...] = ()
    comment: str = ""
    by: str = ""
    time: float = 0.0


NO_LABEL = Label()
"""Of everything that nobody has written on."""


def changed(label: Label, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a person's wish changes, as a record carries them.

    Args:
        label: as it is now.
        wanted: ``name``, ``tags`` and ``comment``, or some of them; an empty one takes away what there was.

    Raises:
        ValueError: one is too long or no label. The message says which, and what is allowed.
    """
    fields: dict[str, Any] = {}
    if "name" in wanted:
        fields["name"] = _line("name", str(wanted["name"]), LONGEST_NAME)
    if "tags" in wanted:
        tags = sorted({_line("tags", str(tag), LONGEST_TAG) for tag in wanted["tags"]} - {""})
        if len(tags) > MOST_TAGS:
            raise ValueError(f"tags: {len(tags)} are too many; at most {MOST_TAGS} are kept")
        if wrong := next((tag for tag in tags if "," in tag), None):
            raise ValueError(f"tags: {wrong!r} has a comma in it, which stands between tags")
        fields["tags"] = tags
    if "comment" in wanted:
        comment = str(wanted["comment"]).replace("\r\n", "\n").strip()
        if len(comment) > LONGEST_COMMENT:
            raise ValueError(f"comment: {len(comment)} characters are too many; at most {LONGEST_COMMENT} are kept")
        fields["comment"] = comment
    before = {"name": label.name, "tags": list(label.tags), "comment": label.comment}
    return {name: value for name, value in fields.items() if value != before[name]}


def labelled(label: Label, data: Mapping[str, Any], time: float) -> Label:
    """A label after a record.

    Args:
        label: as it was.
        data: of the record.
        time: of the record, seconds since 1970.

    Raises:
        TypeError, ValueError: the record's label is none.
    """
    fields = dict(data["label"])
    return Label(
        name=str(fields.get("name", label.name)),
        tags=tuple(str(tag) for tag in fields.get("tags", label.tags)),
        comment=str(fields.get("comment", label.comment)),
        by=str(data.get("by", "")),
        time=time,
    )


def _line(field: str, text: str, longest: int) -> str:
    line = " ".join(text.split())
    if len(line) > longest:
        raise ValueError(f"{field}: {line[:40]!r}… has {len(line)} characters; at most {longest} are kept")
    return line
