"""An owner that is stopped amid its work, for longer than its lease, and goes on when another one has taken over."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actor.compose import lease_s
from actor.settings.model import load_settings
from sandbox import Sandbox, SandboxConfig
from tests.cli.miners import Miner, mining
from tests.patience import wait_for
from tests.postgres import Server
from tests.world import PLACES, World, make_wallet

__all__ = ["Outcome", "holder", "log_of", "machine", "paused_owner"]

# The shortest requests make the shortest lease: five seconds.
_QUICK = {"BATCH_HTTP_TIMEOUT": "0.5", "LLM_TIMEOUT_SECONDS": "2"}
_BUSY = SandboxConfig(seconds_per_block=0.05, blocks_per_window=20, posts_per_minute=1200.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it.

    Attributes:
        lease_s: How long the owner's lease lasted.
        takeover_s: From the moment in which it was stopped until another process had the journal.
        sent: Routes of the requests that the owner made when it went on, to any server.
        exit_code: How it ended.
        last_words: The last line of its log.
        accepted: What the API counted, by window.
        twice: Posts that the API was asked to count, and had counted already.
    """

    lease_s: float
    takeover_s: float
    sent: tuple[str, ...]
    exit_code: int | None
    last_words: str
    accepted: dict[int, list[str]]
    twice: int


def machine(world: World, name: str, url: str, **more: str) -> tuple[Path, dict[str, str]]:
    """A folder and an environment as of another machine: no lock is shared."""
    folder = world.folder / name
    folder.mkdir()
    places = {place: str(folder / place.lower()) for place in PLACES}
    for place in places.values():
        Path(place).mkdir(mode=0o700)
    return folder, world.env(JOURNAL_URL=url, **_QUICK, **places, **more)


def paused_owner(folder: Path, server: Server, *, after_s: float) -> Outcome:
    """Stop an owner so long after its first submission; once another took over and was killed, let the first go on."""
    make_wallet(folder / "wallets")
    url = server.new_database()
    with Sandbox(_BUSY) as box:
        world = World(folder=folder, sandbox=box)
        with mining(*machine(world, "first", url)) as first:
            wait_for(box.ledger.api.submits, "the first submission")
            with mining(*machine(world, "second", url)) as second:
                time.sleep(after_s)
                os.kill(first.pid, signal.SIGSTOP)
                stopped_s = time.monotonic()
                wait_for(lambda: holder(server, url).endswith(f":{second.pid}"), "the takeover")
                takeover_s = time.monotonic() - stopped_s
                done = len(requests(box))
                wait_for(lambda: len(requests(box)) > done + 10, "work of the second owner")
                os.kill(second.pid, signal.SIGKILL)
                wait_for(lambda: second.exit_code is not None, "the second owner's end")
            settled(box)
            before = requests(box)
            os.kill(first.pid, signal.SIGCONT)
            wait_for(lambda: first.exit_code is not None, "the first owner's end")
            settled(box)
            return Outcome(
                lease_s=lease_s(load_settings(folder / "none", **_flags(world))),
                takeover_s=takeover_s,
                sent=tuple(sorted(route for route, _ in requests(box) - before)),
                exit_code=first.exit_code,
                last_words=log_of(first).splitlines()[-1],
                accepted=box.ledger.api.accepted_by_window(),
                twice=sum(submit.outcome == "duplicate" for submit in box.ledger.api.submits()),
            )


def _flags(world: World) -> dict[str, Any]:
    return {name.lower(): value for name, value in world.settings(**_QUICK).items()}


def holder(server: Server, url: str) -> str:
    """Host and process that hold the only journal's lease."""
    rows = server.sql("SELECT holder FROM user_miner.journals", url.partition("@/")[2].partition("?")[0])
    return str(rows[0][0]) if rows else ""


def requests(box: Sandbox) -> set[tuple[str, int]]:
    """Those that arrived at any server: route and number."""
    ledgers = (box.ledger.x, box.ledger.llm, box.ledger.api)
    return {(item.route, item.seq) for ledger in ledgers for item in ledger.exchanges()}


def settled(box: Sandbox) -> None:
    """Wait until nothing arrives any more of what was sent."""
    seen = -1
    while seen != (seen := len(requests(box))):
        time.sleep(0.5)


def log_of(miner: Miner) -> str:
    """What it said so far."""
    return miner.log.read_text() if miner.log.exists() else ""
