"""What is owed: found by the journal's own list, whatever became of the runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from automl_core.models.batch import Batch, Timetable, Wish, interval_at
from automl_core.models.batch.batch import LOST
from automl_core.models.batch.owed import CLOSED_KEPT, OwedFold, OwedList
from automl_core.models.batch.planning import LATEST, MOST
from automl_core.models.file import ModelFile
from tests.support.memory_store import MemoryStore
from tests.unit.models.batch.lab import ANNA, DAY, Lab, day


def ready(folder: Path, until: str = "2026-11-03", **deploy: Any) -> Lab:
    lab = Lab(folder, **deploy)
    lab.use()
    lab.now = day(until).at + 60  # type: ignore[operator]
    return lab


def dates(batch: Batch, **more: Any) -> list[str]:
    return [each.key[:10] for each in batch.plan(**more).intervals]


def test_before_the_first_champion_nothing_is_owed(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for date in ("2026-10-30", "2026-10-31", "2026-11-01"):
        lab.rows(date)
    plan = lab.batch().plan(day("2026-10-31"))
    assert not plan.intervals
    assert "no version was ever in use" in plan.words[0]
    lab.use()
    lab.now = day("2026-11-02").at + 60  # type: ignore[operator]
    assert dates(lab.batch()) == ["2026-11-02"]
    assert dates(lab.batch(), own=day("2026-10-31"), asked=True) == ["2026-10-31", "2026-11-02"], "unless one asks"


def test_what_no_run_has_ever_begun_is_made_up_for_newest_first(tmp_path: Path) -> None:
    lab = ready(tmp_path, "2026-11-05")
    batch = lab.batch()
    assert dates(batch, own=day("2026-11-05")) == ["2026-11-05", "2026-11-04", "2026-11-03", "2026-11-02"]
    lab.rows("2026-11-03")
    assert batch.score(day("2026-11-03"), "a", lab.runner).what == "scored"
    assert batch.score(day("2026-11-05"), "a", lab.runner).what == "missing"
    assert dates(lab.batch()) == ["2026-11-05", "2026-11-04", "2026-11-02"], "what is late stays owed"
    assert "no file" in lab.batch().owed.refresh().owed[day("2026-11-05").key].words


def test_one_run_takes_some_and_says_how_many_are_left(tmp_path: Path) -> None:
    lab = ready(tmp_path, "2026-12-31")
    plan = lab.batch().plan(own=day("2026-11-02"))
    assert len(plan.intervals) == MOST
    assert plan.intervals[0] == day("2026-11-02"), "its own comes first"
    assert any("60 intervals are owed" in words for words in plan.words)


def test_another_schedule_owes_its_own_points_from_then_on(tmp_path: Path) -> None:
    lab = ready(tmp_path, "2026-11-03")
    assert dates(lab.batch()) == ["2026-11-03", "2026-11-02"]
    lab.now += 3 * 3600
    hourly = lab.batch(timetable=Timetable("@hourly"))
    keys = [each.key[:16] for each in hourly.plan().intervals]
    assert keys == ["2026-11-03T03:00", "2026-11-03T02:00", "2026-11-03T01:00", "2026-11-03T00:00", "2026-11-02T00:00"]


def test_data_that_never_come_are_given_up_in_words(tmp_path: Path) -> None:
    lab = ready(tmp_path, "2026-11-02")
    batch = lab.batch()
    batch.plan()
    assert batch.score(day("2026-11-02"), "a", lab.runner).what == "missing"
    lab.now += LATEST + DAY
    plan = lab.batch().plan()
    assert day("2026-11-02") not in plan.intervals
    assert any("given up" in words and "2026-11-02" in words for words in plan.words)
    state = lab.batch().owed.refresh()
    assert "30 days" in state.closed[-1].words
    assert day("2026-11-02") not in lab.batch().plan().intervals, "it does not come back"
    lab.rows("2026-11-02")
    assert lab.batch().score(day("2026-11-02"), "b", lab.runner).what == "scored", "who asks by name gets it"


def test_of_a_place_without_dates_the_newest_interval_is_scored_and_the_others_are_passed_over(tmp_path: Path) -> None:
    lab = ready(tmp_path, "2026-11-04", data=f"{tmp_path}/in/ds=2026-11-02/part-0.csv")
    lab.rows("2026-11-02")
    plan = lab.batch().plan(day("2026-11-04"))
    assert [each.key[:10] for each in plan.intervals] == ["2026-11-04"]
    assert any("2 intervals are passed over" in words for words in plan.words)


def test_without_a_schedule_partitions_are_owed_as_they_come(tmp_path: Path) -> None:
    lab = ready(tmp_path, "2026-11-04", schedule=None)
    for date in ("2026-10-30", "2026-11-02", "2026-11-03"):
        lab.rows(date)
    batch = lab.batch()
    assert dates(batch, found=[day("2026-11-09")]) == ["2026-11-09", "2026-11-03", "2026-11-02"], (
        "an event adds its own"
    )
    for each in batch.plan().intervals:
        batch.score(each, "a", lab.runner)
    assert dates(lab.batch()) == ["2026-11-09"], "its data aren't there yet"


def test_without_a_schedule_and_without_dates_each_state_of_the_data_is_scored_once(tmp_path: Path) -> None:
    lab = ready(tmp_path, schedule=None, data=f"{tmp_path}/in/ds=2026-11-02/", out=f"{tmp_path}/out/newest.csv")
    assert not lab.batch().plan().intervals
    for count in (4, 4, 5):
        lab.rows("2026-11-02", count)
        batch = lab.batch()
        for each in batch.plan().intervals:
            assert batch.score(each, "a", lab.runner).what == "scored"
    assert [each.rows for each in lab.life().state.scoring.recent] == [4, 5], "the same data are the same interval"
    assert len(lab.out("newest")) == 5


def test_a_backfill_scores_again_by_the_version_of_then_or_of_now(tmp_path: Path) -> None:
    lab = ready(tmp_path, "2026-11-02")
    lab.rows("2026-11-02")
    batch = lab.batch()
    batch.plan()
    assert batch.score(day("2026-11-02"), "a", lab.runner).version == 1
    lab.use(lab.now + DAY, seed=2)
    for run, version, wanted in (("b", "then", 1), ("c", "now", 2), ("d", 1, 1)):
        done = lab.batch().score(day("2026-11-02"), run, lab.runner, wish=Wish(version, "anna"))  # type: ignore[arg-type]
        assert (done.what, done.version) == ("scored", wanted), version
        assert {row["model_version"] for row in lab.out("2026-11-02")} == {str(wanted)}
        again = lab.batch().score(day("2026-11-02"), run, lab.runner, wish=Wish(version, "anna"))  # type: ignore[arg-type]
        assert again.what == "already", "a retry of the same run asks for the same"
    assert lab.batch().score(day("2026-11-02"), "e", lab.runner).what == "already", "nobody asks"
    assert lab.life().state.scoring.done[day("2026-11-02").key].generation == 4
    assert "anna" in lab.life().state.scoring.recent[-1].why
    assert {row["model_generation"] for row in lab.out("2026-11-02")} == {"4"}


def test_a_version_that_was_taken_back_since_can_be_asked_for(tmp_path: Path) -> None:
    lab = ready(tmp_path, "2026-11-02")
    lab.rows("2026-11-02")
    lab.use(lab.now + DAY, seed=2)
    lab.now += 60
    lab.life().take_back(2, ANNA, "it says nonsense")
    lab.now += 60
    for date, version in (("2026-11-02", 1), ("2026-11-03", 2)):
        lab.rows(date)
        at = day(date)
        if version == 2:  # it was in use for a minute, and its predictions of that time are to be looked at
            at = interval_at(datetime.fromtimestamp(lab.now - 90, UTC))
            lab.rows(at.dates["ds"])
        done = lab.batch().score(at, "a", lab.runner, wish=Wish("then", "anna"))
        assert (done.what, done.version) == ("scored", version), done.words


def test_a_version_that_was_not_there_then_is_refused_in_words(tmp_path: Path) -> None:
    lab = ready(tmp_path, "2026-11-02")
    lab.rows("2026-10-20")
    batch = lab.batch()
    old = batch.score(day("2026-10-20"), "a", lab.runner, wish=Wish("then", "anna"))
    assert old.what == "failed"
    assert "no version was in use" in old.words
    assert "no version 7" in batch.score(day("2026-10-20"), "a", lab.runner, wish=Wish(7, "anna")).words
    assert batch.score(day("2026-10-20"), "a", lab.runner, wish=Wish("now", "anna")).version == 1
    named = batch.score(day("2026-10-20"), "b", lab.runner, wish=Wish(1, "anna"))
    assert (named.what, named.version) == ("scored", 1), "by its number what is in use now is taken too"
    lab.use(lab.now + DAY, seed=2)
    neither = lab.batch().score(day("2026-10-20"), "c", lab.runner, wish=Wish(1, "anna"))
    assert "version 1 was not in use at" in neither.words


def test_without_a_champion_it_is_made_up_for_when_there_is_one(tmp_path: Path) -> None:
    lab = ready(tmp_path, "2026-11-02")
    lab.rows("2026-11-02")
    lab.life().take_back(1, ANNA, "it says nonsense")
    batch = lab.batch()
    assert dates(batch) == ["2026-11-02"]
    assert batch.score(day("2026-11-02"), "a", lab.runner).what == "no_champion"
    lab.use(lab.now + 60, seed=2)
    batch = lab.batch()
    assert dates(batch) == ["2026-11-02"]
    assert batch.score(day("2026-11-02"), "b", lab.runner).version == 2


def test_a_claim_of_a_run_that_is_gone_is_taken_over_in_time(tmp_path: Path) -> None:
    lab = ready(tmp_path, "2026-11-02")
    lab.rows("2026-11-02")
    batch = lab.batch()
    batch.plan()
    batch.begin(day("2026-11-02"), "killed")
    assert lab.batch().score(day("2026-11-02"), "other", lab.runner).what == "busy"
    assert lab.batch().score(day("2026-11-02"), "killed", lab.runner).what == "scored", "a retry of its own at once"
    lab.rows("2026-11-03")
    lab.now += DAY
    batch = lab.batch()
    batch.begin(day("2026-11-03"), "killed")
    lab.now += LOST + 1
    assert lab.batch().score(day("2026-11-03"), "other", lab.runner).what == "scored"


def test_a_model_without_deploy_has_nothing_to_score(tmp_path: Path) -> None:
    lab = ready(tmp_path)
    body = lab.file.model_dump(mode="json", by_alias=True)
    del body["deploy"]
    with pytest.raises(ValueError, match=r"no `deploy: \{to: batch\}`"):
        Batch(lab.life(), ModelFile.model_validate(body), lab.batch().access, tmp_path)


def test_the_list_survives_a_snapshot_and_says_nothing_twice() -> None:
    store = MemoryStore()
    owed = OwedList(store, "m/", clock=lambda: 5.0, sleep=lambda _: None)
    owed.owe([day("2026-11-02")], 7.0)
    owed.owe([day("2026-11-02")], 7.0)
    owed.note(day("2026-11-02").key, "missing", "nothing there")
    owed.note(day("2026-11-02").key, "missing", "nothing there")
    owed.note("another", "missing", "nothing there")
    assert owed.journal.state.seq == 2
    read = OwedFold.decode(owed.journal.state.encode())
    assert (read.owed, read.until, read.seq) == (owed.journal.state.owed, 7.0, 2)
    owed.settle([day("2026-11-02").key])
    owed.settle([day("2026-11-02").key])
    assert not owed.journal.state.owed
    for number in range(CLOSED_KEPT + 3):
        owed.owe([day("2026-11-03")])
        owed.give_up([day("2026-11-03").key], str(number))
    assert len(owed.journal.state.closed) == CLOSED_KEPT
    with pytest.raises(ValueError, match="later release"):
        OwedFold.decode(b'{"format": 99}')
    with pytest.raises(ValueError, match="no list"):
        OwedFold.decode(b"[]")
