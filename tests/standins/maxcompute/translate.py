"""A query of MaxCompute as one of DuckDB: sqlglot reads it as Hive's and writes DuckDB's; the rest happens here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError, UnsupportedError

from tests.standins.maxcompute.errors import parse_error, semantic_error
from tests.standins.maxcompute.functions import RENAMED, to_strftime
from tests.standins.maxcompute.lexer import Token, render
from tests.standins.maxcompute.limits import check_plan, check_scans

# It warns of what is handled below: hints, a seed.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

_WHOLE = {exp.DataType.Type.BIGINT, exp.DataType.Type.INT, exp.DataType.Type.SMALLINT, exp.DataType.Type.TINYINT}
_COMPLEX = ("JOIN", "GROUP", "ORDER", "DISTINCT", "OVER", "UNION", "HAVING", "LATERAL")


@dataclass
class Translated:
    """A query that DuckDB runs.

    Attributes:
        tables: Tables it reads, as (project, table), in the order they stand.
        seed: Of ``rand(seed)``, None without.
        keywords: How many words count for MaxCompute's estimate of the complexity.
    """

    sql: str
    tables: list[tuple[str, str]] = field(default_factory=list)
    seed: int | None = None
    keywords: int = 0


def translate(
    tokens: list[Token],
    project: str,
    hints: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    keys: Callable[[str, str], frozenset[str]] = lambda project, table: frozenset(),
) -> Translated:
    """Turns a select (or VALUES) into DuckDB's SQL.

    Args:
        tokens: The words of the query.
        project: Where names without a project belong.
        hints: The instance's settings; ``odps.sql.udf.strict.mode`` and ``odps.sql.validate.orderby.limit`` count.
        variables: Script variables, and the temporary tables that hold their rows.
        keys: Project and table → the columns that it is partitioned by.

    Raises:
        SqlError: The query is no SQL, or MaxCompute forbids it.
    """
    check_plan(tokens)
    tokens, seed = _prepare(tokens)
    text, offsets = render(tokens)
    try:
        tree = sqlglot.parse_one(text, read="hive")
    except (ParseError, TokenError) as error:
        raise parse_error(*_located(error, tokens, offsets)) from None
    if not isinstance(tree, exp.Query | exp.Values):
        raise parse_error(f"invalid token '{tokens[0].text}'", tokens[0].at)
    found = Translated("", seed=seed)
    at = _finder(tokens)
    if hints.get("odps.sql.validate.orderby.limit", "true").lower() != "false":
        _demand_limits(tree, at)
    _qualify(tree, project, variables or {}, found)
    check_scans(tree, keys, hints)
    _name_columns(tree)
    strict = hints.get("odps.sql.udf.strict.mode", "true").lower() != "false"
    for node in reversed(list(tree.walk())):  # children first: parents take copies of them
        _rewrite(node, strict)
    try:
        found.sql = tree.sql("duckdb", comments=False, copy=False)
    except (UnsupportedError, ValueError) as error:
        raise semantic_error(str(error), tokens[0].at) from None
    found.keywords = sum(token.is_(*_COMPLEX) for token in tokens)
    return found


def _prepare(tokens: list[Token]) -> tuple[list[Token], int | None]:
    """Functions renamed; the seed of rand() taken out, which DuckDB sets for a whole connection."""
    seed = None
    prepared: list[Token] = []
    for i, token in enumerate(tokens):
        called = i + 1 < len(tokens) and tokens[i + 1].is_("(")
        if token.kind == "word" and called:
            lower = token.text.lower()
            if lower == "rand" and i + 2 < len(tokens) and tokens[i + 2].kind == "number":
                seed = int(float(tokens[i + 2].text)) if seed is None else seed
            if lower in RENAMED:
                token = Token("word", RENAMED[lower], token.start, token.end, token.at)
        prepared.append(token)
    return prepared, seed


def _located(error: Exception, tokens: list[Token], offsets: list[int]) -> tuple[str, tuple[int, int]]:
    column = error.errors[0].get("col") if isinstance(error, ParseError) and error.errors else None
    if column is None:
        return "invalid token", tokens[0].at
    found = tokens[0]
    for token, offset in zip(tokens, offsets, strict=True):
        if offset >= int(column):
            break
        found = token
    return f"invalid token '{found.text}'", found.at


def _finder(tokens: list[Token]) -> Callable[[str], tuple[int, int]]:
    places = {token.text.lower(): token.at for token in reversed(tokens)}
    return lambda word: places.get(word.lower(), tokens[0].at)


def place_of(tokens: list[Token], word: str) -> tuple[int, int]:
    """Line and column where a name stands first; those of the statement where it doesn't."""
    return _finder(tokens)(word)


def _demand_limits(tree: exp.Expr, at: Callable[[str], tuple[int, int]]) -> None:
    for query in tree.find_all(exp.Query):
        if query.args.get("order") and not query.args.get("limit"):
            raise semantic_error(
                "ORDER BY must be used with a LIMIT clause, please set odps.sql.validate.orderby.limit=false to use it",
                at("order"),
            )


def _qualify(tree: exp.Expr, project: str, variables: Mapping[str, str], found: Translated) -> None:
    """Names each table by its project; DuckDB has a schema for every project."""
    shadows = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        name = table.name
        if not name or isinstance(table.this, exp.Func):
            continue
        if name in variables:
            table.set("this", exp.to_identifier(variables[name], quoted=True))
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
            continue
        if not table.db and name.lower() in shadows:
            continue
        # project.schema.table too; the stand-in has the default schema only.
        owner = table.catalog or table.db or project
        table.set("catalog", None)
        table.set("db", exp.to_identifier(owner.lower(), quoted=True))
        table.set("this", exp.to_identifier(name.lower(), quoted=True))
        if not table.alias:
            # As it was called, so that columns can go by its name.
            table.set("alias", exp.TableAlias(this=exp.to_identifier(name.lower(), quoted=True)))
        if (owner.lower(), name.lower()) not in found.tables:
            found.tables.append((owner.lower(), name.lower()))
    for column in tree.find_all(exp.Column):
        if column.args.get("db"):
            column.set("db", None)
            column.set("catalog", None)


def _name_columns(tree: exp.Expr) -> None:
    """Columns without a name are _c0, _c1, … by their place."""
    first = tree
    while isinstance(first, exp.SetOperation | exp.Subquery):
        first = first.this
    if not isinstance(first, exp.Select):
        return
    for i, column in enumerate(list(first.expressions)):
        if not isinstance(column, exp.Alias | exp.Column | exp.Star | exp.Aliases):
            column.replace(exp.alias_(column.copy(), f"_c{i}", quoted=True))


def _rewrite(node: exp.Expr, strict: bool) -> None:
    if isinstance(node, exp.Literal):
        if not node.is_string and "." in node.name and "e" not in node.name.lower():
            # 1.5 is a double in MaxCompute and a decimal in DuckDB.
            node.set("this", f"{node.name}e0")
    elif isinstance(node, exp.Rand):
        node.set("this", None)
    elif isinstance(node, exp.Cast) and not isinstance(node.this, exp.DataType):
        if strict and isinstance(node, exp.TryCast) and node.to.this in _WHOLE:
            whole = exp.Anonymous(this="mc_bigint", expressions=[node.this])
            node.replace(exp.Cast(this=whole, to=node.to))
        elif strict and isinstance(node, exp.TryCast):
            node.replace(exp.Cast(this=node.this, to=node.to))
    elif isinstance(node, exp.Anonymous):
        _rewrite_function(node)
    elif isinstance(node, exp.Like) and "\\" in node.expression.name and not isinstance(node.parent, exp.Escape):
        node.replace(exp.Escape(this=node.copy(), expression=exp.Literal.string("\\")))
    elif isinstance(node, exp.Concat) and not node.args.get("coalesce"):
        node.set("expressions", [exp.cast(part, "text", dialect="duckdb") for part in node.expressions])


def _rewrite_function(node: exp.Anonymous) -> None:
    name, arguments = node.name.lower(), node.expressions
    if name == "wm_concat" and len(arguments) == 2:
        node.replace(exp.GroupConcat(this=arguments[1], separator=arguments[0]))
    elif name in ("mc_to_char", "mc_to_date") and len(arguments) == 2:
        pattern = exp.Literal.string(to_strftime(arguments[1].name))
        if name == "mc_to_char":
            value: exp.Expr = exp.cast(arguments[0], "timestamp")
            node.replace(exp.Anonymous(this="strftime", expressions=[value, pattern]))
        else:
            node.replace(exp.Anonymous(this="strptime", expressions=[arguments[0], pattern]))
