"""A network's schema as TAO gives it: JSON schema whose leaves have the metadata of AutoML.

Two sources give the same form: ``generate_schema`` of the package nvidia-tao-automl, and the API of a TAO deployment
(``…/specs/ACTION/schema``). A leaf's fields are those of JSON schema (``type``, ``default``, ``minimum``, ``maximum``,
``enum``) and TAO's own (``automl_enabled``, ``math_cond``, ``depends_on``, ``parent_param``, ``option_weights``,
``popular``), as `tao_automl.schema.dataclass2json_converter` of 7.2.0 writes them.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from automl_core.spec.errors import Problem, SpecError, show

GROUPS = ("object", "collection", "dict")
"""Types that hold further parameters, where they have ``properties``."""

_KINDS = {
    "integer": "int", "ordered_int": "int", "number": "float", "boolean": "bool", "str": "string", "array": "list",
    "collection": "dict", "object": "dict",
}  # fmt: skip
"""Type of a leaf → the one of several names that is used here."""

MOST_LEAVES = 5_000
"""Leaves of a schema at most; the largest of 7.2.0 has 243."""

MOST_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Leaf:
    """A parameter as the metadata have it.

    Attributes:
        name: with dots between its groups: ``train.optim.lr``.
        type: ``int``, ``float``, ``bool``, ``string``, ``categorical``, ``list``, ``list_2``, ``subset_list``, ``dict``
            and so on; where there are several, the first.
        default: None where it has none.
        minimum, maximum: None where it is not given; infinite where the metadata say so.
        options, weights: empty where it has none.
        condition: ``math_cond``, such as ``> 0`` or ``^ 2``.
        depends_on: name of the parameter that the condition is about, as stated.
        enabled: ``automl_enabled``: searched by default, never, or None where nothing is said.
        help: one line for people.
    """

    name: str
    type: str
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    options: tuple[Any, ...] = ()
    weights: tuple[float, ...] = ()
    condition: str = ""
    depends_on: str = ""
    enabled: bool | None = None
    help: str = ""

    @property
    def whole(self) -> bool:
        """Whether its numbers are whole."""
        return self.type == "int"


def parse_schema(text: str, source: str) -> dict[str, Any]:
    """Read the text of a schema file.

    Args:
        text: JSON; numbers that are not finite may stand in it, as Python writes them.
        source: what to call it in errors.

    Raises:
        SpecError: it is no schema.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise SpecError([Problem(f"no JSON: {getattr(error, 'msg', error)}", file=source, line=line)]) from None
    for key in ("schema", "data"):  # a deployment's answer may wrap it
        if isinstance(data, dict) and "properties" not in data and isinstance(data.get(key), dict):
            data = data[key]
    if not isinstance(data, dict) or not isinstance(data.get("properties"), dict):
        message = "no schema of a network: it has no properties"
        wanted = ("a JSON schema of a TAO network, as its API gives for an action",)
        raise SpecError([Problem(message, file=source, allowed=wanted)])
    return data


_OF_CSV = {
    "default_value": "default", "valid_min": "minimum", "valid_max": "maximum", "description": "description",
    "display_name": "title", "automl_enabled": "automl_enabled", "math_cond": "math_cond", "depends_on": "depends_on",
}  # fmt: skip
"""Columns of a specification of TAO 3 to 5 → fields of a leaf."""

_NO_PARAMETERS = ("hidden", "const", "collection")


def parse_table(text: str, source: str) -> dict[str, Any]:
    """Read a specification as the API of TAO 3 to 5 has it: a table with a row for each parameter.

    Args:
        text: CSV, such as ``detectnet_v2 - train.csv`` of NVIDIA's tao_front_end_services.
        source: what to call it in errors.

    Raises:
        SpecError: it is none.
    """
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows or not {"parameter", "value_type", "default_value"} <= set(rows[0]):
        wanted = ("a table with the columns parameter, value_type, default_value, …",)
        raise SpecError([Problem("no specification of a network", file=source, allowed=wanted)])
    properties: dict[str, Any] = {}
    for row in rows:
        kind = (row["value_type"] or "").strip()
        if not row["parameter"] or kind in _NO_PARAMETERS:
            continue
        leaf: dict[str, Any] = {"type": kind}
        for column, field_name in _OF_CSV.items():
            cell = (row.get(column) or "").strip()
            if cell:
                leaf[field_name] = _cell(cell, kind) if field_name in ("default", "minimum", "maximum") else cell
        options = [each.strip() for each in (row.get("valid_options") or "").split(",") if each.strip()]
        if options:
            leaf["enum"] = [_cell(each, kind) for each in options]
        properties[row["parameter"].strip()] = leaf
    return {"properties": properties}


def _cell(cell: str, kind: str) -> Any:
    """A value of the table, by its parameter's type."""
    if kind in ("bool", "boolean"):
        return cell.upper() == "TRUE"
    if kind in ("int", "integer", "ordered_int", "float", "number"):
        try:
            number = float(cell)
        except ValueError:
            return cell
        return int(number) if kind not in ("float", "number") and number.is_integer() else number
    if kind == "list":
        try:
            return json.loads(cell)
        except ValueError:
            return cell
    return cell


def leaves_of(schema: Mapping[str, Any], source: str = "") -> dict[str, Leaf]:
    """Name → parameter, of every leaf, in the order of the schema.

    Args:
        schema: see `parse_schema`.
        source: what to call it in errors.

    Raises:
        SpecError: a leaf has a field that can't be what it is; it holds all problems.
    """
    found: dict[str, Leaf] = {}
    problems: list[Problem] = []
    for name, raw in _each(schema.get("properties") or {}, "", 0):
        if len(found) >= MOST_LEAVES:
            problems.append(Problem(f"more than {MOST_LEAVES:,} parameters are too many"))
            break
        try:
            found[name] = _leaf(name, raw)
        except ValueError as error:
            problems.append(Problem(f"{name}: {error}"))
    if problems:
        raise SpecError([Problem(problem.message, file=source) for problem in problems])
    return found


def _each(properties: Mapping[str, Any], above: str, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, raw in properties.items():
        if not isinstance(raw, Mapping):
            continue  # 7.2.0 leaves a list `automl_disabled_parameters` among the properties
        name = f"{above}{key}"
        inner = raw.get("properties")
        if raw.get("type", "object") in GROUPS and isinstance(inner, Mapping):
            if depth < MOST_DEPTH:
                yield from _each(inner, f"{name}.", depth + 1)
        else:
            yield name, raw


def _leaf(name: str, raw: Mapping[str, Any]) -> Leaf:
    raw = _concrete(raw)
    stated = str(raw.get("type", ""))
    kind = _KINDS.get(stated, stated)
    options = tuple(_listed(raw, "enum"))
    if options:
        kind = _kind_of_options(kind)
    weights = tuple(float(weight) for weight in _listed(raw, "option_weights"))
    low, high = (_number(raw, side) if kind in _NUMERIC else None for side in ("minimum", "maximum"))
    return Leaf(
        name, kind, _plain(raw.get("default")), low, high, options, weights, str(raw.get("math_cond") or "").strip(),
        str(raw.get("depends_on") or "").strip(), _truth(raw.get("automl_enabled")), _line(raw),
    )  # fmt: skip


_NUMERIC = ("int", "float")


def _concrete(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """A leaf with the fields of the first of its types that is one (``anyOf``, or a list of types)."""
    several = raw.get("anyOf")
    if "type" not in raw and isinstance(several, list):
        first = next((each for each in several if isinstance(each, Mapping) and each.get("type") != "null"), {})
        return {**first, **raw}
    if isinstance(raw.get("type"), list):
        return {**raw, "type": next((each for each in raw["type"] if each != "null"), "")}
    return raw


def _kind_of_options(kind: str) -> str:
    """What a leaf with options is: lists of them stay what they are."""
    return kind if kind in ("subset_list", "optional_list", "list", "int", "float", "bool") else "categorical"


def _listed(raw: Mapping[str, Any], key: str) -> list[Any]:
    found = raw.get(key)
    if found in (None, ""):
        return []
    if not isinstance(found, list):
        raise ValueError(f"{key} is {show(found)}, and a list is wanted")
    return found


def _number(raw: Mapping[str, Any], key: str) -> float | None:
    found = raw.get(key)
    if found in (None, ""):
        return None
    try:
        number = float(found) if not isinstance(found, bool) else math.nan  # "inf" is text in JSON of some versions
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number):
        raise ValueError(f"{key} is {show(found)}, and a number is wanted")
    return int(found) if isinstance(found, int) else number


def _plain(value: Any) -> Any:
    """A default; one that is no number at all counts as none."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _truth(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(str(value).strip().lower())


_LONGEST = 160


def _line(raw: Mapping[str, Any]) -> str:
    """One line of what the metadata say for people."""
    text = " ".join(str(raw.get("description") or raw.get("title") or "").split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rsplit(" ", 1)[0] + "…"
