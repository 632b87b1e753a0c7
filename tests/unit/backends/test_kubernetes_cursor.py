"""Reading a log again and again: each line once, whatever the times and the overlaps; what a rotation took is named."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from automl_core.backends.kubernetes.cursor import LogCursor

START = 1_700_000_000
Log = list[tuple[int, str]]


def time_of(nanoseconds: int) -> str:
    second, rest = divmod(nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(START + second, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}"


def served(log: Log, since: str | None) -> bytes:
    """What a node answers: all lines from the second of `since` on, in the order of the file."""
    lines = [f"{time_of(at)}Z {text}\n" for at, text in log]
    return "".join(line for line in lines if since is None or line[:19] >= since[:19]).encode()


def read(cursor: LogCursor, data: bytes, *, whole: bool = False, clean: bool = True, chunk: int = 0) -> list[str]:
    """One reading, in chunks of a size; not clean where it breaks off."""
    cursor.begin()
    for at in range(0, len(data), chunk or max(1, len(data))):
        cursor.feed(data[at : at + chunk] if chunk else data)
    cursor.end(whole=whole, clean=clean)
    return cursor.lines.take()


steps = st.lists(st.tuples(st.integers(0, 700_000_000), st.sampled_from(["a", "b", "accuracy=0.5", ""])), max_size=40)


@given(steps, st.lists(st.integers(0, 8), max_size=30), st.sampled_from([0, 1, 7, 100]))
def test_every_line_is_read_once_however_the_readings_fall(
    steps: list[tuple[int, str]], sizes: list[int], chunk: int
) -> None:
    log, now = [], 0
    for pause, text in steps:
        now += pause
        log.append((now, text))
    cursor, found, shown = LogCursor(), [], 0
    for size in [*sizes, len(log)]:
        shown = min(len(log), shown + size)
        found += read(cursor, served(log[:shown], cursor.since), chunk=chunk)
    assert found == [text for _, text in log]
    assert cursor.take_gaps() == []


windows = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 600), st.booleans()), max_size=40)
crowds = st.lists(
    st.tuples(st.sampled_from([0, 0, 0, 1, 400_000_000, 1_000_000_000]), st.sampled_from(["a", "b", "naïve", ""])),
    max_size=60,
)


@given(crowds, windows, st.sampled_from([0, 1, 50]))
def test_every_line_is_read_once_wherever_the_readings_are_cut(
    steps: list[tuple[int, str]], windows: list[tuple[int, int, bool]], chunk: int
) -> None:
    """Windows of any size, a small one after a large one, cut inside lines and characters; many lines at one time."""
    log, now = [], 0
    for pause, text in steps:
        now += pause
        log.append((now, text))
    cursor, found, shown = LogCursor(), [], 0
    for more, limit, ended in windows:
        shown = min(len(log), shown + more)
        data = served(log[:shown], cursor.since)
        cut = limit < len(data)
        found += read(cursor, data[:limit], whole=ended, clean=not cut, chunk=chunk)
        assert found == [text for _, text in log[: len(found)]], "in their order, none twice, none left out"
    found += read(cursor, served(log, cursor.since), whole=True, chunk=chunk)
    assert found == [text for _, text in log]
    assert cursor.take_gaps() == []


readings = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from([None, None, 0, 1, 5]), st.integers(0, 2000), st.booleans()),
    max_size=30,
)
pauses = st.lists(st.sampled_from([1, 1000, 300_000_000, 1_000_000_000, 3_000_000_000]), max_size=80)


@given(pauses, readings, st.sampled_from([0, 1, 64]))
def test_what_rotations_took_is_named_and_nothing_else(
    pauses: list[int], readings: list[tuple[int, int | None, int, bool]], chunk: int
) -> None:
    """Random lines, rotations and cuts: what was not read lies between the times of a gap that was named."""
    log, now = [], 0
    for number, pause in enumerate(pauses):
        now += pause
        log.append((now, f"line {number}"))
    times = {time_of(at): number for number, (at, _) in enumerate(log)}
    cursor, found, shown, first = LogCursor(), [], 0, 0
    gaps: list[tuple[str, str]] = []
    for more, kept, limit, breaks in [*readings, (len(log), None, 10**9, False)]:
        shown = min(len(log), shown + more)
        if kept is not None:  # the file was rotated a moment ago
            first = max(first, shown - kept)
        before = cursor.newest
        data = served(log[first:shown], cursor.since)
        last = limit == 10**9
        found += read(
            cursor, data[:limit], whole=last, clean=not breaks and limit >= len(data), chunk=chunk
        )  # fmt: skip
        new = cursor.take_gaps()
        for begin, _ in new:
            assert begin == before, "a gap begins at the last line that was read"
            assert times[begin] < first, "and the file no longer has that line"
        gaps += new
    read_numbers = [int(text.split()[1]) for text in found]
    assert read_numbers == sorted(set(read_numbers)), "none twice, in their order"
    named = [(times[begin], times[end] if end else len(log)) for begin, end in gaps]
    lost = set(range(len(log))) - set(read_numbers)
    seen = read_numbers[0] if read_numbers else len(log)  # what went before anything was read nobody can know of
    assert all(any(begin < number < end for begin, end in named) for number in lost if number > seen)
    assert len(named) == len(set(named)), "each once"
    assert not any(begin < number < end for begin, end in named for number in read_numbers), "exactly"


@given(steps)
def test_times_that_go_back_a_little_lose_nothing(steps: list[tuple[int, str]]) -> None:
    log, now = [], 0
    for number, (pause, text) in enumerate(steps):
        now += pause
        late = 50_000_000 if number % 3 == 2 else 0  # standard error, a moment behind standard output
        log.append((max(0, now - late), text))
    cursor, found = LogCursor(), []
    for shown in range(len(log) + 1):
        found += read(cursor, served(log[:shown], cursor.since))
    assert found == [text for _, text in log]


def test_a_small_reading_after_a_large_one_forgets_nothing() -> None:
    log = [(n, "x" * 99) for n in range(1000)]
    cursor = LogCursor()
    assert len(read(cursor, served(log, None))) == 1000
    assert read(cursor, served(log, cursor.since)[:2000], clean=False) == []
    assert read(cursor, served(log, cursor.since)) == [], "what the small one did not show is known still"


def test_a_flood_is_found_again_where_its_last_line_is_far_behind() -> None:
    log = [(n, "x" * 1000) for n in range(10_000)]
    cursor = LogCursor()
    assert len(read(cursor, served(log, None))) == 10_000
    log += [(n, "y" * 1000) for n in range(10_000, 10_010)]
    assert read(cursor, served(log, cursor.since)) == ["y" * 1000] * 10
    assert cursor.take_gaps() == []
    rotated = [(n, "z" * 1000) for n in range(20_000, 30_000)]
    assert len(read(cursor, served(rotated, cursor.since), chunk=1 << 16)) == 10_000
    assert cursor.take_gaps() == [(time_of(10_009), time_of(20_000))]


def test_little_is_remembered_of_a_second_in_which_much_was_printed() -> None:
    cursor = LogCursor()
    read(cursor, served([(n, "x") for n in range(50_000)], None))
    assert len(cursor._times) <= 64


def test_a_line_without_its_end_waits_for_it_unless_nothing_more_comes() -> None:
    cursor = LogCursor()
    data = served([(1, "one"), (2, "two")], None).removesuffix(b"\n")
    assert read(cursor, data) == ["one"]
    assert read(cursor, data, whole=True) == ["two"]


def test_pieces_of_a_line_that_goes_on_are_given_once() -> None:
    cursor = LogCursor()
    line = served([(1, "before"), (2, "".join(f"\r{n}% of it" for n in range(100)))], None).removesuffix(b"\n")
    assert read(cursor, line[:-300])[0] == "before"
    again = read(cursor, line)
    assert again, "more of the same line"
    rest = read(cursor, line + b"\rdone\n" + served([(3, "next")], None))
    assert rest[-1] == "next"
    assert rest[-2].endswith("\rdone")
    assert "".join([*again, rest[0]]).count("% of it") < 40, "not all of it again"


def test_a_node_with_a_clock_of_its_own_zone_is_read_as_well() -> None:
    cursor = LogCursor()
    line = "2026-11-21T10:00:00.123456789+02:00 hello\n"
    assert read(cursor, line.encode()) == ["hello"]
    assert cursor.since == "2026-11-21T07:59:59Z"
    assert read(cursor, line.encode()) == []


def test_the_rest_of_a_line_that_was_read_before_is_not_read_again() -> None:
    cursor = LogCursor()
    assert read(cursor, served([(1, "begun before and gone on")], None)) == ["begun before and gone on"]
    rest = b"gone on\n" + served([(1, "begun before and gone on"), (2 * 10**9, "next")], None)
    assert read(cursor, rest) == ["next"]
    assert cursor.take_complaint() == ""


def test_the_last_reading_may_be_the_one_that_finds_the_gap() -> None:
    """A second or less after the line before it: what is held while that is looked for has ended with its line ends."""
    cursor = LogCursor()
    assert read(cursor, served([(0, "first")], None)) == ["first"]
    after = [(700_000_000, "after the rotation"), (800_000_000, "last")]
    assert read(cursor, served(after, cursor.since), whole=True) == ["after the rotation", "last"]
    assert len(cursor.take_gaps()) == 1


def test_a_log_that_has_gone_is_named_to_its_end() -> None:
    cursor = LogCursor()
    read(cursor, served([(10**9, "a"), (2 * 10**9, "b")], None))
    cursor.begin()
    cursor.feed(b"unable to retrieve container logs for containerd://0123")
    cursor.end(whole=True)
    assert cursor.lines.take() == []
    assert cursor.take_complaint().startswith("unable to retrieve")
    assert cursor.take_gaps() == [(time_of(2 * 10**9), "")]


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_are_taken(data: bytes, chunk: int) -> None:
    cursor = LogCursor()
    read(cursor, data, whole=True)
    read(cursor, data, chunk=chunk)
