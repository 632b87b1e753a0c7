"""What people see of items, by which digest they say so, and the record of it in a closed environment."""

from __future__ import annotations

from collections.abc import Sequence

from automl_airflow.web.access import annotation_of
from automl_airflow.web.annotation_catalog import ProjectInfo
from automl_airflow.web.annotation_standing import is_closed_project
from automl_airflow.web.downloads import Asker, note_items
from automl_airflow.web.held_projects import HeldProject
from automl_core.annotation.file import AnnotationFile
from automl_core.annotation.items import Catalog, Content, item_id

MOST_LISTED = 10_000
"""Letters of a text that a list shows; the item itself has them all."""


def seen_of(catalog: Catalog, item: str, show: Sequence[str] | None) -> Content:
    """What people see of an item: the columns of `show` that it has, in their order; all that makes it without them.

    Raises:
        NoSuchItem: there is none of that id.
        StorageError: it can't be read now.
    """
    if not show:
        return catalog.content(item)
    whole = catalog.shown(item)
    return {column: whole[column] for column in show if column in whole} or catalog.content(item)


def in_list(content: Content) -> tuple[Content, bool]:
    """What a list shows of an item, which may have a million letters, and a list a thousand items.

    Returns:
        The content with long texts cut, and whether one was.
    """
    cut = {
        column: f"{value[: MOST_LISTED - 1]}…"
        for column, value in content.items()
        if isinstance(value, str) and len(value) > MOST_LISTED
    }
    return {**content, **cut}, bool(cut)


def digest_of(catalog: Catalog, item: str, show: Sequence[str] | None) -> str:
    """The digest by which a label says that this was shown; see `seen_of`."""
    return item_id(seen_of(catalog, item, show))


def note_seen(
    asker: Asker, info: ProjectInfo, held: HeldProject, file: AnnotationFile | None, items: Sequence[str]
) -> None:  # fmt: skip
    """Record that somebody sees what stands in items, where the project is closed; called before it is sent.

    Raises:
        HTTPException: 503, it could not be recorded, so nothing is sent.
    """
    if items and is_closed_project(file, held.use(lambda state: state.document)):
        note_items(asker, held.store, info.name, annotation_of(info.name), items)
