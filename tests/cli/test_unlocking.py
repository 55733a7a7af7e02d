"""An encrypted hotkey whose password is not set: a terminal is asked for it, nobody else is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.kit import Command, is_one_line, nothing_was_sent, only_journal
from tests.status.kit import Terminal, terminal
from tests.world import World, make_wallet

PASSWORD = "open, sesame"  # noqa: S105  (of a key that everybody knows)
ASKED = "Password to unlock hotkey default/locked: "


@pytest.fixture
def locked(world: World) -> World:
    """The plain world, with an encrypted hotkey beside the plain one."""
    make_wallet(world.folder / "wallets", hotkey="locked", password=PASSWORD)
    return world


def text(page: Terminal) -> str:
    """What is on the terminal."""
    return page.output.decode().replace("\r\n", "\n")


def test_a_terminal_is_asked(locked: World) -> None:
    """Until the password is right; it is not shown, not logged, and not asked for again."""
    env = locked.env(WALLET_HOTKEY="locked", LOG_LEVEL="debug")
    with terminal("run", "--windows", "1", env=env) as page:
        page.read(ASKED)
        page.type(b"wrong\r")
        page.read("that does not open it", ASKED, since=page.output.rindex(ASKED.encode()) + 1)
        page.type(f"{PASSWORD}\r".encode())
        assert page.end() == 0
        assert text(page).count(ASKED) == 2
        assert "posts_processed 5" in text(page)
    assert PASSWORD not in text(page)
    journal = only_journal(locked)
    assert not any(PASSWORD.encode() in path.read_bytes() for path in journal.rglob("*") if path.is_file())


@pytest.mark.parametrize(("keys", "code"), [(b"\x03", 130), (b"\x04", 2)], ids=["Ctrl-C", "Ctrl-D"])
def test_who_does_not_answer_is_told_what_else_to_do(locked: World, keys: bytes, code: int) -> None:
    """An exit code of its own for Ctrl-C, and one line; nothing was begun."""
    with terminal("run", env=locked.env(WALLET_HOTKEY="locked")) as page:
        page.read(ASKED)
        page.type(keys)
        assert page.end() == code
    (line,) = re.findall(r"^user-miner: .+$", text(page), re.MULTILINE)
    assert is_one_line(line, "is encrypted: set HOTKEY_PASSWORD", "none was given")
    assert nothing_was_sent(locked)


def test_three_wrong_ones_are_enough(locked: World) -> None:
    """Exit code 2, as where nobody can be asked."""
    with terminal("run", env=locked.env(WALLET_HOTKEY="locked")) as page:
        since = 0
        for _ in range(3):
            page.read(ASKED, since=since)
            since = page.output.rindex(ASKED.encode()) + 1
            page.type(b"wrong\r")
        assert page.end() == 2
    assert text(page).count("that does not open it") == 3
    assert "is encrypted: set HOTKEY_PASSWORD" in text(page).splitlines()[-1]


def test_a_password_that_is_set_is_not_asked_for(locked: World) -> None:
    """A wrong one is an operator's mistake, on a terminal too."""
    env = locked.env(WALLET_HOTKEY="locked", HOTKEY_PASSWORD="wrong")  # noqa: S106
    with terminal("run", env=env) as page:
        assert page.end() == 2
    assert is_one_line(text(page), "HOTKEY_PASSWORD does not open")


def test_the_doctor_on_a_terminal_knows_that_run_asks(locked: World) -> None:
    """A warning that says so: `run` would start here, and would not as a service."""
    with terminal("doctor", env=locked.env(WALLET_HOTKEY="locked")) as page:
        assert page.end() == 0
    (line,) = re.findall(r"^\w+ +wallet .+$", text(page), re.MULTILINE)
    assert line.startswith("warning wallet")
    assert "is encrypted; `run` asks for its password on a terminal" in line
    assert "fix: set HOTKEY_PASSWORD to its password, where nobody" in line


def test_without_a_terminal_one_line_says_what_to_do(
    here: World, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A service does not hang in a question."""
    make_wallet(tmp_path / "wallets", hotkey="locked", password=PASSWORD)
    monkeypatch.setenv("WALLET_HOTKEY", "locked")
    code, out, errors = command("run")
    assert (code, out) == (2, "")
    assert is_one_line(errors, "is encrypted: set HOTKEY_PASSWORD to its password, or start it on a terminal")
    assert nothing_was_sent(here)
