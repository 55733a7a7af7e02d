"""LOG_FILE: where ``run`` logs to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.kit import Command, is_one_line, nothing_was_sent, only_journal
from tests.world import World


def test_a_log_that_cannot_be_written_is_refused_at_the_start(
    here: World, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 and one line, before anything is sent; neither a folder nor a device is a log."""
    for place in (here.folder, here.folder / "none" / "log", Path("/dev/null")):
        monkeypatch.setenv("LOG_FILE", str(place))
        code, _, errors = command("run", "--windows", "1")
        assert code == 2
        assert is_one_line(errors, "LOG_FILE", str(place))
    assert nothing_was_sent(here)


def test_run_logs_to_a_file(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything goes there, as JSON where asked, without secrets; standard error has one line that says where."""
    monkeypatch.setenv("LOG_FILE", "miner.log")
    said = f"the log goes to {here.folder / 'miner.log'}\n"
    assert command("run", "--windows", "1", "--logging.json") == (0, "", said)
    text = (here.folder / "miner.log").read_text()
    assert [line[0] for line in text.splitlines()] == ["{"] * text.count("\n")
    assert '"kind":"ActorStopped"' in text.replace(": ", ":")
    assert here.settings()["API_KEY"] not in text
    only_journal(here)
