"""The regression tests of a model's file, asked of the server that answers for it: the same tests, by the same code.

What a test is given of the model comes over HTTP in place of the version's own files; all else is the evaluation's
(`automl_core.models.evaluation.testing`). So a server that reads a column otherwise, or that answers by another version
than it should, fails a test that the version itself has passed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from automl_core.modelfile.model import read_info
from automl_core.modelfile.scoring.values import Schema
from automl_core.models.evaluation.options import NotEvaluated
from automl_core.models.evaluation.prepared import Prepared, spelled
from automl_core.models.evaluation.rows import Rows
from automl_core.models.evaluation.subjects import Said
from automl_core.models.evaluation.testing import run_tests
from automl_core.models.evaluation.tests import GoldenTest, MetricTest
from automl_core.models.traffic.split import taken
from automl_core.models.watching.endpoint import MOST_ROWS, Endpoint, RefusedRows, Trouble

if TYPE_CHECKING:
    from automl_core.models.evaluation.tests import RegressionTest
    from automl_core.models.life import Life

KEYS = 10_000
"""Keys that are tried, to find one that the champion answers."""

_ELSEWHERE = "not asked of the server: the look measures it on all rows"


class LiveSubject:
    """A version as its server shows it: what tests ask of a model (`subjects.Subject`), over HTTP.

    Attributes:
        folder: of the version's files, of which its columns, classes and golden rows are read; nothing is loaded.
        answered: versions that have answered.
        records: rollout records under which they did.
    """

    role = "challenger"

    def __init__(self, folder: Path, endpoint: Endpoint, key: str | None) -> None:
        """Make it.

        Args:
            folder: see the class.
            endpoint: the server.
            key: of all requests, by which their version is chosen.
        """
        info = read_info(folder)
        self.folder, self._endpoint, self._key = folder, endpoint, key
        self.schema = Schema.from_json(info["schema"])
        problem = info["problem"]
        self.kind, self.target = problem["kind"], problem.get("target")
        self.classes: tuple[str, ...] = tuple(problem.get("classes") or ())
        self.answered: set[int] = set()
        self.records: set[int] = set()
        self.model = self.scorer = self  # the golden rows' test asks `model.scorer.outputs`

    @property
    def columns(self) -> tuple[str, ...]:
        """What the model reads."""
        return self.schema.names

    def say(self, rows: Rows) -> Said:
        """What the server says of rows.

        Raises:
            NotEvaluated: it can't read them.
            Trouble: it has not answered.
        """
        names = [name for name in rows.columns if name in self.schema]
        plain = [{name: _plain(rows.value(name, place)) for name in names} for place in range(rows.n)]
        parts = [self._some(plain[at : at + MOST_ROWS]) for at in range(0, len(plain), MOST_ROWS)]
        if not parts:
            raise NotEvaluated("there is no row")
        if len(parts) == 1:
            return parts[0]
        labels = [each.labels for each in parts if each.labels is not None]
        outputs = np.concatenate([each.outputs for each in parts])
        return Said(outputs, np.concatenate(labels) if labels else None, self.classes)

    def outputs(self, rows: Sequence[Mapping[str, Any]]) -> Any:
        """(n, K) what the server says of rows, as `say`."""
        found = self.say(Rows.of(list(rows))).outputs
        return found if found.ndim == 2 else found[:, None]

    def _some(self, rows: list[dict[str, Any]]) -> Said:
        try:
            reply = self._endpoint.ask(rows, self._key)
        except RefusedRows as refused:
            raise NotEvaluated(str(refused)) from None
        self.answered |= set(reply.versions)
        self.records.add(reply.record)
        if not self.classes:
            return Said(np.asarray(reply.predictions, dtype=np.float64), None, ())
        places = {name: at for at, name in enumerate(self.classes)}
        labels = [places.get(spelled(str(each), self.classes), -1) for each in reply.predictions]
        outputs = np.zeros((len(rows), 0))
        if reply.probabilities is not None:
            outputs = np.zeros((len(rows), len(self.classes)))
            known = [(at, places[name]) for at, name in enumerate(reply.classes) if name in places]
            given = np.asarray(reply.probabilities, dtype=np.float64)
            outputs[:, [to for _, to in known]] = given[:, [at for at, _ in known]]
        return Said(outputs, np.asarray(labels, dtype=np.int64), self.classes)


def _plain(value: Any) -> Any:
    """A value as JSON has it: no number is no value."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def live_tests(
    folder: Path, endpoint: Endpoint, tests: Sequence[RegressionTest], rows: Sequence[Mapping[str, Any]],
    before: Life, after: Any,
) -> dict[str, Any]:  # fmt: skip
    """Ask the server what the tests ask of a model.

    Args:
        folder: of the champion's files.
        endpoint: the server.
        tests: of the model's file. Those of a metric are not asked: the look itself measures it. Where none is left,
            the golden rows are.
        rows: that tests of columns change, such as logged ones.
        before: the model's state when the look began.
        after: gives its state now, to see which versions may have answered.

    Returns:
        As `automl_core.models.watching.series` says, with ``tests`` as an evidence has them.
    """
    told = not_told(endpoint.way.url, "", "")
    asked = [each for each in tests if not isinstance(each, MetricTest)] or [GoldenTest(test="golden")]
    subject = LiveSubject(folder, endpoint, key_of(before, endpoint.model))
    try:
        results, _ = run_tests(asked, subject, _prepared(rows, subject), (0,))
    except Trouble as trouble:
        return told | {"cause": trouble.cause, "why": str(trouble), **_asked(endpoint, subject)}
    results += [
        {"name": each.title(), "kind": each.test, "severity": each.severity, "passed": None, "checked": 0, "failed": 0,
         "why": _ELSEWHERE}
        for each in tests if isinstance(each, MetricTest)
    ]  # fmt: skip
    told |= {"tests": results, **_asked(endpoint, subject)}
    told["other"], wrong = _other(subject, before, after())
    failed = [each for each in results if each["passed"] is False]
    told["failed"] = len(failed)
    if wrong:
        return told | {"cause": "version", "why": told["other"]}
    passed = [each for each in results if each["passed"]]
    if failed:
        said = "; ".join(f"{each['name']}: {each['why']}" for each in failed[:3])
        return told | {"state": "failed", "why": f"{len(failed)} of {len(failed) + len(passed)} failed: {said}"}
    if not passed:
        why = "; ".join(f"{each['name']}: {each['why']}" for each in results[:3])
        return told | {"cause": "no_tests", "why": f"no test could be tried: {why}"}
    words = "1 test passed" if len(passed) == 1 else f"{len(passed)} tests passed"
    return told | {"state": "passed", "why": words}


def not_told(url: str, cause: str, why: str) -> dict[str, Any]:
    """What is said where no test could be asked.

    Args:
        url: of the server.
        cause: of what kind the trouble is (`endpoint.Cause`).
        why: in words.
    """
    return {
        "state": "not_told", "cause": cause, "why": why, "url": url, "version": None, "record": None, "other": "",
        "tests": [], "failed": 0, "requests": 0, "seconds": None,
    }  # fmt: skip


def key_of(life: Life, model: str) -> str | None:
    """A key that the champion answers while a challenger has a share; None where no key is needed, or none would do.

    Args:
        life: the model's state.
        model: its name.
    """
    shares = life.shares[-1] if life.shares else None
    if shares is None or shares.rollout is None:
        return None
    others = [share for version, share in shares.shares.items() if version != shares.champion and share > 0]
    if not others or sum(others) >= 1:
        return None
    keys = (f"watch-{number}" for number in range(KEYS))
    rollout = f"rollout-{shares.rollout}"
    return next((key for key in keys if not any(taken(key, model, rollout, each) for each in others)), None)


def _other(subject: LiveSubject, before: Life, after: Life) -> tuple[str, bool]:
    """What is to be said of who answered, and whether it is a version that the journal lets nobody answer by."""
    allowed = {
        version for state in (before, after) for each in state.shares[-1:]
        for version, share in each.shares.items() if share > 0
    }  # fmt: skip
    strange = sorted(subject.answered - allowed)
    if strange:
        names = ", ".join(map(str, strange))
        there = ", ".join(map(str, sorted(allowed))) or "none"
        return f"version {names} answered, and by the journal it is {there} that does: the server is behind", True
    champion = before.champion
    others = sorted(subject.answered - {champion})
    if others and after.champion == champion:
        return f"version {', '.join(map(str, others))} answered, which the open rollout lets do so", False
    return "", False


def _asked(endpoint: Endpoint, subject: LiveSubject) -> dict[str, Any]:
    times = sorted(endpoint.seconds)
    return {
        "requests": endpoint.requests, "version": max(subject.answered, default=None),
        "record": max(subject.records, default=None),
        "seconds": {"median": median(times), "p95": times[int(0.95 * (len(times) - 1))]} if times else None,
    }  # fmt: skip


def _prepared(given: Sequence[Mapping[str, Any]], subject: LiveSubject) -> Prepared:
    """Rows that tests may change; what came of them is asked by none of these."""
    rows = Rows.of(list(given))
    return Prepared(
        rows, np.arange(rows.n), np.zeros(rows.n), {}, subject.kind, subject.target or "", subject.classes, {},
        [f"answer {place + 1}" for place in range(rows.n)], "row", None, {}, (),
    )  # fmt: skip
