# /// script
# requires-python = ">=3.11"
# dependencies = ["tqdm==4.70.1"]
# ///
"""What tqdm prints: a bar an epoch with the loss in its postfix, on standard error."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from recorder import Case, History, main
from tqdm import tqdm, trange

LOSSES = [[0.9, 0.8, 0.7, 0.6], [0.55, 0.5, 0.45, 0.4], [0.5, 0.55, 0.6, 0.65]]


def _train(bar_of: object, after: object) -> None:
    for epoch, losses in enumerate(LOSSES):
        bar = bar_of(epoch, losses)
        for loss in bar:
            time.sleep(0.06)
            bar.set_postfix(loss=loss)
        bar.close()
        after(epoch, losses[-1])


def postfix(_: Path) -> History:
    """The bar alone: its last redraw is the epoch's loss."""
    _train(lambda epoch, losses: tqdm(losses), lambda epoch, loss: None)
    return {"loss": [(epoch, losses[-1]) for epoch, losses in enumerate(LOSSES)]}


def epoch_in_description(_: Path) -> History:
    _train(lambda epoch, losses: tqdm(losses, desc=f"Epoch {epoch}"), lambda epoch, loss: None)
    return {"loss": [(epoch, losses[-1]) for epoch, losses in enumerate(LOSSES)]}


def with_write(_: Path) -> History:
    """A line of its own for what counts, on standard output; the bar on standard error."""
    _train(
        lambda epoch, losses: tqdm(losses), lambda epoch, loss: tqdm.write(f"epoch {epoch} val_loss={loss + 0.1:.4f}")
    )
    return {"val_loss": [(epoch, losses[-1] + 0.1) for epoch, losses in enumerate(LOSSES)]}


def write_inside(_: Path) -> History:
    """tqdm.write while the bar stands: it is cleared with blanks and carriage returns, and drawn again."""
    bar = tqdm([losses[-1] for losses in LOSSES], desc="epochs")
    for epoch, loss in enumerate(bar):
        time.sleep(0.12)
        bar.set_postfix(lr=0.1)
        tqdm.write(f"epoch={epoch} val_loss={loss + 0.1:.4f}")
    return {"val_loss": [(epoch, losses[-1] + 0.1) for epoch, losses in enumerate(LOSSES)]}


def epochs_as_bar(_: Path) -> History:
    """One bar over the epochs: no step but the bar's own count."""
    with trange(3, unit="epoch", file=sys.stdout) as bar:
        for epoch in bar:
            time.sleep(0.12)
            bar.set_postfix(val_loss=LOSSES[epoch][-1])
    return {"val_loss": [(0, LOSSES[-1][-1])]}  # of a line, the last redraw counts: docs/metrics.md says what to do


LOSS = {"loss": "minimize"}
CASES = {
    "postfix": Case(postfix, LOSS, "'\\r 25%|██▌       | 1/4 [00:00<00:00, 16it/s, loss=0.9]', several redraws a line"),
    "epoch_in_description": Case(epoch_in_description, LOSS, "'Epoch 0:  25%|…'"),
    "write": Case(with_write, {"val_loss": "minimize"}, "a line of its own after the bar's"),
    "write_inside": Case(write_inside, {"val_loss": "minimize"}, "the bar is cleared with blanks before the line"),
    "epochs_as_bar": Case(
        epochs_as_bar,
        {"val_loss": "minimize"},
        "'1/3 [00:00<00:00, 8epoch/s, val_loss=0.6]', redrawn",
        seen="as expected: one line for all epochs, so only the last one's value is read",
    ),
}

if __name__ == "__main__":
    main("tqdm", ["tqdm"], CASES)
