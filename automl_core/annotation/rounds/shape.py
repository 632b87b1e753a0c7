"""Of what items are made: their columns and their kind, as the file says or as the items show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import Project


@dataclass(frozen=True)
class Shape:
    """What an item has.

    Attributes:
        columns: in their order.
        kind: row, text, image or audio.
    """

    columns: tuple[str, ...]
    kind: str

    @classmethod
    def of(cls, project: Project, file: AnnotationFile) -> Shape:
        """Of a project: by its file, and where that leaves it open by its first item.

        Columns that the file does not name are those of the first item, and of any other by name.
        """
        first = dict(project.catalog.content(project.catalog.id_of(0))) if project.state.count else {}
        columns = tuple(file.items.columns or first)
        kind = file.items.kind
        if kind is None:
            kind = "text" if len(columns) == 1 and isinstance(first.get(columns[0]), str) else "row"
        return cls(columns, kind)
