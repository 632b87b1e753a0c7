"""A version's process: it answers, and whatever becomes of it, whoever asks is told."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl_core import modelfile
from automl_core.serving import process as processes
from automl_core.serving.process import Limits, Unavailable, VersionProcess
from automl_core.serving.wire import Part
from automl_core.serving.worker import answers
from tests.unit.modelfile.models import BINARY, NUMBERS, ROWS, SCHEMA, forest, linear

WHOLE = [{"age": 30.0, "city": "Bonn", "plan": 1}, {"age": None, "city": None, "plan": None}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("served") / "model"
    return modelfile.write(place, members=[linear(), forest()], schema=SCHEMA, problem=BINARY, golden=ROWS, made={})


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    found = asyncio.new_event_loop()
    yield found
    found.close()


@pytest.fixture(scope="module")
def shared(folder: Path, loop: asyncio.AbstractEventLoop) -> Iterator[VersionProcess]:
    """One for all tests that leave it well: each start costs half a second of CPU."""
    version = VersionProcess(folder)
    yield version
    loop.run_until_complete(version.stop())


@pytest.fixture
def serve(
    shared: VersionProcess, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Run a test with the shared version, started."""

    def run(test: Callable[[VersionProcess], Awaitable[None]], **limits: Any) -> None:
        shared._not_before = 0.0
        loop.run_until_complete(shared.start())
        monkeypatch.setattr(shared, "limits", Limits(**limits))
        if shared._watch is not None:  # it was set by the limits of the test before
            shared._watch.cancel()
            shared._watch, shared._look_at = None, math.inf
        loop.run_until_complete(asyncio.wait_for(test(shared), 60))

    return run


def pid_of(version: VersionProcess) -> int:
    assert version._process is not None
    return version._process.pid


def test_it_says_what_the_model_says(folder: Path, serve: Callable[..., None]) -> None:
    model = modelfile.load(folder)

    async def test(version: VersionProcess) -> None:
        found = await version.predict(WHOLE)
        assert found.predictions == model.predict(WHOLE).tolist()
        assert found.probabilities == model.predict_proba(WHOLE).tolist()
        assert version.ready is not None
        assert version.ready.classes == ["no", "yes"]
        assert version.ready.columns[0] == ("age", "number", "number")
        assert version.ready.said.startswith("4 golden rows")

    serve(test)


def test_rows_that_are_wrong_spoil_nobody_elses(serve: Callable[..., None]) -> None:
    async def test(version: VersionProcess) -> None:
        await version.start()
        wrong, right, other = await asyncio.gather(
            version.predict([{"age": "old", "city": "Bonn", "plan": 1}]),
            version.predict(WHOLE),
            version.predict([{"city": "Bonn", "plan": 1}]),
        )
        assert "'old' is no number" in wrong.error
        assert len(right.predictions) == 2
        assert "no column 'age'" in other.error

    serve(test)


def test_requests_with_the_same_columns_are_scored_together(folder: Path) -> None:
    model, calls = modelfile.load(folder), list[int]()
    scored = model.scorer.outputs

    def outputs(rows: Any) -> Any:
        calls.append(len(rows))
        return scored(rows)

    model.scorer.outputs = outputs  # type: ignore[method-assign]
    alone = [answers(model, [Part([row])])[0] for row in WHOLE]
    calls.clear()
    found = answers(model, [Part([WHOLE[0]]), Part([WHOLE[0] | {"more": 1}]), Part([WHOLE[1]])])
    assert calls == [2, 1]
    assert [found[0], found[2]] == alone
    assert found[1] == alone[0]


def test_numbers_have_no_probabilities(tmp_path: Path) -> None:
    place = modelfile.write(
        tmp_path / "m", members=[linear(link="identity")], schema=SCHEMA, problem=NUMBERS, golden=ROWS, made={}
    )
    found = answers(modelfile.load(place), [Part(WHOLE)])[0]
    assert found.probabilities is None
    np.testing.assert_allclose(found.predictions, modelfile.load(place).predict(WHOLE))  # type: ignore[arg-type]


def test_one_that_crashes_is_started_again(serve: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "AGAIN", (0.0, 60.0))

    async def test(version: VersionProcess) -> None:
        version.crashes = 0
        os.kill(pid_of(version), signal.SIGSTOP)
        asked = asyncio.ensure_future(version.predict(WHOLE))
        await asyncio.sleep(0)
        os.kill(pid_of(version), signal.SIGKILL)
        with pytest.raises(Unavailable, match="ended by signal 9"):
            await asked
        assert not version.running
        assert len((await version.predict(WHOLE)).predictions) == 2, "the next one finds it well again"
        os.kill(pid_of(version), signal.SIGKILL)
        with pytest.raises(Unavailable):
            await version.predict(WHOLE)
        with pytest.raises(Unavailable, match="has crashed 2 times"):
            await version.predict(WHOLE)

    serve(test)


def test_one_that_hangs_is_ended(serve: Callable[..., None]) -> None:
    async def test(version: VersionProcess) -> None:
        await version.start()
        pid = pid_of(version)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(Unavailable, match=r"not answered within 0\.2 s"):
            await version.predict(WHOLE)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    serve(test, seconds=0.2)


def test_who_waits_behind_others_rows_is_told_in_time_and_not_scored_later(serve: Callable[..., None]) -> None:
    async def test(version: VersionProcess) -> None:
        sent, sending, line = list[list[bytes]](), version._send, version._line
        version._send = lambda _, parts: sent.append(parts)  # type: ignore[method-assign]
        asked, late, lately = (asyncio.ensure_future(version.predict(WHOLE, 100.0)) for _ in range(3))
        await asyncio.sleep(0)
        for each in (version._asked[0], version._waiting[0]):  # one was asked just now, after a long wait
            each.until -= 1000
        version._look()
        for each in (asked, late):
            with pytest.raises(Unavailable, match="not answered within 100 s"):
                await each
        assert version.running, "whose process is well"
        assert version._watch is not None, "and is looked at again"
        assert line is not None
        version._send = lambda line, parts: (sent.append(parts), sending(line, parts))  # type: ignore
        sending(line, sent[0])
        assert len((await lately).predictions) == len(WHOLE)
        assert [len(parts) for parts in sent] == [1, 1], "what nobody waits for any more is not asked"
        assert not version.pending

    serve(test, seconds=100.0)


def test_a_model_that_is_not_what_it_was_answers_nothing(
    folder: Path, tmp_path: Path, loop: asyncio.AbstractEventLoop
) -> None:
    import shutil

    changed = Path(shutil.copytree(folder, tmp_path / "changed"))
    golden = json.loads((changed / "golden.json").read_text())
    golden["outputs"][0][0] += 0.25
    (changed / "golden.json").write_text(json.dumps(golden))

    async def test(version: VersionProcess) -> None:
        for _ in range(2):
            with pytest.raises(Unavailable, match=r"can't be loaded: .*golden.json"):
                await version.predict(WHOLE)
        assert version.crashes == 0, "another start would say the same"

    version = VersionProcess(changed)
    loop.run_until_complete(test(version))
    loop.run_until_complete(version.stop())


def test_one_with_too_much_to_do_refuses_at_once(serve: Callable[..., None]) -> None:
    async def test(version: VersionProcess) -> None:
        await version.start()
        os.kill(pid_of(version), signal.SIGSTOP)
        asked = [asyncio.ensure_future(version.predict(WHOLE)) for _ in range(4)]
        for _ in range(5):
            await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="requests wait for it already"):
            await version.predict(WHOLE)
        os.kill(pid_of(version), signal.SIGCONT)
        assert len(await asyncio.gather(*asked)) == 4

    serve(test, waiting=4, seconds=60)


def test_its_process_sees_no_secret_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-value")
    assert "hidden-value" not in processes._environment().values()


def test_a_number_that_can_not_be_sent_is_the_fault_of_its_own_rows(serve: Callable[..., None]) -> None:
    async def test(version: VersionProcess) -> None:
        pid = pid_of(version)
        wrong, right = await asyncio.gather(
            version.predict([WHOLE[0] | {"age": 10**30}]), version.predict(WHOLE), return_exceptions=False
        )
        assert "these rows can't be read" in wrong.error
        assert len(right.predictions) == 2
        assert pid_of(version) == pid, "it has killed the process of all others' requests"

    serve(test)


def test_whatever_fails_for_some_rows_is_answered_to_them_alone(folder: Path) -> None:
    model = modelfile.load(folder)
    scored = model.scorer.outputs

    def outputs(rows: Any) -> Any:
        if any(row["age"] == 13 for row in rows):
            raise ZeroDivisionError("of a step that nobody knew")
        return scored(rows)

    model.scorer.outputs = outputs  # type: ignore[method-assign]
    wrong, right = answers(model, [Part([WHOLE[0] | {"age": 13}]), Part(WHOLE)])
    assert "ZeroDivisionError: of a step that nobody knew" in wrong.error
    assert len(right.predictions) == 2


def test_one_that_was_put_away_is_not_started_again_and_who_waited_is_told(
    folder: Path, loop: asyncio.AbstractEventLoop
) -> None:
    async def test() -> None:
        version = VersionProcess(folder)
        asked = [asyncio.ensure_future(version.predict(WHOLE)) for _ in range(3)]
        await asyncio.sleep(0)
        assert version.busy, "so nobody puts it away while somebody waits for its start"
        await version.stop()
        for each in asked:
            with pytest.raises(Unavailable, match="stopped"):
                await each
        with pytest.raises(Unavailable, match="stopped"):
            await version.predict(WHOLE)
        assert not version.busy

    loop.run_until_complete(test())


def test_where_no_process_can_be_started_who_asks_is_told(
    folder: Path, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(*_: Any, **__: Any) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", none)

    async def test() -> None:
        with pytest.raises(Unavailable, match=r"can't be started: .*Too many open files"):
            await VersionProcess(folder).predict(WHOLE)

    loop.run_until_complete(test())


def test_a_large_request_is_scored_alone(
    serve: Callable[..., None], shared: VersionProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, send = list[int](), shared._send

    def counted(line: Any, parts: list[bytes]) -> None:
        asked.append(len(parts))
        send(line, parts)

    monkeypatch.setattr(shared, "_send", counted)
    monkeypatch.setattr(processes, "TOGETHER_BYTES", 1000)

    async def test(version: VersionProcess) -> None:
        large = [WHOLE[0] | {"city": "x" * 2000}]
        found = await asyncio.gather(*(version.predict(rows) for rows in (WHOLE, WHOLE, WHOLE, large, WHOLE)))
        assert [len(each.predictions) for each in found] == [2, 2, 2, 1, 2]
        assert asked == [1, 2, 1, 1]

    serve(test)
