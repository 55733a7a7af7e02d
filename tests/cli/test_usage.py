"""A command line that is none, the help, its short forms, and what a shell completes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.cli.kit import Command, is_one_line
from tests.users import without_root
from tests.world import bare_env
from user_miner import cli
from user_miner.cli import app
from user_miner.commands.subnets import subnets


def every_command() -> Iterator[tuple[str, ...]]:
    """As registered, those of groups too."""
    for name in cli.COMMANDS:
        if name == "subnets":
            for info in subnets.registered_commands:
                yield name, info.name or str(getattr(info.callback, "__name__", ""))
        else:
            yield (name,)


COMMANDS = list(every_command())
# Options for a number that may be a fraction.
NUMBERS = ("simulate --rate", "sandbox --block-seconds", "sandbox --posts-per-minute", "doctor --timeout")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_an_unknown_option_is_one_line(command: Command, words: tuple[str, ...]) -> None:
    """Exit code 2, what was found, and where the options stand."""
    code, out, errors = command(*words, "--nonesuch")
    assert (code, out) == (2, "")
    assert is_one_line(errors, "--nonesuch", f"(see `user-miner {' '.join(words)} --help`)")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("replya", "no such command 'replya'. Did you mean 'replay'"),
        ("subnets nonesuch", "no such command 'nonesuch' (see `user-miner subnets --help`)"),
        ("run --windows many", "found 'many'"),
        ("run --windows 0", "found '0'"),
        ("run --windows", "'--windows' requires an argument"),
        ("run extra", "extra"),
        ("sandbox --port 99999999", "found '99999999'"),
        ("simulate --seed x", "found 'x'"),
        ("replay a b", "(b)"),
        ("replay a --window=-1", "found '-1'"),
        ("replay a --diff 1", "--diff"),
        ("export a --what nonesuch", "'nonesuch' is not one of 'records', 'posts', 'windows'"),
        ("export a --json", "--out"),
        ("export a --dispute 1 --what posts", "--dispute"),
        ("costs a --by year", "year"),
        ("verify --bundle a --hotkey x", "'x' is no ss58 address"),
        ("audit a --rules", "'--rules' requires an argument"),
        ("evaluate", "missing argument 'file'"),
        ("doctor --timeout 0", "found '0'"),
        ("run --windows", "(see `user-miner run --help`)"),
        ("replay a --since 2026-11-23 --until 2026-11-22", "--since 2026-11-23 is after --until 2026-11-22"),
        ("export a --since 2026-11-23 --until 2026-11-22", "--since 2026-11-23 is after --until 2026-11-22"),
        *((f"{option} {value}", f"found '{value}'") for option in NUMBERS for value in ("inf", "nan", "-inf")),
        ("run --env-file nonesuch", "--env-file: there is no file nonesuch"),
        ("verify --bundle nonesuch", "nonesuch"),
        ("evaluate nonesuch", "nonesuch"),
        ("run --env-file a\nb", "a b"),
    ],
)
def test_wrong_use_is_one_line(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, words: str
) -> None:
    """Exit code 2, and what was found and expected."""
    monkeypatch.chdir(tmp_path)
    code, out, errors = command(*line.split(" "))
    assert (code, out) == (2, "")
    assert is_one_line(errors, words)


@pytest.mark.parametrize(
    "words",
    [
        *(("run", name, "") for name in ("--journal", "--wallet.path", "--env-file", "--checkpoint", "-w")),
        ("run", "--journal="),
        ("demo", "--journal", ""),
        ("doctor", "--bundle", ""),
        ("config", "--wallet.path", ""),
        ("init", "--api-key-file", ""),
        *((name, "") for name in ("replay", "verify", "check", "audit", "costs", "export", "repair", "status")),
    ],
    ids=" ".join,
)
def test_an_empty_value_is_one_line(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """A shell's variable that is not set is no name of the current folder, where a second journal would begin."""
    monkeypatch.chdir(tmp_path)
    code, out, errors = command(*words)
    assert (code, out) == (2, "")
    named = words[1].rstrip("=") if words[1:] != ("",) else "an argument"
    assert is_one_line(errors, f"{named} is empty", f"(see `user-miner {words[0]} --help`)")
    assert list(tmp_path.iterdir()) == []


def test_a_setting_may_be_empty(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--set NAME=` takes the default; only the flag itself needs a value."""
    monkeypatch.chdir(tmp_path)
    for words in (("--set", "MODEL="), ("--set=MODEL=",)):
        assert "is empty" not in command("init", *words)[2]


@pytest.mark.parametrize("name", ["run", "status", "config", "init", "costs"])
def test_a_settings_file_that_cannot_be_read_is_one_line(command: Command, tmp_path: Path, name: str) -> None:
    """It, or the folder that it lies in."""
    (folder := tmp_path / "closed").mkdir()
    (file := tmp_path / "settings").write_text("NETUID=45\n")
    file.chmod(0)
    folder.chmod(0)
    for place in (file, folder / "settings"):
        with without_root(tmp_path):
            code, _, errors = command(name, "--env-file", place)
        assert (code, is_one_line(errors, str(place))) == (2, True)


@pytest.mark.parametrize(
    "line", ["replay", "verify", "check", "audit", "costs", "export", "fixture --post 1", "repair", "demo --journal"]
)
def test_a_place_that_cannot_be_entered_is_one_line(command: Command, tmp_path: Path, line: str) -> None:
    """Without a traceback, whatever the command wants to do there."""
    (tmp_path / "closed").mkdir(mode=0)
    with without_root(tmp_path):
        code, out, errors = command(*line.split(), tmp_path / "closed" / "journal")
    assert (code, out) == (2, "")
    assert is_one_line(errors, "closed")


@pytest.mark.parametrize("words", [(), ("subnets",)], ids=["user-miner", "subnets"])
def test_every_summary_fits_its_line(words: tuple[str, ...]) -> None:
    """On 80 columns each command has one line, whose sentence ends."""
    shown = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "80"}).output
    lines = shown.partition("Commands:\n")[2].splitlines()
    expected = [name for *group, name in COMMANDS if tuple(group) == words] if words else list(cli.COMMANDS)
    assert [line.split()[0] for line in lines][: len(expected)] == expected
    assert [line for line in lines if not line.endswith(".") or line.endswith("..") or len(line) > 80] == []


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_summary_is_the_command_s_first_sentence(name: str) -> None:
    """Which stands twice, so that the help need not import the command."""
    shown = " ".join(CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"}).output.split())
    assert cli.COMMANDS[name] in shown.partition("Options:")[0]


@pytest.mark.parametrize("words", [(), ("subnets",), *COMMANDS], ids=" ".join)
def test_the_help_has_a_short_form(command: Command, words: tuple[str, ...]) -> None:
    """-h is --help, everywhere."""
    code, out, errors = command(*words, "-h")
    assert (code, errors) == (0, "")
    assert out == command(*words, "--help")[1]
    assert "-h, --help" in out


@pytest.mark.parametrize("name", ["run", "config", "doctor"])
def test_wallet_and_hotkey_have_short_forms(name: str) -> None:
    """-w and -H, as btcli has them, wherever the long ones are."""
    shown = CliRunner().invoke(app, [name, "--help"]).output
    assert "-w, --wallet.name" in shown
    assert "-H, --wallet.hotkey" in shown


def test_short_forms_are_taken(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the long ones are."""
    monkeypatch.chdir(tmp_path)
    out = command("config", "-w", "cold", "-H", "hot")[1]
    assert out == command("config", "--wallet.name", "cold", "--wallet.hotkey", "hot")[1]
    assert "cold" in out


def completed(line: str) -> list[str]:
    """What bash is offered at the end of a line."""
    words = line.split(" ")
    asked = {"_USER_MINER_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [f"{sys.prefix}/bin/user-miner"], env=bare_env(**asked), capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_a_shell_completes_commands_options_and_values() -> None:
    """Of the program and of its groups."""
    assert completed("user-miner re") == ["report", "replay", "repair"]
    assert completed("user-miner subnets sh") == ["show"]
    assert completed("user-miner run --wallet.") == ["--wallet.name", "--wallet.hotkey", "--wallet.path"]
    assert completed("user-miner export --format ") == ["jsonl", "csv", "parquet"]


def test_bash_takes_the_completion(tmp_path: Path) -> None:
    """What --show-completion prints is a script for the shell that asks, and --install-completion puts it in place."""
    tool = f"{sys.prefix}/bin/user-miner"
    path = f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}"
    script = f'eval "$({tool} --show-completion)"; complete -p user-miner'
    env = bare_env(PATH=path, HOME=str(tmp_path))
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "complete -o default -F _user_miner_completion user-miner\n"
    subprocess.run(["bash", "-c", f"{tool} --install-completion; true"], env=env, capture_output=True, check=True)
    assert "user-miner" in (tmp_path / ".bashrc").read_text()


def test_completion_is_typer_s_own() -> None:
    """Nothing of it is loaded before a shell asks: a start takes no longer for it."""
    assert typer.main.get_command(app).name == "user-miner"
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, user_miner.cli; print([n for n in sys.modules if n.startswith('rich')])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout == "[]\n"
