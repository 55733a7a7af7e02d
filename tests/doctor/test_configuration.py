"""The settings file and its rights, the settings, and variables without effect."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from actor.edges.threads import run_loop
from tests.cli.kit import Command
from tests.doctor.kit import exactly, look
from tests.patience import Stopwatch
from tests.world import World
from user_miner.doctor.machine import access_checks
from user_miner.doctor.patient import examine, examine_in_time


@pytest.fixture
def filed(here: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The world's settings in .miner_env, and none in the environment."""
    for name in here.settings():
        monkeypatch.delenv(name)
    file = here.folder / ".miner_env"
    file.write_text("".join(f"{name}={value}\n" for name, value in here.settings().items()))
    file.chmod(0o600)
    return file


def test_a_settings_file_of_its_owner(filed: Path, command: Command) -> None:
    """Found, readable by its owner alone, valid, and nothing odd in it."""
    found = look(command)
    assert found.code == 0
    assert found.says("env-file", "ok", filed.name, "only its owner")
    assert found.says("settings", "ok", "valid")
    assert found.says("variables", "ok")
    assert set(found.levels().values()) == {"ok"}


@pytest.mark.parametrize(
    ("mode", "level", "words", "code"),
    [
        (0o400, "ok", ("only its owner",), 0),
        (0o640, "warning", ("its group can read", "0640", "chmod 600"), 0),
        (0o644, "warning", ("every user of this machine can read", "0644", "chmod 600"), 0),
        (0o620, "failure", ("others can change", "0620", "chmod 600"), 1),
        (0o666, "failure", ("others can change", "0666", "chmod 600"), 1),
    ],
)
def test_rights_of_the_file(
    filed: Path, command: Command, *, mode: int, level: str, words: tuple[str, ...], code: int
) -> None:
    """Reading it shows secrets; changing it sends signed requests anywhere."""
    filed.chmod(mode)
    found = look(command)
    assert found.code == code
    assert found.says("env-file", level, *words)


def test_a_file_of_another_user(filed: Path) -> None:
    """Its owner can read and change it."""
    found = os.stat_result((0o100600, 1, 1, 1, os.geteuid() + 4711, 0, 0, 0, 0, 0))
    (check,) = access_checks(filed, found)
    assert exactly(check, "warning", f"belongs to user {os.geteuid() + 4711}", "chown")


def test_no_file_at_all(here: World, command: Command) -> None:
    """With all settings in the environment it is not needed."""
    assert look(command).says("env-file", "ok", "there is no .miner_env in", str(here.folder), "environment")


def test_a_link_to_no_file(here: World, command: Command) -> None:
    """As in a container without its mount: the settings may all be the environment's, or be missed."""
    (here.folder / ".miner_env").symlink_to("/nowhere/miner_env")
    assert look(command).says("env-file", "warning", ".miner_env leads to /nowhere/miner_env, which is not there")


def test_a_named_file_that_is_missing(here: World, command: Command) -> None:
    """A failure; all else is looked at by what the environment says."""
    found = look(command, "--env-file", here.folder / "missing.env")
    assert found.code == 1
    assert found.says("env-file", "failure", "there is no file", "missing.env")
    assert {name for name, level in found.levels().items() if level != "ok"} == {"env-file"}


@pytest.mark.parametrize("content", [b"API_KEY=\xff\xfe\n", b"#" * ((1 << 20) + 1)])
def test_a_file_that_cannot_be_read(filed: Path, command: Command, content: bytes) -> None:
    """It counts as empty, and what does not need it is looked at."""
    filed.write_bytes(content)
    found = look(command)
    assert found.code == 1
    assert found.says("env-file", "failure", filed.name)
    assert found.says("settings", "failure", "X_BEARER_TOKEN", "is not set")
    assert found.levels()["disk"] == "ok"


def test_a_folder_in_place_of_the_file(here: World, command: Command) -> None:
    """It is told, and nothing breaks."""
    (here.folder / ".miner_env").mkdir()
    assert look(command).says("env-file", "failure", "no regular file")


def test_a_pipe_that_nobody_writes_to(here: World) -> None:
    """Opening it would wait for ever; it is given up, and the environment's settings are used."""
    pipe = here.folder / ".miner_env"
    os.mkfifo(pipe)
    watch = Stopwatch()
    patient = run_loop(examine_in_time(pipe, named=False, flags={}, limit_s=0.2))
    assert watch.seconds() < 2
    assert [line.partition(": name")[0] for line in patient.mistakes] == [
        f"{pipe} cannot be read: it does not come to an end within 0.2 s"
    ]
    assert patient.env_file == pipe
    assert patient.settings is not None
    assert patient.settings.miner_api_url == here.sandbox.api_base


def test_no_settings_at_all(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named with its fix; what needs it is skipped; the rest is looked at. Exit code 1."""
    for name in here.settings():
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(here.folder))
    found = look(command)
    assert found.code == 1
    for name in ("X_BEARER_TOKEN", "API_KEY"):
        assert found.says("settings", "failure", f"{name}: is not set", f"add {name}=… to .miner_env")
    assert found.levels() | {"python": "ok", "x": "skipped", "llm": "skipped", "wallet": "failure"} == found.levels()
    assert found.says("x", "skipped", "waits for X_BEARER_TOKEN")


@pytest.mark.usefixtures("here")
def test_every_mistake_is_told_and_the_rest_looked_at(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong values of every kind at once: nothing that needs one of them is asked, all else is."""
    wrong = {
        "X_API_BASE": "http://user:hunter2-pass@x",
        "NETUID": "forty-five",
        "BLOCKS_PER_WINDOW": "0",
        "API_KEY": "two words",
        "LLM_USD_PER_MILLION_PROMPT_TOKENS": "1",
        "SUBNETS_FILE": "missing.json",
        "MAX_LLM_USD_PER_DAY": "1",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    found = look(command)
    assert found.code == 1
    told = {line["found"].partition(":")[0] for line in found.of("settings")}
    assert told >= {"X_API_BASE", "NETUID", "BLOCKS_PER_WINDOW", "API_KEY", "SUBNETS_FILE"}
    assert all(line["fix"] for line in found.of("settings"))
    expected = {"x": "skipped", "llm": "skipped", "identity": "skipped", "budgets": "skipped"}
    assert found.levels() | expected | {"api": "ok", "wallet": "ok", "disk": "ok"} == found.levels()
    assert "hunter2-pass" not in str(found.report)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MINER_API_URL", "http://10.1.2.3:8001"),
        ("MAX_X_USD_PER_DAY", "0.01"),
        ("LLM_USD_PER_MILLION_PROMPT_TOKENS", "1"),
        ("WALLET_PATH", "~no-such-user-here/w"),
        ("JOURNAL_DIR", "~no-such-user-here/w"),
        ("SEARCH_KEYWORDS", '"'),
    ],
)
def test_one_wrong_value_leaves_the_others_usable(
    here: World, monkeypatch: pytest.MonkeyPatch, *, name: str, value: str
) -> None:
    """Those that contradict others, too; a URL that would show tokens to the network is not asked."""
    monkeypatch.setenv(name, value)
    patient = examine(here.folder / "none", named=False, flags={})
    assert patient.settings is not None
    assert name in patient.wrong
    assert any(line.startswith(f"{name}: ") for line in patient.mistakes) or name.startswith("LLM_USD")
    assert patient.settings.model == here.settings()["MODEL"]


def test_flags_win(here: World, command: Command) -> None:
    """As in `run`."""
    found = look(command, "--journal", here.folder / "elsewhere", "--wallet.hotkey", "nobody", "--netuid", "46")
    assert found.says("disk", "ok", str(here.folder / "elsewhere"))
    assert found.says("wallet", "failure", "no hotkey 'nobody'", "WALLET_HOTKEY")


def test_variables_without_effect(filed: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Misspelled, unknown and earlier ones are warnings, with their place; their values are not told."""
    with filed.open("a") as file:
        file.write("X_BEARER_TOKN=planted-misspelled\nFAVOURITE_COLOUR=green\nPOSTS_TO_SUBMIT=5\nLLM_BASE\n")
    monkeypatch.setenv("LLM_TIMEOUT_SECOND", "planted-value")
    found = look(command)
    assert found.code == 0
    for words in (
        ("X_BEARER_TOKN", "did you mean X_BEARER_TOKEN"),
        ("FAVOURITE_COLOUR", ".miner_env:"),
        ("POSTS_TO_SUBMIT has no effect",),
        ("this line has no =", "sets nothing"),
        ("LLM_TIMEOUT_SECOND", "environment"),
    ):
        assert found.says("variables", "warning", *words), words
    assert "planted" not in str(found.report)
