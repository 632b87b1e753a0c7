"""The two files of a model's folder that say of which families it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def write(folder: Path, members: Sequence[dict[str, Any]], estimators: Sequence[dict[str, Any]]) -> None:
    """Write them as `modelfile.writing` does."""
    import numpy as np

    from automl_core.modelfile.scoring.documents import ARRAYS_FILE, JSON_FILE

    document = {"format": 1, "problem": {"kind": "binary", "target": "y", "classes": ["a", "b"]}, "members": members}
    (folder / JSON_FILE).write_text(json.dumps(document))
    np.savez(folder / ARRAYS_FILE)
    (folder / "model.json").write_text(json.dumps({"format": 1, "estimators": list(estimators)}))
