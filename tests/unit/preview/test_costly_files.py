"""No experiment file costs who checks it more than a second: what grows is counted, and refused by name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from automl_core.spec.sizes import PARAMETERS
from tests.sources import ROOT
from tests.support.examples import examples

LARGEST = 1 << 18
"""Characters of a file that comes by the web view."""

SECONDS = 4
"""Of processor time a file may take here: a second on a quiet machine, and the rest for one that is not."""

LR = "  lr: {type: uniform, low: 0, high: 1}\n"
TRAIN = '  - {name: train, command: ["true"]}\n'


def text(
    space: str = LR, goal: str = "{metric: acc, direction: maximize}", search: str = "{algorithm: random}",
    trials: str = "{max: 10}", tasks: str = TRAIN, more: str = "",
) -> str:  # fmt: skip
    return (
        f"name: x\noutput: {{storage: 'file:///tmp/x'}}\ngoal: {goal}\nsearch: {search}\nspace:\n{space}"
        f"trials: {trials}\ntasks:\n{tasks}{more}"
    )


def many(count: int, line: Callable[[int], str]) -> str:
    return "".join(f"  {line(i)}\n" for i in range(count))


def listed(count: int, item: Callable[[int], str] = str) -> str:
    return "[" + ",".join(item(i) for i in range(count)) + "]"


FLAT = "{type: uniform, low: 0, high: 1}"
MILLION = "{max: 1000000}"
BUDGET = "{max: 1000000, concurrency: 1000, budget: {min: 1, max: 1000000000, factor: 2}}"

QUOTED = "'${%s}'"

UNKNOWN = "".join(f"${{rate{i}}}" for i in range(110))

WRONG = {
    "chain of conditions": (
        text(many(3000, lambda i: f"p{i}: {{type: int, low: 0, high: 9{f', when: {{p{i - 1}: [1]}}' if i else ''}}}")),
        "more than 1,000 parameters",
    ),
    "deep chain": (
        text(many(900, lambda i: f"p{i}: {{type: int, low: 0, high: 9{f', when: {{p{i - 1}: [1]}}' if i else ''}}}")),
        "stands behind 50 parameters",
    ),
    "deep chain of bounds": (
        text(many(900, lambda i: f"p{i}: {{type: int, low: 0, high: 9{f', at_least: p{i - 1}' if i else ''}}}")),
        "stands behind 50 parameters",
    ),
    "circle": (
        text(many(900, lambda i: f"p{i}: {{type: int, low: 0, high: 9, when: {{p{(i + 1) % 900}: [1]}}}}")),
        "in a circle",
    ),
    "aliases of a parameter": (text(f"  p0: &p {FLAT}\n" + many(19_000, lambda i: f"q{i}: *p")), "1,000 parameters"),
    "merged parameters": (text(f"  p0: &p {FLAT}\n" + many(9000, lambda i: f"q{i}: {{<<: *p}}")), "1,000 parameters"),
    "choice": (text(f"  a: {{type: choice, values: {listed(40_000)}}}\n"), "40,000 values of choices"),
    "conditions of many values": (
        text(f"  a: {{type: choice, values: {listed(5000)}}}\n"
             + many(10, lambda i: f"b{i}: {{type: int, low: 0, high: 1, when: {{a: {listed(3000)}}}}}")),
        "30,000 values that conditions name",
    ),
    "conditions on wrong values": (
        text(f"  a: {{type: choice, values: {listed(9000)}}}\n"
             + many(900, lambda i: f"b{i}: {{type: int, low: 0, high: 1, when: {{a: [x, y, z, q]}}}}")),
        "and 8,950 more",
    ),
    "unknown keys": (text(more="".join(f"key{i}: 1\n" for i in range(20_000))), "is not known"),
    "keys twice": (text(more="a: 1\n" * 40_000), "stands twice"),
    "arguments of many tasks": (
        text(tasks=many(100, lambda i: f"- {{name: t{i}, command: {listed(250, lambda _: QUOTED % 'lr')}}}")),
        "25,300 entries of all training tasks together",
    ),
    "tasks": (text(tasks=many(6000, lambda i: f'- {{name: t{i}, command: ["true"]}}')), "6,000 training tasks"),
    "patterns": (
        text(tasks='  - {name: t, command: ["true"], metrics: {source: stdout, patterns: {'
             + ",".join(f'm{i}: "x{i}=(?P<v>.*){{1,1000}}"' for i in range(3000)) + "}}}\n"),
        "3,000 patterns",
    ),
    "weights": (text(goal="{metric: {" + ",".join(f"m{i}: 1" for i in range(20_000)) + "}, direction: maximize}"),
                "20,000 weighted metrics"),
    "warm start": (text(search=f"{{algorithm: random, warm_start: {listed(15_000, lambda i: '{lr: 0.5}')}}}"),
                   "15,000 combinations"),
    "tags": (text(more=f"tags: {listed(30_000)}"), "30,000 tags"),
    "intervals": (text(search="{algorithm: pbt}", trials="{max: 10, budget: {max: 1000000000}}"), "intervals of 1"),
    "entangled grid": (
        text(many(250, lambda i: f"p{i}: {{type: choice, values: [1, 2]"
                  + (", when: {" + ",".join(f"p{j}: [1]" for j in range(40)) + "}" if i >= 40 else "") + "}"),
             search="{algorithm: grid}", trials=MILLION),
        "hang together",
    ),
    "laughs": (text(more="a: &a0 [1,1,1,1,1,1,1,1,1]\n"
                    + "".join(f"b{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))),
               "200,000 values, aliases expanded"),
    "placeholders that nothing has": (
        text(many(999, lambda i: f"parameter{i}: {FLAT}"),
             tasks='  - {name: train, command: "' + "".join(f"${{learning_rate{i}}} " for i in range(9000)) + '"}\n'),
        "${learning_rate0} is not known",
    ),
    "placeholders that nothing has, in many tasks": (
        text(many(900, lambda i: f"parameter{i}: {FLAT}"),
             tasks=many(100, lambda i: f"- {{name: t{i}, command: '{UNKNOWN}'}}")),
        "${rate0} is not known",
    ),
    "paths through a resource": (
        text(tasks="  - {name: t, backend: custom_resource, resource: {apiVersion: a/v1, kind: K, spec: {"
             + ",".join(f"k{i}: {{a: {{b: []}}}}" for i in range(6000)) + "}}, env_at: "
             + listed(500, lambda _: "spec.*.a.b")
             + ", success: [{condition: C}], failure: [{condition: F}]}\n").replace("file:", "s3:"),
        "more than 50,000 steps",
    ),
    "cron line": (text(more="schedule: '" + ",".join(str(i % 60) for i in range(60_000)) + " * * * *'\n"),
                  "at most 1,000 characters"),
    "brackets": ("[" * 100_000, "nested more than 64 deep"),
}  # fmt: skip
"""Files that once took up to half a minute, half a gigabyte or a RecursionError, and a part of what is said now."""

RIGHT = {
    **{
        f"a million of {name}": text(search=f"{{algorithm: {name}}}", trials=MILLION)
        for name in ("random", "sobol", "bayesian", "tpe", "annealing", "evolution", "auto")
    },
    **{
        f"a huge budget of {name}": text(search=f"{{algorithm: {name}}}", trials=BUDGET)
        for name in ("asha", "hyperband", "bohb", "dehb", "mobster", "freeze_thaw")
    },
    "a grid of ranges": text(
        "  a: {type: quniform, low: 0, high: 1000000, q: 0.001}\n  b: {type: int, low: 0, high: 9999}\n",
        search="{algorithm: grid}", trials=MILLION,
    ),
    "a grid of conditions": text(
        many(45, lambda i: f"p{i}: {{type: choice, values: [1, 2, 3]{f', when: {{p{i - 1}: [1, 2]}}' if i else ''}}}"),
        search="{algorithm: grid}", trials=MILLION,
    ),
    **{
        f"all parameters of {name}": text(many(PARAMETERS, lambda i: f"p{i}: {FLAT}"),
                                          search=f"{{algorithm: {name}}}", trials=BUDGET)
        for name in ("random", "sobol", "bayesian", "mobster", "freeze_thaw", "evolution")
    },
    "options": text(search="{algorithm: tpe, options: {startup: 1000000, candidates: 100000000}}", trials=MILLION),
    "exploration": text(search="{algorithm: evolution, options: {exploration: 1000000}}", trials=MILLION),
    "a command of all parameters": text(
        many(PARAMETERS, lambda i: f"p{i}: {FLAT}"),
        tasks='  - {name: train, command: "' + "".join(f"${{p{i % PARAMETERS}}} " for i in range(20_000)) + '"}\n',
    ),
    "arguments of many tasks": text(
        many(PARAMETERS, lambda i: f"p{i}: {FLAT}"),
        tasks=many(100, lambda i: f"- {{name: t{i}, command: {listed(190, lambda j: QUOTED % f'p{j}')}}}"),
    ),
    "a long command": text(tasks='  - {name: train, command: "' + "${lr} " * 40_000 + '"}\n'),
    "long SQL": text(tasks='  - {name: train, backend: maxcompute, sql: "' + "select 1; " * 20_000 + '"}\n'),
}  # fmt: skip
"""Files in which nothing is wrong, as large as they may be."""


def results_of(files: dict[str, str]) -> dict[str, str]:
    """What checking each of them says, in processes with limits."""
    assert all(len(each) <= LARGEST for each in files.values())
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.checked", str(SECONDS)], input=json.dumps(files), text=True,
        capture_output=True, cwd=ROOT, check=True,
    )  # fmt: skip
    return dict(json.loads(line) for line in done.stdout.splitlines())


def test_what_is_too_much_is_refused_by_name() -> None:
    found = results_of({name: file for name, (file, _) in WRONG.items()})
    assert len(found) == len(WRONG)
    assert not {name: said for name, said in found.items() if WRONG[name][1] not in said}


def test_the_largest_files_are_checked_and_laid_out() -> None:
    found = results_of(RIGHT)
    assert len(found) == len(RIGHT)
    assert not {name: said for name, said in found.items() if said != "ok"}


SCALAR = st.sampled_from(["1", "1e308", "0.1", "-1", "x", "null", "true", "9" * 250, "'${lr}'", "[]", "{}", "*a", "*b"])
KEY = st.sampled_from(
    ["name", "metric", "space", "type", "values", "when", "at_least", "low", "high", "trials", "max", "budget",
     "search", "algorithm", "options", "tasks", "command", "env", "lr", "p1", "schedule", "<<", "sql", "pod_template"]
)  # fmt: skip


@st.composite
def pieces(draw: st.DrawFn, depth: int = 3) -> str:
    """A piece of YAML that repeats what it holds a thousand times at some level, and still fits into a file."""
    kind = draw(st.sampled_from(["scalar", "list", "map", "long list", "wide map"] if depth else ["scalar"]))
    if kind == "scalar":
        return draw(SCALAR)
    inner = draw(pieces(depth - 1))
    if kind == "list":
        return f"[{inner}, {draw(SCALAR)}]"
    if kind == "map":
        return f"{{{draw(KEY)}: {inner}, {draw(KEY)}: {draw(SCALAR)}}}"
    count = min(draw(st.sampled_from([60, 1100, 6000])), (LARGEST - 4000) // (len(inner) + 8))
    return "[" + ", ".join([inner] * count) + "]" if kind == "long list" else (
        "{" + ", ".join(f"p{i}: {inner}" for i in range(count)) + "}"
    )  # fmt: skip


WHOLE = {
    "goal": "{metric: acc, direction: maximize}", "search": "{algorithm: random}", "space": f"{{lr: {FLAT}}}",
    "trials": MILLION, "tasks": "[{name: t, command: [x]}]",
}  # fmt: skip
ANCHORS = "a: &a [1, 2, 3]\nb: &b {type: uniform, low: 0, high: 1}\nname: x\n"


@settings(max_examples=examples(3), deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.lists(st.tuples(st.sampled_from(sorted(WHOLE)), pieces()), min_size=8, max_size=8))
def test_files_of_any_shape_are_answered(drawn: list[tuple[str, str]]) -> None:
    files = {}
    for number, (group, piece) in enumerate(drawn):
        groups = {**WHOLE, group: piece}
        files[str(number)] = (ANCHORS + "".join(f"{name}: {body}\n" for name, body in groups.items()))[:LARGEST]
    found = results_of(files)
    assert len(found) == len(files)
    assert not {name: (said, files[name][:2000]) for name, said in found.items() if said.startswith("FAILED")}


@pytest.mark.parametrize("count", [1, 999])
def test_a_file_below_the_limits_is_as_it_was(count: int) -> None:
    assert results_of({"x": text(many(count, lambda i: f"p{i}: {FLAT}"))}) == {"x": "ok"}
