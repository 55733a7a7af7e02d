"""I1, I2, I6, I7 and intent before act: what arrived at the coordination API, and when it was allowed to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from events import catalogue as ev
from events.codec import plain
from sandbox.services import Status, Submission, World
from user_miner.simulation.oracles.oracle import Oracle, Told, is_told_twice
from user_miner.simulation.plan import Outcome, Violation

__all__ = ["Attempts", "FreshSignatures", "NoneAfterVerdict", "QuietAfterLimit", "Quota"]

_FINAL: Final = (ev.SubmissionAccepted, ev.SubmissionRejected, ev.PostAbandoned)
_ROUNDING_S: Final = 0.002
# A repetition of what counts already takes no room.
_WOULD_COUNT: Final = frozenset({"new", "quota"})


class Quota(Oracle):
    """I1: nothing is sent into a window that took, as the records tell, all that the settings allow.

    What the miner could not know is left out: a post that counted although its answer was lost or named another window.
    So are windows that the server went back to after it was in a later one (ruling 11: a lower window is ignored), and
    those during which it told twice of a later one, until that one is taken back.
    """

    EVENTS = (ev.SubmissionStarted, ev.SubmissionAccepted)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._known: Counter[int] = Counter()
        self._limits: dict[str, int] = {}
        self._lengths: dict[str, int] = {}  # of the window that each post was sent for
        self._numbers: set[int] = set()
        self._latest = 0

    def told(self, told: Told) -> Iterator[Violation]:
        """What may be sent, and what counts."""
        event = told.event
        if isinstance(event, ev.SubmissionStarted):
            self._limits[event.post_id] = told.before.max_submissions
            self._lengths[event.post_id] = 0 if told.before.window is None else told.before.window.blocks
        elif isinstance(event, ev.SubmissionAccepted):
            acceptance = self.world.ledger.acceptances.get(event.post_id)
            if acceptance is not None and acceptance.start_block == event.start_block:
                self._known[acceptance.start_block] += 1
        yield from ()

    def asked_status(self, arrival: Status, last: Told | None) -> Iterator[Violation]:  # noqa: ARG002
        """Which window was the server in?"""
        blocks = self.world.chain.blocks_per_window
        self._latest = max(self._latest, (arrival.block or 0) // blocks * blocks)
        yield from ()

    def submitted(self, arrival: Submission, last: Told | None) -> Iterator[Violation]:
        """Is there room?"""
        start = arrival.start_block
        self._latest = max(self._latest, start)
        if arrival.number in self._numbers or start < self._latest or _outlived(arrival, last):
            return
        self._numbers.add(arrival.number)
        limit, blocks = self._limits.get(arrival.post_id), self.world.chain.blocks_per_window
        if self._lengths.get(arrival.post_id) != blocks:
            return  # another length is believed once several answers agreed
        if limit is not None and self._known[start] >= limit and arrival.outcome in _WOULD_COUNT:
            if _believes_later(last, start) and is_told_twice(self.world, start + blocks, arrival.life):
                return
            text = f"post {arrival.post_id} was sent into the window that begins at block {start}, which had taken"
            yield Violation(rule="I1", text=f"{text} {self._known[start]}; {limit} are allowed", seq=_seq(last))


class NoneAfterVerdict(Oracle):
    """I2. What the network repeats on the way is not the miner's doing."""

    EVENTS = _FINAL

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._verdicts: dict[str, Told] = {}
        self._numbers: set[int] = set()

    def told(self, told: Told) -> Iterator[Violation]:
        """Remember a verdict, and hold it against what the server did."""
        event = told.event
        if not isinstance(event, _FINAL):
            return
        self._verdicts[self.world.ledger.original(event.post_id)] = told
        if isinstance(event, ev.SubmissionAccepted) and event.post_id not in self.world.ledger.acceptances:
            yield _violation("verdict", f"post {event.post_id} is on record as accepted, and never was", told)
        if isinstance(event, ev.SubmissionRejected):
            outcomes = {entry.outcome for entry in self.world.ledger.submissions_of(event.post_id)}
            if not outcomes & {"conflict", "invalid"}:
                yield _violation("verdict", f"post {event.post_id} is on record as refused, and never was", told)

    def submitted(self, arrival: Submission, last: Told | None) -> Iterator[Violation]:
        """Is there a verdict already?"""
        if arrival.number in self._numbers or _outlived(arrival, last):
            return
        self._numbers.add(arrival.number)
        verdict = self._verdicts.get(self.world.ledger.original(arrival.post_id))
        if verdict is not None:
            text = f"post {arrival.post_id} was sent at {arrival.at_s:.1f} s"
            text += f", after its {verdict.record.name} of record {verdict.record.seq}"
            yield Violation(rule="I2", text=text, seq=_seq(last))

    def end(self, outcome: Outcome, last: Told | None) -> Iterator[Violation]:
        """I4: what was accepted is on record as accepted, is still under way, or was given up without an answer."""
        pending = {post.post.id for post in outcome.state.posts}
        for post_id in outcome.ledger.acceptances:
            verdict = self._verdicts.get(outcome.ledger.original(post_id))
            if verdict is None and post_id not in pending:
                yield Violation(rule="I4", text=f"post {post_id} was accepted, and no record knows", seq=_seq(last))
            elif verdict is not None and isinstance(verdict.event, ev.SubmissionRejected):
                yield _violation("I4", f"post {post_id} was accepted, and is on record as refused", verdict)


class FreshSignatures(Oracle):
    """Ruling 10: every attempt is signed afresh."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._seen: dict[str, int] = {}
        self._numbers: set[int] = set()

    def submitted(self, arrival: Submission, last: Told | None) -> Iterator[Violation]:
        """Was this signature there before, under another request?"""
        repeated = arrival.number in self._numbers
        self._numbers.add(arrival.number)
        if self._seen.setdefault(arrival.signature, arrival.number) != arrival.number:
            yield Violation(
                rule="signature", text=f"a signature came again with post {arrival.post_id}", seq=_seq(last)
            )
        # The host's clock and what the network repeats are not the miner's doing; all else against headers is.
        if arrival.why and not repeated and not arrival.why.startswith("Timestamp"):
            yield Violation(rule="signature", text=f"the API refused the headers: {arrival.why}", seq=_seq(last))


class QuietAfterLimit(Oracle):
    """I6, by the windows that the server was in and those that it told of, unless the later one is taken back.

    What the miner could not know is left out: that the window of the 429 is of another length than it believes. One is
    believed once three answers in a row told of it, and from then on the 429 binds to that window's end.
    """

    EVENTS = (ev.RateLimited, ev.SubmissionStarted)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._limited: tuple[Told, Submission, int] | None = None
        self._lengths: dict[str, int] = {}  # that the miner believed when it began to send each post
        self._numbers: set[int] = set()

    def told(self, told: Told) -> Iterator[Violation]:
        """A 429 binds once it is on record; one that names no window binds by what the miner knows."""
        event = told.event
        if isinstance(event, ev.SubmissionStarted):
            self._lengths[event.post_id] = told.before.blocks_per_window
        if not isinstance(event, ev.RateLimited):
            return
        entry = next((e for e in reversed(self.world.ledger.submissions) if e.post_id == event.post_id), None)
        if entry is None:
            yield _violation("verdict", f"a 429 for post {event.post_id}, which never arrived", told)
        elif event.start_block is not None:
            blocks = self.world.chain.blocks_per_window
            is_misled = event.reset_block is None and self._is_misled(entry)
            self._limited = None if is_misled else (told, entry, blocks)

    def submitted(self, arrival: Submission, last: Told | None) -> Iterator[Violation]:
        """Was a later window told since?"""
        if arrival.number in self._numbers or _outlived(arrival, last):
            return
        self._numbers.add(arrival.number)
        if self._limited is None:
            return
        limited, entry, blocks = self._limited
        is_resized = blocks != self.world.chain.blocks_per_window
        if entry.at_s == arrival.at_s or is_resized or self._lengths.get(arrival.post_id) != blocks:
            return
        told = _believes_later(last, entry.start_block) and self._told_since(entry, blocks)
        if arrival.start_block <= entry.start_block and not told:
            text = f"post {arrival.post_id} was sent at {arrival.at_s:.1f} s"
            text += f", in the window of the 429 of record {limited.record.seq}"
            yield Violation(rule="I6", text=text, seq=_seq(last))

    def _is_misled(self, entry: Submission) -> bool:
        """Whether the status, asked which window a 429 without numbers meant, told of an older one."""
        asked = self.world.ledger.statuses[-1:]
        return any(status.fault == "old_block" and status.at_s > entry.at_s for status in asked)

    def _told_since(self, entry: Submission, blocks: int) -> bool:
        ledger = self.world.ledger
        for status in reversed(ledger.statuses):
            if status.at_s < entry.at_s:
                break
            if status.delivered_s is not None and (status.block or 0) // blocks * blocks > entry.start_block:
                return True
        if is_told_twice(self.world, entry.start_block + blocks, ledger.submissions[-1].life, since_s=entry.at_s):
            return True
        for other in reversed(ledger.submissions):
            if other.at_s <= entry.at_s:
                break
            if other.delivered_s is not None and other.start_block > entry.start_block:
                return True
        return False


class _Sent(msgspec.Struct, kw_only=True):
    """A post on its way.

    Attributes:
        start: The newest SubmissionStarted.
        begun: How many SubmissionStarted there are.
        arrived: How many requests arrived.
        failure: The newest failure on record, in the window that was worked on.
    """

    start: Told
    begun: int = 0
    arrived: int = 0
    failure: Told | None = None


class Attempts(Oracle):
    """Intent before act, and I7 in the world's time.

    What was sent in a window that is taken back went to an earlier one: attempts begin anew when the chain comes to it.
    """

    EVENTS = (ev.ActorStarted, ev.WindowsRevised, ev.SubmissionStarted, ev.SubmissionFailed)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._posts: dict[str, _Sent] = {}
        self._arrived: Counter[tuple[str, int]] = Counter()  # by post, and first block of the window worked on
        self._numbers: set[int] = set()

    def told(self, told: Told) -> Iterator[Violation]:
        """Note attempts and failures; was the wait as long as it had to be?"""
        event = told.event
        if isinstance(event, ev.ActorStarted):
            self._forget_waits(told)
        if isinstance(event, ev.WindowsRevised):
            ahead = [key for key in self._arrived if key[1] > event.start_block]
            for key in ahead:
                del self._arrived[key]
        if isinstance(event, ev.SubmissionFailed) and event.post_id in self._posts:
            self._posts[event.post_id].failure = told
        if not isinstance(event, ev.SubmissionStarted):
            return
        sent = self._posts.setdefault(event.post_id, _Sent(start=told))
        if sent.failure is not None and _window_of(sent.failure) == _window_of(told):
            yield from self._wait(sent.failure, told)
        sent.start, sent.begun = told, sent.begun + 1

    def _forget_waits(self, start: Told) -> None:
        """A new process has nothing but the wall clock to measure by, as that is at its start."""
        for sent in self._posts.values():
            if sent.failure is not None and _has_jumped(sent.failure, start):
                sent.failure = None

    def _wait(self, failure: Told, start: Told) -> Iterator[Violation]:
        jumped = _has_jumped(failure, start)
        if not isinstance(failure.event, ev.SubmissionFailed) or (jumped and failure.life != start.life):
            return  # the wall clock again
        wait_s = failure.before.policy.submit_backoff_s * 2 ** (failure.event.attempt - 1)
        waited_s = start.at_s - failure.at_s
        if waited_s < wait_s - _ROUNDING_S:
            text = f"{waited_s:.2f} s after the failure of record {failure.record.seq}; {wait_s:g} s were due"
            yield _violation("I7", text, start)

    def submitted(self, arrival: Submission, last: Told | None) -> Iterator[Violation]:
        """Is there an intent on record, and one more attempt left?"""
        if arrival.number in self._numbers:
            return
        self._numbers.add(arrival.number)
        sent = self._posts.get(arrival.post_id)
        if sent is None or sent.arrived >= sent.begun:
            text = f"post {arrival.post_id} arrived at {arrival.at_s:.1f} s without an intent on record"
            yield Violation(rule="intent", text=text, seq=_seq(last))
            return
        sent.arrived += 1
        start = sent.start.event
        if isinstance(start, ev.SubmissionStarted) and arrival.body != plain(start.body):
            yield _violation("intent", f"post {arrival.post_id} arrived with another body than on record", sent.start)
        key = arrival.post_id, _window_of(sent.start)
        self._arrived[key] += 1
        limit = sent.start.before.policy.submit_attempts
        if self._arrived[key] > limit:
            text = f"post {arrival.post_id} was sent {self._arrived[key]} times in one window; {limit} are allowed"
            yield Violation(rule="I7", text=text, seq=_seq(last))


def _has_jumped(before: Told, after: Told) -> bool:
    """Whether the wall clock was set between these records."""
    return abs(before.wall_offset_s - after.wall_offset_s) > _ROUNDING_S


def _outlived(arrival: Submission, last: Told | None) -> bool:
    """Whether its sender died while it was on its way: the next process could not know of it."""
    return last is not None and arrival.life < last.life


def _believes_later(last: Told | None, start_block: int) -> bool:
    """Whether the miner's newest window begins behind this block."""
    newest = None if last is None else last.after.newest
    return newest is not None and newest.start_block > start_block


def _window_of(told: Told) -> int:
    window = told.before.window
    return -1 if window is None else window.start_block


def _seq(last: Told | None) -> int | None:
    return None if last is None else last.record.seq


def _violation(rule: str, text: str, told: Told) -> Violation:
    return Violation(rule=rule, text=text, seq=told.record.seq)
