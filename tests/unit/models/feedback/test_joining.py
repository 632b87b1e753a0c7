"""Answers and outcomes, joined: against a naive reference, and case L of what others have met."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.data.access import DataError
from automl_core.data.combining import Part
from automl_core.data.written import as_instant
from automl_core.models.feedback import Answers, Joined, Rule, join
from automl_core.models.feedback.moments import MICROSECONDS
from tests.unit.models.feedback.naive import Answer, Outcome, naive_join

RULE = Rule(key="request_id", outcome="churned", time="decided_at", within=30 * 86400.0)
NOW = datetime(2026, 11, 30, tzinfo=UTC).timestamp()

KEYS = st.sampled_from(["7", "7", "007", "007", None])
TIMES = st.integers(-1, 6).map(lambda second: None if second < 0 else second)
ANSWERS = st.lists(st.builds(Answer, KEYS, TIMES, st.sampled_from(["1", "2"])), max_size=12)
OUTCOMES = st.lists(st.builds(Outcome, KEYS, TIMES, st.sampled_from(["yes", "no", None])), max_size=12)


def stamps(values: list[int | None]) -> pa.Array:
    return pa.array([None if v is None else v * MICROSECONDS for v in values], pa.timestamp("us", "UTC"))


@given(
    answers=ANSWERS, outcomes=OUTCOMES, within=st.integers(0, 3), before=st.integers(0, 2),
    since=st.one_of(st.none(), st.integers(0, 4)), now=st.integers(0, 10),
    each=st.sampled_from(["last", "first", "all"]), cut=st.integers(0, 12), cut_outcomes=st.integers(0, 12),
)  # fmt: skip
def test_like_the_naive_reference(
    answers: list[Answer], outcomes: list[Outcome], within: int, before: int, since: int | None, now: int, each: Any,
    cut: int, cut_outcomes: int,
) -> None:  # fmt: skip
    log = pa.table(
        {
            "id": pa.array([a.key for a in answers], pa.string()),
            "time": stamps([a.at for a in answers]),
            "version": pa.array([a.version for a in answers], pa.string()),
            "row": pa.array(range(len(answers)), pa.int64()),
        }
    )
    told = pa.table(
        {
            "id": pa.array([o.key for o in outcomes], pa.string()),
            "known": stamps([o.at for o in outcomes]),
            "y": pa.array([o.value for o in outcomes], pa.string()),
        }
    )
    rule = Rule("id", "y", "known", within=within, before=before, since=since, each=each)
    pieces = [Answers(Part(str(n), "parquet", t)) for n, t in enumerate((log[:cut], log[cut:]))]
    files = [Part(str(n), "parquet", t) for n, t in enumerate((told[:cut_outcomes], told[cut_outcomes:]))]
    found = join(pieces, files, rule, now)
    rows, said, known = naive_join(answers, outcomes, within=within, before=before, since=since, now=now, each=each)
    if rows:
        assert list(zip(found.table["row"].to_pylist(), found.table["y"].to_pylist(), strict=True)) == rows
    assert found.table.num_rows == len(rows)
    counts = asdict(found.counts.answers)
    versions = counts.pop("versions")
    assert Counter({k: v for k, v in counts.items() if v}) == +said
    assert versions == dict(Counter(answers[place].version for place, _ in rows))
    assert Counter({k: v for k, v in asdict(found.counts.outcomes).items() if v}) == +known


@given(answers=ANSWERS, outcomes=OUTCOMES, within=st.integers(0, 3), now=st.integers(0, 10))
def test_every_row_is_counted_once(answers: list[Answer], outcomes: list[Outcome], within: int, now: int) -> None:
    log = pa.table({"id": pa.array([a.key for a in answers], pa.string()), "time": stamps([a.at for a in answers])})
    told = pa.table(
        {
            "id": pa.array([o.key for o in outcomes], pa.string()), "known": stamps([o.at for o in outcomes]),
            "y": pa.array([o.value for o in outcomes], pa.string()),
        }
    )  # fmt: skip
    found = join(log, told, Rule("id", "y", "known", version=None, within=within), now)
    a, o = found.counts.answers, found.counts.outcomes
    assert (
        a.read
        == a.without_key + a.without_time + a.older + a.used + a.again + a.waiting + a.overdue + a.without_features
    )
    assert o.read == o.without_key + o.without_time + o.empty + o.older + o.unmatched + o.early + o.late + o.in_time
    assert found.table.num_rows == a.used <= len(answers)


def case_l() -> Joined:
    """Row L of the cases: every trap in one log."""
    answers = pa.table(
        {
            "request_id": [
                "007", "7", "9007199254740992", "9007199254740993", "late", "waits", "twice", "twice", "lost",
            ],
            "time": [
                "2026-10-01T09:00:00+09:00", "2026-10-01T09:00:00+09:00", "2026-10-02T00:00:00Z",
                "2026-10-02T00:00:00Z",
                "2026-10-03T00:00:00Z", "2026-11-20T00:00:00Z", "2026-10-04T00:00:00Z", "2026-10-04T06:00:00Z",
                "2026-10-05T00:00:00Z",
            ],
            "version": [1, 1, 1, 1, 1, 2, 1, 2, 1],
            "prediction": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
            "tenure": [1, 2, 3, 4, 5, 6, 7, 8, 9],
        }
    )  # fmt: skip
    outcomes = pa.table(
        {
            "request_id": [
                "007", "7", "7", "9007199254740993", "late", "nobody", "twice", "twice", "9007199254740992", "007",
            ],
            "decided_at": [
                "2026-10-01T00:00:00Z",  # the very moment of the answer, in another zone
                "2026-10-20T10:00:00+09:00",  # 01:00 in UTC: before the correction below
                "2026-10-20T02:00:00Z",  # corrected
                "2026-10-31T23:59:59Z",
                "2026-11-02T00:00:01Z",  # a second late
                "2026-10-09T00:00:00Z",
                "2026-10-10T00:00:00Z",
                "2026-10-11T00:00:00Z",  # the same again
                "2026-10-01T23:59:59Z",  # before its answer
                "2026-09-30T23:59:59+00:00",
            ],
            "churned": ["no", "no", "yes", "yes", "yes", "yes", "no", "no", "yes", "yes"],
        }
    )  # fmt: skip
    return join(answers, outcomes, RULE, NOW)


def test_case_l_has_the_right_rows() -> None:
    found = case_l()
    assert found.table.select(["request_id", "version", "churned", "tenure"]).to_pylist() == [
        {"request_id": "007", "version": 1, "churned": "no", "tenure": 1},
        {"request_id": "7", "version": 1, "churned": "yes", "tenure": 2},
        {"request_id": "9007199254740993", "version": 1, "churned": "yes", "tenure": 4},
        {"request_id": "twice", "version": 1, "churned": "no", "tenure": 7},
        {"request_id": "twice", "version": 2, "churned": "no", "tenure": 8},
    ]


def test_case_l_says_what_became_of_everything() -> None:
    counts = case_l().counts
    assert asdict(counts.answers) == {
        "read": 9, "without_key": 0, "without_time": 0, "older": 0, "used": 5, "again": 0, "waiting": 1, "overdue": 3,
        "without_features": 0, "corrected": 1, "open": 0, "versions": {"1": 4, "2": 1},
    }  # fmt: skip
    assert asdict(counts.outcomes) == {
        "read": 10, "without_key": 0, "without_time": 0, "empty": 0, "older": 0, "unmatched": 1, "early": 2, "late": 1,
        "in_time": 6, "repeated": 1, "corrections": 1,
    }  # fmt: skip
    assert counts.words() == [
        "5 of 9 answers have an outcome (4 by version 1, 1 by version 2)",
        "1 of these was corrected: the last outcome in time counts",
        "1 answer waits for its outcome",
        "3 answers got no outcome in time",
        "1 outcome repeats what was known",
        "1 outcome came too late and is not used",
        "2 outcomes were known before the answer and are not used",
        "1 outcome is of no answer",
    ]


def test_whole_numbers_find_their_text() -> None:
    """Parquet of the log has numbers, the outcomes have text: beyond 2^53 a float in between would merge these."""
    keys = [2**53, 2**53 + 1, 7]
    answers = pa.table({"request_id": pa.array(keys, pa.int64()), "time": ["2026-10-01T00:00:00Z"] * 3})
    outcomes = pa.table(
        {"request_id": [str(2**53 + 1), "007"], "decided_at": ["2026-10-02T00:00:00Z"] * 2, "churned": [1, 0]}
    )
    found = join(answers, outcomes, Rule(**{**asdict(RULE), "version": None}), NOW)
    assert found.table["request_id"].to_pylist() == [2**53 + 1]
    assert found.counts.outcomes.unmatched == 1


def test_one_time_and_version_for_a_whole_piece() -> None:
    """A batch's rows have neither: the interval's record has both."""
    table = pa.table({"request_id": ["a", "b"], "prediction": ["x", "y"]})
    outcomes = pa.table({"request_id": ["b"], "decided_at": ["2026-10-02T00:00:00Z"], "churned": ["x"]})
    at = datetime(2026, 10, 1, tzinfo=UTC).timestamp()
    rule = Rule(**{**asdict(RULE), "version": None, "answered": None})
    pieces = [Answers(Part("1", "parquet", table), at, 1), Answers(Part("2", "parquet", table), at + 60, 2)]
    found = join(pieces, outcomes, rule, NOW)
    assert found.table.select(["request_id", "version", "churned"]).to_pylist() == [
        {"request_id": "b", "version": 1, "churned": "x"}, {"request_id": "b", "version": 2, "churned": "x"},
    ]  # fmt: skip


def test_outcomes_without_times_are_never_late_and_the_last_row_counts() -> None:
    answers = pa.table({"request_id": ["a", "b"], "time": ["2020-01-01T00:00:00Z", "2026-10-01T00:00:00Z"]})
    outcomes = pa.table({"request_id": ["a", "b", "a"], "churned": [True, True, False]})
    found = join(answers, outcomes, Rule(**{**asdict(RULE), "version": None, "time": None}), NOW)
    assert found.table["churned"].to_pylist() == [False, True]
    assert (found.counts.answers.corrected, found.counts.outcomes.corrections) == (1, 1)


def test_the_outcome_takes_the_place_of_a_logged_column_of_its_name() -> None:
    answers = pa.table({"request_id": ["a"], "time": ["2026-10-01T00:00:00Z"], "churned": ["predicted"]})
    outcomes = pa.table({"request_id": ["a"], "decided_at": ["2026-10-02T00:00:00Z"], "churned": ["yes"]})
    found = join(answers, outcomes, Rule(**{**asdict(RULE), "version": None}), NOW)
    assert found.table.to_pylist()[0]["churned"] == "yes"


def test_only_answers_whose_time_is_over_where_asked() -> None:
    answers = pa.table({"request_id": ["a", "b"], "time": ["2026-10-01T00:00:00Z", "2026-11-20T00:00:00Z"]})
    outcomes = pa.table({"request_id": ["a", "b"], "decided_at": ["2026-10-02T00:00:00Z", "2026-11-21T00:00:00Z"],
                         "churned": ["no", "yes"]})  # fmt: skip
    rule = Rule(**{**asdict(RULE), "version": None})
    assert join(answers, outcomes, rule, NOW).counts.answers.open == 1
    closed = join(answers, outcomes, Rule(**{**asdict(rule), "closed": True}), NOW)
    assert closed.table["request_id"].to_pylist() == ["a"]
    assert closed.counts.answers.waiting == 1


def test_a_log_whose_columns_have_changed_is_one_log() -> None:
    """A later version asks for one feature more: rows before it lack it."""
    old = pa.table({"request_id": ["a"], "time": ["2026-10-01T00:00:00Z"], "version": [1]})
    new = pa.table({"request_id": ["b"], "time": ["2026-10-01T00:00:00Z"], "version": [2], "income": [3.5]})
    outcomes = pa.table({"request_id": ["a", "b"], "decided_at": ["2026-10-02T00:00:00Z"] * 2, "churned": ["x", "y"]})
    found = join([Answers(Part(n, "parquet", t)) for n, t in (("o", old), ("n", new))], outcomes, RULE, NOW)
    assert found.table["income"].to_pylist() == [None, 3.5]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([7.0]), "has keys as decimals"),
        (pa.array(["7.0"]), "written as decimals"),
        (pa.array([True]), "keys are text or whole numbers"),
        (pa.array([[1]]), "keys are text or whole numbers"),
        (pa.array([b"\xff"]), "can't be read as text"),
    ],
)
def test_keys_that_may_be_others_are_refused(column: pa.Array, said: str) -> None:
    answers = pa.table({"request_id": column, "time": ["2026-10-01T00:00:00Z"], "version": [1]})
    outcomes = pa.table({"request_id": ["7"], "decided_at": ["2026-10-02T00:00:00Z"], "churned": ["x"]})
    with pytest.raises(DataError, match=said):
        join(answers, outcomes, RULE, NOW)


def test_a_missing_column_is_named_with_what_is_near() -> None:
    answers = pa.table({"requestid": ["a"], "time": ["2026-10-01T00:00:00Z"], "version": [1]})
    outcomes = pa.table({"request_id": ["7"], "decided_at": ["2026-10-02T00:00:00Z"], "churned": ["x"]})
    with pytest.raises(DataError, match=r"no column 'request_id'.*requestid"):
        join(answers, outcomes, RULE, NOW)
    with pytest.raises(DataError, match="no column 'churned'"):
        join(answers.rename_columns(["request_id", "time", "version"]), outcomes.drop_columns(["churned"]), RULE, NOW)


def test_datetimes_of_maxcompute_are_moments_whatever_zone_is_stated_for_others() -> None:
    schema = pa.schema([("request_id", "string"), as_instant(pa.field("decided_at", pa.timestamp("ms"))),
                        ("churned", "string")])  # fmt: skip
    told = pa.table([["a"], [datetime(2026, 10, 1, 0, 0, 1)], ["yes"]], schema=schema)
    answers = pa.table({"request_id": ["a"], "answered_at": ["2026-10-01T00:00:00Z"], "prediction": [0.5]})
    for zone in (None, "Asia/Tokyo"):
        rule = Rule(key="request_id", outcome="churned", time="decided_at", answered="answered_at",
                    within=60.0, zone=zone)  # fmt: skip
        assert join(answers, told, rule, NOW).counts.answers.used == 1
