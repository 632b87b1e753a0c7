"""Whether a claim still holds, as the process that scores asks before it puts anything where others read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl_core.models.life import ModelLife, VersionState

if TYPE_CHECKING:
    from automl_core.data.access import Access
    from automl_core.models.batch.order import Order


def claim_holds(order: Order, access: Access) -> bool:
    """Whether an attempt is still the one that counts, and its version was not taken back.

    Args:
        order: of the attempt.
        access: opens the model's store.

    Raises:
        StorageError: the store can't be asked.
    """
    store = access.store(order.storage.text, order.storage.connection)
    life = ModelLife.open(store, order.name)
    held = life.state.scoring.open.get(order.key)
    mine = (order.run, order.token, order.generation, order.attempt)  # attempts count anew once a claim was given back
    if held is None or (held.run, held.token, held.generation, held.attempt) != mine:
        return False
    return life.state.version(held.version).state is not VersionState.TAKEN_BACK
