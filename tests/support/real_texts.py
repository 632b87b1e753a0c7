"""Texts that an installed package ships: what Airflow's pages say, in several languages."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa

PAGES = ("admin", "common", "components", "dag")
"""Those with a hundred texts and more."""


def languages_of_airflow() -> pa.Table:
    """(text, language), some two thousand rows in four languages."""
    tables = {language: words_of_airflow(language).column("text") for language in ("de", "en", "fr", "pl")}
    texts = [text for column in tables.values() for text in column.to_pylist()]
    return pa.table({"text": texts, "language": [name for name, column in tables.items() for _ in range(len(column))]})


def words_of_airflow(language: str) -> pa.Table:
    """(text, page), some hundred rows; ``zh-CN`` writes without spaces."""
    spec = find_spec("airflow")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(next(iter(spec.submodule_search_locations))) / "ui" / "dist" / "i18n" / "locales" / language
    rows: list[tuple[str, str]] = []
    for page in PAGES:
        rows += [(text, page) for text in _texts(json.loads((folder / f"{page}.json").read_text(encoding="utf-8")))]
    assert len(rows) > 500
    return pa.table({"text": [text for text, _ in rows], "page": [page for _, page in rows]})


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    return [value] if isinstance(value, str) and len(value) > 1 else []
