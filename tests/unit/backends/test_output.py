"""Output between the process that prints and the one that reads: all of it in time, bounded always."""

from __future__ import annotations

import re
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.backends.output import LineSplitter, OutputBuffer

SOON = 30.0  # seconds after which a test that waits gives up


def split(*chunks: bytes, limit: int = 100) -> list[str]:
    splitter = LineSplitter(limit)
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.flush()


# Lines


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\nb\n", ["a", "b"]),
        (b"a\n\n\nb", ["a", "", "", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"10%\r20%\r30%\nend\n", ["10%\r", "20%\r", "30%", "end"]),
        (b"a\r\r\nb", ["a\r", "", "b"]),
        (b"a\r", ["a\r"]),
        (b"a\x0bb\x0cc\x1cd\xc2\x85e\xe2\x80\xa8f\n", ["a\x0bb\x0cc\x1cd\x85e\u2028f"]),
        ("modèle λ 😀\n".encode(), ["modèle λ 😀"]),
        (b"\xff\xfe\n\xc3\n", ["\ufffd\ufffd", "\ufffd"]),
        (b"nul \x00 byte\n", ["nul \0 byte"]),
    ],
)
def test_lines(data: bytes, lines: list[str]) -> None:
    assert split(data) == lines


@given(data=st.binary(max_size=60) | st.text("ab\r\nλ", max_size=60).map(str.encode), cuts=st.lists(st.integers(0, 60)))
def test_where_the_bytes_are_parted_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(data)]
    chunks = [data[start:end] for start, end in pairwise(edges)]
    for limit in (1, 3, 100):
        assert split(*chunks, limit=limit) == split(data, limit=limit)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)))
def test_lines_come_back_as_they_were_printed(lines: list[str]) -> None:
    assert split("".join(f"{line}\n" for line in lines).encode(), limit=1000) == lines


def test_a_line_comes_as_soon_as_it_has_ended() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"epoch 1") == []
    assert splitter.feed(b"\nepoch 2\repo") == ["epoch 1", "epoch 2\r"]
    assert splitter.flush() == ["epo"]
    assert splitter.flush() == []


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_an_over_long_line_is_cut_and_says_so(size: int) -> None:
    data = b"short\n" + b"x" * 2345 + b"\nshort\n"
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert split(*chunks, limit=10) == ["short", "x" * 10 + " … [2,335 more bytes of this line were cut]", "short"]


def test_a_line_of_just_the_limit_is_whole() -> None:
    assert split(b"x" * 10 + b"\n" + b"y" * 10, limit=10) == ["x" * 10, "y" * 10]


# The buffer


def test_lines_put_are_lines_taken() -> None:
    buffer = OutputBuffer()
    buffer.put(b"one\ntw")
    buffer.put(b"o\nthree")
    assert buffer.take(timeout=0) == ["one", "two"]
    assert buffer.take(timeout=0) == []
    buffer.close()
    assert buffer.take(timeout=SOON) == ["three"]
    assert buffer.take(timeout=SOON) == []


def test_a_reader_waits_for_a_line() -> None:
    buffer = OutputBuffer()
    writer = threading.Timer(0.05, buffer.put, args=(b"late\n",))
    writer.start()
    assert buffer.take(timeout=SOON) == ["late"]
    writer.join()


def test_a_reader_is_told_of_the_end_at_once() -> None:
    buffer = OutputBuffer()
    closer = threading.Timer(0.05, buffer.close)
    closer.start()
    assert buffer.take(timeout=SOON) == []
    closer.join()


def test_a_slow_reader_loses_nothing() -> None:
    buffer = OutputBuffer(capacity=1000, patience=SOON)
    expected = [f"line {n}" for n in range(3000)]

    def write() -> None:
        for line in expected:
            buffer.put(f"{line}\n".encode())
        buffer.close()

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[str] = []
    while lines := buffer.take(timeout=SOON):
        seen += lines
    writer.join()
    assert seen == expected


@given(sizes=st.lists(st.integers(0, 60), max_size=60), part=st.integers(1, 100))
def test_without_a_reader_the_oldest_lines_go_and_are_counted(sizes: list[int], part: int) -> None:
    printed = [f"{n:04d}" + "x" * size for n, size in enumerate(sizes)]
    data = "".join(f"{line}\n" for line in printed).encode()
    buffer = OutputBuffer(capacity=200, patience=0)
    for start in range(0, len(data), part):
        buffer.put(data[start : start + part])
    buffer.close()
    lines: list[str] = []
    while taken := buffer.take(timeout=0):
        lines += taken
    if len(data) <= 200:
        assert lines == printed
        return
    note, *rest = lines
    match = re.fullmatch(r"\[([\d,]+) lines \(([\d,]+) bytes\) of output were dropped here: .*\]", note)
    assert match
    dropped = int(match[1])
    assert rest == printed[dropped:]  # whole lines, and none without being counted
    assert int(match[2].replace(",", "")) == len(data) - len("".join(f"{line}\n" for line in rest))
    assert len("\n".join(rest)) <= 200


def test_a_gap_stands_where_it_is() -> None:
    buffer = OutputBuffer(capacity=20, patience=0)
    buffer.put(b"first\nbegun and ")
    assert buffer.take(timeout=0) == ["first"]
    buffer.put(b"lost\n")
    buffer.put(b"0123456789abcd\n")
    buffer.put(b"last\n")
    lines = buffer.take(timeout=0)
    assert lines[0] == "begun and "
    assert lines[1].startswith("[1 lines (5 bytes)")
    assert lines[2:] == ["0123456789abcd", "last"]


def test_a_process_is_not_held_up_for_ever() -> None:
    buffer = OutputBuffer(capacity=100, patience=0.01)
    for _ in range(1000):  # 10 s if every one of them waited
        buffer.put(b"x" * 49 + b"\n")
    assert buffer.take(timeout=0)[0].startswith("[998 lines")


def test_a_reader_who_is_back_loses_nothing_again() -> None:
    buffer = OutputBuffer(capacity=100, patience=1.0)
    for _ in range(3):
        buffer.put(b"x" * 49 + b"\n")  # the third waits in vain
    assert len(buffer.take(timeout=0)) == 3  # a note and two lines
    expected = [f"line {n}" for n in range(200)]

    def write() -> None:
        for line in expected:
            buffer.put(f"{line}\n".encode())
        buffer.close()

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[str] = []
    while lines := buffer.take(timeout=SOON):
        seen += lines
    writer.join()
    assert seen == expected


def test_what_is_being_ended_is_not_held_up() -> None:
    buffer = OutputBuffer(capacity=100, patience=10 * SOON)

    def write() -> None:
        for _ in range(100):
            buffer.put(b"x" * 49 + b"\n")

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    buffer.hurry()
    writer.join(SOON)
    assert not writer.is_alive()


def test_one_call_takes_a_bounded_portion() -> None:
    buffer = OutputBuffer()
    line = b"x" * 1023 + b"\n"
    for _ in range(4000):
        buffer.put(line)
    buffer.close()
    portions = []
    while lines := buffer.take(timeout=0):
        portions.append(len(lines))
    assert sum(portions) == 4000
    assert max(portions) <= 256
