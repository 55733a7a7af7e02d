"""LOG_FILE and METRICS_PORT: the doctor refuses what `run` would refuse, and nothing is made or served to find out."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.kit import Command, running
from tests.doctor.kit import exactly, look
from tests.metrics.kit import monitor, serving
from tests.ports import free_port
from tests.users import without_root
from tests.world import World, wait_for
from user_miner.doctor.machine import log_check, metrics_check


def bad_log_files(folder: Path) -> Iterator[Path]:
    """What cannot be a log."""
    yield folder
    yield folder / "missing" / "log"
    (folder / "file").write_text("")
    yield folder / "file" / "log"
    (closed := folder / "closed").mkdir(mode=0o555)
    yield closed / "log"
    (kept := folder / "kept").touch(mode=0o444)
    yield kept
    yield Path("/dev/null")


def test_a_log_file_that_run_refuses_is_a_failure(tmp_path: Path) -> None:
    """Each with the reason of the system, and nothing is made."""
    for file in bad_log_files(tmp_path):
        with without_root(tmp_path):
            check = log_check(file)
        assert exactly(check, "failure", f"LOG_FILE: {file}: ", "name a file in a folder where this user can write")
    assert not (tmp_path / "closed" / "log").exists()


def test_a_log_file_that_run_takes_is_fine(tmp_path: Path) -> None:
    """One that is there, and one that is not yet, and is not made here."""
    (there := tmp_path / "there").write_text("a line\n")
    assert exactly(log_check(there), "ok", str(there))
    assert exactly(log_check(tmp_path / "new"), "ok", str(tmp_path / "new"))
    assert exactly(log_check(None), "ok", "not set")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert there.read_text() == "a line\n"


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid", "a..b", "x" * 300])
def test_a_host_that_is_not_this_machine_s_is_a_failure(host: str) -> None:
    """As `run` refuses it."""
    port = free_port()
    assert exactly(metrics_check(host, port, None), "failure", f"{host}:{port} cannot be served", "METRICS_HOST")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "::1"])  # noqa: S104  (tried, and not served)
def test_a_port_that_can_be_served_is_fine(host: str) -> None:
    """And is left to whoever wants it next."""
    port = free_port()
    for _ in range(2):
        assert exactly(metrics_check(host, port, None), "ok", f"{host}:{port} can be served")
    assert exactly(metrics_check(host, None, None), "ok", "not set")


def test_a_port_that_another_has_is_a_failure(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report as a whole says so, by exit code too; another miner is a stranger as well."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("METRICS_PORT", str(port))
        found = look(command)
        assert found.code == 1
        assert found.says("metrics", "failure", f"127.0.0.1:{port} cannot be served: ", "stop what uses it")
    with serving(monitor()) as (host, port):
        assert exactly(metrics_check(host, port, here.journal), "failure", "cannot be served")


def test_the_miner_of_this_journal_may_have_the_port(
    here: World, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor works beside it."""
    port = free_port()
    monkeypatch.setenv("METRICS_PORT", str(port))
    with running(here, env=here.env(METRICS_PORT=str(port))) as process:
        wait_for(lambda: "PostsScraped" in here.names(), "a search")
        assert look(command).says("metrics", "ok", f"127.0.0.1:{port} is served by a miner")
        here.stop(process)
