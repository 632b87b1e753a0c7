"""Where a rollout's tallies and looks lie: below ``_models/NAME/rollouts/ID/``."""

from __future__ import annotations

from typing import Any

import msgspec

from automl_core.journal.records import key_of, seq_of
from automl_core.models.life.layout import model_prefix
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.structs import known

FORMAT = 1
"""Version of the looks that this code writes; it reads every version up to this one."""


class _Shown(msgspec.Struct):
    view: dict[str, Any]
    format: int


def rollout_prefix(model: str, rollout: int) -> str:
    """The folder of a rollout, ending with '/'."""
    return f"{model_prefix(model)}rollouts/{rollout}/"


def tallies_prefix(model: str, rollout: int) -> str:
    """The folder of a rollout's tallies, ending with '/'."""
    return f"{rollout_prefix(model, rollout)}tallies/"


def looks_prefix(model: str, rollout: int) -> str:
    """The folder of a rollout's looks, ending with '/'."""
    return f"{rollout_prefix(model, rollout)}looks/"


def look_key(model: str, rollout: int, number: int) -> str:
    """The object of a look."""
    return looks_prefix(model, rollout) + key_of(number)


def newest_after(store: ObjectStore, model: str, rollout: int, number: int) -> tuple[int, list[str]]:
    """The number of the newest look behind another one (that one's where nothing is), and the keys behind it.

    Raises:
        StorageError: the store is away.
    """
    folder = looks_prefix(model, rollout)
    keys = store.list(folder, start_after=folder + key_of(number) if number else "")
    numbers = [seq for seq in (seq_of(key.removeprefix(folder)) for key in keys) if seq is not None]
    return max(numbers, default=number), keys


def read_view(store: ObjectStore, model: str, rollout: int) -> dict[str, Any] | None:
    """What the newest look shows, as `View.to_json` has it; None before the first. A listing and a read.

    Raises:
        ValueError: what lies there is none, or one of a later release.
        StorageError: the store is away.
    """
    while True:
        number, _ = newest_after(store, model, rollout, 0)
        if not number:
            return None
        try:
            data = store.get(look_key(model, rollout, number))
        except NotFound:  # removed between the two: there are newer ones
            continue
        try:
            found = msgspec.json.decode(data, type=_Shown)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ValueError(f"look {number} at rollout {rollout} of {model} is none: {error}") from None
        if found.format > FORMAT:
            raise ValueError(
                f"look {number} at rollout {rollout} of {model} has the format {found.format}; this release reads up "
                f"to {FORMAT}"
            )
        return found.view


known(_Shown)
