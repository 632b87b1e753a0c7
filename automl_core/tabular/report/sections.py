"""The report's sections, each from its part of report.json; None where there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from automl_core.tabular.report import charts, words
from automl_core.tabular.report.figures import count, finite, number, seconds, share, short, size
from automl_core.tabular.report.markup import Markup, el, join
from automl_core.tabular.report.parts import finding, folded, table

Report = Mapping[str, Any]

MOST_PIPELINES, MOST_STRIPS, MOST_COLUMNS, MOST_CLASSES, MOST_POINTS = 60, 15, 25, 20, 1500
"""What of a long list is drawn; the rest is counted."""


def quality(report: Report) -> Markup | None:
    """How good the model is on rows that no search has seen."""
    test = report.get("test") or {}
    metrics = test.get("metrics") or {}
    if not metrics:
        return el("p", words.UNTESTED)
    rows = [
        (name, number(value.get("value")), _interval(value))
        for name, value in metrics.items() if isinstance(value, Mapping)
    ]  # fmt: skip
    where = "Metrics on the test part" if untouched(report) else "Metrics on rows held out in the search"
    return join([
        el("p", words.UNTESTED) if not untouched(report) else None,
        el("p", (words.TESTED if untouched(report) else words.HELD_OUT).format(rows=count(test.get("rows"), "row"))),
        table(("Metric", "Value", "Interval"), rows, caption=where, numbers=(1, 2)),
    ])  # fmt: skip


def untouched(report: Report) -> bool:
    """Whether the rows that the model was measured on took no part in the search."""
    return bool((report.get("test") or {}).get("untouched"))


def _interval(value: Mapping[str, Any]) -> str:
    low, high = finite(value.get("low")), finite(value.get("high"))
    return f"{number(low)} to {number(high)}" if low is not None and high is not None else "–"


def guardrails(report: Report) -> Markup | None:
    """What was found in the data, and what was done about it."""
    found = [each for each in report.get("guardrails") or [] if isinstance(each, Mapping)]
    if not found:
        return el("p", el("span", "nothing found", class_="tag good"), " ", words.CLEAN)
    order = sorted(found, key=lambda each: each.get("certainty") != "certain")
    return join([
        el("p", words.FOUND),
        [finding(each) for each in order],
    ])  # fmt: skip


def validation(report: Report) -> Markup | None:
    """How pipelines were judged, and why so."""
    told = report.get("validation") or {}
    if not told:
        return None
    said = [
        ("Kind", str(told.get("kind", "")).replace("_", " ")), ("Folds", number(told.get("folds"))),
        ("Groups by", told.get("group")), ("In the order of", told.get("time")),
    ]  # fmt: skip
    rows = [(name, str(value)) for name, value in said if value not in (None, "", "–")]
    why = told.get("why")
    return join([
        el("p", str(why)) if why else None, table(("", ""), rows, caption="How pipelines were judged") if rows else None
    ])  # fmt: skip


def leaderboard(report: Report) -> Markup | None:
    """Every pipeline that was tried, the best first."""
    board = [each for each in report.get("leaderboard") or [] if isinstance(each, Mapping)]
    if not board:
        return None
    weights = {each.get("trial"): each.get("weight") for each in report.get("ensemble") or []}
    shown = board[:MOST_STRIPS]
    folds = [
        (f"{place}. {each.get('learner', '')}", _folds(each), finite(each.get("value")))
        for place, each in enumerate(shown, 1)
    ]  # fmt: skip
    rows = [
        (
            f"{place}", str(each.get("learner", "")), number(each.get("value")), number(each.get("trial")),
            seconds(each.get("seconds")), share(weights[each.get("trial")]) if each.get("trial") in weights else "",
            _end(each), _params(each),
        )
        for place, each in enumerate(board[:MOST_PIPELINES], 1)
    ]  # fmt: skip
    metric = (report.get("problem") or {}).get("metric", "value")
    chart = (
        [el("h3", "Learning by folds"),
         el("p", words.FOLDS, class_="muted"),
         charts.strips(f"{metric} of the best pipelines, fold by fold", folds),
         folded("As a table", _folds_table(shown, str(metric)))]
        if any(values for _, values, _ in folds) else None
    )  # fmt: skip
    more = len(board) - MOST_PIPELINES
    return join([
        table(
            ("", "Learner", str(metric), "Trial", "Time", "In the ensemble", "How it ended else", "Parameters"), rows,
            caption="Pipelines, the best first", numbers=(2, 3, 4, 5),
        ),
        el("p", f"And {more:,} more.", class_="muted") if more > 0 else None, chart,
    ])  # fmt: skip


def _end(each: Mapping[str, Any]) -> str:
    """How a pipeline ended that did not come to its own end, with the reason; of one that did nothing."""
    state, reason = str(each.get("state") or ""), str(each.get("reason") or "")
    if state in ("", "succeeded"):
        return reason
    return f"{state}: {reason}" if reason else state


def _folds_table(shown: Sequence[Mapping[str, Any]], metric: str) -> Markup:
    heads = _fold_heads(shown)
    rows = [
        (f"{place}. {each.get('learner', '')}", *_padded(_folds(each), len(heads)))
        for place, each in enumerate(shown, 1)
    ]  # fmt: skip
    return table(("Pipeline", *heads), rows, caption=f"{metric} by fold", numbers=range(1, len(heads) + 1))


def _folds(entry: Mapping[str, Any]) -> list[float]:
    given = entry.get("folds")
    values = given if isinstance(given, Sequence) and not isinstance(given, str) else []
    return [found for found in map(finite, values) if found is not None]


def _fold_heads(shown: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"Fold {place}" for place in range(1, max(len(_folds(each)) for each in shown) + 1)]


def _padded(values: list[float], length: int) -> list[str]:
    return [number(value) for value in values] + [""] * (length - len(values))


def _params(entry: Mapping[str, Any]) -> Markup | str:
    params = entry.get("params") or {}
    learner = f"{entry.get('learner')}."
    told = [f"{str(name).removeprefix(learner)}={_value(value)}" for name, value in params.items() if name != "learner"]
    return folded(f"{len(told)}", el("code", ", ".join(told))) if told else ""


def _value(value: Any) -> str:
    return number(value) if finite(value) is not None else short(value)


def ensemble(report: Report) -> Markup | None:
    """What the model is made of."""
    members = [each for each in report.get("ensemble") or [] if isinstance(each, Mapping)]
    if not members:
        return None
    board = {each.get("trial"): each for each in report.get("leaderboard") or [] if isinstance(each, Mapping)}
    rows = []
    for each in members:
        entry = board.get(each.get("trial"), {})
        name = f"{entry.get('learner', 'trial')} (trial {number(each.get('trial'))})"
        rows.append((name, finite(each.get("weight")) or 0.0, None))
    if len(rows) == 1:
        return el("p", f"One pipeline is the whole model: {rows[0][0]}. No mixture with others did better out of fold.")
    return join([
        el("p", words.ENSEMBLE),
        charts.bars("Weights in the ensemble", rows),
        folded("As a table", table(("Pipeline", "Weight"), [(n, number(v)) for n, v, _ in rows], caption="Weights",
                                   numbers=(1,))),
    ])  # fmt: skip


def importance(report: Report) -> Markup | None:
    """Which columns matter."""
    columns = [each for each in report.get("importance") or [] if isinstance(each, Mapping)]
    if not columns:
        return None
    ordered = sorted(columns, key=lambda each: -(finite(each.get("value")) or 0.0))
    rows = [
        (str(each.get("column", "")), finite(each.get("value")) or 0.0, finite(each.get("std")))
        for each in ordered[:MOST_COLUMNS]
    ]  # fmt: skip
    more = len(ordered) - len(rows)
    return join([
        el("p", words.IMPORTANCE),
        charts.bars("Importance of columns, by permutation", rows),
        el("p", f"And {more:,} more columns.", class_="muted") if more > 0 else None,
        folded("As a table", table(
            ("Column", "Importance", "Spread"),
            [(str(e.get("column", "")), number(e.get("value")), number(e.get("std"))) for e in ordered],
            caption="Importance of columns", numbers=(1, 2))),
    ])  # fmt: skip


def calibration(report: Report) -> Markup | None:
    """Whether probabilities come true."""
    told = report.get("calibration") or {}
    bins = [each for each in told.get("bins") or [] if isinstance(each, Mapping)] if isinstance(told, Mapping) else []
    points = [
        (p, o, 3.0 + 5.0 * min(1.0, (finite(each.get("rows")) or 0.0) / _most_rows(bins)))
        for each in bins
        if (p := finite(each.get("said"))) is not None and (o := finite(each.get("true"))) is not None
    ]
    if not points:
        return None
    chart = charts.square(
        "How often predicted probabilities came true", points, across="Predicted probability",
        up="Share that came true", unit=True, line=True,
    )  # fmt: skip
    rows = [(number(e.get("said"), 3), number(e.get("true"), 3), number(e.get("rows"))) for e in bins]
    error = finite(told.get("ece", told.get("error")))
    return join([
        el("p", words.CALIBRATION, f" Expected calibration error: {number(error, 3)}." if error is not None else None),
        chart,
        folded("As a table", table(("Predicted", "Came true", "Rows"), rows, caption="Calibration", numbers=(0, 1, 2))),
    ])  # fmt: skip


def _most_rows(bins: Sequence[Mapping[str, Any]]) -> float:
    return max((finite(each.get("rows")) or 0.0 for each in bins), default=0.0) or 1.0


def confusion(report: Report) -> Markup | None:
    """Which class was taken for which."""
    told = report.get("confusion") or {}
    classes, counts = told.get("classes") or [], told.get("counts") or []
    if not classes or len(counts) != len(classes):
        return None
    if len(classes) > MOST_CLASSES:
        wrong = sorted(
            ((counts[t][p], t, p) for t in range(len(classes)) for p in range(len(classes)) if t != p and counts[t][p]),
            reverse=True,
        )[:30]  # fmt: skip
        rows = [(str(classes[t]), str(classes[p]), number(n)) for n, t, p in wrong]
        return table(
            ("Truth", "Prediction", "Rows"), rows, caption=f"Most confused of {len(classes)} classes", numbers=(2,)
        )
    head = el("tr", el("th", "Truth ↓ Prediction →", scope="col"), [el("th", short(c), scope="col") for c in classes])
    body = []
    for t, row in enumerate(counts):
        total = sum(row) or 1
        cells = [
            el("td", number(n), class_="right" if t == p else None, style=_shade(n / total, right=t == p))
            for p, n in enumerate(row)
        ]  # fmt: skip
        body.append(el("tr", el("th", short(classes[t]), scope="row"), cells))
    whole = el("table", el("caption", "Rows of each class (down) by what was predicted (across)", class_="muted"),
               el("thead", head), el("tbody", body), class_="matrix")  # fmt: skip
    return el("div", whole, class_="scroll", tabindex="0", role="region", aria_label="Confusion matrix")


def _shade(part: float, *, right: bool) -> str:
    """A cell's background, by the share of its row."""
    return f"background:color-mix(in srgb,var(--{'good' if right else 'bad'}) {60 * part:.0f}%,transparent)"


def residuals(report: Report) -> Markup | None:
    """How far predicted numbers are off."""
    told = report.get("residuals") or {}
    pairs = told.get("points") or []
    points = [
        (p, t, 3.0) for each in pairs[:MOST_POINTS]
        if (t := finite(each.get("true"))) is not None and (p := finite(each.get("predicted"))) is not None
    ]  # fmt: skip
    quantiles = told.get("quantiles") or {}
    rows = [(str(name), number(value)) for name, value in quantiles.items()]
    if not points and not rows:
        return None
    return join([
        el("p", "On the diagonal a prediction is the truth."),
        charts.square("Truth against prediction", points, across="Prediction", up="Truth") if points else None,
        _errors(rows) if rows else None,
    ])  # fmt: skip


def _errors(rows: list[tuple[str, str]]) -> Markup:
    return table(("Quantile of the error", "Truth less prediction"), rows, caption="Errors", numbers=(1,))


def threshold(report: Report) -> Markup | None:
    """From which probability on the answer is yes; of more classes, what mistakes were said to cost."""
    if isinstance(report.get("threshold"), Mapping):
        return _costs(report)
    value, classes = finite(report.get("threshold")), (report.get("problem") or {}).get("classes") or []
    if value is None or len(classes) != 2:
        return None
    return el("p", f"From a probability of {number(value, 3)} on a row is taken for ", el("code", str(classes[1])), ".")


def _costs(report: Report) -> Markup | None:
    classes = [str(each) for each in (report.get("problem") or {}).get("classes") or []]
    costs = (report.get("threshold") or {}).get("costs") or []
    if not classes or [len(row) for row in costs] != [len(classes)] * len(classes):
        return None
    dear = sorted(
        ((finite(value) or 0.0, t, p) for t, row in enumerate(costs) for p, value in enumerate(row) if t != p),
        key=lambda each: (-each[0], each[1:]),
    )[:30]  # fmt: skip
    rows = [(classes[t], classes[p], number(value)) for value, t, p in dear]
    return join([
        el("p", "A row is called the class of the least expected cost, by its probabilities and these costs."),
        table(("Truth", "Prediction", "Costs"), rows, caption="What mistakes cost, the dearest first", numbers=(2,)),
    ])  # fmt: skip


def cost(report: Report) -> Markup | None:
    """What it took."""
    times = report.get("times") if isinstance(report.get("times"), Mapping) else {}
    rows = [(str(name).replace("_", " "), seconds(value)) for name, value in (times or {}).items()]
    memory = report.get("memory")
    if isinstance(memory, Mapping):
        rows += [(f"memory, {str(name).replace('_', ' ')}", size(value)) for name, value in memory.items()
                 if finite(value) is not None]  # fmt: skip
    elif finite(memory) is not None:
        rows.append(("memory at most", size(memory)))
    return table(("", ""), rows, caption="Time and memory", numbers=(1,)) if rows else None


def use(report: Report) -> Markup | None:
    """How to use the model."""
    return join([
        el("p", words.USE), el("pre", el("code", "automl predict MODEL data.csv")), el("pre", el("code", words.CODE))
    ])  # fmt: skip


def trust(report: Report) -> Markup | None:
    """Why to believe the figures, and where to be careful."""
    told = report.get("validation") or {}
    tried = len(judged(report))
    whole = sum(finite(each.get("value")) is not None and each.get("state") != "stopped" for each in judged(report))
    points = [
        f"{count(tried, 'pipeline')} {'was' if tried == 1 else 'were'} judged by the same "
        f"{count(told.get('folds'), 'fold')} of the same rows"
        + (f", {number(tried - whole)} of them given up after some folds." if whole < tried else ".")
        if tried and finite(told.get("folds")) else None,
        f"Rows of one {told['group']} stand on one side of every split." if told.get("group") else None,
        f"Validation looks ahead in time, in the order of {told['time']}, never back." if told.get("time") else None,
        words.CHOSEN_APART if untouched(report) else words.NO_TEST,
        words.CHECKED,
    ]  # fmt: skip
    return el("ul", [el("li", each) for each in points if each])


def judged(report: Report) -> list[Mapping[str, Any]]:
    """Pipelines that were fitted on one fold at least: others were refused, or failed before that."""
    return [
        each for each in report.get("leaderboard") or []
        if isinstance(each, Mapping) and (_folds(each) or finite(each.get("value")) is not None)
    ]  # fmt: skip


def decided(report: Report) -> Markup | None:
    """What was decided and done on the way."""
    notes = [str(each) for each in report.get("notes") or []]
    why = (report.get("search") or {}).get("why")
    said = [*([f"The search ended: {why}"] if why else []), *notes]
    return el("ul", [el("li", each) for each in said]) if said else None


SECTIONS: tuple[tuple[str, str, Callable[[Report], Markup | None]], ...] = (
    ("quality", "How good it is", quality), ("guardrails", "What was found in the data", guardrails),
    ("trust", "Why to trust it", trust), ("validation", "How pipelines were judged", validation),
    ("leaderboard", "What was tried", leaderboard), ("ensemble", "What the model is", ensemble),
    ("importance", "Which columns matter", importance), ("calibration", "Whether probabilities come true", calibration),
    ("confusion", "What is taken for what", confusion), ("threshold", "What decides on a class", threshold),
    ("residuals", "How far numbers are off", residuals), ("use", "How to use it", use),
    ("decided", "What was decided on the way", decided),  ("cost", "What it took", cost),
)  # fmt: skip
"""Anchor, heading and what draws it, in the order of the page."""
