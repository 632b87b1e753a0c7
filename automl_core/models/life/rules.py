"""What may come next in the life of a model.

Each rule looks at the state and at what a record would tell, at nothing else: so whoever acts and whoever reads the
journal later judge alike, and a record that breaks a rule is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from automl_core.models.life import rollout_rules
from automl_core.models.life.entities import BY_HAND, Decision, Person, Version, VersionState
from automl_core.models.life.refusals import Braked, NoSuchVersion, Refused
from automl_core.models.life.words import moment, person_of, seconds

if TYPE_CHECKING:
    from automl_core.models.life.life import Life

S = VersionState

ANSWERS = {"accepted": S.ACCEPTED, "rejected": S.REJECTED, "expired": S.EXPIRED}
"""What a decision can be, and the state that it leads to."""


REMOVABLE = (S.REJECTED, S.EXPIRED, S.REPLACED, S.TAKEN_BACK, S.RETIRED)
"""States of a version whose files may go, since nothing answers with it and nobody is to decide on it."""


def version_of(life: Life, data: dict[str, Any]) -> Version:
    """The version that a record is about.

    Raises:
        NoSuchVersion: there is none of that number.
    """
    return life.version(int(data["version"]))


def offered(life: Life, data: dict[str, Any]) -> None:
    """A result becomes a version: each result once, numbers in a row."""
    source = data["source"]
    key = (str(source["storage"]).rstrip("/"), str(source["experiment"]), str(source["run"]))
    known = life.by_source(key)
    if known is not None:
        raise Refused(
            f"{key[1]}@{key[2]} is version {known.number} already", known.offered_by, known.offered_at
        )  # fmt: skip
    if int(data["version"]) != len(life.versions) + 1:
        raise Refused(f"the next version is {len(life.versions) + 1}")


def taken(life: Life, data: dict[str, Any]) -> None:
    """A rollout's run takes a version; another's only where it says that the other is gone."""
    version = version_of(life, data)
    if version.run and version.run != data["run"] and not data.get("from") == version.run:
        raise Refused(f"version {version.number} is in the hands of the run {version.run}")
    if not version.state.undecided:
        raise Refused(*_said(version, "has nothing left to decide"))


def evaluated(life: Life, data: dict[str, Any]) -> None:
    """Evidence comes: on any version that is there, and never older evidence after newer."""
    version = version_of(life, data)
    there(version)
    if version.state is S.RETIRED:
        raise Refused(f"version {version.number} is retired: {version.note}")
    digest = str(data["digest"])
    if any(each.digest == digest for each in version.evidence):
        raise Refused(f"this evidence on version {version.number} is recorded already, and newer one since")


def asked(life: Life, data: dict[str, Any]) -> None:
    """People are asked: about the newest evidence, against today's champion, while nobody has answered on it."""
    version = version_of(life, data)
    there(version)
    current(life, version, str(data["digest"]))
    undecided(version)
    earlier = version.asked
    if version.state is S.ASKED and earlier is not None and earlier.run != data["run"] and data["at"] < earlier.until:
        raise Refused(
            f"people are asked about version {version.number} already, by the run {earlier.run}, until "
            f"{moment(earlier.until)}",
            when=earlier.time,
        )  # fmt: skip


def decided(life: Life, data: dict[str, Any]) -> None:
    """An answer: one on each evidence, in time, and an acceptance on what still holds alone."""
    version, what, by = version_of(life, data), str(data["what"]), person_of(data)
    if what not in ANSWERS:
        raise Refused(f"{what!r} is no answer")
    digest = str(data["digest"])
    given = next((each for each in version.decisions if each.evidence == digest), None)
    if given is not None:
        raise Refused(*_given(version, given))
    there(version)
    newest = version.newest
    if newest is None or newest.digest != digest:
        raise Refused(_stale(version, digest))
    if version.state not in (S.EVALUATED, S.ASKED):
        raise Refused(*_said(version, "waits for no answer"))
    if what == "expired":
        if version.state is not S.ASKED:
            raise Refused(f"nobody was asked about version {version.number}, so nothing has expired")
        return
    until = version.asked.until if version.asked is not None else None
    if version.state is S.ASKED and until is not None and data["answered"] > until:
        raise Refused(f"the time to answer on version {version.number} ended at {moment(until)}", when=until)
    if what != "accepted":
        return
    current(life, version, digest)
    if by.how not in BY_HAND and newest.verdict is not True:
        said = "can't tell whether" if newest.verdict is None else "says that"
        held = "they hold" if newest.verdict is None else "they don't hold"
        raise Refused(f"version {version.number} is accepted by conditions alone, and its evidence {said} {held}")


def put_in_use(life: Life, data: dict[str, Any]) -> None:
    """A version answers from now on: after an acceptance on its newest evidence, against today's champion.

    One that is rolling out has all that: its evidence was the newest against this champion when it began.
    """
    version, _ = version_of(life, data), person_of(data)
    if rollout_rules.promoted(life, version, data):
        return
    to_be_used(life, version)


def to_be_used(life: Life, version: Version) -> None:
    """Refuse where nobody has accepted a version on its newest evidence, or that is about another champion."""
    there(version)
    accepted = version.decision
    if accepted is not None and accepted.what != "accepted":
        raise Refused(*_given(version, accepted))
    if accepted is None or version.state is not S.ACCEPTED:
        if version.state in (S.REPLACED, S.TAKEN_BACK, S.RETIRED):
            raise Refused(*_said(version, "is put in use again only after another evaluation and acceptance"))
        raise Refused(f"version {version.number} is {version.state}: nobody has accepted it on its newest evidence")
    current(life, version, accepted.evidence)


def rollout_begun(life: Life, data: dict[str, Any]) -> None:
    """A version answers beside the champion from now on: after the same as one that is put in use."""
    version, _ = version_of(life, data), person_of(data)
    if version.state is S.ROLLING_OUT:
        raise Refused(f"version {version.number} is being rolled out already")
    to_be_used(life, version)
    rollout_rules.begun(life, data)


def taken_back(life: Life, data: dict[str, Any]) -> None:
    """A version stops answering; one that was in use before it answers again, or none does."""
    version, to, _ = version_of(life, data), data.get("to"), person_of(data)
    rollout_rules.plain(data)
    if version.state is S.ROLLING_OUT:
        rollout_rules.taken_back(life, version, None if to is None else int(to))
        return
    if version.state is not S.IN_USE:
        last = life.shares[-1] if life.shares else None
        who, when = (last.by, last.time) if last is not None else (None, None)
        raise Refused(f"version {version.number} is {version.state}, so it can't be taken back", who, when)
    if to is None:
        return
    back = life.version(int(to))
    there(back)
    if back.state is not S.REPLACED:
        raise Refused(*_said(back, "can't answer again: only a version that was in use and was replaced can"))


def retired(life: Life, data: dict[str, Any]) -> None:
    """A version is set aside for good: none that answers."""
    version = version_of(life, data)
    if version.state is S.IN_USE:
        raise Refused(f"version {version.number} is in use: take it back first, or put another one in use")
    if version.state is S.ROLLING_OUT:
        raise Refused(f"version {version.number} is being rolled out: take it back first")
    if version.state is S.RETIRED:
        raise Refused(*_said(version, "is retired already"))


def removed(life: Life, data: dict[str, Any]) -> None:
    """A version's files go: of one that nobody needs any more alone."""
    version = version_of(life, data)
    there(version)
    if version.state not in REMOVABLE:
        raise Refused(*_said(version, "keeps its files"))


def retrain(life: Life, data: dict[str, Any]) -> None:
    """A run is asked for, unless the brake holds: one at a time, and what no person asks for no oftener than stated."""
    experiment, at = str(data["experiment"]), float(data["at"])
    mine = [each for each in life.retrainings.values() if each.experiment == experiment]
    open_one = next((each for each in mine if each.ended is None), None)
    if open_one is not None:
        run = f"its run {open_one.run} goes on" if open_one.run else "its run has not started"
        raise Braked(
            f"retraining {open_one.id} of {experiment} was asked for already, and {run}", None, open_one.by,
            open_one.time,
        )  # fmt: skip
    if person_of(data).how in BY_HAND:
        return
    waiting = [each for each in life.undecided() if each.source.experiment == experiment]
    if waiting:
        version = waiting[0]
        raise Braked(
            f"version {version.number} came of {experiment} and nobody has decided on it yet", None,
            version.offered_by, version.offered_at,
        )  # fmt: skip
    rollout = life.rollout
    if rollout is not None and life.version(rollout.version).source.experiment == experiment:
        raise Braked(
            f"version {rollout.version} came of {experiment} and is being rolled out", None, rollout.by, rollout.begun
        )
    most, within = int(data["at_most"]), float(data["within"])
    lately = sorted(each.time for each in mine if each.time > at - within)
    if most >= 1 and len(lately) < most:
        return
    if most < 1:
        raise Braked(f"no retraining of {experiment} is allowed without a person")
    until = lately[-most] + within
    raise Braked(
        f"{experiment} was retrained {len(lately)} times within {seconds(within)}, and {most} are allowed: possible "
        f"again at {moment(until)}",
        until,
    )  # fmt: skip


def retraining(life: Life, data: dict[str, Any]) -> None:
    """A run has started, or is over."""
    number = int(data["id"])
    if number not in life.retrainings:
        raise Refused(f"there is no retraining {number}")
    found = life.retrainings[number]
    if found.ended is not None:
        raise Refused(f"retraining {number} is over: {found.outcome}", found.by, found.ended)
    if "run" in data and found.run and found.run != data["run"]:
        raise Refused(f"retraining {number} has started as {found.run}", found.by, found.started)


def interval_begun(life: Life, data: dict[str, Any]) -> None:
    """An interval is claimed: not one that was scored, unless a person wants it scored again."""
    version, key = version_of(life, data), str(data["key"])
    there(version)
    done, held = life.scoring.done.get(key), life.scoring.open.get(key)
    generation = int(data["generation"])
    wanted = done.generation + 1 if done is not None else 1
    if generation != wanted:
        by = f"by version {done.version}" if done is not None else "never"
        raise Refused(f"the interval {key} was scored {by}: what comes next is its generation {wanted}")
    if done is not None and not data.get("why"):
        raise Refused(f"the interval {key} was scored by version {done.version} already")
    if held is not None and held.run != data["run"] and data.get("from") != held.run:
        raise Refused(f"the interval {key} is being scored by the run {held.run}", when=held.begun)
    if int(data["attempt"]) != (held.attempt + 1 if held is not None else 1):
        raise Refused(f"the interval {key} was claimed meanwhile")
    if data.get("then"):
        if version.number not in life.shares_at(float(data["end"])):
            raise Refused(f"version {version.number} was not in use at {moment(float(data['end']))}")
    elif version.number not in life.shares_now():
        champion = f": version {life.champion} is" if life.champion is not None else ""
        raise Refused(f"version {version.number} is not in use{champion}")


def interval_ended(life: Life, data: dict[str, Any]) -> None:
    """An interval is scored: by whoever has the newest claim alone, and not by a version that was taken back."""
    key = str(data["key"])
    held, done = life.scoring.open.get(key), life.scoring.done.get(key)
    if held is None:
        if done is not None and done.generation >= int(data["generation"]):
            raise Refused(f"the interval {key} was scored by version {done.version} already")
        raise Refused(f"nobody has claimed the interval {key}")
    if (held.generation, held.attempt) != (int(data["generation"]), int(data["attempt"])):
        raise Refused(f"a later claim on the interval {key} counts: attempt {held.attempt}, of the run {held.run}")
    if data.get("failed") is not None:
        return
    version = life.version(held.version)
    back = version.reached(S.TAKEN_BACK)
    if version.state is S.TAKEN_BACK and back is not None and back >= held.begun:
        last = next((each for each in reversed(life.shares) if each.cause == "taken_back"), None)
        raise Refused(
            f"version {version.number} was taken back while it scored {key} ({version.note}): to be scored by "
            f"{f'version {life.champion}' if life.champion is not None else 'another version'}",
            last.by if last is not None else None, back,
        )  # fmt: skip


def there(version: Version) -> None:
    """Refuse what needs a version's files once they are removed."""
    if version.removed is not None:
        raise Refused(f"the files of version {version.number} were removed", when=version.removed)


def current(life: Life, version: Version, digest: str) -> None:
    """Refuse evidence that is not the newest, or was compared with a champion that is none any more."""
    newest = version.newest
    if newest is None or newest.digest != digest:
        raise Refused(_stale(version, digest))
    if newest.champion != life.champion:
        then = "no version" if newest.champion is None else f"version {newest.champion}"
        now = "none" if life.champion is None else f"version {life.champion}"
        last = life.shares[-1] if life.shares else None
        raise Refused(
            f"version {version.number} was compared with {then}, and the champion is {now}: evaluate it again",
            last.by if last is not None else None, last.time if last is not None else None,
        )  # fmt: skip


def undecided(version: Version) -> None:
    """Refuse where an answer on the newest evidence stands, or the version is past answers."""
    given = version.decision
    if given is not None:
        raise Refused(*_given(version, given))
    if version.state not in (S.EVALUATED, S.ASKED):
        raise Refused(*_said(version, "waits for no answer"))


def _stale(version: Version, digest: str) -> str:
    newest = version.newest
    if newest is None:
        return f"version {version.number} has no evidence yet"
    return (
        f"the evidence {digest[:12]} is not the newest on version {version.number}, which is {newest.digest[:12]} of "
        f"{moment(newest.time)}: read that"
    )


def _given(version: Version, given: Decision) -> tuple[str, Person, float]:
    words = f"version {version.number} was {given} at {moment(given.time)}, on this same evidence"
    note = f" ({given.note})" if given.note else ""
    return f"{words}{note}", given.by, given.time


def _said(version: Version, what: str) -> tuple[str, Person | None, float | None]:
    since = version.moves[-1].time if version.moves else None
    last = version.decisions[-1] if version.decisions else None
    when = f" since {moment(since)}" if since is not None else ""
    return f"version {version.number} is {version.state}{when}: it {what}", last.by if last else None, since


RULES: dict[str, Callable[[Life, dict[str, Any]], None]] = {
    "offered": offered,
    "taken": taken,
    "evaluated": evaluated,
    "asked": asked,
    "decided": decided,
    "in_use": put_in_use,
    "taken_back": taken_back,
    "rollout_begun": rollout_begun,
    "rollout_step": rollout_rules.stepped,
    "rollout_held": rollout_rules.held,
    "retired": retired,
    "removed": removed,
    "retrain": retrain,
    "retraining": retraining,
    "interval_begun": interval_begun,
    "interval_ended": interval_ended,
}

__all__ = ["ANSWERS", "REMOVABLE", "RULES", "NoSuchVersion", "current", "person_of", "there", "undecided", "version_of"]
