"""What of an item is shown in Label Studio: fields of a task, as text.

As text, since databases keep numbers in forms of their own (PostgreSQL makes 1e2 a 100), and what a task shows is told
from what it was sent with by a digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from automl_core.annotation.label_studio.configuration import (
    SHOWN,
    Configuration,
    configuration,
    field_of,
    read_configuration,
)

if TYPE_CHECKING:
    from automl_core.annotation.file.annotation import AnnotationFile

Content = Mapping[str, Any]


def columns_of(file: AnnotationFile, content: Content) -> list[str]:
    """The columns that people see, the text or address first.

    Args:
        file: the project's.
        content: any item, with what is shown beside it.
    """
    columns = list(file.show or file.items.columns or content)
    address = file.items.address_column
    if address is not None:
        columns = [address, *(each for each in columns if each != address)]
    return columns


def kind_of(file: AnnotationFile, content: Content) -> str:
    """The kind of item: as the file says, else text where one column has it, else row."""
    if file.items.kind is not None:
        return file.items.kind
    made_of = file.items.columns or list(content)
    return "text" if len(made_of) == 1 and isinstance(content.get(made_of[0]), str) else "row"


def configuration_of(file: AnnotationFile, content: Content) -> Configuration:
    """The labelling configuration of a project: the file's own, else that for its kind of item.

    Raises:
        StudioError: the file's own is none.
    """
    own = file.label_studio.config if file.label_studio is not None else None
    if own is not None:
        return read_configuration(own)
    keys = {name: key for key, name in file.labels.keyboard.items()}
    return configuration(
        kind_of(file, content), columns_of(file, content), file.labels.classes, hints=file.labels.hints, keys=keys
    )


def data_of(content: Content, columns: Sequence[str], asked: Configuration) -> dict[str, Any]:
    """The fields of an item's task.

    Args:
        content: the item, with what is shown beside it.
        columns: that people see.
        asked: the project's configuration; what it shows beyond these columns goes along, and nothing else does.
    """
    fields = {field_of(column, place): _text(content.get(column)) for place, column in enumerate(columns)}
    if SHOWN in asked.fields and SHOWN not in fields:
        whole = {column: _text(content.get(column)) for column in columns}
        return {**{name: value for name, value in fields.items() if name in asked.fields}, SHOWN: whole}
    for each in asked.fields:
        fields.setdefault(each, _text(content.get(each)))
    return fields


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("\0", "�")  # which PostgreSQL takes in no text
