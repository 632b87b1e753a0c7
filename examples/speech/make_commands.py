"""Make audio that nobody has labelled: short recordings of four whistled commands, for commands.annotation.yaml.

``python examples/speech/make_commands.py 200`` writes them below ``examples/data/commands``: a WAV file each, and
``list.csv`` with their addresses. What was whistled stands in ``truth.csv``, which no model and no project reads.

A command is two tones; who whistles is higher or lower, and there is noise. Real recordings need real engines: these
are here so that the way of audio through a project can be tried on any machine.
"""

from __future__ import annotations

import csv
import random
import sys
import wave
from array import array
from collections.abc import Sequence
from math import pi, sin
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "commands"

RATE, SECONDS = 8_000, 0.24
"""Samples of a second, and seconds of a recording."""

TONES = {"up": (500, 1000), "down": (1000, 500), "stop": (1000, 1000), "go": (500, 500)}
"""Command → its two tones in Hz, one after the other."""


def recording(command: str, draw: random.Random) -> array[int]:
    """Samples of somebody who whistles a command.

    Args:
        command: one of `TONES`.
        draw: who it is, and the noise.
    """
    pitch, noise = draw.lognormvariate(0, 0.19), draw.choice((0.05, 0.2, 0.6))
    many = int(RATE * SECONDS)
    samples = array("h")
    for at in range(many):
        tone = TONES[command][at * 2 // many] * pitch
        samples.append(int(9_000 * (sin(2 * pi * tone * at / RATE) + draw.gauss(0, noise))))
    return samples


def make(many: int, folder: Path = FOLDER, seed: int = 3) -> Path:
    """Write recordings and their list.

    Args:
        many: how many.
        folder: where to.
        seed: what they are drawn by.

    Returns:
        The list.
    """
    draw = random.Random(seed)
    audio = folder / "audio"
    audio.mkdir(parents=True, exist_ok=True)
    rows, truth = [], []
    for number in range(many):
        command = draw.choice(list(TONES))
        path = audio / f"c{number:04d}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(recording(command, draw).tobytes())
        rows.append({"id": path.stem, "audio": path.absolute().as_uri()})
        truth.append({"id": path.stem, "command": command})
    for name, found in (("truth.csv", truth), ("list.csv", rows)):
        with (folder / name).open("w", newline="", encoding="utf-8") as table:
            writer = csv.DictWriter(table, list(found[0]))
            writer.writeheader()
            writer.writerows(found)
    return folder / "list.csv"


def main(arguments: Sequence[str]) -> None:
    """Write as many as are asked for."""
    print(make(int(arguments[0]) if arguments else 200))


if __name__ == "__main__":
    main(sys.argv[1:])
