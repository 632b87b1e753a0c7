"""Logs and the watch of pods on the API server stand-in, as unkind as a cluster: rotations, glue, cuts, time-outs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from automl_core.backends.kubernetes import hub as hubs
from automl_core.backends.kubernetes import logs
from automl_core.backends.kubernetes.access import Access, Cluster
from automl_core.backends.kubernetes.api import KubernetesApi
from automl_core.backends.kubernetes.hub import PodHub
from automl_core.backends.kubernetes.job import PodJob
from automl_core.backends.kubernetes.turns import LogTurns
from automl_core.backends.kubernetes.waiting import Limits
from automl_core.metrics import Series, open_source
from automl_core.spec.metrics import StdoutMetrics
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.support.patience import stretched
from tests.unit.backends.test_kubernetes_job import Bench

TRAINING = """
import sys, time
for step in range(48):
    for done in range(101):
        drawn = chr(9608) * (done * 60 // 100)
        rest = f"{done}/100 [00:0{done % 10}, loss=0.{100 - done:03}]"
        sys.stderr.write(f"\\rEpoch {step}: {done:3}%|{drawn:<60}| {rest}")
    sys.stderr.flush()
    time.sleep(0.02)
    print(f"accuracy=0.{step:02} step={step}", flush=True)
    time.sleep(0.02)
sys.stderr.write(chr(10))
"""

PORTIONS = """
import os, time
for portion in range({portions}):
    for n in range(40):
        print("line", 40 * portion + n, "x" * 60, flush=True)
        time.sleep(0.002)
    while not os.path.exists(f"{folder}/{{portion}}"):
        time.sleep(0.02)
"""
"""Prints forty lines, waits for a file with the number of the portion, and so on."""


class Gated:
    """A pod that prints a portion of lines each time that it is let."""

    def __init__(self, bench: Bench, folder: Path, portions: int) -> None:
        self._folder, self._next = folder, 0
        script = PORTIONS.format(portions=portions, folder=folder)
        self.name = bench.start(f"exec python3 -c '{script}'")
        self.lines: list[int] = []
        self.notes: list[str] = []
        self._job, self._bench = PodJob(bench.hub, self.name, Limits()), bench

    async def read(self) -> None:
        """Read to the end of the portion that is being printed."""
        last = f"line {40 * self._next + 39} "
        lines, notes, ended = await self._bench.follow(self._job, until=last, seconds=60)
        assert ended is None
        self._add(lines, notes)

    def go_on(self) -> None:
        (self._folder / str(self._next)).touch()
        self._next += 1

    async def end(self) -> None:
        """Read to the end of all."""
        lines, notes, ended = await self._bench.follow(self._job, seconds=60)
        assert ended is not None
        assert ended.ok
        self._add(lines, notes)

    def _add(self, lines: list[str], notes: list[str]) -> None:
        self.lines += [int(line.split()[1]) for line in lines]
        self.notes += notes


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.5, log_watchers=4, nodes=1, log_delay=0.1) as made:
        yield made


@pytest.fixture(autouse=True)
def _no_faults(standin: KubernetesStandIn) -> Iterator[None]:
    standin.forget_requests()
    yield
    standin.clear_faults()


def on(
    standin: KubernetesStandIn, test: Callable[[Bench], Awaitable[None]], turns: LogTurns | None = None
) -> None:  # fmt: skip
    async def main() -> None:
        api = KubernetesApi(Access(Cluster(kubeconfig_path=str(standin.kubeconfig))))
        hub = PodHub(api, "default", turns=turns)
        hub.start()
        try:
            await test(Bench(standin, hub))
        finally:
            await hub.stop()

    asyncio.run(main())


def logs_asked(standin: KubernetesStandIn, *, follow: bool) -> int:
    """Requests for logs, but those that came too early."""
    found = [each for each in standin.requests() if each["resource"] == "pods/log" and each["status"] == 200]
    return sum(("follow=true" in each["query"]) is follow for each in found)


FOLLOWED, LOOKED_AT = LogTurns, lambda: LogTurns(followed=0)


@pytest.mark.parametrize("turns", [FOLLOWED, LOOKED_AT], ids=["followed", "looked at"])
def test_all_48_points_beside_a_bar_on_the_other_stream(
    standin: KubernetesStandIn, turns: Callable[[], LogTurns]
) -> None:
    async def test(bench: Bench) -> None:
        name = bench.start(f"exec python3 -c '{TRAINING}'")
        lines, ended = await bench.run(PodJob(bench.hub, name, Limits()))
        assert ended.ok
        assert any(len(line) > 14_000 for line in bench.core.read_namespaced_pod_log(name, "default").split("\n"))
        source = open_source(StdoutMetrics.model_validate({"source": "stdout"}), Path)
        found = Series()
        for line in lines:
            found.add(source.feed(line))
        points = {point.step: point.values["accuracy"] for point in found if "accuracy" in point.values}
        assert points == {step: step / 100 for step in range(48)}

    on(standin, test, turns())


def test_a_follower_loses_nothing_when_the_log_is_rotated(standin: KubernetesStandIn, tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        pod = Gated(bench, tmp_path, 4)
        for _ in range(4):
            await pod.read()
            standin.rotate(pod.name)
            pod.go_on()
        await pod.end()
        assert pod.lines == list(range(160))
        asked = [
            each["query"] for each in standin.requests() if each["resource"] == "pods/log" and each["status"] == 200
        ]
        assert sum("follow=true" in query for query in asked) <= 2
        # the last file is empty: whether anything was printed before the last rotation can't be known
        assert [note for note in pod.notes if "between" in note] == []

    on(standin, test)


def test_a_log_that_is_looked_at_says_what_a_rotation_took(standin: KubernetesStandIn, tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        pod = Gated(bench, tmp_path, 3)
        await pod.read()
        log, look = pod._job._log, asyncio.Event()
        once = log._once

        async def blocked() -> float:
            await look.wait()
            return await once()

        log._once = blocked  # type: ignore[method-assign]
        pod.go_on()
        while "line 79 " not in bench.core.read_namespaced_pod_log(pod.name, "default"):
            await asyncio.sleep(0.05)
        standin.rotate(pod.name)
        pod.go_on()
        while "line 119 " not in bench.core.read_namespaced_pod_log(pod.name, "default"):
            await asyncio.sleep(0.05)
        look.set()
        pod.go_on()
        await pod.end()
        assert pod.lines[:40] == list(range(40))
        assert pod.lines[-40:] == list(range(80, 120))
        missing = [note for note in pod.notes if "may be missing: the log was rotated" in note]
        assert len(missing) == 1

    on(standin, test, LogTurns(followed=0))


def test_a_removed_container_is_no_output(standin: KubernetesStandIn, tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        pod = Gated(bench, tmp_path, 1)
        await pod.read()
        standin.remove_containers(pod.name)
        pod.go_on()
        await pod.end()
        assert pod.lines == list(range(40))
        assert [note for note in pod.notes if "the node says: unable to retrieve container logs" in note]
        assert [note for note in pod.notes if "lines printed after" in note]
        again = PodJob(bench.hub, pod.name, Limits())
        assert (await bench.follow(again))[0] == [], "what the kubelet says is nothing that was printed"

    on(standin, test)


def test_where_a_node_has_no_watcher_left_logs_are_looked_at(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        names = [bench.start("for i in 1 2 3 4 5 6; do echo line $i; sleep 0.5; done") for _ in range(8)]
        found = await asyncio.gather(*(bench.run(PodJob(bench.hub, name, Limits())) for name in names))
        assert [lines for lines, _ in found] == [[f"line {i}" for i in range(1, 7)]] * 8
        assert 0 < logs_asked(standin, follow=True) <= 8, "not asked again and again"
        assert logs_asked(standin, follow=False) >= 8

    on(standin, test)


@pytest.mark.parametrize("turns", [FOLLOWED, LOOKED_AT], ids=["followed", "looked at"])
def test_cut_connections_lose_no_line_and_no_change(
    standin: KubernetesStandIn, turns: Callable[[], LogTurns], tmp_path: Path
) -> None:
    """A proxy cuts whatever is open, in the middle of it: logs go on where they were, and so does the watch."""

    async def test(bench: Bench) -> None:
        pod = Gated(bench, tmp_path, 4)
        for _ in range(4):
            await pod.read()
            pod.go_on()
            standin.cut()
        await pod.end()
        assert pod.lines == list(range(160))
        assert not any("missing" in note for note in pod.notes)

    on(standin, test, turns())


def test_a_pod_that_prints_without_end_holds_up_no_other(standin: KubernetesStandIn) -> None:
    """Nobody takes what the talkative ones print: little of it is held, and a quiet one's end is seen all the same."""

    async def test(bench: Bench) -> None:
        flood = "exec python3 -c \"while True: print('x' * 200)\""
        talkers = [PodJob(bench.hub, bench.start(flood), Limits()) for _ in range(3)]
        for talker in talkers:
            await bench.follow(talker, until="xxx")
        quiet = PodJob(bench.hub, bench.start("echo accuracy=0.5; sleep 0.5"), Limits())
        lines, ended = await bench.run(quiet)
        assert ended.ok
        assert lines == ["accuracy=0.5"]
        for talker in talkers:
            assert talker._log._cursor.lines.size < 2_000_000
            report = await talker.poll()
            assert sum(map(len, report.lines)) < 2_000_000, "a part of it, the rest at the next poll"
            await talker.end(1)

    on(standin, test)


def test_the_end_comes_with_the_last_of_many_lines(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        flood = "exec python3 -c \"for n in range(60000): print(n, 'x' * 100)\""
        job = PodJob(bench.hub, bench.start(flood), Limits())
        sizes, seen, ended = [], 0, None
        async with asyncio.timeout(stretched(60)):
            while ended is None:
                report = await job.poll()
                assert all(line.split(" ", 1)[0] == str(seen + n) for n, line in enumerate(report.lines))
                seen += len(report.lines)
                sizes.append(sum(map(len, report.lines)))
                ended = report.exit
                await job.wait(0.2)
        assert seen == 60_000
        assert max(sizes) < 2_000_000

    on(standin, test)


# --- the watch ---------------------------------------------------------------------------------------


def versions(standin: KubernetesStandIn) -> list[int]:
    """The resource versions that watches began at, in order."""
    queries = [each["query"] for each in standin.requests() if each["verb"] == "watch" and each["resource"] == "pods"]
    return [int(dict(part.split("=", 1) for part in query.split("&"))["resourceVersion"]) for query in queries]


async def until(condition: Callable[[], Any], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


def follow_the_watch(standin: KubernetesStandIn, disturb: Callable[[], None], *, lists: int) -> list[int]:
    """Pods end while the watch is disturbed again and again. Returns where watches began."""

    async def test(bench: Bench) -> None:
        await bench.hub.pods("none")
        for _ in range(3):
            name = bench.start("sleep 0.6; exit 3")
            job = PodJob(bench.hub, name, Limits())
            await until(lambda name=name: name in bench.hub._pods)
            disturb()
            _, ended = await bench.run(job)
            assert ended.code == 3
        assert standin.counts()["list", "pods"] == lists
        queries = [each["query"] for each in standin.requests() if each["verb"] == "watch"]
        assert all("allowWatchBookmarks=true" in query and "timeoutSeconds=" in query for query in queries)

    on(standin, test)
    return versions(standin)


def test_a_watch_that_is_cut_goes_on_where_it_was(standin: KubernetesStandIn) -> None:
    began = follow_the_watch(standin, standin.cut, lists=1)
    assert len(began) >= 4
    assert began == sorted(set(began)), "each at a later version, with no list between them"


def test_a_watch_that_the_server_ends_goes_on_where_it_was(standin: KubernetesStandIn) -> None:
    began = follow_the_watch(standin, standin.close_watches, lists=1)
    assert len(began) >= 4
    assert began == sorted(began)


def test_a_watch_that_is_too_old_begins_with_a_list(standin: KubernetesStandIn) -> None:
    began = follow_the_watch(standin, lambda: standin.fault(expire=True), lists=4)
    assert len(began) >= 4


def test_a_watch_that_times_out_goes_on_at_its_last_bookmark(
    standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "WATCH_SECONDS", 2.0)

    async def test(bench: Bench) -> None:
        await bench.hub.pods("none")
        for number in range(5):  # changes that the watch is not told of: only bookmarks move it on
            body = {"metadata": {"name": f"other-{time.time_ns()}-{number}"}}
            bench.core.create_namespaced_config_map("default", body)
        await until(lambda: len(versions(standin)) >= 3)
        assert standin.counts()["list", "pods"] == 1

    on(standin, test)
    began = versions(standin)
    assert began[1] >= began[0] + 5
    assert began == sorted(began)


def test_ends_and_starts_are_told_while_every_log_hangs(standin: KubernetesStandIn) -> None:
    standin.fail(200, "get", "pods/log", delay=600)

    async def test(bench: Bench) -> None:
        jobs = [PodJob(bench.hub, bench.start("exec sleep 600"), Limits()) for _ in range(12)]
        for job in jobs:
            async with asyncio.timeout(stretched(10)):
                while not (await job.poll()).running:
                    await job.wait(5.0)
        for job in jobs[:3]:
            await job.end(1)
        await until(lambda: sum(job.name not in bench.hub._pods for job in jobs) == 3)
        for job in jobs[3:]:
            began = asyncio.get_running_loop().time()
            await job.poll()
            assert asyncio.get_running_loop().time() - began < 5, "a poll asks for no log"
            await job.end(1)

    on(standin, test)


def test_what_reading_waits_for_is_bounded() -> None:
    assert logs._SILENCE[1] <= 60
    assert logs._ENDING <= 1
