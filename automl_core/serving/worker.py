"""The process of one version: ``python -m automl_core.serving.worker FOLDER``, talked to over its standard input.

It loads the model, compares its golden rows, and then answers until the server closes its end. A version that crashes,
hangs or takes all memory takes nobody along: the server starts it again, and others answer meanwhile. Standard input is
one end of a pair of sockets, so the process ends with its server, however that ends.
"""

from __future__ import annotations

import contextlib
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
    server.sendall(frame(_encode.encode(ready)))
    while (message := _received(server)) is not None:
        server.sendall(frame(_encode.encode(answers(model, _decode.decode(message)))))
    return 0


def _opened(folder: Path, trusted: str) -> tuple[Ready, Model]:
    from automl_core.modelfile.model import load
    from automl_core.modelfile.scoring.golden import check

    model = load(folder, trusted=[each for each in trusted.split(",") if each])
    said = check(model.scorer, folder)
    columns = [(each.name, each.kind, each.type) for each in model.schema]
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Ready("", model.kind, model.target, list(model.classes), columns, said, taken), model


def answers(model: Model, parts: list[Part]) -> list[Answer]:
    """What a model says of the rows of some requests. Those of one never spoil another's.

    Rows of requests that have the same columns are scored together, which costs little more than one of them alone.
    Where that fails, each request is scored for itself, and whose rows are wrong is told so.
    """
    found: list[Answer | None] = [None] * len(parts)
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, part in enumerate(parts):
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
    """The next message; None where the server is gone."""
    head = _exactly(server, LENGTH)
    if head is None:
        return None
    length = int.from_bytes(head, "big")
    return _exactly(server, length) if length <= MOST else None


def _exactly(server: socket.socket, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        piece = b""
        with contextlib.suppress(ConnectionError):
            piece = server.recv(min(1 << 20, count - len(data)))
        if not piece:
            return None
        data += piece
    return bytes(data)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
