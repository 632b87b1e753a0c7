"""A published version never changes: the first run of one in a store says what it is, for all that follow."""

from __future__ import annotations

import json
import time

from automl_core.spec.template import TemplateVersion
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.templates.places import short

FOLDER = "_templates/"
"""Folder in a model storage path with an object for each version that a run has begun with."""


def why_another(store: ObjectStore, now: TemplateVersion | None) -> str:
    """Why a run can't begin with a template version: earlier ones were of another program; empty where it can.

    The first who asks of a version leaves what it is, by an object that nobody replaces. So two runs that begin at once
    agree, and results that name one version in one store are of one program.

    Args:
        store: the model storage path of the run.
        now: the version that the run is to begin with, None for none.

    Raises:
        StorageUnavailable: the store is away.
    """
    if now is None:
        return ""
    key = f"{FOLDER}{now.name}/{now.version}.json"
    body = {"template": now.label, "digest": now.digest, "since": int(time.time())}
    if store.create(key, json.dumps(body, sort_keys=True).encode()):
        return ""
    try:
        digest = str(json.loads(store.get(key))["digest"])
    except (NotFound, ValueError, KeyError, TypeError):  # somebody takes it away, or wrote something else there
        return ""
    if digest == now.digest:
        return ""
    return (
        f"the template {now.label} is another one than runs in {store.url} have begun with ({short(digest)} then, "
        f"{short(now.digest)} now), and a version never changes: results would bear one name and be of two programs. "
        f"Put its files back as they were, or give the change a version of its own ({now.name}/{now.version + 1}). "
        f"Where nothing rests on those runs yet, delete {store.url}/{key} and begin again"
    )
