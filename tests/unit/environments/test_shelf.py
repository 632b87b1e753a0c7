"""Environments that are made once: by whom, from what, and what becomes of those whose making broke off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_core.backends.guard import process_stat
from automl_core.environments import EnvironmentProblem, NotWanted, Shelf, linking, making, shelf
from automl_core.environments.pythons import find_python
from automl_core.release import RELEASE
from automl_core.spec.lock_files import Lock, parse_lock
from tests.support.patience import stretched
from tests.support.wheels import make_wheel, offline

LOCK = parse_lock("tiny-lib==1.2\n", "requirements.txt")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    make_wheel(tmp_path / "wheels", "tiny-lib", "1.2")
    return tmp_path / "wheels"


@pytest.fixture
def make(tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Shelf]:
    monkeypatch.setattr(making, "pip_is_there", lambda python: False)  # what uv can't, nobody tries again

    def make(**variables: str) -> Shelf:
        environ = offline(tmp_path / "home", wheels) | variables
        return Shelf(tmp_path / "envs", environ=environ, patience=0)

    return make


def run(python: Path, code: str) -> str:
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, cwd="/").stdout.strip()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + stretched(30)
    while not condition():
        assert time.monotonic() < end
        os.sched_yield()


def test_it_is_made_once_and_has_the_lock_files_packages_and_this_products_code(make: Callable[..., Shelf]) -> None:
    said: list[str] = []
    held = make().ensure(LOCK, say=said.append)
    assert held.made
    assert run(held.python, "import tiny_lib; print(tiny_lib.VERSION)") == "1.2"
    code = "import automl_core, automl_core.release as r, importlib.metadata as m; "
    told = run(held.python, code + "print(r.RELEASE, m.version('automl-core'), automl_core.__file__)")
    assert told.split()[:2] == [RELEASE, RELEASE]
    assert Path(told.split()[2]).samefile(Path(linking.package_folder(), "__init__.py"))
    seen = json.loads(run(held.python, "import importlib.util as u, json; print(json.dumps([u.find_spec(n) is None for n in ('airflow', 'pandas', 'tests', 'pydantic')]))"))  # fmt: skip  # noqa: E501
    assert seen == [True] * 4, "nothing beside it came along"
    script = held.python.parent / "run-tiny-lib"
    assert str(held.python.parent) in script.read_text()[:500] or "realpath" in script.read_text()[:500]
    assert any("1 package," in line and "requirements.txt" in line for line in said)
    held.release()
    again = make().ensure(LOCK, say=said.append)
    assert (again.made, again.python) == (False, held.python)
    again.release()
    assert sum("made by" in line for line in said) == 1


def test_pip_makes_the_same_where_there_is_no_uv(make: Callable[..., Shelf], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "find_uv", lambda environ: None)
    said: list[str] = []
    with_pip = make().ensure(LOCK, say=said.append)
    assert run(with_pip.python, "import tiny_lib, automl_core; print(tiny_lib.VERSION)") == "1.2"
    assert "made by pip" in said[-1]
    with_pip.release()


def test_another_text_python_release_or_place_of_the_product_is_another_environment(
    make: Callable[..., Shelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, python = make(), find_python(None)
    keys = {own.key(LOCK, python), own.key(parse_lock("tiny-lib==1.2 # x\n"), python)}
    keys.add(own.key(LOCK, type(python)(python.path, python.implementation, "3.11.99", python.platform)))
    keys.add(own.key(LOCK, type(python)(python.path, python.implementation, python.version, "win-amd64")))
    monkeypatch.setattr(shelf, "RELEASE", "9")
    keys.add(own.key(LOCK, python))
    monkeypatch.setattr(shelf, "package_folder", lambda: Path("/elsewhere/automl_core"))
    keys.add(own.key(LOCK, python))
    assert len(keys) == 6
    same = parse_lock("tiny-lib==1.2\r\n", "other.txt")
    assert own.key(same, python) == own.key(parse_lock("tiny-lib==1.2"), python), "line ends are no difference"


ENSURE = """
import sys
from pathlib import Path
from automl_core.environments import EnvironmentProblem, Shelf, making
from automl_core.spec.lock_files import parse_lock
root, lock, uv = sys.argv[1:4]
if uv:
    making.find_uv = lambda environ: uv
print("ready", flush=True)
sys.stdin.readline()
try:
    said = lambda line: print(line, flush=True)
    held = Shelf(Path(root), patience=0).ensure(parse_lock(lock, "requirements.txt"), say=said)
    print("made" if held.made else "found", held.python)
except EnvironmentProblem as error:
    print("problem", error.headline)
"""


def start(tmp_path: Path, lock: str, uv: str = "", **variables: str) -> subprocess.Popen[str]:
    environ = offline(tmp_path / "home", tmp_path / "wheels") | variables
    source = str(Path(linking.package_folder()).parent)
    return subprocess.Popen(
        [sys.executable, "-c", ENSURE, str(tmp_path / "envs"), lock, uv], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ | {"PYTHONPATH": source},
    )  # fmt: skip


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_processes_that_ask_at_once_make_it_once(tmp_path: Path, wheels: Path) -> None:
    started = [start(tmp_path, LOCK.text) for _ in range(6)]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    for process in started:
        go(process)
    said = [process.communicate(timeout=stretched(60))[0].splitlines() for process in started]
    ends = [lines[-1].split() for lines in said]
    assert sorted(end[0] for end in ends) == ["found"] * 5 + ["made"]
    assert len({end[1] for end in ends}) == 1
    assert len(list((tmp_path / "envs").glob("*/env-*"))) == 1


def hanging_uv(tmp_path: Path) -> Path:
    """An uv that makes half an environment, says which process it is, and never ends."""
    script = tmp_path / "uv"
    script.write_text(
        f'#!/bin/sh\nfor last; do :; done\nmkdir -p "$last/bin"\necho $$ > "{tmp_path}/pid.part"\n'
        f'mv "{tmp_path}/pid.part" "{tmp_path}/pid"\nexec sleep 1000\n'
    )
    script.chmod(0o755)
    return script


def test_a_kill_leaves_nothing_half_and_the_next_process_begins_anew(
    tmp_path: Path, make: Callable[..., Shelf]
) -> None:
    process = start(tmp_path, LOCK.text, str(hanging_uv(tmp_path)))
    go(process)
    until((tmp_path / "pid").exists)
    child = int((tmp_path / "pid").read_text())
    waiting = start(tmp_path, LOCK.text)
    go(waiting)
    assert waiting.stdout is not None
    assert [waiting.stdout.readline() for _ in range(2)][1].startswith("environment: waiting for another process")
    half = list((tmp_path / "envs").glob("*/env-*"))
    assert len(half) == 1
    assert make().known(LOCK) is None
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=stretched(30))
    said = waiting.communicate(timeout=stretched(60))[0].splitlines()
    assert said[-1].startswith("made ")
    until(lambda: process_stat(child) is None)
    assert run(Path(said[-1].split()[1]), "import tiny_lib; print(tiny_lib.VERSION)") == "1.2"
    assert half[0] not in list((tmp_path / "envs").glob("*/env-*"))


def test_who_waits_for_one_that_fails_meets_what_it_met_and_who_comes_later_tries_again(
    tmp_path: Path, make: Callable[..., Shelf]
) -> None:
    missing = "tiny-lib==1.2\nno-such-lib==3.1\n"
    script = tmp_path / "uv"
    script.write_text(
        f'#!/bin/sh\necho x >> "{tmp_path}/tries"\nwhile [ ! -e "{tmp_path}/go" ]; do sleep 0.05; done\n'
        "echo 'error: no-such-lib==3.1 was not found in the registry'; exit 1\n"
    )
    script.chmod(0o755)
    alone = {"UV_FIND_LINKS": str(tmp_path)}  # uv has been told itself: no second try by pip
    first = start(tmp_path, missing, str(script), **alone)
    go(first)
    until((tmp_path / "tries").exists)
    second = start(tmp_path, missing, str(script), **alone)
    go(second)
    assert second.stdout is not None
    assert "waiting" in [second.stdout.readline() for _ in range(2)][1]
    (tmp_path / "go").touch()
    ends = [each.communicate(timeout=stretched(60))[0].splitlines()[-1] for each in (first, second)]
    assert ends[0] == ends[1]
    assert ends[0].startswith("problem ")
    assert (tmp_path / "tries").read_text() == "x\n", "it was tried once for both"
    make_wheel(tmp_path / "wheels", "no-such-lib", "3.1")
    held = make().ensure(parse_lock(missing))
    assert held.made
    held.release()


def problem(found: Shelf, lock: Lock) -> EnvironmentProblem:
    with pytest.raises(EnvironmentProblem) as caught:
        found.ensure(lock)
    assert not list(found.root.glob("*/env-*")), "nothing half is left"
    return caught.value


@pytest.mark.parametrize("uv", [True, False])
def test_a_missing_package_is_told_with_its_line_and_ends_all(
    make: Callable[..., Shelf], uv: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not uv:
        monkeypatch.setattr(making, "find_uv", lambda environ: None)
    error = problem(make(), parse_lock("# two\ntiny-lib==1.2\nno-such-lib==3.1\n", "requirements.txt"))
    assert error.headline.startswith("requirements.txt line 3: no-such-lib==3.1: ")
    assert (error.systematic, error.outage) == (True, False)


@pytest.mark.parametrize("uv", [True, False])
def test_hashes_are_honoured(
    tmp_path: Path, make: Callable[..., Shelf], uv: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not uv:
        monkeypatch.setattr(making, "find_uv", lambda environ: None)
    right = make_wheel(tmp_path / "wheels", "hashed", "1.0")
    wrong = parse_lock(f"hashed==1.0 --hash=sha256:{'0' * 64}\n", "requirements.txt")
    error = problem(make(), wrong)
    assert error.systematic
    assert "line 1: hashed==1.0" in error.headline
    assert "hashes" in error.headline
    if not uv:
        return
    partly = parse_lock(f"hashed==1.0 --hash={right}\ntiny-lib==1.2\n")
    assert problem(make(), partly).systematic, "with hashes, each package has some"
    held = make().ensure(parse_lock(f"hashed==1.0 --hash={right}\n"))
    assert run(held.python, "import hashed; print(hashed.VERSION)") == "1.0"
    held.release()


def test_a_registry_that_is_away_is_asked_again_and_its_password_is_in_no_line(make: Callable[..., Shelf]) -> None:
    said: list[str] = []
    away = {"UV_INDEX_URL": "http://user:geh%65im@127.0.0.1:1/simple", "UV_HTTP_RETRIES": "0"}
    found, lock = make(**away), parse_lock("tiny-lib==1.3\n")
    with pytest.raises(EnvironmentProblem) as caught:
        found.ensure(lock, say=said.append)
    assert (caught.value.outage, caught.value.systematic) == (True, False)
    found._patience = 1e6
    with pytest.raises(NotWanted):
        found.ensure(lock, say=said.append, wanted=lambda: not any("Asking again" in line for line in said))
    text = "\n".join([*said, str(caught.value)])
    assert "geh%65im" not in text
    assert "geheim" not in text


def test_packages_that_the_lock_file_lacks_are_told(tmp_path: Path, make: Callable[..., Shelf]) -> None:
    make_wheel(tmp_path / "wheels", "with-needs", "1.0", needs=["tiny-lib"])
    said: list[str] = []
    make().ensure(parse_lock("with-needs==1.0\n", "requirements.txt"), say=said.append).release()
    assert any("tiny_lib==1.2" in line and "Compile it anew" in line for line in said)


def test_a_limit_ends_what_takes_too_long(
    tmp_path: Path, make: Callable[..., Shelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "uv"
    made = 'for last; do :; done; mkdir -p "$last/bin"; exit 0'
    script.write_text(f'#!/bin/sh\nif [ "$1" = venv ]; then {made}; fi\nexec sleep 1000\n')
    script.chmod(0o755)
    monkeypatch.setattr(making, "find_uv", lambda environ: str(script))
    error = problem(make(AUTOML_ENVIRONMENT_TIMEOUT="1"), LOCK)
    assert "AUTOML_ENVIRONMENT_TIMEOUT" in str(error)
    assert not error.systematic


def test_nobody_waits_any_more(tmp_path: Path, make: Callable[..., Shelf], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "find_uv", lambda environ: str(hanging_uv(tmp_path)))
    with pytest.raises(NotWanted):
        make().ensure(LOCK, wanted=lambda: not (tmp_path / "pid").exists())
    child = int((tmp_path / "pid").read_text())
    until(lambda: process_stat(child) is None)
    assert not list((tmp_path / "envs").glob("*/env-*"))


def test_one_whose_python_or_product_is_gone_is_made_anew(make: Callable[..., Shelf]) -> None:
    held = make().ensure(LOCK)
    held.release()
    held.python.unlink()
    again = make().ensure(LOCK)
    assert again.made
    again.release()
    link = next((again.python.parent.parent / "lib").glob("python*/site-packages/automl_core"))
    link.unlink()
    link.symlink_to("/nowhere/automl_core")
    assert make().known(LOCK) is None
    third = make().ensure(LOCK)
    assert third.made
    third.release()


def test_what_another_user_could_have_written_is_not_run(tmp_path: Path, make: Callable[..., Shelf]) -> None:
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs").chmod(0o777)
    with pytest.raises(EnvironmentProblem, match="AUTOML_ENVIRONMENTS"):
        make().ensure(LOCK)


def test_where_they_lie(tmp_path: Path) -> None:
    assert Shelf.of(tmp_path, {}).root == tmp_path / ".automl-environments"
    assert Shelf.of(tmp_path, {"AUTOML_ENVIRONMENTS": str(tmp_path / "x")}).root == tmp_path / "x"
    (tmp_path / ".automl-environments").touch()
    assert Shelf.of(tmp_path, {}).root.name == f"automl-environments-{os.getuid()}"


def test_a_python_that_the_machine_lacks_is_said(make: Callable[..., Shelf]) -> None:
    with pytest.raises(EnvironmentProblem, match=r"python3\.99") as caught:
        make().ensure(LOCK, "3.99")
    assert caught.value.systematic


def test_kept_and_removed(make: Callable[..., Shelf]) -> None:
    found = make()
    held = found.ensure(LOCK)
    (kept,) = found.kept()
    assert "requirements.txt" in kept.what
    assert found.remove(kept) == "a training uses it just now"
    held.release()
    os.utime(kept.folder / "ready.json", (kept.used + 5, kept.used + 5))
    assert found.remove(kept) == "a training has used it since"
    (kept,) = found.kept()
    assert found.remove(kept) == ""
    assert not list(found.kept())


def test_the_folder_of_the_variable_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    assert Shelf.of(tmp_path, {"AUTOML_ENVIRONMENTS": str(tmp_path / "link")}).root == (tmp_path / "disk").resolve()
