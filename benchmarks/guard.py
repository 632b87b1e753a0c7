"""The guard of rollouts: false alarms, power, delay to the journal, and what a look costs.

python -m benchmarks.guard same --rollouts 10000       # A/A: share that is ever decided
python -m benchmarks.guard same --rollouts 10000 --ab
python -m benchmarks.guard power --rollouts 1000       # a drop of five points
python -m benchmarks.guard delay --store folder        # from the evidence to the journal
python -m benchmarks.guard delay --store s3
python -m benchmarks.guard cost --looks 1000           # requests, bytes and seconds of a look with 50 servers
"""

from __future__ import annotations

import argparse
import math
import resource
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from automl_core.models.life import ModelLife, Person, Source
from automl_core.models.life.rollouts import Rollout, Step
from automl_core.models.rollout import Counts, Outbox, Tally, Tallying, write_tally
from automl_core.models.rollout.deciding import Facts, decide
from automl_core.models.rollout.evidence import Evidence
from automl_core.models.rollout.guard import Guard
from automl_core.models.rollout.judging import Judge
from automl_core.models.rollout.rules import Ab, Rules
from automl_core.models.traffic.planned import POINTS
from automl_core.models.traffic.sequential import MeanTest, Moments
from automl_core.rates import rate_interval
from automl_core.storage import open_store
from automl_core.storage.base import ObjectStore
from automl_core.storage.wrapper import StoreWrapper

T = TypeVar("T")
DAG, ANNA = Person("churn.rollout", "dag"), Person("anna", "rest")
STEPS = (Step(0.05, 1e9), Step(0.25, 1e9), Step(1.0, 1e9))
HALF = (Step(0.5, 0.0),)


class Simulated:
    """A rollout without a store: tallies are folded and judged as the guard does, after each of them."""

    def __init__(self, rules: Rules, steps: tuple[Step, ...], kind: Any = "steps") -> None:
        self.rollout = Rollout(1, 2, 1, kind, list(steps), 0.0, DAG)
        self.rules, self.alphas = rules, rules.alphas([each.share for each in steps])
        self.judge, self.evidence, self.now = Judge(1, 2, rules, self.alphas), Evidence(), 0.0

    def look(self, champion: Counts, challenger: Counts) -> str:
        """Take in what was answered. Returns what is then decided; empty where that is nothing."""
        self.now += 1.0
        tally = Tally(1, self.rollout.step, "a", 1, 0.0, 1.0, {1: champion, 2: challenger})
        self.evidence.fold(
            tally, champion=1, challenger=2, share=self.rollout.now.share, rules=self.rules, alphas=self.alphas,
            now=self.now,
        )  # fmt: skip
        tests = self.judge.tests(self.evidence, {})
        facts = Facts(self.now, tests, self.evidence, challenger.answers, self.now, self.rules)
        return decide(self.rollout, facts).act


def ever_decided(rng: np.random.Generator, *, ab: bool, each: int = 25) -> str:
    """One rollout of two versions that are the same. Returns what was decided, by chance; empty where that is nothing.

    Errors rise and fall for both alike while both answer (0.5 to 8 %), and so do slow answers.

    Args:
        rng: of the traffic.
        ab: whether it is an A/B by errors instead of three steps with errors and p99.
        each: looks in each step.
    """
    if ab:
        world = Simulated(Rules(errors=None, ab=Ab(1e9)), HALF, "ab")
    else:
        world = Simulated(Rules(p99=0.2, errors=1e-9, least=10**9), STEPS)  # any difference that is shown counts
    for step in range(len(world.rollout.steps)):
        world.rollout.step = step
        share = world.rollout.now.share
        for _ in range(each):
            size = int(rng.integers(20, 400))
            challenger = int(rng.binomial(size, share))
            rates = rng.uniform(0.005, 0.08), rng.uniform(0.002, 0.02)
            if share >= 1:
                rates = 0.0425, 0.011  # nobody is left to be compared with: as it was before, on average
            counts = [
                Counts(many, int(rng.binomial(many, rates[0])), int(rng.binomial(many, rates[1])))
                for many in (size - challenger, challenger)
            ]
            act = world.look(*counts)
            if act:
                return act
    return ""


def same(rollouts: int, ab: bool, seed: int) -> None:
    """Print the share of rollouts without a difference that are ever decided, with its upper 95 % bound."""
    rng, found = np.random.default_rng(seed), Counter[str]()
    for _ in range(rollouts):
        found[ever_decided(rng, ab=ab)] += 1
    decided = rollouts - found[""]
    print(f"{'A/B' if ab else 'steps'}: {decided} of {rollouts} decided ({decided / rollouts:.2%}), upper 95 % bound "
          f"{upper(decided, rollouts):.2%}; {dict(found)}")  # fmt: skip


def upper(hits: int, many: int) -> float:
    """The upper end of the two-sided 95 % interval of a share."""
    return rate_interval(hits, many)[1]


def fixed_size(one: float, other: float, alpha: float = 0.05, power: float = 0.9) -> int:
    """Answers of each version that a test of two rates needs which looks once, two-sided.

    J. L. Fleiss, B. Levin and M. C. Paik 2003, "Statistical methods for rates and proportions", 3rd edition, formula
    4.14: without correction for continuity.
    """
    from scipy.stats import norm

    mean = (one + other) / 2
    top = norm.ppf(1 - alpha / 2) * math.sqrt(2 * mean * (1 - mean)) + norm.ppf(power) * math.sqrt(
        one * (1 - one) + other * (1 - other)
    )
    return math.ceil((top / (other - one)) ** 2)


def until(look: Callable[[], str], most: int, size: int) -> int:
    """Answers of each version until something is decided; ``most`` looks at most."""
    for number in range(1, most + 1):
        if look():
            return number * size
    return 10**9


def power(rollouts: int, seed: int) -> None:
    """Print how many answers of each version stop a challenger that is five points worse (85 % → 80 %)."""
    rng, size = np.random.default_rng(seed), 25
    needed = fixed_size(0.15, 0.20)
    print(f"a test that looks once: {needed} answers of each version, two-sided, 5 %, power 90 %")

    def counts(rate: float) -> Counts:
        return Counts(size, int(rng.binomial(size, rate)))

    def steps() -> Callable[[], str]:
        world = Simulated(Rules(), (Step(0.5, 1e9), Step(1.0, 1e9)))
        return lambda: world.look(counts(0.15), counts(0.20))

    def ab() -> Callable[[], str]:
        world = Simulated(Rules(errors=None, ab=Ab(1e9)), HALF, "ab")
        return lambda: world.look(counts(0.15), counts(0.20))

    def metric(margin: float) -> Callable[[], Callable[[], str]]:
        def begun() -> Callable[[], str]:
            test = MeanTest(sides=1, planned=POINTS)

            def look() -> str:
                test.add(*(Moments.of((rng.random(size) < rate).astype(float)) for rate in (0.85, 0.80)))
                return "worse" if test.decided("worse", margin=margin, lower_is_better=False) else ""

            return look

        return begun

    cases = {
        "errors, steps": steps,
        "errors, A/B": ab,
        "accuracy": metric(0.0),
        "accuracy by more than 1 point": metric(0.01),
    }
    for name, begin in cases.items():
        found = sorted(until(begin(), 400, size) for _ in range(rollouts))
        within = sum(each <= needed for each in found) / rollouts
        print(f"{name}: mean {statistics.mean(found):,.0f}, median {found[len(found) // 2]:,}, 90th percentile "
              f"{found[int(0.9 * len(found))]:,} answers of each; {within:.0%} within the fixed size")  # fmt: skip


# --- with a store ----------------------------------------------------------------------------------


def begun(store: ObjectStore, steps: tuple[Step, ...], name: str = "churn") -> tuple[ModelLife, int]:
    """A model with a champion and a rollout of a challenger; and that rollout's number."""
    life = ModelLife.open(store, name)
    for number in (1, 2):
        store.put(f"{name}/r{number}/best_model/model/weights.bin", b"w%d" % number)
        source = Source(store.url, name, f"r{number}", f"{name}/r{number}/", 0, "auc", 0.9)
        version = life.offer(source, (store, f"{name}/r{number}/best_model/"), DAG).number
        digest = life.evaluated(version, {
            "version": version, "champion": life.state.champion, "metric": {"name": "auc", "direction": "maximize"},
            "values": {}, "difference": None, "data": {"scored": 1}, "tests": [], "cases": None,
            "verdict": {"when": "better", "ok": True, "reasons": []},
        })  # fmt: skip
        life.accept(version, digest, ANNA)
        if number == 1:
            life.put_in_use(version, DAG)
    return life, life.begin_rollout(2, DAG, list(steps)).id


class Server(threading.Thread):
    """Answers 200 requests a second, a twentieth by the challenger, which fails from a moment on."""

    def __init__(self, store: ObjectStore, rollout: int, name: str, bad: float, done: threading.Event) -> None:
        super().__init__(daemon=True)
        self.outbox, self.bad, self.done = Outbox(store, "churn"), bad, done
        self.tallying = Tallying("churn", rollout, 0, name)
        self.taken: list[Tally] = []

    def run(self) -> None:
        """Answer and tell, as a server does, until it is over."""
        number = 0
        while not self.done.wait(0.05):
            for _ in range(10):
                number += 1
                version = 2 if number % 20 == 0 else 1
                self.tallying.add(version, 0.01, error=version == 2 and time.time() > self.bad)
            if self.tallying.due(time.time()):
                self.taken.append(self.tallying.take(time.time()))
                self.outbox.add(self.taken[-1])
                self.outbox.flush()


def delay(stores: Iterator[ObjectStore], every: float = 1.0) -> None:
    """Print the seconds from the tally that tells to the record in the journal, and from the first failure to it."""
    told, all_ = [], []
    for store in stores:
        life, rollout = begun(store, STEPS)
        done, bad = threading.Event(), time.time() + 3.0
        servers = [Server(store, rollout, f"srv-{number}", bad, done) for number in range(3)]
        for each in servers:
            each.start()
        guard = Guard(ModelLife.open(store, "churn"), rollout, Rules())
        while True:
            begin = time.monotonic()
            if guard.look().ended:
                break
            time.sleep(max(0.0, every - (time.monotonic() - begin)))
        done.set()
        for each in servers:
            each.join()
        record = life.refresh().rollouts[rollout]
        assert record.outcome == "taken_back"
        assert record.ended is not None
        tallies = sorted((tally for each in servers for tally in each.taken), key=lambda tally: tally.ended)
        told.append(record.ended - evident(tallies))
        all_.append(record.ended - bad)
    for name, found in (("from the evidence", told), ("from the first failure", all_)):
        print(f"{name}: median {statistics.median(found):.2f} s, longest {max(found):.2f} s of {len(found)}")


def evident(tallies: list[Tally]) -> float:
    """When the tallies that were closed decide for the first time."""
    world = Simulated(Rules(), STEPS)
    for each in tallies:
        if world.look(each.versions.get(1, Counts()), each.versions.get(2, Counts())) == "take_back":
            return each.ended
    raise AssertionError("it was decided by nothing")


def folders(times: int) -> Iterator[ObjectStore]:
    """Local folders."""
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            yield open_store(f"file://{folder}")


def buckets(times: int, wait: float = 0.02) -> Iterator[ObjectStore]:
    """Buckets of moto's S3 behind a wait before each request."""
    from automl_core.storage import Credentials
    from benchmarks.crowd import LOGIN
    from benchmarks.crowd import Server as Slow

    server = Slow(wait)
    for number in range(times):
        server.bucket(f"bucket{number}")
        yield open_store(
            f"s3://bucket{number}",
            Credentials(access_key=LOGIN, secret_key=LOGIN, endpoint_url=server.url, region="us-east-1"),
        )


class Counting(StoreWrapper):
    """Counts requests and bytes that are written."""

    def __init__(self, inner: ObjectStore) -> None:
        super().__init__(inner)
        self.calls, self.largest = Counter[str](), 0

    def _call(self, operation: str, key: str, call: Callable[[], T]) -> T:
        self.calls[operation] += 1
        return call()

    def create(self, key: str, data: bytes) -> bool:
        """See `ObjectStore.create`."""
        self.largest = max(self.largest, len(data))
        return super().create(key, data)


def cost(looks: int, servers: int = 50) -> None:
    """Print requests, seconds and bytes of a look, and what the guard's memory grows by."""
    from tests.support.memory_store import MemoryStore

    rng, store = np.random.default_rng(0), Counting(MemoryStore())
    _, rollout = begun(store, (Step(0.5, 1e9), Step(1.0, 1e9)))
    now = [time.time()]
    guard = Guard(ModelLife.open(store, "churn"), rollout, Rules(p99=0.2, alpha=1e-9, within=1e9), clock=lambda: now[0])
    seconds, memory = 0.0, {}
    for look in range(looks):
        now[0] += 14 * 86_400 / looks
        for server in range(servers):
            counts = [Counts(100, int(rng.binomial(100, 0.01)), 1, 1.0, {20: 90, 25: 10}) for _ in range(2)]
            tally = Tally(rollout, 0, f"srv-{server}", look + 1, now[0] - 1, now[0], {1: counts[0], 2: counts[1]})
            write_tally(store.inner, "churn", tally)
        store.calls.clear()
        begin = time.process_time()
        guard.look()
        seconds += time.process_time() - begin
        memory[look] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    requests = f"{sum(store.calls.values())} requests {dict(store.calls)}"
    print(f"{servers} servers, a tally of each: {requests}, "
          f"{1000 * seconds / looks:.0f} ms of CPU a look, the largest look {store.largest:,} bytes, memory "
          f"{memory[looks // 10]:.0f} MiB after {looks // 10}, {memory[looks - 1]:.0f} after {looks}")  # fmt: skip


def main() -> None:
    """Run one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["same", "power", "delay", "cost"])
    parser.add_argument("--rollouts", type=int, default=1_000)
    parser.add_argument("--ab", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=["folder", "s3"], default="folder")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--looks", type=int, default=1_000)
    given = parser.parse_args()
    if given.what == "same":
        same(given.rollouts, given.ab, given.seed)
    elif given.what == "power":
        power(given.rollouts, given.seed)
    elif given.what == "delay":
        delay(folders(given.times) if given.store == "folder" else buckets(given.times))
    else:
        cost(given.looks)


if __name__ == "__main__":
    main()
