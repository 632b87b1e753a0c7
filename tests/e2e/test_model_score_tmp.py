"""Scoring on a schedule and by a backfill, on a real Airflow."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from automl_core import modelfile
from automl_core.models.life import ModelLife, Person, Source
from automl_core.storage import open_store
from tests.e2e.world import World, wait_until
from tests.unit.modelfile.models import BINARY, ROWS, SCHEMA, linear


def in_use(world: World, name: str, seed: int = 1) -> ModelLife:
    anna = Person("anna", "rest")
    life = ModelLife.open(open_store(f"file://{world.root / 'runs'}"), name)
    number = len(life.state.versions) + 1
    folder = world.root / f"{name}-{number}"
    modelfile.write(folder, members=[linear(seed=seed)], schema=SCHEMA, problem=BINARY, golden=ROWS, made={})
    life.offer(Source("file://x", name, f"r{number}"), (open_store(f"file://{world.root}"), f"{folder.name}/"), anna)
    champion = {"version": life.state.champion} if life.state.champion else None
    digest = life.evaluated(number, {"version": number, "champion": champion, "verdict": {"ok": True}})
    life.accept(number, digest, anna)
    life.put_in_use(number, anna)
    return life


def test_schedule_and_backfill(world: World) -> None:
    (world.root / "in").mkdir()
    with (world.root / "in" / "rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", "age", "city", "plan"], [1, 30, "Bonn", 1], [2, 50, "Ulm", 2]])
    body = {
        "kind": "model", "name": "nightly", "output": {"storage": "file://./runs"}, "candidates": {"experiments": ["x"]},
        "evaluate": {"data": "in/rows.csv"},
        "deploy": {"to": "batch", "data": "in/${ts_nodash}.csv", "out": "out/${ts_nodash}.csv", "keep": ["id"], "schedule": "* * * * *"},
    }
    life = in_use(world, "nightly")
    for minutes in range(-5, 4):
        moment = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=minutes)
        (world.root / "in" / f"{moment:%Y%m%dT%H%M%S}.csv").write_text((world.root / "in" / "rows.csv").read_text())
    (world.root / "experiments" / "nightly.model.yaml").write_text(yaml.safe_dump(body))
    t=time.time()
    world.wait_for_dag("nightly.score", 90)
    wait_until(lambda: bool(life.refresh().scoring.done), 150, "a scheduled run to score",
      explain=lambda: str(world.call("GET", "/dags/nightly.score/dagRuns")))
    print(time.time()-t, life.state.scoring)
    first = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=4)
    env = world.airflow.environment
    for conf in ({}, {"version": "now"}, {"version": "then"}):
        out = subprocess.run([sys.executable, "-m", "airflow", "backfill", "create", "--dag-id", "nightly.score", "--from-date", first.isoformat(),
            "--to-date", (first + timedelta(minutes=1)).isoformat(), "--dag-run-conf", json.dumps(conf), "--reprocess-behavior", "completed"],
            env=env() if callable(env) else env, capture_output=True, text=True)
        print(out.stdout[-1500:], out.stderr[-1500:])
        time.sleep(5)
        wait_until(lambda: all(r["state"] in ("success","failed") for r in world.call("GET", "/dags/nightly.score/dagRuns", params={"run_type": "backfill"})["dag_runs"]), 120, "backfill")
        for r in world.call("GET", "/dags/nightly.score/dagRuns")["dag_runs"]:
            print(r["dag_run_id"], r["state"], r["run_type"], r["logical_date"])
            for k, v in world.instances("nightly.score", r["dag_run_id"]).items():
                print("   ", k, v["state"], v["rendered_map_index"], v["try_number"])
                if v["state"] == "failed": print(world.log("nightly.score", r["dag_run_id"], *k, attempt=v["try_number"])[-1500:])
        print(life.refresh().scoring.done)
    world.call("PATCH", "/dags/nightly.score", json={"is_paused": True})
    print(*[str(r.seq)+r.kind+str(r.data)[:200] for r in life.journal.records()], sep="\n")
