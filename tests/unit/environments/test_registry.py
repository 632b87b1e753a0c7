"""Where packages come from: pip's settings in uv's words, and nobody's password in a line."""

from __future__ import annotations

import os
from pathlib import Path

from automl_core.environments.registry import Redactor, for_uv, pips_settings, variables


def test_files_and_variables_go_over_one_another_as_pip_reads_them(tmp_path: Path) -> None:
    home, named = tmp_path / "home", tmp_path / "named.conf"
    for path, text in (
        (home / ".pip" / "pip.conf", "[global]\nindex-url = https://old.example.com/\ntimeout = 7\n"),
        (
            home / ".config" / "pip" / "pip.conf",
            "[global]\nindex-url = https://user.example.com/\nfind_links = /a /b\n",
        ),
        (tmp_path / "venv" / "pip.conf", "[install]\nindex-url = https://venv.example.com/\n"),
        (named, "[global]\ntrusted-host = named.example.com\n"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    environ = {"HOME": str(home), "XDG_CONFIG_DIRS": str(tmp_path / "none"), "PIP_CONFIG_FILE": str(named)}
    found = pips_settings(environ, str(tmp_path / "venv"))
    assert found["index-url"] == "https://venv.example.com/"
    assert (found["find-links"], found["timeout"]) == ("/a /b", "7")
    assert found["trusted-host"] == "named.example.com"
    over = pips_settings({**environ, "PIP_INDEX_URL": "https://variable.example.com/"}, str(tmp_path / "venv"))
    assert over["index-url"] == "https://variable.example.com/"
    alone = pips_settings({**environ, "PIP_CONFIG_FILE": os.devnull}, str(tmp_path / "venv"))
    assert "index-url" not in alone


def test_a_file_that_is_none_is_left_to_pip(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("index-url = without a section\n")
    assert "index-url" not in pips_settings({"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}, "")


def test_what_uv_is_told() -> None:
    told = for_uv(
        {
            "index-url": "https://a.example.com/simple", "extra-index-url": "https://b/simple\nhttps://c/simple",
            "find-links": "/w1 /w2", "no-index": "true", "trusted-host": "a b", "cert": "/ca.pem", "timeout": "90",
        }, {},
    )  # fmt: skip
    assert told is not None
    assert told.arguments == ("--no-index",)
    assert told.variables == {
        "UV_DEFAULT_INDEX": "https://a.example.com/simple", "UV_INDEX": "https://b/simple https://c/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match", "UV_FIND_LINKS": "/w1,/w2", "UV_INSECURE_HOST": "a b",
        "SSL_CERT_FILE": "/ca.pem", "UV_HTTP_TIMEOUT": "90",
    }  # fmt: skip
    assert not for_uv({}, {})
    said_itself = for_uv({"index-url": "https://a"}, {"UV_DEFAULT_INDEX": "https://own"})
    assert said_itself is not None
    assert not said_itself, "uv has been told itself"
    assert for_uv({"index-url": "https://a", "client-cert": "/c.pem"}, {}) is None, "pip alone knows that"


def test_an_installer_gets_no_secret_of_airflow_and_none_of_its_packages() -> None:
    found = variables(
        {
            "PATH": "/bin", "HOME": "/h", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "x", "AWS_SECRET_ACCESS_KEY": "x",
            "PYTHONPATH": "/dags", "PIP_INDEX_URL": "https://a", "PIP_TARGET": "/t", "UV_INDEX_A_PASSWORD": "p",
            "PIP_CONSTRAINT": "/c.txt", "HTTPS_PROXY": "http://p",
        }
    )  # fmt: skip
    assert set(found) == {"PATH", "HOME", "PIP_INDEX_URL", "UV_INDEX_A_PASSWORD", "HTTPS_PROXY"}


def test_users_and_passwords_are_taken_out_of_lines() -> None:
    redact = Redactor(
        {"PIP_INDEX_URL": "https://user:pa%24s@a.example.com/simple", "UV_INDEX_A_PASSWORD": "hunter2",
         "UV_INDEX": "https://only-token@b.example.com/simple"}, {"extra-index-url": "https://u:conf-secret@c/"},
    )  # fmt: skip
    line = (
        "https://x:y@d/ https://user:pa%24s@a.example.com/simple pa$s hunter2 only-token conf-secret git@d numpy==2.3.0"
    )
    torn = Redactor({"PIP_INDEX_URL": "https://user:p@tail@a.example.com/simple"}, {})
    assert torn("at https://user:p@tail@a.example.com/simple") == "at https://***@a.example.com/simple"
    assert redact(line) == "https://***@d/ https://***@a.example.com/simple *** *** *** *** git@d numpy==2.3.0"
