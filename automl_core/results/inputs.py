"""What a run works on, as published and as shown: its data sets, what changed of them, whose ``prepare`` it uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from automl_core.data.fingerprint import told
from automl_core.data.inputs import MISSING
from automl_core.study.prepared import taken_in
from automl_core.study.stages import DATA
from automl_core.study.state import State, Trial

_NAMED = 3


def data_entries(state: State) -> dict[str, Any]:
    """The data sets of a run by name, as plain JSON: their fingerprints, and the trials that found them changed."""
    entries = {}
    for name, found in state.inputs.get(DATA, {}).items():
        begin = f"data.{name} "
        changed = [
            trial.number for trial in state.trials if any(w.startswith(begin) for w in warnings_of(state, trial))
        ]
        known = {key: value for key, value in found.items() if key != "quick"}
        words = "not there when the run began" if found.get(MISSING) else told(found)
        entries[name] = {**known, "told": words, "changed_in": changed}
    return entries


def input_entries(state: State) -> dict[str, Any]:
    """What the result says of what the run works on; empty where nothing is known."""
    entries: dict[str, Any] = {}
    data, taken = data_entries(state), taken_in(state.inputs)
    if data:
        entries["data"] = data
    if taken is not None:
        entries["prepared_by"] = taken.run
    return entries


def warnings_of(state: State, trial: Trial) -> list[str]:
    """What whoever looks at a trial should know, each once."""
    attempts = (attempt for slot in trial.slots for attempt in state.works[slot].attempts)
    return list(dict.fromkeys(words for attempt in attempts for words in attempt.warnings))


def data_lines(entries: Mapping[str, Any]) -> Iterable[str]:
    """A line for each data set, for people.

    Args:
        entries: see `data_entries`.
    """
    for name, entry in entries.items():
        changed = entry["changed_in"]
        more = ", …" if len(changed) > _NAMED else ""
        found = f"; changed before trial{'s' if len(changed) > 1 else ''} {', '.join(map(str, changed[:_NAMED]))}{more}"
        yield f"data.{name}: {entry['place']}: {entry['told']}{found if changed else ''}"
