"""A program: the real actor, which kills itself with SIGKILL right before or right after it appends a given record.

Its arguments are "before" or "after" and the record's number. Settings come from the environment, as for
``user-miner run``. Not a test; test_kill.py starts it in a nursery.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from actor.compose import RunOptions, build_actor, open_journal
from actor.edges.threads import run_loop
from actor.my_miner import load_signer
from actor.settings.model import load_settings
from events.journal import Draft, JournalStore, Lease, Record, Snapshot


class FatalStore:
    """A journal whose writer dies at one record."""

    def __init__(self, inner: JournalStore, when: str, seq: int) -> None:
        self._inner = inner
        self._when = when
        self._seq = seq
        self._last = 0

    async def take(self, *, reducer: int) -> Lease:
        """As the inner one."""
        lease = await self._inner.take(reducer=reducer)
        self._last = lease.head.seq
        return lease

    def read(self, after_seq: int = 0) -> AsyncIterator[Record]:
        """As the inner one."""
        return self._inner.read(after_seq)

    async def append(self, draft: Draft, *, witness: bool = False) -> Record:
        """Append, and die before or after."""
        self._last += 1
        if (self._when, self._seq) == ("before", self._last):
            os.kill(os.getpid(), signal.SIGKILL)
        record = await self._inner.append(draft, witness=witness)
        if (self._when, self._seq) == ("after", self._last):
            os.kill(os.getpid(), signal.SIGKILL)
        return record

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """As the inner one."""
        await self._inner.save_snapshot(snapshot)

    def room_bytes(self) -> int | None:
        """As the inner one."""
        return self._inner.room_bytes()

    async def check_earlier(self) -> None:
        """As the inner one."""
        await self._inner.check_earlier()

    def sure_s(self) -> float:
        """As the inner one."""
        return self._inner.sure_s()

    def renew_every_s(self) -> float | None:
        """As the inner one."""
        return self._inner.renew_every_s()

    async def renew(self) -> None:
        """As the inner one."""
        await self._inner.renew()

    async def release(self) -> None:
        """As the inner one."""
        await self._inner.release()


def main(arguments: Sequence[str]) -> None:
    """Run until the fatal append."""
    when, seq = arguments
    run_loop(_live(when, int(seq)))


async def _live(when: str, seq: int) -> None:
    settings = load_settings(Path("no-file"))
    signer = load_signer(settings)
    store = FatalStore(open_journal(settings, signer.ss58_address, dry_run=False), when, seq)
    await build_actor(settings, signer, RunOptions(), store=store).run()
