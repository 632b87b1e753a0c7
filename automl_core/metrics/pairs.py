"""Which metrics are one quantity measured on what was learned from and on what was held out.

``train_loss`` and ``valid_loss``, ``train's auc`` and ``valid_0's auc``, ``trainAcc`` and ``valAcc``, ``learn`` and
``test``; and ``loss`` beside ``val_loss``, as Keras and Transformers report them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LEARNED = frozenset({"train", "training", "trn", "learn"})
_HELD_OUT = ("valid", "validation", "val", "eval", "evaluation", "dev", "holdout", "test", "testing")
"""In order: of several the first is held against the training."""

_WORDS = re.compile(r"'s\b|[^\W_]+", re.UNICODE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")

_FALLING = frozenset(
    {
        "loss", "losses", "error", "err", "errors", "mse", "rmse", "mae", "mape", "rmsle", "logloss", "nll", "bce",
        "perplexity", "ppl", "deviance", "wer", "cer", "brier", "entropy", "l1", "l2", "distance", "regret",
    }
)  # fmt: skip
_RISING = frozenset(
    {
        "accuracy", "acc", "auc", "auroc", "auprc", "roc", "f1", "fbeta", "precision", "recall", "sensitivity",
        "specificity", "r2", "map", "ndcg", "mrr", "iou", "miou", "dice", "bleu", "rouge", "score", "top1", "top5",
        "ap", "kappa", "mcc", "correlation", "likelihood",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """One quantity on both sides.

    Attributes:
        base: its name without the side, empty where nothing is left of it.
        learned: the metric on what was learned from.
        held_out: the metric on what was held out.
        others: further ones of the held-out side, such as a test beside the validation.
    """

    base: str
    learned: str
    held_out: str
    others: tuple[str, ...] = ()

    @property
    def direction(self) -> str | None:
        """``minimize`` or ``maximize`` by what such quantities are called; None where the name says nothing."""
        words = set(self.base.split())
        if words & _FALLING:
            return "minimize"
        return "maximize" if words & _RISING else None


def pairs_of(names: Iterable[str]) -> list[Pair]:
    """The pairs among metrics, in the order of their held-out side."""
    learned: dict[str, str] = {}
    bare: dict[str, str] = {}
    held: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        side, base = _parted(name)
        if side is None:
            bare.setdefault(base, name)
        elif side in _LEARNED:
            learned.setdefault(base, name)
        else:
            held.setdefault(base, []).append((_HELD_OUT.index(side), name))
    found = []
    for base, several in held.items():
        partner = learned.get(base, bare.get(base) if base else None)
        if partner is not None:
            first, *others = (name for _, name in sorted(several, key=lambda each: each[0]))
            found.append(Pair(base, partner, first, tuple(others)))
    return found


def _parted(name: str) -> tuple[str | None, str]:
    """The side that a name states, and what is left of it in small letters."""
    words = [word.casefold() for word in _WORDS.findall(_CAMEL.sub(" ", name)) if word != "'s"]
    for place, word in enumerate(words):
        if word in _LEARNED or word in _HELD_OUT:
            rest = words[place + 1 :]
            if rest and rest[0].isdigit() and (len(rest) > 1 or place == 0):  # valid_0's auc
                rest = rest[1:]
            return word, " ".join(words[:place] + rest)
    return None, " ".join(words)
