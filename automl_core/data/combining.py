"""One table of many files: their columns brought together, or a refusal in words; nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from automl_core.data.access import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_EXACT = 2**53
_TOLD = 10


@dataclass(frozen=True, slots=True)
class Part:
    """What one file has.

    Attributes:
        path: of the file, for people.
        kind: its format.
        table: its columns.
        text: whether all of them are text whose types are still to be decided.
        open: whether a column that it lacks is one of missing values only (JSON lines).
        folders: names of columns that stand in its path (``ds=2026-11-01/``); they are text.
    """

    path: str
    kind: str
    table: pa.Table
    text: bool = False
    open: bool = False
    folders: tuple[str, ...] = ()


def with_folders(part: Part, name: str, columns: list[str] | None) -> Part:
    """A file with the columns that its folders state, as Hive and Spark write them (``ds=2026-11-01/part-0.parquet``).

    Args:
        part: the file.
        name: its path below the data set's folder.
        columns: those that are wanted; all when None.
    """
    import pyarrow as pa

    table, found = part.table, []
    for folder in name.split("/")[:-1]:
        key, equals, value = folder.partition("=")
        if not equals or not key or key in table.column_names or (columns is not None and key not in columns):
            continue
        text = None if value == _HIVE_NULL else unquote(value)
        table = table.append_column(key, pa.array([text] * table.num_rows, pa.string()))
        found.append(key)
    return replace(part, table=table, folders=tuple(found))


def combined(parts: list[Part], columns: list[str] | None, types: Mapping[str, Any]) -> pa.Table:
    """One table of all files.

    Args:
        parts: one at least.
        columns: those that are wanted, in that order; all when None.
        types: those that are stated, by name.

    Raises:
        DataError: a file lacks a column that another has, types don't fit together, or a column is nowhere.
    """
    import pyarrow as pa

    from automl_core.data.text_types import typed
    from automl_core.data.written import as_text

    names = _names(parts)
    wanted = names if columns is None else columns
    known = set(names)
    for name in wanted:
        if name not in known:
            raise DataError(f"{parts[0].path} has no column {name!r}{_near(name, parts, columns)}")
    for name in types:
        if columns is None and name not in known:
            raise DataError(f"types: {parts[0].path} has no column {name!r}{_near(name, parts, None)}")
    made, fields = [], []
    for name in wanted:
        chunks = [_chunked(part, name) for part in parts]
        text = all(part.text or name in part.folders for part in parts)
        if not text:
            chunks = _of_one_type(name, chunks, parts)
        column = pa.chunked_array([chunk for each in chunks for chunk in each.chunks], type=chunks[0].type)
        if name in types:
            column = as_type(column, types[name], name)
        elif text:
            column = typed(column)
        made.append(column)
        field = pa.field(name, column.type)
        fields.append(as_text(field) if text else _remembered(field, parts))
    return pa.table(made, schema=pa.schema(fields)) if wanted else parts[0].table.select([])


def _remembered(field: pa.Field, parts: list[Part]) -> pa.Field:
    """A field with what the files remember of it (`data.written`), where all of them do."""
    from automl_core.data.written import KEY

    said = {(each.table.schema.field(field.name).metadata or {}).get(KEY) for each in parts
            if field.name in each.table.column_names}  # fmt: skip
    known = said.pop() if len(said) == 1 else None
    return field if known is None else field.with_metadata({KEY: known})


def as_type(column: Any, kind: Any, name: str) -> Any:
    """A column with a type that somebody states.

    Args:
        column: an array of pyarrow.
        kind: one of pyarrow's types, or its name.
        name: of the column, for messages.

    Raises:
        DataError: there is no such type, or a value is none of it.
    """
    import pyarrow as pa

    try:
        wanted = pa.type_for_alias(kind) if isinstance(kind, str) else kind
        return column.cast(wanted)
    except (ValueError, pa.ArrowNotImplementedError) as error:  # pa.ArrowInvalid is a ValueError
        raise DataError(f"types: the column {name!r} can't be {kind}: {error}") from None


def _names(parts: list[Part]) -> list[str]:
    """Names of the columns, in the order of the first file; every file has all of them.

    Raises:
        DataError: one has not.
    """
    names = list(dict.fromkeys(name for part in parts for name in part.table.column_names))
    for part in parts:
        missing = [name for name in names if name not in part.table.column_names]
        if missing and not part.open:
            other = next(each for each in parts if missing[0] in each.table.column_names)
            raise DataError(
                f"{part.path} has no column {missing[0]!r}, and {other.path} has: files of one data set have the same "
                "columns (in any order)"
            )
    return names


def _near(name: str, parts: list[Part], columns: list[str] | None) -> str:
    from automl_core.spec.errors import did_you_mean

    if columns is not None:  # the others were not read
        return ""
    known = parts[0].table.column_names
    guess = did_you_mean(name, known)
    listed = ", ".join(known[:_TOLD]) + (f" and {len(known) - _TOLD} more" if len(known) > _TOLD else "")
    return f"; its columns: {listed}. {guess}".rstrip()


def _chunked(part: Part, name: str) -> pa.ChunkedArray:
    import pyarrow as pa

    if name in part.table.column_names:
        column = part.table.column(name)
        return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    return pa.chunked_array([pa.nulls(part.table.num_rows)])


def _of_one_type(name: str, chunks: list[pa.ChunkedArray], parts: list[Part]) -> list[pa.ChunkedArray]:
    """The same column of all files with one type that holds every value of it exactly.

    Raises:
        DataError: there is none.
    """
    import pyarrow as pa

    target = chunks[0].type
    for chunk, part in zip(chunks[1:], parts[1:], strict=True):
        common = _common(target, chunk.type)
        if common is None:
            raise DataError(
                f"the column {name!r} is {chunk.type} in {part.path}, and {target} in {parts[0].path}: no type holds "
                "the values of both; write them with one"
            )
        target = common
    if pa.types.is_null(target):  # not a single value, in no file
        target = pa.float64()
    result = []
    for chunk, part in zip(chunks, parts, strict=True):
        if pa.types.is_integer(chunk.type) and pa.types.is_floating(target) and not _is_exact(chunk):
            raise DataError(
                f"the column {name!r} has integers beyond 2^53 in {part.path} and is {target} elsewhere, which can't "
                "hold them exactly; write it with one type"
            )
        result.append(chunk if chunk.type == target else chunk.cast(target))
    return result


def _is_exact(column: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    ends = pc.min_max(column).as_py()
    return all(end is None or abs(end) <= _EXACT for end in ends.values())


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type that holds the values of both, None where there is none."""
    import pyarrow as pa

    kinds = pa.types
    if one == other or kinds.is_null(other):
        return one
    if kinds.is_null(one):
        return other
    if kinds.is_dictionary(one) or kinds.is_dictionary(other):
        return _common(*(each.value_type if kinds.is_dictionary(each) else each for each in (one, other)))
    texts = (kinds.is_string, kinds.is_large_string, kinds.is_string_view)
    if all(any(is_text(each) for is_text in texts) for each in (one, other)):
        return pa.large_string()
    numbers = (kinds.is_integer, kinds.is_floating)
    if all(any(is_number(each) for is_number in numbers) for each in (one, other)):
        if kinds.is_floating(one) or kinds.is_floating(other):
            return pa.float64()
        unsigned = {kinds.is_unsigned_integer(one), kinds.is_unsigned_integer(other)}
        if unsigned == {True, False} and pa.uint64() in (one, other):
            return None
        return pa.uint64() if unsigned == {True} else pa.int64()
    try:
        unified = pa.unify_schemas([pa.schema([("c", one)]), pa.schema([("c", other)])], promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None
    found = unified.field("c").type
    return found if kinds.is_temporal(found) or kinds.is_decimal(found) or kinds.is_nested(found) else None
