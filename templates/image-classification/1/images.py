"""Pictures with their classes: a folder with one folder a class, or a ``.npz`` file of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.training.problems import TrainingError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Pictures:
    """Pictures in memory.

    Attributes:
        pixels: (n, channels, height, width), from 0 to 255.
        labels: (n,) classes as text; empty where they are not known.
        ids: (n,) file below the folder, or number in the file.
    """

    pixels: Any
    labels: list[str]
    ids: list[Any]


def read(place: str, size: int, channels: int = 0) -> Pictures:
    """Read pictures.

    Args:
        place: a folder ``<class>/<picture>``, or a ``.npz`` file with ``images`` (n, height, width[, channels]) and
            ``labels`` (n,).
        size: height and width that all are brought to; 0: as they are, if they are all the same.
        channels: 1 (grey) or 3; 0: 3 for a folder, those of the file for an array.

    Raises:
        TrainingError: there are none, or they don't do.
    """
    path = Path(place.removeprefix("file://"))
    if path.suffix == ".npz":
        return _array(path, size, channels)
    if not path.is_dir():
        raise TrainingError(f"{place}: is neither a folder of pictures nor a .npz file")
    return _folder(path, size, channels or 3)


def _array(path: Path, size: int, channels: int) -> Pictures:
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: can't be read: {error}") from None
    if "images" not in found:
        raise TrainingError(f"{path}: there is no array 'images' (there are: {', '.join(sorted(found))})")
    images = found["images"]
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise TrainingError(f"{path}: images must be (n, height, width) or (n, height, width, 1 or 3): {images.shape}")
    if channels and images.shape[3] != channels:
        raise TrainingError(f"{path}: images have {images.shape[3]} channels; the model was trained with {channels}")
    labels = [str(label) for label in found.get("labels", [])]
    if labels and len(labels) != len(images):
        raise TrainingError(f"{path}: there are {len(images)} images and {len(labels)} labels")
    pixels = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32)
    if size and pixels.shape[2:] != (size, size):
        import torch

        pixels = torch.nn.functional.interpolate(torch.from_numpy(pixels), (size, size), mode="bilinear").numpy()
    return Pictures(pixels, labels, list(range(len(images))))


def _folder(path: Path, size: int, channels: int) -> Pictures:
    from PIL import Image, UnidentifiedImageError

    files = sorted(each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES)
    if not files:
        raise TrainingError(f"{path}: there is no picture ({', '.join(sorted(SUFFIXES))}) below it")
    pixels = []
    for file in files:
        try:
            with Image.open(file) as picture:
                whole = picture.convert("L" if channels == 1 else "RGB")
                whole = whole.resize((size, size), Image.Resampling.BILINEAR) if size else whole
                pixels.append(np.asarray(whole, dtype=np.float32).reshape(whole.height, whole.width, channels))
        except (OSError, UnidentifiedImageError) as error:
            raise TrainingError(f"{file}: is no picture that can be read: {error}") from None
        if pixels[-1].shape != pixels[0].shape:
            raise TrainingError(f"{file}: has another size than {files[0]}: set image_size, and all are brought to it")
    classes = [file.relative_to(path).parts[0] if len(file.relative_to(path).parts) > 1 else "" for file in files]
    labels = classes if all(classes) else []
    return Pictures(
        np.stack(pixels).transpose(0, 3, 1, 2), labels, [file.relative_to(path).as_posix() for file in files]
    )
