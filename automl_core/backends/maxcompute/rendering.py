"""A trial's values in SQL and PAI commands: as typed literals, inside literals, and as parts of names.

Whatever a value holds, it stays one value: text is escaped so that it arrives byte for byte, names are checked, and
what stands in a comment is left alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from automl_core.backends.contract import TrialContext, value_text
from automl_core.backends.maxcompute.lexer import Token, line_of, significant, tokenize
from automl_core.backends.substitution import Placeholder, PlaceholderError, parse, problem_of
from automl_core.spec.datanames import COLUMNS, DATA
from automl_core.spec.dates import RUN_DATES
from automl_core.spec.parameters import Scalar, Value

MOST_INT, LEAST_INT = 2**63 - 1, -(2**63) + 1
"""Limits of BIGINT."""

_NAME_FOLLOWS = frozenset({"FROM", "JOIN", "TABLE", "INTO", "VIEW", "UPDATE", "EXISTS", "OVERWRITE", "TRUNCATE", "AS"})
"""Words after which a name stands, and no value."""

_COLUMN = re.compile(r"\w{1,128}")
_PART = re.compile(r"[A-Za-z0-9_]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,2}")
_LONGEST_NAME = 128
_MADE_SAFE = frozenset({"experiment_id", "exp_id", "run_id", "params", *RUN_DATES})
"""Values of ours that become part of a name with ``_`` for what a name can't hold."""

_SPECIAL = frozenset("'\"\\;<>&`\x7f")
_INTEGERS = frozenset({"trial_id", "attempt", "budget"})


def render_sql(sql: str, context: TrialContext) -> str:
    """A statement with the trial's values in it.

    * Where a value may stand: a literal (``0.001``, ``'text'``, ``TRUE``, ``ARRAY(1, 2)``, ``NULL`` for a parameter
      that the trial doesn't have).
    * ``${columns.target}``: the column's name, in backquotes; several with commas between.
    * Inside a literal (``'ds=${day}'``): the value's text, escaped; of a list its JSON.
    * In backquotes, after FROM, JOIN, TABLE, INTO and the like, before ``(`` or ``.``, or as part of a name
      (``preds_${trial_id}``): a name of letters, digits and ``_``.

    Raises:
        PlaceholderError: a ``${…}`` has no meaning, or its value can't stand where it is.
    """
    tokens = tokenize(sql)
    return "".join(_rendered(tokens, index, sql, context) for index in range(len(tokens)))


def render_name(text: str, context: TrialContext) -> str:
    """A table's or model's name with the trial's values as parts of it.

    Raises:
        PlaceholderError: see `render_sql`.
    """
    return "".join(piece if isinstance(piece, str) else _part(value_of(piece, context), piece) for piece in parse(text))


def check_sql(sql: str, names: Iterable[str]) -> list[str]:
    """What is wrong with a statement's ``${…}`` and quotes, before anything runs; one sentence a problem."""
    known = list(names)
    try:
        tokens = tokenize(sql)
    except PlaceholderError as error:
        return [str(error)]
    found: list[str | None] = []
    for token in tokens:
        if token.kind == "comment":
            continue
        if token.kind == "string":
            found.append(_slash_problem(token.text, line_of(sql, token.start)))
        found += [problem_of(piece, known) for piece in parse(token.text) if isinstance(piece, Placeholder)]
    return list(dict.fromkeys(problem for problem in found if problem))


def value_of(placeholder: Placeholder, context: TrialContext) -> Value | None:
    """The value that a placeholder stands for, with its type; None where the trial has none.

    Raises:
        PlaceholderError: there is no such name.
    """
    problem = problem_of(placeholder, context.names)
    if problem:
        raise PlaceholderError(problem)
    if placeholder.name in context.params:
        return context.params[placeholder.name]
    if placeholder.name.startswith(COLUMNS):
        return ",".join(_columns(placeholder, context))  # as PAI's commands want several
    text = context.text_of(placeholder)
    return int(text) if text is not None and placeholder.name in _INTEGERS else text


def _is_table(value: Value | None, placeholder: Placeholder, context: TrialContext) -> bool:
    """Whether a placeholder is a data set that is a table: a name wherever it stands, such as ``FROM a, ${data.b}``."""
    if placeholder.name in context.params or not placeholder.name.startswith(DATA):
        return False
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _columns(placeholder: Placeholder, context: TrialContext) -> list[str]:
    """The columns of a role.

    Raises:
        PlaceholderError: one of them can't be a column of MaxCompute.
    """
    given = context.columns[placeholder.name.removeprefix(COLUMNS)]
    names = [given] if isinstance(given, str) else list(given)
    wrong = next((name for name in names if not _COLUMN.fullmatch(name)), None)
    if wrong is not None:
        raise PlaceholderError(
            f"{placeholder.source}: {wrong!r} can't be a column of MaxCompute; allowed: letters, digits and '_'"
        )
    return names


def literal(value: Value | None) -> str:
    """A value as MaxCompute SQL writes it.

    Raises:
        ValueError: it has none: a number that is not finite, an integer beyond BIGINT, text that is no Unicode, an
            empty list or one of several types, which no ARRAY can hold.
    """
    if isinstance(value, list):
        return _array(value)
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return f"'{escaped(value)}'"
    if isinstance(value, int) and not LEAST_INT <= value <= MOST_INT:
        raise ValueError(f"{value} is beyond BIGINT")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no number that SQL knows")
    return repr(value) if value >= 0 and not str(value).startswith("-") else f"({value!r})"  # '--1' is a comment


def _array(members: Sequence[Scalar]) -> str:
    kinds = {type(member) for member in members}
    if len(kinds) != 1:
        found = "an empty list" if not kinds else f"{list(members)!r} has members of several types"
        raise ValueError(f"{found}: SQL's ARRAY is of one type; in quotes, '${{name}}', the list is written as JSON")
    return f"ARRAY({', '.join(map(literal, members))})"


def escaped(text: str) -> str:
    r"""Text as the inside of a literal: what means something to SQL, to XML or to pyodps goes as octal digits.

    The query travels in an XML document, which can't hold control characters and makes ``\r`` a ``\n``.

    Raises:
        ValueError: it holds half of a surrogate pair, which no text in UTF-8 can.
    """
    return "".join(map(_escaped_character, text))


def _escaped_character(character: str) -> str:
    code = ord(character)
    if code < 32 or character in _SPECIAL:
        return f"\\{code:03o}"
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"the text holds U+{code:04X}, half of a surrogate pair, which is no character")
    return f"\\u{code:04X}" if code in (0xFFFE, 0xFFFF) else character


def _rendered(tokens: Sequence[Token], index: int, sql: str, context: TrialContext) -> str:
    token = tokens[index]
    if token.kind == "escaped":
        return "${"
    if token.kind == "string":
        problem = _slash_problem(token.text, line_of(sql, token.start))
        if problem:
            raise PlaceholderError(problem)
        return "".join(_inside(piece, context) for piece in parse(token.text))
    if token.kind == "quoted":
        return render_name(token.text, context)
    if token.kind != "placeholder":
        return token.text
    placeholder = Placeholder(token.text.removeprefix("${").removesuffix("}"), token.text)
    value = value_of(placeholder, context)
    if _is_part(tokens, index):
        return _part(value, placeholder)
    if placeholder.name.startswith(COLUMNS) and placeholder.name not in context.params:
        return ", ".join(f"`{name}`" for name in _columns(placeholder, context))
    if _is_table(value, placeholder, context) or _is_name(tokens, index):
        return _name(value, placeholder)
    try:
        return literal(value)
    except ValueError as error:
        raise PlaceholderError(f"{placeholder.source}: {error}") from None


def _inside(piece: str | Placeholder, context: TrialContext) -> str:
    if isinstance(piece, str):
        return piece
    value = value_of(piece, context)
    try:
        return "" if value is None else escaped(value_text(value))
    except ValueError as error:
        raise PlaceholderError(f"{piece.source}: {error}") from None


def _slash_problem(string: str, line: int) -> str | None:
    """A backslash before a value in a literal would take the value's first character."""
    for match in re.finditer(r"(\\+)\$\{", string):
        if len(match.group(1)) % 2:
            return f"line {line}: a backslash stands right before ${{ in a literal; write two for one backslash"
    return None


def _is_part(tokens: Sequence[Token], index: int) -> bool:
    """Whether a placeholder is glued to a word, to another placeholder or to a dot: a part of a name."""
    glued = ("word", "placeholder", "quoted")
    before = tokens[index - 1] if index else None
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if before is not None and (before.kind in glued or before.text == "."):
        return True
    return after is not None and (after.kind in glued or after.text in (".", "("))


def _is_name(tokens: Sequence[Token], index: int) -> bool:
    before = significant(list(tokens[:index]))
    return bool(before) and before[-1].keyword in _NAME_FOLLOWS


def _part(value: Value | None, placeholder: Placeholder) -> str:
    if isinstance(value, str) and placeholder.name in _MADE_SAFE:
        return re.sub(r"[^A-Za-z0-9_]", "_", value)[:_LONGEST_NAME]
    return _checked(value, placeholder, _PART, "letters, digits and '_'")


def _name(value: Value | None, placeholder: Placeholder) -> str:
    if isinstance(value, str) and placeholder.name in _MADE_SAFE:
        return _part(value, placeholder)
    return _checked(value, placeholder, _NAME, "letters, digits and '_', with dots between project and table")


def _checked(value: Value | None, placeholder: Placeholder, pattern: re.Pattern[str], allowed: str) -> str:
    where = f"{placeholder.source}: it stands where a name does"
    if value is None:
        raise PlaceholderError(f"{where}, and this trial has no value for it")
    if isinstance(value, float):
        raise PlaceholderError(f"{where}, and {value!r} is a number with a fraction, which no name can hold")
    text = value_text(value)
    if not pattern.fullmatch(text) or len(text) > _LONGEST_NAME:
        shown = text if len(text) <= 60 else f"{text[:60]}…"
        raise PlaceholderError(f"{where}, and {shown!r} can't be (part of) a name; allowed: {allowed}")
    return text
