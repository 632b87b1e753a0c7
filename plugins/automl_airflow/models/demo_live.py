"""``make demo FILE=experiments/….model.yaml`` of a model that answers requests: rollouts under load, and drift.

The server is ``automl serve`` in a process of its own, and requests come from here, over loopback and with a token.
What moves a rollout, takes it back, or finds drift are the model's DAGs; this file asks for trainings and looks, sends
requests, and tells what the journal has of it.
"""

from __future__ import annotations

import csv
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_airflow.models.demo import CRIPPLED, Demo, shown
from automl_airflow.models.demo_waiting import DemoFailed
from automl_airflow.session import PRODUCT_ROOT
from automl_core.models.file.model import WATCH, dag_id

if TYPE_CHECKING:
    from automl_core.models.life.rollouts import Rollout
    from automl_core.models.watching import Look

PEOPLE, PAUSE = 3, 0.03
"""Who asks at the same time, and for how many seconds each waits between two requests."""

ENOUGH = 300
"""Answers from which on drift can be told."""

DRIFTED, FACTOR = ("mean_radius", "mean_perimeter", "mean_area", "worst_radius", "worst_perimeter", "worst_area"), 1.3
"""Columns of a device that measures in another scale, and by how much."""

START = 60.0
"""Seconds within which the server has to listen."""


class Load:
    """People who ask about tumours, one a request, until they are told to stop."""

    def __init__(self, address: str, token: str, rows: Sequence[dict[str, Any]]) -> None:
        """Begin to ask.

        Args:
            address: of the server, with the route.
            token: for it.
            rows: that are asked about, in turns.
        """
        self.address, self.token, self.rows = address, token, list(rows)
        self.drifted = False
        """Whether the device measures in another scale."""
        self.versions: Counter[int] = Counter()
        self.fallen = self.failed = 0
        self.why = ""
        self.last: dict[int, float] = {}
        """Version → when it answered last, seconds since 1970."""
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._people = [threading.Thread(target=self._ask, args=(each,), daemon=True) for each in range(PEOPLE)]
        for each in self._people:
            each.start()

    def stop(self) -> None:
        """Let nobody ask any more."""
        self._over.set()
        for each in self._people:
            each.join(30)

    def taken(self) -> tuple[Counter[int], int]:
        """What each version has answered since the last call, and how often the champion did in another's place."""
        with self._lock:
            found, fallen = self.versions, self.fallen
            self.versions, self.fallen = Counter(), 0
        return found, fallen

    def _ask(self, person: int) -> None:
        import httpx

        with httpx.Client(headers={"Authorization": f"Bearer {self.token}"}, timeout=30.0) as client:
            number = person
            while not self._over.is_set():
                number += PEOPLE
                row = {**self.rows[number % len(self.rows)], "id": f"visit-{number}"}
                if self.drifted:
                    row |= {name: row[name] * FACTOR for name in DRIFTED}
                try:
                    found = client.post(self.address, json={"rows": [row]})
                    body = found.json() if found.status_code == 200 else {}
                    why = "" if body else f"{found.status_code}: {found.text[:200]}"
                except httpx.TransportError as error:
                    body, why = {}, f"{type(error).__name__}: {error}"
                with self._lock:
                    if body:
                        self.versions[body["version"]] += 1
                        self.last[body["version"]] = time.time()
                        self.fallen += "fallen_back" in body
                    else:
                        self.failed, self.why = self.failed + 1, why
                self._over.wait(PAUSE)


class LiveDemo(Demo):
    """The demonstration of a model that servers answer by."""

    def run(self) -> None:
        """All of it, in order.

        Raises:
            DemoFailed: a step did not come out.
        """
        began = time.monotonic()
        self.first_version()
        with self.serving() as load:
            self.good_is_promoted(load)
            since = self.requests_change(load)
            self.bad_is_taken_back(load)
            self.drift_asks_for_training(load, since)
            if load.failed:
                raise DemoFailed(f"{load.failed} requests got no answer, such as {load.why}")
        self.say(f"All of it in {time.monotonic() - began:.0f} s. What happened, by the bucket alone:")
        self.automl("model", "history", self.file.name)

    # --- the steps ------------------------------------------------------------------------------

    def first_version(self) -> None:
        """A first try is in use: nothing is there to roll it out beside."""
        used = self.life().state.champion
        if used is not None:
            self.say(f"Version {used} is in use already, from an earlier demonstration (`rm -rf runs` begins anew)")
            return
        before = self.newest()
        self.train("trains a first model, in a hurry: one trial of the simplest learner", CRIPPLED)
        self.wait("the first version to be in use", lambda: self.life().state.champion)
        self.say(f"Version {before + 1} is in use: there is no champion to compare it with.")

    def good_is_promoted(self, load: Load) -> None:
        """A better version gets its share step by step, and then all."""
        champion, before = self.life().state.champion, self.newest()
        self.train("trains a second model, with more patience")
        rollout = self.followed(before + 1, load)
        if rollout.outcome != "promoted" or self.life().state.champion != rollout.version:
            raise DemoFailed(f"version {rollout.version} was not promoted: {rollout.outcome}: {rollout.why}")
        self.say(f"Version {rollout.version} has taken over from version {champion}; nobody's request was lost.")

    def bad_is_taken_back(self, load: Load) -> None:  # type: ignore[override]
        """One that can't read requests looks well on paper; its safeguard takes it back."""
        champion, before = self.life().state.champion, self.newest()
        experiment = self.file.sources[-1].experiment
        self.train("trains a third one, on a report that knows a column more than requests do", experiment=experiment)
        rollout = self.followed(before + 1, load)
        state = self.life().state
        if rollout.outcome != "taken_back" or state.champion != champion:
            raise DemoFailed(f"version {rollout.version} was not taken back: {rollout.outcome}: {rollout.why}")
        act = rollout.last_act
        if act is None or act.by.how != "dag":
            raise DemoFailed(f"version {rollout.version} was taken back by {act.by if act else 'nobody'}")
        self.say(
            f"Nobody had to do anything: {act.by} took version {rollout.version} back after "
            f"{act.time - rollout.begun:.1f} s, and version {champion} had answered in its place."
        )

    def requests_change(self, load: Load) -> float:
        """A device measures in another scale from now on. Returns since when, seconds since 1970."""
        load.drifted = True
        self.say(f"A new device: {', '.join(DRIFTED[:3])} and others come {FACTOR:g} times as large. Nobody says so.")
        return time.time()

    def drift_asks_for_training(self, load: Load, since: float) -> None:
        """The watch says that requests have changed, and asks for a training."""
        from automl_core.models.watching.answered import LATE

        before = len(self.life().state.retrainings)
        self.say(f"The watch looks at what is in the bucket for certain: at answers that are {LATE:g} s old")
        enough = since + LATE + ENOUGH * PAUSE
        self.wait("requests of the new device to be old enough", lambda: time.time() >= enough or None)
        look = self.looked_at()
        self.say(f"The watch: {_drift(look)}")
        if look.drift.get("state") != "drifted":
            raise DemoFailed(f"the watch has found no drift: {look.drift}")
        found = self.wait("a training to be asked for", lambda: self._asked(before))
        reason = found.reason.get("text") or found.reason
        self.say(f"It has asked for a training of {found.experiment} (retraining {found.id}): {reason}")

    # --- what steps are made of -------------------------------------------------------------------

    @contextmanager
    def serving(self) -> Iterator[Load]:
        """A server of the model, and people who ask it.

        Raises:
            DemoFailed: it does not start.
        """
        from automl_core.storage import open_store

        token, storage = secrets.token_urlsafe(24), open_store(self.file.output.storage, base=self.home).url
        with tempfile.TemporaryDirectory(prefix="automl-serve-") as folder:
            (Path(folder) / "tokens").write_text(token)
            (Path(folder) / "tokens").chmod(0o600)
            arguments = ["serve", storage, "--model", self.file.name, "--port", "0"]
            self.say(f"  $ automl {' '.join(shown(each) for each in arguments)} --tokens tokens")
            command = [
                sys.executable,
                "-c",
                "import sys; from automl_core.cli import main; sys.exit(main())",
                *arguments,
            ]
            with (Path(folder) / "log").open("w+") as log:
                process = subprocess.Popen(
                    [*command, "--tokens", f"{folder}/tokens", "--cache", f"{folder}/cache"], stdout=log, stderr=log,
                )  # fmt: skip
                try:
                    address = self.wait("the server to listen", lambda: _address(process, Path(log.name)), START)
                    self.say(f"{PEOPLE} people ask {address}/models/{self.file.name}/predict, again and again")
                    load = Load(f"{address}/models/{self.file.name}/predict", token, rows_of(self.file.evaluate.data))
                    try:
                        self.wait("the first answer", lambda: load.last or None)
                        yield load
                    finally:
                        load.stop()
                finally:
                    process.send_signal(signal.SIGTERM)
                    try:
                        process.wait(45)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.wait()

    def followed(self, version: int, load: Load) -> Rollout:
        """The rollout of a version, told step by step to its end."""
        found: Rollout = self.wait(f"the rollout of version {version} to begin", lambda: self._rollout(version))
        evidence = self.life().state.version(version).newest
        assert evidence is not None
        reasons = self.life().evidence(evidence.digest)["verdict"]["reasons"]
        self.say(f"Version {version} passes on paper: {'; '.join(reasons)}. Its rollout begins:")
        load.taken()
        told, looked = 0, ""
        while True:
            found = self.life().state.rollouts[found.id]
            for act in found.acts[told:]:
                if act.what in ("begun", "step"):
                    share = found.steps[act.step].share
                    self.say(f"  step {act.step + 1} of {len(found.steps)}: {share:.0%} of the requests")
                else:
                    self._answered(load)
                    self.say(f"  {act.what.replace('_', ' ')} by {act.by}: {act.why}")
            told = len(found.acts)
            if not found.open:
                return found
            self.sleep(2.0)
            words = self._words(found)
            self._answered(load, words if words != looked else "")
            looked = words

    def looked_at(self) -> Look:
        """A look of the watch."""
        from automl_core.models.watching import read_looks

        run = self.airflow.trigger(dag_id(self.file.name, WATCH), None).run_id
        self.finish(dag_id(self.file.name, WATCH), run)
        life = self.life()
        looks = read_looks(life.store, life.name).looks
        found = next((each for each in looks if each.run == run), None)
        if found is None:
            raise DemoFailed(f"the run {run} of the watch has left no look")
        return found

    def _answered(self, load: Load, words: str = "") -> None:
        versions, fallen = load.taken()
        total = sum(versions.values())
        if total:
            told = ", ".join(f"version {version} {count}" for version, count in sorted(versions.items()))
            instead = f", {fallen} of them in the place of one that could not" if fallen else ""
            self.say(f"    {total} answers: {told}{instead}{'; ' if words else ''}{words}")

    def _words(self, rollout: Rollout) -> str:
        from automl_core.models.rollout import read_view

        view = read_view(self.life().store, self.file.name, rollout.id)
        tests = (view or {}).get("tests") or []
        return next((each["words"] for each in tests if each["name"].startswith("errors") and each.get("words")), "")

    def _rollout(self, version: int) -> Rollout | None:
        state = self.life().state
        found = state.versions.get(version)
        if found is not None and found.state in ("REJECTED", "EXPIRED"):
            raise DemoFailed(f"version {version} was {found.decision}")
        return next((each for each in state.rollouts.values() if each.version == version), None)

    def _asked(self, before: int) -> Any:
        found = self.life().state.retrainings
        return found[max(found)] if len(found) > before else None


def rows_of(place: Any) -> list[dict[str, Any]]:
    """The latest rows as requests have them: without their outcome, and without what only a report knows."""
    path = PRODUCT_ROOT / str(place)
    with path.open(newline="") as file:
        return [
            {name: float(value) for name, value in row.items() if name not in ("id", "diagnosis", "radius_growth")}
            for row in csv.DictReader(file)
        ]


def _address(process: subprocess.Popen[bytes], log: Path) -> str | None:
    found = re.search(r"running on (http://\S+)", log.read_text())
    if found is None and process.poll() is not None:
        raise DemoFailed(f"the server has not started:\n{log.read_text()}")
    return found[1] if found else None


def _drift(look: Look) -> str:
    """What a look says of drift, in words."""
    words = "; ".join(look.drift.get("words") or ())
    return str(words or look.drift.get("why") or "no column has drifted")
