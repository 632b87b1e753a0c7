"""The ledger's figures for those who label, while they do: nothing moves in them by which a known answer would show.

Whoever labels an item and finds a moment later that there is one gold answer more, and one right one less, knows which
item it was, and what they should have said. Once no batch is open, figures of many answers come at once.
"""

from __future__ import annotations

from typing import Any

from automl_core.annotation.ledger.ledger import Ledger
from automl_core.annotation.ledger.lines import GOLD
from automl_core.annotation.ledger.right import Share
from automl_core.annotation.ledger.sums import Sum, listed
from automl_core.annotation.ledger.use import MEANS, Standing

WHY = (
    "Figures of items whose answer is known are told once no batch is open: who labels is not to learn which items "
    "these are."
)


def while_labelling(ledger: Ledger) -> dict[str, Any]:
    """`Ledger.to_json` for somebody who labels: without gold, while people are asked about items.

    Sums stay whole: what gold answers cost stands beside what they look like, ``useful`` by why they were asked for and
    ``waits`` by what became of them.
    """
    body = ledger.to_json()
    if not (ledger.facts.asked and ledger.facts.gold):
        return body
    kinds = dict(ledger.cube.by("kind"))
    gold = kinds.pop(GOLD, Sum())
    kinds["useful"] = kinds.get("useful", Sum()) + gold
    body["cost"]["by_kind"] = list(listed(dict(sorted(kinds.items())), "kind"))
    waits = ledger.standings[Standing.WAITS] + ledger.standings[Standing.GOLD]
    body["use"]["standings"] = [
        {"standing": each["standing"], "means": MEANS[Standing.WAITS], **waits.to_json()}
        if each["standing"] == Standing.WAITS
        else each
        for each in body["use"]["standings"]
        if each["standing"] != Standing.GOLD
    ]
    nothing = Share.counted(0, 0).to_json()
    right = body["right"]
    right |= {"people": nothing, "imported": nothing, "hidden": WHY}
    right["authors"] = [{**each, "gold": nothing, "verdict": "open"} for each in right["authors"]]
    return body
