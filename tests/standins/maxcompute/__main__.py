"""``python -m tests.standins.maxcompute --port 0 --data FOLDER``: prints one line of JSON, runs until SIGTERM."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from pathlib import Path

from tests.standins.maxcompute.limits import NEW_PROJECT
from tests.standins.maxcompute.standin import PROJECT, MaxComputeStandIn


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.standins.maxcompute", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--data", type=Path, help="folder of the tables; without it they lie in memory")
    parser.add_argument("--project", default=PROJECT)
    parser.add_argument("--quota", type=int, default=64, help="instances that may run at once")
    parser.add_argument("--run-seconds", type=float, default=0.0, help="how long each instance pretends to run")
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with MaxComputeStandIn(
        options.port, options.data, options.project, quota=options.quota, run_seconds=options.run_seconds
    ) as standin:
        standin.service.flags |= NEW_PROJECT
        where = {
            "endpoint": standin.endpoint,
            "tunnel_endpoint": standin.address,
            "logview_host": standin.address,
            "project": standin.project,
            "access_id": standin.account.access_id,
            "secret_access_key": standin.account.secret,
        }
        print(json.dumps(where), flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
