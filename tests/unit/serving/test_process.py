"""A version's process: it answers, and whatever becomes of it, whoever asks is told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
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


def serve(folder: Path, test: Callable[[VersionProcess], Awaitable[None]], **limits: Any) -> None:
    async def run() -> None:
        version = VersionProcess(folder, Limits(**limits))
        try:
            await test(version)
        finally:
            await version.stop()

    asyncio.run(run())


def pid_of(version: VersionProcess) -> int:
    assert version._process is not None
    return version._process.pid


def test_it_says_what_the_model_says(folder: Path) -> None:
    model = modelfile.load(folder)

    async def test(version: VersionProcess) -> None:
        found = await version.predict(WHOLE)
        assert found.predictions == model.predict(WHOLE).tolist()
        assert found.probabilities == model.predict_proba(WHOLE).tolist()
        assert version.ready is not None
        assert version.ready.classes == ["no", "yes"]
        assert version.ready.columns[0] == ("age", "number", "number")
        assert version.ready.said.startswith("4 golden rows")

    serve(folder, test)


def test_rows_that_are_wrong_spoil_nobody_elses(folder: Path) -> None:
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

    serve(folder, test)


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


def test_one_that_crashes_is_started_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "AGAIN", (0.0, 60.0))

    async def test(version: VersionProcess) -> None:
        await version.start()
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

    serve(folder, test)


def test_one_that_hangs_is_ended(folder: Path) -> None:
    async def test(version: VersionProcess) -> None:
        await version.start()
        pid = pid_of(version)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(Unavailable, match=r"not answered within 0\.2 s"):
            await version.predict(WHOLE)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    serve(folder, test, seconds=0.2)


def test_a_model_that_is_not_what_it_was_answers_nothing(folder: Path, tmp_path: Path) -> None:
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

    serve(changed, test)


def test_one_with_too_much_to_do_refuses_at_once(folder: Path) -> None:
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

    serve(folder, test, waiting=4, seconds=60)


def test_its_process_sees_no_secret_of_the_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-value")

    async def test(version: VersionProcess) -> None:
        await version.start()
        assert b"hidden-value" not in Path(f"/proc/{pid_of(version)}/environ").read_bytes()

    serve(folder, test)
