"""What in a valid file of an annotation project may be a slip, or is worth knowing."""

from __future__ import annotations

from collections.abc import Iterator

from automl_core.annotation.file.ahead import ahead, least_for_promise, least_for_target
from automl_core.annotation.file.annotation import AnnotationFile
from automl_core.annotation.file.items import BY_ADDRESS
from automl_core.spec.errors import Problem, show
from automl_core.spec.units import format_duration


def warnings_of(file: AnnotationFile) -> list[Problem]:
    """Everything that may be a slip, and what is worth knowing, without file and line.

    Args:
        file: a valid one.
    """
    return [*_items(file), *_labels(file), *_promise(file), *_stop(file), *_people(file)]


def _items(file: AnnotationFile) -> Iterator[Problem]:
    items, people = file.items, file.people
    if items.label is not None and items.show is not None and items.label in items.show:
        yield Problem(
            f"who labels sees the label that the data bring ({items.label!r}), and will often repeat it",
            ("items", "show", items.show.index(items.label)), found=show(items.label), severity="warning",
        )  # fmt: skip
    if items.kind in BY_ADDRESS and people.where == "page":
        yield Problem(
            f"the page shows rows and texts; of an item of kind {items.kind} it shows the address alone",
            ("items", "kind"), found=items.kind, suggestion="Label it in Label Studio: people: {where: label-studio}",
            severity="warning",
        )  # fmt: skip
    if items.gold is None and people.model_fields_set & {"gold", "least_right"} and people.gold > 0:
        field = "gold" if "gold" in people.model_fields_set else "least_right"
        yield Problem(
            "no item has a known answer, so nobody is measured by them", ("people", field),
            suggestion="Name the column with the answers: items: {gold: …}", severity="warning",
        )  # fmt: skip
    if items.gold is not None and people.gold == 0:
        yield Problem(
            "there are items with known answers, and none is ever asked", ("people", "gold"), found="0%",
            suggestion="Say a share such as 5%, or leave out `items.gold`", severity="warning",
        )  # fmt: skip


def _labels(file: AnnotationFile) -> Iterator[Problem]:
    without = len(file.labels.classes) - len(file.labels.keyboard)
    if without and file.people.where == "page":
        yield Problem(
            f"{without} of {len(file.labels.classes)} classes have no key: the keyboard has no more",
            ("labels", "keys"), suggestion="Give keys to those that come most often", severity="note",
        )  # fmt: skip


def _promise(file: AnnotationFile) -> Iterator[Problem]:
    """A promise that the random stratum can't show, whatever people answer."""
    promise, each = file.promise, ahead(file)
    if promise is None or each.stratum is None or each.rounds is None:
        return
    words = f"{promise.accuracy:.4g} right with confidence {promise.confidence:.4g}"
    never = least_for_promise(promise.accuracy, promise.confidence, taken=1.0)
    half = least_for_promise(promise.accuracy, promise.confidence)
    if each.stratum >= half:
        return
    have = (
        f"{each.rounds} rounds of {each.items} items bring {each.stratum} labels of the random stratum "
        f"({each.random} a round)"
    )
    if each.stratum < never:
        said = f"this can never be shown: it takes {never} of them, all right"
    else:
        said = f"it takes {half} of them, all right, where models are to take half of the items"
    more = f"{each.after(half)} rounds, or a larger `select.many` or `random_share`, show it"
    yield Problem(
        f"{words}: {said}; {have}", ("agree",), found=f"{each.stratum} labels", severity="warning",
        suggestion=f"{more[0].upper()}{more[1:]}; `agree: off` promises nothing",
    )  # fmt: skip


def _stop(file: AnnotationFile) -> Iterator[Problem]:
    stop, each, people = file.stop, ahead(file), file.people
    needed = least_for_target(file)
    if needed is not None and each.stratum is not None and each.stratum < needed:
        yield Problem(
            f"that {stop.target:.1%} is met can never be told: it takes {needed} labels of the random stratum, the "
            f"model right on all, and {each.rounds} rounds bring {each.stratum}", ("stop", "target"),
            found=f"{stop.target:.1%}", severity="warning",
            suggestion="Raise `select.many`, `select.random_share` or the number of rounds, or aim lower",
        )  # fmt: skip
    if stop.money is not None and each.cost > stop.money:
        yield Problem(
            f"one round costs {each.cost:.10g} {people.currency}, which is more: the first one gets fewer items, and "
            "is the last", ("stop", "money"), found=show(stop.money),
            suggestion="Choose fewer items a round: select: {many: …}", severity="warning",
        )  # fmt: skip
    if stop.rounds is None and stop.money is None:
        yield Problem(
            "neither rounds nor money bound it: it goes on until the target is met, the curve is flat or a person "
            "stops it" if stop.target is not None or stop.flat is not None
            else "nothing ends it but a person: rounds, money, target and flat are all null",
            ("stop",), suggestion="For example: stop: {rounds: 20}", severity="warning",
        )  # fmt: skip


def _people(file: AnnotationFile) -> Iterator[Problem]:
    people = file.people
    if people.price == 0:
        yield Problem(
            "no price is said, so the ledger counts labels and time, and no money", ("people",),
            suggestion="For example: people: {price: 0.05, currency: EUR}", severity="note",
        )  # fmt: skip
    if people.where == "page" and people.who is None:
        yield Problem(
            "whoever may start runs of this DAG in Airflow may label", ("people",),
            suggestion="Name the people, to ask these alone: people: {who: [anna]}", severity="note",
        )  # fmt: skip
    if people.where != "page" and "lease" in people.model_fields_set:
        yield Problem(
            f"a lease of {format_duration(people.lease)} is the page's, and people label elsewhere",
            ("people", "lease"), severity="warning",
        )  # fmt: skip
    if people.lease > people.within:
        yield Problem(
            f"a task is a person's for {format_duration(people.lease)}, and the round waits no longer than "
            f"{format_duration(people.within)}", ("people", "lease"), severity="warning",
        )  # fmt: skip
