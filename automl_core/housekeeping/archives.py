"""Archives of code that nothing in a model storage path names any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automl_core.code import FOLDER
from automl_core.housekeeping.inventory import Inventory


def unused_archives(inventory: Inventory, older_than: float, at: float) -> Iterator[dict[str, Any]]:
    """The archives of some age that no run, no model, no annotation and no experiment file names.

    Runs that go count as well: what they alone name goes the next time. Where nobody can tell what something names,
    there are none.

    Args:
        inventory: all that there is.
        older_than: seconds since an archive was written.
        at: the time to tell ages from, seconds since 1970.

    Returns:
        Of each what a plan's item says of it; its identity is the time at which it was written.
    """
    if inventory.mentions.unread or any(run.problem and not run.code for run in inventory.runs):
        return
    used = {run.code for run in inventory.runs}
    for entry in inventory.code:
        digest, age = entry.key.removeprefix(FOLDER).partition(".")[0], at - entry.modified
        if age < older_than or digest in used or any(digest in text.text for text in inventory.mentions.texts):
            continue
        written = repr(entry.modified)
        yield {"place": entry.key, "objects": 1, "bytes": entry.size, "age": age, "identity": written}
