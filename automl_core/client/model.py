"""One model: which version is in use, what was found out about each, and what people decide about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from automl_core.client.errors import Conflict
from automl_core.client.frames import frame
from automl_core.client.rollouts import Rollout

if TYPE_CHECKING:
    from automl_core.client.automl import AutoML
    from automl_core.client.run import ExperimentRun

T = TypeVar("T")

_PAGE = 500

_WAITING = ("OFFERED", "EVALUATED", "ASKED", "ACCEPTED")
"""States of a version on its way: what becomes of it is not decided yet, or not done."""


class Model:
    """A model, by its name. Everything is asked of the server when it is called."""

    def __init__(self, client: AutoML, name: str) -> None:
        self.client, self.name = client, name

    def __repr__(self) -> str:
        return f"Model({self.name!r})"

    @property
    def path(self) -> str:
        """Its place in the API."""
        return f"/models/{quote(self.name, safe='')}"

    def get(self, part: str = "", **parameters: Any) -> dict[str, Any]:
        """A part of it as the API has it, such as ``history`` (docs/rest.md)."""
        return self.client.ask("GET", f"{self.path}/{part}" if part else self.path, params=parameters)

    # --- how it stands ------------------------------------------------------------------------

    def overview(self) -> dict[str, Any]:
        """How it stands: what is in use, who is waited for, what can be done.

        Raises:
            NotKnown: there is no such model.
        """
        return self.get()

    @property
    def in_use(self) -> dict[str, Any] | None:
        """The version that is in use, since when, and by whom it was accepted; None where none is."""
        found = self.overview()["in_use"]
        return dict(found) if found is not None else None

    def at(self, when: datetime | float) -> dict[str, Any] | None:
        """What was in use at a time, accepted by whom, when, and on what evidence; None where nothing was.

        Args:
            when: with a time zone, or seconds since 1970.
        """
        found = self.get("in-use", at=_seconds(when))["in_use"]
        return dict(found) if found is not None else None

    @property
    def versions(self) -> Any:
        """Its versions as a pandas DataFrame, indexed by number."""
        return self._frame("versions", "versions", index="version")

    def version(self, number: int) -> dict[str, Any]:
        """One version: where it comes from, its evidence, who decided what about it and when.

        Raises:
            NotKnown: there is no such version.
        """
        return self.get(f"versions/{number}")

    def evidence(self, number: int, digest: str | None = None) -> dict[str, Any]:
        """What an acceptance of a version rests on.

        Args:
            number: of the version.
            digest: of the evidence; the newest when left out.

        Raises:
            NotKnown: there is no such version, or it was not evaluated yet.
        """
        return self.get(f"versions/{number}/evidence", **({"digest": digest} if digest else {}))

    def cases(self, number: int) -> Any:
        """The bad cases of a version and of the champion beside it, as a pandas DataFrame: rows of data."""
        rows = self.get(f"versions/{number}/evidence/rows")["cases"]
        return frame([_columns(rows)])

    @property
    def history(self) -> Any:
        """Everything that has happened to it, oldest first, as a pandas DataFrame."""
        return self._frame("history", "events")

    @property
    def intervals(self) -> Any:
        """The intervals of data that were scored, newest first, as a pandas DataFrame."""
        return self._frame("intervals", "intervals")

    @property
    def retrainings(self) -> list[dict[str, Any]]:
        """The retrainings that were asked for, newest first."""
        return list(self.get("retrainings")["retrainings"])

    @property
    def quality(self) -> Any:
        """How good the versions in use were found over time on the latest data, as a pandas DataFrame."""
        return frame([_columns(self.get("quality")["points"])])

    @property
    def drift(self) -> Any:
        """How far columns lie from the data that the version was accepted on, look by look, as a pandas DataFrame."""
        columns = self.get("drift")["columns"]
        rows = [{"time": at, "column": each["name"], "distance": d} for each in columns for at, d in each["points"]]
        return frame([_columns(rows)])

    def traffic(self, since: datetime | float | None = None, until: datetime | float | None = None) -> Any:
        """Which version answered which share since when, and who saw to it, as a pandas DataFrame.

        Args:
            since: from what held then on; from the beginning when left out.
            until: to now when left out.
        """
        asked = {"since": _seconds(since), "until": _seconds(until)}
        records = self.get("traffic", **{name: value for name, value in asked.items() if value is not None})["records"]
        return frame([_columns(records)])

    @property
    def efficiency(self) -> dict[str, Any]:
        """Lead time of each version from data to use, by stage, and how many versions there were each month."""
        return self.get("efficiency")

    def _frame(self, part: str, key: str, index: str | None = None) -> Any:
        rows: list[dict[str, Any]] = []
        while True:
            page = self.get(part, offset=len(rows), limit=_PAGE)
            rows += page[key]
            if not page[key] or len(rows) >= page["matched"]:
                return frame([_columns(rows)], index=index if rows else None)

    # --- rollouts -----------------------------------------------------------------------------

    @property
    def rollouts(self) -> list[Rollout]:
        """All rollouts of its versions, the newest first."""
        found: list[Rollout] = []
        while True:
            page = self.get("rollouts", offset=len(found), limit=_PAGE)
            found += [Rollout.from_json(each) for each in page["rollouts"]]
            if not page["rollouts"] or len(found) >= page["matched"]:
                return found

    def rollout(self, number: int | None = None) -> Rollout | None:
        """A rollout with what its tests say; the one that goes on when left out, None where none does.

        Raises:
            NotKnown: there is no rollout of that number.
        """
        if number is None:
            going = self.overview()["rollout"]
            if going is None:
                return None
            number = int(going["id"])
        body = self.get(f"rollouts/{number}")
        return Rollout.from_json(body["rollout"], body["view"], body.get("problem"))

    def step(self, rollout: Rollout, to: int | None = None, why: str = "") -> Rollout:
        """Put a rollout into another step at once, back as well.

        Args:
            rollout: as it was seen: where it stands elsewhere by now, this is refused.
            to: which step, from 0; the next one when left out.
            why: for those who read the history.

        Raises:
            Conflict: somebody was faster, it is over, or it has no such step; the message says who and when.
        """
        return self._roll("step", rollout, {"to": to, "why": why})

    def hold(self, rollout: Rollout, why: str = "") -> Rollout:
        """Keep a rollout in its step until it is released; as `step`. Its safeguards go on."""
        return self._roll("hold", rollout, {"why": why})

    def release(self, rollout: Rollout, why: str = "") -> Rollout:
        """Let a rollout that is held go on by itself; as `step`."""
        return self._roll("release", rollout, {"why": why})

    def promote(self, rollout: Rollout, why: str = "") -> Rollout:
        """End a rollout well at once: its version is in use; as `step`."""
        return self._roll("promote", rollout, {"why": why})

    def _roll(self, what: str, rollout: Rollout, more: Mapping[str, Any]) -> Rollout:
        body = {"rollout": rollout.id, "step": rollout.step, **more}
        return Rollout.from_json(self.act(f"rollout/{what}", body)["rollout"])

    # --- acts ---------------------------------------------------------------------------------

    def act(self, part: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Do something to it. Returns what the server says of it, with ``text`` in words."""
        return self.client.ask("POST", f"{self.path}/{part}", json=dict(body or {}))

    def offer(self, run: ExperimentRun | str) -> str:
        """Offer the result of a run as a version: it is copied, evaluated, and asked about. Returns what happened.

        Args:
            run: of an experiment, or ``experiment/run`` as text.

        Raises:
            Conflict: the run has published no model.
        """
        named = run if isinstance(run, str) else f"{run.experiment}/{run.run_id}"
        experiment, _, run_id = named.partition("/")
        return str(self.act("offer", {"experiment": experiment, "run": run_id})["text"])

    def evaluate(self, number: int) -> str:
        """Have a version evaluated again, on the data as they are now."""
        return str(self.act(f"versions/{number}/evaluate")["text"])

    def accept(self, number: int, digest: str, note: str = "") -> str:
        """Accept a version on its evidence.

        Args:
            number: of the version.
            digest: of the evidence that was read: ``model.evidence(n)["digest"]``.
            note: why, for those who read the history.

        Raises:
            Conflict: the evidence is not the newest, or somebody has decided; the message says who and when.
            AuthError: this user is none of those who may.
        """
        return str(self.act(f"versions/{number}/accept", {"digest": digest, "note": note})["text"])

    def reject(self, number: int, digest: str, note: str = "") -> str:
        """Reject a version on its evidence; as `accept`."""
        return str(self.act(f"versions/{number}/reject", {"digest": digest, "note": note})["text"])

    def take_back(self, number: int, why: str, to: int | None = None) -> str:
        """Take a version out of use, or out of its rollout, at once.

        Args:
            number: the version that is in use, or is rolled out.
            why: for those who read the history.
            to: which one is in use instead; the one before it when left out.

        Raises:
            Conflict: it is not in use, or there is none to go back to.
        """
        return str(self.act("take-back", {"version": number, "why": why, "to": to})["text"])

    def retire(self, number: int, why: str) -> str:
        """Say that a version is not to be used any more."""
        return str(self.act(f"versions/{number}/retire", {"why": why})["text"])

    def retrain(self, reason: str, experiment: str | None = None) -> str:
        """Ask for a training of a new version.

        Args:
            reason: for those who read the history.
            experiment: which is to train; the one that ``watch.retrain`` or ``candidates`` names when left out.

        Raises:
            Conflict: the brake against loops holds; the message says until when.
        """
        return str(self.act("retrain", {"reason": reason, "experiment": experiment})["text"])

    def score(self, interval: str, why: str, version: int | str = "now") -> str:
        """Have an interval of data scored again.

        Args:
            interval: its key, as `intervals` has it.
            why: for those who read the history.
            version: ``now`` (the one in use), ``then`` (the one that was in use at the interval's end), or a number.
        """
        return str(self.act("score", {"interval": interval, "why": why, "version": version})["text"])

    # --- waiting ------------------------------------------------------------------------------

    def wait_until_asked(self, number: int, timeout: float | None = None) -> str:
        """Wait until people are asked about a version. Returns the digest of its evidence.

        Raises:
            Conflict: it was decided without being asked about; the message says how.
            TimeoutError: so many seconds were not enough.
        """

        def asked() -> str | None:
            found = self.version(number)
            if found["state"] == "ASKED":
                return str(found["asked"]["evidence"])
            if found["state"] not in _WAITING:
                raise Conflict(f"version {number} of {self.name} is {found['state'].lower().replace('_', ' ')}")
            return None

        return self._wait(asked, timeout, f"version {number} of {self.name} is not asked about")

    def wait_until_in_use(self, number: int | None = None, timeout: float | None = None) -> int:
        """Wait until a version is in use. Returns its number.

        Args:
            number: of the version; any that is not in use yet when left out.
            timeout: seconds in all; for ever when left out.

        Raises:
            Conflict: it was rejected, expired, retired, or taken back out of its rollout.
            TimeoutError: so many seconds were not enough.
        """
        before = self.in_use if number is None else None

        def used() -> int | None:
            if number is None:
                found = self.in_use
                new = found is not None and (before is None or found["version"] != before["version"])
                return int(found["version"]) if found is not None and new else None
            state = str(self.version(number)["state"])
            if state in ("IN_USE", "REPLACED"):
                return number
            if state not in (*_WAITING, "ROLLING_OUT"):
                raise Conflict(f"version {number} of {self.name} is {state.lower().replace('_', ' ')}")
            return None

        what = f"version {number}" if number is not None else "no new version"
        return self._wait(used, timeout, f"{what} of {self.name} is in use" if number is None else f"{what} waits")

    def _wait(self, look: Callable[[], T | None], timeout: float | None, text: str) -> T:
        started = self.client.now()
        while (found := look()) is None:
            if timeout is not None and self.client.now() - started >= timeout:
                raise TimeoutError(f"{text} after {timeout:.0f} s")
            self.client.pause(2.0)
        return found


def _seconds(when: datetime | float | None) -> float | None:
    if when is None:
        return None
    return when.timestamp() if isinstance(when, datetime) else float(when)


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Rows as columns; what has parts has a column for each."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}
