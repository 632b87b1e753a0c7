"""How the commands are put together."""

from __future__ import annotations

from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_group

from automl_core.cli import app as commands
from automl_core.cli.app import _commands, main


@pytest.fixture(scope="module")
def whole() -> TyperGroup:
    return get_group(commands)


def told(command: Any) -> Any:
    """What a command is, down to those within it: name, help, and each parameter with its words and defaults."""
    parameters = [
        (each.name, each.opts, each.secondary_opts, each.nargs, each.required, str(each.default), each.help)
        for each in command.params
    ]
    within = {name: told(each) for name, each in getattr(command, "commands", {}).items()}
    return command.name, command.help, command.hidden, command.no_args_is_help, parameters, within


def test_the_one_that_is_called_is_what_it_is_among_all(whole: TyperGroup) -> None:
    assert len(whole.commands) > 20
    for name, command in whole.commands.items():
        one = _commands(name)
        assert list(one.commands) == [name], "nothing else is made"
        assert told(one.commands[name]) == told(command)
        assert told(one)[:5] == told(whole)[:5]


@pytest.mark.parametrize("line", [[], ["--help"], ["validat"], ["--what"]])
def test_without_a_command_all_are_known(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(line)
    said = "".join(capsys.readouterr())
    assert "validate" in said or "No such option" in said
