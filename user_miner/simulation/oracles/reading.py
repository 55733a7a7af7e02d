"""SEARCH_SINCE_NEWEST in the world's view: a search that asks for newer posts alone misses none that it would find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from events import catalogue as ev
from sandbox.services import Search, World
from user_miner.simulation.oracles.oracle import Oracle, Told
from user_miner.simulation.plan import Violation

__all__ = ["NoneLeftBehind", "NoneTooMany"]

_LOOKBACK_S: Final = 72 * 3600


class NoneLeftBehind(Oracle):
    """Whatever a search by time would have read, and this one did not ask for, was chosen before.

    Posts that were too old for a search while the host's clock was ahead are left out.
    """

    EVENTS = (ev.ActorStarted, ev.SettingsChanged, ev.WindowOpened, ev.PostsScraped)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._chosen: set[str] = set()
        self._ahead_s = 0.0
        self._is_read = False  # with the keywords in force

    def searched(self, arrival: Search, last: Told | None) -> Iterator[Violation]:
        """Look at all that is there."""
        if not arrival.since_id or last is None or arrival.life < last.life:
            return
        if not self._is_read:
            text = f"X was asked for posts behind {arrival.since_id}, and nobody read up to it with these keywords"
            yield Violation(rule="since", text=text, seq=last.record.seq)
        wall_s = self.world.epoch_s + arrival.at_s
        oldest_s = wall_s - _LOOKBACK_S + self._ahead_s
        for post_id in self.world.posts.newest(wall_s, last.after.reach, oldest_s):
            hidden = int(post_id) <= int(arrival.since_id)
            if hidden and self.world.ledger.original(post_id) not in self._chosen:
                text = f"X was asked for posts behind {arrival.since_id}, and post {post_id} was never chosen"
                yield Violation(rule="since", text=text, seq=last.record.seq)

    def told(self, told: Told) -> Iterator[Violation]:
        """Note what is chosen, and how far the host's clock was ahead."""
        self._ahead_s = max(self._ahead_s, told.wall_offset_s - self.world.epoch_s)
        if isinstance(told.event, ev.PostsScraped):
            self._chosen.update(self.world.ledger.original(post.id) for post in told.event.posts)
            self._is_read |= told.event.newest_id is not None
        elif told.after.policy.search_keywords != told.before.policy.search_keywords:
            self._is_read = False
        yield from ()


class NoneTooMany(Oracle):
    """No more posts are taken for later windows than those can send, before a post was carried too often."""

    EVENTS = (ev.PostsScraped,)

    def told(self, told: Told) -> Iterator[Violation]:
        """Count them."""
        before, event = told.before, told.event
        if isinstance(event, ev.PostsScraped):
            most = before.policy.max_carried_windows * max(before.max_submissions, event.wanted)
            if event.spare > most:
                text = f"a search took up to {event.spare} posts for later windows, which can send {most}"
                yield Violation(rule="spare", text=text, seq=told.record.seq)
