"""What a deployment allows in its closed environment, as its operator has written it down."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from automl_core.closed import images, network, places
from automl_core.closed.errors import Unreadable
from automl_core.closed.images import ImageRule
from automl_core.closed.network import Address, NameServer, Reach
from automl_core.closed.places import PlaceRule

T = TypeVar("T")

SECTION = "automl"
"""Section of Airflow's configuration in which the options stand."""

OPTIONS = (
    "closed", "closed_stores", "closed_images", "closed_digests", "closed_data", "closed_network", "closed_dns",
    "closed_reachable", "closed_forbidden", "closed_probe_image", "closed_resources",
)  # fmt: skip
"""Names of the options."""

USUAL_DNS = "kube-system/k8s-app=kube-dns"

USUAL_RESOURCES = (
    "trainer.kubeflow.org/TrainJob=jobset.sigs.k8s.io/jobset-name, "
    "kubeflow.org/PyTorchJob=training.kubeflow.org/job-name"
)
"""Kinds of which every pod has the label. A RayJob's cluster has not, and a Workflow may create anything."""

MOST_ADDRESSES = 16
"""Addresses of each kind that a probe tries: what it found has to fit into a pod's status."""

_TRUE, _FALSE = ("true", "t", "1", "yes", "on"), ("false", "f", "0", "no", "off", "")


@dataclass(frozen=True, slots=True)
class Policy:
    """A deployment's lists.

    Attributes:
        closed: whether every experiment is closed; else those that say so themselves.
        stores, data: places of model storage and of data.
        images: container images.
        digests: whether images have to be named by their digests.
        reaches: networks and ports that pods may reach.
        name_servers: who answers pods for names.
        reachable, forbidden: addresses that a probe has to reach, and must not.
        resources: kinds of custom resources (group and kind) → the label that all of their pods have.
        probe_image: image of the probe; None for the product's own, else that of the training.
        problems: what can't be read of all this. While there is any, nothing runs that is closed.
    """

    closed: bool = False
    stores: tuple[PlaceRule, ...] = ()
    images: tuple[ImageRule, ...] = ()
    digests: bool = False
    data: tuple[PlaceRule, ...] = ()
    reaches: tuple[Reach, ...] = ()
    name_servers: tuple[NameServer, ...] = ()
    reachable: tuple[Address, ...] = ()
    forbidden: tuple[Address, ...] = ()
    resources: Mapping[str, str] = field(default_factory=dict)
    probe_image: str | None = None
    problems: tuple[str, ...] = ()


def read_policy(get: Callable[[str], str | None]) -> Policy:
    """The deployment's lists, from its options.

    What can't be read closes: a mistake in a list leaves nothing open.

    Args:
        get: an option's text by its name, one of `OPTIONS`; None or empty where it is not set.
    """
    problems: list[str] = []

    def each(option: str, parse: Callable[[str], T], usual: str = "") -> tuple[T, ...]:
        made = []
        for text in _items(get(option) or usual):
            try:
                made.append(parse(text))
            except ValueError as error:
                problems.append(f"[{SECTION}] {option}: {error}")
        return tuple(made)

    def flag(option: str) -> bool:
        text = (get(option) or "").strip().lower()
        if text not in (*_TRUE, *_FALSE):
            problems.append(f"[{SECTION}] {option}: {text!r} is neither True nor False")
        return text not in _FALSE

    policy = Policy(
        closed=flag("closed"),
        stores=each("closed_stores", places.parse_rule),
        images=each("closed_images", images.parse_rule),
        digests=flag("closed_digests"),
        data=each("closed_data", places.parse_rule),
        reaches=each("closed_network", network.parse_reach),
        name_servers=each("closed_dns", network.parse_name_server, USUAL_DNS),
        reachable=each("closed_reachable", network.parse_address),
        forbidden=each("closed_forbidden", network.parse_address),
        resources=dict(each("closed_resources", _resource, USUAL_RESOURCES)),
        probe_image=(get("closed_probe_image") or "").strip() or None,
    )
    problems += [] if problems else _contradictions(policy)
    return Policy(
        **{name: getattr(policy, name) for name in Policy.__slots__ if name != "problems"}, problems=tuple(problems)
    )


def _contradictions(policy: Policy) -> list[str]:
    """Addresses that a probe could never find as it is to find them."""
    found = [
        f"[{SECTION}] closed_forbidden: {each} lies in closed_network, so pods may reach it"
        for each in policy.forbidden
        if network.is_reached(each, policy.reaches)
    ]
    found += [
        f"[{SECTION}] closed_reachable: {each} does not lie in closed_network, so no pod reaches it"
        for each in policy.reachable
        if network.is_reached(each, policy.reaches) is False
    ]
    found += [
        f"[{SECTION}] {option}: {len(addresses)} addresses, and a probe tries {MOST_ADDRESSES} at most"
        for option, addresses in (("closed_reachable", policy.reachable), ("closed_forbidden", policy.forbidden))
        if len(addresses) > MOST_ADDRESSES
    ]
    if policy.probe_image is not None:
        why = images.refusal(policy.probe_image, policy.images, digests=policy.digests)
        found += [f"[{SECTION}] closed_probe_image: {why}"] if why else []
    return found


def _resource(text: str) -> tuple[str, str]:
    """``GROUP/KIND=LABEL``.

    Raises:
        Unreadable: it is none.
    """
    kind, equals, label = text.partition("=")
    if not equals or kind.count("/") != 1 or not all((*kind.split("/"), label)):
        raise Unreadable(
            f"{text!r}: GROUP/KIND=LABEL is wanted here, such as trainer.kubeflow.org/TrainJob="
            "jobset.sigs.k8s.io/jobset-name"
        )
    return kind.strip(), label.strip()


def _items(text: str) -> Sequence[str]:
    """The entries of a list: with commas between, or a line each."""
    return [item for item in (part.strip() for part in re.split(r"[,\n]", text)) if item]
