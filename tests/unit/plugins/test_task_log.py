"""What trainings print, on its way into Airflow's task log."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from automl_airflow.task_log import AROUND, HELD, HELD_OF_ALL, LAST, Pump, TaskLog


class Clock:
    """Seconds that pass when a test says so, or when a write takes some."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Log:
    """Airflow's logger; a write may take its time."""

    def __init__(self, clock: Clock | None = None, takes: float = 0.0) -> None:
        self.lines: list[tuple[str, str]] = []
        self._clock, self.takes = clock, takes

    def __getattr__(self, level: str) -> Any:
        def write(text: str) -> None:
            if self._clock is not None:
                self._clock.now += self.takes
            self.lines.append((level, text))

        return write

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.lines]


class Hand(Pump):
    """A pump that a test turns by hand: as its thread would, but without waiting."""

    def __init__(self, clock: Clock, **options: Any) -> None:
        super().__init__(clock=clock, **options)
        self.clock = clock
        self._thread = threading.current_thread()  # none is started

    def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, and write whatever may be written by then."""
        until = self.clock.now + seconds
        while True:
            while self._wait() == 0:
                self.write_one((self._closing or self._ready).popleft())
            wait = self._wait()
            if wait is None or self.clock.now + wait > until:
                self.clock.now = max(self.clock.now, until)
                return
            self.clock.now += wait


def flood(log: TaskLog, lines: int, size: int = 100) -> None:
    for number in range(lines):
        log.line(f"{number:06d}".ljust(size))


def test_what_is_printed_now_and_then_all_goes_in_order() -> None:
    clock, written = Clock(), Log()
    pump = Hand(clock)
    log = TaskLog(written, pump)
    for number in range(200):
        log.line(str(number))
        pump.turn(1.0)
    assert written.texts == [str(number) for number in range(200)]


def test_a_flood_goes_at_the_rate_of_the_process_whatever_the_number_of_trials() -> None:
    clock = Clock()
    pump = Hand(clock, rate=1000.0, burst=5000.0)
    logs = [Log() for _ in range(10)]
    trials = [TaskLog(log, pump) for log in logs]
    for _ in range(60):
        for trial in trials:
            flood(trial, 100)
        pump.turn(1.0)
    written = sum(len(text) + AROUND for log in logs for text in log.texts)
    assert written <= 5000 + 60 * 1000 + 10 * (100 + AROUND)
    assert written >= 60 * 1000 * 0.9
    shares = [len(log.texts) for log in logs]
    assert max(shares) - min(shares) <= 3, "the trials come in turns"


def test_a_quiet_trial_is_not_behind_the_lines_of_one_that_floods() -> None:
    clock, loud, quiet = Clock(), Log(), Log()
    pump = Hand(clock, rate=1000.0, burst=2000.0)
    flood(TaskLog(loud, pump), 100_000)
    pump.turn(1.0)
    TaskLog(quiet, pump).line("a line")
    pump.turn(2.0)
    assert quiet.texts == ["a line"]


def test_what_was_left_out_is_said_where_it_would_have_stood() -> None:
    clock, written = Clock(), Log()
    pump = Hand(clock, rate=1000.0, burst=1000.0)
    log = TaskLog(written, pump, held=10_000)
    flood(log, 1_224)
    assert len(written.texts) == 0
    pump.turn(3600.0)
    flood(log, 1)
    pump.turn(10.0)
    went = [text for text in written.texts if not text.startswith("[")]
    [gap] = [index for index, text in enumerate(written.texts) if text.startswith("[")]
    assert written.texts[gap] == "[1,204 lines (121.6 kB) are only in log.txt]"
    assert [int(text) for text in went] == [*range(20), 0]
    assert gap == 20, "between the last that went and the next one that does"


def test_what_is_said_is_never_left_out_and_stands_among_the_lines_around_it() -> None:
    clock, written = Clock(), Log()
    pump = Hand(clock, rate=1000.0, burst=1000.0)
    log = TaskLog(written, pump)
    flood(log, 10_000)
    log.say("ending the training: NaN")
    log.warning("attempt %d failed", 3)
    flood(log, 10_000)
    pump.turn(3600.0)
    at = written.lines.index(("info", "ending the training: NaN"))
    assert written.lines[at + 1] == ("warning", "attempt 3 failed")
    assert written.texts[at - 1].endswith("are only in log.txt]")
    assert written.texts[-1].endswith("are only in log.txt]")


@given(st.lists(st.tuples(st.sampled_from(["line", "say", "turn"]), st.integers(0, 3000)), max_size=60))
def test_each_line_is_written_or_counted_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    clock, written = Clock(), Log()
    pump = Hand(clock, rate=2000.0, burst=3000.0)
    log = TaskLog(written, pump, held=8_000)
    printed, said = 0, []
    for kind, size in steps:
        if kind == "line":
            log.line(f"{printed}:".ljust(size, "x"))
            printed += 1
        elif kind == "say":
            said.append(f"said {len(said)}")
            log.say(said[-1])
        else:
            pump.turn(size / 1000)

    async def end() -> None:
        closing = asyncio.create_task(log.close())
        while not closing.done():
            await asyncio.sleep(0)
            pump.turn(1.0)

    asyncio.run(end())
    numbers, left_out = [], 0
    for text in written.texts:
        if text.startswith("["):
            left_out += int(text[1:].split(" ", 1)[0].replace(",", ""))
        elif not text.startswith("said"):
            numbers.append(int(text.split(":", 1)[0]))
    assert [text for text in written.texts if text.startswith("said")] == said
    assert numbers == sorted(set(numbers))
    assert len(numbers) + left_out == printed


def test_at_the_end_the_newest_lines_and_the_summary_go_before_the_lines_of_others() -> None:
    clock, others, mine = Clock(), Log(), Log()
    pump = Hand(clock, rate=1000.0, burst=4000.0)
    flood(TaskLog(others, pump), 10_000)
    log = TaskLog(mine, pump)
    flood(log, 10_000)
    pump.turn(1.0)

    async def end() -> None:
        log.info("trial 3: SUCCEEDED")
        closing = asyncio.create_task(log.close())
        while not closing.done():
            await asyncio.sleep(0)
            pump.turn(0.0)

    before = len(others.texts)
    asyncio.run(end())
    assert mine.texts[-1] == "trial 3: SUCCEEDED"
    assert any(text.endswith("are only in log.txt]") for text in mine.texts)
    assert len(others.texts) == before
    log.line("printed after its end")
    pump.turn(60.0)
    assert mine.texts[-1] == "[1 line (22 bytes) is only in log.txt]"


def test_a_socket_that_is_full_halves_the_rate_until_it_is_not() -> None:
    clock = Clock()
    written = Log(clock, takes=2.0)
    pump = Hand(clock, rate=30_000.0)
    log = TaskLog(written, pump)
    log.line("a")
    pump.turn(0.1)
    assert pump.rate == 15_000.0
    written.takes = 0.0
    log.line("b")
    pump.turn(60.0)
    pump.fill()
    assert written.texts == ["a", "b"]
    assert pump.rate == 30_000.0


def test_printing_never_waits_for_a_log_that_stands_still() -> None:
    """The socket is full and its writer waits in it: whoever prints goes on, and memory is bounded."""
    stands, goes_on = threading.Event(), threading.Event()

    class Still(Log):
        def info(self, text: str) -> None:
            stands.set()
            goes_on.wait()
            self.lines.append(("info", text))

    written = Still()
    log = TaskLog(written, Pump())
    log.line("first")
    assert stands.wait(60)
    flood(log, 100_000)
    assert written.texts == []
    assert log._held <= HELD
    goes_on.set()


def test_of_very_many_trials_each_holds_the_fewer_lines_and_all_are_written_or_counted() -> None:
    clock = Clock()
    pump = Hand(clock)
    written = [Log() for _ in range(400)]
    logs = [TaskLog(each, pump) for each in written]
    for log in logs:
        flood(log, 60)
    assert HELD_OF_ALL <= pump.held <= HELD_OF_ALL + HELD + len(logs) * LAST
    pump.turn(3600)
    assert pump.held == 0
    for each in written:
        told = [text for text in each.texts if not text.endswith("only in log.txt]")]
        left_out = sum(int(text[1:].split()[0]) for text in each.texts if text.endswith("only in log.txt]"))
        assert len(told) + left_out == 60
    assert min(len(each.texts) for each in written) >= LAST // (AROUND + 100)


def test_lines_know_the_task_instance_that_they_are_of() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")
    seen: list[str] = []

    class Named(Log):
        def info(self, text: str) -> None:
            seen.append(name.get())

    pump = Hand(Clock())

    def trigger(number: int) -> TaskLog:
        name.set(f"trigger {number}")
        return TaskLog(Named(), pump)

    logs = [contextvars.copy_context().run(trigger, number) for number in range(2)]
    for log in logs:
        log.line("a")
    pump.turn(1.0)
    assert seen == ["trigger 0", "trigger 1"]


def test_a_logger_that_raises_takes_nobody_elses_lines() -> None:
    class Broken(Log):
        def info(self, text: str) -> None:
            raise OSError("its file is gone")

    pump, good = Hand(Clock()), Log()
    broken = TaskLog(Broken(), pump)
    broken.line("a")
    broken.line("b")
    TaskLog(good, pump).line("c")
    pump.turn(1.0)
    assert good.texts == ["c"]
