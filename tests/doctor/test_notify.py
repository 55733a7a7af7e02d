"""`doctor` and NOTIFY_URL: read always, tried by --notify."""

from __future__ import annotations

import pytest

from tests.cli.kit import Command
from tests.doctor.kit import look
from tests.hook import TOKEN, hook

pytestmark = pytest.mark.usefixtures("here")


def test_without_an_address(command: Command) -> None:
    """Not set is fine, unless a message is asked for."""
    assert look(command).says("notify", "ok", "NOTIFY_URL is not set", "log, status and metrics")
    found = look(command, "--notify")
    assert (found.code, found.says("notify", "failure", "NOTIFY_URL is not set", "set NOTIFY_URL")) == (1, True)


def test_an_address_is_read_and_tried(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent without --notify; what is not taken is a failure with the reason, without a token."""
    with hook() as served:
        monkeypatch.setenv("NOTIFY_URL", served.address)
        assert look(command).says("notify", "ok", "alarms go to JSON", "--notify")
        assert served.posted == []
        assert look(command, "--notify").says("notify", "ok", "JSON took a test message")
        assert served.titles() == ["user-miner: test"]
        served.status = 401
        found = look(command, "--notify")
    assert found.code == 1
    assert found.says("notify", "failure", "JSON did not take a test message", "error=401", "correct NOTIFY_URL")
    assert TOKEN not in str(found)


def test_an_address_that_is_none(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `run` would refuse it; no part of it is told."""
    monkeypatch.setenv("NOTIFY_URL", "nonsense://planted-5512")
    found = look(command)
    assert found.says("notify", "failure", "NOTIFY_URL is no address that the library apprise can send to")
    monkeypatch.setenv("NOTIFY_URL", "planted-5512")
    wrong = look(command)
    assert wrong.says("settings", "failure", "NOTIFY_URL: is no address")
    assert wrong.says("notify", "skipped", "waits for NOTIFY_URL")
    assert "planted" not in str(found) + str(wrong)
