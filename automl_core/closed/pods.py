"""What stands in pods, and in whatever else a cluster makes pods of: images, and ways around a network policy.

Controllers have words of their own for where a pod stands in their resources (``template.spec``, ``headGroupSpec``,
``sidecars``, ``sparkImage``), and new ones come. So nothing is looked for at a place: every ``image`` anywhere counts,
and every field by which a pod would leave its network, its node or the list of data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from automl_core.closed.images import fixed_part_is_allowed, refusal
from automl_core.closed.places import is_allowed, parse_place
from automl_core.closed.policy import Policy
from automl_core.spec.errors import Path as Where
from automl_core.spec.errors import Problem, show

ON_THE_HOST = {
    "hostNetwork": "such a pod has its node's network, to which no network policy applies",
    "hostPID": "such a pod sees the processes of its node",
    "hostIPC": "such a pod shares memory with its node's processes",
    "privileged": "such a container can do on its node what root can, its network among it",
}
"""Fields that must not be true, and why."""

_RAW = ("NET_ADMIN", "NET_RAW", "SYS_ADMIN", "ALL")
_HARMLESS = ("emptyDir", "configMap", "secret", "downwardAPI", "projected")
"""Volumes that bring no data of their own; config maps and secrets are the namespace's."""

_NO_SOURCE = ("name",)


def images_in(value: Any, where: Where = ()) -> Iterator[tuple[Where, Any]]:
    """Every image that a piece of a pod or a resource names, with its place.

    What is called ``image``, or ends in it (``driverImage``), names one; a mapping under that name is the volume of an
    image, with its ``reference``.
    """
    if isinstance(value, Mapping):
        for key, child in value.items():
            here = (*where, str(key))
            if str(key).lower().endswith("image") and not isinstance(child, list | Mapping):
                yield here, child
            elif str(key) == "image" and isinstance(child, Mapping) and "reference" in child:
                yield (*here, "reference"), child["reference"]
            else:
                yield from images_in(child, here)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for index, child in enumerate(value):
            yield from images_in(child, (*where, index))


def image_problem(text: Any, where: Where, policy: Policy, values: Sequence[str] = ()) -> Problem | None:
    """What is wrong with an image that a file names.

    Args:
        text: its name.
        where: its place.
        policy: the deployment's.
        values: all names that it may come to have, where ``${…}`` stands in it and these are known.
    """
    if text in (None, ""):  # of a container whose image another field brings
        return None
    names = list(values) or [str(text)]
    if "${" in str(text) and not values:
        why = "" if fixed_part_is_allowed(str(text), policy.images) else (
            f"what {show(text)} will be is not known before it runs, and what stands before its first ${{ lies below "
            "no image on this deployment's list"
        )  # fmt: skip
    else:
        why = next((found for each in names if (found := refusal(each, policy.images, digests=policy.digests))), "")
    if not why:
        return None
    return Problem(why, where, found=show(text), allowed=_said(policy))


def _said(policy: Policy) -> tuple[str, ...]:
    listed = tuple(f"{rule.text}{' by digest' if policy.digests and not rule.digest else ''}" for rule in policy.images)
    return listed or ("none: [automl] closed_images is empty",)


def ways_out(value: Any, policy: Policy, base: Path, where: Where = ()) -> Iterator[Problem]:
    """Everything in a pod, or in a resource that pods are made of, by which it would leave the closed environment.

    Args:
        value: a pod, a part of one, or a custom resource.
        policy: the deployment's.
        base: where relative folders begin.
        where: its place.
    """
    if isinstance(value, Mapping):
        for key, child in value.items():
            here = (*where, str(key))
            if key in ON_THE_HOST and _is_true(child):
                yield Problem(f"{ON_THE_HOST[str(key)]}; a closed environment takes none", here, found=show(child))
            elif key == "add" and isinstance(child, list) and where and where[-1] == "capabilities":
                yield from _capabilities(child, here)
            elif key in ("volumes", "volumeClaimTemplates") and isinstance(child, list):
                for index, volume in enumerate(child):
                    yield from _volume(volume, policy, base, (*here, index))
            else:
                yield from ways_out(child, policy, base, here)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for index, child in enumerate(value):
            yield from ways_out(child, policy, base, (*where, index))


def _is_true(value: Any) -> bool:
    """Whether a field is, or may come to be, true: a text is one where ``json_at`` reads it."""
    return value is True or (isinstance(value, str) and (value.strip().lower() == "true" or "${" in value))


def capability_problems(names: Sequence[Any], where: Where) -> Iterator[Problem]:
    """Capabilities by which a container would get around its network policy."""
    yield from _capabilities(names, where)


def _capabilities(names: Sequence[Any], where: Where) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if str(name).upper().removeprefix("CAP_") in _RAW or "${" in str(name):
            yield Problem(
                f"with {name} a container can change or get around its network; a closed environment takes no such",
                (*where, index), found=show(name),
            )  # fmt: skip


def _volume(volume: Any, policy: Policy, base: Path, where: Where) -> Iterator[Problem]:
    """What is wrong with one volume of a pod: the node mounts it, and no network policy applies to that."""
    if not isinstance(volume, Mapping):
        return
    if isinstance(volume.get("spec"), Mapping) and "name" not in volume:  # a claim that is made on the spot
        return
    for kind, source in volume.items():
        here = (*where, str(kind))
        if kind in (*_HARMLESS, *_NO_SOURCE, "image"):
            continue
        if kind == "persistentVolumeClaim" and isinstance(source, Mapping):
            yield from claim_problems(source.get("claimName"), policy, base, (*here, "claimName"))
        elif kind == "hostPath" and isinstance(source, Mapping):
            yield from folder_problems(source.get("path"), policy, base, (*here, "path"))
        elif kind == "ephemeral" and isinstance(source, Mapping):
            spec = (source.get("volumeClaimTemplate") or {}).get("spec") or {}
            if any(spec.get(name) for name in ("dataSource", "dataSourceRef")):
                yield Problem("a claim that begins with what lies elsewhere is not on this deployment's list", here)
        else:
            yield Problem(
                f"a volume of the kind {kind} brings data that this deployment's list can't name: its node mounts it, "
                "and no network policy applies to that",
                here, allowed=(*_HARMLESS, "persistentVolumeClaim", "hostPath"),
            )  # fmt: skip


def claim_problems(name: Any, policy: Policy, base: Path, where: Where) -> Iterator[Problem]:
    """What is wrong with a persistent volume claim."""
    yield from _place_problems(f"claim://{name}", f"the claim {name!r}", policy, base, where)


def folder_problems(path: Any, policy: Policy, base: Path, where: Where) -> Iterator[Problem]:
    """What is wrong with a folder of a node."""
    yield from _place_problems(f"file://{path}", f"the folder {path!r} of a node", policy, base, where)


def _place_problems(text: str, named: str, policy: Policy, base: Path, where: Where) -> Iterator[Problem]:
    rules = (*policy.data, *policy.stores)
    try:
        fine = "${" not in text and is_allowed(parse_place(text, base), rules)
    except ValueError as error:
        yield Problem(str(error), where)
        return
    if not fine:
        yield Problem(
            f"{named} is not on this deployment's lists of data and stores", where, found=show(text.partition("://")[2]),
            allowed=tuple(rule.text for rule in rules if rule.place.scheme in ("claim", "file"))
            or ("none: [automl] closed_data has no claim:// and no file://",),
        )  # fmt: skip
