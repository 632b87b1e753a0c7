"""Where in a run's folder models of tables lie."""

from __future__ import annotations

from automl_core.storage.base import ObjectStore

MODEL_FILE = "model.json"


def table_models(store: ObjectStore, prefix: str) -> list[str]:
    """Prefixes of all models' folders below one; a folder within a model's is none of its own."""
    keys = [key for key in store.list(prefix) if key.rpartition("/")[2] == MODEL_FILE]
    folders = sorted({key.removesuffix(MODEL_FILE) for key in keys}, key=len)
    return sorted(each for each in folders if not any(each != other and each.startswith(other) for other in folders))
