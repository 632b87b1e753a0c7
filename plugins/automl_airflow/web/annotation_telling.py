"""What an annotation project's file will do and take, in sentences, for who writes it."""

from __future__ import annotations

from automl_core.annotation.file import AnnotationFile
from automl_core.spec.units import format_duration

_PLACES = {"page": "on the page in Airflow", "files": "in files", "label-studio": "in Label Studio"}


def told(file: AnnotationFile) -> list[str]:
    """The sentences: where items come from, who predicts, who labels, and what it takes before it ends."""
    from automl_core.annotation.file.ahead import ahead, least_for_promise, least_for_target
    from automl_core.spec.values import data_set_of

    each, people, stop = ahead(file), file.people, file.stop
    places = ", ".join(data_set_of(place).place for place in file.items.places)
    who = " or ".join(people.who) if people.who else "whoever may start its runs"
    models = " and ".join(f"{one.title} (two families)" if one.models == 2 else one.title for one in file.models)
    lines = [
        f"Items come from {places}; {models} say what they think of them.",
        f"Each round asks for {each.answers:,} labels of people, {_PLACES[people.where]} ({who}), and waits for them "
        f"at most {format_duration(people.within)}; {each.random} of its {each.items:,} items are drawn at random.",
    ]
    most = each.most(people.price, stop.money)
    if each.rounds is not None and most is not None:
        money = f", {most * people.price:,.2f} {people.currency}" if people.price else ""
        rounds = "1 round" if each.rounds == 1 else f"{each.rounds} rounds"
        lines.append(f"At most that is {rounds}: {most:,} labels{money}.")
    if file.promise is None:
        lines.append("Models label nothing by themselves.")
    else:
        promise = file.promise
        least = least_for_promise(promise.accuracy, promise.confidence)
        lines.append(
            f"Where both models are sure and agree, their label is taken, once people have shown that "
            f"{promise.accuracy:.4g} of such labels are right: that takes {least} random labels at least, after round "
            f"{each.after(least)}."
        )
    target = least_for_target(file)
    if target is not None:
        lines.append(
            f"That the target of {stop.target:.4g} is met can be told after {target} random labels at the earliest, in "
            f"round {each.after(target)}."
        )
    return lines
