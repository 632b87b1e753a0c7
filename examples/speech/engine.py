"""Two small engines that recognise whistled commands, as programs that people bring to an annotation project.

    python engine.py crossings ITEMS OUT     # counts where the wave crosses zero: quick, and led astray by noise
    python engine.py spectrum ITEMS OUT      # looks for the strongest frequency

ITEMS has a line of JSON for each item, ``{"id": "i…", "item": {"audio": "file:///…"}}``. OUT gets one for each that
could be recognised, with a probability for each command. What is wrong with a recording is said, and its line left out:
the project then has no opinion of this engine on it, and people get it.
"""

from __future__ import annotations

import json
import math
import sys
import wave
from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

TONES = {"up": (500, 1000), "down": (1000, 500), "stop": (1000, 1000), "go": (500, 500)}

SPREAD = 0.18
"""How far a tone is off by who whistles, as a logarithm: what makes distances probabilities."""

Frequency = Callable[[Sequence[int], int], float]


def by_crossings(samples: Sequence[int], rate: int) -> float:
    """The frequency in Hz by how often the wave crosses zero."""
    crossings = sum((one < 0) != (other < 0) for one, other in pairwise(samples))
    return max(1.0, crossings * rate / (2 * len(samples)))


def by_spectrum(samples: Sequence[int], rate: int) -> float:
    """The strongest frequency in Hz between 300 and 1500, by Goertzel's algorithm (Goertzel 1958)."""
    best = (0.0, 1.0)
    for frequency in range(300, 1500, 20):
        factor, before, last = 2 * math.cos(2 * math.pi * frequency / rate), 0.0, 0.0
        for sample in samples:
            before, last = last, sample + factor * last - before
        best = max(best, (before * before + last * last - factor * before * last, float(frequency)))
    return best[1]


ENGINES: dict[str, Frequency] = {"crossings": by_crossings, "spectrum": by_spectrum}


def read(address: str) -> tuple[array[int], int]:
    """Samples of a recording of 16 bits, one channel, and how many a second has.

    Raises:
        OSError, ValueError, wave.Error: it can't be read.
    """
    with wave.open(unquote(urlsplit(address).path), "rb") as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2) or not file.getnframes():
            raise ValueError("one channel of 16 bits is wanted, and some of it")
        return array("h", file.readframes(file.getnframes())), file.getframerate()


def recognise(samples: Sequence[int], rate: int, frequency: Frequency) -> dict[str, float]:
    """Command → its probability."""
    half = len(samples) // 2
    heard = [math.log(frequency(part, rate)) for part in (samples[:half], samples[half:])]
    scores = {}
    for command, tones in TONES.items():
        far = sum((one - math.log(tone)) ** 2 for one, tone in zip(heard, tones, strict=True))
        scores[command] = math.exp(-far / (2 * SPREAD**2)) + 1e-9
    whole = sum(scores.values())
    return {command: round(score / whole, 6) for command, score in scores.items()}


def main(arguments: Sequence[str]) -> int:
    """Recognise every item of a file."""
    engine, items, out = arguments
    with Path(items).open(encoding="utf-8") as lines, Path(out).open("w", encoding="utf-8") as told:
        for line in lines:
            task = json.loads(line)
            try:
                samples, rate = read(str(task["item"]["audio"]))
            except (OSError, ValueError, EOFError, wave.Error) as error:
                print(f"{task['id']}: {error}", flush=True)
                continue
            said = recognise(samples, rate, ENGINES[engine])
            told.write(json.dumps({"id": task["id"], "probabilities": said}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
