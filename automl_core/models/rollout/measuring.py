"""A rollout's metrics of late labels: a value of each answer, summed up by the hour in which it was given."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from automl_core.models.rollout.measures import HOUR, MEASURES, Hour, Measured

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

PREDICTION, PROBABILITY, INSTEAD = "prediction", "probability_", "fallen_back"
"""Columns of the servers' log: what was said, a class's probability, why another version answered instead."""

_LEAST = 1e-15
"""The least probability that a logarithm is taken of."""


def measure(
    table: pa.Table, names: Iterable[str], *, outcome: str, version: str, answered: str, time: float,
    zone: str | None = None, words: Iterable[str] = (),
) -> list[Measured]:  # fmt: skip
    """Measure metrics on answers with outcomes.

    Args:
        table: a row for each answer that has an outcome.
        names: of `MEASURES`.
        outcome, version, answered: its columns with what came true, who answered, and when.
        time: of the measurement, seconds since 1970.
        zone: of times without an offset.
        words: what became of answers and outcomes.

    Returns:
        A measurement of each metric; with `Measured.problem` where it can't be measured on these rows.
    """
    import numpy as np
    import pyarrow.compute as pc

    from automl_core.models.feedback.moments import MICROSECONDS, moments

    told = list(words)
    if INSTEAD in table.column_names:
        table = table.filter(pc.is_null(table[INSTEAD]))  # whoever answered them had not been drawn for them
    names = list(names)
    if not table.num_rows:
        return [Measured(name, time, words=told) for name in names]
    found = []
    at = moments(table[answered], answered, "the logged answers", zone)
    start = np.floor(at.at / MICROSECONDS / HOUR) * HOUR
    who = pc.fill_null(table[version].cast("int64"), -1).to_numpy()
    for name in names:
        values, problem = _values(name, table, outcome)
        if values is None:
            found.append(Measured(name, time, words=told, problem=problem))
            continue
        usable = np.isfinite(values) & at.known & (who >= 0)
        left = int((~usable).sum())
        said = [*told, f"{left:,} of {len(values):,} labelled answers have no value of {name}"] if left else told
        found.append(Measured(name, time, _by_hour(values[usable], start[usable], who[usable]), said))
    return found


def _by_hour(values: NDArray[np.float64], start: NDArray[np.float64], who: NDArray[np.int64]) -> list[Hour]:
    import numpy as np

    hours = []
    for version in np.unique(who):
        mine = who == version
        for begun in np.unique(start[mine]):
            those = values[mine & (start == begun)]
            spread = float(those.var(ddof=1)) if len(those) > 1 else 0.0
            hours.append(Hour(float(begun), int(version), len(those), float(those.mean()), spread))
    return hours


def _values(name: str, table: pa.Table, outcome: str) -> tuple[NDArray[np.float64] | None, str]:
    """A value of each row; NaN where it has none. Or None, and why."""
    import numpy as np

    assert name in MEASURES
    if name in ("log_loss", "brier_score"):
        return _of_probabilities(name, table, outcome)
    if PREDICTION not in table.column_names:
        return None, f"the log has no column {PREDICTION!r}"
    if name == "accuracy":
        said, true = _texts(table[PREDICTION]), _texts(table[outcome])
        values = (said == true).astype(np.float64)
        values[(said == "") | (true == "")] = np.nan
        return values, ""
    numbers = [_numbers(table[each]) for each in (PREDICTION, outcome)]
    if numbers[0] is None or numbers[1] is None:
        which = PREDICTION if numbers[0] is None else outcome
        return None, f"{which!r} holds no numbers, and {name} is of numbers"
    error = numbers[0] - numbers[1]
    return (np.abs(error) if name == "mae" else error**2), ""


def _of_probabilities(name: str, table: pa.Table, outcome: str) -> tuple[NDArray[np.float64] | None, str]:
    import numpy as np
    import pyarrow.compute as pc

    classes = [each.removeprefix(PROBABILITY) for each in table.column_names if each.startswith(PROBABILITY)]
    if len(classes) < 2:
        return None, f"the log has no probabilities, and {name} is of probabilities"
    given = np.column_stack([
        pc.fill_null(table[f"{PROBABILITY}{each}"].cast("float64"), np.nan).to_numpy() for each in classes
    ])  # fmt: skip
    wanted = _texts(table[outcome])[:, None] == np.asarray([_text(each) for each in classes])[None, :]
    known = wanted.any(axis=1)
    if name == "brier_score":
        values = ((given - wanted) ** 2).sum(axis=1) / (2 if len(classes) == 2 else 1)
    else:
        own = np.where(wanted, given, 0.0).sum(axis=1) / given.sum(axis=1)
        values = -np.log(np.clip(own, _LEAST, 1.0))
    values[~known] = np.nan
    return values, ""


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64] | None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return np.asarray(pc.fill_null(column.cast("float64"), np.nan).to_numpy())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _texts(column: pa.ChunkedArray) -> NDArray[np.str_]:
    """Labels as texts that are equal where the labels are: 1, 1.0 and "1" are one label, true and "True" as well."""
    import numpy as np

    known = {each: _text(each) for each in column.unique().to_pylist()}
    return np.asarray([known[each] for each in column.to_pylist()], dtype=np.str_)


def _text(label: object) -> str:
    if label is None:
        return ""
    text = str(label)
    if isinstance(label, bool) or text in ("True", "False"):
        return text.lower()
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):  # a class called "inf" or "nan" is a text
        return text
    return f"{number:g}" if number == int(number) and abs(number) < 1e6 else repr(number)
