"""Temporary tables: a lifecycle for those that a statement creates without one, and which ones are a trial's own."""

from __future__ import annotations

from collections.abc import Sequence

from automl_core.backends.maxcompute.lexer import Token, tokenize


def with_lifecycle(sql: str, prefix: str, days: int) -> str:
    """The statements with ``LIFECYCLE`` in each CREATE TABLE of a table whose name starts so and that states none.

    Args:
        sql: one statement, or the several of a script; filled in.
        prefix: in small letters.
        days: the lifecycle.
    """
    parts: list[list[Token]] = [[]]
    for token in tokenize(sql):
        parts[-1].append(token)
        if token.text == ";" and token.kind == "sign":
            parts.append([])
    return "".join(_one(part, prefix, days) for part in parts)


def is_own(table: str, prefix: str) -> bool:
    """Whether a table is one of those that start with a prefix; ``t_1`` doesn't mean ``t_10``."""
    name = table.lower()
    if not name.startswith(prefix):
        return False
    rest = name[len(prefix) :]
    return not (prefix[-1].isdigit() and rest[:1].isdigit())


def _one(tokens: Sequence[Token], prefix: str, days: int) -> str:
    words = [(index, token) for index, token in enumerate(tokens) if token.kind not in ("space", "comment")]
    keywords = [token.keyword for _, token in words]
    text = "".join(token.text for token in tokens)
    if keywords[:2] != ["CREATE", "TABLE"] or "LIFECYCLE" in keywords:
        return text
    at = 5 if keywords[2:5] == ["IF", "NOT", "EXISTS"] else 2
    while at + 2 < len(words) and words[at + 1][1].text == ".":
        at += 2
    if at >= len(words) or not is_own(words[at][1].text.strip("`"), prefix):
        return text
    place = _before_query(words)
    if place is None:
        place = 1 + next(index for index, token in reversed(words) if token.text != ";")
    head, tail = ("".join(token.text for token in part) for part in (tokens[:place], tokens[place:]))
    gap = "" if head[-1].isspace() else " "
    return f"{head}{gap}LIFECYCLE {days}{' ' if tail and tail[0] != ';' and not tail[0].isspace() else ''}{tail}"


def _before_query(words: Sequence[tuple[int, Token]]) -> int | None:
    """Index of the AS before the query of a CREATE TABLE … AS, None without one."""
    depth = 0
    for number, (index, token) in enumerate(words):
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "sign" else 0
        if depth == 0 and token.keyword == "AS" and words[number - 1][1].keyword != "STORED":
            return index
    return None
