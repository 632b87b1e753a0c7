"""What an order of batch scoring needs of Airflow: keys of its places, the program of models that aren't ours."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.models.batch import Order
    from automl_core.models.file import ModelFile


def keys_of(order: Order) -> str:
    """The keys that a scoring process needs, from Airflow's connections. A secret."""
    from automl_airflow.maxcompute.connection import access_of
    from automl_airflow.session import credentials
    from automl_core.models.batch.keys import keys_text, places_of

    return keys_text(places_of(order), credentials, lambda name: access_of(name, None))


def with_program(file: ModelFile, path: str, order: Order, stack: ExitStack, say: Any) -> Order:
    """The order with the program that scores models which aren't ours, where the file names one.

    Args:
        file: the model's.
        path: where that lies.
        order: as the claim says it.
        stack: holds the program's environment for as long as it is open.
        say: is told of what takes time.

    Raises:
        AirflowFailException: its environment can't be had.
    """
    from automl_airflow.models.evaluating import environment_of
    from automl_core.models.batch.by_program import told
    from automl_core.models.file.options import program_of

    evaluate, place = file.evaluate, Path(path)
    if evaluate.program is None:
        return order
    program = program_of(file, place, environment_of(file, place, stack, say))
    return replace(order, program=told(program, evaluate.target, evaluate.key))
