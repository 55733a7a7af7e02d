"""Readers without a journal: the one of the settings, and of several that of the settings' hotkey."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.audit.replay_kit import story, write
from tests.cli.kit import Command, is_one_line
from tests.world import make_wallet

READERS = ("replay", "verify", "check", "audit", "costs", "export", "fixture --post 1", "repair", "status")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("JOURNAL_DIR", "JOURNAL_URL", "WALLET_NAME", "WALLET_HOTKEY", "WALLET_PATH"):
        monkeypatch.delenv(name, raising=False)


def wallets(folder: Path) -> tuple[str, str]:
    """Two hotkeys, the second encrypted, with the public file that bittensor writes beside it; their addresses."""
    plain = make_wallet(folder / "wallets")
    locked = make_wallet(folder / "wallets", "//Bob", hotkey="locked", password="p")  # noqa: S106
    public = folder / "wallets" / "default" / "hotkeys" / "lockedpub.txt"
    public.write_text(json.dumps({"ss58Address": locked, "publicKey": None}))
    return plain, locked


def read(command: Command, line: str, *arguments: str | Path) -> tuple[int, str, str]:
    """What a reader says, without the times that pass."""
    code, out, errors = command(*line.split(), *arguments)
    return (
        code,
        "\n".join(
            text for text in out.splitlines() if not any(word in text for word in (" ago", "today", "MiB are free"))
        ),
        errors,
    )


@pytest.mark.parametrize("reader", READERS)
def test_the_journal_of_the_settings_is_read(command: Command, tmp_path: Path, reader: str) -> None:
    """JOURNAL_DIR of the default file, of the named one, of the environment; a journal that is named wins."""
    journal = write(tmp_path / "mine" / "5abc", story())
    named = ["--journal", "mine/5abc"] if reader == "status" else ["mine/5abc"]
    wanted = read(command, reader, *named)
    assert wanted[0] != 2
    (tmp_path / "settings").write_text("JOURNAL_DIR=mine\n")
    assert read(command, reader, "--env-file", "settings") == wanted
    (tmp_path / "settings").rename(".miner_env")
    assert read(command, reader) == wanted
    Path(".miner_env").write_text("JOURNAL_DIR=nowhere\n")
    assert read(command, reader, *named) == wanted
    code, out, errors = command(*reader.split())
    assert (code, out) == (2, "")
    assert is_one_line(errors, f"there is no JOURNAL_DIR {tmp_path / 'nowhere'}")
    assert journal.is_dir()


@pytest.mark.parametrize("reader", READERS)
def test_of_several_the_settings_hotkey_s_is_read(command: Command, tmp_path: Path, reader: str) -> None:
    """Whether it is encrypted or not; without a password, and nobody is asked for one."""
    for address, name in zip(wallets(tmp_path), ("default", "locked"), strict=True):
        write(tmp_path / "journal" / address, story())
        write(tmp_path / "journal" / "another", story())
        Path(".miner_env").write_text(f"WALLET_PATH={tmp_path / 'wallets'}\nWALLET_HOTKEY={name}\n")
        named = ["--journal", f"journal/{address}"] if reader == "status" else [f"journal/{address}"]
        assert read(command, reader) == read(command, reader, *named)


def test_what_cannot_be_told_is_asked_for(command: Command, tmp_path: Path) -> None:
    """Several journals, and no hotkey, one without a journal, or an encrypted one whose public file is gone."""
    for name in ("one", "two"):
        write(tmp_path / "journal" / name, story())
    Path(".miner_env").write_text(f"WALLET_PATH={tmp_path / 'wallets'}\n")
    several = "several journals in journal: one, two; name one of them"
    code, _, errors = command("replay")
    assert (code, is_one_line(errors, several, "no wallet 'default'")) == (2, True)
    plain, _ = wallets(tmp_path)
    code, _, errors = command("replay")
    assert (code, is_one_line(errors, several, f"no journal of {plain}")) == (2, True)
    (tmp_path / "wallets" / "default" / "hotkeys" / "lockedpub.txt").unlink()
    Path(".miner_env").write_text(f"WALLET_PATH={tmp_path / 'wallets'}\nWALLET_HOTKEY=locked\n")
    code, _, errors = command("replay")
    assert (code, is_one_line(errors, several, "lockedpub.txt")) == (2, True)
    code, _, errors = command("replay", "journal")
    assert (code, is_one_line(errors, several)) == (2, True), "a folder that is named holds exactly one"


def test_a_bundle_is_checked_by_itself(command: Command, tmp_path: Path) -> None:
    """A journal is compared with it only where one is named."""
    write(tmp_path / "journal" / "one", story())
    code, _, errors = command("verify", "--bundle", "nonesuch")
    assert (code, is_one_line(errors, "nonesuch")) == (2, True)
