"""From the API's columns to pandas frames. pandas is imported when a frame is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from automl_core.client.errors import ClientError


def frame(pages: Sequence[Mapping[str, Any]], index: str | None = None) -> Any:
    """One pandas DataFrame of pages of columns; nested columns are named ``params.lr``.

    Args:
        pages: columns of equal length each.
        index: the column that becomes the index.

    Raises:
        ClientError: pandas is not installed.
    """
    try:
        pandas: Any = import_module("pandas")
    except ImportError:
        raise ClientError("frames want pandas: pip install pandas") from None
    flat = [_flat(page) for page in pages]
    names = list(dict.fromkeys(name for page in flat for name in page))
    columns = {name: [value for page in flat for value in page.get(name, ())] for name in names}
    made = pandas.DataFrame(columns)
    return made.set_index(index) if index is not None else made


def _flat(columns: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    flat: dict[str, Sequence[Any]] = {}
    for name, values in columns.items():
        if isinstance(values, Mapping):
            flat.update({f"{name}.{inner}": column for inner, column in values.items()})
        else:
            flat[name] = values
    return flat
