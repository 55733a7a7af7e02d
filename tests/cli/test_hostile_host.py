"""A host and servers that do their worst: the miner works on where it can, tells what is wrong, and ends when asked."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from events.catalogue import ActorStopped
from tests.cli.kit import Command, only_journal, running
from tests.cli.story import Tellers
from tests.hook import hook
from tests.metrics.kit import probe, read_metrics
from tests.patience import GIVE_UP_S, Stopwatch, seconds_until_exit
from tests.ports import free_port
from tests.users import as_root_of_mounts
from tests.world import World, wait_for

STOP_S: Final = 5.0
MIB: Final = 1 << 20
PIPE_BYTES: Final = 4096


def ends_with_goodbye(world: World, process: subprocess.Popen[str], watch: Stopwatch) -> None:
    """R14: in time, without an error, with a last record that says why."""
    assert seconds_until_exit(process, watch) < STOP_S
    process.wait()
    assert process.returncode == 0
    accepted = world.state().totals.accepted
    assert world.history()[-1][0].event() == ActorStopped(reason="SIGTERM", posts_processed=accepted)


def terminate(world: World, process: subprocess.Popen[str]) -> None:
    """SIGTERM, and what must come of it."""
    watch = Stopwatch(process.pid)
    process.send_signal(signal.SIGTERM)
    ends_with_goodbye(world, process, watch)


@contextmanager
def without_a_reader(world: World, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A miner whose standard error is a pipe that is full, and that nobody reads."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    os.write(writing, b"x" * PIPE_BYTES)
    command = [sys.executable, "-m", "user_miner.cli", "run"]
    with subprocess.Popen(command, env=world.env(**env), cwd=world.folder, stderr=writing, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
            os.close(reading)
            os.close(writing)


def test_standard_error_that_nobody_reads_holds_up_nothing(world: World, command: Command) -> None:
    """Records go on, and what can be read tells of the same trouble; the end comes in time, its last words unheard."""
    port = free_port()
    world.sandbox.script("api.submit", "403", times=100)
    with (
        hook() as told,
        without_a_reader(world, LOG_LEVEL="debug", METRICS_PORT=str(port), NOTIFY_URL=told.address) as process,
    ):
        wait_for(lambda: "CheckpointSigned" in world.names(), "a window's work")
        assert probe(("127.0.0.1", port), "/healthz")[0] == 200
        tellers = Tellers(address=("127.0.0.1", port), journal=world.journal, log=None, hook=told, command=command)
        wait_for(lambda: tellers.same() == frozenset({"hotkey_refused"}), "one story")
        terminate(world, process)
    only_journal(world)


def test_an_error_that_nobody_reads_ends_the_command_all_the_same(world: World) -> None:
    """What is wrong with the settings cannot be told, but by the exit code."""
    with without_a_reader(world, MINER_API_URL="nonsense") as process:
        assert seconds_until_exit(process, Stopwatch(process.pid)) < STOP_S
        process.wait()
    assert process.returncode == 2


@pytest.mark.parametrize(
    ("route", "fault"), [("x.search", "flood_1xx"), ("llm.chat", "flood_chunks"), ("api.submit", "flood_1xx")]
)
def test_r14_a_flood_of_pieces_does_not_hold_up_the_end(world: World, route: str, fault: str) -> None:
    """From one server, and from the status endpoint at the same time: SIGTERM ends it as ever."""
    world.sandbox.script(route, fault, times=100)
    ledger = getattr(world.sandbox.ledger, route.partition(".")[0])
    with running(world) as process:
        wait_for(lambda: any(exchange.fault == fault for exchange in ledger.exchanges()), "the flood")
        world.sandbox.script("api.status", "flood_1xx", times=100)
        wait_for(lambda: _is_flooded(world), "the other flood")
        terminate(world, process)
    only_journal(world)


def _is_flooded(world: World) -> bool:
    return any(exchange.fault == "flood_1xx" for exchange in world.sandbox.ledger.api.exchanges("api.status"))


def test_r14_a_host_that_was_suspended_ends_it_when_it_wakes(world: World) -> None:
    """A signal from while it slept is the first thing that it hears."""
    with running(world) as process:
        wait_for(lambda: "ActorStarted" in world.names(), "the start")
        process.send_signal(signal.SIGSTOP)
        wait_for(lambda: Path(f"/proc/{process.pid}/stat").read_text().split()[2] == "T", "the sleep")
        process.send_signal(signal.SIGTERM)
        watch = Stopwatch(process.pid)
        process.send_signal(signal.SIGCONT)
        ends_with_goodbye(world, process, watch)
    only_journal(world)


HOURS_S: Final = 6 * 3600


class SteppedCommand:
    """``status`` in a process that has the miner's clock."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        command = [sys.executable, "-m", "user_miner.cli", *map(str, arguments)]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, check=False, timeout=GIVE_UP_S)
        return done.returncode, done.stdout, done.stderr


def test_r14_a_host_that_slept_for_hours_tells_one_story_of_it(world: World) -> None:
    """Windows went by unused: all four say so until the next one is worked; SIGTERM ends it as ever."""
    library, step, log = (world.folder / name for name in ("clock_step.so", "step", "miner.log"))
    source = Path(__file__).with_name("clock_step.c")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    step.write_bytes(bytes(8))
    port = free_port()
    with hook() as told:
        env = world.env(METRICS_PORT=str(port), NOTIFY_URL=told.address, LOG_FILE=str(log))
        env |= {"LD_PRELOAD": " ".join(filter(None, (str(library), env.get("LD_PRELOAD")))), "CLOCK_STEP": str(step)}
        with running(world, "--logging.json", env=env) as process:
            wait_for(lambda: "CheckpointSigned" in world.names(), "a window's work")
            tellers = Tellers(
                address=("127.0.0.1", port), journal=world.journal, log=log, hook=told, command=SteppedCommand(env)
            )
            assert tellers.same() == frozenset()
            process.send_signal(signal.SIGSTOP)
            wait_for(lambda: Path(f"/proc/{process.pid}/stat").read_text().split()[2] == "T", "the sleep")
            step.write_bytes(HOURS_S.to_bytes(8, sys.byteorder))
            process.send_signal(signal.SIGCONT)
            wait_for(lambda: tellers.same() == frozenset({"windows_missed"}), "one story")
            world.sandbox.next_window()
            wait_for(lambda: tellers.same() == frozenset(), "its end")
            terminate(world, process)
    only_journal(world)


SMALL_DISK: Final = (
    'mount -t tmpfs -o size=16m none "$JOURNAL_DIR"; head -c 13M /dev/zero > "$JOURNAL_DIR/balloon"; exec "$@"'
)


@contextmanager
def on_a_small_disk(world: World, port: int, notify_url: str) -> Iterator[tuple[subprocess.Popen[str], World]]:
    """A miner whose journal has a disk of 16 MiB, of which a balloon takes 13; and the world as it sees it."""
    world.journal.mkdir()
    shell = ["bash", "-ec", SMALL_DISK, "-", sys.executable, "-m", "user_miner.cli", "run", "--logging.json"]
    log = world.folder / "miner.log"
    env = world.env(METRICS_PORT=str(port), LOG_FILE=str(log), NOTIFY_URL=notify_url)
    with subprocess.Popen([*as_root_of_mounts(), *shell], env=env, cwd=world.folder, text=True) as process:
        try:
            wait_for(log.exists, "its log")
            disk = os.open(f"/proc/{process.pid}/root{world.journal}", os.O_DIRECTORY)  # which keeps it
            (world.folder / "seen").mkdir()
            (world.folder / "seen" / "journal").symlink_to(f"/proc/self/fd/{disk}")
            yield process, World(folder=world.folder / "seen", sandbox=world.sandbox)
            os.close(disk)
        finally:
            process.kill()


def test_a_full_disk_is_told_everywhere_in_the_same_words(world: World, command: Command) -> None:
    """While it lasts, and that it is over, messages and metrics too; nothing is begun; SIGTERM ends it."""
    address = "127.0.0.1", free_port()
    with hook() as messages, on_a_small_disk(world, address[1], messages.address) as (process, there):
        wait_for(lambda: "DiskFilled" in there.names(), "the record")
        status, why = probe(address, "/readyz")
        assert status == 503
        assert "left on the journal's disk" in why
        assert _alarm(address) == 1
        code, told, _ = command("status", "--journal", there.journal)
        assert code == 0
        assert "alarm        disk_full" in told
        (line,) = [line for line in told.splitlines() if line.startswith("disk ")]
        assert line.partition(" KiB")[2] == why.partition(" KiB")[2].partition(";")[0]
        assert "alarm disk_full: less than 4 MiB are left" in (world.folder / "miner.log").read_text()
        log = world.folder / "miner.log"
        tellers = Tellers(address=address, journal=there.journal, log=log, hook=messages, command=command)
        wait_for(lambda: tellers.same() == frozenset({"disk_full"}), "one story")
        assert not world.sandbox.ledger.x.searches
        (there.journal / "balloon").unlink()
        wait_for(lambda: "CheckpointSigned" in there.names(), "the window's work")
        status, why = probe(address, "/readyz")
        assert (status, why.partition(";")[0]) == (200, "at work")
        assert _alarm(address) == 0
        wait_for(lambda: tellers.same() == frozenset({"disk"}), "one story of the 16 MiB")
        (there.journal / "balloon").write_bytes(bytes(13 * MIB))
        wait_for(lambda: there.names().count("DiskFilled") == 2, "the record")
        terminate(there, process)


def _alarm(address: tuple[str, int]) -> float:
    return read_metrics(address)["user_miner_alarm", frozenset({("alarm", "disk_full")})]
