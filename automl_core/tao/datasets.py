"""Where a network's spec names its data, and what lies in a data set's folder: NVIDIA's layout.

Facts: ``data_sources`` of the network configurations in nvidia-tao-core 7.3.0 (tests/unit/tao/test_datasets.py
compares), where an archive ``images.tar.gz`` is the folder ``images``. Networks whose data come out of a conversion are
not here: their specs name them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Source:
    """What a key of the spec is filled with.

    Attributes:
        data: names of data sets, the first one that the experiment has counts.
        name: of a file or folder in it; empty for the data set's own folder.
        fields: of a group in place of one path: field → file or folder.
        listed: whether the spec wants a list of such.
    """

    data: tuple[str, ...]
    name: str = ""
    fields: Mapping[str, str] | None = None
    listed: bool = False

    def plain(self) -> dict[str, Any]:
        """As the program that goes along reads it."""
        body: dict[str, Any] = {"data": list(self.data), "list": self.listed}
        return body | ({"fields": dict(self.fields)} if self.fields is not None else {"name": self.name})


_TRAIN, _VALID, _TEST = ("train",), ("valid",), ("test", "valid")
_COCO = {"image_dir": "images", "json_file": "annotations.json"}
_ODVG = {
    "image_dir": "images", "json_file": "annotations_odvg.jsonl", "label_map": "annotations_odvg_labelmap.json"
}  # fmt: skip
_CLIP = {"image_dir": "images", "image_list_file": "image_list.txt", "caption_dir": "captions"}

_DETECTION = {
    "dataset.train_data_sources": Source(_TRAIN, fields=_COCO, listed=True),
    "dataset.val_data_sources": Source(_VALID, fields=_COCO, listed=True),
    "dataset.test_data_sources": Source(_TEST, fields=_COCO),
}
_GROUNDING = {
    "dataset.train_data_sources": Source(_TRAIN, fields=_ODVG, listed=True),
    "dataset.val_data_sources": Source(_VALID, fields=_COCO),
    "dataset.test_data_sources": Source(_TEST, fields=_COCO),
}


def _compared(group: str) -> dict[str, Source]:
    """Pairs of images, listed in a table."""
    found = {}
    for part, data in (("train", _TRAIN), ("validation", _VALID), ("test", _TEST)):
        found[f"{group}.{part}_dataset.images_dir"] = Source(data, "images")
        found[f"{group}.{part}_dataset.csv_path"] = Source(data, "dataset.csv")
    return found


DATA: Mapping[str, Mapping[str, Source]] = {
    "action_recognition": {
        "dataset.train_dataset_dir": Source(_TRAIN, "train"),
        "dataset.val_dataset_dir": Source(_TRAIN, "test"),
        "evaluate.test_dataset_dir": Source(_TRAIN, "test"),
    },
    "centerpose": {
        "dataset.train_data": Source(_TRAIN, "train"),
        "dataset.val_data": Source(_VALID, "val"),
        "dataset.test_data": Source(_TEST, "test"),
    },
    "classification_pyt": {
        "dataset.train_dataset.images_dir": Source(_TRAIN, "images_train"),
        "dataset.classes_file": Source(_TRAIN, "classes.txt"),
        "dataset.val_dataset.images_dir": Source(_VALID, "images_val"),
        "dataset.test_dataset.images_dir": Source(("test",), "images_test"),
    },
    "clip": {
        "dataset.train.datasets": Source(_TRAIN, fields=_CLIP, listed=True),
        "dataset.val.datasets": Source(_VALID, fields=_CLIP, listed=True),
    },
    "deformable_detr": _DETECTION,
    "dino": _DETECTION,
    "grounding_dino": _GROUNDING,
    "mae": {
        "dataset.train_data_sources": Source(_TRAIN, "images_train"),
        "dataset.val_data_sources": Source(_VALID, "images_val"),
    },
    "mal": {
        "dataset.train_img_dir": Source(_TRAIN, "images"),
        "dataset.train_ann_path": Source(_TRAIN, "annotations.json"),
        "dataset.val_img_dir": Source(_VALID, "images"),
        "dataset.val_ann_path": Source(_VALID, "annotations.json"),
    },
    "mask_grounding_dino": _GROUNDING,
    "nvdinov2": {"dataset.train_dataset.images_dir": Source(_TRAIN, "images_train")},
    "ocdnet": {
        "dataset.train_dataset.data_path": Source(_TRAIN, "train", listed=True),
        "dataset.validate_dataset.data_path": Source(_VALID, "test", listed=True),
    },
    "oneformer": {
        key: Source(data, name)
        for part, data in (("train", _TRAIN), ("val", _VALID))
        for key, name in (
            (f"dataset.{part}.images", "images"),
            (f"dataset.{part}.annotations", "annotations.json"),
            (f"dataset.{part}.panoptic", "images_panoptic"),
        )
    }
    | {"dataset.label_map": Source(_TRAIN, "label_map.json"), "dataset.test.images": Source(_TEST, "images")},
    "optical_inspection": _compared("dataset"),
    "re_identification": {
        "dataset.train_dataset_dir": Source(_TRAIN, "sample_train"),
        "dataset.test_dataset_dir": Source(_TRAIN, "sample_test"),
        "dataset.query_dataset_dir": Source(_TRAIN, "sample_query"),
        "evaluate.test_dataset": Source(_TRAIN, "sample_test"),
        "evaluate.query_dataset": Source(_TRAIN, "sample_query"),
    },
    "rtdetr": _DETECTION | {"dataset.val_data_sources": Source(_VALID, fields=_COCO)},
    "segformer": {"dataset.segment.root_dir": Source(_TRAIN)},
    "visual_changenet_classify": _compared("dataset.classify"),
    "visual_changenet_segment": {"dataset.segment.root_dir": Source(_TRAIN)},
}
"""Network → key of the spec → what it is filled with, where the spec doesn't say it."""


def data_of(network: str) -> dict[str, Any]:
    """Key of the spec → where its data are, as plain data; empty for networks whose specs name them."""
    return {key: source.plain() for key, source in DATA.get(network, {}).items()}
