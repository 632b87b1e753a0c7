"""What evidence stands on: no store, no journal, no Airflow; what a file's parse reads brings no numpy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import automl_core.models.evaluation as package

FOLDER = Path(package.__file__).parent
ALLOWED = {"backends", "data", "extras", "forecasting", "modelfile", "models", "rates", "release", "spec", "tabular"}
OURS = ("automl_core.models.evaluation", "automl_core.models.drift", "automl_core.models.estimating")
"""Of the life of a model: drift is distributions alone, and an estimate what was said and what came."""

LIGHT = ("document", "options", "tests", "verdict", "markdown", "apart")


def test_it_knows_no_store_and_no_journal() -> None:
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name.startswith("automl_core."):
                    assert name.split(".")[1] in ALLOWED, f"{path.name} imports {name}"
                if name.startswith("automl_core.models."):
                    assert name.startswith(OURS), f"{path.name} imports {name}"
                assert not name.startswith("airflow"), path.name


def test_parsing_a_models_file_brings_no_numpy() -> None:
    lines = [f"import automl_core.models.evaluation.{name}" for name in LIGHT]
    program = "\n".join(lines) + "\nimport sys\nprint(sorted({'numpy', 'scipy', 'pyarrow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
