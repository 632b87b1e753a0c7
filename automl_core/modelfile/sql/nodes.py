"""Pieces of expressions, as sqlglot's nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlglot import exp

Node = exp.Expr

MOST_IN = 1000
"""Values of one IN: MaxCompute advises at most 1,024."""


def number(value: float) -> Node:
    """A DOUBLE literal that reads back as the same bits; NULL for NaN.

    The exponent makes it one in every dialect (`0.1` is a decimal in some), the digits are the shortest that are exact.

    Raises:
        ValueError: it is infinite: no dialect has a literal for that.
    """
    value = float(value)
    if math.isnan(value):
        return exp.null()
    if math.isinf(value):
        raise ValueError("an infinite number has no literal")
    digits, _, power = repr(abs(value)).partition("e")
    literal = exp.Literal.number(f"{digits.removesuffix('.0')}E{int(power or 0)}")
    return exp.Neg(this=literal) if value < 0 else literal


def whole(value: int) -> Node:
    """A literal of a whole number."""
    literal = exp.Literal.number(str(abs(value)))
    return exp.Neg(this=literal) if value < 0 else literal


def text(value: str) -> Node:
    """A literal of a text."""
    return exp.Literal.string(value)


def column(name: str) -> exp.Column:
    """A column of the statement's own, which needs no quotes."""
    return exp.Column(this=exp.Identifier(this=name, quoted=False))


def call(name: str, *arguments: Node) -> Node:
    """A function by its name."""
    return exp.Anonymous(this=name, expressions=[each.copy() for each in arguments])


def _operand(node: Node) -> Node:
    """A node as it stands beside an operator."""
    node = node.copy()
    return exp.Paren(this=node) if isinstance(node, (exp.Binary, exp.Connector, exp.Not)) else node


def binary(kind: type[exp.Expr], first: Node, second: Node) -> Node:
    """Two nodes and an operator between."""
    return kind(this=_operand(first), expression=_operand(second))


def add(first: Node, second: Node) -> Node:
    """Their sum."""
    return binary(exp.Add, first, second)


def sub(first: Node, second: Node) -> Node:
    """Their difference."""
    return binary(exp.Sub, first, second)


def mul(first: Node, second: Node) -> Node:
    """Their product."""
    return binary(exp.Mul, first, second)


def div(first: Node, second: Node) -> Node:
    """Their ratio; both are DOUBLE, so no dialect divides whole numbers."""
    return binary(exp.Div, first, second)


def compare(first: Node, sign: str, second: Node) -> Node:
    """A comparison: ``<``, ``<=``, ``>``, ``>=``, ``=`` or ``<>``."""
    return binary(_SIGNS[sign], first, second)


_SIGNS: dict[str, type[exp.Expr]] = {
    "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE, "=": exp.EQ, "<>": exp.NEQ,
}  # fmt: skip


def both(*conditions: Node) -> Node:
    """All of them."""
    return _folded(exp.And, [_grouped(each) for each in conditions])


def either(*conditions: Node) -> Node:
    """One of them at least."""
    return _folded(exp.Or, [_grouped(each) for each in conditions])


def negated(condition: Node) -> Node:
    """Not this."""
    return exp.Not(this=_grouped(condition))


def _grouped(node: Node) -> Node:
    return exp.Paren(this=node.copy()) if isinstance(node, (exp.Connector, exp.Not)) else node.copy()


def _folded(kind: type[exp.Expr], nodes: Sequence[Node]) -> Node:
    """Nodes in one chain, as flat as the depth of a parser's stack would have it."""
    if len(nodes) == 1:
        return nodes[0]
    middle = (len(nodes) + 1) // 2
    first, second = _folded(kind, nodes[:middle]), _folded(kind, nodes[middle:])
    return kind(this=_half(first, kind), expression=_half(second, kind))


def _half(node: Node, kind: type[exp.Expr]) -> Node:
    return exp.Paren(this=node) if isinstance(node, kind) else node


def total(nodes: Sequence[Node]) -> Node:
    """The sum of nodes, which become part of it; a balanced one: a chain of 500 would be as deep.

    Raises:
        ValueError: there is none.
    """
    if not nodes:
        raise ValueError("nothing to add")
    return _folded(exp.Add, [exp.Paren(this=each) if isinstance(each, exp.Add) else each for each in nodes])


def is_null(node: Node) -> Node:
    """Whether it is missing."""
    return exp.Is(this=_operand(node), expression=exp.null())


def case(pairs: Iterable[tuple[Node, Node]], default: Node | None = None) -> Node:
    """CASE WHEN … THEN … ELSE … END. The nodes become part of it."""
    ifs = [exp.If(this=condition, true=value) for condition, value in pairs]
    if not ifs:
        return exp.null() if default is None else default
    return exp.Case(ifs=ifs, default=default)


def coalesce(node: Node, value: Node) -> Node:
    """The node, or the value where it is missing."""
    return exp.Coalesce(this=node.copy(), expressions=[value])


def cast(node: Node, to: str) -> Node:
    """CAST, to a type by sqlglot's name of it."""
    return exp.Cast(this=node.copy(), to=exp.DataType.build(to))


def floor(node: Node) -> Node:
    """The whole number below, as a DOUBLE: in MaxCompute FLOOR gives a BIGINT."""
    return cast(exp.Floor(this=node.copy()), "double")


def among(node: Node, values: Sequence[Node]) -> Node:
    """Whether a node is one of some literals.

    Raises:
        ValueError: there is none.
    """
    if len(values) == 1:
        return compare(node, "=", values[0])
    pieces = [values[start : start + MOST_IN] for start in range(0, len(values), MOST_IN)]
    return either(*(exp.In(this=_operand(node), expressions=list(piece)) for piece in pieces))


def between(low: float, node: Node, high: float) -> Node:
    """Whether a number is in a closed range. NaN and what is missing are not."""
    return both(compare(node, ">=", number(low)), compare(node, "<=", number(high)))


def bisected(node: Node, borders: Sequence[float], pieces: Sequence[Callable[[], Node]], sign: str = "<") -> Node:
    """A function in pieces: CASE within CASE, so that a row makes as many comparisons as the logarithm of the pieces.

    Args:
        node: the argument, a column.
        borders: rising.
        pieces: one more than borders; each makes its value: piece i holds below border i.
        sign: what "below" is: ``<`` or ``<=``.
    """
    if not borders:
        return pieces[0]()
    middle = len(borders) // 2
    return case(
        [(compare(node, sign, number(borders[middle])), bisected(node, borders[:middle], pieces[: middle + 1], sign))],
        bisected(node, borders[middle + 1 :], pieces[middle + 1 :], sign),
    )


def names_in(node: Node) -> set[str]:
    """Names of all columns that a node reads."""
    return {each.name for each in node.find_all(exp.Column)}


def is_simple(node: Any) -> bool:
    """Whether a node may stand in many places: a column, or a literal."""
    if isinstance(node, exp.Neg):
        node = node.this
    return isinstance(node, (exp.Column, exp.Literal, exp.Null))
