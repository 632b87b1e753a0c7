"""A version never changes: whatever makes another template of the same schema has to have another number."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from automl_core.tao.templates import digest_of_files
from automl_core.tao.writing import READING, files_of
from tests.sources import ROOT
from tests.support.tao_networks import recorded, schema_of

RECORDED = ROOT / "tests" / "assets" / "tao" / "readings.json"
"""Reading → digest of all that it makes of the recorded schemas."""


def made() -> str:
    """Digest of every network's folder: its template, and the program that goes along with it."""

    def lines() -> Iterator[str]:
        for network in sorted(recorded()):
            files = files_of(network, schema_of(network), version=1, made_from="a recording")
            yield f"{digest_of_files(files)}  {network}\n"

    return f"sha256:{hashlib.sha256(''.join(lines()).encode()).hexdigest()}"


def test_what_makes_other_templates_has_another_number() -> None:
    """Where this fails: raise READING in automl_core/tao/writing.py, and add its digest to readings.json.

    The line of a reading that no release has had yet is replaced. One that has been released stays as it is: somebody
    has `tao/dino@7020001` in a folder, and the same number would be two templates.
    """
    readings = json.loads(RECORDED.read_text(encoding="utf-8"))
    assert max(map(int, readings)) == READING, "a reading has no digest, or has gone back"
    assert readings[str(READING)] == made(), f"reading {READING} makes other templates now; its digest is {made()}"
