"""What the pages are made of: nothing from elsewhere, nothing that the policy of the pages forbids, nothing stale."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from tests.sources import ROOT
from tests.unit.web.conftest import World

STATIC = ROOT / "plugins" / "automl_airflow" / "web" / "static"
VENDOR = STATIC / "vendor"
OURS = sorted((STATIC / "js").rglob("*.js"))


def test_vendored_libraries_are_what_their_script_built() -> None:
    hashes = json.loads((VENDOR / "integrity.json").read_text())
    assert set(hashes) == {path.name for path in VENDOR.glob("*.js")}
    for name, integrity in hashes.items():
        digest = hashlib.sha384((VENDOR / name).read_bytes()).digest()
        assert integrity == f"sha384-{base64.b64encode(digest).decode()}", name


def test_every_package_is_pinned_with_a_hash_and_has_its_licence() -> None:
    source = VENDOR / "source"
    wanted = json.loads((source / "package.json").read_text())
    locked = json.loads((source / "package-lock.json").read_text())["packages"]
    for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
        entry = locked[f"node_modules/{name}"]
        assert entry["version"] == version
        assert entry["integrity"].startswith("sha512-")
    licences = (VENDOR / "LICENSES.txt").read_text()
    for name in ("echarts", "zrender", "@tanstack/virtual-core", "@codemirror/view"):
        assert re.search(rf"^{re.escape(name)} [\d.]+ \(", licences, re.MULTILINE), name


def test_what_is_vendored_stays_small() -> None:
    assert sum(path.stat().st_size for path in VENDOR.glob("*.js")) < 1_500_000


def test_the_document_has_no_script_of_its_own_and_loads_only_from_here() -> None:
    text = (STATIC / "index.html").read_text()
    assert '<base href="{{BASE}}">' in text
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", text) == []
    assert re.findall(r"\son\w+=", text) == []
    for address in re.findall(r'(?:src|href)="([^"#]+)"', text):
        assert not re.match(r"\w+:|//", address), address
    prefix = "static/v-{{VERSION}}/"
    loaded = re.findall(r'(?:src|href)="(static/[^"]+)"', text)
    assert len(loaded) > 3
    for address in loaded:
        assert address.startswith(prefix)
        assert (STATIC / address.removeprefix(prefix)).is_file(), address


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_scripts_make_no_markup_of_text_and_import_what_is_there(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function)\b", text)
    for name in re.findall(r"""(?:from|import\()\s*['"](\.[^'"$]+)['"]""", text):
        assert (path.parent / name).resolve().is_file(), f"{path.name}: {name}"


def test_scripts_are_kept_by_the_browser_until_one_of_them_changes(world: World) -> None:
    page = world.client("vic").get("/automl/").text
    assert "{{" not in page
    address = re.findall(r'src="(static/v-[0-9a-f]{12}/js/main\.js)"', page)[0]
    answer = world.client("vic").get(f"/automl/{address}")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    for other in ("static/js/main.js", "static/v-000000000000/js/main.js"):
        answer = world.client("vic").get(f"/automl/{other}")
        assert answer.status_code == 200
        assert "no-cache" in answer.headers["cache-control"]
    assert world.client("vic").get("/automl/static/v-000000000000/../../app.py").status_code == 404
    assert world.client(None).get(f"/automl/{address}").status_code == 401
