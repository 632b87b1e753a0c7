"""The demonstration of a model that answers requests: what has to come out of each step, and what ends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from automl_airflow.models import demo_live
from automl_airflow.models.demo_waiting import DemoFailed
from automl_core.client.records import Run
from automl_core.models.file import load_model_file
from automl_core.models.life import Person
from automl_core.models.life.rollouts import Step
from automl_core.models.offering import candidate_at
from automl_core.models.watching import Look, write_look
from examples import make_tumours
from tests.sources import ROOT
from tests.unit.cli.models.shop import Shop

CONDITIONS, DAG, ANNA = Person("churn.rollout", "conditions"), Person("churn.rollout", "dag"), Person("anna", "rest")


class FakeAirflow:
    """Does what the DAGs of a served model do to its journal, when it is asked to begin a run."""

    def __init__(
        self, shop: Shop, *, backed_by: Person | None = DAG, drift: str = "drifted", asks: bool = True
    ) -> None:  # fmt: skip
        self.shop, self.backed_by, self.drift, self.asks = shop, backed_by, drift, asks
        self.asked: list[str] = []

    def trigger(self, dag: str, conf: Any = None) -> Run:
        self.asked.append(dag)
        run = f"run_{len(self.asked)}"
        if dag == "churn.watch":
            self._look(run)
        else:
            self._rolled_out(run)
        return Run(dag, run, "queued")

    def _rolled_out(self, run: str) -> None:
        life = self.shop.life()
        self.shop.publish(run)
        found = candidate_at(self.shop.store, f"trained/{run}/")
        number = life.offer(found.source, (found.store, found.model), DAG).number
        champion = life.state.champion
        verdict = {"ok": True, "reasons": ["not worse"]}
        told = {"version": number, "champion": {"version": champion} if champion else None, "verdict": verdict}
        life.accept(number, life.evaluated(number, told), CONDITIONS)
        if champion is None:
            life.put_in_use(number, DAG)
            return
        rollout = life.begin_rollout(number, DAG, [Step(0.1), Step(1.0)])
        if number == 3 and self.backed_by is not None:
            life.take_back(number, self.backed_by, "100 % errors")
            return
        life.step_rollout(rollout.id, 1, DAG)
        life.put_in_use(number, DAG, "nothing worse was shown")

    def _look(self, run: str) -> None:
        life = self.shop.life()
        drift = {"state": self.drift, "words": [f"columns: {self.drift}"]}
        write_look(life.store, life.name, Look(life.now(), run, 2, "holds", "as good", drift=drift), None, ())
        if self.drift == "drifted" and self.asks:
            life.ask_retraining("trained", {"text": "the columns have drifted"}, DAG, at_most=2, within=86400.0)

    def run(self, dag: str, run: str) -> Run:
        return Run(dag, run, "success")

    def run_url(self, dag: str, run: str) -> str:
        return f"http://airflow/dags/{dag}/runs/{run}"


class FakeLoad:
    """Requests that have all been answered."""

    drifted, why = False, "503: nothing is in use"

    def __init__(self, failed: int) -> None:
        self.failed = failed

    def taken(self) -> tuple[Counter[int], int]:
        return Counter({1: 400}), 0


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, FakeAirflow]]:
    (tmp_path / "experiments").mkdir()
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    monkeypatch.setattr("automl_core.models.watching.answered.LATE", -3600.0)  # no answer has to be old
    shop = Shop(tmp_path)

    def run(failed: int = 0, **fake: Any) -> tuple[str, FakeAirflow]:
        class Here(demo_live.LiveDemo):
            @contextmanager
            def serving(self) -> Iterator[Any]:
                yield FakeLoad(failed)

        path, said, airflow = shop.write(), list[str](), FakeAirflow(shop, **fake)
        Here(
            load_model_file(path), path, airflow, shop.home, said.append, sleep=lambda _: None, patience=0.0,  # type: ignore[arg-type]
        ).run()  # fmt: skip
        return "\n".join(said), airflow

    return run


def test_each_step_is_told_and_all_of_it_comes_out(shown: Callable[..., tuple[str, FakeAirflow]]) -> None:
    text, airflow = shown()
    assert airflow.asked == ["trained"] * 3 + ["churn.watch"]
    told = [
        "Version 1 is in use", "step 1 of 2: 10% of the requests", "step 2 of 2: 100%",
        "promoted by churn.rollout (dag)",
        "Version 2 has taken over from version 1", "A new device", "taken back by churn.rollout (dag): 100 % errors",
        "Nobody had to do anything", "columns: drifted",
        "asked for a training of trained (retraining 1): the columns have drifted",
    ]  # fmt: skip
    places = [text.find(each) for each in told]
    assert -1 not in places, text
    assert places == sorted(places), text


@pytest.mark.parametrize(
    ("fake", "words"),
    [
        ({"backed_by": None}, "version 3 was not taken back: promoted"),
        ({"backed_by": ANNA}, r"version 3 was taken back by anna \(rest\)"),
        ({"drift": "holds"}, "the watch has found no drift"),
        ({"asks": False}, "waited in vain for a training to be asked for"),
        ({"failed": 2}, "2 requests got no answer, such as 503: nothing is in use"),
    ],
)
def test_what_does_not_come_out_ends_it(shown: Callable[..., Any], fake: dict[str, Any], words: str) -> None:
    with pytest.raises(DemoFailed, match=words):
        shown(**fake)


def test_people_ask_with_what_a_request_has_and_the_report_knows_a_column_more() -> None:
    file = load_model_file(ROOT / "experiments" / "tumours_live.model.yaml")
    rows = demo_live.rows_of(file.evaluate.data)
    assert len(rows) >= demo_live.ENOUGH
    columns, train, latest, new = make_tumours.tables()
    assert set(rows[0]) == set(columns) - {"id", "diagnosis"}
    assert set(demo_live.DRIFTED) < set(rows[0])
    for name, wanted in (("train", train), ("latest", [*latest, *new])):
        names, made = make_tumours.exported(columns, wanted)
        text = (ROOT / f"examples/data/tumours/export_{name}.csv").read_text().splitlines()
        assert [line.split(",") for line in text] == [names, *made], "what is shipped is what the script makes"
        assert set(names) - set(columns) == {make_tumours.GROWTH}
