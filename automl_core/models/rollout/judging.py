"""A rollout's tests as they stand, in numbers and in words. By evidence and rules alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl_core.models.rollout.measures import MEASURES, Measured
from automl_core.models.rollout.rules import SLOW, Alphas, Metric, Rules
from automl_core.models.rollout.view import Side, State, Test
from automl_core.models.rollout.words import evidence as said
from automl_core.models.rollout.words import many, percent, points, seconds

if TYPE_CHECKING:
    from automl_core.models.rollout.evidence import Alone, Compared, Evidence, Pair, Total


@dataclass(frozen=True, slots=True)
class Judge:
    """Makes the tests of a rollout.

    Attributes:
        champion, challenger: the versions.
        rules, alphas: by what they are judged.
    """

    champion: int
    challenger: int
    rules: Rules
    alphas: Alphas

    def tests(self, found: Evidence, measured: dict[str, Measured]) -> list[Test]:
        """All tests that the rules ask for and that have something to say, or are waited for.

        Args:
            found: what was counted.
            measured: metric → its newest measurement.
        """
        rules, tests = self.rules, []
        if rules.errors is not None:
            tests.append(self._compared("errors", "errors", found.errors, rules.errors))
            if found.errors_alone.answers:
                tests.append(self._alone("errors_alone", "errors", found.errors_alone))
        if rules.p99 is not None:
            label = f"answers slower than {seconds(rules.p99)}"
            test = self._compared("slow", label, found.slow, 0.0)
            if test.state == "worse" and (test.challenger.rate or 0.0) <= SLOW:
                test.state = "small"
                test.words = self._words(test, f"no more than the {percent(SLOW)} that are allowed")
            tests.append(test)
            if found.slow_alone.answers:
                tests.append(self._alone("slow_alone", label, found.slow_alone))
        if rules.metric is not None:
            tests.append(self._mean("metric", rules.metric, measured.get(rules.metric.name), self.alphas.metric))
        if rules.ab is not None:
            wanted = rules.ab.metric
            if wanted is None:
                tests.append(self._better(found))
            else:
                tests.append(self._mean("better", wanted, measured.get(wanted.name), self.alphas.better))
        return tests

    def _compared(self, name: str, label: str, found: Compared, margin: float) -> Test:
        test = self._pair(name, label, found, (0, 1), 1 / self.alphas.compared)
        test.margin, test.difference = margin, found.difference
        shown = (test.value or 0.0) >= (test.needed or math.inf)
        if found.weight:
            test.state = "open" if not shown else "worse" if found.difference > margin else "small"
        if test.state == "small":
            low = f"{points(found.difference)} within the same time, and only more than {points(margin)} counts"
            test.words = self._words(test, low)
        else:
            test.words = self._words(test)
        return test

    def _better(self, found: Evidence) -> Test:
        """An A/B by errors: two tests, one for each side, with half of the alpha each."""
        needed = 2 / self.alphas.better
        test = self._pair("better", "errors", found.better, (1, 0), needed)
        worse = found.errors.value
        test.difference = found.errors.difference
        if found.better.weight:
            test.state = "better" if (test.value or 0.0) >= needed else "worse" if worse >= needed else "open"
        if worse > (test.value or 0.0):
            test.value = worse
        test.words = self._words(test)
        return test

    def _pair(self, name: str, label: str, found: Compared, order: tuple[int, int], needed: float) -> Test:
        sides = []
        for version, place in zip((self.champion, self.challenger), order, strict=True):
            answers, hits = found.answers[place], found.hits[place]
            sides.append(Side(version, answers, hits, hits / answers if answers else None))
        value = found.value
        return Test(name, label, sides[0], sides[1], value=value, needed=needed, state="open" if value else "waits")

    def _words(self, test: Test, low: str = "") -> str:
        ours, theirs = test.champion, test.challenger
        if not theirs.answers or ours is None or not ours.answers:
            return f"{test.label}: not both have answered within the same time yet"
        given = many(theirs.answers, "answer")
        rates = (
            f"version {theirs.version}: {percent(theirs.rate or 0.0)} {test.label} of {given}, "
            f"version {ours.version}: {percent(ours.rate or 0.0)} of {ours.answers:,}"
        )
        shown: dict[State, str] = {
            "worse": "worse is shown", "better": "better is shown", "open": "no difference is shown",
            "waits": "nothing to go by", "small": "a difference is shown",
        }  # fmt: skip
        state = shown[test.state]
        numbers = f"evidence {said(test.value or 0.0)}, {said(test.needed or 0.0)} decides"
        return f"{rates}; {state}{f', of {low}' if low and test.state == 'small' else ''} ({numbers})"

    def _alone(self, name: str, label: str, found: Alone) -> Test:
        needed = 1 / self.alphas.alone
        rate = found.hits / found.answers
        test = Test(
            name, label, None, Side(self.challenger, found.answers, found.hits, rate), value=found.value, needed=needed,
            limit=found.limit, difference=rate - found.limit,
        )  # fmt: skip
        above = found.value >= needed and found.hits > found.expected
        test.state = "worse" if above else "open"
        measure = (
            f"a fixed {percent(found.limit)}, as nobody answers beside it (a bad hour for all would look the same)"
        )
        test.words = (
            f"version {self.challenger}, alone: {percent(rate)} {label} of {many(found.answers, 'answer')}, against "
            f"{measure}; {'more is shown' if above else 'no more is shown'} (evidence {said(found.value)}, "
            f"{said(needed)} decides)"
        )
        return test

    def _mean(self, name: str, metric: Metric, measured: Measured | None, alpha: float) -> Test:
        blank = Side(self.champion, 0), Side(self.challenger, 0)
        test = Test(name, metric.name, *blank, state="waits")
        if measured is None or not measured.hours:
            why = measured.problem if measured is not None and measured.problem else "no label has come yet"
            test.words = f"{metric.name}: it can't be told: {why}"
            return test
        lower = MEASURES[metric.name]
        (ours, champion), (theirs, challenger) = measured.mean(self.champion), measured.mean(self.challenger)
        test.champion = Side(self.champion, ours, rate=None if math.isnan(champion) else champion)
        test.challenger = Side(self.challenger, theirs, rate=None if math.isnan(challenger) else challenger)
        if not (ours and theirs):
            test.words = f"{metric.name}: {ours:,} and {theirs:,} answers have labels: nothing to compare yet"
            return test
        found = measured.test(self.champion, self.challenger, alpha, 2 if name == "better" else 1)
        margin = metric.worse_by.of(champion)
        low, high = found.interval
        test.difference, test.margin = found.difference, margin
        values = (
            f"{metric.name} of version {self.challenger} is {challenger:.4g} on {many(theirs, 'label')}, of version "
            f"{self.champion} {champion:.4g} on {ours:,}"
        )
        if math.isinf(low):
            test.words = f"{values}; fewer than {found.least} each say nothing"
            return test
        test.interval, test.state = (low, high), "open"
        if found.decided("worse", margin=margin, lower_is_better=lower):
            test.state = "worse"
        elif name == "better" and found.decided("better", lower_is_better=lower):
            test.state = "better"
        elif found.decided("worse", lower_is_better=lower):
            test.state = "small"
        ends = f"the difference within the same hour is {found.difference:+.3g}, between {low:+.3g} and {high:+.3g}"
        between = "no difference is shown" if low <= 0 <= high else "not enough is shown"
        ending = {
            "worse": f"worse by more than {margin:.3g} is shown" if margin else "worse is shown",
            "better": "better is shown", "open": between,
            "small": f"worse is shown, but not by more than {margin:.3g}", "waits": "",
        }[test.state]  # fmt: skip
        test.words = f"{values}; {ends}: {ending}"
        if measured.problem:
            test.words += f" (as of the last measurement that there was: {measured.problem})"
        return test


def notes(found: Evidence, step: int, judge: Judge) -> list[str]:
    """What happened to both versions alike, and therefore decides nothing.

    Args:
        found: what was counted.
        step: the index of the step that the rollout is in.
        judge: of its tests.
    """
    from automl_core.models.rollout.evidence import Pair

    told = []
    before, here = Pair(), found.step(step)
    for index, pair in found.steps.items():
        if index < step:
            _add(before, pair, 1)
    last = Pair()
    for pair in found.recent:
        _add(last, pair, 1)
    earlier = Pair()
    for pair in found.steps.values():
        _add(earlier, pair, 1)
    _add(earlier, last, -1)
    margin = judge.rules.errors or 0.01
    for when, then, now in (("in this step", before, here), ("in the last hour", earlier, last)):
        ours, theirs = _rise(then.champion, now.champion), _rise(then.tried, now.tried)
        if ours is None or theirs is None or min(ours[1] - ours[0], theirs[1] - theirs[0]) <= margin:
            continue
        told.append(
            f"both rose {when}: version {judge.champion} from {percent(ours[0])} to {percent(ours[1])} errors, version "
            f"{judge.challenger} from {percent(theirs[0])} to {percent(theirs[1])}. What happens to both is no "
            "difference between them, and takes nothing back"
        )
        break
    return told


def _add(one: Pair, other: Pair, sign: int) -> None:
    for total, more in (
        (one.champion, other.champion), (one.challenger, other.challenger), (one.shadow, other.shadow)
    ):  # fmt: skip
        total.answers += sign * more.answers
        total.errors += sign * more.errors
        total.slow += sign * more.slow


def _rise(then: Total, now: Total) -> tuple[float, float] | None:
    """Rates of errors before and now, where they rose by more than chance does (three standard errors)."""
    if then.answers <= 0 or now.answers <= 0:
        return None
    pooled = (then.errors + now.errors) / (then.answers + now.answers)
    error = math.sqrt(pooled * (1 - pooled) * (1 / then.answers + 1 / now.answers))
    return (then.rate, now.rate) if error and now.rate - then.rate > 3 * error else None
