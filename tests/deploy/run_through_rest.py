"""Start an experiment through Airflow's REST API, wait for its end and print its result. Standard library alone."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any


def call(url: str, token: str | None = None, body: Any = None) -> Any:
    """One request; JSON in and out."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
        return json.load(answer)


def patiently(what: str, seconds: float, attempt: Any) -> Any:
    """Try until it works.

    Raises:
        TimeoutError: it did not within so many seconds; the message has the last error.
    """
    deadline, last = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            found = attempt()
            if found:
                return found
        except (urllib.error.URLError, OSError) as error:
            last = error
        time.sleep(2)
    raise TimeoutError(f"{what}: not within {seconds:.0f} s ({last})")


def main(url: str, password: str, experiment: str) -> int:
    """Run the experiment; 0 when it succeeded."""
    login = {"username": "admin", "password": password}
    token = patiently("signing in", 300, lambda: call(f"{url}/auth/token", body=login)["access_token"])
    dag = f"{url}/api/v2/dags/{experiment}"
    patiently(f"the DAG {experiment}", 180, lambda: call(dag, token)["dag_id"])
    run = call(f"{dag}/dagRuns", token, {"logical_date": None})["dag_run_id"]
    print(f"{experiment}: {run}", flush=True)

    def ended() -> str | None:
        state = call(f"{dag}/dagRuns/{run}", token)["state"]
        return state if state in ("success", "failed") else None

    state = patiently("the end of the run", 900, ended)
    entry = f"{dag}/dagRuns/{run}/taskInstances/reduce/xcomEntries/result"
    print(json.dumps(call(entry, token)["value"], indent=2))
    return 0 if state == "success" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
