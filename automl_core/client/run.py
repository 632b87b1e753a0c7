"""One run of an experiment: how it stands, its results as pandas frames, and what can be done to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from automl_core.client.api import new_run_id
from automl_core.client.errors import NotKnown
from automl_core.client.events import follow
from automl_core.client.frames import frame
from automl_core.client.progress import Progress
from automl_core.client.trial import Trial

if TYPE_CHECKING:
    from automl_core.client.automl import AutoML
    from automl_core.client.plots import Plots

_ROWS = 10_000


class ExperimentRun:
    """A run, by its experiment's name and its id. Everything is asked of the server when it is called."""

    def __init__(self, client: AutoML, experiment: str, run_id: str) -> None:
        self.client, self.experiment, self.run_id = client, experiment, run_id

    def __repr__(self) -> str:
        return f"ExperimentRun({self.experiment!r}, {self.run_id!r})"

    @property
    def path(self) -> str:
        """Its place in the API."""
        return f"/experiments/{quote(self.experiment, safe='')}/runs/{quote(self.run_id, safe='')}"

    def get(self, part: str = "", **parameters: Any) -> dict[str, Any]:
        """A part of it as the API has it, such as ``history`` (docs/rest.md)."""
        place = f"{self.path}/{part}" if part else self.path
        return self.client.ask("GET", place, params=parameters)

    # --- how it stands ------------------------------------------------------------------------

    def overview(self) -> dict[str, Any]:
        """How it stands: state, best, what is left, limits, cost.

        Raises:
            NotKnown: Airflow has not begun it.
        """
        return self.get()

    @property
    def state(self) -> str:
        """Its state, ``QUEUED`` before Airflow has begun it.

        Raises:
            NotKnown: there is no such run.
        """
        try:
            return str(self.overview()["state"])
        except NotKnown:
            found = self._listed()
            if found is None:
                raise
            return str(found["state"])

    def exists(self) -> bool:
        """Whether Airflow has it, begun or not."""
        return self._listed() is not None

    def _listed(self) -> dict[str, Any] | None:
        """This run among the newest of its experiment: Airflow has it before it has a journal."""
        runs = self.client.runs(self.experiment, limit=500)
        return next((each for each in runs if each["run"] == self.run_id), None)

    def follow(self, timeout: float | None = None) -> Iterator[dict[str, Any]]:
        """What changes, as it changes, to its end: ``{"seq", "state", "done", "fraction", "trials", "best", "cost"}``.

        A connection that breaks off is taken up again where it broke.

        Args:
            timeout: seconds in all; for ever when left out.

        Raises:
            NotKnown: there is no such run.
            TimeoutError: the time is over.
        """
        return follow(self.client, f"{self.path}/events", exists=self.exists, timeout=timeout)

    def progress(self, timeout: float | None = None) -> Iterator[Progress]:
        """How it stands each time that this changes, to its end: trials, what is pending, time left, the best.

        Args:
            timeout: seconds in all; for ever when left out.

        Raises:
            NotKnown: there is no such run.
            TimeoutError: the time is over.
        """
        shown = ""
        for _ in self.follow(timeout):
            now = Progress.of(self.overview())
            if str(now) != shown:
                shown = str(now)
                yield now

    def wait(self, timeout: float | None = None) -> str:
        """Wait for its end. Returns its state.

        Raises:
            TimeoutError: so many seconds were not enough.
        """
        for event in self.follow(timeout):
            if event["event"] == "ended":
                return str(event["state"])
        raise AssertionError("events end with an end")

    def wait_published(self, timeout: float | None = None) -> str:
        """Wait until its result is published: after the search come conclude, and the models that go.

        Returns:
            Airflow's state of the run: ``success`` or ``failed``.

        Raises:
            NotKnown: there is no such run.
            TimeoutError: so many seconds were not enough.
        """

        def state() -> str:
            found = self._listed()
            if found is None:
                raise NotKnown(f"Airflow has no run {self.run_id} of {self.experiment}")
            return str(found["airflow_state"])

        return self.client.wait_until_over(state, timeout)

    # --- results as frames --------------------------------------------------------------------

    def trials(self, **query: Any) -> Any:
        """The trials as a pandas DataFrame, indexed by number: parameters and metrics are columns of their own.

        Args:
            query: ``sort``, ``state``, ``search``, ``filter`` as in docs/rest.md.
        """
        pages: list[dict[str, Any]] = []
        rows = 0
        while True:
            page = self.get("trials", offset=rows, limit=_ROWS, **query)
            pages.append(page["columns"])
            rows += len(page["columns"]["number"])
            if rows >= page["matched"] or not page["columns"]["number"]:
                return frame(pages, index="number")

    def history(self) -> Any:
        """Values in the order in which trials ended, with the best so far."""
        return frame([self.get("history")["columns"]])

    def importance(self) -> Any:
        """Which parameters matter: share of the variance and its spread, most important first."""
        return frame([_rows(self.get("importance")["parameters"], ("name", "importance", "std"))], index="name")

    def curves(self, trials: list[int] | None = None, top: int = 60) -> Any:
        """The goal's value over the steps: a row a point, with its trial."""
        chosen = {"trials": ",".join(map(str, trials))} if trials else {"top": top}
        found = self.get("curves", points=2000, **chosen)["curves"]
        rows = [
            {"trial": each["trial"], "step": step, "value": value}
            for each in found
            for step, value in zip(each["steps"], each["values"], strict=True)
        ]
        return frame([_rows(rows, ("trial", "step", "value"))])

    def timeline(self) -> Any:
        """Every attempt: when, where, for how long it waited."""
        return frame([self.get("timeline")["columns"]])

    def cost(self) -> Any:
        """Cost and training time over time, cumulated."""
        return frame([self.get("cost")["columns"]])

    def pareto(self) -> Any:
        """Every trial's value of each objective, and whether it is on the front."""
        return frame([self.get("pareto")["columns"]], index="number")

    @property
    def best(self) -> dict[str, Any] | None:
        """The best trial: number, value, params, budget, metrics."""
        found = self.overview()["best"]
        return dict(found) if found is not None else None

    @cached_property
    def plot(self) -> Plots:
        """The plots of the web view, with matplotlib: ``run.plot.history()``."""
        from automl_core.client.plots import Plots

        return Plots(self)

    def trial(self, number: int) -> Trial:
        """One trial: combination, attempts, metrics, difference to the best; and what its model gets wrong."""
        return Trial(self, number, self.get(f"trials/{number}"))

    def files(self, number: int) -> list[str]:
        """The files that a trial left."""
        return [str(each["path"]) for each in self.get(f"trials/{number}/files")["files"]]

    def download(self, number: int, path: str, target: Path | str) -> Path:
        """Download a file of a trial, such as its model. Returns where it lies.

        Only the trials that ``output.keep_models`` says keep a model once the run has ended: the best by default.

        Raises:
            NotKnown: the trial has no such file; the message says which it has.
        """
        place = f"{self.path}/trials/{number}/files/{quote(path, safe='/')}"
        try:
            return self.client.fetch(place, Path(target))
        except NotKnown:
            known = self.files(number)
            raise NotKnown(_no_such_file(number, path, known)) from None

    def archive(self, target: Path | str, what: str = "results") -> Path:
        """Download what was published as a zip: ``results`` or ``best_model``. Returns where it lies."""
        place = Path(target) / f"{what}.zip" if Path(target).is_dir() else Path(target)
        return self.client.fetch(f"{self.path}/archives/{what}", place)

    # --- steering -----------------------------------------------------------------------------

    def label(
        self,
        trial: int | None = None,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        comment: str | None = None,
    ) -> str:
        """Write on the run, or on one of its trials; what is None stays, what is empty goes."""
        given = {"name": name, "tags": list(tags) if tags is not None else None, "comment": comment}
        part = "label" if trial is None else f"trials/{trial}/label"
        return self.act(part, {key: value for key, value in given.items() if value is not None}, "PATCH")

    def act(self, part: str, body: Mapping[str, Any] | None = None, method: str = "POST") -> str:
        """Do something to it. Returns what happened, in words."""
        place = f"{self.path}/{part}" if part else self.path
        return str(self.client.ask(method, place, json=dict(body or {}))["text"])

    def stop(self, *, cancel: bool = False) -> str:
        """End it: no new trial starts; running ones finish, or are ended with ``cancel``."""
        return self.act("stop", {"running": "cancel" if cancel else "drain"})

    def stop_trial(self, number: int) -> str:
        """End one trial."""
        return self.act(f"trials/{number}/stop")

    def rerun(self, number: int) -> str:
        """Run a trial once more."""
        return self.act(f"trials/{number}/rerun")

    def edit(self, **groups: Mapping[str, Any]) -> str:
        """Change it while it runs: ``run.edit(trials={"max": 60}, space={"lr": {"high": 0.01}})``."""
        return self.act("", groups, "PATCH")

    def extend(self, **groups: Mapping[str, Any]) -> str:
        """Open it again after its end, with more trials or other limits."""
        return self.act("extend", groups)

    def clone(self, conf: Mapping[str, Any] | None = None) -> ExperimentRun:
        """Start a new run with this one's conf, and what is given on top of it."""
        run = ExperimentRun(self.client, self.experiment, new_run_id())
        self.client.begin(f"{self.path}/clone", {"conf": dict(conf or {}), "run_id": run.run_id}, run.exists)
        return run


def _no_such_file(number: int, path: str, known: list[str]) -> str:
    shown = ", ".join(known[:10]) + (", …" if len(known) > 10 else "") if known else "none"
    text = f"trial {number} has no file {path!r}; it has {shown}"
    if path.startswith("model") and not any(name.startswith("model") for name in known):
        text += ". Once a run has ended, only the best trial keeps its model (output.keep_models): run.best['trial']"
    return text


def _rows(rows: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: [row[name] for row in rows] for name in names}
