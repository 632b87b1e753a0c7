"""Ours, by the library path."""

import json
import sys
from pathlib import Path

import numpy as np

job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
from automl_core.tabular import fit  # noqa: E402

model = fit(
    job["train"], job["target"], task=job["task"], metric=job["metric"], deadline=job["seconds"], workers=job["cores"],
    folder=job["folder"],
)  # fmt: skip
outputs = model.predict_proba(job["test"]) if job["classes"] else model.predict(job["test"])
np.savez(job["out"], outputs=outputs, classes=np.array(model.classes, dtype=str))
