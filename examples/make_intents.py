"""Make the messages of experiments/intents.annotation.yaml: what customers of a shop write, and what they want.

``python examples/make_intents.py`` writes what is shipped below ``examples/data/intents``: ``messages.jsonl``, which
nobody has labelled, and beside the folder ``intents_truth.csv``, which says what each of them is. Of the latter nothing
but examples/annotate.py knows: it is what a person sees when they read a message. With a number behind it, so many
messages of a later day are written as a further file, as an export of the mailbox would: new items of the same project.

The messages are made up, out of parts that a seed draws. They are as hard as such messages are: most name an order and
a product, whatever they are about, and what tells a refund from a delivery is a few words that each writes otherwise.
"""

from __future__ import annotations

import csv
import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

DATA = Path(__file__).parent / "data"
FOLDER = DATA / "intents"
TRUTH = DATA / "intents_truth.csv"

MESSAGES, SEED = 900, 20
"""Messages that are shipped, and what they are drawn by."""

SHARES = {"order": 0.26, "delivery": 0.24, "refund": 0.2, "account": 0.17, "other": 0.13}
"""How often each intent is."""

PRODUCTS = (
    "kettle", "desk lamp", "rucksack", "jacket", "coffee grinder", "headphones", "bookshelf", "bike light", "keyboard",
    "garden chair", "tent", "blender",
)  # fmt: skip
DAYS = ("on Monday", "last Friday", "two weeks ago", "yesterday", "a while ago", "this morning")

AROUND = (
    ("", "", "", "Hi,", "Hello,", "Dear team,", "Good morning,"),
    ("", "", "", "Thanks.", "Please let me know.", "Best wishes", "It is rather urgent."),
)
"""What messages begin and end with."""

SETTINGS = (
    "I bought the {product} {day}.", "It is about the {product} from {day}.", "My number is {number}.",
    "We talked {day}.", "I wrote to you {day}.",
)  # fmt: skip
"""Sentences before what matters, in any message: they tell nothing."""

CORES: dict[str, tuple[str, ...]] = {
    "order": (
        "I would like to order {thing}", "can I buy {thing}", "do you have {thing} in stock", "I want to buy {thing}",
        "please reserve {thing} for me", "what is the price of {thing}", "is there a discount on {thing}",
        "is {thing} available in another size", "please add {thing} to my basket", "when is {thing} available again",
        "could you make an offer for {count} pieces", "which colours do you have in stock", "is it sold out",
    ),
    "delivery": (
        "where is my parcel", "the tracking of my parcel has not moved", "when does my parcel arrive",
        "the courier left the parcel with a neighbour", "can the courier come after six",
        "the delivery is {count} days late", "can it be delivered to my office",
        "the courier says the address is wrong",
        "nobody rang and the delivery was missed", "how long does the delivery take", "has {thing} been shipped",
        "the shipping status says nothing", "the depot has had it for {count} days",
    ),
    "refund": (
        "I want my money back", "how do I return {thing}", "{thing} is broken and I want a refund",
        "{thing} came with a scratch, please take it back", "I was charged twice",
        "I have sent it back, where is my refund",
        "the wrong colour came, I return it", "it does not fit, can I return it",
        "the invoice is {count} euros too high",
        "who pays for the return label", "please refund {thing}", "cancel it and give the money back",
        "it is faulty and I do not pay for it",
    ),
    "account": (
        "I can not log in to my account", "the link for a new password does not work",
        "please change my e-mail address",
        "how do I delete my account", "somebody else uses my login", "my password is not accepted",
        "where do I change my address in the app", "the login code never comes", "please merge my two accounts",
        "what data of my account do you keep", "the app signs me out", "my bonus points are gone from my account",
        "I need another user for a colleague",
    ),
    "other": (
        "are you hiring", "which bus goes to your shop", "your shop window is lovely", "do you sponsor our school",
        "is the shop open on Sundays", "I left my umbrella in your shop", "we would like to sell candles in your shop",
        "may I bring my dog to the shop", "the music in your shop is too loud", "who designs your posters",
        "do you look for staff", "I write a thesis about shops",
    ),
}  # fmt: skip
"""Intent → what its writers say."""


def messages(many: int = MESSAGES, seed: int = SEED) -> Iterator[tuple[dict[str, str], str]]:
    """Messages and what each of them wants; no text comes twice.

    Args:
        many: how many.
        seed: what they are drawn by; another one makes other messages with other ids.
    """
    draw = random.Random(seed)
    intents, shares = list(SHARES), list(SHARES.values())
    seen: set[str] = set()
    while len(seen) < many:
        intent = draw.choices(intents, shares)[0]
        text = _message(draw, intent)
        if text in seen:
            continue
        seen.add(text)
        yield {"id": f"m{seed}-{len(seen):04d}", "text": text}, intent


def _message(draw: random.Random, intent: str) -> str:
    before, after = (draw.choice(each) for each in AROUND)
    said = draw.sample(CORES[intent], draw.choice((1, 1, 2)))
    if draw.random() < 0.12:  # in passing, something else, too
        said.insert(0, draw.choice(CORES[draw.choice(list(CORES))]))
    parts = [
        before,
        *draw.sample(SETTINGS, draw.choice((0, 0, 1))),
        *(f"{each[0].upper()}{each[1:]}." for each in said),
    ]
    text = " ".join(part for part in [*parts, after] if part)
    text = text.replace("{thing}", draw.choice(("it", "this", "the {product}", "the {product}", "a {product}")))
    text = text.format(
        product=draw.choice(PRODUCTS), day=draw.choice(DAYS), count=draw.randint(2, 9),
        number=draw.randint(10_000, 99_999),
    )  # fmt: skip
    return _typed(draw, text)


def _typed(draw: random.Random, text: str) -> str:
    """As it is typed: one in four has a slip, one in ten no capitals."""
    if draw.random() < 0.1:
        text = text.lower()
    if draw.random() < 0.25:
        at = draw.randrange(1, len(text) - 1)
        text = draw.choice((text[:at] + text[at + 1 :], text[:at] + text[at] + text[at:]))
    return text


def write(path: Path, lines: Sequence[str]) -> Path:
    """Write lines; the file is there whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    partial.replace(path)
    return path


def arrive(many: int, seed: int, folder: Path = FOLDER) -> Path:
    """Write messages of a later day into the folder that the project looks at.

    Args:
        many: how many.
        seed: what they are drawn by, and what the file is called by.
        folder: in which they lie.
    """
    return write(folder / f"messages-{seed}.jsonl", [json.dumps(each) for each, _ in messages(many, seed)])


def truth(path: Path = TRUTH) -> dict[str, str]:
    """The text of each shipped message → what it wants, as somebody sees who reads it.

    Args:
        path: of the table.
    """
    with path.open(newline="", encoding="utf-8") as file:
        intents = {row["id"]: row["intent"] for row in csv.DictReader(file)}
    with (path.parent / "intents" / "messages.jsonl").open(encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    return {each["text"]: intents[each["id"]] for each in found}


def main(arguments: Sequence[str]) -> None:
    """Write what is shipped, or the messages of a later day."""
    if arguments:
        print(arrive(int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else SEED + 1))
        return
    made = list(messages())
    print(write(FOLDER / "messages.jsonl", [json.dumps(each) for each, _ in made]))
    print(write(TRUTH, ["id,intent", *(f"{each['id']},{intent}" for each, intent in made)]))


if __name__ == "__main__":
    main(sys.argv[1:])
