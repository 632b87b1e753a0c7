"""Lines from a node's records: those of two streams taken apart again, as a kubelet glues them together."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.backends.kubernetes.cursor import LogCursor
from automl_core.backends.kubernetes.records import RECORD, Lines
from automl_core.backends.output import LINE_LIMIT
from automl_core.metrics import Series, open_source
from automl_core.spec.metrics import StdoutMetrics
from tests.standins.kubernetes.logs import ContainerLog, LogSettings
from tests.standins.kubernetes.podlogs import LogRequest
from tests.support.examples import examples

METRICS = [
    "accuracy=0.{step:02} step={step}",
    '{{"accuracy": 0.{step:02}, "step": {step}}}',
    "step {step}: accuracy=0.{step:02}",
]
KUBELET = SimpleNamespace(log_watchers=Counter(), log_settings=LogSettings())


def answer(log: ContainerLog, since: str | None = None) -> bytes:
    """What a kubelet gives of a log."""
    query = {"timestamps": "true", **({"sinceTime": since} if since else {})}

    async def asked() -> bytes:
        request = LogRequest(KUBELET, "node", log, query)  # type: ignore[arg-type]
        return b"".join([part async for part in request.parts()])

    return asyncio.run(asked())


def bar(step: int, done: int, width: int = 60) -> str:
    """A redraw of tqdm's."""
    drawn = "█" * (done * width // 100)
    return (
        f"\rEpoch {step}: {done:3}%|{drawn:<{width}}| {done}/100 [00:{done % 60:02}<01:{(100 - done) % 60:02}, "
        f"{9 + done / 100:.2f}it/s, loss=0.{100 - done:03}]"
    )


def read(cursor: LogCursor, data: bytes, *, whole: bool = False, clean: bool = True, chunk: int = 0) -> list[str]:
    cursor.begin()
    for at in range(0, len(data), chunk or max(1, len(data))):
        cursor.feed(data[at : at + chunk] if chunk else data)
    cursor.end(whole=whole, clean=clean)
    return cursor.lines.take()


def points(lines: list[str]) -> dict[float, float]:
    source = open_source(StdoutMetrics.model_validate({"source": "stdout"}), Path)
    found = Series()
    for line in lines:
        found.add(source.feed(line))
    return {point.step: point.values["accuracy"] for point in found if "accuracy" in point.values}


@pytest.mark.parametrize("metric", METRICS)
def test_all_points_of_a_training_with_a_bar_on_the_other_stream(metric: str, tmp_path: Path) -> None:
    """48 epochs, as on a real cluster: 12 to 16 of them were lost or at a wrong step."""
    log = ContainerLog(tmp_path / "log")
    for step in range(48):
        for done in range(101):
            log.write(bar(step, done).encode(), "stderr")
        log.write((metric.format(step=step) + "\n").encode(), "stdout")
    log.write(b"\n", "stderr")
    log.close()
    data = answer(log)
    glued = sum(len(line) > RECORD for line in data.split(b"\n"))
    assert glued > 12, "the node glues many of them"
    lines = read(LogCursor(), data, whole=True)
    assert points(lines) == {step: step / 100 for step in range(48)}
    assert [line for line in lines if "accuracy" in line] == [metric.format(step=step) for step in range(48)]


events = st.lists(
    st.one_of(
        st.tuples(st.just("bar"), st.integers(1, 140)), st.tuples(st.just("metric"), st.integers(0, 2)),
        st.tuples(st.just("close"), st.just(0)), st.tuples(st.just("long"), st.integers(1, 40_000)),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=examples(60))
@given(events, st.sampled_from([0, 1000, 4096]), st.lists(st.tuples(st.integers(0, 40_000), st.booleans()), max_size=6))
def test_no_line_is_hidden_in_another_one_wherever_the_readings_are_cut(
    events: list[tuple[str, int]], chunk: int, cuts: list[tuple[int, bool]]
) -> None:
    expected, step = [], 0
    with TemporaryDirectory() as folder:
        log = ContainerLog(Path(folder) / "log")
        for done in range(100):  # every training draws more than one redraw before its first record is full
            log.write(bar(0, done).encode(), "stderr")
        cursor, found = LogCursor(), []
        for kind, much in events:
            if kind == "bar":
                for done in range(much):
                    log.write(bar(step, done % 100).encode(), "stderr")
            elif kind == "close":
                log.write(b"\n", "stderr")
            else:
                step += 1
                text = METRICS[much].format(step=step) if kind == "metric" else json.dumps({"text": "x" * much})
                expected.append(text)
                log.write(f"{text}\n".encode(), "stdout")
            if cuts:
                limit, clean = cuts.pop()
                data = answer(log, cursor.since)
                found += read(cursor, data[:limit], clean=clean and limit >= len(data), chunk=chunk)
        log.close()
        found += read(cursor, answer(log, cursor.since), whole=True, chunk=chunk)
    printed = [line for line in found if line.startswith(("accuracy", "{", "step "))]
    assert printed == expected


def test_a_redraw_that_two_records_share_is_whole_again(tmp_path: Path) -> None:
    log = ContainerLog(tmp_path / "log")
    drawn = [bar(0, done % 101) for done in range(1000)]
    for number, each in enumerate(drawn):
        log.write(each.encode(), "stderr")
        if number % 40 == 0:
            log.write(f"accuracy=0.5 step={number}\n".encode(), "stdout")
    log.write(b"\n", "stderr")
    log.close()
    lines = read(LogCursor(), answer(log), whole=True)
    pieces = [piece for line in lines for piece in line.split("\r") if piece]
    assert [piece for piece in pieces if "Epoch" in piece] == [each[1:] for each in drawn]


def test_a_long_line_is_one(tmp_path: Path) -> None:
    log = ContainerLog(tmp_path / "log")
    text = json.dumps({"accuracy": 0.5, "step": 3, "weights": "1 2 3 " * 6_000})
    assert len(text) > 30_000
    log.write(f"before\n{text}\nafter\n".encode())
    log.close()
    assert read(LogCursor(), answer(log), whole=True) == ["before", text, "after"]


def test_a_line_glued_to_a_long_one_is_known_by_its_kind(tmp_path: Path) -> None:
    log = ContainerLog(tmp_path / "log")
    log.write(b"accuracy=0.1 step=1\n")
    log.write(b"W" * 20_000, "stderr")
    log.write(b"accuracy=0.2 step=2\n")
    log.write(b"W" * 20_000, "stderr")
    log.write(b'{"accuracy": 0.3, "step": 3}\n')
    log.close()
    lines = read(LogCursor(), answer(log), whole=True)
    assert [line for line in lines if "accuracy" in line] == [
        "accuracy=0.1 step=1", "accuracy=0.2 step=2", '{"accuracy": 0.3, "step": 3}',
    ]  # fmt: skip


def test_a_line_that_never_ends_fills_no_memory() -> None:
    lines = Lines()
    lines.begin()
    for _ in range(500):
        lines.feed(b"x" * 10_000)
    assert len(lines._buffer) <= LINE_LIMIT + 10_000
    lines.end()
    (text,) = lines.take()
    assert text.endswith(f"… [{5_000_000 - LINE_LIMIT:,} more bytes of this line were cut]")


def test_pieces_that_nobody_took_are_shown_as_one_line() -> None:
    lines = Lines()
    lines.begin()
    for done in range(50):
        lines.feed(bar(1, done).encode())
    (text,) = lines.take()
    assert text.endswith("\r")
    assert text.count("Epoch") == 49, "the last may still go on"
    lines.feed(b"\rdone")
    lines.end()
    assert lines.take()[-1].endswith("done")
