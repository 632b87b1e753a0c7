"""Programs run in forks of a process that has loaded their libraries: to load these takes longer than to train.

A fork has the libraries' modules and nothing of ours. What only a fresh process shows (an import that is missing, a
hash seed of its own) is for those runs of a test that start one.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from tests.sources import ROOT

LIBRARIES = (
    "lightgbm", "numpy", "pandas", "pyarrow.compute", "pyarrow.csv", "pyarrow.parquet", "scipy.sparse",
    "sklearn.compose", "sklearn.feature_extraction.text", "sklearn.impute", "sklearn.linear_model", "sklearn.metrics",
    "sklearn.model_selection", "sklearn.neural_network", "sklearn.pipeline", "sklearn.preprocessing", "yaml",
)  # fmt: skip


def serve() -> None:
    """Run each program that a line asks for, and answer with its exit code."""
    import importlib
    import runpy
    import traceback

    for library in LIBRARIES:
        importlib.import_module(library)
    sys.path[0:0] = ["", str(ROOT)]
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        if (child := os.fork()) == 0:
            code = 1
            try:
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                output = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                os.dup2(output, 1)
                os.dup2(output, 2)
                os.chdir(asked["folder"])
                os.environ.clear()
                os.environ.update(asked["environment"])
                sys.argv = asked["command"]
                sys.path[0] = str(Path(sys.argv[0]).parent)
                runpy.run_path(sys.argv[0], run_name="__main__")
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
                if isinstance(end.code, str):
                    print(end.code, file=sys.stderr)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


@cache
def _server() -> subprocess.Popen[str]:
    """One for each process of tests, as long as that lives."""
    server = subprocess.Popen(
        [sys.executable, "-c", "from tests.support.warm import serve; serve()"], cwd=ROOT, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip

    def end() -> None:
        with server:
            assert server.stdin is not None
            server.stdin.close()

    atexit.register(end)
    return server


def run(command: list[Any], environment: dict[str, str], folder: Path, output: Path) -> int:
    """Run a program to its end, as `subprocess.run` would; gives its exit code, and its output is in a file."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    asked = {
        "command": [str(each) for each in command], "environment": environment, "folder": str(folder),
        "output": str(output),
    }  # fmt: skip
    try:
        print(json.dumps(asked), file=server.stdin, flush=True)
        return int(server.stdout.readline())
    except BaseException:  # the test's time is over, say: what is still running is nobody's answer
        os.killpg(server.pid, signal.SIGKILL)  # the fork too
        server.wait()
        _server.cache_clear()
        raise
