"""Plain data as text of a format: read back, by any reader of the format, it gives the same values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from automl_core.specfiles.prototxt import to_prototxt
from automl_core.specfiles.yaml_text import to_yaml


def dump(form: str, body: Mapping[str, Any], *, enums: frozenset[str] = frozenset()) -> str:
    """The text of a spec file.

    Args:
        form: ``yaml``, ``json``, ``toml`` or ``prototxt``.
        body: mappings with text keys, lists, text, numbers, booleans and None.
        enums: dotted names of fields whose text is an enum's value; of prototxt only.

    Raises:
        ValueError: the format has no way to write a value.
    """
    if form == "yaml":
        return to_yaml(body)
    if form == "json":
        return json.dumps(body, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if form == "toml":
        return _to_toml(body)
    if form == "prototxt":
        return to_prototxt(body, enums)
    raise ValueError(f"{form!r} is no format of a spec file")


def _to_toml(body: Mapping[str, Any]) -> str:
    """TOML 1.0, which has no null: such a key is left out. Numbers beyond 64 bits are refused: readers may be."""
    import tomli_w

    return tomli_w.dumps(_for_toml(body, ""))


def _for_toml(value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _for_toml(child, f"{place}{key}.") for key, child in value.items() if child is not None}
    if isinstance(value, list | tuple):
        if any(child is None for child in value):
            raise ValueError(f"{place.rstrip('.')}: TOML has no null")
        return [_for_toml(child, place) for child in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        raise ValueError(f"{place.rstrip('.')}: {value} is beyond the 64 bits of an integer in TOML")
    return value
