"""Estimates of memory, corrected by what was seen; what does not fit waits or is refused."""

from __future__ import annotations

import numpy as np

from automl_core.tabular.memory import FIXED, Guard, Peak, available


def test_what_does_not_fit_is_refused_and_said() -> None:
    guard = Guard(limit=FIXED + 1000)
    assert guard.fits("trees", 1000)
    assert not guard.fits("trees", 1001)
    assert "of memory" in guard.says("trees", 10**10)


def test_what_fits_alone_waits_for_others() -> None:
    guard = Guard(limit=2 * FIXED + 1500)
    guard.start(0, "trees", 1000)
    assert not guard.fits_now("trees", 1000)
    assert guard.fits_now("trees", 500)
    guard.end(0, "trees", 1000)
    assert guard.fits_now("trees", 1000)


def test_what_was_seen_corrects_the_next_estimate() -> None:
    guard = Guard(limit=10**9)
    guard.start(0, "trees", 1000)
    guard.end(0, "trees", 1000, seen=FIXED + 5000)
    assert guard.estimate("trees", 1000) == 5000 + FIXED
    assert guard.estimate("linear", 1000) == 1000 + FIXED


def test_a_kill_doubles_the_next_estimate() -> None:
    guard = Guard(limit=10**9)
    guard.start(0, "trees", 1000)
    guard.killed(0, "trees", 1000)
    assert guard.estimate("trees", 1000) == 2000 + FIXED
    assert not guard.held


def test_a_peak_is_what_a_process_grew_by() -> None:
    peak = Peak()
    block = np.ones(8_000_000)
    seen = peak.seen()
    assert block.sum() == 8_000_000
    assert seen is None or seen > 40_000_000
    assert available() > 0
