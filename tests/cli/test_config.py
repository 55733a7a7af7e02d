"""``user-miner config``: every setting, where it is from, and no secret."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from actor.settings.model import Settings
from tests.cli.kit import Command, is_one_line, nothing_was_sent
from tests.world import World

PLANTED = "planted-3b9c"


def told(command: Command, *arguments: str | Path) -> tuple[int, dict[str, Any], dict[str, dict[str, Any]]]:
    """Exit code, the whole report, and its settings by name."""
    code, out, _ = command("config", "--json", *arguments)
    report = json.loads(out)
    return code, report, {row["name"]: row for row in report["settings"]}


def test_each_setting_has_its_value_and_its_source(
    here: World, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the documented order: flag, environment, file with its line, default."""
    (here.folder / ".miner_env").write_text("\nMODEL='a model'\nNETUID=7\nSUBNETS_FILE=${NETUID}.json\n")
    (here.folder / "7.json").write_bytes((Path(__file__).parents[2] / "actor/analyzer/data/subnets.json").read_bytes())
    monkeypatch.setenv("MODEL", "of-env")
    monkeypatch.delenv("NETUID", raising=False)
    code, report, rows = told(command, "--wallet.name", "mine")
    overridden = "environment: its value of MODEL counts, not the one in .miner_env"
    assert (code, report["mistakes"], report["remarks"]) == (0, [], [overridden])
    assert list(rows) == [name.upper() for name in Settings.model_fields]
    assert rows["WALLET_NAME"] == {
        "name": "WALLET_NAME",
        "value": "mine",
        "source": "flag",
        "line": None,
        "expanded": False,
    }
    assert (rows["MODEL"]["value"], rows["MODEL"]["source"]) == ("of-env", "environment")
    assert (rows["NETUID"]["value"], rows["NETUID"]["source"], rows["NETUID"]["line"]) == ("7", "file", 3)
    assert (rows["SUBNETS_FILE"]["value"], rows["SUBNETS_FILE"]["expanded"]) == ("7.json", True)
    assert (rows["SAMPLING"]["value"], rows["SAMPLING"]["source"]) == ("random", "default")
    assert (rows["MAX_X_USD_PER_DAY"]["value"], rows["MAX_X_USD_PER_DAY"]["source"]) == (None, "default")
    assert nothing_was_sent(here)


def test_the_text_says_the_same(here: World, command: Command) -> None:
    """One line for each: name, value, source."""
    (here.folder / ".miner_env").write_text("SEARCH_KEYWORDS=tao, bittensor subnet\nNETUDI=4\n")
    code, out, errors = command("config", "--logging.debug")
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in out.splitlines()}
    assert (code, len(lines)) == (0, len(Settings.model_fields))
    assert lines["SEARCH_KEYWORDS"].split() == ["tao,bittensor", "subnet", ".miner_env:1"]
    assert lines["LOG_LEVEL"].split() == ["debug", "flag"]
    assert lines["LLM_USD_PER_MILLION_PROMPT_TOKENS"].split() == ["none", "default"]
    assert errors.splitlines() == [
        "user-miner: warning: .miner_env:2: 'NETUDI' is not a setting and has no effect: did you mean NETUID?"
    ]


@pytest.mark.parametrize("as_json", [False, True])
def test_no_secret_is_shown(here: World, command: Command, monkeypatch: pytest.MonkeyPatch, *, as_json: bool) -> None:
    """Tokens and passwords, right or wrong, and those in URLs, which are refused."""
    (here.folder / ".miner_env").write_text(f"HOTKEY_PASSWORD='{PLANTED} word'\n")
    flags = ("--json",) if as_json else ()
    monkeypatch.setenv("API_KEY", PLANTED)
    code, out, errors = command("config", *flags)
    assert code == 0
    assert PLANTED not in out + errors
    assert out.count("********") == 3
    monkeypatch.setenv("API_KEY", f"{PLANTED} \N{BULLET}")
    monkeypatch.setenv("X_API_BASE", f"https://me:{PLANTED}@host/2")
    monkeypatch.setenv("LLM_BASE", f"me:{PLANTED}@host")
    monkeypatch.setenv("MINER_API_URL", f"https://host/?key={PLANTED}")
    code, out, errors = command("config", *flags)
    assert code == 2
    assert PLANTED not in out + errors
    for shown in ("https://********@host/2", "********@host", "https://host/?********"):
        assert shown in out


@pytest.mark.parametrize(
    "text",
    [
        f"MODEL='a\nAPI_KEY={PLANTED}\nNETUID=4'\n",
        f"NETUID='4\nAPI_KEY={PLANTED}\n'\n",
        f"API_KEY=half\n{PLANTED}\n",
        f"API_KEY={PLANTED}\nMODEL=${{API_KEY}}\nJOURNAL_DIR=/tmp/${{API_KEY}}\nLLM_BASE=https://llm.test/${{API_KEY}}\n",
        f"API_KEY={PLANTED}\nNETUID={'x' * 50}${{API_KEY}}\nLLM_BASE=ftp://llm.test/${{API_KEY}}\n",
    ],
    ids=["swallowed", "swallowed and refused", "broken in two", "expanded", "expanded and refused"],
)
def test_no_secret_is_shown_where_a_file_puts_it_into_something_else(here: World, command: Command, text: str) -> None:
    """An unclosed quote takes in the lines behind it, and ``${…}`` puts one value into another."""
    (here.folder / ".miner_env").write_text(text)
    for arguments in (("config",), ("config", "--json"), ("run",)):
        _, out, errors = command(*arguments, "--wallet.path", here.folder / "none")
        assert PLANTED[:8] not in out + errors, arguments


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("MODEL=m\nLOG_FILE=a\0b\n", "line 2 holds a zero byte"),
        ("SUBNETS_FILE=pipe\n", "SUBNETS_FILE: pipe: cannot be read: it is no regular file"),
        ("SUBNETS_FILE=/dev/full\n", "SUBNETS_FILE: /dev/full: cannot be read: it is no regular file"),
        (f"SUBNETS_FILE={'9' * 300}\n", "File name too long"),
        ("SUBNETS_FILE=\x1b]0;x\x07\n", "SUBNETS_FILE:  ]0;x : cannot be read"),
    ],
    ids=["zero byte", "pipe", "endless device", "long name", "escape"],
)
def test_a_file_that_cannot_be_is_one_line(here: World, command: Command, text: str, words: str) -> None:
    """Neither a traceback, nor reading without an end, nor what would steer the terminal."""
    (here.folder / ".miner_env").write_text(text)
    os.mkfifo(here.folder / "pipe")
    code, _, errors = command("run", "--wallet.path", here.folder / "none")
    assert code == 2
    assert is_one_line(errors, words)


def test_links_in_a_circle_are_one_line(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written there replaces one of them, or is refused."""
    link = here.folder / "circle"
    link.symlink_to(link)
    secret = here.folder / "secret"
    secret.write_text("token-of-ours")
    secrets = ("--x-bearer-token-file", secret, "--api-key-file", secret)
    assert command("init", "--env-file", link, "--no-wallet-check", *secrets)[0] in {0, 2}
    again = here.folder / "again"
    again.symlink_to(again)
    monkeypatch.setenv("JOURNAL_DIR", str(again))
    code, _, errors = command("run")
    assert code == 2
    assert is_one_line(errors, "JOURNAL_DIR", "is not a directory")


def test_all_mistakes_are_told_and_the_exit_code_is_2(
    here: World, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `run` would refuse them, beside what stands there."""
    (here.folder / ".miner_env").write_text("NETUID=x\x1b[2J\nSAMPLING=best\n")
    monkeypatch.delenv("API_KEY")
    monkeypatch.delenv("NETUID", raising=False)
    code, out, errors = command("config")
    assert code == 2
    starts = sorted(line.removeprefix("user-miner: ").partition(":")[0] for line in errors.splitlines())
    assert starts == ["API_KEY", "NETUID", "SAMPLING"]
    assert "\x1b" not in out + errors
    code, report, rows = told(command)
    assert (code, len(report["mistakes"]), rows["SAMPLING"]["value"], rows["API_KEY"]["value"]) == (2, 3, "best", None)


def test_a_named_file_that_is_not_there_is_one_line(here: World, command: Command) -> None:
    """As for `run`."""
    code, out, errors = command("config", "--env-file", here.folder / "none")
    assert (code, out) == (2, "")
    assert errors.count("\n") == 1
    assert "there is no file" in errors


def test_a_run_that_is_refused_names_the_misspelled_variable(
    here: World, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The missing one and the one that has no effect stand together."""
    (here.folder / ".miner_env").write_text("X_BEARER_TOKN=t\n")
    monkeypatch.delenv("X_BEARER_TOKEN")
    code, _, errors = command("run")
    assert code == 2
    missing, unknown = errors.splitlines()
    assert missing.startswith("user-miner: X_BEARER_TOKEN: is not set")
    assert unknown.endswith("'X_BEARER_TOKN' is not a setting and has no effect: did you mean X_BEARER_TOKEN?")


def test_a_run_warns_of_what_has_no_effect(here: World, command: Command) -> None:
    """In its log, and it mines on."""
    (here.folder / ".miner_env").write_text("SERCH_KEYWORDS=tao\n")
    code, _, errors = command("run", "--windows", "1")
    assert code == 0
    assert (
        ".miner_env:1: 'SERCH_KEYWORDS' is not a setting and has no effect: did you mean SEARCH_KEYWORDS?"
        in " ".join(errors.split())
    )
