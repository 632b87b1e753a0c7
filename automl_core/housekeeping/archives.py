"""Archives of code that nothing in a model storage path names any more."""

from __future__ import annotations

from automl_core.code import FOLDER
from automl_core.housekeeping.inventory import Inventory
from automl_core.storage.base import Entry


def unused_archives(inventory: Inventory, *, older_than: float, at: float) -> list[Entry]:
    """The archives of some age that no run, no model, no annotation and no experiment file names.

    Runs that go count as well: what they alone name goes the next time. Where nobody can tell what something names,
    there are none.

    Args:
        inventory: all that there is.
        older_than: seconds since an archive was written.
        at: the time to tell ages from, seconds since 1970.
    """
    if inventory.mentions.unread or any(run.problem and not run.code for run in inventory.runs):
        return []
    used = {run.code for run in inventory.runs}
    found = []
    for entry in inventory.code:
        digest = entry.key.removeprefix(FOLDER).partition(".")[0]
        if at - entry.modified < older_than or digest in used:
            continue
        if not any(digest in text.text for text in inventory.mentions.texts):
            found.append(entry)
    return found
