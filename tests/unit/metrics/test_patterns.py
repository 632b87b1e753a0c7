from __future__ import annotations

import gc
import os
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.metrics import patterns as module
from automl_core.metrics.errors import PatternTooSlow
from automl_core.metrics.guarded import GuardedPatterns, TookTooLong, guarded
from automl_core.metrics.patterns import Pattern, Patterns
from tests.support.patience import stretched

SLEEPING = (sys.executable, "-I", "-S", "-c", "import sys, time; sys.stdin.readline(); time.sleep(600)")
BUSY = (
    sys.executable, "-I", "-S", "-c",
    "import signal, sys\n"
    "seconds = __import__('json').loads(sys.stdin.readline())[1]\n"
    "signal.setitimer(signal.ITIMER_PROF, seconds)\n"
    "while True: pass\n",
)  # fmt: skip


class NoChild(GuardedPatterns):
    """Where no child may be asked."""

    def __init__(self) -> None:
        super().__init__(())

    def search(self, text: str, wanted: object) -> list[tuple[str | None, float]]:
        raise AssertionError(f"the child was asked about {text!r}")


@pytest.mark.parametrize(
    "pattern",
    [
        r"accuracy=([0-9\.]+)",
        r"(?:a+)+=(\d+)",  # repetitions inside repetitions: to `re` alone they may cost time, here they never do
        r"\bval_acc\b: (\S+)\Z",
        r"验证\w*: (\S+)",
    ],
)
def test_what_can_be_matched_in_linear_time_is(pattern: str) -> None:
    assert Pattern(pattern).why_guarded == ""
    assert Patterns({"acc": pattern}, NoChild()).search("nothing of that kind") == {}


@pytest.mark.parametrize("pattern", [r"(?<=acc=)(\d+)", r"(a)\1", r"a++(b)", r"(?:a{500}){500}(b)"])
def test_what_can_not_goes_to_the_child(pattern: str) -> None:
    assert Pattern(pattern).why_guarded
    with pytest.raises(AssertionError, match="the child was asked"):
        Patterns({"acc": pattern}, NoChild()).search("a line")


def test_a_word_boundary_goes_to_the_child_only_beside_other_letters_than_ascii() -> None:
    assert Patterns({"acc": r"\bacc=(\d)"}, NoChild()).search("acc=1") == {"acc": "1"}
    assert Patterns({"acc": r"\bacc=(\d)"}).search("验证acc=1 acc=2") == {"acc": "2"}  # 证 is a letter: no boundary


def test_a_large_program_on_a_long_line_goes_to_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINEAR_WORK", 10_000)
    both = {"n": r"n=(\d{1,400})"}
    assert Patterns(both, NoChild()).search("n=12") == {"n": "12"}
    with pytest.raises(AssertionError, match="the child was asked"):
        Patterns(both, NoChild()).search("n=12" + " " * 1000)


def test_both_kinds_of_patterns_are_found_in_one_line() -> None:
    found = Patterns({"loss": r"loss=(\S+)", "acc": r"(?<=acc=)(\S+)", "none": r"x(?=y)(z)"}).search("loss=1 acc=0.5")
    assert found == {"loss": "1", "acc": "0.5"}


@given(st.text(max_size=40))
def test_the_child_and_re2_agree_on_any_line(line: str) -> None:
    line = line.replace("\n", " ")
    assert Patterns({"x": r"(?=.)\s(\w+)"}).search(line) == Patterns({"x": r"\s(\w+)"}).search(line)


def test_a_search_that_takes_too_long_names_its_pattern_and_the_time() -> None:
    child = GuardedPatterns(("a", "b"), limit=0.05, command=BUSY)
    slow = Patterns({"fast": r"(\d)", "acc": r"(?<=acc=)(\d)"}, child)
    with pytest.raises(PatternTooSlow) as caught:
        slow.search("acc=1")
    text = str(caught.value)
    assert text.startswith("metrics.patterns.acc: it took more than 0.05 s of processor time on a line of 5 characters")
    assert "(?<=acc=)" in text


def test_a_child_that_never_answers_is_ended() -> None:
    child = GuardedPatterns(("a(b)",), patience=0.2, command=SLEEPING)
    with pytest.raises(TookTooLong, match=r"no answer within 0\.2 s"):
        child.search("ab", [0])
    assert child._child is None


def test_slow_searches_have_a_limit_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(GuardedPatterns):
        def search(self, text: str, wanted: object) -> list[tuple[str | None, float]]:
            return [("1", 25.0)]

    slow = Patterns({"acc": r"(?<=acc=)(\d)"}, Slow(()))
    assert slow.search("acc=1") == slow.search("acc=1") == {"acc": "1"}
    with pytest.raises(PatternTooSlow, match="more than 60 s of processor time in all"):
        slow.search("acc=1")


def test_a_child_that_was_killed_is_started_again() -> None:
    child = GuardedPatterns((r"(?<=a)(b)",))
    assert child.search("ab", [0])[0][0] == "b"
    assert child._child is not None
    child._child._process.kill()
    assert child.search("ab", [0])[0][0] == "b"


def test_attempts_with_the_same_patterns_share_a_child_which_ends_with_them() -> None:
    one, two = guarded(["(a)(?=b)"]), guarded(["(a)(?=b)"])
    assert one is two
    assert one is not guarded(["(a)(?=c)"])
    one.search("ab", [0])
    assert one._child is not None
    pid = one._child._process.pid
    del one, two
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_child_ends_when_whoever_asked_is_gone() -> None:
    code = (
        "import os\n"
        "from automl_core.metrics.guarded import GuardedPatterns\n"
        "child = GuardedPatterns(('(a)(?=b)',))\n"
        "child.search('ab', [0])\n"
        "print(child._child._process.pid, flush=True)\n"
        "os._exit(0)\n"
    )
    import subprocess

    pid = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)
    until = time.monotonic() + stretched(60)
    while os.path.exists(f"/proc/{pid}/exe") and time.monotonic() < until:
        time.sleep(0.01)
    assert not os.path.exists(f"/proc/{pid}/exe")
