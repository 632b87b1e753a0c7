"""Each act by itself: what it makes, who is told what where it isn't possible, and that it may be said twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from automl_core.journal import LaterRelease
from automl_core.models.life import ModelLife, NoSuchVersion, Person, Refused, VersionState
from tests.unit.models.life.world import ANNA, BEN, CONDITIONS, DAG, World, evidence

S = VersionState


@pytest.fixture
def world() -> World:
    return World()


def test_a_version_goes_its_way(world: World) -> None:
    version = world.offered()
    digest = world.evaluated(version)
    world.asked(version, digest)
    world.clock.now += 50
    decision = world.open().accept(version, digest, ANNA, "good")
    assert (decision.what, decision.by, decision.time, decision.evidence, decision.note) == (
        "accepted", ANNA, world.clock.now, digest, "good",
    )  # fmt: skip
    shares = world.open().put_in_use(version, DAG, "accepted")
    assert (shares.shares, shares.champion, shares.accepted) == ({1: 1.0}, 1, {1: digest})
    found = world.open().state.version(version)
    assert [each.state for each in found.moves] == [S.OFFERED, S.EVALUATED, S.ASKED, S.ACCEPTED, S.IN_USE]
    assert world.open().evidence(digest)["verdict"]["ok"] is True


def test_two_promotions_at_once_one_wins_and_the_other_is_told_who_and_when(world: World) -> None:
    world.in_use("r0")
    two, three = world.offered("r2"), world.offered("r3")
    for version in (two, three):
        world.open().accept(version, world.evaluated(version), ANNA)
    late = world.open()  # has read that nobody was promoted yet
    world.clock.now += 7
    world.open().put_in_use(two, BEN)
    with pytest.raises(Refused, match="compared with version 1, and the champion is version 2: evaluate it again") as e:
        late.put_in_use(three, ANNA)
    assert (e.value.by, e.value.when) == (BEN, world.clock.now)
    assert world.open().state.champion == two
    assert world.open().state.version(1).state is S.REPLACED


def test_the_same_act_again_gets_the_same_answer_and_writes_nothing(world: World) -> None:
    version = world.offered()
    digest = world.evaluated(version)
    world.asked(version, digest)
    life = world.open()
    first = life.accept(version, digest, ANNA, "good")
    shares = life.put_in_use(version, ANNA)
    seq = world.open().state.seq
    world.clock.now += 500
    other = world.open()
    assert other.accept(version, digest, ANNA, "good") == first  # also long after the time to answer
    assert other.put_in_use(version, BEN) == shares
    assert other.offer(*world.publish("r1"), BEN).number == version
    assert other.evaluated(version, evidence(version, None)) == digest
    back = other.take_back(version, ANNA, "bad")
    assert world.open().take_back(version, ANNA, "bad") == back
    assert world.open().state.seq == seq + 1


def test_an_answer_stands_against_every_other(world: World) -> None:
    version = world.offered()
    digest = world.evaluated(version)
    world.asked(version, digest)
    world.open().reject(version, digest, BEN, "too slow")
    with pytest.raises(Refused, match=r"rejected by ben \(airflow\) at .* on this same evidence \(too slow\)") as e:
        world.open().accept(version, digest, ANNA)
    assert (e.value.by, e.value.when) == (BEN, world.clock.now)
    with pytest.raises(Refused, match="rejected by ben"):
        world.open().reject(version, digest, ANNA)
    with pytest.raises(Refused, match="rejected by ben"):
        world.open().expire(version, digest)
    with pytest.raises(Refused, match="rejected by ben"):
        world.open().ask(version, digest, until=9e9)
    with pytest.raises(Refused, match="rejected by ben"):
        world.open().put_in_use(version, ANNA)


def test_new_evidence_makes_a_new_question_of_an_old_answer(world: World) -> None:
    version = world.offered()
    old = world.evaluated(version)
    world.open().reject(version, old, ANNA)
    new = world.evaluated(version, "newer data")
    assert world.open().state.version(version).state is S.EVALUATED
    with pytest.raises(Refused, match=f"the evidence {old[:12]} is not the newest .* which is {new[:12]}"):
        world.open().ask(version, old, until=9e9)
    world.open().accept(version, new, ANNA)
    assert [each.what for each in world.open().state.version(version).decisions] == ["rejected", "accepted"]


def test_evidence_that_changes_after_the_acceptance_takes_it_away(world: World) -> None:
    version = world.offered()
    digest = world.evaluated(version)
    world.open().accept(version, digest, ANNA)
    world.evaluated(version, "newer data")
    with pytest.raises(Refused, match="nobody has accepted it on its newest evidence"):
        world.open().put_in_use(version, ANNA)


def test_older_evidence_never_comes_after_newer(world: World) -> None:
    version = world.offered()
    world.evaluated(version)
    world.evaluated(version, "newer data")
    with pytest.raises(Refused, match="recorded already, and newer one since"):
        world.evaluated(version)


def test_evidence_against_a_champion_that_is_none_any_more_is_not_accepted(world: World) -> None:
    world.in_use("r0")
    two, three = world.offered("r2"), world.offered("r3")
    stale = world.evaluated(three)
    world.open().accept(two, world.evaluated(two), ANNA)
    world.open().put_in_use(two, BEN)
    with pytest.raises(Refused, match="the champion is version 2: evaluate it again") as e:
        world.open().accept(three, stale, ANNA)
    assert e.value.by == BEN
    with pytest.raises(Refused, match="the champion is version 2: evaluate it again"):
        world.open().ask(three, stale, until=9e9)
    world.open().reject(three, stale, ANNA)  # who says no may do so


def test_nobodys_silence_accepts(world: World) -> None:
    version = world.offered()
    digest = world.evaluated(version)
    with pytest.raises(Refused, match="nobody was asked about version 1, so nothing has expired"):
        world.open().expire(version, digest)
    world.asked(version, digest, within=100)
    world.clock.now += 101
    with pytest.raises(Refused, match="the time to answer on version 1 ended at 1970-01-12 13:48:20 UTC") as e:
        world.open().accept(version, digest, ANNA)
    assert e.value.when == world.clock.now - 1
    assert world.open().expire(version, digest).what == "expired"
    assert world.open().state.version(version).state is S.EXPIRED
    with pytest.raises(Refused, match="expired"):
        world.open().put_in_use(version, ANNA)


def test_an_answer_in_time_counts_though_it_is_recorded_later(world: World) -> None:
    version = world.offered()
    digest = world.evaluated(version)
    world.asked(version, digest, within=100)
    answered = world.clock.now + 99
    world.clock.now += 1000
    decision = world.open().accept(version, digest, BEN, at=answered)
    assert (decision.answered, decision.time) == (answered, world.clock.now)


@pytest.mark.parametrize(("ok", "says"), [(False, "says that they don't hold"), (None, "can't tell whether they hold")])
def test_conditions_accept_only_where_the_evidence_says_that_they_hold(
    world: World, ok: bool | None, says: str
) -> None:
    version = world.offered()
    digest = world.evaluated(version, ok=ok)
    with pytest.raises(Refused, match=says):
        world.open().accept(version, digest, CONDITIONS)
    world.open().accept(version, digest, ANNA, "I know better")


def test_another_run_asks_only_once_the_time_of_the_first_is_over(world: World) -> None:
    version = world.offered()
    digest = world.evaluated(version)
    world.open().ask(version, digest, until=world.clock.now + 100, run="a")
    with pytest.raises(Refused, match="asked about version 1 already, by the run a"):
        world.open().ask(version, digest, until=world.clock.now + 200, run="b")
    world.open().ask(version, digest, until=world.clock.now + 300, run="a")  # its task was cleared
    world.clock.now += 301
    world.open().ask(version, digest, until=world.clock.now + 100, run="b")
    asked = world.open().state.version(version).asked
    assert asked is not None
    assert (asked.run, asked.until, asked.time) == ("b", world.clock.now + 100, 1_000_000.0)


def test_a_bad_one_is_taken_back_to_the_one_before(world: World) -> None:
    one, two, three = (world.in_use(run) for run in ("r1", "r2", "r3"))
    assert world.open().take_back(three, ANNA, "wrong on holidays").champion == two
    assert world.open().take_back(two, ANNA, "that one too").champion == one
    shares = world.open().take_back(one, BEN, "all of them")
    assert (shares.champion, shares.shares) == (None, {})
    states = [each.state for each in world.open().state.versions.values()]
    assert states == [S.TAKEN_BACK] * 3
    with pytest.raises(Refused, match="version 2 is TAKEN_BACK, so it can't be taken back") as e:
        world.open().take_back(two, BEN, "once more")
    assert e.value.by == BEN


def test_taken_back_to_a_version_of_ones_choice(world: World) -> None:
    one, two, three = (world.in_use(run) for run in ("r1", "r2", "r3"))
    with pytest.raises(Refused, match=r"version 4 is OFFERED .* only a version that was in use"):
        world.open().take_back(three, ANNA, "bad", to=world.offered("r4"))
    assert world.open().take_back(three, ANNA, "bad", to=one).champion == one
    with pytest.raises(Refused, match=r"put in use again only after another evaluation"):
        world.open().put_in_use(two, ANNA)
    world.open().accept(three, world.evaluated(three, "again"), ANNA)  # what was taken back may be looked at again
    assert world.open().put_in_use(three, ANNA).champion == three


def test_what_answers_is_not_retired_and_what_is_retired_answers_no_more(world: World) -> None:
    one, two = world.in_use("r1"), world.in_use("r2")
    with pytest.raises(Refused, match="version 2 is in use: take it back first"):
        world.open().retire(two, ANNA, "old")
    world.open().retire(one, ANNA, "old")
    assert world.open().take_back(two, ANNA, "bad").champion is None  # the retired one is passed over
    with pytest.raises(Refused, match="version 1 is retired: old"):
        world.evaluated(one, "again")
    with pytest.raises(Refused, match="is retired already"):
        world.open().retire(one, BEN, "for another reason")


def test_a_check_of_what_answers_changes_nothing_of_its_acceptance(world: World) -> None:
    version = world.in_use()
    life = world.open()
    digest = life.evaluated(version, evidence(version, version, "today", ok=False))
    found = world.open().state.version(version)
    assert found.state is S.IN_USE
    assert [each.digest for each in found.checks] == [digest]
    assert len(found.evidence) == 1
    assert life.evaluated(version, evidence(version, version, "today", ok=False)) == digest
    assert len(world.open().state.version(version).checks) == 1


def test_one_run_has_a_version(world: World) -> None:
    version = world.offered()
    assert world.open().take(version, "a")
    assert world.open().take(version, "a")
    assert not world.open().take(version, "b")
    assert not world.open().take(version, "b", instead_of="c")
    assert world.open().take(version, "b", instead_of="a")
    assert world.open().state.version(version).run == "b"


def test_no_version_of_that_number(world: World) -> None:
    with pytest.raises(NoSuchVersion, match="there is no version 3; none was offered yet"):
        world.open().evaluated(3, evidence(3, None))
    world.offered()
    with pytest.raises(NoSuchVersion, match="there is no version 3; 1 to 1 are there"):
        world.open().accept(3, "d", ANNA)
    assert not world.store.list("_models/churn/evidence/")


def test_what_the_file_says_is_recorded_where_it_changed(world: World) -> None:
    assert world.open().configure({"name": "churn", "accept": {"by": ["anna"]}}, DAG)
    assert not world.open().configure({"accept": {"by": ["anna"]}, "name": "churn"}, BEN)
    assert world.open().configure({"name": "churn"}, BEN)
    life = world.open().state
    assert (life.document, life.configured, life.seq) == ({"name": "churn"}, (world.clock.now, "ben"), 2)


def test_evidence_that_was_changed_in_the_bucket_is_not_read_as_what_it_was(world: World) -> None:
    version = world.offered()
    life = world.open()
    digest = life.evaluated(version, evidence(version, None), {"cases": [{"row": {"age": 3}}]})
    assert life.evidence_rows(digest) == {"cases": [{"row": {"age": 3}}]}
    assert life.state.version(version).evidence[0].rows
    with pytest.raises(LookupError, match="there is no evidence 00"):
        life.evidence("00")
    key = f"_models/churn/evidence/{digest}.json"
    world.store.put(key, world.store.get(key).replace(b"0.9", b"0.8"))
    with pytest.raises(ValueError, match="is not what was recorded"):
        life.evidence(digest)


def test_no_row_of_data_stands_in_the_journal(world: World) -> None:
    version = world.offered()
    world.open().evaluated(version, evidence(version, None), {"cases": [{"row": {"name": "Sarah-Maria"}}]})
    for key in world.store.list("_models/churn/journal"):
        assert b"Sarah-Maria" not in world.store.get(key)


def test_time_never_runs_backwards(world: World) -> None:
    version = world.offered()
    ahead, behind = world.open(skew=500), world.open(skew=-500)
    digest = ahead.evaluated(version, evidence(version, None))
    behind.accept(version, digest, ANNA)
    behind.put_in_use(version, ANNA)
    life = world.open().state
    times = [each.time for each in life.version(version).moves]
    assert times == sorted(times)
    assert life.shares[0].time == times[-1] == world.clock.now + 500


def test_what_a_later_release_has_written_is_read_and_not_written_beside(world: World) -> None:
    version = world.in_use()
    seq = world.open().state.seq + 1
    body = {"version": 2, "release": "99.0", "seq": seq, "id": "x", "time": 1.0, "kind": "canary", "data": {}}
    world.store.put(f"_models/churn/journal/{seq:010d}.json", json.dumps(body).encode())
    life = world.open()
    assert life.state.champion == version
    with pytest.raises(LaterRelease, match=r"99\.0"):
        life.take_back(version, ANNA, "bad")


def test_a_record_that_breaks_a_rule_is_skipped_by_every_reader(world: World) -> None:
    version = world.offered()
    world.evaluated(version)
    life = world.open()
    life.journal.append("in_use", {"version": version, "by": {"name": "eve", "how": "rest"}, "why": ""})
    life.journal.append("in_use", {"version": "one"})
    life.journal.append("decided", {"version": version})
    found = ModelLife.open(world.store, "churn").state
    assert found.champion is None
    assert list(found.skipped) == [3, 4, 5]
    assert "nobody has accepted it" in found.skipped[3]
    assert "malformed" in found.skipped[5]


def test_persons_read_well() -> None:
    assert str(Person("anna", "airflow")) == "anna (airflow)"


BY = {"name": "eve", "how": "rest"}


@pytest.mark.parametrize(
    ("kind", "data", "why"),
    [
        ("offered", {"version": 3, "source": {"storage": "memory://test", "experiment": "churn", "run": "r1"}},
         "churn@r1 is version 1 already"),
        ("offered", {"version": 7, "source": {"storage": "s", "experiment": "churn", "run": "new"}},
         "the next version is 4"),
        ("taken", {"version": 2, "run": "b"}, "version 2 is in the hands of the run a"),
        ("taken", {"version": 1, "run": "b"}, "has nothing left to decide"),
        ("evaluated", {"version": 2, "digest": "OLD"}, "recorded already, and newer one since"),
        ("decided", {"version": 2, "digest": "OLD", "what": "rejected", "answered": 0.0}, "is not the newest"),
        ("decided", {"version": 3, "digest": "DECIDED", "what": "rejected", "answered": 0.0}, "was accepted by anna"),
        ("decided", {"version": 2, "digest": "NEW", "what": "perhaps", "answered": 0.0}, "is no answer"),
        ("decided", {"version": 2, "digest": "NEW", "what": "expired", "answered": 0.0}, "nobody was asked"),
        ("in_use", {"version": 2}, "nobody has accepted it"),
        ("taken_back", {"version": 2, "why": "x"}, "can't be taken back"),
        ("taken_back", {"version": 1, "why": "x", "to": 2}, "only a version that was in use"),
        ("retired", {"version": 1, "why": "x"}, "is in use: take it back first"),
        ("removed", {"version": 1}, "keeps its files"),
        ("removed", {"version": 2}, "keeps its files"),
        ("retraining", {"id": 5, "run": "x"}, "there is no retraining 5"),
        ("interval_begun", {"key": "scored", "generation": 2, "attempt": 1}, "was scored by version 1 already"),
        ("interval_begun", {"key": "scored", "generation": 1, "attempt": 1, "why": "x"}, "is its generation 2"),
        ("interval_begun", {"key": "open", "generation": 1, "attempt": 2, "run": "b"}, "is being scored by the run a"),
        ("interval_begun", {"key": "open", "generation": 1, "attempt": 1, "run": "a"}, "was claimed meanwhile"),
        ("interval_begun", {"key": "new", "generation": 1, "attempt": 1, "version": 2}, "version 2 is not in use"),
        ("interval_ended", {"key": "open", "generation": 1, "attempt": 2}, "a later claim"),
        ("interval_ended", {"key": "new", "generation": 1, "attempt": 1}, "nobody has claimed"),
    ],
)  # fmt: skip
def test_whoever_writes_against_the_rules_is_skipped(world: World, kind: str, data: dict[str, Any], why: str) -> None:
    world.in_use("r1")
    two, three = world.offered("r2"), world.offered("r3")
    old, new, decided = world.evaluated(two), world.evaluated(two, "new"), world.evaluated(three)
    life = world.open()
    life.accept(three, decided, ANNA)
    life.take(two, "a")
    life.end_interval(life.begin_interval("scored", 0, 1, 1, run="a"), rows=1, out="o", digest="d")
    life.begin_interval("open", 0, 1, 1, run="a")
    named = {"OLD": old, "NEW": new, "DECIDED": decided}
    common = {
        "version": 1,
        "by": BY,
        "start": 0.0,
        "end": 1.0,
        "run": "a",
        "why": "",
        "rows": 1,
        "out": "",
        "model": {},
    }
    body = common | {"digest": "d"} | {key: named.get(str(value), value) for key, value in data.items()}
    before = life.refresh().encode()
    record = life.journal.append(kind, body)
    assert record is not None
    after = world.open().state
    assert why in after.skipped[record.seq]
    after.skipped, after.seq = {}, record.seq - 1
    assert after.encode() == before  # nothing of it has stayed
