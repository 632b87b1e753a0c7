"""Sets of the user's own beside the table: whose groups their rows are of, of which moments, and what follows.

Who gives a validation set says by it what pipelines are judged by. Where its rows are of known groups, or lie before
the newest row that is learned from, it judges something else than new groups and later rows, and that has to be said.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.sources import Source
from automl_core.tabular import roles
from automl_core.tabular.guardrails.finding import Finding
from automl_core.tabular.structure import Structure
from automl_core.tabular.validation import Rows, Split
from automl_core.training.problems import TrainingError

Codes = NDArray[np.int64]


def joined(table: Source, more: Source, name: str | None, groups: Codes) -> Codes:
    """(n + rows of ``more``,) codes of groups: those of the table where it has the group, others beyond them.

    Args:
        table: the rows that ``groups`` are of, or that they begin with.
        more: other rows. Without the column, or a value, a row is a group of its own.
        name: the column that names groups.
        groups: (n,) codes of the table's rows, and of sets that were joined to it before.
    """
    beyond = int(groups.max(initial=-1)) + 1
    if name is None or name not in more.names:
        return np.concatenate([groups, beyond + np.arange(more.rows, dtype=np.int64)])
    known = {text: place for place, text in enumerate(table.column(name).coded()[1])}
    codes, levels = more.column(name).coded()
    places = np.array([known.get(text, beyond + place) for place, text in enumerate(levels)], dtype=np.int64)
    missing = codes < 0
    found = np.where(missing, beyond + len(levels) + np.arange(more.rows), 0).astype(np.int64)
    found[~missing] = places[codes[~missing]]
    return np.concatenate([groups, found])


def told(
    table: Source, valid: Source, structure: Structure, split: Split, rows: Rows, groups: Codes | None
) -> list[dict[str, Any]]:  # fmt: skip
    """What is to be said of the user's own validation set, as findings.

    Args:
        table: the rows, with those to learn from.
        valid: the set.
        structure: how rows belong together.
        split: by the set.
        rows: of the table, that may be learned from.
        groups: (N,) codes of all rows; None without.
    """
    asked_later = structure.order if structure.asked is not None else None
    time = structure.time if structure.kind == "time" else asked_later
    return judged(split, rows, structure.group, groups) + later(table, valid, rows, time)


def judged(split: Split, rows: Rows, group: str | None, groups: Codes | None) -> list[dict[str, Any]]:
    """What is to be said of the groups of the user's own validation set, as findings.

    Args:
        split: by it.
        rows: that may be learned from.
        group, groups: the column of groups, and (N,) their codes; None without.
    """
    own, found = split.folds[0].valid, []
    if group is not None and groups is not None:
        share = float(np.isin(groups[own], groups[rows]).mean())
        gone = len(rows) - len(split.folds[0].train)
        if share > 0:
            found.append(Finding(
                "validation", "certain" if gone else "doubtful", (group,),
                f"{_percent(share)} of the validation set's rows are of a {group} that rows to learn from are of too",
                f"{gone:,} rows of these are not learned from while pipelines are judged" if gone
                else f"nothing, since most rows are of these: pipelines are judged by known values of {group}, "
                f"though {group} itself is not learned from",
                f"if rows to predict are of new values of {group}, give a validation set of other ones; if they are of "
                f"known ones, leave columns.group out: {group} is learned from then",
                {"shared": round(share, 4), "left_out": float(gone)},
            ))  # fmt: skip
    return [each.as_json() for each in found]


def later(table: Source, valid: Source, rows: Rows, time: str | None) -> list[dict[str, Any]]:
    """What is to be said of the moments of the user's own validation set, as findings.

    Args:
        table: the rows, with those to learn from.
        valid: the set.
        rows: of the table, that may be learned from.
        time: the column of moments, where later rows are what is asked; None without. A set without it is passed over.
    """
    try:
        before = roles.times_of(table, time)
        after = roles.times_of(valid, time if time in valid.names else None)
    except TrainingError:  # neither a time nor a number
        return []
    if time is None or before is None or after is None:
        return []
    before, after = before[rows][np.isfinite(before[rows])], after[np.isfinite(after)]
    share = float((after <= before.max()).mean()) if len(before) and len(after) else 0.0
    if not share:
        return []
    return [Finding(
        "validation", "doubtful", (time,),
        f"{_percent(share)} of the validation set's rows are not later than the newest row to learn from, by {time}",
        "nothing: pipelines are judged by them",
        "if later rows are to be predicted, give a validation set that comes after all rows to learn from",
        {"not_later": round(share, 4)},
    ).as_json()]  # fmt: skip


def _percent(share: float) -> str:
    """A share in words; one that is not quite none or all is never called that."""
    return "under 1 %" if share < 0.01 else "over 99 %" if 0.99 < share < 1 else f"{share:.0%}".replace("%", " %")
