"""The process of one version: ``python -m automl_core.serving.worker FOLDER``, talked to over its standard input.

It loads the model, compares its golden rows, and then answers until the server closes its end. A version that crashes,
hangs or takes all memory takes nobody along: the server starts it again, and others answer meanwhile. Standard input is
one end of a pair of sockets, so the process ends with its server, however that ends.
"""

from __future__ import annotations

import contextlib
import gc
import resource
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from automl_core.serving.wire import LENGTH, MOST, Answer, Part, Ready, frame

if TYPE_CHECKING:
    from automl_core.modelfile.model import Model


_decode = msgspec.msgpack.Decoder(list[Part])
_encode = msgspec.msgpack.Encoder()

FEW = 16
"""Rows that are scored one by one at most; see `automl_core.modelfile.scoring.single.MOST`, which is not imported here:
a version's process says what fails while it loads."""

PIECE = 1 << 13
"""Bytes that are read at first: a few rows."""


def main(folder: str, memory: str = "0", trusted: str = "") -> int:
    """Answer until the server is gone.

    Args:
        folder: of the model.
        memory: bytes that this process may take at most; 0: no limit.
        trusted: types of estimators that are trusted, separated by commas.
    """
    server = socket.socket(fileno=0)
    if int(memory):
        resource.setrlimit(resource.RLIMIT_DATA, (int(memory), int(memory)))
    try:
        ready, model = _opened(Path(folder), trusted)
    except Exception as error:  # whatever it is: the server says it, and serves the others
        server.sendall(frame(_encode.encode(Ready(f"{type(error).__name__}: {error}"))))
        return 1
    gc.collect()
    gc.freeze()  # what was loaded stays: no look at it makes one answer slower than others
    server.sendall(frame(_encode.encode(ready)))
    while (message := _received(server)) is not None:
        server.sendall(frame(_encode.encode(answers(model, _decode.decode(message)))))
    return 0


def _opened(folder: Path, trusted: str) -> tuple[Ready, Model]:
    from automl_core.modelfile.model import load
    from automl_core.modelfile.scoring.golden import check

    model = load(folder, trusted=[each for each in trusted.split(",") if each])
    model.scorer.prepare()  # so golden rows are scored by it too
    said = check(model.scorer, folder)
    columns = [(each.name, each.kind, each.type) for each in model.schema]
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Ready("", model.kind, model.target, list(model.classes), columns, said, taken), model


def answers(model: Model, parts: list[Part]) -> list[Answer]:
    """What a model says of the rows of some requests. Those of one never spoil another's.

    A few rows are scored one by one, which costs less than numpy's first row does. Where there are more, or some that
    are left to numpy, those of requests that have the same columns are scored together, which costs little more than
    one of them alone. Where that fails, each request is scored for itself, and whose rows are wrong is told so.
    """
    found: list[Answer | None] = [None] * len(parts)
    if sum([len(part.rows) for part in parts]) <= FEW:
        found = [_few(model, part.rows) for part in parts]
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, part in enumerate(parts):
        if found[place] is None:
            names = tuple(sorted({name for row in part.rows for name in row}))
            groups.setdefault(names, []).append(place)
    for places in groups.values():
        rows = [row for place in places for row in parts[place].rows]
        together = _answer(model, rows)
        if together.error and len(places) > 1:
            for place in places:
                found[place] = _answer(model, parts[place].rows)
            continue
        start = 0
        for place in places:
            end = start + len(parts[place].rows)
            found[place] = _part_of(together, start, end)
            start = end
    return [each for each in found if each is not None]


def _few(model: Model, rows: list[dict[str, Any]]) -> Answer | None:
    """What a model says of a few rows; None where `_answer` has to be asked."""
    scorer = model.scorer
    outputs = scorer.few(rows) if rows else None
    if outputs is None:
        return None
    if not model.classes:
        return Answer([each[0] for each in outputs])
    return Answer([scorer.label(each) for each in outputs], outputs)


def _answer(model: Model, rows: list[dict[str, Any]]) -> Answer:
    from automl_core.modelfile.scoring.values import SchemaError

    try:
        outputs = model.scorer.outputs(rows)
    except (SchemaError, ValueError) as error:
        return Answer(error=str(error))
    except MemoryError:
        return Answer(error="these rows need more memory than the version may take")
    except Exception as error:  # whatever it is: it is these rows', and spoils nobody else's
        print(f"rows can't be scored: {type(error).__name__}: {error}", file=sys.stderr)
        return Answer(error=f"these rows can't be scored: {type(error).__name__}: {error}")
    if not model.classes:
        return Answer(outputs[:, 0].tolist())
    return Answer([str(each) for each in model.scorer.decide(outputs)], outputs.tolist())


def _part_of(answer: Answer, start: int, end: int) -> Answer:
    if answer.error:
        return answer
    shares = answer.probabilities
    return Answer(answer.predictions[start:end], shares[start:end] if shares is not None else None)


def _received(server: socket.socket) -> bytes | None:
    """The next message; None where the server is gone.

    It asks the next thing once it has the answer: so nothing of another message comes along, and one read is enough
    for a small one.
    """
    data = _some(server, PIECE)
    while 0 < len(data) < LENGTH:
        more = _some(server, PIECE)
        data = data + more if more else b""
    if not data:
        return None
    length = int.from_bytes(data[:LENGTH], "big")
    if length > MOST:
        return None
    if len(data) == LENGTH + length:
        return data[LENGTH:]
    message = bytearray(data[LENGTH:])
    while len(message) < length:
        piece = _some(server, min(1 << 20, length - len(message)))
        if not piece:
            return None
        message += piece
    return bytes(message)


def _some(server: socket.socket, count: int) -> bytes:
    with contextlib.suppress(ConnectionError):
        return server.recv(count)
    return b""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
