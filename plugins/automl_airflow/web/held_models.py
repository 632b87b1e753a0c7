"""What the API server holds of models, for pages and for acts (`automl_airflow.web.held_journals`)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request

from automl_airflow.web.access import ModelName
from automl_airflow.web.catalog import Place, reading
from automl_airflow.web.held_journals import HeldJournal, HeldJournals
from automl_airflow.web.held_views import HeldViews
from automl_airflow.web.model_catalog import ModelInfo, find_model
from automl_core.journal import ReadAhead
from automl_core.models.life import Life, ModelLife
from automl_core.storage.base import ObjectStore


class HeldModel(HeldJournal[ModelLife, Life]):
    """One model's life, and the answers made of it.

    Attributes:
        views: what the guards of its rollouts show.
    """

    def __init__(self, store: ObjectStore, acts: ModelLife, ahead: ReadAhead, place: Place) -> None:
        super().__init__(store, acts, ahead, place)
        self.views = HeldViews(store, acts.name)


def _open(store: ObjectStore, ahead: ReadAhead, model: ModelInfo) -> HeldModel:
    return HeldModel(store, ModelLife.open(ahead, model.name), ahead, model.place)


held_models: HeldJournals[ModelInfo, HeldModel] = HeldJournals("model", _open)
"""Those of this process."""


def read_model(model: ModelInfo, seq: int = 0, *, newest: bool = False) -> HeldModel:
    """A model's life, no older than a record, or the newest there is; in a thread of its store."""
    return held_models.read(model, seq, newest=newest)


def the_model(model: ModelName) -> ModelInfo:
    """The model that a path names, 404 where there is none."""
    with reading() as session:
        return find_model(session, model)


TheModel = Annotated[ModelInfo, Depends(the_model)]

Seq = Annotated[int, Query(ge=0, description="Answer with a state no older than this record of the journal.")]


async def the_held_model(request: Request, info: TheModel, seq: Seq = 0) -> HeldModel:
    """The life of the model that a path names, up to date; as it was, and marked so, where its store hangs."""
    return await held_models.shown(request, info, seq)


async def the_fresh_model(info: TheModel) -> HeldModel:
    """The same for what needs the store itself, and for acts: an answer of a while ago would not do."""
    return await held_models.fresh(info)


Held = Annotated[HeldModel, Depends(the_held_model)]
Fresh = Annotated[HeldModel, Depends(the_fresh_model)]
