"""The state machine of a model: what was offered, evaluated, accepted, put in use, taken back; from a bucket alone."""

from automl_core.models.life.entities import (
    Asked,
    Decision,
    EvidenceRef,
    ModelCopy,
    Person,
    Retraining,
    Shares,
    Source,
    Version,
    VersionState,
)
from automl_core.models.life.events import Event
from automl_core.models.life.history import InUse, history, in_use_at, iterations_per_month, lead_time
from automl_core.models.life.intervals import Interval, gaps, interval_key
from automl_core.models.life.layout import MODELS, model_prefix
from automl_core.models.life.life import LIFE_VERSION, Life
from automl_core.models.life.model_life import ModelLife
from automl_core.models.life.refusals import Braked, NoSuchVersion, NotOffered, Refused, RolloutOpen
from automl_core.models.life.rollouts import Rollout, RolloutAct, Step
from automl_core.models.life.scoring import Claim

__all__ = [
    "LIFE_VERSION",
    "MODELS",
    "Asked",
    "Braked",
    "Claim",
    "Decision",
    "Event",
    "EvidenceRef",
    "InUse",
    "Interval",
    "Life",
    "ModelCopy",
    "ModelLife",
    "NoSuchVersion",
    "NotOffered",
    "Person",
    "Refused",
    "Retraining",
    "Rollout",
    "RolloutAct",
    "RolloutOpen",
    "Shares",
    "Source",
    "Step",
    "Version",
    "VersionState",
    "gaps",
    "history",
    "in_use_at",
    "interval_key",
    "iterations_per_month",
    "lead_time",
    "model_prefix",
]
