"""The state machine of an annotation project: items, rounds, labels, data sets, bad cases; from a bucket alone."""

from automl_core.annotation.project.choices import Chosen
from automl_core.annotation.project.consensus import ConsensusRule, Told, consensus
from automl_core.annotation.project.entities import (
    Back,
    BadCase,
    Batch,
    Case,
    CaseMove,
    DataSetVersion,
    Evaluation,
    ItemState,
    Retirement,
    Round,
    Stopped,
    Take,
    Taken,
    Threshold,
    Training,
)
from automl_core.annotation.project.labels import Added, Label, Labelled, Source, TakenOnce, Vote
from automl_core.annotation.project.layout import ANNOTATION, annotation_prefix, round_prefix
from automl_core.annotation.project.project import Project
from automl_core.annotation.project.state import ProjectState
from automl_core.annotation.project.storing import PROJECT_VERSION
from automl_core.journal import Person, Refused

__all__ = [
    "ANNOTATION",
    "PROJECT_VERSION",
    "Added",
    "Back",
    "BadCase",
    "Batch",
    "Case",
    "CaseMove",
    "Chosen",
    "ConsensusRule",
    "DataSetVersion",
    "Evaluation",
    "ItemState",
    "Label",
    "Labelled",
    "Person",
    "Project",
    "ProjectState",
    "Refused",
    "Retirement",
    "Round",
    "Source",
    "Stopped",
    "Take",
    "Taken",
    "TakenOnce",
    "Threshold",
    "Told",
    "Training",
    "Vote",
    "annotation_prefix",
    "consensus",
    "round_prefix",
]
