"""Under every fault that a stand-in can play: four places tell the same story of it, and SIGTERM ends the miner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import pytest

from events.catalogue import ActorStopped
from sandbox import FAULTS, Sandbox, SandboxConfig
from tests.cli.kit import Command, only_journal
from tests.cli.miners import Miner, mining, terminated
from tests.cli.story import Tellers
from tests.hook import hook
from tests.ports import free_port
from tests.world import World, make_wallet, wait_for

STOP_S: Final = 5.0
# What mining does not ask, but a start once beside it; the tests of that and of doctor play their faults.
NOT_MINING: Final = {"x.usage", "llm.models"}
# So many at once, and so long each may take to come to an end of its window: a server that hangs allows none.
AT_ONCE: Final = 24
SETTLING_S: Final = 1.5
# As an operator is to be told of it, whatever the program thinks. Every other fault passes without an alarm.
# What is no completion at all when an LLM's server is asked first is a wrong address.
_X_REFUSALS: Final = dict.fromkeys(("401", "402", "403", "429_usage_capped"), "x_refused")
ALARMS: Final[Mapping[str, Mapping[str, str]]] = {
    "x.search": _X_REFUSALS,
    "x.users": _X_REFUSALS,
    "llm.chat": dict.fromkeys(("400", "401", "402", "403", "404", "html", "blank", "not_json"), "analysis_refused"),
    "api.submit": dict.fromkeys(("401", "403"), "hotkey_refused"),
    "api.status": {},
}
# Whether it is read to its end, which is no completion, or given up hangs on how fast this machine is.
EITHER: Final = {("llm.chat", "flood_chunks")}
FAULTY: Final = [(route, fault) for route in sorted(FAULTS.keys() - NOT_MINING) for fault in FAULTS[route]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One miner under one fault; "" for none."""

    route: str
    fault: str
    world: World
    miner: Miner
    tellers: Tellers

    def is_shown(self) -> bool:
        """Whether it has met the fault."""
        ledger = self.world.sandbox.ledger
        asked = [exchange for part in (ledger.x, ledger.llm, ledger.api) for exchange in part.exchanges(self.route)]
        return any(exchange.fault == self.fault for exchange in asked)

    def is_settled(self) -> bool:
        """Whether the window in which it met the fault is over."""
        return "CheckpointSigned" in self.world.names()

    def expected(self) -> frozenset[str]:
        """The alarms that must ring."""
        return frozenset(alarm for fault, alarm in ALARMS[self.route].items() if fault == self.fault)

    def check_story(self) -> None:
        """All four agree in the end, and on what it should be."""

        def is_expected() -> bool:
            told = self.tellers.same()
            return told is not None and (told == self.expected() or (self.route, self.fault) in EITHER)

        try:
            wait_for(is_expected, "one story")
        except AssertionError as error:
            differing = (
                f"{self.route}:{self.fault}, of which {set(self.expected())} is to be told: {self.tellers.tell()}"
            )
            raise AssertionError(differing) from error

    def check_end(self, code: int | None, seconds: float) -> None:
        """R14: in time, without an error, with a last record that says why, under the fault."""
        assert (code, seconds < STOP_S) == (0, True), f"{self.route}:{self.fault}: exit code {code} after {seconds} s"
        accepted = self.world.state().totals.accepted
        assert self.world.history()[-1][0].event() == ActorStopped(reason="SIGTERM", posts_processed=accepted)
        only_journal(self.world)


@contextmanager
def under(route: str, fault: str, folder: Path, wallets: Path, command: Command) -> Iterator[Run]:
    """A miner with a world of its own, in which that fault is all that this route ever answers."""
    folder.mkdir()
    port = free_port()
    with Sandbox(SandboxConfig(seconds_per_block=None, corpus_size=0)) as box, hook() as told:
        for number in range(2):
            box.add_post(f"Bittensor SN45 keeps shipping, part {number}")
        if fault:
            box.script(route, fault, times=100_000)
        world = World(folder=folder, sandbox=box)
        # Elsewhere it is as patient as ever: what comes late on a busy machine must not be another story.
        impatient = {"BATCH_HTTP_TIMEOUT": "1"} if route == "api.status" else {}
        looking_up = {"AUTHOR_CACHE_HOURS": "24"} if route == "x.users" else {}
        places = {"WALLET_PATH": str(wallets), "METRICS_PORT": str(port), "NOTIFY_URL": told.address}
        with mining(folder, world.env(POLL_INTERVAL_SECONDS="1", **impatient, **looking_up, **places)) as miner:
            tellers = Tellers(
                address=("127.0.0.1", port), journal=world.journal, log=miner.log, hook=told, command=command
            )
            yield Run(route=route, fault=fault, world=world, miner=miner, tellers=tellers)


@pytest.mark.parametrize("first", range(0, len(FAULTY), AT_ONCE))
def test_r14_each_fault_is_one_story_and_ends_in_time(first: int, tmp_path: Path, command: Command) -> None:
    """Who names a trouble is not the only one who should, nobody invents one, and the last record is the goodbye."""
    make_wallet(tmp_path / "wallets")
    with ExitStack() as stack:
        runs = [
            stack.enter_context(under(route, fault, tmp_path / f"{route}-{fault}", tmp_path / "wallets", command))
            for route, fault in FAULTY[first : first + AT_ONCE]
        ]
        check(runs)


def check(runs: Sequence[Run]) -> None:
    """What must hold of them, which run side by side."""
    for run in runs:
        wait_for(run.is_shown, f"{run.route}:{run.fault}")
    deadline_s = monotonic() + SETTLING_S
    while monotonic() < deadline_s and not all(run.is_settled() for run in runs):
        sleep(0.05)
    for run in runs:
        run.check_story()
    for run, (code, seconds) in zip(runs, terminated([run.miner for run in runs]), strict=True):
        run.check_end(code, seconds)


def test_without_a_fault_there_is_no_story(tmp_path: Path, command: Command) -> None:
    """Nobody speaks of trouble; and these are the routes that a miner asks."""
    make_wallet(tmp_path / "wallets")
    with under("x.users", "", tmp_path / "plain", tmp_path / "wallets", command) as run:
        wait_for(run.is_settled, "the window")
        for told in run.tellers.tell().values():
            assert (told.alarms, told.api_down or False, told.trouble or 0) == (frozenset(), False, 0)
        ledger = run.world.sandbox.ledger
        asked = {exchange.route for part in (ledger.x, ledger.llm, ledger.api) for exchange in part.exchanges()}
        assert asked - NOT_MINING == FAULTS.keys() - NOT_MINING
        run.check_end(*terminated([run.miner])[0])
