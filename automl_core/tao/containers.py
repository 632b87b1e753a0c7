"""What each network's container is called by, reads and writes: one row a network that differs from the rest.

Facts: entry points and folders from NVIDIA's tao_pytorch_backend 6.25.10 (setup.py, core/entrypoint.py,
core/utilities.py, core/lightning) and tao_tensorflow1_backend; actions, keys and metrics from the network
configurations of nvidia-tao-core 7.3.0. tests/unit/tao/test_containers.py compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from automl_core.spec.errors import did_you_mean


class UnknownAction(ValueError):
    """A network has no such action, or nothing that is trained. The message says what there is."""


@dataclass(frozen=True, slots=True)
class Container:
    """How a network's container is used.

    Attributes:
        command: the entry point in the container.
        actions: what it can do, ``train`` first; empty where nothing of it is trained.
        metric: that TAO watches while it trains, None where it names none.
        epochs: key of the spec with the number of epochs, or of whatever else it counts.
        resume: key of the spec for the checkpoint to go on from; None where it takes what lies in its results folder.
        intervals: keys of the spec that count epochs and may not be more than those of a budget.
        classic: whether it is one of TensorFlow 1: a spec in prototxt, and the results folder on the command line.
        fixed: keys of the spec that are always the same.
    """

    command: str
    actions: tuple[str, ...] = ("train", "evaluate", "export", "inference")
    metric: str | None = None
    epochs: str = "train.num_epochs"
    resume: str | None = "train.resume_training_checkpoint_path"
    intervals: tuple[str, ...] = ("train.checkpoint_interval", "train.validation_interval")
    classic: bool = False
    fixed: Mapping[str, str] = field(default_factory=dict)

    @property
    def format(self) -> str:
        """Format of its spec file."""
        return "prototxt" if self.classic else "toml" if self.command == "cosmos-rl" else "yaml"

    @property
    def status(self) -> str:
        """The status file of a training, below the results folder."""
        return "status.json" if self.classic else "train/status.json"


_QUANTIZED = ("train", "quantize", "evaluate", "export", "inference")
_DISTILLED = ("train", "distill", "quantize", "evaluate", "export", "inference")
_PRUNED = ("train", "quantize", "evaluate", "export", "prune", "retrain", "inference")
_CLASSIC = ("train", "evaluate", "export", "prune", "inference")


def _depth(kind: str) -> Container:
    fixed = {"dataset.dataset_name": f"{kind}Dataset"} | (
        {"model.model_type": "FoundationStereo"} if kind == "Stereo" else {}
    )
    return Container("depth_net", _QUANTIZED, "val/loss", fixed=fixed)


CONTAINERS: Mapping[str, Container] = {
    "action_recognition": Container("action_recognition", metric="val_acc"),
    "bevfusion": Container("bevfusion", ("train", "evaluate", "inference"), "AP11"),
    "centerpose": Container("centerpose", metric="val_3DIoU"),
    "classification_pyt": Container("classification_pyt", _DISTILLED, "val_acc_1"),
    "classification_pyt_mmlab": Container(
        "classification_pyt_mmlab", metric="accuracy_top-1", epochs="train.train_config.runner.max_epochs",
        resume="train.train_config.resume_training_checkpoint_path",
        intervals=("train.train_config.checkpoint_config.interval", "train.train_config.evaluation.interval"),
    ),
    "classification_tf1": Container(
        "classification_tf1", _CLASSIC, "validation_accuracy", "train_config.n_epochs", None, (), classic=True
    ),
    "classification_tf2": Container(
        "classification_tf2", ("train", "evaluate", "export", "prune", "inference"), "val_acc",
        intervals=("train.checkpoint_interval",),
    ),
    "clip": Container("clip", metric="val/t2i_mAP"),
    "cosmos-rl": Container(
        "cosmos-rl", ("train", "evaluate", "quantize", "inference"), "val/avg_loss", "train.epoch", None,
        ("train.ckpt.save_freq_in_epoch", "validation.freq_in_epoch"),
    ),
    "deformable_detr": Container("deformable_detr", _QUANTIZED, "val_mAP50"),
    "depth_net": Container("depth_net", _QUANTIZED, "val/loss"),
    "depth_net_mono": _depth("Mono"),
    "depth_net_stereo": _depth("Stereo"),
    "detectnet_v2": Container(
        "detectnet_v2", _CLASSIC, "mean average precision", "training_config.num_epochs", None,
        ("training_config.checkpoint_interval", "evaluation_config.validation_period_during_training"), classic=True,
    ),
    "dino": Container("dino", _DISTILLED, "val_mAP50"),
    "efficientdet_tf2": Container(
        "efficientdet_tf2", ("train", "evaluate", "export", "prune", "inference"), "AP50",
        intervals=("train.checkpoint_interval",),
    ),
    "grounding_dino": Container("grounding_dino", _QUANTIZED, "val_mAP50"),
    "mae": Container("mae", metric="train_loss"),
    "mal": Container("mal", ("train", "evaluate", "inference"), "mIoU"),
    "mask2former": Container("mask2former", _QUANTIZED, "mIoU"),
    "mask_grounding_dino": Container("mask_grounding_dino", _QUANTIZED, "[bbox] val_mAP@50"),
    "ml_recog": Container("ml_recog", metric="val Precision at Rank 1"),
    "multitask_classification": Container(
        "multitask_classification", _CLASSIC, None, "training_config.num_epochs", None,
        ("training_config.checkpoint_interval",), classic=True,
    ),
    "nvdinov2": Container("nvdinov2", ("train", "distill", "export", "inference"), "train_loss"),
    "nvpanoptix3d": Container("nvpanoptix3d", metric="PRQ"),
    "ocdnet": Container("ocdnet", _PRUNED, "hmean"),
    "ocrnet": Container("ocrnet", _PRUNED, "val_acc"),
    "oneformer": Container("oneformer", _QUANTIZED, "mIoU"),
    "optical_inspection": Container("optical_inspection", metric="val_acc"),
    "pointpillars": Container(
        "pointpillars", ("train", "prune", "evaluate", "retrain", "export", "inference"), "loss",
        intervals=("train.checkpoint_interval",),
    ),
    "pose_classification": Container("pose_classification", metric="val_acc"),
    "re_identification": Container("re_identification", metric="cmc_rank_1"),
    "rtdetr": Container("rtdetr", _DISTILLED, "val_mAP50"),
    "segformer": Container("segformer", _QUANTIZED, "val_miou"),
    "segformer_mmlab": Container("segformer_mmlab", metric="mIoU", epochs="train.max_iters"),
    "sparse4d": Container("sparse4d", ("train", "quantize", "evaluate", "export", "inference"), "val_mAP"),
    "stylegan_xl": Container("stylegan_xl", metric="fid50k_full"),
    "visual_changenet": Container("visual_changenet", _QUANTIZED, "val_acc"),
    "visual_changenet_classify": Container("visual_changenet", _QUANTIZED, "val_acc", fixed={"task": "classify"}),
    "visual_changenet_segment": Container("visual_changenet", _QUANTIZED, "val_acc", fixed={"task": "segment"}),
}  # fmt: skip
"""Network → its container. What isn't here is taken for one like the most (`container_of`)."""

NOT_TRAINED = frozenset({"analytics", "annotations", "augmentation", "auto_label", "image", "skin_tone"})
"""What NVIDIA's package has among its networks and trains nothing: data services."""

_MINIMIZED = ("loss", "fid")


def container_of(network: str) -> Container:
    """A network's container.

    Raises:
        UnknownAction: it is one of the data services, of which nothing is trained.
    """
    if network in NOT_TRAINED:
        raise UnknownAction(
            f"{network} is one of TAO's data services: nothing of it is trained, so nothing is searched"
        )
    found = CONTAINERS.get(network)
    return found if found is not None else Container(network)


def checked(network: str, action: str) -> Container:
    """A network's container, where it has an action.

    Raises:
        UnknownAction: it hasn't; the message has the nearest one.
    """
    container = container_of(network)
    if action not in container.actions:
        hint = did_you_mean(action, container.actions)
        raise UnknownAction(
            f"{network} has no action {action!r}: {', '.join(container.actions)}" + (f". {hint}" if hint else "")
        )
    return container


def direction_of(metric: str) -> str:
    """Whether more of one of TAO's own metrics is better; of `CONTAINERS` alone, not of any name."""
    return "minimize" if any(part in metric for part in _MINIMIZED) else "maximize"
