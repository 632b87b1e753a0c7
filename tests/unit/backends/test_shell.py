"""Shell strings: whatever a value holds, it arrives as it is and is never executed. Tried on real shells."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automl_core.backends.contract import TrialContext, command_line
from automl_core.backends.shell import SHELL, check_shell, shell_command
from automl_core.backends.substitution import Placeholder, PlaceholderError
from automl_core.spec.tasks import LocalTask
from tests.support.examples import examples
from tests.support.patience import stretched

SHELLS = [shell for shell in (SHELL, shutil.which("dash"), shutil.which("bash"), shutil.which("busybox")) if shell]

PLACES = {
    # a script that prints the value once → what it prints, with the value at {}
    "outside quotes": ("printf '<%s>' ${x}", "<{}>"),
    "glued to text": ("printf '<%s>' --x=${x}.txt", "<--x={}.txt>"),
    "twice": ("printf '<%s>' ${x} ${x}", "<{}><{}>"),
    "in double quotes": ("printf '<%s>' \"a ${x} b\"", "<a {} b>"),
    "in single quotes": ("printf '<%s>' 'a ${x} b'", "<a {} b>"),
    "with another apostrophe": ("printf '<%s>' \"it's ${x}\" 'say \"${x}\"'", '<it\'s {}><say "{}">'),
    "between escaped quotes": ("printf '<%s>' \\\"${x}\\\"", '<"{}">'),
    "in escaped quotes in quotes": ('printf \'<%s>\' "\\"${x}\\""', '<"{}">'),
    "after a comment": ("true # don't \"\nprintf '<%s>' ${x}", "<{}>"),
    "in a comment": ("# ${x}\ntrue # ${x}\nprintf '<%s>' ok", "<ok>"),
    "after a hash that is no comment": ("printf '<%s>' a#'b' \"#\" ${x}", "<a#b><#><{}>"),
    "in an assignment": ("y=${x}; printf '<%s>' \"$y\"", "<{}>"),
    "in $()": ("printf '<%s>' \"$(printf '%s.' ${x})\"", "<{}.>"),
    "in quotes in $() in quotes": ("printf '<%s>' \"$(printf '%s.' \"a ${x}\" '${x}')\"", "<a {}.{}.>"),
    "after $()": ("printf '<%s>' \"$(echo ')' \")\")\" ${x}", "<) )><{}>"),
    "in an expansion's default": ("printf '<%s>' $${NOT_SET:-${x}} \"$${NOT_SET:-${x}}\"", "<{}><{}>"),
    "after an apostrophe in a quoted default": ("printf '<%s>' \"$${NOT_SET:-it's ${x}}\" ${x}", "<it's {}><{}>"),
    "after an expansion with a hash": ("y=aab; printf '<%s>' $${y#a} $${#y} ${x}", "<ab><3><{}>"),
    "in a here-document": ("cat <<EOF\n<${x}> 'a' \"b\"\nEOF\nprintf '<%s>' ${x}", "<{}> 'a' \"b\"\n<{}>"),
    "in an indented here-document": ("cat <<-EOF\n\t<${x}>\n\tEOF\nprintf '<%s>' ${x}", "<{}>\n<{}>"),
    "in $() in a here-document": ("cat <<EOF\n<$(printf '%s.' ${x})>\nEOF", "<{}.>\n"),
    "after a quoted here-document": ("cat <<'E F'\n\"'$(\nE F\nprintf '<%s>' ${x}", "\"'$(\n<{}>"),
    "between two here-documents": ("cat <<A; cat <<B\na '\nA\n${x}\nB\nprintf '<%s>' ${x}", "a '\n{}\n<{}>"),
    "in a function": ("f() { printf '<%s>' \"$1\" ${x}; }; f ${x}", "<{}><{}>"),
    "in a subshell": ("(printf '<%s>' ${x})", "<{}>"),
    "in a loop": ("for i in ${x} ${x}; do printf '<%s>' \"$i\"; done", "<{}><{}>"),
    "on both sides of a case": ("case ${x} in ${x}) printf '<%s>' yes;; *) printf no;; esac", "<yes>"),
    "in a test": ("[ ${x} = \"${x}\" ] && printf '<%s>' same", "<same>"),
    "through a pipe": ("printf '<%s>' ${x} | cat", "<{}>"),
    "after a shift": ('printf \'<%s>\' "$#" "$*"; set -- a b; printf \'<%s>\' "$1" ${x}', "<0><><a><{}>"),
    "over a continued line": ("printf '<%s>' \\\n  ${x}", "<{}>"),
    "where unset variables are errors": ("set -eu; printf '<%s>' ${x}", "<{}>"),
}

VALUES = [
    "plain", "", "two  words", "*", "$(touch canary)", "`touch canary`", "; touch canary;", "' ; touch canary; '",
    '" ; touch canary; "', "\ntouch canary\n", "$HOME ${HOME}", "a\\", "\\\\", "EOF\ntouch canary\nEOF", "-n", "~",
    "#", "${x}", "E F", "B\ntouch canary", "a'b\"c`d", ") ; touch canary; (",
]  # fmt: skip

METACHARACTERS = "'\"\\$`!;&|<>()[]{}*?#~=%-+ \t\n\rab01éλ€😀\x01\x7f\x81\x88"
hostile = st.text(st.sampled_from(METACHARACTERS), max_size=30) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20
)


def run(arguments: list[str], shell: str, folder: Path | None = None) -> str:
    start = {"bash": [shell, "--posix"], "busybox": [shell, "sh"]}.get(Path(shell).name, [shell])  # as /bin/sh is
    done = subprocess.run(
        [*start, *arguments[1:]],
        capture_output=True,
        cwd=folder,
        timeout=stretched(30),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.stdout.decode()


def command(script: str, value: str) -> list[str]:
    return shell_command(script, lambda placeholder: value)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("place", PLACES)
def test_a_value_arrives_as_it_is(place: str, shell: str, tmp_path: Path) -> None:
    script, printed = PLACES[place]
    for value in VALUES:
        assert run(command(script, value), shell, tmp_path) == printed.replace("{}", value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=examples(25))
@given(value=hostile)
def test_any_value_arrives_as_it_is(place: str, value: str) -> None:
    script, printed = PLACES[place]
    assert run(command(script, value), SHELL) == printed.replace("{}", value)


FRAGMENTS = [
    "'", '"', " ", "\n", ";", "\\", "#", "echo ", "cat <<E\n", "cat <<-'E'\n", "\nE\n", "\"$(", ")", "(", "$((", "))",
    "|", "&&", "y=", "$${Z:-", "}", "{ ", "case a in a)", ";;esac", "${x}", "${x}", "${x}", "${x}",
]  # fmt: skip


CANARIES = ["$(>canary)", "`>canary`", ";>canary;", "';>canary;'", "\n>canary\n", "a[$(>canary)]", "x\nE\n>canary\n"]


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fragments=st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=12), value=st.sampled_from(CANARIES))
def test_no_script_executes_a_value(fragments: list[str], value: str, tmp_path: Path) -> None:
    try:
        arguments = command("".join(fragments), value)
    except PlaceholderError:
        return
    for shell in SHELLS:
        run(arguments, shell, tmp_path)
        assert not (tmp_path / "canary").exists(), (shell, arguments)


def test_values_are_arguments_and_not_part_of_the_script() -> None:
    arguments = command("train --lr ${lr} --again ${lr} '${units}'", "$(id)")
    assert arguments[:2] == [SHELL, "-c"]
    assert "id" not in arguments[2]
    assert arguments[3:] == ["sh", "$(id)", "$(id)"]


def test_more_than_nine_values() -> None:
    names = [f"p{n}" for n in range(25)]
    script = "printf '<%s>' " + " ".join(f"${{{name}}}" for name in names)
    arguments = shell_command(script, lambda placeholder: f"{placeholder.name} *")
    assert run(arguments, SHELL) == "".join(f"<{name} *>" for name in names)


def test_a_script_without_placeholders_stays_as_it_is() -> None:
    script = "echo \"$HOME\" `date` && cat <<'E'\n$x\nE\n"
    assert command(script, "x") == [SHELL, "-c", script, "sh"]


def test_messages_of_the_shell_have_the_right_line() -> None:
    arguments = command("echo ${x}\necho two\nnosuchcommand ${x}", "a\nb\nc")
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert "3: nosuchcommand" in done.stderr or "line 3: nosuchcommand" in done.stderr


def test_the_environment_does_not_change() -> None:
    plain = run([SHELL, "-c", "env"], SHELL)
    assert run(command("env; : ${x}", "value"), SHELL) == plain


@pytest.mark.parametrize("value", ["1", "-2.5", "1e-3"])
def test_a_number_may_stand_in_arithmetic(value: str) -> None:
    assert shell_command("echo $(( ${x} + 1 ))", lambda _: value)[4] == value
    assert run(command("printf %s $(( (${x}) * 2 ))", "21"), SHELL) == "42"


@pytest.mark.parametrize("value", ["a[$(touch canary)]", "x", "1;2", "1\n", "true"])
def test_nothing_but_a_number_may(value: str) -> None:
    with pytest.raises(PlaceholderError, match="must be a number"):
        command("echo $(( ${x} + 1 ))", value)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo `basename ${x}`", "backticks: write $(…)"),
        ("echo \"`basename ${x}`\"", "backticks: write $(…)"),
        ("cat <<'EOF'\n${x}\nEOF", "take the quotes off the delimiter"),
        ("cat <<\\EOF\n${x}\nEOF", "take the quotes off the delimiter"),
        ("cat <<${x}\n${x}\nEOF", "in the delimiter"),
        ("echo \\${x}", "after a backslash"),
        ("echo \"\\${x}\"", "after a backslash"),
        ("echo a\0b", "NUL"),
    ],
)  # fmt: skip
def test_where_no_value_can_be_had(script: str, said: str) -> None:
    problems = check_shell(script)
    assert problems
    assert said in problems[0]
    with pytest.raises(PlaceholderError) as error:
        command(script, "1")
    assert str(error.value) == problems[0]


@pytest.mark.parametrize("place", PLACES)
def test_what_works_is_not_complained_of(place: str) -> None:
    assert check_shell(PLACES[place][0]) == []


@given(st.text(st.sampled_from("'\"\\$`(){}<#E-\n ;|&x"), max_size=40))
def test_any_text_can_be_checked(script: str) -> None:
    problems = check_shell(script + "${x}" + script)
    if problems:
        with pytest.raises(PlaceholderError, match=re.escape(problems[0])):
            command(script + "${x}" + script, "1")
    else:
        command(script + "${x}" + script, "1")


def test_what_a_trial_does_not_have_is_one_empty_word() -> None:
    context = TrialContext("e", "r", 0, 1, {}, "c", "m", inactive=frozenset({"momentum"}))
    task = LocalTask(command="printf '<%s>' a ${momentum} \"${momentum}\" b")
    assert run(command_line(task, context), SHELL) == "<a><><><b>"


def test_the_placeholder_is_asked_for_by_name() -> None:
    def text_of(placeholder: Placeholder) -> str:
        return f"value of {placeholder.name}"

    assert shell_command("a ${b} '${c}' ${b}", text_of)[4:] == ["value of b", "value of c"]
