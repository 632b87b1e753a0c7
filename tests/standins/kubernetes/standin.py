"""The stand-in as a test uses it: a process of its own, started and ended with a `with`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 30.0
"""Seconds that starting and ending may take."""


class KubernetesStandIn:
    """A cluster for a test. Keyword arguments are the command's options: `nodes=1, cpu="2", image_folder=…`.

    Raises:
        RuntimeError: it did not start.
    """

    def __init__(self, **options: str | int | float | bool | Path | list[str]) -> None:
        self._options = options
        self._folder = Path(tempfile.mkdtemp(prefix="kubernetes-standin-"))
        self.kubeconfig = self._folder / "kubeconfig.json"
        self.url = ""
        self.token = ""
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.standins.kubernetes", "--with-parent",
                   "--kubeconfig", str(self.kubeconfig), "--data", str(self._folder / "data")]  # fmt: skip
        for name, value in self._options.items():
            if isinstance(value, bool):
                command += [f"--{name.replace('_', '-')}"] if value else []
                continue
            for each in value if isinstance(value, list) else [value]:
                command += [f"--{name.replace('_', '-')}", str(each)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise RuntimeError(f"the stand-in ended with {self._process.returncode} before it was ready")
        self.url = json.loads(line)["url"]
        self.token = json.loads(self.kubeconfig.read_text(encoding="utf-8"))["users"][0]["user"]["token"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it and everything that it runs."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # faults

    def fault(self, **fault: Any) -> None:
        """Ask for one fault; tests/standins/README.md lists them. ValueError where there is none like it."""
        self._ask("POST", "faults", fault)

    def fail(self, status: int, verb: str = "*", resource: str = "*", **more: Any) -> None:
        """Let requests fail: `count`, `every`, `name`, `namespace`, `retry_after`, `message`, `delay` narrow it."""
        self.fault(status=status, verb=verb, resource=resource, **more)

    def clear_faults(self) -> None:
        self._ask("DELETE", "faults")

    def away(self, seconds: float, mode: str = "refuse") -> None:
        """Refuse (or `drop`) every connection for a while, and cut those that stand."""
        self.fault(away=seconds, mode=mode)

    def lose_node(self, node: str, pods: str = "terminating", eviction: float = 0.5, trains_on: bool = False) -> None:
        self.fault(lose_node=node, pods=pods, eviction=eviction, trains_on=trains_on)

    def restore_node(self, node: str) -> None:
        self.fault(restore_node=node)

    def evict(self, pod: str) -> None:
        self.fault(evict=pod)

    def preempt(self, pod: str) -> None:
        self.fault(preempt=pod)

    def vanish(self, pod: str) -> None:
        self.fault(vanish=pod)

    def rotate(self, pod: str) -> None:
        """Begin new files for a pod's logs, whatever their size."""
        self.fault(rotate=pod)

    def remove_containers(self, pod: str) -> None:
        """Remove an ended pod's containers and with them their logs; the pod stays."""
        self.fault(remove_containers=pod)

    def close_watches(self) -> None:
        """End all watches, as time-outs do."""
        self.fault(close_watches=True)

    def cut(self) -> None:
        """Cut every connection in the middle of what it carries, as a proxy may; new ones are taken."""
        self.fault(cut=True)

    def restrict(self, rules: list[dict[str, Any]] | None) -> None:
        """Hold the token to a Role's rules; None gives it all rights again."""
        self.fault(rules=rules)

    # the journal

    def requests(self) -> list[dict[str, Any]]:
        """The last requests in order: verb, group, resource, namespace, name, path, query, status, time."""
        found: list[dict[str, Any]] = self._ask("GET", "requests")["requests"]
        return found

    def counts(self) -> dict[tuple[str, str], int]:
        """(verb, resource) → how often it was asked for, whatever the answer."""
        found: dict[tuple[str, str], int] = {}
        for each in self._ask("GET", "requests")["counts"]:
            key = (each["verb"], each["resource"])
            found[key] = found.get(key, 0) + each["count"]
        return found

    def pod_times(self) -> list[dict[str, Any]]:
        """Every pod that there was, in order: name, and when it was created, started, ended and removed (or None)."""
        found: list[dict[str, Any]] = self._ask("GET", "pods")["pods"]
        return found

    def forget_requests(self) -> None:
        self._ask("DELETE", "requests")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        import httpx  # here, and not in each process of the stand-in, which comes by this file too

        headers = {"Authorization": f"Bearer {self.token}"}
        # without `verify=False` each call reads all certificates of the world: a twentieth of a second of CPU
        with httpx.Client(trust_env=False, verify=False, timeout=PATIENCE) as client:
            answer = client.request(method, f"{self.url}/_standin/{path}", headers=headers, json=body)
        if answer.status_code >= 400:
            raise ValueError(answer.json()["message"])
        found: dict[str, Any] = answer.json()
        return found
