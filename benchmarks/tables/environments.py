"""The systems' environments: one each, made once with uv from the pins below. Ours is this one, or `TABLES_OURS`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PLACE = Path(os.environ.get("TABLES_ENVIRONMENTS") or HERE / ".peers-venv")
"""Where they lie: some 2 GB."""

OURS = os.environ.get("TABLES_OURS") or sys.executable
"""The interpreter that has the product: another one than this where the sets' packages pin another numpy than ours."""

PINS = {
    "plain": ["lightgbm==4.7.0", "pandas==3.1.0", "scikit-learn==1.9.1"],
    "flaml": ["flaml[automl]==2.8.0", "pandas", "scikit-learn"],
    "autogluon": ["autogluon.tabular[catboost,lightgbm,xgboost]==1.6.3"],
}


def python(name: str) -> Path:
    """The interpreter of an environment, which is made when it isn't there.

    Raises:
        subprocess.CalledProcessError: uv could not install it (it says why on standard error).
    """
    if name == "ours":
        return Path(OURS)
    interpreter = PLACE / name / "bin" / "python"
    if not interpreter.exists():
        print(f"setting up {name} …", file=sys.stderr, flush=True)
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(PLACE / name)], check=True)
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(interpreter), *PINS[name]], check=True)
    return interpreter
