"""Open rollouts on a server: who answers, who answers instead, what is counted, what the shadow is asked."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from automl_core.models.rollout.tallies import Tally, list_tallies, read_tally
from automl_core.serving.answers import ANSWERS, SHADOW, AnswerLog
from automl_core.serving.following import Route
from automl_core.serving.given import Given, version_of
from automl_core.serving.process import Limits, NotHere, Unavailable, VersionProcess
from automl_core.serving.served import BadRows, Served
from automl_core.serving.shadow import Shadows, alike
from automl_core.serving.wire import Answer
from tests.unit.serving.world import ANNA, DAG, ROW, Lake, served, together, until

KEYS = [str(number) for number in range(40)]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    found = Lake(tmp_path)
    found.in_use(seed=1)
    return found


def tallies(lake: Lake, rollout: int = 1) -> list[Tally]:
    """What lies in the bucket, read as the guard does."""
    found = [read_tally(lake.store, each.key) for each in list_tallies(lake.store, "churn", rollout)]
    return [each for each in found if each is not None]


def counted(lake: Lake, version: int, **more: Any) -> tuple[int, int]:
    """Answers and errors of a version in all that lies there."""
    found = together(tallies(lake), version, **more)
    return found.answers, found.errors


def lines(lake: Lake, folder: str) -> list[dict[str, Any]]:
    prefix = f"_models/churn/{folder}"
    return [json.loads(line) for key in lake.store.list(prefix) for line in lake.store.get(key).splitlines()]


def process_of(server: Served, version: int) -> VersionProcess:
    return server.versions.processes["churn", version]


def kill(server: Served, version: int) -> None:
    process = process_of(server, version)._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)


async def in_step(server: Served, step: int) -> None:
    await until(lambda: server.active["churn"].route.step == step)


def test_a_challenger_is_stepped_up_crashes_and_is_taken_back(lake: Lake) -> None:
    rollout = lake.rolling(0.5, 1.0)

    async def test(server: Served) -> None:
        assert server.tallies is not None
        route = await server.route("churn")
        given = await server.predict("churn", [ROW] * 40, KEYS)
        assert given.versions == [version_of(route, key) for key in KEYS]
        assert (set(given.versions), given.rollout, given.fallen_back) == ({1, 2}, 1, None)
        wanted = {number: lake.model(number).predict_proba([ROW]).tolist()[0] for number in (1, 2)}
        assert given.probabilities == [wanted[version] for version in given.versions]
        kill(server, 2)
        given = await server.predict("churn", [ROW] * 40, KEYS)
        assert (set(given.versions), given.fallen_back) == ({1}, 2)
        assert given.probabilities == [wanted[1]] * 40
        with pytest.raises(BadRows):
            await server.predict("churn", [ROW | {"age": "old"}], [KEYS[0]])  # nobody's error
        await until(lambda: process_of(server, 2).running or process_of(server, 2).may_start)
        lake.life().step_rollout(rollout.id, 1, DAG)
        await in_step(server, 1)
        assert (await server.predict("churn", [ROW], ["a"])).versions == [2]
        assert process_of(server, 1).running, "the champion stays loaded while the challenger has all"
        await server.tallies.stop()
        lake.life().take_back(2, ANNA, "worse")
        await until(lambda: server.active["churn"].route.rollout is None)
        assert (await server.predict("churn", [ROW], ["a"])).versions == [1]

    served(lake, test)
    found = sorted(tallies(lake), key=lambda each: each.place)
    assert [(each.step, each.server) for each in found] == [(0, "here"), (1, "here")], "a step closes a tally"
    # a request of many rows is one answer of each version that has a part of it
    assert (found[0].versions[1].answers, found[0].versions[1].errors) == (2, 0)
    assert (found[0].versions[2].answers, found[0].versions[2].errors) == (2, 1)
    assert (found[1].versions[2].answers, set(found[1].versions)) == (1, {2})


def test_a_challenger_that_can_not_be_loaded_is_its_error_and_the_champion_answers(lake: Lake) -> None:
    lake.rolling(1.0)
    lake.store.put(f"{lake.life().state.version(2).model.prefix}scorer.json", b"{}")  # somebody has edited it

    async def test(server: Served) -> None:
        assert server.tallies is not None
        given = await server.predict("churn", [ROW], ["a"])
        assert (given.versions, given.fallen_back, given.rollout) == ([1], 2, 1)
        assert "aren't what they were" in server.failures["churn", 2]
        await server.tallies.stop()

    served(lake, test)
    assert (counted(lake, 2), counted(lake, 1)) == ((1, 1), (0, 0))


def test_a_server_that_has_just_started_counts_nothing_before_the_challenger_is_loaded(lake: Lake) -> None:
    """How long this machine takes to load it is no error of the version: it would be taken back by that."""
    lake.rolling(1.0)

    async def test(server: Served) -> None:
        assert server.tallies is not None
        may, load, usual = asyncio.Event(), server.versions.process, server.limits

        async def slowly(key: tuple[str, int], copy: Any) -> VersionProcess:
            if key == ("churn", 2):
                await may.wait()
            return await load(key, copy)

        server.versions.process = slowly  # type: ignore[method-assign]
        server.limits = Limits(seconds=0.02)  # for which the first request waits for it
        await server.route("churn")
        server.limits = usual
        given = await server.predict("churn", [ROW], ["a"])
        assert (given.versions, given.fallen_back, given.rollout) == ([1], None, None)
        assert "not loaded within" in server.failures["churn", 2]
        may.set()
        await until(lambda: server.active["churn"].route.rollout == 1)
        assert (await server.predict("churn", [ROW], ["a"])).versions == [2]
        assert not server.failures
        await server.tallies.stop()

    served(lake, test)
    assert (counted(lake, 1), counted(lake, 2)) == ((0, 0), (1, 0))


def test_what_does_not_count_is_answered_like_all_else(lake: Lake) -> None:
    lake.rolling(1.0)

    async def test(server: Served) -> None:
        assert server.tallies is not None
        given = await server.predict("churn", [ROW], ["a"], counts=False)
        assert (given.versions, given.rollout) == ([2], 1)
        kill(server, 2)
        given = await server.predict("churn", [ROW], ["a"], counts=False)
        assert (given.versions, given.fallen_back) == ([1], 2)
        await server.tallies.stop()

    served(lake, test)
    assert (counted(lake, 1), counted(lake, 2)) == ((0, 0), (0, 0)), "neither an answer nor its error"


def test_a_champion_that_answers_nobody_now_is_not_put_away_for_models_that_nobody_asks(lake: Lake) -> None:
    for name in ("b", "c"):
        lake.in_use(name)
    lake.rolling(1.0)

    async def test(server: Served) -> None:
        for name, version in (("churn", 2), ("b", 1), ("churn", 2), ("c", 1)):
            assert (await server.predict(name, [ROW], ["a"])).versions == [version]
        assert set(server.versions.processes) == {("churn", 1), ("churn", 2), ("c", 1)}

    served(lake, test, most=3)


def test_rows_that_the_challenger_alone_refuses_get_the_champions_answer(lake: Lake) -> None:
    lake.rolling(1.0)

    async def test(server: Served) -> None:
        assert server.tallies is not None
        await server.route("churn")

        async def refused(rows: list[dict[str, Any]], seconds: float) -> Answer:
            return Answer(error="it knows no Bonn")

        process_of(server, 2).predict = refused  # type: ignore[method-assign]
        given = await server.predict("churn", [ROW], ["a"])
        assert (given.versions, given.fallen_back) == ([1], 2)
        with pytest.raises(BadRows, match="'old' is no number"):
            await server.predict("churn", [ROW | {"age": "old"}], ["a"])
        await server.tallies.stop()

    served(lake, test)
    assert (counted(lake, 2), counted(lake, 1)) == ((1, 1), (0, 0))


def test_what_is_wrong_with_a_request_counts_for_no_version(lake: Lake) -> None:
    """Else one client's program could take a version back."""
    lake.rolling(0.5, 1.0)

    async def test(server: Served) -> None:
        assert server.tallies is not None
        route = await server.route("churn")
        ours, theirs = (next(key for key in KEYS if version_of(route, key) == version) for version in (1, 2))

        def taken(given: Given) -> None:
            raise ValueError("a column of the log")

        async def unable(rows: list[dict[str, Any]], seconds: float) -> Answer:
            raise Unavailable("it has too much to do")

        for key in (ours, theirs):
            with pytest.raises(ValueError, match="a column of the log"):
                await server.predict("churn", [ROW], [key], check=taken)
        asking = asyncio.create_task(server.predict("churn", [ROW], [theirs]))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()
        champion, challenger = process_of(server, 1), process_of(server, 2)
        challenger.predict = unable  # type: ignore[method-assign]
        with pytest.raises(ValueError, match="a column of the log"):
            await server.predict("churn", [ROW], [theirs], check=taken)
        old = ROW | {"age": "old"}
        with pytest.raises(BadRows, match="'old' is no number"):
            await server.predict("churn", [ROW, old], [theirs, ours])
        del challenger.predict
        champion.predict = unable  # type: ignore[method-assign]
        with pytest.raises(Unavailable):  # it refuses rows, and nobody can tell whether the champion reads them
            await server.predict("churn", [old], [theirs])
        await server.tallies.stop()

    served(lake, test)
    assert (counted(lake, 1), counted(lake, 2)) == ((0, 0), (0, 0))


def test_each_part_of_a_request_is_counted_though_another_part_gets_no_answer(lake: Lake) -> None:
    lake.rolling(0.5, 1.0)

    async def test(server: Served) -> None:
        assert server.tallies is not None
        await server.route("churn")

        async def unable(rows: list[dict[str, Any]], seconds: float) -> Answer:
            raise Unavailable("it has too much to do")

        process_of(server, 1).predict = unable  # type: ignore[method-assign]
        with pytest.raises(Unavailable, match="too much to do"):
            await server.predict("churn", [ROW] * len(KEYS), KEYS)
        await server.tallies.stop()

    served(lake, test)
    assert (counted(lake, 1), counted(lake, 2)) == ((1, 1), (1, 0))


def test_what_this_machine_can_not_have_now_is_no_error_of_the_version(lake: Lake) -> None:
    lake.rolling(1.0)

    async def test(server: Served) -> None:
        assert server.tallies is not None
        await server.route("churn")
        await server.versions.end(("churn", 2))  # put away, as others were asked for
        both = await asyncio.gather(*(server.predict("churn", [ROW], ["a"]) for _ in range(2)))
        assert [each.versions for each in both] == [[2], [2]], "one that is being loaded has not crashed"
        await server.versions.end(("churn", 2))
        load = server.versions.process

        async def away(key: tuple[str, int], copy: Any) -> VersionProcess:
            if key == ("churn", 2):
                raise NotHere("its files can't be fetched: the store is away")
            return await load(key, copy)

        server.versions.process = away  # type: ignore[method-assign]
        given = await server.predict("churn", [ROW], ["a"])
        assert (given.versions, given.fallen_back) == ([1], 2)
        await server.tallies.stop()

    served(lake, test)
    assert (counted(lake, 1), counted(lake, 2)) == ((0, 0), (2, 0))


def test_a_challenger_that_hangs_leaves_the_champion_time_to_answer(lake: Lake) -> None:
    lake.rolling(1.0)

    async def test(server: Served) -> None:
        await server.route("churn")
        process = process_of(server, 2)._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        server.limits = Limits(seconds=0.2)  # of answers; its process is ended later
        given = await server.predict("churn", [ROW], ["a"])
        assert (given.versions, given.fallen_back) == ([1], 2)
        champion = process_of(server, 1)._process
        assert champion is not None
        os.kill(champion.pid, signal.SIGSTOP)
        with pytest.raises(Unavailable, match=r"version 1: it has not answered within"):
            await server.predict("churn", [ROW], ["a"])
        for each in (process, champion):
            os.kill(each.pid, signal.SIGCONT)

    served(lake, test)


class Shadow(Shadows):
    """Shadows whose version says what a test wants, when it wants."""

    def __init__(self, said: Answer | Unavailable, **more: Any) -> None:
        self.may = asyncio.Event()

        async def ask(route: Route, version: int, rows: list[dict[str, Any]]) -> tuple[Answer, list[str]]:
            await self.may.wait()
            if isinstance(said, Unavailable):
                raise said
            return said, ["no", "yes"]

        super().__init__(ask, **more)


ROUTE = Route("churn", 9, 1, {1: 1.0}, {}, {}, rollout=3, shadow={2: 1.0})
GIVEN = Given(9, [1, 1], ["no", "yes"], [[0.9, 0.1], [0.2, 0.8]], ["no", "yes"], None, 0.01, 3)


def test_what_waits_for_a_shadow_is_bounded_and_what_it_was_not_asked_is_counted() -> None:
    async def test() -> None:
        shadows = Shadow(Answer(["no", "no"], [[0.6, 0.4], [0.7, 0.3]]), most=2)
        for number in range(5):
            shadows.offer(ROUTE, [ROW, ROW], ["a", "b"], str(number), GIVEN)
        assert (shadows.waiting, shadows.asked, shadows.dropped) == (2, {("churn", 2): 2}, {("churn", 2): 3})
        shadows.may.set()
        await until(lambda: not shadows.waiting)
        shadows.offer(ROUTE, [ROW], ["a"], "later", GIVEN)
        assert shadows.waiting == 1
        await shadows.stop()
        narrow = Shadow(Answer(["no"], [[0.6, 0.4]]), most_rows=3)
        for count in (4, 1):
            narrow.offer(ROUTE, [ROW] * count, ["a"] * count, "r", GIVEN)
        assert (narrow.asked, narrow.dropped) == ({("churn", 2): 1}, {("churn", 2): 1})
        await narrow.stop(0.0)

    asyncio.run(test())


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (
            Answer(["no", "no"], [[0.6, 0.4], [0.7, 0.3]]),
            [{"prediction": "no", "agrees": True, "probability_yes": 0.4},
             {"prediction": "no", "agrees": False, "probability_yes": 0.3}],
        ),
        (Answer(error="it knows no Bonn"), [{"error": "it knows no Bonn"}] * 2),
        (Unavailable("it has crashed"), [{"error": "it has crashed"}] * 2),
    ],
)  # fmt: skip
def test_a_shadow_has_lines_of_its_own(
    tmp_path: Path, said: Answer | Unavailable, wanted: list[Mapping[str, Any]]
) -> None:
    lake = Lake(tmp_path)

    async def test() -> None:
        log = AnswerLog(lake.store, tmp_path / "shadow", server="here", where=SHADOW)
        log.start()
        shadows = Shadow(said, answers=log)
        shadows.may.set()
        shadows.offer(ROUTE, [ROW, ROW | {"age": 3.0}], ["a", "b"], "r", GIVEN)
        await shadows.stop(60.0)
        assert await log.stop() == 0

    asyncio.run(test())
    found = lines(lake, SHADOW)
    assert lines(lake, ANSWERS) == []
    for place, line in enumerate(found):
        told = {name: line[name] for name in ("request_id", "request_key", "model_version", "rollout", "age")}
        assert told == {
            "request_id": f"r/{place}", "request_key": "ab"[place], "model_version": 2, "rollout": 3,
            "age": (30.0, 3.0)[place],
        }  # fmt: skip
        assert (line["given_version"], line["given_prediction"]) == (1, GIVEN.predictions[place])
        assert {name: line.get(name) for name in wanted[place]} == wanted[place]
        assert ("error" in line) is not ("prediction" in line)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("yes", "yes", True), ("yes", "no", False), (100.0, 100.9, True), (100.0, 102.0, False), (0.0, 0.0, True),
     (0.0, 0.01, False), ("1", 1.0, False)],
)  # fmt: skip
def test_numbers_say_the_same_where_they_are_close(one: str | float, other: str | float, same: bool) -> None:
    assert alike(one, other) is same


def test_the_counts_of_a_shadow_are_beside_those_of_who_answered(lake: Lake) -> None:
    lake.rolling(0.5, 1.0, shadow=1.0)

    async def test(server: Served) -> None:
        assert server.tallies is not None
        given = await server.predict("churn", [ROW], ["a"])
        assert (given.versions, given.rollout) == ([1], 1)
        shadows = Shadows(server.ask, None, server.tallies)
        shadows.offer(server.active["churn"].route, [ROW], ["a"], "r", given)
        await shadows.stop(60.0)
        await server.tallies.stop()

    served(lake, test)
    assert (counted(lake, 1), counted(lake, 2), counted(lake, 2, shadow=True)) == ((1, 0), (0, 0), (1, 0))
    same = lake.model(1).predict([ROW])[0] == lake.model(2).predict([ROW])[0]
    assert [(each.compared, each.agreed) for each in tallies(lake)] == [(1, int(same))]
