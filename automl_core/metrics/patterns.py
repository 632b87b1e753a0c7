"""A user's regular expressions over the lines of a training task, without any harm to others.

Patterns come from whoever writes experiment files, and are matched in processes that serve many: the triggerer, a
worker. So a search is done by RE2, in a time that grows with the line and nothing else, or in a child process
that is ended where it takes too long. Both mean what Python's `re` means.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl_core.metrics.errors import PatternTooSlow
from automl_core.metrics.guarded import GuardedPatterns, TookTooLong, guarded
from automl_core.spec.patterns import NotLinear, linear_form

LINEAR_WORK = 20_000_000
"""Most that RE2 does of one search, in instructions of the pattern's program times bytes of the line: some 0.3 s.

RE2 is linear in the line, but also in the program: 90,000 instructions (nested counted repetitions make so many) took
92 s for 65 kB, seen with google-re2 1.1.20251105. What is more goes to the child, which has a limit."""

SLOW = 0.01
"""Seconds from which a search counts as slow."""

SLOW_IN_ALL = 60.0
"""Seconds that all slow searches of an attempt may take together."""

_TIMED = 1_000_000  # work from which a search is worth a look at the clock


@dataclass(frozen=True, slots=True)
class _Linear:
    """One form of a pattern, compiled."""

    regexp: Any
    size: int


class Pattern:
    """One pattern, and where it is matched.

    Attributes:
        text: as the user wrote it.
        why_guarded: what of it RE2 lacks, empty where it is matched by RE2.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.why_guarded = ""
        self._ascii: _Linear | None = None
        self._other: _Linear | None = None
        self._other_form: str | None = None
        try:
            form = linear_form(text)
            self._ascii = _compiled(form.ascii)
            self._other_form = form.other
        except NotLinear as reason:
            self.why_guarded = str(reason)

    def linear(self, line: bytes, is_ascii: bool) -> _Linear | None:
        """RE2's program for a line, None where the child has to match it."""
        if not is_ascii and self._other_form is not None:  # made when it is needed: letters of all scripts are large
            try:
                self._other = _compiled(self._other_form)
            except NotLinear:
                self._other = None
            self._other_form = None
        program = self._ascii if is_ascii else self._other
        return program if program is not None and program.size * len(line) <= LINEAR_WORK else None


def _compiled(form: str) -> _Linear:
    """Raises NotLinear where RE2 does not take a form."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        regexp = re2.compile(form, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        raise NotLinear(said.decode(errors="replace") if isinstance(said, bytes) else str(said)) from None
    return _Linear(regexp, int(regexp.programsize))


class Patterns:
    """The patterns of one training task, for one attempt. Not shared between threads."""

    def __init__(self, patterns: Mapping[str, str], child: GuardedPatterns | None = None) -> None:
        """Compile them.

        Args:
            patterns: metric → regular expression with one group.
            child: matches what RE2 can't; the one of these patterns in this process when left out.
        """
        self._names = tuple(patterns)
        self._patterns = tuple(Pattern(text) for text in patterns.values())
        self._child = child or (guarded(tuple(patterns.values())) if patterns else None)
        self._slow = dict.fromkeys(self._names, 0.0)

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def search(self, text: str) -> dict[str, str]:
        """Metric → group of its pattern's first match in a line; what matches nothing is not there.

        Args:
            text: without line ends.

        Raises:
            PatternTooSlow: a pattern took too long.
        """
        found: dict[str, str] = {}
        is_ascii = text.isascii()
        line = text.encode("utf-8", "replace")
        left: list[int] = []
        for index, pattern in enumerate(self._patterns):
            program = pattern.linear(line, is_ascii)
            if program is None:
                left.append(index)
                continue
            timed = program.size * len(line) > _TIMED
            began = time.thread_time() if timed else 0.0
            match = program.regexp.search(line)
            if match is not None and (group := match[1]) is not None:
                found[self._names[index]] = group.decode("utf-8", "replace")
            if timed:
                self._count(index, time.thread_time() - began, text)
        if left:
            self._search_guarded(text, left, found)
        return found

    def _search_guarded(self, text: str, wanted: Sequence[int], found: dict[str, str]) -> None:
        assert self._child is not None
        try:
            answers = self._child.search(text, wanted)
        except TookTooLong as error:
            what = f"{error.what} on a line of {len(text):,} characters"
            raise PatternTooSlow(self._names[error.index], self._patterns[error.index].text, what) from None
        for index, (group, seconds) in zip(wanted, answers, strict=True):
            if group is not None:
                found[self._names[index]] = group
            self._count(index, seconds, text)

    def _count(self, index: int, seconds: float, text: str) -> None:
        if seconds < SLOW:
            return
        name = self._names[index]
        self._slow[name] += seconds
        if self._slow[name] > SLOW_IN_ALL:
            what = f"it took more than {SLOW_IN_ALL:g} s of processor time in all, at last on {len(text):,} characters"
            raise PatternTooSlow(name, self._patterns[index].text, what)
