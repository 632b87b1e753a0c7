"""Compress a digits network to few bits a weight, and score what is left of it.

The second training task of experiments/digits_compress.yaml. It finds the model of the task before it in
AUTOML_MODEL_DIR, which a trial's training tasks share, and puts the compressed one beside it.

By hand, after digits_mlp.py:

    python examples/digits_compress.py --bits 4 --model-dir /tmp/digits
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from digits_mlp import Model, folder_from, load_data, save_predictions, write_npz


def pack(array: np.ndarray, bits: int) -> dict[str, np.ndarray]:
    """Round to whole multiples of one step, as many as ``bits`` bits can number (2 to 8), and pack the numbers."""
    most = 2 ** (bits - 1) - 1
    step = float(np.abs(array).max()) / most or 1.0
    numbers = (np.rint(array / step) + most).astype(np.uint8)
    lowest_bits = np.unpackbits(numbers.reshape(-1, 1), axis=1)[:, -bits:]
    return {
        "packed": np.packbits(lowest_bits),
        "step": np.array(step, np.float32),
        "shape": np.array(array.shape, np.uint16),
    }


def unpack(packed: dict[str, np.ndarray], bits: int) -> np.ndarray:
    """Undo `pack`, up to the rounding."""
    shape = tuple(packed["shape"].astype(int))
    count = int(np.prod(shape))
    lowest_bits = np.unpackbits(packed["packed"])[: count * bits].reshape(count, bits)
    numbers = lowest_bits @ (2 ** np.arange(bits - 1, -1, -1))
    return ((numbers - (2 ** (bits - 1) - 1)) * packed["step"]).reshape(shape)


def main() -> None:
    """Compress the model, save it, print its accuracy and size."""
    parser = argparse.ArgumentParser(description="Compress and score a digits network.")
    parser.add_argument("--bits", type=int, choices=range(2, 9), default=8, help="bits a weight")
    parser.add_argument("--model-dir", type=Path, default=folder_from("AUTOML_MODEL_DIR"))
    args = parser.parse_args()
    if args.model_dir is None:
        parser.error("--model-dir or AUTOML_MODEL_DIR is needed: the folder of a model that digits_mlp.py saved")
    model = Model.load(args.model_dir)
    packed = [(pack(weight, args.bits), pack(bias, 8)) for weight, bias in model.layers]
    arrays = {
        f"{kind}_{i}_{name}": array
        for i, pair in enumerate(packed)
        for kind, parts in zip(("weight", "bias"), pair, strict=True)
        for name, array in parts.items()
    }
    write_npz(args.model_dir / "compressed.npz", arrays)
    small = Model(model.activation, [(unpack(weight, args.bits), unpack(bias, 8)) for weight, bias in packed])
    data = load_data()
    images, digits = data.validation
    save_predictions(args.model_dir, small, data)  # in place of those of the network as it was
    kilobytes = sum(array.nbytes for array in arrays.values()) / 1000
    print(f"accuracy={np.mean(small.predict(images) == digits):.4f} kilobytes={kilobytes:.3f}", flush=True)


if __name__ == "__main__":
    main()
