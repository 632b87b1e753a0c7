"""What programs of other systems share: the job, its frames, the predictions."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
target = job["target"]


def frames(categories=True):
    """(train features, train target, test features); texts as pandas' categories of the train rows."""
    train, test = pd.read_csv(job["train"]), pd.read_csv(job["test"])
    y, x = train[target], train.drop(columns=target)
    if categories:
        for name in x.columns:
            if not pd.api.types.is_numeric_dtype(x[name]) and not pd.api.types.is_bool_dtype(x[name]):
                kind = pd.CategoricalDtype(sorted(x[name].dropna().astype(str).unique()))
                x[name], test[name] = x[name].astype(str).astype(kind), test[name].astype(str).astype(kind)
    return x, y, test[x.columns]


def done(outputs, classes=()):
    """Leave predictions."""
    np.savez(job["out"], outputs=np.asarray(outputs, dtype=float), classes=np.array([str(each) for each in classes]))
