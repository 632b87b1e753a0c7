"""What installers say, in our words: real output of pip 26 and uv 0.13."""

from __future__ import annotations

import pytest

from automl_core.environments.problems import problem_of
from automl_core.spec.lock_files import parse_lock

LOCK = parse_lock("packaging==26.4\nsix==1.16.0\nscipy==1.15.2\n", "requirements.txt")

CASES = {
    "pip: away": (
        "Looking in indexes: http://127.0.0.1:9/simple\nWARNING: Retrying (Retry(total=0)) after connection broken by "
        "'NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused')': /simple/six/\n"
        "ERROR: Could not find a version that satisfies the requirement six==1.16.0 (from versions: none)\n"
        "ERROR: No matching distribution found for six==1.16.0", "line 2: six==1.16.0", "could not be reached", True,
    ),
    "uv: away": (
        "error: Request failed after 3 retries in 8.9s\n  cause: Failed to fetch: http://127.0.0.1:9/simple/six/\n"
        "  cause: client error (Connect)\n  cause: tcp connect error",
        "line 2: six==1.16.0", "could not be reached", True,
    ),
    "pip: missing": (
        "Collecting packaging==26.4\nERROR: Could not find a version that satisfies the requirement six==1.16.0 (from "
        "versions: 0.9.0, 1.17.0)\nERROR: No matching distribution found for six==1.16.0", "line 2: six==1.16.0",
        "no such version", False,
    ),
    "uv: missing": (
        "  × No solution found when resolving dependencies:\n  ╰─▶ Because there is no version of six==1.16.0 and you "
        "require six==1.16.0, we can conclude that your requirements are unsatisfiable.", "line 2: six==1.16.0",
        "no such version", False,
    ),
    "uv: hash": (
        "error: Failed to download `packaging==26.4`\n  cause: Hash mismatch for `packaging==26.4`",
        "line 1: packaging", "hashes", False,
    ),
    "pip: hash": (
        "Collecting packaging==26.4\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n"
        "    packaging==26.4 from https://example.com/packaging-26.4.whl:", "line 1: packaging==26.4", "hashes", False,
    ),
    "uv: certificate": (
        "error: Failed to fetch: https://example.com/simple/six/\n  cause: client error (Connect)\n  cause: "
        "invalid peer certificate: UnknownIssuer", "line 2: six==1.16.0", "certificate", False,
    ),
    "pip: no wheel": (
        "Building wheel for scipy (pyproject.toml): finished with status 'error'\nERROR: Failed building wheel for "
        "scipy",
        "line 3: scipy==1.15.2", "no wheel", False,
    ),
    "nothing": ("", "requirements.txt", "uv ended with exit code 7", False),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_said(case: str) -> None:
    said, where, what, outage = CASES[case]
    error = problem_of(LOCK, said.splitlines(), "uv", "ended with exit code 7")
    assert where in error.headline
    assert what in error.headline
    assert (error.outage, error.systematic) == (outage, not outage)


def test_a_full_disk_is_no_fault_of_the_lock_file() -> None:
    error = problem_of(LOCK, ["error: failed to write: No space left on device (os error 28)"], "uv", "ended")
    assert "disk is full" in error.headline
    assert not error.systematic
