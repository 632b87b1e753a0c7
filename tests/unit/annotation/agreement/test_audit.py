"""The promise is watched round after round."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from automl_core.annotation.agreement.audit import Audit, evidence
from automl_core.annotation.agreement.bounds import Promise
from automl_core.rates import highest_rate_ever
from tests.support.examples import examples


@given(st.integers(1, 60), st.floats(0.01, 0.5), st.floats(0, 1))
@settings(max_examples=examples(40), deadline=None)
def test_evidence_has_the_expectation_one_at_the_limit_and_less_below_it(n: int, allowed: float, part: float) -> None:
    wrong = np.arange(n + 1)
    values = np.asarray([evidence(int(each), n, allowed) for each in wrong])
    assert float(values @ binom.pmf(wrong, n, allowed)) == pytest.approx(1.0)
    assert float(values @ binom.pmf(wrong, n, allowed * part)) <= 1 + 1e-9


@cache
def money(wrong: int, judged: int) -> float:
    return evidence(wrong, judged, 0.03)


def ever(rate: float, looks: int, runs: int, seed: int) -> tuple[float, float]:
    """Shares of runs in which an audit ever fails, and in which the highest share is ever below the true one."""
    random = np.random.default_rng(seed)
    failed = missed = 0
    for _ in range(runs):
        wrong = np.cumsum(random.binomial(20, rate, looks))
        counts = [(int(each), 20 * (at + 1)) for at, each in enumerate(wrong)]
        failed += any(money(*each) >= 20 for each in counts)
        missed += any(highest_rate_ever(*each, 0.05) < rate for each in counts)
    return failed / runs, missed / runs


def test_a_promise_that_is_kept_is_seldom_ever_held_to_be_broken() -> None:
    failed, missed = ever(0.03, 60, 300, 1)
    assert failed <= 0.07  # 5 % and what 300 runs may differ by
    assert missed <= 0.07


def test_a_promise_that_is_broken_is_noticed() -> None:
    failed, _ = ever(0.08, 30, 60, 2)
    assert failed >= 0.95


def test_what_was_taken_is_named_when_the_audit_fails_and_judged_items_keep_peoples_labels() -> None:
    audit = Audit(Promise(0.9))
    audit.take(["a", "b", "c"], round_number=1)
    audit.judge({"x1": True, "x2": True})
    assert audit.taken_back() is None
    audit.take(["b", "d"], round_number=2)
    assert audit.taken == {"a": 1, "b": 1, "c": 1, "d": 2}
    audit.judge({"a": False, "b": True} | {f"y{each}": False for each in range(4)})
    back = audit.taken_back()
    assert back is not None
    assert back.items == ("c", "d")
    assert back.wrong == ("a",)
    assert "5 of 8 judged labels are wrong, where at most 10.0% were promised" in back.reason
    with pytest.raises(RuntimeError, match="5 of 8"):
        audit.take(["e"], round_number=3)


def test_a_later_judgement_corrects_the_earlier_one() -> None:
    audit = Audit()
    audit.judge({"a": False})
    before = audit.evidence
    audit.judge({"a": True})
    assert len(audit.judged) == 1
    assert audit.wrong == 0
    assert audit.evidence < 1 < before


def test_the_order_of_judgements_makes_no_difference() -> None:
    one, other = Audit(), Audit()
    found = {f"i{each}": each % 7 > 0 for each in range(50)}
    one.judge(found)
    for item in reversed(found):
        other.judge({item: found[item]})
    assert one.evidence == other.evidence


def test_an_audit_of_recorded_facts_is_the_one_that_was_kept_all_the_time() -> None:
    kept = Audit(Promise(0.9))
    kept.take(["a", "b"], round_number=2)
    kept.take(["b", "c", "d"], round_number=10)
    kept.judge({"a": True, "x": True})
    kept.judge({"a": False, "b": True} | {f"y{each}": False for each in range(4)})
    # A journal's facts come in any order, and a round's number as a word would sort 10 before 2.
    facts = Audit.of(Promise(0.9), {10: ["b", "c", "d"], 2: ["a", "b"]}, dict(reversed(kept.judged.items())))
    assert facts == kept
    assert list(facts.taken) == list(kept.taken)
    assert facts.taken_back() == kept.taken_back() is not None
    with pytest.raises(RuntimeError, match="5 of 7"):
        facts.take(["e"], round_number=11)


def test_an_audit_of_facts_keeps_none_of_the_mappings_that_it_was_given() -> None:
    judged = {"a": True}
    audit = Audit.of(Promise(), {1: iter(["a"])}, judged)
    audit.judge({"b": False})
    audit.take(["c"], round_number=3)
    assert judged == {"a": True}
    assert audit.taken == {"a": 1, "c": 3}


def test_many_judgements_break_no_arithmetic() -> None:
    assert 1e300 < evidence(5000, 5000, 0.03) < math.inf
    assert evidence(0, 10**6, 0.03) == 0.0
    assert Audit().highest == Audit.of(Promise(), {}, {"a": False}).highest == 1.0
    with pytest.raises(ValueError, match="no count"):
        evidence(3, 2, 0.03)
