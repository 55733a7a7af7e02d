"""FLEET.toml: what counts, and what a mistake in it is called: table, key and value in one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from actor.settings.fleet_file import COMMON_ONLY, read_fleet
from actor.settings.model import SettingsError
from tests.cli.kit import Command, is_one_line

GOOD = '[common]\nX_BEARER_TOKEN = "t0ken"\nAPI_KEY = "k3y"\n'


def write(folder: Path, text: str, *, mode: int = 0o600) -> Path:
    """The file."""
    file = folder / "fleet.toml"
    file.write_text(text, "utf-8")
    file.chmod(mode)
    return file


def mistakes(file: Path, environment: dict[str, str] | None = None) -> list[str]:
    """What is wrong with it, without its path."""
    with pytest.raises(SettingsError) as refused:
        read_fleet(file, environment or {})
    assert all(str(file) in line for line in refused.value.lines)
    return [line.replace(str(file), "FILE") for line in refused.value.lines]


def test_a_miner_s_own_value_wins(tmp_path: Path) -> None:
    """Over the environment, and that over [common], whatever the case of the keys; flags win over all."""
    text = f"""{GOOD}netuid = 1
LLM_CONCURRENCY = 7
SEARCH_KEYWORDS = ["bittensor", "tao"]
max_x_usd_per_day = 2.5
[[miner]]
WALLET_HOTKEY = "a"
[[miner]]
wallet_hotkey = "b"
Netuid = 3
SEARCH_KEYWORDS = "subnet, alpha"
SUBMIT_IRRELEVANT = false
"""
    file = write(tmp_path, text)
    one, two = (member.settings for member in read_fleet(file, {"NETUID": "2"}))
    assert (one.netuid, two.netuid) == (2, 3)
    assert (one.search_keywords, two.search_keywords) == (("bittensor", "tao"), ("subnet", "alpha"))
    assert (one.submit_irrelevant, two.submit_irrelevant) == (True, False)
    assert (one.max_x_usd_per_day, one.llm_concurrency, two.llm_concurrency) == (2.5, 7, 7)
    (first, _) = read_fleet(file, {"NETUID": "2"})
    assert any("NETUID counts, not the one in" in remark for remark in first.remarks)
    assert [member.settings.netuid for member in read_fleet(file, {}, netuid=9)] == [9, 9]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[common]\n", ["FILE: there is no [[miner]] in it: expected one for each hotkey"]),
        ("", ["FILE: there is no [[miner]] in it: expected one for each hotkey"]),
        ("[[miner]]\n[commmon]\n", ["FILE: commmon: is no part of a fleet's file: expected [common] and [[miner]]"]),
        ("[miner]\n", ["FILE: miner: expected tables that each begin with [[miner]]"]),
        ("common = 3\n[[miner]]\n", ["FILE: common: expected a table that begins with [common]"]),
        ("miner = [1]\n", ["FILE: miner: expected tables that each begin with [[miner]]"]),
        ("a = [", ["FILE: is no TOML: Invalid value (at end of document)"]),
        (
            f'{GOOD}NETUID = 70000\n[[miner]]\n[[miner]]\nWALLET_HOTKEY = "b"\n',
            [
                (
                    "FILE: [common]: NETUID: input should be less than or equal to 65535, found '70000': "
                    "correct it in FILE, [common]"
                )
            ],
        ),
        (
            f'{GOOD}[[miner]]\n[[miner]]\nPOLL_INTERVAL_SECONDS = -1\nWALLET_HOTKEY = "b"\nNETUID = true\n',
            [
                (
                    "FILE: [[miner]] 2: NETUID: input should be a valid integer, unable to parse string as an integer, "
                    "found 'true': correct it in FILE, [[miner]] 2"
                ),
                (
                    "FILE: [[miner]] 2: POLL_INTERVAL_SECONDS: input should be greater than 0, found '-1': "
                    "correct it in FILE, [[miner]] 2"
                ),
            ],
        ),
        (f"{GOOD}[[miner]]\nNETUIT = 1\n", ["FILE: [[miner]] 1: NETUIT: is not a setting: did you mean NETUID?"]),
        (
            f"{GOOD}[[miner]]\nNETUID = {{a = 1}}\n",
            ["FILE: [[miner]] 1: NETUID: expected a text, a number, true or false, found \"{'a': 1}\""],
        ),
        (
            f"{GOOD}[[miner]]\nnetuid = 1\nNETUID = 2\n",
            ["FILE: [[miner]] 1: NETUID: is set twice: names are the same in small letters and capitals"],
        ),
        (
            f'{GOOD}[[miner]]\nWALLET_NAME = "w"\n[[miner]]\n[[miner]]\nWALLET_NAME = "w"\n',
            ["FILE: [[miner]] 3: WALLET_HOTKEY: [[miner]] 1 has the hotkey 'w/default' already: give each its own"],
        ),
        (
            f'{GOOD}[[miner]]\nMAX_X_USD_PER_DAY = 0.01\n[[miner]]\nWALLET_NAME = "w"\n',
            [
                (
                    "FILE: [[miner]] 1: MAX_X_USD_PER_DAY: 0.01 does not pay for one search, which may cost $0.15: "
                    "no window would ever be searched; raise it"
                )
            ],
        ),
        (
            '[common]\nX_BEARER_TOKEN = "t0ken"\n[[miner]]\n[[miner]]\nWALLET_NAME = "w"\n',
            ["FILE: [common]: API_KEY: is not set: add API_KEY=… to FILE or to the environment"],
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, wanted: list[str]) -> None:
    """It names the table, the key and the value; one for all hotkeys is said once."""
    assert mistakes(write(tmp_path, text)) == wanted


@pytest.mark.parametrize("name", sorted(COMMON_ONLY))
def test_what_is_one_for_all_belongs_to_common(tmp_path: Path, name: str) -> None:
    """The log, the port and the limit at the LLM are the process's."""
    (line,) = mistakes(write(tmp_path, f"{GOOD}[[miner]]\n{name} = 5\n"))
    assert line == f"FILE: [[miner]] 1: {name}: is one for all hotkeys, found 5: move it to [common]"


@pytest.mark.parametrize("name", ["X_BEARER_TOKEN", "API_KEY", "HOTKEY_PASSWORD", "NOTIFY_URL"])
def test_no_secret_is_quoted(tmp_path: Path, name: str) -> None:
    """Whatever is wrong with it, in whichever table."""
    for value in ('["s3cret", 1]', "{s3cret = 1}"):
        others = GOOD.replace(name, f"#{name}")
        for text in (f"{others}{name} = {value}\n[[miner]]\n", f"{others}[[miner]]\n{name} = {value}\n"):
            assert "s3cret" not in str(mistakes(write(tmp_path, text)))


@pytest.mark.parametrize(
    ("mode", "told"), [(0o600, ""), (0o400, ""), (0o640, "group"), (0o644, "every user"), (0o602, "every user")]
)
def test_a_file_with_secrets_is_closed_to_others(tmp_path: Path, mode: int, told: str) -> None:
    """Open to every user it is refused, to its group it is warned of; without a secret it is nobody's matter."""
    file = write(tmp_path, f"{GOOD}[[miner]]\n", mode=mode)
    if told == "every user":
        assert mistakes(file) == ["FILE: every user of this machine can read the secrets in it: chmod 600 FILE"]
    else:
        (member,) = read_fleet(file, {})
        assert [told in remark for remark in member.remarks] == ([True] if told else [])
    secret_free = write(tmp_path, "[common]\nNETUID = 1\n[[miner]]\n", mode=mode)
    (member,) = read_fleet(secret_free, {"API_KEY": "k3y", "X_BEARER_TOKEN": "t0ken"})
    assert not member.remarks


def test_what_is_no_file_is_refused(tmp_path: Path, command: Command) -> None:
    """A folder, nothing, no text, a pipe without a writer, one that may not be read: one line and exit code 2."""
    (tmp_path / "pipe").symlink_to("nowhere")
    (tmp_path / "text").write_bytes(b"\xff\xfe\x00")
    for name, words in ((".", "is a folder"), ("none", "there is no file"), ("pipe", "no file"), ("text", "UTF-8")):
        code, out, errors = command("fleet", tmp_path / name)
        assert (code, out) == (2, "")
        assert is_one_line(errors, words), errors


def test_check_opens_each_hotkey(tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--check` starts nothing; a hotkey that cannot be opened is one line with its table, and exit code 2."""
    for name in list(os.environ):
        if name in {"X_BEARER_TOKEN", "API_KEY", "WALLET_PATH"}:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    text = f'{GOOD}WALLET_PATH = "{tmp_path}"\nJOURNAL_DIR = "{tmp_path / "j"}"\n[[miner]]\nWALLET_HOTKEY = "b"\n'
    code, out, errors = command("fleet", "--check", write(tmp_path, text))
    assert (code, out) == (2, "")
    assert is_one_line(errors, "[[miner]] 1 (default/b): ", "no wallet 'default'")
    assert not (tmp_path / "j").exists()
