"""Bounds that are small expressions of other parameters: ``min(queries, queries * classes - 1)``.

Numbers, names, ``+ - * /``, brackets, ``min(…)`` and ``max(…)``; nothing is called, and nothing but numbers
comes of it. A name may have ``-`` and ``.`` in it (``train.num-layers``), so the minus sign of a difference has a space
on either side. What is known of the data when a run begins has names too: ``data.train.rows``, ``data.train.files``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

from automl_core.spec.grids import tidy

COUNTS = ("rows", "files")
"""What of a data set has a name in bounds."""

_LONGEST = 400
_DEEPEST = 20
_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)|(.))")
_COUNT = re.compile(rf"data\.([A-Za-z_][A-Za-z0-9_]*)\.({'|'.join(COUNTS)})")

_Tree: TypeAlias = "float | str | tuple[str, tuple[Any, ...]]"
"""A number, a name, or an operator with what it works on."""

Limits: TypeAlias = tuple[float, float]
"""The lowest and the highest that something may be; infinite where there is none."""


class BadExpression(ValueError):
    """A text that is no expression; the message says what was found."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A bound: the name of one parameter, or a small expression of several.

    Attributes:
        text: as it is written.
        tree: what it says.
        names: parameters and counts of data that it names, each once.
    """

    text: str
    tree: _Tree = field(repr=False)
    names: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether it is the name of one parameter and nothing else."""
        return isinstance(self.tree, str) and not self.counts

    @property
    def counts(self) -> tuple[tuple[str, str], ...]:
        """What it names of the data: (data set, ``rows`` or ``files``)."""
        found = (_COUNT.fullmatch(name) for name in self.names)
        return tuple((match[1], match[2]) for match in found if match)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters that it names."""
        return tuple(name for name in self.names if not _COUNT.fullmatch(name))

    def at(self, values: Mapping[str, Any]) -> float | None:
        """Its value beside these of the parameters; None where it has none.

        What names a parameter that is not there (or is no number) has no value; ``min`` and ``max`` pass it over.
        """
        found = _value(self.tree, values)
        return None if found is None or not math.isfinite(found) else tidy(found)

    def range(self, limits: Mapping[str, Limits], absent: Collection[str] = ()) -> Limits:
        """Limits of its value, by interval arithmetic: each mention of a name counts on its own.

        Args:
            limits: of each parameter.
            absent: parameters that some trials don't have.
        """
        return _range(self.tree, limits, frozenset(absent))

    def without(self, missing: Collection[str]) -> Expression | None:
        """What is left where some names have no value in any trial: arguments of ``min`` and ``max`` fall away."""
        left = _without(self.tree, frozenset(missing))
        return None if left is None else parse(_written(left))

    def with_counts(self, counts: Mapping[tuple[str, str], float]) -> Expression:
        """The same with numbers in place of what it names of the data, as far as they are given."""
        return parse(_written(_with_counts(self.tree, counts)))

    def each_of(self, function: str, past: float | None = None) -> tuple[str, ...]:
        """Parameters of which it is the ``min`` (or ``max``), among other things: each is a bound by itself.

        Args:
            function: ``min`` of a bound from above, ``max`` of one from below.
            past: the lowest (highest) number that is bounded. What always lies beyond 1 and is at most
                ``max(1, min(a, b))`` is at most a.
        """
        tree = self.tree
        other, sign = ("max", 1) if function == "min" else ("min", -1)
        if past is not None and isinstance(tree, tuple) and tree[0] == other:
            left = [each for each in tree[1] if not (isinstance(each, int | float) and sign * each < sign * past)]
            tree = left[0] if len(left) == 1 else tree
        if isinstance(tree, tuple) and tree[0] == function:
            return tuple(each for each in tree[1] if isinstance(each, str) and not _COUNT.fullmatch(each))
        return (tree,) if isinstance(tree, str) and not _COUNT.fullmatch(tree) else ()


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Read an expression.

    Raises:
        BadExpression: it is none.
    """
    if len(text) > _LONGEST:
        raise BadExpression(f"an expression of {len(text)} characters; {_LONGEST} are allowed")
    reader = _Reader(text)
    tree = reader.sum()
    if reader.kind:
        raise BadExpression(f"found {reader.text!r} where an operator (+ - * /) or the end is wanted")
    return Expression(tree if isinstance(tree, str) else text.strip(), tree, tuple(dict.fromkeys(_names(tree))))


def names_in(text: str) -> tuple[str, ...]:
    """The parameters that a bound names; none of what is no expression."""
    try:
        return parse(text).parameters
    except BadExpression:
        return ()


class _Reader:
    """Reads one token after the other; `kind` and `text` are those of the next one."""

    def __init__(self, text: str) -> None:
        self._tokens = self._read(text)
        self._depth = 0
        self.kind = self.text = ""
        self._next()

    @staticmethod
    def _read(text: str) -> Iterator[tuple[str, str]]:
        for match in _TOKEN.finditer(text.rstrip()):
            number, name, other = match.groups()
            yield ("number", number) if number else ("name", name) if name else ("sign", other)

    def _next(self) -> None:
        self.kind, self.text = next(self._tokens, ("", ""))

    def _take(self, sign: str) -> bool:
        if self.kind != "sign" or self.text != sign:
            return False
        self._next()
        return True

    def sum(self) -> _Tree:
        left = self._product()
        while self.kind == "sign" and self.text in ("+", "-"):
            sign = self.text
            self._next()
            left = (sign, (left, self._product()))
        return left

    def _product(self) -> _Tree:
        left = self._factor()
        while self.kind == "sign" and self.text in ("*", "/"):
            sign = self.text
            self._next()
            left = (sign, (left, self._factor()))
        return left

    def _factor(self) -> _Tree:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise BadExpression(f"more than {_DEEPEST} brackets stand in one another")
        try:
            return self._one()
        finally:
            self._depth -= 1

    def _one(self) -> _Tree:
        kind, text = self.kind, self.text
        if self._take("-"):
            return ("-", (0.0, self._factor()))
        if self._take("("):
            inside = self.sum()
            self._close()
            return inside
        if kind == "number":
            self._next()
            return float(text)
        if kind != "name":
            found = repr(text) if kind else "the end"
            raise BadExpression(f"found {found} where a number, a name, '(', min( or max( is wanted")
        self._next()
        if not self._take("("):
            return text
        if text not in ("min", "max"):
            raise BadExpression(f"there is no function {text!r}; min and max are known")
        arguments = [self.sum()]
        while self._take(","):
            arguments.append(self.sum())
        self._close()
        return (text, tuple(arguments))

    def _close(self) -> None:
        if not self._take(")"):
            raise BadExpression(f"found {repr(self.text) if self.kind else 'the end'} where ')' is wanted")


def _names(tree: _Tree) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, tuple):
        for each in tree[1]:
            yield from _names(each)


def _value(tree: _Tree, values: Mapping[str, Any]) -> float | None:
    if isinstance(tree, float):
        return tree
    if isinstance(tree, str):
        value = values.get(tree)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    known = [value for each in tree[1] if (value := _value(each, values)) is not None]
    if tree[0] in _CHOOSE:
        return _CHOOSE[tree[0]](known) if known else None
    if len(known) < 2 or (tree[0] == "/" and known[1] == 0):
        return None
    return _reckoned(tree[0], *known)


_CHOOSE: dict[str, Callable[[list[float]], float]] = {"min": min, "max": max}


def _reckoned(sign: str, a: float, b: float) -> float:
    """One operation; what is not defined with infinities is 0 for a product (a limit times nothing), else undefined."""
    if sign == "+":
        return a + b
    if sign == "-":
        return a - b
    if sign == "*":
        return 0.0 if a == 0 or b == 0 else a * b
    return a / b


def _range(tree: _Tree, limits: Mapping[str, Limits], absent: frozenset[str]) -> Limits:
    if isinstance(tree, float):
        return tree, tree
    if isinstance(tree, str):
        return limits.get(tree, (-math.inf, math.inf))
    inner = [_range(each, limits, absent) for each in tree[1]]
    lows, highs = [low for low, _ in inner], [high for _, high in inner]
    sign = tree[0]
    if sign in _CHOOSE:
        some = any(name in absent for name in _names(tree))  # then each argument may be the only one
        return (min if some else _CHOOSE[sign])(lows), (max if some else _CHOOSE[sign])(highs)
    (a, b), (c, d) = inner
    if sign == "/" and c <= 0 <= d:
        return -math.inf, math.inf
    if sign in "+-":
        ends = [(a, c), (b, d)] if sign == "+" else [(a, d), (b, c)]
    else:
        ends = [(x, y) for x in (a, b) for y in (c, d)]
    found = [_reckoned(sign, x, y) for x, y in ends]
    return (-math.inf, math.inf) if any(math.isnan(each) for each in found) else (min(found), max(found))


def _without(tree: _Tree, missing: frozenset[str]) -> _Tree | None:
    if not isinstance(tree, tuple):
        return None if tree in missing else tree
    left = [each for one in tree[1] if (each := _without(one, missing)) is not None]
    if tree[0] in _CHOOSE:
        return None if not left else left[0] if len(left) == 1 else (tree[0], tuple(left))
    return (tree[0], tuple(left)) if len(left) == len(tree[1]) else None


def _with_counts(tree: _Tree, counts: Mapping[tuple[str, str], float]) -> _Tree:
    if isinstance(tree, tuple):
        return (tree[0], tuple(_with_counts(each, counts) for each in tree[1]))
    match = _COUNT.fullmatch(tree) if isinstance(tree, str) else None
    return float(counts[match[1], match[2]]) if match and (match[1], match[2]) in counts else tree


def _written(tree: _Tree, inside: int = 0) -> str:
    """The text of a tree, with no more brackets than it needs."""
    if isinstance(tree, float):
        return str(int(tree)) if tree.is_integer() and abs(tree) < 2**53 else repr(tree)
    if isinstance(tree, str):
        return tree
    if tree[0] in _CHOOSE:
        return f"{tree[0]}({', '.join(map(_written, tree[1]))})"
    rank = 2 if tree[0] in "*/" else 1
    text = f"{_written(tree[1][0], rank)} {tree[0]} {_written(tree[1][1], rank + 1)}"
    return f"({text})" if rank < inside else text
