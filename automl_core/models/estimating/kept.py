"""What an evidence keeps so that quality can be estimated later: what was said and what came, of some thousand rows.

No value of a column is kept, only on which side of the column's middle a row lies. That is enough to see how far an
estimate is off where rows are of another mix than before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

FORMAT = 1

MOST_ROWS = 5_000
"""Rows that are kept: a calibration of three numbers is known to a few thousandths from so many."""

MOST_NUMBERS = 50_000
"""Probabilities that are kept: with many classes fewer rows are."""

MOST_COLUMNS = 20
"""Columns of which halves are kept."""


@dataclass(frozen=True)
class Kept:
    """Rows of an evidence.

    Attributes:
        outputs: (m, K) what the model said.
        labels: (m,) positions of the classes that it decided for.
        truth: (m,) positions of the classes that came.
        classes: in the order of the outputs.
        of: rows that these are some of.
        units: (m,) which rows belong together, for draws; None where each is one.
        halves: column → (m,) on which side of its middle a row lies.
    """

    outputs: Floats
    labels: Codes
    truth: Codes
    classes: tuple[str, ...]
    of: int
    units: Codes | None = None
    halves: Mapping[str, Mask] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.truth)

    @classmethod
    def some(
        cls, outputs: Floats, labels: Codes, truth: Codes, classes: Sequence[str], *, units: Codes | None = None,
        halves: Mapping[str, Mask] | None = None, seed: Sequence[int] = (0,),
    ) -> Kept | None:  # fmt: skip
        """Some of the rows of an evidence; None where there are no probabilities.

        Args:
            outputs: (n, K) what the model said of them.
            labels: (n,) positions of the classes that it decided for.
            truth: (n,) positions of the classes that came.
            classes: K names.
            units: (n,) the unit of each row; None where each is one.
            halves: column → (n,) see the class.
            seed: of the choice, where there are more than are kept.
        """
        if outputs.ndim != 2 or outputs.shape[1] < 2 or not len(truth):
            return None
        most = max(1, min(MOST_ROWS, MOST_NUMBERS // outputs.shape[1]))
        count = len(truth)
        at = np.arange(count)
        if count > most:
            at = np.sort(np.random.default_rng(list(seed)).choice(count, most, replace=False))
        named = dict(list((halves or {}).items())[:MOST_COLUMNS])
        return cls(
            outputs[at], labels[at], truth[at], tuple(classes), count,
            None if units is None else np.unique(units[at], return_inverse=True)[1].astype(np.int64),
            {name: each[at] for name, each in named.items()},
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """As plain data: of two classes the second one's probabilities; six digits; halves as texts of 0 and 1."""
        shown = self.outputs[:, 1] if self.outputs.shape[1] == 2 else self.outputs.ravel()
        found: dict[str, Any] = {
            "format": FORMAT, "of": self.of, "classes": list(self.classes), "labels": self.labels.tolist(),
            "truth": self.truth.tolist(),
            "probabilities": [float(f"{each:.6g}") for each in shown.tolist()],
            "halves": {name: "".join("1" if one else "0" for one in each.tolist())
                       for name, each in self.halves.items()},
        }  # fmt: skip
        return found if self.units is None else found | {"units": self.units.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Kept:
        """From what `to_json` gave.

        Raises:
            ValueError: a later release wrote it, or it is none.
        """
        try:
            if int(data["format"]) > FORMAT:
                raise ValueError(f"its format {data['format']} is later than {FORMAT}, the latest this release reads")
            classes = tuple(str(each) for each in data["classes"])
            labels, truth = (np.asarray(data[each], dtype=np.int64) for each in ("labels", "truth"))
            given = np.asarray(data["probabilities"], dtype=np.float64)
            outputs = np.column_stack([1 - given, given]) if len(classes) == 2 else given.reshape(-1, len(classes))
            units = np.asarray(data["units"], dtype=np.int64) if "units" in data else None
            halves = {
                str(name): np.frombuffer(text.encode("ascii"), dtype=np.uint8) == ord("1")
                for name, text in data["halves"].items()
            }
            lengths = {len(outputs), len(labels), len(truth), *(len(each) for each in halves.values())}
            if len(lengths | ({len(units)} if units is not None else set())) != 1:
                raise ValueError("its parts are of different numbers of rows")
            return cls(outputs, labels, truth, classes, int(data["of"]), units, halves)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no rows that an estimate can stand on: {type(error).__name__}: {error}") from None


def halves_of(numbers: Mapping[str, Floats], categories: Mapping[str, Codes]) -> dict[str, Mask]:
    """On which side of each column's middle rows lie; columns of one value alone are left out.

    Args:
        numbers: column → (n,) values, NaN where there is none: beyond the median or not.
        categories: column → (n,) codes, -1 where there is none: among the first so many, the most frequent first, that
            hold half of the rows, or not.
    """
    found: dict[str, Mask] = {}
    for name, values in numbers.items():
        known = values[~np.isnan(values)]
        found[name] = np.nan_to_num(values, nan=-np.inf) > (np.median(known) if len(known) else np.inf)
    for name, codes in categories.items():
        counts = np.bincount(codes + 1)
        order = np.argsort(-counts, kind="stable")
        before = np.cumsum(counts[order]) - counts[order]
        found[name] = np.isin(codes + 1, order[before < len(codes) / 2])
    return {name: each for name, each in found.items() if each.any() and not each.all()}
