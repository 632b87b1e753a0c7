"""Slots that wait for one run's journal on an S3 server with a delay: what they cost a triggerer.

The triggers are the product's, in one event loop of a process of its own; the server is moto's, with a wait before each
request. At the end a record is written, and all have to hear of it. Another checkout is measured after this one.

    python -m benchmarks.waiting_slots --waiting 100 --beside /path/to/another/checkout
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.crowd import LOGIN, Server, serving

ROOT = Path(__file__).resolve().parents[1]


def measured(checkout: Path, server: Server, bucket: str, waiting: int, seconds: float) -> dict[str, Any]:
    """The figures of one build."""
    import boto3

    server.bucket(bucket)
    client = boto3.client(
        "s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=LOGIN, aws_secret_access_key=LOGIN
    )
    prefix = "runs/e/benchmark/journal/"
    client.put_object(Bucket=bucket, Key=f"{prefix}0000000001.json", Body=b"{}")
    connection = {
        "conn_type": "aws", "login": LOGIN, "password": LOGIN,
        "extra": {"endpoint_url": server.url, "region_name": "us-east-1"},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as home:
        path = os.pathsep.join([str(checkout), str(checkout / "plugins")])
        environment = {
            **os.environ, "PYTHONPATH": path, "AIRFLOW_HOME": home, "AUTOML_HOME": home,
            "AIRFLOW_CONN_BUCKET": json.dumps(connection),
        }  # fmt: skip
        command = [
            sys.executable, str(Path(__file__).with_name("watched.py")), "slots", "--waiting", str(waiting),
            "--seconds", str(seconds), "--storage", f"s3://{bucket}/runs",
        ]  # fmt: skip
        pipe = subprocess.PIPE
        child = subprocess.Popen(command, env=environment, cwd=checkout, text=True, stdin=pipe, stdout=pipe)
        assert child.stdout is not None
        assert child.stdin is not None
        requests = {}
        for line in child.stdout:
            word = line.strip()
            if word in ("ready", "write"):
                requests[word] = server.asked
            if word == "write":
                client.put_object(Bucket=bucket, Key=f"{prefix}0000000002.json", Body=b"{}")
                child.stdin.write(f"{time.time()}\n")
                child.stdin.flush()
            if word.startswith("{"):
                found: dict[str, Any] = json.loads(word)
        child.wait()
    return {**found, "requests a second": round((requests["write"] - requests["ready"]) / seconds, 2)}


def main() -> None:
    """Measure this checkout, and another beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waiting", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--delay", type=float, default=0.02, help="seconds before each request")
    parser.add_argument("--beside", type=Path, help="another checkout of the product")
    options = parser.parse_args()
    checkouts = {"this": ROOT} | ({"beside": options.beside.resolve()} if options.beside else {})
    with serving(options.delay) as server:
        for name, checkout in checkouts.items():
            found = measured(checkout, server, name, options.waiting, options.seconds)
            print(f"{name:7}", "   ".join(f"{key}: {value}" for key, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
