"""What series have that a forecaster should know: gaps, lengths, constants, zeros, a clock that changes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from automl_core.forecasting.demand import classify
from automl_core.forecasting.finding import MOST_NAMES, Certainty, SeriesFinding, listed
from automl_core.forecasting.panel import Panel, Series

_HOUR, _DAY = 3600, 86_400
_FEW = 4
"""Values below which a series can hardly be learned from: it is forecast by its last ones."""


def examine(panel: Panel, *, moments: bool, given: bool) -> list[SeriesFinding]:
    """Findings about the series of a panel.

    Args:
        panel: the series.
        moments: whether the table's times are moments: with offsets, of a zone, or DATETIMEs of a place that has
            them in UTC.
        given: whether the user gave the frequency.
    """
    found = [_frequency(panel, given), *_lengths(panel), *_gaps(panel), *_clock(panel, moments), *_values(panel)]
    return [*found, *_known(panel)]


def _frequency(panel: Panel, given: bool) -> SeriesFinding:
    begin, end = int(panel.starts.min()), int((panel.starts + panel.lengths).max()) - 1
    texts = [panel.grid.text(int(time)) for time in panel.grid.times(np.array([begin, max(begin, end)]))]
    frequency = panel.grid.frequency
    return SeriesFinding(
        "frequency", "certain",
        f"{len(panel):,} series, {frequency.words} ({frequency.alias}), from {texts[0]} to {texts[1]}",
        "as given" if given else "found by the times", "" if given else "give `frequency` where this is wrong",
        numbers={"series": len(panel), "steps": float(panel.lengths.sum())},
    )  # fmt: skip


def _of(kind: str, certainty: Certainty, which: Iterable[Series], found: str, done: str, advice: str = "",
        **numbers: float) -> list[SeriesFinding]:  # fmt: skip
    """A finding about series, where there are any; ``{names}`` and ``{count}`` in the text stand for them."""
    names = [one.name for one in which]
    if not names:
        return []
    told = found.format(names=listed(names), count=f"{len(names):,}")
    return [
        SeriesFinding(kind, certainty, told, done, advice, tuple(names[:MOST_NAMES]), {"series": len(names), **numbers})
    ]


def _lengths(panel: Panel) -> list[SeriesFinding]:
    lengths = panel.lengths
    found = _of(
        "short", "certain", [one for one, count in zip(panel.series, panel.observed, strict=True) if 0 < count < _FEW],
        f"fewer than {_FEW} values in {{count}} series: {{names}}",
        "they are forecast by simple rules, and judged by no origin they are too short for",
    )  # fmt: skip
    if len(lengths) > 1 and lengths.min() != lengths.max():
        found.append(
            SeriesFinding(
                "lengths", "certain",
                f"series of {int(lengths.min()):,} to {int(lengths.max()):,} steps, the median has "
                f"{int(np.median(lengths)):,}", "each is taken as long as it is", "",
                numbers={"least": float(lengths.min()), "most": float(lengths.max())},
            )
        )  # fmt: skip
    return found


def _gaps(panel: Panel) -> list[SeriesFinding]:
    grid, holes = panel.grid, []
    steps = shown = 0
    first = ""
    skipping = grid.zone is not None and grid.frequency.unit == "second"
    for one in panel.series:
        missing = np.flatnonzero(np.isnan(one.values))
        if skipping and len(missing):  # an hour that the clock skipped is no gap
            missing = missing[grid.moments_in(one.start + missing) > 0]
        if not len(missing):
            continue
        holes.append(one)
        steps += len(missing)
        if shown < 3:
            times = grid.times(one.start + missing[[0, -1]])
            more = "" if len(missing) == 1 else f" … {grid.text(int(times[1]))}"
            first += f"{'; ' if shown else ''}{one.name}: {len(missing):,} ({grid.text(int(times[0]))}{more})"
            shown += 1
    share = steps / max(int(panel.lengths.sum()), 1)
    advice = "write rows of 0 where a missing row means that there was nothing" if share > 0.2 else ""
    return _of(
        "gaps", "certain", holes, f"{steps:,} steps without a value in {{count}} series ({share:.1%}): " + _safe(first),
        "they stay missing; nothing counts them as 0", advice, steps=steps, share=share,
    )  # fmt: skip


def _safe(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _clock(panel: Panel, moments: bool) -> list[SeriesFinding]:
    grid = panel.grid
    unit, begins = grid.frequency.unit, grid.anchor % _DAY
    if moments and grid.zone is None and unit not in ("second", "step") and begins:
        hour = f"{begins // _HOUR:02d}:{begins % _HOUR // 60:02d}"
        return [
            SeriesFinding(
                "clock", "doubtful",
                f"steps ({grid.frequency.words}) begin at {hour} in UTC, perhaps at midnight of a zone",
                "weekdays and dates are those of UTC", "give the `zone` whose days they are, such as Asia/Shanghai",
            )
        ]  # fmt: skip
    if unit != "second" or not len(panel.series):
        return []
    if grid.zone is None:
        long = int(panel.lengths.max()) * grid.frequency.count > _DAY
        if not moments or not long or grid.frequency.count % _DAY == 0:
            return []
        return [
            SeriesFinding(
                "clock", "doubtful", "times are moments, and no zone is known",
                "days are those of UTC: what follows a local clock moves by an hour where that is changed",
                "give the `zone` whose clock people live by, such as Europe/Berlin",
            )
        ]  # fmt: skip
    begin, end = int(panel.starts.min()), int((panel.starts + panel.lengths).max())
    count = grid.moments_in(np.arange(begin, end))
    twice, never = int((count == 2).sum()), int((count == 0).sum())
    if not twice and not never:
        return []
    return [
        SeriesFinding(
            "clock", "certain", f"steps that the clock of {grid.zone} shows twice: {twice}, that it skips: {never}",
            "steps go by the clock: the mean of two values, no value where it skips", "",
            numbers={"twice": twice, "skipped": never},
        )
    ]  # fmt: skip


def _values(panel: Panel) -> list[SeriesFinding]:
    found: dict[str, list[Series]] = {name: [] for name in ("constant", "zero", "intermittent", "lumpy", "negative")}
    for one in panel.series:
        if not len(one.values):
            continue
        low, high = np.nanmin(one.values), np.nanmax(one.values)
        if low == high:
            found["zero" if low == 0 else "constant"].append(one)
        elif low < 0:
            found["negative"].append(one)
        elif low == 0 and (kind := classify(one.values)) in found:
            found[kind].append(one)
    unscaled = "MASE and RMSSE have no scale there: they are judged by what is left"
    return [
        *_of("constant", "certain", [one for one in found["constant"] if len(one.values) > 1],
             "no change at all in {count} series: {names}", f"the forecast is their value; {unscaled}"),
        *_of("zeros", "certain", found["zero"], "nothing but 0 in {count} series: {names}",
             f"the forecast is 0; {unscaled}"),
        *_of("intermittent", "certain", found["intermittent"],
             "0 at many steps (intermittent) in {count} series: {names}",
             "their zeros are values like others", "MASE and RMSSE are defined for them, MAPE is not"),
        *_of("lumpy", "certain", found["lumpy"], "0 at many steps, else uneven (lumpy) in {count} series: {names}",
             "their zeros are values like others", "MASE and RMSSE are defined for them, MAPE is not"),
        *_of("negative", "certain", found["negative"], "values below 0 in {count} series: {names}",
             "nothing is cut off at 0, and no learner takes their logarithm"),
    ]  # fmt: skip


def _known(panel: Panel) -> list[SeriesFinding]:
    found = []
    for position, column in enumerate(panel.known):
        holes, steps = [], 0
        for one in panel.series:
            past = one.known[: len(one.values), position]
            missing = np.isnan(past) & ~np.isnan(one.values)
            if missing.any():
                holes.append(one)
                steps += int(missing.sum())
        found += _of(
            "known_missing", "doubtful", holes,
            f"{_safe(column.name)} has no value at {steps:,} steps of {{count}} series: {{names}}",
            "it counts as unknown there", "fill it in where it was known", steps=steps,
        )  # fmt: skip
    return found
