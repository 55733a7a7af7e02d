"""Where the cases begin: "window" in an empty folder, "recovery" on a journal that a kill and a torn tail left behind.

In "window" the actor makes its journal, works one window and stops. In "recovery" it finds two snapshots, three
windows, the third with two of its five analyses, and half a record at the end; it repairs, works on and stops.
"""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox import Sandbox, SandboxConfig
from tests.crash.inspector import Inspector
from tests.crash.nursery import Nursery
from tests.crash.seeds import seeded
from tests.crash.torn import tear
from tests.world import World, make_wallet, wait_for

__all__ = ["Scene", "Stage", "add_posts", "prepared"]

_BLOCK: Final = 6_000_000
_SIZE: Final = 100
_POSTS: Final = 5
_WINDOWS: Final = 3
_ANSWERS: Final = 2
_TAIL_SEED: Final = 45


@dataclass(frozen=True, slots=True)
class Stage:
    """One case's own world, with the inspector of its journal."""

    world: World
    inspector: Inspector
    journal: Path
    windows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where a case begins.

    Attributes:
        name: "window" or "recovery".
        folder: Holds the wallet, and the journal as it was left when there was a life before.
        hotkey: Whose journal it is.
        epoch: Unix seconds that the stand-in of X takes for now, so that posts keep their ids.
        api_port: Port of the coordination API, which is part of a journal's identity; 0 for any.
        windows: How many windows were opened when the case's own window ends.
    """

    name: str
    folder: Path
    hotkey: str
    epoch: float
    api_port: int
    windows: int

    @contextmanager
    def opened(self, folder: Path) -> Iterator[Stage]:
        """A world of its own in the new ``folder``, which stands where the scene begins."""
        shutil.copytree(self.folder, folder)
        with _sandbox(self.epoch, self.api_port, self.windows) as box:
            world = World(folder=folder, sandbox=box)
            journal = world.journal / self.hotkey
            inspector = Inspector(box, journal)
            inspector.inherit()
            yield Stage(world, inspector, journal, self.windows)


@contextmanager
def prepared(nursery: Nursery, folder: Path) -> Iterator[tuple[Scene, Scene]]:
    """Both scenes, made in ``folder``."""
    epoch = time.time()
    for name in ("window", "recovery"):
        hotkey = make_wallet(folder / name / "wallets")
    with closing(_reserved()) as port:
        number: int = port.getsockname()[1]
        with _sandbox(epoch, number, 1) as box:
            world = World(folder=folder / "recovery", sandbox=box)
            _leave_behind(nursery, world, world.journal / hotkey)
        yield (
            Scene(name="window", folder=folder / "window", hotkey=hotkey, epoch=epoch, api_port=0, windows=1),
            Scene(
                name="recovery",
                folder=folder / "recovery",
                hotkey=hotkey,
                epoch=epoch,
                api_port=number,
                windows=_WINDOWS,
            ),
        )


def add_posts(box: Sandbox, count: int) -> None:
    """So many new posts at X, no two with one text."""
    there = len(box.corpus.posts())
    for number in range(there, there + count):
        box.add_post(f"Bittensor SN45 keeps shipping, part {number}", created_at=box.post_clock.now())


def _reserved() -> socket.socket:
    """A port that is nobody else's while this is open; a sandbox may listen on it."""
    port = socket.socket()
    port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    port.bind(("127.0.0.1", 0))
    return port


def _sandbox(epoch: float, api_port: int, windows: int) -> Sandbox:
    config = SandboxConfig(
        seconds_per_block=None,
        corpus_size=0,
        epoch=epoch,
        api_port=api_port,
        blocks_per_window=_SIZE,
        start_block=_BLOCK + _SIZE * (windows - 1),
    )
    box = Sandbox(config)
    add_posts(box, _POSTS * windows)
    return box


def _leave_behind(nursery: Nursery, world: World, journal: Path) -> None:
    box = world.sandbox
    for _ in range(_WINDOWS - 1):
        end = nursery.start(("run", "--windows", "1"), env=world.env(), folder=world.folder).end()
        assert end.code == 0, end.output
        box.next_window()
        add_posts(box, _POSTS)
    box.script("llm.chat", "hang", times=_POSTS - _ANSWERS)
    life = nursery.start(("run",), env=world.env(), folder=world.folder)
    wait_for(lambda: _ends_with_answers(world), "the answers before the kill")
    life.kill()
    life.end()
    tear(journal, world.history()[-1][0].head, seeded(_TAIL_SEED))


def _ends_with_answers(world: World) -> bool:
    return world.names()[-1 - _ANSWERS :] == ["PostsScraped", *_ANSWERS * ["PostAnalyzed"]]
