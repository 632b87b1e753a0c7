"""Evidence as a page that a person reads before accepting: verdict first, then figures, and what got worse in words.

What comes from data, files or people can't change the page: it is written as character references, which no reader of
Markdown takes for markup, and without what would make it a link or turn its direction.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

LONGEST = 60
"""Characters of a name or a value that are shown."""

MOST_METRICS, MOST_SLICES, MOST_TESTS, MOST_NOTES, MOST_REASONS = 8, 12, 12, 10, 8
"""Lines of each kind on the page."""

_MARKUP = re.compile(r"[&<>|`*{}\[\]!~\\$^]|_(?![A-Za-z0-9])|(?<![A-Za-z0-9])_|:(?=\w)")
_FIRST = re.compile(r"[^\w\s]|[0-9]+[.)](?:\s|$)")
"""What would begin a heading, a list or a quotation where the text stands first."""
_HEADS = {True: "Conditions are met", False: "Conditions are not met", None: "It can't be told"}
_JOINER = "\u2060"


def escaped(text: Any, longest: int = LONGEST) -> str:
    """Text that stands on the page letter for letter, on one line, whatever is in it."""
    plain = "".join(
        " " if each.isspace() else each for each in str(text) if each.isspace() or unicodedata.category(each)[0] != "C"
    )
    plain = re.sub(r" {2,}", " ", plain).strip()
    if len(plain) > longest:
        plain = f"{plain[: longest - 1]}…"
    # a word joiner, which nobody sees, where readers make links of bare text
    plain = re.sub(r"(?i)(://|\bwww(?=\.)|@)", lambda found: f"{found[1][:1]}{_JOINER}{found[1][1:]}", plain)
    marked = _MARKUP.sub(lambda found: f"&#{ord(found[0])};", plain)
    if _FIRST.match(plain) and marked[:1] == plain[:1]:
        marked = f"&#{ord(plain[0])};{marked[1:]}"
    return marked or "(nothing)"


def markdown_of(evidence: Mapping[str, Any], link: str | None = None) -> str:
    """The page.

    Args:
        evidence: as `document` lays it out.
        link: to the whole of it: http, https, or a path of this server; None: no link.
    """
    parts = [_head(evidence), _reasons(evidence), _metrics(evidence), _worse(evidence), _slices(evidence)]
    parts += [_tests(evidence), _cases(evidence), _speed(evidence), _how(evidence), _link(link)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(evidence: Mapping[str, Any]) -> str:
    verdict, data = evidence.get("verdict"), evidence["data"]
    target = escaped(evidence["problem"]["target"])
    version = "The challenger" if evidence["version"] is None else f"Version {evidence['version']}"
    other = evidence["champion"]
    against = "the champion" if other is None else f"version {other}, the champion"
    if _alone(evidence):
        against = "nothing: there is no champion"
    head = "" if verdict is None else f"## {_HEADS[verdict['ok']]}\n\n"
    what = "forecast" if evidence["problem"]["kind"] == "forecasting" else "row"
    place = f" of {escaped(data['place'], 120)}" if data.get("place") else ""
    return f"{head}{version} for {target}, compared with {against}, on {_count(data['scored'], what)}{place}."


def _alone(evidence: Mapping[str, Any]) -> bool:
    """Whether there is no champion: one of which nothing could be measured is there all the same."""
    return evidence["champion"] is None and evidence["values"]["champion"] is None


def _reasons(evidence: Mapping[str, Any]) -> str:
    reasons = (evidence.get("verdict") or {}).get("reasons") or ()
    return _list([escaped(each, 300) for each in reasons], MOST_REASONS)


def _metrics(evidence: Mapping[str, Any]) -> str:
    own = evidence["metric"]["name"]
    names = [own, *(name for name in evidence["metrics"] if name != own)]
    lines = ["| | challenger | champion | difference |", "|---|---|---|---|"]
    for name in names[:MOST_METRICS]:
        each = evidence["metrics"].get(name)
        if each is None:
            continue
        better = "higher" if each["direction"] == "maximize" else "lower"
        shown = f"**{escaped(name)}** ({better} is better)" if name == own else escaped(name)
        lines.append(
            f"| {shown} | {_interval(each['challenger'])} | {_interval(each['champion'])} | "
            f"{_interval(_shown_difference(evidence, name, each), sign=True)} |"
        )
    return "\n".join(lines)


def _shown_difference(evidence: Mapping[str, Any], name: str, each: Mapping[str, Any]) -> Any:
    """That of the metric that counts is the one that the verdict goes by."""
    difference = evidence.get("difference")
    return difference if name == evidence["metric"]["name"] and difference is not None else each["difference"]


def _worse(evidence: Mapping[str, Any]) -> str:
    """What got worse, in words."""
    found: list[str] = []
    metric = evidence["metric"]["name"]
    found += [
        f"{escaped(metric)} where {escaped(each['column'])} is {escaped(each['value'])}: "
        f"{_number(each['champion']['value'])} before, {_number(each['challenger']['value'])} now "
        f"({_count(each['rows'], 'row')})"
        for each in evidence.get("slices") or ()
        if each["state"] == "worse"
    ]
    for name, each in evidence["metrics"].items():
        if name == metric:
            difference = evidence.get("difference")
            ends = None if difference is None else (difference["gain_low"], difference["gain_high"])
        else:
            told = each["difference"]
            sign = 1 if each["direction"] == "maximize" else -1
            ends = (
                None
                if told is None or told["low"] is None
                else tuple(sorted((sign * told["low"], sign * told["high"])))
            )
        if ends is not None and ends[1] is not None and ends[1] < 0:
            found.append(
                f"{escaped(name)}: {_number((each['champion'] or {}).get('value'))} before, "
                f"{_number((each['challenger'] or {}).get('value'))} now"
            )
    counts = (evidence.get("cases") or {}).get("counts") or {}
    new = counts.get("new", 0) + counts.get("regressed", 0)
    if new and not _alone(evidence):
        again = f", {counts['regressed']:,} of them had been mended before" if counts.get("regressed") else ""
        found.append(f"{_cases_of(evidence, new)} that the champion has right, and the challenger wrong{again}")
    found += [
        f"the test {escaped(test['name'])} fails: {escaped(test['why'], 200)}"
        for test in evidence.get("tests") or ()
        if test["passed"] is False
    ]
    found += _slower(evidence)
    return f"### What got worse\n\n{_list(found, 12)}" if found else ""


def _cases_of(evidence: Mapping[str, Any], number: int) -> str:
    """So many cases, by what a case is: a row, or of series the forecasts of one from one origin."""
    if evidence["problem"]["kind"] != "forecasting":
        return _count(number, "row")
    return f"{_count(number, 'forecast')} of a series from an origin"


def _slower(evidence: Mapping[str, Any]) -> list[str]:
    told = evidence.get("latency") or {}
    one, other = told.get("challenger"), told.get("champion")
    if not one or not other or one["single_ms"]["median"] < 2 * other["single_ms"]["median"]:
        return []
    return [f"one row takes {one['single_ms']['median']:.3g} ms, and took {other['single_ms']['median']:.3g} ms"]


def _slices(evidence: Mapping[str, Any]) -> str:
    slices = evidence.get("slices") or ()
    if not slices:
        return ""
    rank = {"worse": 0, "better": 1, "same": 2, "alone": 2, "few": 3}
    order = sorted(slices, key=lambda each: rank.get(each["state"], 2))  # else as they are: bands in their order
    words = {"worse": "**worse**", "better": "better", "same": "no clear difference", "alone": "", "few": "can't tell"}
    lines = ["### Slices", "", "| slice | | rows | challenger | champion | |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {escaped(each['column'])} | {escaped(each['value'])} | {each['rows']:,} | "
        f"{_interval(each['challenger'])} | {_interval(each['champion'])} | {words.get(each['state'], '')} |"
        for each in order[:MOST_SLICES]
    ]
    if len(order) > MOST_SLICES:
        lines += ["", f"{len(order) - MOST_SLICES} more are in the evidence."]
    return "\n".join(lines)


def _tests(evidence: Mapping[str, Any]) -> str:
    tests = evidence.get("tests") or ()
    if not tests:
        return ""
    passed = sum(test["passed"] is True for test in tests)
    lines = ["### Tests", "", f"{passed} of {len(tests)} passed."]
    others = [test for test in tests if test["passed"] is not True]
    if others:
        lines += ["", "| test | | on failure | why |", "|---|---|---|---|"]
        lines += [
            f"| {escaped(test['name'])} | {'fails' if test['passed'] is False else 'cannot tell'} | "
            f"{escaped(test['severity'])} | {escaped(test['why'], 200)} |"
            for test in others[:MOST_TESTS]
        ]
        if len(others) > MOST_TESTS:
            lines += ["", f"{len(others) - MOST_TESTS} more are in the evidence."]
    return "\n".join(lines)


def _cases(evidence: Mapping[str, Any]) -> str:
    counts = (evidence.get("cases") or {}).get("counts")
    if not counts:
        return ""
    if _alone(evidence):
        return f"### Bad cases\n\n{_cases_of(evidence, counts['new'] + counts['regressed'])} wrong."
    lines = ["### Bad cases of the champion", "", "| fixed | still bad | new | new, once mended | not seen any more |"]
    lines += ["|---|---|---|---|---|"]
    lines.append(
        "| " + " | ".join(f"{counts[each]:,}" for each in ("fixed", "still", "new", "regressed", "unseen")) + " |"
    )
    return "\n".join(lines)


def _speed(evidence: Mapping[str, Any]) -> str:
    told, size = evidence.get("latency") or {}, evidence.get("size") or {}
    rows = []
    for role in ("challenger", "champion"):
        speed, large = told.get(role), size.get(role)
        if not speed and not large:
            continue
        single = f"{speed['single_ms']['median']:.3g} / {speed['single_ms']['p95']:.3g} ms" if speed else "–"
        batch = (speed or {}).get("batch", {}).get("rows_per_second")
        rows.append(
            f"| {role} | {single} | {f'{batch:,.0f}' if batch else '–'} | {_bytes(large['bytes']) if large else '–'} |"
        )
    if not rows:
        return ""
    head = ["### Speed and size", "", "| | one row, median / 95 % | rows per second | size |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])


def _how(evidence: Mapping[str, Any]) -> str:
    data, difference = evidence["data"], evidence.get("difference")
    found = []
    if difference is not None:
        draws = f", {difference['draws']:,} draws" if difference.get("draws") else ""
        on = ", on rows that no model has seen" if difference.get("on") == "unseen" else ""
        found.append(f"difference: {escaped(difference['method'], 120)}{draws}, {difference['confidence']:.0%}{on}")
    found += [
        f"{_count(each['rows'], 'row')} left out: {escaped(each['why'], 120)}" for each in data.get("left_out") or ()
    ]
    if data["scored"] and ((data.get("seen") or {}).get("challenger") or {}).get("how") == "unknown":
        found.append("whether the challenger was trained on some of these rows is not known")
    found += [escaped(note, 300) for note in (evidence.get("notes") or ())][:MOST_NOTES]
    return f"### How it was found\n\n{_list(found, 20)}" if found else ""


def _link(link: str | None) -> str:
    if not link or not re.match(r"(https?://|/(?!/))", link):
        return ""
    return f"[The whole evidence]({quote(link, safe=':/?#@&=%+,;~-._')})"


def _list(lines: Sequence[str], most: int) -> str:
    shown = [f"- {line}" for line in lines[:most]]
    if len(lines) > most:
        shown.append(f"- {len(lines) - most} more are in the evidence")
    return "\n".join(shown)


def _interval(told: Mapping[str, Any] | None, sign: bool = False) -> str:
    if told is None or told["value"] is None:
        return "–"
    if told["low"] is None or told["high"] is None:
        return _number(told["value"], sign)
    return f"{_number(told['value'], sign)} ({_number(told['low'], sign)} … {_number(told['high'], sign)})"


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}{'' if number == 1 else 's'}"


def _number(value: float | None, sign: bool = False) -> str:
    return "–" if value is None else f"{value:{'+' if sign else ''}.4g}"


def _bytes(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
