"""Which requests the challenger gets."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.models.traffic.split import place_of, taken

KEYS = [str(number) for number in range(100_000)]


def chosen(share: float, model: str = "churn", rollout: str = "4") -> set[str]:
    return {key for key in KEYS if taken(key, model, rollout, share)}


def test_a_share_that_grows_keeps_its_keys_and_going_back_gives_the_same() -> None:
    small, grown = chosen(0.05), chosen(0.25)
    assert small < grown
    assert chosen(1.0) == set(KEYS)
    assert chosen(0.0) == set()
    assert chosen(0.05) == small
    assert abs(len(small) - 5_000) < 500, "half a point at 100,000 keys"
    assert abs(len(grown) - 25_000) < 500


@pytest.mark.parametrize(("model", "rollout"), [("churn", "5"), ("fraud", "4")])
def test_another_rollout_and_another_model_draw_other_keys(model: str, rollout: str) -> None:
    both = len(chosen(0.05) & chosen(0.05, model, rollout))
    assert 170 < both < 330, "250 of 5,000 where the two know nothing of one another; five deviations are 77"


def test_a_key_has_its_place_in_every_process() -> None:
    program = "from automl_core.models.traffic.split import place_of; print(repr(place_of('007', 'churn', '4')))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert float(said) == place_of("007", "churn", "4") == 0.09954423032917359
    assert place_of("007", "churn", "4") != place_of("7", "churn", "4")


@given(st.text(), st.text(), st.text())
def test_a_place_is_below_one_and_parts_do_not_run_into_each_other(key: str, model: str, rollout: str) -> None:
    assert 0 <= place_of(key, model, rollout) < 1
    if key:
        assert place_of(key, model, rollout) != place_of(key[1:], model, rollout + key[0])


@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan")])
def test_a_share_outside_of_zero_to_one_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        taken("a", "churn", "4", share)
