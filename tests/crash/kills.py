"""Random SIGKILLs of the running actor, one life after another on one journal, with windows that open all the time.

After some of the kills half a record is left behind the journal, as a power cut would leave it: a kill alone cannot
tear a record that the kernel took in one piece.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox import Sandbox, SandboxConfig
from tests.crash.inspector import Inspector
from tests.crash.nursery import Nursery
from tests.crash.scenes import add_posts
from tests.crash.seeds import seeded
from tests.crash.torn import tear
from tests.world import World, make_wallet

__all__ = ["Summary", "kill_again_and_again"]

_RUN: Final = ("run", "--logging.json")
_BLOCK_S: Final = 0.05
_BLOCKS: Final = 10
_POSTS: Final = 6  # new ones for each window, one more than fit
_LOOK_S: Final = 0.01
_EARLY_SHARE: Final = 0.3
_EARLY_S: Final = 0.15  # while it starts, recovers and folds
_MOST_RECORDS: Final = 24  # of one life, a little more than a window's work
_LATE_S: Final = 0.03  # behind the record that was waited for
_LONGEST_S: Final = 1.5
_TORN_SHARE: Final = 0.2
_LAST_LIVES: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a campaign came to.

    Attributes:
        kills: Lives that ended by SIGKILL.
        early: Those that had not recorded their start.
        states: How often each state was hit.
        records: In the journal at the end.
        windows: Scraped ones.
        accepted: Posts that the server counted.
        torn: Tails left behind by hand.
        repaired: TailRepaired records.
        findings: What was violated.
        seconds: Wall time.
    """

    kills: int
    early: int
    states: Counter[str]
    records: int
    windows: int
    accepted: int
    torn: int
    repaired: int
    findings: tuple[str, ...]
    seconds: float


class _Campaign:
    def __init__(self, world: World, journal: Path, nursery: Nursery, rng: random.Random) -> None:
        self.inspector = Inspector(world.sandbox, journal)
        self.states: Counter[str] = Counter()
        self.kills = self.early = self.torn = 0
        self.findings: list[str] = []
        self._world = world
        self._journal = journal
        self._nursery = nursery
        self._rng = rng
        self._fed = 0

    def kill(self) -> None:
        """One life that ends at a random moment."""
        before = len(self.inspector.records)
        life = self._nursery.start(_RUN, env=self._world.env(), folder=self._world.folder)
        self._wait_for_the_moment(before)
        life.kill()
        end = life.end()
        if end.code != -signal.SIGKILL:
            self.findings.append(f"a life ended by itself with code {end.code}: {end.output[-500:]}")
        self.inspector.life_ended(end.output)
        self.kills += 1
        self.early += "ActorStarted" not in self.inspector.names()[before:]
        self.states[self.inspector.state.state] += 1
        if self._rng.random() < _TORN_SHARE and self.inspector.records and not self.inspector.tail_bytes:
            tear(self._journal, self.inspector.records[-1].head, self._rng)
            self.torn += 1

    def rest(self) -> None:
        """Lives without a kill, until nothing is left to do."""
        box = self._world.sandbox
        box.blocks.speed(None)
        for _ in range(_LAST_LIVES):
            box.next_window()
            self._feed()
            run = (*_RUN, "--windows", "1")
            end = self._nursery.start(run, env=self._world.env(), folder=self._world.folder).end()
            if end.code != 0:
                self.findings.append(f"an undisturbed life ended with code {end.code}: {end.output[-500:]}")
            self.inspector.life_ended(end.output)
            if not self.inspector.state.posts:
                break
        self.inspector.finished()

    def _wait_for_the_moment(self, before: int) -> None:
        """A random delay from the start, or a random one behind a random number of records, whatever their pace."""
        if self._rng.random() < _EARLY_SHARE:
            self._follow(self._rng.uniform(0.0, _EARLY_S))
            return
        self._follow(_LONGEST_S, records=before + self._rng.randint(1, _MOST_RECORDS))
        time.sleep(self._rng.uniform(0.0, _LATE_S))

    def _follow(self, seconds: float, *, records: int | None = None) -> None:
        """Read along for so long, or until there are so many records: what a reader has seen must stay."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and (records is None or len(self.inspector.records) < records):
            self._feed()
            self.inspector.follow()
            time.sleep(min(left, _LOOK_S))

    def _feed(self) -> None:
        if self._world.sandbox.window != self._fed:
            self._fed = self._world.sandbox.window
            add_posts(self._world.sandbox, _POSTS)


def kill_again_and_again(
    folder: Path, *, kills: int, seed: int, on_progress: Callable[[int, int], None] = lambda _kills, _records: None
) -> Summary:
    """So many kills in a new world in ``folder``.

    Args:
        folder: Where the wallet and the journal go.
        kills: How many.
        seed: Of the moments and the torn tails.
        on_progress: Called after each kill with kills and records so far.
    """
    began = time.monotonic()
    config = SandboxConfig(seconds_per_block=_BLOCK_S, blocks_per_window=_BLOCKS, corpus_size=0, x_quota=1_000_000)
    with Nursery() as nursery, Sandbox(config) as box:
        hotkey = make_wallet(folder / "wallets")
        world = World(folder=folder, sandbox=box)
        campaign = _Campaign(world, world.journal / hotkey, nursery, seeded(seed))
        for _ in range(kills):
            campaign.kill()
            on_progress(campaign.kills, len(campaign.inspector.records))
        campaign.rest()
        names = Counter(campaign.inspector.names())
        return Summary(
            kills=campaign.kills,
            early=campaign.early,
            states=campaign.states,
            records=len(campaign.inspector.records),
            windows=names["PostsScraped"],
            accepted=len(box.ledger.api.accepted()),
            torn=campaign.torn,
            repaired=names["TailRepaired"],
            findings=(*campaign.findings, *campaign.inspector.findings),
            seconds=time.monotonic() - began,
        )
