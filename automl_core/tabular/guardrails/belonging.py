"""Rows that belong together or follow in time: what a random split would mix."""

from __future__ import annotations

from collections.abc import Iterator

from automl_core.tabular.guardrails.finding import Finding, listed
from automl_core.tabular.guardrails.look import Look


def check(look: Look) -> Iterator[Finding]:
    """Groups and time, as `structure.detect` sees them."""
    found = look.structure
    evidence = "; ".join(found.evidence)
    if found.asked is not None:
        yield Finding(
            "group", "doubtful", (found.asked,),
            f"{found.asked} may name groups of rows that belong together: {evidence}",
            f"{found.asked} is learned from, since known values of it are asked for",
            f"if rows to predict are of new values of {found.asked}, name it as columns.group"
            + (", and give a validation set of other ones" if look.own else ""),
            dict(found.numbers),
        )  # fmt: skip
    ordered = float(found.numbers.get("order_tells", 0.0))
    if found.group is not None and found.group != look.roles.get("group"):
        sure = found.kind == "group"
        yield Finding(
            "group", "certain" if sure else "doubtful", (found.group,),
            f"{found.group} {'names' if sure else 'may name'} groups of rows that belong together: {evidence}",
            (f"judged by the validation set that was given; {found.group} is not learned from" if look.own
             else f"validated by groups: all rows of one {found.group} are on one side; {found.group} itself is not "
             "learned from")
            if sure else "nothing: rows are divided at random",
            f"if rows to predict are of the same values of {found.group}, {_at_random(look)}; else "
            f"name it as columns.group{_ordered(found.group, look.table.target_name, ordered)}"
            if sure else f"if rows to predict are of new values of {found.group}, name it as columns.group",
            dict(found.numbers), found.drop,
        )  # fmt: skip
    in_time = found.kind == "time" or (found.group is None and found.certainty == "doubtful")
    if in_time and found.time != look.roles.get("time", ""):
        sure = found.kind == "time"
        told = listed(found.time_columns) if found.time_columns else "the file's own order"
        yield Finding(
            "time", "certain" if sure else "doubtful", found.time_columns,
            f"rows {'follow' if sure else 'may follow'} each other in time, by {told}: {evidence}",
            "nothing: rows are divided at random" if not sure
            else "judged by the validation set that was given" if look.own
            else "validated by time: later rows judge what earlier ones teach",
            f"if rows to predict are from among these moments, {_at_random(look)}" if sure
            else "if later rows are to be predicted, name their moment as columns.time",
            dict(found.numbers),
        )  # fmt: skip


def _at_random(look: Look) -> str:
    return "a validation set of such rows tells it" if look.own else "say structure: false: rows are divided at random"


def _ordered(group: str, target: str, tells: float) -> str:
    if not tells:
        return ""
    return (
        f". The order of {group} alone explains {tells:.0%} of {target} for values never seen: it seems to be numbered "
        "by the outcome (a sorted file), and a model that learned from it would look good and know nothing of new ones"
    )
