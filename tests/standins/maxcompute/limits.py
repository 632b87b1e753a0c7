"""What MaxCompute refuses that DuckDB would run: texts that are too long, functions and types that it doesn't have.

Limits: "MaxCompute SQL limits" of its documentation (March 2026): a statement has 2 MB, its execution plan 1 MB, a
UNION ALL 256 branches, a table 1,200 columns. How large a plan a statement makes is not said anywhere; here it is the
statement's own words, without blanks and comments, which the real one is hardly smaller than.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

from sqlglot import exp

from tests.standins.maxcompute.errors import SqlError, parse_error, semantic_error
from tests.standins.maxcompute.lexer import Token
from tests.standins.maxcompute.odps_types import Column

LONGEST = 2 * 1024 * 1024
PLAN = 1024 * 1024
BRANCHES = 256
COLUMNS = 1200

TYPES = "odps.sql.type.system.odps2"
DECIMALS = "odps.sql.decimal.odps2"
FULL_SCAN = "odps.sql.allow.fullscan"

FLAGS = {TYPES: "true", DECIMALS: "true", FULL_SCAN: "true"}
"""Of a project, where nobody has set others; a statement's own hints go first."""

NEW_PROJECT = {FULL_SCAN: "false"}
"""What is otherwise in a project that was made since 2018."""

_FIRST = ("bigint", "double", "string", "datetime", "boolean", "decimal", "array", "map", "struct")
"""Types of the first type system."""

_UNKNOWN = frozenset({
    "try_cast", "ifnull", "isnull", "list_value", "list_filter", "list_transform", "regexp_full_match",
    "regexp_matches", "strftime", "strptime", "try_strptime", "epoch", "epoch_ms", "to_timestamp", "isfinite", "isinf",
    "string_split", "string_agg", "array_agg", "date_diff", "julian", "struct_pack", "unnest", "range",
    "generate_series", "printf", "fdiv", "fmod", "even", "gamma", "lgamma", "bit_count", "nextafter", "to_base",
    "quantile_cont", "mode", "prefix", "suffix", "iff", "safe_cast",
    "safe_divide", "ieee_divide", "logistic", "sigmoid", "typeof",
})  # fmt: skip
"""Functions that DuckDB or sqlglot know and MaxCompute does not."""


def on(hints: Mapping[str, str], flag: str) -> bool:
    """Whether a flag is set."""
    return hints.get(flag, FLAGS.get(flag, "false")).strip().lower() == "true"


def check_text(sql: str) -> None:
    """Refuse a text that is too long.

    Raises:
        SqlError: it is.
    """
    size = len(sql.encode())
    if size > LONGEST:
        raise parse_error(f"the length of SQL statement is {size}, it exceeds the limit {LONGEST}")


def check_plan(tokens: list[Token]) -> None:
    """Refuse a statement whose plan would be too large, and one that calls what is not there.

    Raises:
        SqlError: it is one.
    """
    if sum(len(token.text) + 1 for token in tokens) > PLAN:
        raise SqlError("ODPS-0010000", "System internal error", "The Size of Plan is too large")
    for token, after in pairwise(tokens):
        if token.kind == "word" and after.is_("(") and token.text.lower() in _UNKNOWN:
            raise semantic_error(f"function or view '{token.text.lower()}' cannot be resolved", token.at)


def check_types(columns: list[Column], hints: Mapping[str, str], at: tuple[int, int]) -> None:
    """Refuse types that the project's type system doesn't have, and tables that are too wide.

    Raises:
        SqlError: a column has one.
    """
    if len(columns) > COLUMNS:
        raise semantic_error(f"a table has {COLUMNS} columns at most, found {len(columns)}", at)
    for column in columns:
        base = column.type.partition("(")[0].partition("<")[0]
        if base not in _FIRST and not on(hints, TYPES):
            raise semantic_error(
                f"{base.upper()} type is not enabled in current mode, please set {TYPES}=true to use it", at
            )
        if base == "decimal" and "(" in column.type and not on(hints, DECIMALS):
            raise semantic_error("precision and scale is not currently supported", at)


def check_scans(tree: exp.Expr, keys: Callable[[str, str], frozenset[str]], hints: Mapping[str, str]) -> None:
    """Refuse a query that reads all partitions of a table because none of its conditions names a partition column.

    Args:
        tree: the query, its tables named by project and name.
        keys: project and table → partition columns, in small letters.
        hints: of the instance.

    Raises:
        SqlError: it is one.
    """
    branches = sum(1 for _ in tree.find_all(exp.Union)) + 1
    if branches > BRANCHES:
        raise semantic_error(f"UNION ALL takes {BRANCHES} branches at most, found {branches}")
    if on(hints, FULL_SCAN):
        return
    for table in tree.find_all(exp.Table):
        wanted = keys(table.db.lower(), table.name.lower())
        select = table.find_ancestor(exp.Select)
        if not wanted or select is None:
            continue
        conditions = [select.args.get("where"), *(join.args.get("on") for join in select.args.get("joins") or ())]
        named = {column.name.lower() for each in conditions if each is not None for column in each.find_all(exp.Column)}
        if not named & wanted:
            raise semantic_error(
                f"physical plan generation failed: Table({table.db},{table.name}) is full scan with all partitions, "
                "please specify partition predicates."
            )
