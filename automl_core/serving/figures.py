"""The figures of a server, as Prometheus reads them."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from automl_core.serving.answers import AnswerLog
from automl_core.serving.served import Given, Served
from automl_core.serving.shadow import Shadows

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _Counted(Collector):
    """What each answer counts, in plain numbers: those of Prometheus' client take ten times as long to count one.

    Attributes:
        rows: answered, by model and version.
        requests: by model and status code.
        seconds: by model: answers within each of `_SECONDS`, and beyond them; their sum is in `total`.
    """

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], int] = {}
        self.requests: dict[tuple[str, int], int] = {}
        self.seconds: dict[str, list[int]] = {}
        self.total: dict[str, float] = {}

    def answered(self, model: str, given: Given) -> None:
        """Count an answer."""
        rows = self.rows
        for version in given.versions:
            rows[model, version] = rows.get((model, version), 0) + 1
        counts = self.seconds.get(model)
        if counts is None:
            counts = self.seconds[model] = [0] * (len(_SECONDS) + 1)
        counts[bisect_left(_SECONDS, given.seconds)] += 1
        self.total[model] = self.total.get(model, 0.0) + given.seconds

    def collect(self) -> Iterator[Metric]:
        """All of it, as Prometheus' client has it."""
        rows = CounterMetricFamily("automl_rows", "Rows answered", labels=["model", "version"])
        for (model, version), count in self.rows.items():
            rows.add_metric([model, str(version)], count)
        requests = CounterMetricFamily("automl_requests", "Requests by how they ended", labels=["model", "code"])
        for (model, code), count in self.requests.items():
            requests.add_metric([model, str(code)], count)
        seconds = HistogramMetricFamily(
            "automl_request_seconds", "Seconds that an answer took, from its rows to its predictions", labels=["model"]
        )
        bounds = [*map(str, _SECONDS), "+Inf"]
        for model, counts in self.seconds.items():
            buckets = [(bound, float(count)) for bound, count in zip(bounds, accumulate(counts), strict=True)]
            seconds.add_metric([model], buckets, self.total[model])
        yield from (rows, requests, seconds)


class Figures:
    """What is counted, in a registry of its own: several servers of one process don't share it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._told: dict[tuple[Counter, str, int], int] = {}
        of = ["model", "version"]
        self._counted = _Counted()
        self.registry.register(self._counted)
        self._fallen = Counter(
            "automl_fallen_back", "Requests that the champion answered in a version's place", of, registry=self.registry
        )
        self._share = Gauge("automl_share", "Share of the requests that a version has", of, registry=self.registry)
        self._record = Gauge(
            "automl_record", "Place of the rollout record that is in force", ["model"], registry=self.registry
        )
        self._rollout = Gauge(
            "automl_rollout", "Number of the open rollout, by model and its step from 0", ["model", "step"],
            registry=self.registry,
        )  # fmt: skip
        self._shadow = Gauge(
            "automl_shadow_share", "Share of the requests that a version is asked after they were answered", of,
            registry=self.registry,
        )  # fmt: skip
        self._shadowed = Counter(
            "automl_shadow_requests", "Requests that a shadow was asked", of, registry=self.registry
        )
        self._dropped = Counter(
            "automl_shadow_dropped", "Requests that a shadow was not asked, as too many waited", of,
            registry=self.registry,
        )  # fmt: skip
        self._waiting = Gauge(
            "automl_tallies_waiting", "Counts of rollouts that are not in the bucket yet", registry=self.registry
        )
        self._behind = Gauge(
            "automl_tallies_behind_seconds", "Seconds for which counts of rollouts can't be written",
            registry=self.registry,
        )  # fmt: skip
        self._failed = Gauge("automl_version_failed", "1: a version can't be served", of, registry=self.registry)
        self._heard = Gauge("automl_store_age_seconds", "Seconds since the store was heard", registry=self.registry)
        self._lost = Gauge("automl_answers_lost", "Rows that could not be written down", registry=self.registry)

    def answered(self, model: str, given: Given) -> None:
        """Count an answer."""
        self._counted.answered(model, given)
        if given.fallen_back is not None:
            self._fallen.labels(model, given.fallen_back).inc()

    def ended(self, model: str, code: int) -> None:
        """Count a request by its status code; of models that there are, since names from outside would fill memory."""
        requests = self._counted.requests
        requests[model, code] = requests.get((model, code), 0) + 1

    def text(self, served: Served, answers: AnswerLog | None, shadows: Shadows | None = None) -> bytes:
        """The page that Prometheus reads."""
        for gauge in (self._share, self._record, self._failed, self._rollout, self._shadow):
            gauge.clear()
        for name, active in served.active.items():
            self._record.labels(name).set(active.route.record)
            for version, share in active.route.shares.items():
                self._share.labels(name, version).set(share)
            for version, share in active.route.shadow.items():
                self._shadow.labels(name, version).set(share)
            if active.route.rollout is not None:
                self._rollout.labels(name, active.route.step).set(active.route.rollout)
        for name, version in served.failures:
            self._failed.labels(name, version).set(1)
        self._heard.set(time.monotonic() - served.seen)
        logs = [each for each in (answers, shadows.answers if shadows is not None else None) if each is not None]
        self._lost.set(sum(each.lost for each in logs))
        if shadows is not None:
            self._grown(self._shadowed, shadows.asked)
            self._grown(self._dropped, shadows.dropped)
        self._waiting.set(served.tallies.waiting if served.tallies is not None else 0)
        self._behind.set(served.tallies.behind if served.tallies is not None else 0)
        return generate_latest(self.registry)

    def _grown(self, counter: Counter, counts: Mapping[tuple[str, int], int]) -> None:
        """Bring a counter up to counts that others keep."""
        for (name, version), count in counts.items():
            counter.labels(name, version).inc(count - self._told.get((counter, name, version), 0))
            self._told[counter, name, version] = count
