"""``user-miner run`` with wrong configuration: exit code 2, one clear line, nothing sent, no journal begun."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from tests.cli.kit import Command, is_one_line, nothing_was_sent
from tests.world import World
from user_miner.place import check_place

PASSWORD = "open-sesame-4711"  # noqa: S105
LOCKED_ADDRESS = "5GNkguXHF3qWAuUvtcw1g3pz3hA7Gx6D44FaqFBFsPhTNvQF"
# The key file of //Locked as bittensor encrypts it with that password, which takes seconds.
LOCKED = base64.b64decode(
    "JE5BQ0yy4cSbIx4IDtW+1+gzoL9LluHPgUkmNCSi55XUWnmhndi3H5raBJS251jxnCYHLTuRHsf1bsP6d4co6pMegq500dQqXHxx"
    "U8S0E5mR9hMd6238hijL1tCXcHW4D+wiVQ6K02UHuF4oRGM1AknmG14jvVfPwyHgsh0SRZW6HHkjHgx7HqSHGnhawvSdg299iBwz"
    "ep62yZKX4/RjblY9Yeqp8kbmZmB8uF1WWqymcIlrnHD+TMJ7DPRscNdqINYGb/tdTPohI70mxImNNgxvn+RrM/FNQERJD64UMI1v"
    "32ml5G4Jkjmn35uTR5nrdZ8mAZdO/dVqOTiZGtSawf3SjZ4sSGYBSfyMGQ2S+4/8Z45OFy/0kaq2fgRRCF0R+qcIynmYwaTcRUoU"
    "MRdI3+8Mf+H5qIGOGLET1khkqhNJQ5zvTYuikh5oLZOQ47yggU2OxPsDpO4wMpEXLg65BZc9yzRy5R7FCg0rZBhYtOc/0rJ8XTjO"
    "U8HapWv6wnput6uqUrr7MKPbdln4wf2gxxid9EaX4X6O7zcDFIb/ukexExylCs2vMZBmnsYYy4dUAa4="
)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("X_BEARER_TOKEN", "", ("X_BEARER_TOKEN: is not set", ".miner_env")),
        ("API_KEY", "", ("API_KEY: is not set", ".miner_env")),
        ("API_KEY", "two words", ("API_KEY: holds characters",)),
        ("X_API_BASE", "x", ("X_API_BASE: ", "'x'", "expected", "https://")),
        ("MINER_API_URL", "http:/host", ("MINER_API_URL: ", "'http:/host'", "expected")),
        ("MINER_API_URL", "https://hóst", ("MINER_API_URL: ", "hóst", "expected")),
        ("LLM_BASE", "host/v1", ("LLM_BASE: ", "'host/v1'", "expected")),
        ("X_API_BASE", "http://api.example/2", ("X_API_BASE: plain http to api.example", "ALLOW_INSECURE_HTTP")),
        ("MINER_API_URL", "http://10.1.2.3:8001", ("MINER_API_URL: plain http to 10.1.2.3", "ALLOW_INSECURE_HTTP")),
        ("LLM_BASE", "HTTP://llm.example/v1", ("LLM_BASE: plain http to llm.example", "ALLOW_INSECURE_HTTP")),
        ("NETUID", "forty-five", ("NETUID: ", "'forty-five'")),
        ("SEARCH_KEYWORDS", '"', ("SEARCH_KEYWORDS: ", "quotation marks")),
        ("WALLET_NAME", "nobody", ("no wallet 'nobody'", "found default", "WALLET_NAME")),
        ("WALLET_PATH", "/nowhere", ("no wallet 'default' in /nowhere", "WALLET_PATH")),
        ("WALLET_HOTKEY", "nobody", ("no hotkey 'nobody'", "found default", "WALLET_HOTKEY")),
        ("WALLET_HOTKEY", "../coldkey", ("WALLET_HOTKEY is '../coldkey'", "not a name")),
        ("WALLET_PATH", "~no-such-user-here/w", ("WALLET_PATH: ", "home directory")),
    ],
)
def test_a_wrong_variable_is_one_line(
    here: World, command: Command, monkeypatch: pytest.MonkeyPatch, *, name: str, value: str, words: tuple[str, ...]
) -> None:
    """What was found, what was expected, what to do - and nothing happened."""
    monkeypatch.setenv(name, value)
    code, out, errors = command("run")
    assert (code, out) == (2, "")
    assert is_one_line(errors, *words)
    assert nothing_was_sent(here)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:9", ("ALL_PROXY: is no proxy", "not SOCKS", "unset it")),
        ("https_proxy", "http://user:s3cr/etPW77@127.0.0.1:1", ("https_proxy: is no proxy", "%2F")),
        ("SSL_CERT_FILE", "/nonexistent.pem", ("SSL_CERT_FILE: ", "/nonexistent.pem", "PEM", "unset it")),
        ("SSL_CERT_DIR", "/nonexistent", ("SSL_CERT_DIR: ", "/nonexistent", "openssl rehash", "unset it")),
        ("REQUESTS_CA_BUNDLE", "/nonexistent.pem", ("REQUESTS_CA_BUNDLE: ", "/nonexistent.pem", "PEM")),
    ],
)
def test_an_environment_that_no_request_can_be_made_with_is_one_line(
    here: World, command: Command, monkeypatch: pytest.MonkeyPatch, *, name: str, value: str, words: tuple[str, ...]
) -> None:
    """Where a server is not on this machine; of a proxy nothing is told, since it may hold a password."""
    for proxy in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(proxy)
    monkeypatch.setenv("MINER_API_URL", "https://api.invalid")
    monkeypatch.setenv(name, value)
    code, out, errors = command("run")
    assert (code, out) == (2, "")
    assert is_one_line(errors, *words)
    assert "s3cr" not in errors
    assert nothing_was_sent(here)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SSL_CERT_FILE", "/nonexistent.pem", "no certificates can be read from /nonexistent.pem"),
        ("ALL_PROXY", "socks5://127.0.0.1:9", "is no proxy that can be used"),
        ("NO_PROXY", "10.*", "is skipped, the rest counts ('10.*')"),
    ],
)
def test_what_is_wrong_in_the_environment_is_said_where_no_server_needs_it(
    here: World, command: Command, monkeypatch: pytest.MonkeyPatch, *, name: str, value: str, words: str
) -> None:
    """In one warning; the miner works."""
    monkeypatch.setenv(name, value)
    code, _, errors = command("run", "--windows", "1")
    assert code == 0
    (line,) = [line for line in errors.splitlines() if name in line]
    assert "warning" in line.lower()
    assert f"{name}: " in line
    assert words in line
    assert len(here.sandbox.ledger.api.accepted()) == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--env-file", "missing.env"), ("--env-file", "missing.env", "user-miner init")),
        (("--env-file", "."), ("--env-file", "is a folder")),
        (("--netuid", "70000"), ("NETUID: ", "'70000'")),
        (("--wallet.name", "nobody"), ("no wallet 'nobody'",)),
        (("--wallet.hotkey", "nobody"), ("no hotkey 'nobody'",)),
        (("--wallet.path", "nowhere"), ("no wallet 'default' in nowhere",)),
    ],
)
def test_a_wrong_flag_is_one_line(
    here: World, command: Command, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """Flags are checked like the variables that they stand for."""
    code, out, errors = command("run", *arguments)
    assert (code, out) == (2, "")
    assert is_one_line(errors, *words)
    assert nothing_was_sent(here)


@pytest.mark.parametrize(
    "arguments",
    [("--netuid", "forty-five"), ("--windows", "0"), ("--windows",), ("--no-such-flag",), ("surplus",)],
)
def test_a_flag_that_cannot_be_read_is_a_usage_error(here: World, command: Command, arguments: tuple[str, ...]) -> None:
    """Exit code 2, and one line that names what is wrong."""
    code, out, errors = command("run", *arguments)
    assert (code, out) == (2, "")
    assert is_one_line(errors)
    assert any(argument.lstrip("-") in errors for argument in arguments)
    assert nothing_was_sent(here)


def test_every_mistake_gets_its_line(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two secrets missing, a number wrong: three lines, each with the program's name in front."""
    for name in ("X_BEARER_TOKEN", "API_KEY"):
        monkeypatch.delenv(name)
    code, _, errors = command("run", "--netuid", "-1")
    assert code == 2
    assert [line.split(":")[:2] for line in errors.splitlines()] == [
        ["user-miner", " X_BEARER_TOKEN"],
        ["user-miner", " API_KEY"],
        ["user-miner", " NETUID"],
    ]
    assert nothing_was_sent(here)


@pytest.mark.parametrize("place", ["file", "file/below", "wallets/default/hotkeys/default/below"])
def test_a_journal_that_can_be_nowhere_is_one_line(here: World, command: Command, place: str) -> None:
    """JOURNAL_DIR at or below a regular file is wrong configuration, not a failure of the disk."""
    (here.folder / "file").write_text("not a directory")
    code, _, errors = command("run", "--journal", here.folder / place)
    assert code == 2
    assert is_one_line(errors, "JOURNAL_DIR: ", "is not a directory")
    assert nothing_was_sent(here)


@pytest.mark.parametrize("place", ["/proc/x", "/proc/self/a/b", "/proc"])
def test_a_place_that_takes_no_directories_is_refused(here: World, command: Command, place: str) -> None:
    """Whatever its rights say; that is known only when it is tried."""
    code, _, errors = command("run", "--journal", place)
    assert code == 2
    assert is_one_line(errors, "JOURNAL_DIR: ", "/proc", "where this user can write")
    assert nothing_was_sent(here)


def test_trying_a_place_leaves_nothing_there(tmp_path: Path) -> None:
    """Nor does it make the journal: what refuses the start afterwards finds all as it was."""
    check_place(tmp_path / "a" / "b")
    check_place(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_no_disk_takes_is_one_line(here: World, command: Command) -> None:
    """JOURNAL_DIR, WALLET_PATH and LOG_FILE beyond what the system takes are wrong configuration."""
    for option, setting in (("--journal", "JOURNAL_DIR"), ("--wallet.path", "WALLET_PATH")):
        code, _, errors = command("run", option, here.folder / ("a" * 300))
        assert code == 2
        assert is_one_line(errors, f"{setting}: is longer than a path")
    assert nothing_was_sent(here)


def test_an_encrypted_hotkey_needs_its_password(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without and with a wrong one: refused, the password unsaid; with the right one it mines under that hotkey."""
    (here.folder / "wallets" / "default" / "hotkeys" / "locked").write_bytes(LOCKED)
    code, _, errors = command("run", "--wallet.hotkey", "locked")
    assert code == 2
    assert is_one_line(errors, "is encrypted", "HOTKEY_PASSWORD")
    monkeypatch.setenv("HOTKEY_PASSWORD", "wrong-" + PASSWORD)
    code, _, errors = command("run", "--wallet.hotkey", "locked")
    assert code == 2
    assert is_one_line(errors, "HOTKEY_PASSWORD does not open", "locked")
    assert PASSWORD not in errors
    assert nothing_was_sent(here)
    monkeypatch.setenv("HOTKEY_PASSWORD", PASSWORD)
    code, _, errors = command("run", "--wallet.hotkey", "locked", "--windows", "1")
    assert code == 0, errors
    assert [path.name for path in here.journal.iterdir()] == [LOCKED_ADDRESS]
    assert len(here.sandbox.ledger.api.accepted()) == 5
    assert PASSWORD not in errors
    assert all(PASSWORD.encode() not in path.read_bytes() for path in here.journal.rglob("*") if path.is_file())


def test_settings_come_from_the_default_file(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """.miner_env in the working directory is all that a run needs; the flag names another one."""
    lines = "".join(f"{name}={value}\n" for name, value in here.settings().items())
    for name in here.settings():
        monkeypatch.delenv(name)
    (here.folder / "mine.env").write_text(lines)
    code, _, errors = command("run", "--windows", "1", "--env-file", "mine.env")
    assert code == 0, errors
    (here.folder / "mine.env").rename(here.folder / ".miner_env")
    here.sandbox.next_window()
    here.sandbox.add_post("bittensor goes on")
    code, _, errors = command("run", "--windows", "1")
    assert code == 0, errors
    assert here.state().totals.accepted == 6


@pytest.mark.usefixtures("here")
def test_r15_a_run_warns_of_legacy_variables(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """R15: in its log, and it mines on."""
    monkeypatch.setenv("POSTS_PER_SCRAPE", "5")
    code, _, errors = command("run", "--windows", "1")
    assert code == 0
    assert "POSTS_PER_SCRAPE has no effect" in errors
