"""What is asked and answered over HTTP, as plain JSON rows and by the V2 protocol of open inference."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from automl_core.serving.served import Given
from automl_core.serving.wire import UNREADABLE

Cell = None | bool | int | float | str

MOST_ROWS = 10_000
"""Rows of a request at most."""


LONGEST_NAME = 1_000
"""Letters of a request's id or of a key at most: both stand in the line of each of its rows."""

Name = Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)]


class BadRequest(ValueError):
    """A request that is none. The message says what is wrong, and where."""


class RowsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """``{"rows": [{…}, …], "keys": […], "id": …}``.

    Attributes:
        rows: each a mapping of column to value.
        keys: a key for each row, by which its version is chosen; see `keys_of`.
        id: of the request; made up where there is none.
    """

    rows: list[dict[str, bool | int | float | str | None]]
    keys: list[Name] | None = None
    id: Name | None = None


Parameters = dict[str, Any] | None
"""Of the V2 protocol. What may be left out may also be null: clients that are made of classes write it so."""


class Tensor(msgspec.Struct):
    """A column, as the V2 protocol has it."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: Parameters = None


class Wanted(msgspec.Struct):
    """An output that is asked for."""

    name: str
    parameters: Parameters = None


class InferRequest(msgspec.Struct):
    """A request of the V2 protocol: columns, each with as many values as there are rows."""

    inputs: list[Tensor]
    id: Name | None = None
    parameters: Parameters = None
    outputs: list[Wanted] | None = None


_rows = msgspec.json.Decoder(RowsRequest)
_infer = msgspec.json.Decoder(InferRequest)

_WHOLE = {
    **{f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
}
_DECIMAL = ("FP16", "FP32", "FP64")
DATATYPES = ("BOOL", *_WHOLE, *_DECIMAL, "BYTES")
OUTPUTS = ("prediction", "probabilities")

_UNMET = {
    "shared_memory_region": "there is no shared memory here: values go along in requests and answers",
    "classification": "answers have the probabilities of all classes, whose names are in the parameter `classes`, and "
                      "no first few of them",
}  # fmt: skip
"""Parameters of extensions that aren't there: whoever is answered as if they were not said reads something else."""

_CONTENT_TYPES = ("str", "np", "pd", "datetime", "raw")
"""MLServer's words for values that are what they look like; those of `base64` are not."""


Asked = TypeVar("Asked")


def decoded(decoder: msgspec.json.Decoder[Asked], body: bytes, wrong: str) -> Asked:
    """What a body of JSON says; ``NaN``, as Python's clients write a missing number where they write JSON, is null.

    Args:
        decoder: of what is wanted.
        body: JSON, or that of Python.
        wrong: what to say of another one.

    Raises:
        BadRequest: it is none.
    """
    try:
        return decoder.decode(body)
    except UNREADABLE as error:
        plain = _without_nan(body)
        if plain is None:
            raise BadRequest(f"{wrong}: {error}") from None
    try:
        return decoder.decode(plain)
    except UNREADABLE as error:
        raise BadRequest(f"{wrong}: {error}") from None


def _without_nan(body: bytes) -> bytes | None:
    """JSON of Python as JSON, NaN as null; None where it is neither. What is infinite is no number here."""
    if b"NaN" not in body:
        return None
    try:
        # what is too large for a number is infinite here, which msgspec would write as null
        return json.dumps(json.loads(body, parse_constant=_constant), allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None


def _constant(word: str) -> None:
    if word != "NaN":
        raise ValueError(word)


def read_rows(body: bytes) -> RowsRequest:
    """A request with plain rows.

    Raises:
        BadRequest: it is none.
    """
    found = decoded(_rows, body, "the body is no request of rows")
    _check_rows(len(found.rows))
    if found.keys is not None and len(found.keys) != len(found.rows):
        raise BadRequest(f"keys: there are {len(found.keys)} for {len(found.rows)} rows")
    return found


def read_infer(body: bytes) -> tuple[InferRequest, list[dict[str, Any]]]:
    """A request of the V2 protocol, and its rows.

    Raises:
        BadRequest: it is none: the message names the input.
    """
    found = decoded(_infer, body, "the body is no request of the V2 protocol")
    if not found.inputs:
        raise BadRequest("inputs: there is none; give one for each column")
    for wanted in found.outputs or ():
        if wanted.name not in OUTPUTS:
            raise BadRequest(f"outputs: there is no {wanted.name!r} (there are: {', '.join(OUTPUTS)})")
        _check_parameters(f"outputs.{wanted.name}", wanted.parameters)
    columns: dict[str, list[Any]] = {}
    for each in found.inputs:
        if each.name in columns:
            raise BadRequest(f"inputs: {each.name!r} stands there twice")
        columns[each.name] = _column(each)
    counts = {name: len(values) for name, values in columns.items()}
    if len(set(counts.values())) > 1:
        words = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise BadRequest(f"inputs: they have different numbers of values: {words}")
    count = next(iter(counts.values()))
    _check_rows(count)
    names = list(columns)
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return found, rows


def key_of(parameters: Mapping[str, Any]) -> str | None:
    """The key of all rows that a request of the V2 protocol names in its parameters; None where it names none.

    Raises:
        BadRequest: it is no value that a column of keys may have.
    """
    key = parameters.get("key")
    if key is None:
        return None
    if not isinstance(key, Cell):
        raise BadRequest("parameters.key: a text, a number, true or false is wanted here")
    return _text(key)


def keys_of(
    rows: Sequence[Mapping[str, Any]], column: str | None, given: Sequence[str] | None, one: str | None, request: str
) -> list[str]:
    """The key of each row, by which its version is chosen.

    Args:
        rows: of the request.
        column: of the rows that the model's file names for it.
        given: a key for each row.
        one: a key for all of them.
        request: its id: what is left is split by requests.

    Raises:
        BadRequest: a row lacks the column, or one key for all of them is too long.
    """
    if given is not None:
        return list(given)
    if one is not None:
        if len(one) > LONGEST_NAME:
            raise BadRequest(f"a key has {LONGEST_NAME:,} letters at most, and this one {len(one):,}")
        return [one] * len(rows)
    if column is None:
        return [request] * len(rows)
    missing = next((place for place, row in enumerate(rows) if row.get(column) is None), None)
    if missing is not None:
        raise BadRequest(f"rows: row {missing} has no {column!r}, by which the model's requests are split")
    return [_text(row[column]) for row in rows]


def rows_answer(model: str, given: Given, request: str) -> dict[str, Any]:
    """The answer to plain rows."""
    one = len(set(given.versions)) <= 1
    found: dict[str, Any] = {
        "model": model, "version": given.versions[0] if given.versions and one else None, "record": given.record,
        "id": request, "predictions": given.predictions,
    }  # fmt: skip
    if not one:
        found["versions"] = given.versions
    if given.probabilities is not None:
        found |= {"classes": given.classes, "probabilities": given.probabilities}
    if given.fallen_back is not None:
        found["fallen_back"] = given.fallen_back
    return found


def infer_answer(model: str, given: Given, request: str, wanted: Sequence[Wanted] | None) -> dict[str, Any]:
    """The answer of the V2 protocol."""
    count = len(given.predictions)
    text = bool(given.classes)
    outputs: list[dict[str, Any]] = [
        {"name": "prediction", "shape": [count], "datatype": "BYTES" if text else "FP64", "data": given.predictions}
    ]
    if given.probabilities is not None:
        flat = [chance for row in given.probabilities for chance in row]
        outputs.append(
            {"name": "probabilities", "shape": [count, len(given.classes)], "datatype": "FP64", "data": flat,
             "parameters": {"classes": ",".join(given.classes)}}
        )  # fmt: skip
    if wanted:
        names = {each.name for each in wanted}
        outputs = [each for each in outputs if each["name"] in names]
    versions = list(dict.fromkeys(given.versions))
    parameters: dict[str, Any] = {"record": given.record}
    if len(versions) > 1:
        parameters["versions"] = ",".join(map(str, given.versions))
    if given.fallen_back is not None:
        parameters["fallen_back"] = given.fallen_back
    return {
        "model_name": model, "model_version": ",".join(map(str, versions)), "id": request, "parameters": parameters,
        "outputs": outputs,
    }  # fmt: skip


def _check_parameters(where: str, parameters: Parameters) -> None:
    for name in parameters or ():
        if name in _UNMET:
            raise BadRequest(f"{where}: {name}: {_UNMET[name]}")


def _column(tensor: Tensor) -> list[Any]:
    name, shape, kind = tensor.name, tensor.shape, tensor.datatype
    if tensor.parameters:
        _check_parameters(f"inputs.{name}", tensor.parameters)
        content = tensor.parameters.get("content_type")
        if content is not None and content not in _CONTENT_TYPES:
            raise BadRequest(
                f"inputs.{name}: its content_type is {content!r}; values have to be what they look like "
                f"({', '.join(_CONTENT_TYPES)})"
            )
    if kind not in DATATYPES:
        raise BadRequest(f"inputs.{name}: there is no datatype {kind!r} (there are: {', '.join(DATATYPES)})")
    if not shape or any(each < 0 for each in shape) or any(each != 1 for each in shape[1:]):
        raise BadRequest(f"inputs.{name}: its shape is {shape}; a column is [n] or [n, 1]")
    values = tensor.data
    if values is None:
        raise BadRequest(f"inputs.{name}: it has no data")
    if values and all(isinstance(each, list) and len(each) == 1 for each in values):
        values = [each[0] for each in values]
    if len(values) != shape[0]:
        raise BadRequest(f"inputs.{name}: its shape says {shape[0]} values, and there are {len(values)}")
    for place, value in enumerate(values):
        wrong = _wrong(kind, value)
        if wrong:
            raise BadRequest(f"inputs.{name}: value {place} ({str(value)[:40]!r}) {wrong}")
    return values


def _wrong(kind: str, value: Any) -> str | None:
    """What is wrong with a value of a datatype: 5 is not true here, and "1" is no number, as elsewhere."""
    if kind == "BYTES":
        return None if value is None or isinstance(value, str) else "is no text, which BYTES are"
    if kind in _DECIMAL:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if value is None or number else f"is no number, which {kind} are"
    if value is None:
        return f"is missing, which no {kind} can be; send such a column as FP64"
    if kind == "BOOL":
        return None if isinstance(value, bool) else "is neither true nor false"
    if not isinstance(value, int) or isinstance(value, bool):
        return f"is no whole number, which {kind} are"
    low, high = _WHOLE[kind]
    return None if low <= value <= high else f"is beyond {kind} ({low} to {high})"


def _check_rows(count: int) -> None:
    if count == 0:
        raise BadRequest("there is no row")
    if count > MOST_ROWS:
        raise BadRequest(f"there are {count:,} rows, and a request has {MOST_ROWS:,} at most; score tables in batches")


def _text(value: Any) -> str:
    """A key's text: a whole number is its digits, so ``7`` and ``"7"`` are one key, and ``"007"`` another."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)
