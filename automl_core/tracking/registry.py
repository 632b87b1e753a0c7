"""The versions of a model as a registered model of MLflow, with its aliases: derived from the journal, again and again.

What MLflow does, by REST, 3.17 (tests/heavy/test_mlflow.py): an alias that is set takes the place of the old one
without a trace; a deleted version takes its aliases along; an absent alias is 400 and can be deleted all the same; a
version's number is never given twice; a source has to be remote, and isn't looked at. So numbers there need not be
ours: a tag has ours, and truth stays the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from automl_core.models.life import Life, Version, VersionState
from automl_core.tracking import words
from automl_core.tracking.server import MARK, MlflowError, MlflowServer

CHAMPION, CHALLENGER = "champion", "challenger"
"""The aliases: what is in use; and the version that is being rolled out, else the newest on its way."""

MODEL, VERSION, DIGEST = "automl.model", "automl.version", "automl.digest"
"""Tags: which model's version it is, and which one."""

_ON_ITS_WAY = (
    VersionState.OFFERED, VersionState.EVALUATED, VersionState.ASKED, VersionState.ACCEPTED, VersionState.ROLLING_OUT
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Registered:
    """What was written.

    Attributes:
        name: of the registered model.
        written: versions that were made, or whose tags were brought up to date.
        kept: versions that stood there already as they are.
        removed: versions that were deleted: their files are gone, or they stood there twice.
        aliases: alias → number of MLflow's version; one that nothing has is None.
    """

    name: str
    written: int
    kept: int
    removed: int
    aliases: dict[str, int | None]


def register(server: MlflowServer, life: Life, model: str, storage: str, *, name: str | None = None) -> Registered:
    """Write the versions of a model to a registry.

    What stands there already as it is stays, and versions that others have made are left alone; so a second call
    completes a first one that was cut off.

    Args:
        server: where to.
        life: the model's state.
        model: its name.
        storage: URL of the model storage path that it lies in.
        name: of the registered model, which is made where there is none; the model's own when left out.

    Raises:
        MlflowError: the server can't be reached, or refuses; or the storage is a folder, which MLflow takes for none.
    """
    storage = storage.rstrip("/")
    if storage.partition("://")[0] in ("", "file"):
        raise MlflowError(f"{storage}: MLflow takes only versions that lie in a bucket (s3://…, oss://…)")
    registered, identity = name or model, f"{storage}/{model}"
    server.make_registered_model(registered, f"Versions of {identity}, by its journal")
    known, twice = _known(server, registered, identity)
    written = kept = 0
    removed = len(twice)
    for number in twice:
        server.delete_version(registered, number)
    places: dict[int, int] = {}
    for version in sorted(life.versions.values(), key=lambda each: each.number):
        found = known.get(version.number)
        if version.removed is not None:
            if found is not None:
                server.delete_version(registered, found[0])
                removed += 1
            continue
        tags = tags_of(life, version, identity)
        if found is None:
            places[version.number] = server.create_version(registered, f"{storage}/{version.model.prefix}", tags)
            written += 1
            continue
        places[version.number] = found[0]
        changed = {key: value for key, value in tags.items() if found[1].get(key) != value}
        gone = [key for key in found[1] if key.startswith("automl.") and key not in tags and key != MARK]
        for key, value in changed.items():
            server.tag_version(registered, found[0], key, value)
        for key in gone:
            server.untag_version(registered, found[0], key)
        written, kept = (written + 1, kept) if changed or gone else (written, kept + 1)
    return Registered(registered, written, kept, removed, _aliases(server, registered, life, places))


def tags_of(life: Life, version: Version, identity: str) -> dict[str, str]:
    """What a version is tagged with: where it comes from, what it was accepted on, and where it stands.

    Args:
        life: the model's state.
        version: one of it.
        identity: storage and name of the model.
    """
    source, newest = version.source, version.newest
    accepted = next((each for each in reversed(version.decisions) if each.what == "accepted"), None)
    tags = {
        MODEL: identity, VERSION: str(version.number), DIGEST: version.model.digest, "automl.state": str(version.state),
        "automl.experiment": source.experiment, "automl.run": source.run, "automl.metric": source.metric,
        "automl.value": "" if source.value is None else repr(source.value),
        "automl.evidence": newest.digest if newest is not None else "",
        "automl.verdict": "" if newest is None or newest.verdict is None else str(newest.verdict).lower(),
        "automl.accepted_by": accepted.by.name if accepted is not None else "",
        "automl.accepted_on": accepted.evidence if accepted is not None else "",
        "automl.note": version.note,
    }  # fmt: skip
    return {key: words.tag(value) for key, value in tags.items() if value}


def _known(
    server: MlflowServer, name: str, identity: str
) -> tuple[dict[int, tuple[int, Mapping[str, str]]], list[int]]:
    """Our versions there: ours → MLflow's number and tags; and the numbers of those that stand there again."""
    known: dict[int, tuple[int, Mapping[str, str]]] = {}
    twice = []
    for number, tags in sorted(server.versions(name), key=lambda each: each[0]):
        ours = tags.get(VERSION, "")
        if tags.get(MODEL) != identity or not ours.isdecimal():
            continue
        if int(ours) in known:
            twice.append(number)
        else:
            known[int(ours)] = (number, tags)
    return known, twice


def _aliases(server: MlflowServer, name: str, life: Life, places: Mapping[int, int]) -> dict[str, int | None]:
    """Set both aliases as the journal says, and take away what is no more."""
    on_its_way = [each.number for each in life.versions.values() if each.state in _ON_ITS_WAY and each.number in places]
    if life.rollout is not None and life.rollout.version in places:
        on_its_way = [life.rollout.version]
    wanted = {
        CHAMPION: places.get(life.champion) if life.champion is not None else None,
        CHALLENGER: places[max(on_its_way)] if on_its_way else None,
    }
    now = server.aliases(name)
    for alias, number in wanted.items():
        if number is None:
            if alias in now:
                server.delete_alias(name, alias)
        elif now.get(alias) != number:
            server.set_alias(name, alias, number)
    return wanted


def shown(done: Registered) -> str:
    """What was written, for people."""
    aliases = ", ".join(f"{alias} is its version {number}" for alias, number in done.aliases.items() if number)
    counts: list[Any] = [f"{done.written} written", f"{done.kept} stood there already"]
    if done.removed:
        counts.append(f"{done.removed} deleted")
    return f"{done.name}: {', '.join(counts)}; {aliases or 'no alias'}"
