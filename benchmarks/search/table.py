"""The results as Markdown: ``python -m benchmarks.search.table`` prints them, ``--write`` puts them into the README.

There they stand between ``<!-- begin: NAME -->`` and ``<!-- end: NAME -->``.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from benchmarks.search import budgets as budget_peers
from benchmarks.search import curves_run, curves_table
from benchmarks.search.results import RESULTS, Result, saved
from benchmarks.search.statistics import Estimate, lead, mean_score, means_by_problem, ranks

README = Path(__file__).parents[1] / "README.md"
OURS = "bayesian"
SETS = ("nine", "eighteen", "check", "bbob", "live")
MAIN = ("nine", 1)
"""The set and number of pending trials that the summary is sorted by."""

_EARLY, _LATE = 30, 50
Groups = Mapping[tuple[str, int], Sequence[Result]]


def groups() -> dict[tuple[str, int], list[Result]]:
    """The results of each set and number of pending trials, best first; those that lack a problem are left out."""
    found: dict[tuple[str, int], list[Result]] = defaultdict(list)
    for result in saved():
        found[result.set, result.pending].append(result)
    order = sorted(found, key=lambda key: (SETS.index(key[0]), key[1]))
    return {key: sorted(_whole(found[key]), key=_place) for key in order}


def _whole(results: Sequence[Result]) -> list[Result]:
    problems = {problem for result in results for problem in result.scores}
    return [result for result in results if set(result.scores) == problems and result.seeds()]


def _place(result: Result) -> tuple[bool, float]:
    """Best first, those without runs of full length last."""
    late = mean_score(result, _LATE).mean
    return math.isnan(late), -(mean_score(result, _EARLY).mean if math.isnan(late) else late)


def overview(found: Groups) -> list[str]:
    """The one table: a row an algorithm, scores with intervals on every main set, rank, our lead, what an ask costs."""
    others = [("nine", 4), ("nine", 8), ("eighteen", 1)]
    lines = [
        f"| algorithm | seeds | after {_EARLY} | after {_LATE} | rank | our lead (95 %) | 4 pending | 8 pending "
        "| eighteen | CPU s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    by_name = {key: {r.algorithm: r for r in results} for key, results in found.items()}
    ours, rank = by_name[MAIN][OURS], ranks(found[MAIN], _LATE)
    for r in found[MAIN]:
        beside = [by_name.get(key, {}).get(r.algorithm) for key in others]
        cells = [
            str(len(r.seeds())), _score(mean_score(r, _EARLY)), _score(mean_score(r, _LATE)), _rank(rank, r),
            "" if r is ours else _lead(lead(ours, r, _LATE)),
            *("" if other is None else _score(mean_score(other, _LATE)) for other in beside), f"{_cpu(r):.3f}",
        ]  # fmt: skip
        lines.append(f"| {_name(r)} | {' | '.join(cells)} |")
    return lines


def summary(results: Sequence[Result]) -> list[str]:
    """One set's table: a row an algorithm."""
    ours = next((r for r in results if r.algorithm == OURS), None)
    rank = ranks(results, _LATE)
    lines = [
        f"| algorithm | seeds | after {_EARLY} | after {_LATE} | rank | our lead after {_EARLY} | {_LATE} | CPU s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        leads = ["" if ours is None or r is ours else _lead(lead(ours, r, trials)) for trials in (_EARLY, _LATE)]
        lines.append(
            f"| {_name(r)} | {len(r.seeds())} | {_score(mean_score(r, _EARLY))} | {_score(mean_score(r, _LATE))} "
            f"| {_rank(rank, r)} | {leads[0]} | {leads[1]} | {_cpu(r):.3f} |"
        )
    return lines


def by_problem(results: Sequence[Result]) -> list[str]:
    """A row a problem, a column an algorithm; what is better than ours is bold."""
    every = means_by_problem(results, _LATE)
    bars = every.get(OURS, dict.fromkeys(results[0].scores, 100.0))
    lines = [f"| after {_LATE} | " + " | ".join(every) + " |", "|---|" + "---|" * len(every)]
    for problem in results[0].scores:
        bar = bars[problem]
        means = [scores[problem] for scores in every.values()]
        cells = [f"**{mean:.0f}**" if round(mean) > round(bar) else f"{mean:.0f}" for mean in means]
        lines.append(f"| {problem} | " + " | ".join(cells) + " |")
    return lines


def details(found: Groups) -> list[str]:
    """Both tables of every set."""
    lines: list[str] = []
    for (name, pending), results in found.items():
        lines += [f"#### {name}, {pending} pending", "", *summary(results), "", *by_problem(results), ""]
    return lines[:-1]


def seconds() -> list[str]:
    """CPU (and wall) seconds of a suggestion by length of the history (`benchmarks.search.speed`)."""
    found: dict[str, dict[str, dict[str, float]]] = json.loads((RESULTS / "speed.json").read_text())
    lengths = sorted({int(length) for by_length in found.values() for length in by_length})
    lines = [f"| trials in the history | {' | '.join(f'{n:,}' for n in lengths)} |", "|---|" + "---|" * len(lengths)]
    for name, by_length in found.items():
        cells = [
            f"{by_length[str(n)]['cpu']:.3g} ({by_length[str(n)]['wall']:.3g})" if str(n) in by_length else ""
            for n in lengths
        ]
        shown = f"**{name}**" if name == OURS else name
        lines.append(f"| {shown} | {' | '.join(cells)} |")
    return lines


def budgets() -> dict[str, list[str]]:
    """Ours and the other libraries on the learning-curve tables, with each one's lead over random ASHA.

    Returns:
        Name of a block → its lines: the tables that are reported, and those held out of every choice of a constant.
    """
    ours, tables = curves_run.saved(), {"budgets": curves_run.MAIN, "budgets held out": curves_table.HELD_OUT}
    found = {"budgets": ours | budget_peers.saved(), "budgets held out": ours}
    return {name: _folded(curves_table.markdown(found[name], tables[name]).splitlines()) for name in tables}


def _folded(lines: list[str]) -> list[str]:
    """The first way of counting as it is, the others to be opened."""
    second = [place for place, line in enumerate(lines) if line.startswith("Found:")][1]
    more = ["<details><summary>Two other ways to count what was found</summary>", "", *lines[second:], "", "</details>"]
    return lines[:second] + more


def _name(result: Result) -> str:
    return f"**{result.algorithm}**" if result.algorithm == OURS else f"{result.algorithm} {result.version}".strip()


def _cpu(result: Result) -> float:
    return fmean(seconds for by_seed in result.cpu.values() for seconds in by_seed.values())


def _rank(rank: Mapping[str, float], result: Result) -> str:
    return f"{rank[result.algorithm]:.1f}" if result.algorithm in rank else "–"


def _score(estimate: Estimate) -> str:
    if math.isnan(estimate.mean):
        return "–"
    return f"{estimate.mean:.1f}" + ("" if math.isnan(estimate.half) else f" ± {estimate.half:.1f}")


def _lead(estimate: Estimate) -> str:
    if math.isnan(estimate.mean):
        return "–"
    return f"{estimate.mean:+.0f} ({estimate.low:+.0f} … {estimate.high:+.0f})"


def written(text: str, blocks: Mapping[str, Sequence[str]]) -> str:
    """A page with its marked blocks replaced.

    Raises:
        ValueError: the page has no such block.
    """
    for name, lines in blocks.items():
        begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"{README}: there is no block {begin} … {end}")
        block = "\n".join([begin, *lines, end])
        text = pattern.sub(lambda _, block=block: block, text)  # type: ignore[misc]
    return text


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="replace the tables in benchmarks/README.md")
    arguments = parser.parse_args()
    found = groups()
    blocks = {"overview": overview(found), "speed": seconds(), **budgets(), "details": details(found)}
    if arguments.write:
        README.write_text(written(README.read_text(), blocks))
        return
    for lines in blocks.values():
        print("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
