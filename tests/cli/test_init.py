"""``user-miner init``: a settings file for its owner only, whole or not at all, from options or from answers."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from actor.settings.model import Settings, load_settings
from actor.settings.template import filled_template
from tests.cli.kit import Command, is_one_line
from tests.patience import GIVE_UP_S
from tests.world import World, bare_env, make_wallet

TOKEN, KEY = "token-3b9c", "key-77aa"
EXAMPLE = Path(__file__).parents[2] / ".miner_env.example"


@pytest.fixture
def bare(here: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world without any setting, and two files with the secrets."""
    for name in here.settings():
        monkeypatch.delenv(name)
    (here.folder / "token").write_text(f"{TOKEN}\n")
    (here.folder / "key").write_text(f"{KEY}\r\n")
    return here


def given(world: World, *more: str) -> list[str]:
    """The options that suffice."""
    folder = world.folder
    return [
        *("--x-bearer-token-file", str(folder / "token"), "--api-key-file", str(folder / "key")),
        *("--set", f"WALLET_PATH={folder / 'wallets'}", *more),
    ]


def test_options_alone_make_a_file_that_run_takes(bare: World, command: Command) -> None:
    """Mode 0600 whatever the mask, each comment of the example in it, and exactly the given values."""
    before = os.umask(0)
    try:
        code, out, errors = command("init", *given(bare, "--set", "search_keywords=tao, a#b", "--set", "NETUID=7"))
    finally:
        os.umask(before)
    assert (code, errors) == (0, "")
    assert "wrote .miner_env" in out
    file = bare.folder / ".miner_env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings = load_settings(file)
    assert settings.secrets() == (TOKEN, KEY)
    assert (settings.search_keywords, settings.netuid) == (("tao", "a#b"), 7)
    assert settings.on_analysis_error == "hold", "proposed, where nothing else was said"
    comments = [line for line in EXAMPLE.read_text().splitlines()[1:] if line.startswith("#")]
    assert [line for line in file.read_text().splitlines()[1:] if line.startswith("#")] == comments
    assert sorted(path.name for path in bare.folder.iterdir()) == [".miner_env", "key", "token", "wallets"]


def test_what_is_proposed_may_be_declined(bare: World, command: Command) -> None:
    """The specification's own default is one word away."""
    code, _, errors = command("init", *given(bare, "--set", "ON_ANALYSIS_ERROR=default"))
    assert (code, errors) == (0, "")
    assert load_settings(bare.folder / ".miner_env").on_analysis_error == "default"


def test_the_template_is_the_example_file() -> None:
    """One text: what the package ships is what the repository shows."""
    assert filled_template({}).splitlines()[1:] == EXAMPLE.read_text("utf-8").splitlines()[1:]


@pytest.mark.parametrize(
    "value", ["plain", "two words", "a'b", 'a"b', "back\\slash\\'", "#x", " x ", "${HOME}", "päß", "="]
)
def test_any_password_is_read_as_it_was_given(bare: World, command: Command, value: str) -> None:
    """Quotes, signs and spaces of a password survive the file."""
    (bare.folder / "password").write_text(f"{value}\n")
    code, _, errors = command("init", *given(bare), "--hotkey-password-file", bare.folder / "password")
    assert (code, errors) == (0, "")
    password = load_settings(bare.folder / ".miner_env").hotkey_password
    assert password is not None
    assert password.get_secret_value() == value


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "NETUID"), ("--set NETUID: expected NAME=VALUE",)),
        (("--set", "NETUDI=1"), ("--set NETUDI: there is no such setting", "did you mean NETUID?")),
        (("--set", "API_KEY=x"), ("--set API_KEY", "--api-key-file")),
        (("--set", "NETUID=x"), ("NETUID: ", "'x'", "command line")),
        (("--set", "MODEL=a\nb"), ("MODEL: ", "one line")),
        (("--set", "WALLET_NAME=nobody"), ("no wallet 'nobody'", "found default")),
        (("--api-key-file", "nowhere"), ("--api-key-file: cannot read nowhere",)),
        (("--hotkey-password-file", "/dev/null"), ("--hotkey-password-file: /dev/null must hold",)),
        (("--env-file", "wallets"), ("wallets is no regular file",)),
        (("--env-file", "none/env"), ("none/env cannot be written", "there is no folder")),
        (("--x-bearer-token-file", "-", "--api-key-file", "-"), ("standard input can give one secret only",)),
    ],
)
def test_what_cannot_be_is_one_line_and_no_file(
    bare: World, command: Command, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """Exit code 2, and nothing is left."""
    before = sorted(bare.folder.iterdir())
    code, out, errors = command("init", *given(bare), *arguments)
    assert (code, out) == (2, "")
    assert is_one_line(errors, *words)
    assert TOKEN not in errors
    assert KEY not in errors
    assert sorted(bare.folder.iterdir()) == before


def without_terminal(world: World, *arguments: str, given: str = "") -> tuple[int, str]:
    """The command in a process whose standard input holds this text; exit code and standard error."""
    command = [sys.executable, "-m", "user_miner.cli", "init", *arguments]
    env = bare_env(HOME=str(world.folder))
    done = subprocess.run(
        command, cwd=world.folder, env=env, input=given, capture_output=True, text=True, timeout=GIVE_UP_S, check=False
    )
    return done.returncode, done.stderr


def test_without_a_terminal_missing_secrets_are_one_line(bare: World) -> None:
    """No question waits where nobody can answer it."""
    code, errors = without_terminal(bare)
    assert code == 2
    assert is_one_line(errors, "X_BEARER_TOKEN and API_KEY not given", "--x-bearer-token-file", "--api-key-file")


def test_a_file_that_is_there_stays(bare: World, command: Command) -> None:
    """Only --force replaces it, and a link stays a link to the new file."""
    (bare.folder / "real").write_text("mine")
    (bare.folder / ".miner_env").symlink_to("real")
    code, _, errors = command("init", *given(bare))
    assert code == 2
    assert is_one_line(errors, ".miner_env exists already", "--force")
    assert (bare.folder / "real").read_text() == "mine"
    assert command("init", *given(bare), "--force")[0] == 0
    assert (bare.folder / ".miner_env").is_symlink()
    assert load_settings(bare.folder / "real").secrets() == (TOKEN, KEY)
    assert stat.S_IMODE((bare.folder / "real").stat().st_mode) == 0o600


def test_a_secret_comes_from_standard_input(bare: World) -> None:
    """So that a secret store can hand it over without a file."""
    assert without_terminal(bare, *given(bare), "--api-key-file", "-", given="from-stdin\n") == (0, "")
    assert load_settings(bare.folder / ".miner_env").secrets() == (TOKEN, "from-stdin")


@dataclass(slots=True)
class Terminal:
    """A person at a terminal, whose whole screen is kept."""

    master: int
    process: subprocess.Popen[bytes]
    screen: str = ""
    seen: int = 0

    def read_until(self, what: str) -> None:
        """Wait for a text behind the one that was waited for before."""
        deadline_s = time.monotonic() + GIVE_UP_S
        while (found := self.screen.find(what, self.seen)) < 0:
            ready, _, _ = select.select([self.master], [], [], max(0.0, deadline_s - time.monotonic()))
            assert ready, f"waited for {what!r}, saw {self.screen[self.seen :]!r}"
            self.screen += os.read(self.master, 4096).decode()
        self.seen = found + len(what)

    def answer(self, prompt: str, text: str = "") -> None:
        """Wait for a question and type the answer."""
        self.read_until(f"{prompt}")
        os.write(self.master, f"{text}\n".encode())


@contextmanager
def at_terminal(world: World, *arguments: str) -> Iterator[Terminal]:
    """``user-miner init`` on a terminal of its own."""
    master, slave = pty.openpty()
    command = ["setsid", "--ctty", sys.executable, "-m", "user_miner.cli", "init", *arguments]
    env = bare_env(HOME=str(world.folder), TERM="dumb")
    with subprocess.Popen(command, cwd=world.folder, env=env, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        try:
            yield Terminal(master, process)
        finally:
            process.kill()
            os.close(master)


def test_a_person_is_asked_and_each_answer_is_checked(bare: World) -> None:
    """Secrets are not echoed, a wrong answer is asked again, Enter takes the default, the wallet must be there."""
    make_wallet(bare.folder / "wallets", "//Bob", hotkey="second")
    with at_terminal(bare, "--set", "NETUID=7") as person:
        person.answer("X_BEARER_TOKEN: ", "two words")
        person.read_until("X_BEARER_TOKEN: holds characters that no token has")
        person.answer("X_BEARER_TOKEN: ", TOKEN)
        person.answer("API_KEY: ", KEY)
        person.answer("MINER_API_URL [http://127.0.0.1:8001]: ", "http://api.example")
        person.read_until("plain http to api.example")
        person.answer("MINER_API_URL [http://127.0.0.1:8001]: ", "https://api.example")
        person.answer("LLM_BASE [")
        person.answer("MODEL [")
        person.answer("WALLET_PATH [~/.bittensor/wallets]: ")
        person.answer("WALLET_NAME [default]: ")
        person.answer("WALLET_HOTKEY [default]: ")
        person.answer("JOURNAL_DIR [journal]: ")
        person.answer("SEARCH_KEYWORDS [bittensor]: ", "tao,subnet")
        person.answer("MAX_X_USD_PER_DAY: ", "2.5")
        person.answer("ON_ANALYSIS_ERROR [hold]: ")
        person.read_until("no wallet 'default'")
        person.answer("WALLET_PATH [~/.bittensor/wallets]: ", str(bare.folder / "wallets"))
        person.answer("WALLET_NAME [default]: ")
        person.answer("WALLET_HOTKEY [default]: ", "second")
        person.read_until("wrote .miner_env")
        assert person.process.wait(GIVE_UP_S) == 0
    assert TOKEN not in person.screen
    assert KEY not in person.screen
    settings = load_settings(bare.folder / ".miner_env")
    assert settings.secrets() == (TOKEN, KEY)
    assert (settings.miner_api_url, settings.wallet_hotkey, settings.netuid) == ("https://api.example", "second", 7)
    assert (settings.search_keywords, settings.max_x_usd_per_day) == (("tao", "subnet"), 2.5)
    assert settings.on_analysis_error == "hold"
    asked = set(re.findall(r"^([A-Z_]+)(?: \[.*\])?: ", person.screen, re.MULTILINE))
    assert asked < {name.upper() for name in Settings.model_fields}
    assert "NETUID" not in asked, "what was given is not asked"


def test_the_end_of_the_input_leaves_nothing(bare: World) -> None:
    """Ctrl-D answers nothing: wrong use, exit code 2."""
    with at_terminal(bare) as person:
        person.answer("X_BEARER_TOKEN: ", TOKEN)
        person.read_until("API_KEY: ")
        os.write(person.master, b"\x04")
        person.read_until("the input ended before the last answer; nothing is written")
        assert person.process.wait(GIVE_UP_S) == 2
    assert not (bare.folder / ".miner_env").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_leaving_in_the_middle_leaves_nothing(bare: World, number: signal.Signals) -> None:
    """Ctrl-C ends with one line, and no part of a file is there."""
    before = sorted(bare.folder.iterdir())
    with at_terminal(bare) as person:
        person.answer("X_BEARER_TOKEN: ", TOKEN)
        person.read_until("API_KEY: ")
        if number == signal.SIGINT:
            os.write(person.master, b"\x03")
            person.read_until("interrupted: nothing is written")
            assert person.process.wait(GIVE_UP_S) == 130
        else:
            person.process.send_signal(number)
            assert person.process.wait(GIVE_UP_S) == -number
    assert "Traceback" not in person.screen
    assert sorted(bare.folder.iterdir()) == before
