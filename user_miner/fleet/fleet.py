"""The hotkeys of one process: started one after the other, each ends alone, all are stopped together.

Which hotkeys there are is asked of a file, at the start and at each SIGHUP. Nothing here decides what a miner does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from actor.compose import RunOptions, messenger
from actor.edges.hotkey import HotkeyError
from actor.edges.messages import Messenger
from actor.edges.network import proxy_secrets
from actor.edges.shared import Shared
from actor.edges.text import Redactor
from actor.edges.threads import in_daemon_thread
from actor.metrics.telling import Announcer, announcing
from actor.my_miner import load_signer
from actor.ports import Signer
from actor.settings.fleet_file import Member
from actor.settings.model import Settings, SettingsError
from user_miner.commands.notify import Notifier
from user_miner.fleet.miner import FleetMiner
from user_miner.logs import Who, set_log_level

if TYPE_CHECKING:
    from actor.metrics.fleet import FleetMonitor

__all__ = ["Fleet", "Redaction", "short_names"]

_SHORTEST: Final = 6

_log = logging.getLogger("actor")


class Redaction:
    """Takes the secrets of all members out of a text. One that was known once stays known."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._secrets: set[str] = set()
        self._redact = Redactor(())
        self.learn(members)

    def learn(self, members: Sequence[Member]) -> None:
        """Know those of these members, too."""
        self._secrets.update(*(member.settings.secrets() for member in members), proxy_secrets())
        self._redact = Redactor(self._secrets)

    def __call__(self, text: str) -> str:
        return self._redact(text)


class Fleet:
    """All hotkeys of the process. Belongs to one event loop.

    Args:
        members: What the file says.
        options: What the run is told; ``windows`` counts for each hotkey.
        read: Reads the file again.
        monitor: Watches all of them; None watches nothing.
        redaction: Learns the secrets of members that come later.
    """

    def __init__(
        self,
        members: Sequence[Member],
        options: RunOptions,
        *,
        read: Callable[[], Sequence[Member]],
        monitor: FleetMonitor | None,
        redaction: Redaction,
    ) -> None:
        self._members = members
        self._redaction = redaction
        self._options = options
        self._read = read
        self._monitor = monitor
        self._notifier = Notifier()
        self._shared = Shared(llm_concurrency=members[0].settings.llm_concurrency)
        self._messengers: dict[str, Messenger] = {}
        self._miners: dict[str, FleetMiner] = {}
        self._lost: list[int] = []  # exit codes of members whose hotkey cannot be used
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Lock()
        self._stop_reason: str | None = None

    async def run(self) -> int:
        """Mine until all hotkeys have stopped; the exit code."""
        pings = asyncio.create_task(self._keep_alive())
        try:
            with announcing(self._announcers):
                await self._start(self._members)
                self._notifier.ready()
                while self._tasks:
                    await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
                    await asyncio.sleep(0)  # a reload that came in the same moment starts others first
        finally:
            pings.cancel()
            await self._shared.aclose()
        return self._code()

    def stop(self, reason: str) -> None:
        """Stop all of them. Idempotent."""
        if self._stop_reason is None:
            self._stop_reason = reason
            self._notifier.stopping(reason)
            for miner in self._miners.values():
                miner.stop(reason)

    def reload(self) -> None:
        """Read the file again: settings that changed, hotkeys that are new, that are gone, or that had stopped."""
        if self._stop_reason is not None:
            return
        try:
            members = self._read()
        except SettingsError as error:
            _log.error("settings not reloaded, because of errors: %s", "; ".join(error.lines))
            return
        self._redaction.learn(members)
        set_log_level(members[0].settings.log_level)
        task = asyncio.create_task(self._take_over(members))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_over(self, members: Sequence[Member]) -> None:
        async with self._starting:
            by_wallet = {miner.member.wallet: miner for miner in self._miners.values()}
            at_work = {wallet: miner for wallet, miner in by_wallet.items() if miner.is_at_work}
            changed = sum(at_work[member.wallet].reload(member) for member in members if member.wallet in at_work)
            gone = by_wallet.keys() - {member.wallet for member in members}
            for wallet in gone:
                self._leave(by_wallet[wallet])
            new = [member for member in members if member.wallet not in at_work]
            _log.info(
                "settings reloaded: %d hotkeys with changes, %d started, %d stopped", changed, len(new), len(gone)
            )
            await self._begin(new)

    def _leave(self, miner: FleetMiner) -> None:
        miner.stop("no part of the fleet any more")
        del self._miners[miner.who.hotkey]
        if self._monitor is not None:
            self._monitor.leave(miner.who.hotkey)

    async def _start(self, members: Sequence[Member]) -> None:
        async with self._starting:
            await self._begin(members)

    async def _begin(self, members: Sequence[Member]) -> None:
        """One after the other, so that a signal is heard between two."""
        self._lost.clear()
        opened = [(member, signer) for member in members if (signer := await self._opened(member)) is not None]
        known = [miner.who.hotkey for miner in self._miners.values()]
        names = short_names([*known, *(signer.ss58_address for _, signer in opened)])
        for member, signer in opened:
            if self._stop_reason is not None:
                return
            hotkey = signer.ss58_address
            if (other := self._miners.get(hotkey)) is not None and other.is_at_work:
                self._refuse(member, f"its wallet holds {hotkey}, which {other.member.table} mines with already")
                continue
            await self._launch(FleetMiner(member, signer, Who(hotkey, names[hotkey])))

    async def _opened(self, member: Member) -> Signer | None:
        """The member's key; an encrypted one takes seconds, in which the others go on."""
        if self._stop_reason is not None:
            return None
        try:
            return await in_daemon_thread(partial(load_signer, member.settings), name="hotkey")
        except HotkeyError as error:
            self._refuse(member, str(error))
            return None

    def _refuse(self, member: Member, why: str) -> None:
        name = f"{member.settings.wallet_name}/{member.settings.wallet_hotkey}"
        self._lost.append(2)
        _log.error("alarm hotkey_stopped: %s (%s) does not mine, the others do: %s", member.table, name, why)
        if self._monitor is not None:
            self._monitor.stop(name, why)

    async def _launch(self, miner: FleetMiner) -> None:
        """Returns when it has taken its journal, or has failed to."""
        hotkey, settings = miner.who.hotkey, miner.member.settings
        self._miners[hotkey] = miner
        miner.tell_by(self._messenger(settings))
        monitor = None if self._monitor is None else self._monitor.watch(hotkey, settings)
        is_ready = asyncio.Event()
        work = miner.work(self._options, self._shared, monitor, on_ready=is_ready.set)
        task = asyncio.create_task(work, name=hotkey)
        self._tasks.add(task)

        def over(done: asyncio.Task[None]) -> None:
            self._tasks.discard(done)
            is_ready.set()
            if miner.ended is not None and self._monitor is not None:
                self._monitor.stop(hotkey, miner.ended.line)
            self._tell_status()

        task.add_done_callback(over)
        await is_ready.wait()
        self._tell_status()

    def _messenger(self, settings: Settings) -> Messenger | None:
        """One for all who have the same address."""
        if settings.notify_url is None:
            return None
        address = settings.notify_url.get_secret_value()
        if address not in self._messengers and (made := messenger(settings)) is not None:
            self._messengers[address] = made
            _log.info("alarms are sent by %s", made.service)
        return self._messengers[address]

    def _announcers(self) -> list[Announcer]:
        return [miner.announcer for miner in list(self._miners.values()) if miner.announcer is not None]

    def _tell_status(self) -> None:
        at_work = sum(miner.is_at_work for miner in self._miners.values())
        stopped = len(self._lost) + sum(miner.ended is not None for miner in self._miners.values())
        if self._stop_reason is None:
            self._notifier.tell(STATUS=f"{at_work} hotkeys at work{f', {stopped} stopped' if stopped else ''}")

    async def _keep_alive(self) -> None:
        while self._notifier.ping_every_s is not None:
            self._notifier.tell(WATCHDOG=1)
            await asyncio.sleep(self._notifier.ping_every_s)

    def _code(self) -> int:
        """0 where each hotkey ended as asked; else what `run` would have ended with, and 1 before 2."""
        codes = self._lost + [miner.ended.code for miner in self._miners.values() if miner.ended is not None]
        return min(codes, default=0)


def short_names(hotkeys: Collection[str]) -> dict[str, str]:
    """For each the same number of its first letters, as many as tell all of them apart."""
    length = next(
        (length for length in range(_SHORTEST, 64) if len({key[:length] for key in hotkeys}) == len({*hotkeys})), 64
    )
    return {hotkey: hotkey[:length] for hotkey in hotkeys}
