"""What answers: the version in use, as the journal has it, once it is loaded and its golden rows came out right."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from automl_core.models.life import news
from automl_core.serving.fetching import ModelCache
from automl_core.serving.following import Follower, NoSuchModel, Route
from automl_core.serving.given import in_order
from automl_core.serving.served import BadRows, Served, Unavailable, version_of
from automl_core.serving.wire import Answer
from automl_core.storage.base import StorageUnavailable
from tests.unit.serving.world import ANNA, DAG, ROW, Lake, served, until


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def test_the_champion_answers_and_the_next_one_takes_over_without_a_restart(lake: Lake) -> None:
    lake.in_use(seed=1)

    async def test(server: Served) -> None:
        given = await server.predict("churn", [ROW, ROW | {"age": 55.5}], ["a", "b"])
        assert given.versions == [1, 1]
        assert given.classes == ["no", "yes"]
        assert given.probabilities == lake.model(1).predict_proba([ROW, ROW | {"age": 55.5}]).tolist()
        assert given.record == lake.life().state.shares[-1].seq
        lake.in_use(seed=5)
        await until(lambda: server.active["churn"].route.champion == 2)
        given = await server.predict("churn", [ROW], ["a"])
        assert (given.versions, given.record) == ([2], lake.life().state.shares[-1].seq)
        assert given.probabilities == lake.model(2).predict_proba([ROW]).tolist()
        lake.life().take_back(2, ANNA, "it is wrong about Bonn")
        await until(lambda: server.active["churn"].route.champion == 1)
        assert (await server.predict("churn", [ROW], ["a"])).versions == [1]

    served(lake, test)


def test_a_version_that_can_not_be_loaded_changes_nothing(lake: Lake) -> None:
    lake.in_use(seed=1)

    async def test(server: Served) -> None:
        await server.predict("churn", [ROW], ["a"])
        version, life = lake.offered(seed=2), lake.life()
        life.accept(version, life.evaluated(version, lake.evidence(version, 1)), ANNA)
        copy = life.state.version(version).model
        lake.store.put(f"{copy.prefix}scorer.json", b"{}")  # somebody has edited it
        lake.life().put_in_use(version, DAG)
        await until(lambda: ("churn", 2) in server.failures)
        assert "aren't what they were when it was offered" in server.failures["churn", 2]
        assert (await server.predict("churn", [ROW], ["a"])).versions == [1]

    served(lake, test)


def test_a_challenger_that_crashes_takes_nobody_along(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.in_use(seed=1)
    lake.in_use(seed=2)

    async def test(server: Served) -> None:
        await server.predict("churn", [ROW], ["a"])
        state = lake.life().state
        copies = {number: state.version(number).model for number in (1, 2)}
        both = Route("churn", 99, 1, {1: 0.5, 2: 0.5}, copies, {})
        server.follower.routes["churn"] = both  # as a rollout would have it
        await until(lambda: server.active["churn"].route is both)
        keys = [str(number) for number in range(40)]
        given = await server.predict("churn", [ROW] * 40, keys)
        assert set(given.versions) == {1, 2}
        assert given.versions == [version_of(both, key) for key in keys]
        wanted = {number: lake.model(number).predict_proba([ROW]).tolist()[0] for number in (1, 2)}
        assert given.probabilities == [wanted[version] for version in given.versions]
        process = server.versions.processes["churn", 2]._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        given = await server.predict("churn", [ROW] * 40, keys)
        assert (set(given.versions), given.fallen_back) == ({1}, 2)

    served(lake, test)


def test_what_was_taken_back_answers_nobody_even_where_nothing_else_can_be_loaded(lake: Lake) -> None:
    lake.in_use(seed=1)
    lake.in_use(seed=2)
    life = lake.life()
    lake.store.put(f"{life.state.version(1).model.prefix}scorer.json", b"{}")  # version 1 can't be loaded

    async def test(server: Served) -> None:
        assert (await server.predict("churn", [ROW], ["a"])).versions == [2]
        process = server.versions.processes["churn", 2]._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        asked = asyncio.ensure_future(server.predict("churn", [ROW], ["a"]))
        await asyncio.sleep(0)
        life.take_back(2, ANNA, "it is wrong about Bonn")
        await until(lambda: server.active["churn"].route.champion == 1)
        os.kill(process.pid, signal.SIGCONT)
        with pytest.raises(Unavailable, match="aren't what they were"):
            await asked  # it was asked before that was read, and its answer came after
        with pytest.raises(Unavailable, match="aren't what they were"):
            await server.predict("churn", [ROW], ["a"])

    served(lake, test)


def test_what_can_not_be_fetched_at_first_is_tried_again(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.in_use(seed=1)
    monkeypatch.setattr("automl_core.serving.served.AGAIN", (0.05,))
    tries = list[int]()

    def flaky(*args: Any) -> Path:
        tries.append(1)
        if len(tries) < 3:
            raise (StorageUnavailable("away"), OSError(28, "No space left on device"))[len(tries) - 1]
        return fetch(*args)

    fetch = ModelCache.fetch
    monkeypatch.setattr(ModelCache, "fetch", flaky)

    async def test(server: Served) -> None:
        assert "away" in server.failures["churn", 1], "which does not keep the server from starting"
        with pytest.raises(Unavailable, match="can't be fetched: away"):
            await server.predict("churn", [ROW], ["a"])
        await until(lambda: "churn" in server.active)
        assert (await server.predict("churn", [ROW], ["a"])).versions == [1]
        assert (len(tries), server.failures) == (3, {})

    served(lake, test, preload=["churn"])


def test_files_that_somebody_has_tidied_up_are_fetched_again(lake: Lake) -> None:
    lake.in_use(seed=1)

    async def test(server: Served) -> None:
        await server.predict("churn", [ROW], ["a"])
        process = server.versions.processes["churn", 1]
        assert process._process is not None
        shutil.rmtree(process.folder)
        os.kill(process._process.pid, signal.SIGKILL)
        with pytest.raises(Unavailable, match="ended by signal 9"):
            await server.predict("churn", [ROW], ["a"])
        assert (await server.predict("churn", [ROW], ["a"])).versions == [1]

    served(lake, test)


def test_models_that_are_asked_at_once_wait_for_each_others_room(lake: Lake) -> None:
    names = ("a", "b", "c")
    for name in names:
        lake.in_use(name)

    async def test(server: Served) -> None:
        found = await asyncio.gather(*(server.predict(name, [ROW], ["k"]) for name in names for _ in range(3)))
        assert {each.versions[0] for each in found} == {1}
        assert len(server.versions.processes) == 1

    served(lake, test, most=1)


def test_who_waits_for_a_model_gets_it_though_it_changes_meanwhile(lake: Lake) -> None:
    lake.in_use(seed=1)

    async def test(server: Served) -> None:
        asked = asyncio.ensure_future(server.predict("churn", [ROW], ["a"]))
        await until(lambda: "churn" in server._preparing)
        lake.in_use(seed=2)
        assert (await asked).versions[0] in (1, 2)

    served(lake, test)


def test_versions_with_other_classes_are_answered_in_one_order() -> None:
    answers = {1: Answer(["no", "yes"], [[0.9, 0.1], [0.2, 0.8]]), 2: Answer(["yes"], [[0.5, 0.3, 0.2]])}
    found = in_order(answers, {1: ["no", "yes"], 2: ["yes", "maybe", "no"]}, [1, 2, 1])
    assert found == (
        ["no", "yes", "yes"], [[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.2, 0.8, 0.0]], ["no", "yes", "maybe"],
    )  # fmt: skip


def test_a_journal_that_can_not_be_read_keeps_no_other_waiting(lake: Lake) -> None:
    for name in ("a", "b"):
        lake.in_use(name)
    follower = Follower(lake.store)
    for name in ("a", "b"):
        follower.read(name)

    def broken() -> None:
        raise KeyError("a record that nobody knew")

    follower._lives["a"].refresh = broken  # type: ignore[method-assign, assignment]
    for name in ("a", "b"):
        lake.in_use(name, seed=5)
    assert follower.look() == ["b"]
    assert follower.routes["b"].champion == 2


def test_who_is_not_there_and_what_is_not_in_use_is_said(lake: Lake) -> None:
    lake.offered()

    async def test(server: Served) -> None:
        with pytest.raises(NoSuchModel, match="no model 'chrun'"):
            await server.predict("chrun", [ROW], ["a"])
        with pytest.raises(Unavailable, match="no version of churn is in use"):
            await server.predict("churn", [ROW], ["a"])

    served(lake, test)
    lake.in_use(seed=3)

    async def narrowed(server: Served) -> None:
        with pytest.raises(NoSuchModel, match="does not answer for 'churn'"):
            await server.predict("churn", [ROW], ["a"])

    served(lake, narrowed, names=frozenset({"other"}))


def test_rows_that_the_version_can_not_read_are_said(lake: Lake) -> None:
    lake.in_use()

    async def test(server: Served) -> None:
        with pytest.raises(BadRows, match="'old' is no number"):
            await server.predict("churn", [ROW | {"age": "old"}], ["a"])

    served(lake, test)


def test_of_many_models_those_asked_lately_are_loaded(lake: Lake) -> None:
    for name in ("a", "b", "c"):
        lake.in_use(name)

    async def test(server: Served) -> None:
        for name in ("a", "b", "c", "a"):
            assert (await server.predict(name, [ROW], ["k"])).versions == [1]
            assert len(server.versions.processes) <= 2
        assert set(server.versions.processes) == {("a", 1), ("c", 1)}

    served(lake, test, most=2)


def test_a_look_costs_one_listing_for_all_models_and_one_for_each_in_turn(lake: Lake) -> None:
    from automl_core.storage.wrapper import StoreWrapper

    calls: list[tuple[str, str]] = []

    class Counted(StoreWrapper):
        def _call(self, operation, key, call):  # type: ignore[no-untyped-def]
            calls.append((operation, key))
            return call()

    for name in ("a", "b", "c", "d"):
        lake.in_use(name)
    follower = Follower(Counted(lake.store))
    for name in ("a", "b", "c", "d"):
        follower.read(name)
    calls.clear()
    assert follower.look() == []
    assert [operation for operation, _ in calls] == ["list"] * 3
    lake.in_use("c", seed=7)
    assert follower.look() == ["c"]
    assert follower.routes["c"].champion == 2


def test_what_nobody_told_is_found_in_turn(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        lake.in_use(name)
    follower = Follower(lake.store)
    for name in ("a", "b", "c"):
        follower.read(name)
    with monkeypatch.context() as patch:
        patch.setattr(news, "tell", lambda *_: None)  # the writer died before it told
        lake.in_use("c", seed=7)
    assert [follower.look(), follower.look()] == [[], ["c"]]


def test_news_of_a_model_is_one_object(lake: Lake) -> None:
    lake.in_use()
    lake.in_use(seed=2)
    lake.life().take_back(2, ANNA, "worse")
    keys = lake.store.list(news.NEWS)
    assert len(keys) == 1
    assert news.told(lake.store) == {"churn": lake.life().state.shares[-1].seq}
