"""The benchmark of planted faults on a few tables: the whole stands in benchmarks/README.md."""

from __future__ import annotations

import pytest

from benchmarks.guardrails.planted import FAULTS, clean, planted


@pytest.mark.parametrize("kind", FAULTS)
def test_most_planted_faults_are_found(kind: str) -> None:
    assert sum(planted(kind, seed)[0] for seed in range(100, 105)) >= 4


def test_tables_without_a_fault_raise_no_alarm() -> None:
    assert [seed for seed in range(100, 106) if clean(seed)] == []
