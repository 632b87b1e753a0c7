"""Environments of training programs on this machine that nobody has used for long."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from automl_core.environments import Shelf
from automl_core.environments.shelf import Kept
from automl_core.housekeeping.plan import DAY, Item

_IDENTITY = "environment "


def unused_environments(home: Path, older_than: float, now: float, shelf: Shelf | None = None) -> Iterator[Item]:
    """Environments that no training has asked for in so long, and those whose making was killed.

    Args:
        home: AUTOML_HOME.
        older_than: seconds; at least a day is kept to.
        now: seconds since 1970.
        shelf: where they lie; this machine's by default.
    """
    for kept in (shelf or Shelf.of(home)).kept():
        if now - kept.used < max(older_than, DAY):
            continue
        why = f"no training has used it ({kept.what})" if kept.what else "left by a process that was killed"
        objects, size = _measure(kept.folder)
        place, identity = str(kept.folder.absolute()), f"{_IDENTITY}{kept.used!r}"
        yield Item("caches", place, why, "", "", objects, size, now - kept.used, identity=identity)


def is_environment(item: Item) -> bool:
    """Whether a thing on this machine is an environment: it goes by its own lock."""
    return item.place.startswith("/") and item.identity.startswith(_IDENTITY)


def remove_environment(item: Item) -> str:
    """Remove what `unused_environments` has named. Returns why it stays, empty where it is gone."""
    folder = Path(item.place)
    return Shelf(folder.parent).remove(Kept(folder, float(item.identity.removeprefix(_IDENTITY)), ""))


def _measure(folder: Path) -> tuple[int, int]:
    """Files of an environment and their bytes; of the product, which is only linked, the links."""
    objects, size = 0, 0
    for above, folders, files in os.walk(folder):
        for name in (*files, *folders):
            path = os.path.join(above, name)
            if name in files or os.path.islink(path):
                try:
                    size += os.lstat(path).st_size
                except FileNotFoundError:
                    continue
                objects += 1
    return objects, size
