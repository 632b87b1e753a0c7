"""The acts of batch scoring: claim an interval, end it."""

from __future__ import annotations

from typing import Any

from automl_core.models.life.acting import Acting
from automl_core.models.life.intervals import Done, Interval
from automl_core.models.life.life import Life
from automl_core.models.life.scoring import Claim, claim_of


class Batches(Acting):
    """What of `ModelLife` is about intervals; see `automl_core.models.life.scoring` for the protocol."""

    def begin_interval(
        self,
        key: str,
        start: float,
        end: float,
        version: int,
        *,
        run: str,
        token: str = "",
        then: bool = False,
        why: str = "",
        instead_of: str = "",
    ) -> Claim:
        """Claim an interval, before anything of it is scored.

        A run that comes again (a retry) takes its own claim over, with the next attempt; the same try of it (``token``)
        gets the same claim. Another run's claim is refused, unless it is known that that run is gone.

        Args:
            key: names the interval; `interval_key` where it lies between two moments.
            start, end: of its data, seconds since 1970.
            version: that is to score it: one in use now, or with ``then`` one that was in use at its end.
            run: who claims it: a run's id.
            token: tells one try of the run from another; empty for always another.
            then: whether the version of then is meant.
            why: a person's reason to score it again though it was scored: another generation. Asked for again by the
                same run after it has scored it, there is nothing to do.
            instead_of: a run that is known to be gone; its claim counts no more.

        Returns:
            The claim; `Claim.scored` where there is nothing to do, since it was scored.

        Raises:
            Refused: another run has it, or the version is not one in use.
            NoSuchVersion: there is none.
            StorageError: the store refuses or is away. Whether it was claimed is then open: claiming again tells.
        """
        data: dict[str, Any] = {
            "key": key, "start": float(start), "end": float(end), "version": version, "run": run, "token": token,
            "then": then, "why": why, "from": instead_of,
        }  # fmt: skip

        def fill(life: Life) -> None:
            done, held = life.scoring.done.get(key), life.scoring.open.get(key)
            data["generation"] = done.generation + 1 if done is not None else 1
            data["attempt"] = held.attempt + 1 if held is not None else 1

        def stands(life: Life) -> bool:
            done, held = life.scoring.done.get(key), life.scoring.open.get(key)
            if held is not None and token and (held.run, held.token, held.version) == (run, token, version):
                return True
            return held is None and done is not None and (not why or _is_of(life, key, done, run))

        self._act("interval_begun", data, done=stands, fill=fill)
        held = self.state.scoring.open.get(key)
        if held is not None:
            return claim_of(held)
        done = self.state.scoring.done[key]
        recent = _recent(self.state, key, done)
        if recent is not None:
            return claim_of(recent, scored=True)
        return Claim(key, float(start), float(end), done.version, done.generation, 0, "", scored=True)

    def end_interval(self, claim: Claim, *, rows: int, out: str, digest: str) -> Interval:
        """Say that an interval is scored. Told again, it changes nothing and gets the same answer.

        Args:
            claim: as `begin_interval` gave it.
            rows: how many were scored.
            out: where they are.
            digest: of what was written.

        Raises:
            Refused: a later claim counts, it was scored by another, or the version was taken back meanwhile: the
                interval is to be claimed again.
        """
        data = {
            "key": claim.key, "generation": claim.generation, "attempt": claim.attempt, "rows": int(rows), "out": out,
            "digest": digest,
        }  # fmt: skip

        def same(life: Life) -> Interval | None:
            for each in reversed(life.scoring.recent):
                if (each.key, each.generation, each.attempt) == (claim.key, claim.generation, claim.attempt):
                    return each if each.digest == digest and each.out == out else None
            return None

        self._act("interval_ended", data, done=lambda life: same(life) is not None)
        found = same(self.state)
        assert found is not None
        return found

    def give_up_interval(self, claim: Claim, why: str) -> None:
        """Give a claim back: whoever comes next may have the interval at once. Nothing where it counts no more.

        Args:
            claim: as `begin_interval` gave it.
            why: in words; stands in the journal.
        """

        def gone(life: Life) -> bool:
            held = life.scoring.open.get(claim.key)
            return held is None or (held.generation, held.attempt) != (claim.generation, claim.attempt)

        data = {"key": claim.key, "generation": claim.generation, "attempt": claim.attempt, "failed": why}
        self._act("interval_ended", data, done=gone)


def _recent(life: Life, key: str, done: Done) -> Interval | None:
    """All that is known of how an interval was scored last, None where that was long ago."""
    for each in reversed(life.scoring.recent):
        if each.key == key and each.generation == done.generation:
            return each
    return None


def _is_of(life: Life, key: str, done: Done, run: str) -> bool:
    """Whether the last generation of an interval is the one that a run has made on a person's wish."""
    found = _recent(life, key, done)
    return found is not None and found.run == run and bool(found.why)
