"""What many tests need: posts, events and a hand-driven machine with a clock of its own."""

from __future__ import annotations

from typing import Any

from bittensor_core import Keypair

from actor.machine import INITIAL, REDUCER, State, state_sha256, step, wanted
from actor.machine.wanted import submission_started
from events import catalogue as ev
from events import effects as ef
from events.codec import changed
from events.journal.record import GENESIS, Draft, Head, Record, checkpoint_message, hashes_sha256, parse, seal

__all__ = [
    "HOTKEY",
    "T0_MS",
    "Drive",
    "accepted",
    "analysis_failed",
    "analyzed",
    "failed",
    "limited",
    "post",
    "rejected",
]

HOTKEY = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
T0_MS = 1_795_357_925_123  # 2026-11-22T14:32:05.123Z


def post(number: int, **fields: Any) -> ev.Post:
    """A post that is an hour old at T0; ``fields`` replace what matters to a test."""
    data: dict[str, Any] = {
        "id": str(number),
        "content": f"SN45 is doing fine, number {number}",
        "author": f"user{number}",
        "author_id": str(9_000 + number),
        "timestamp": T0_MS // 1000 - 3600,
        "account_created": T0_MS // 1000 - 365 * 86_400,
        "account_age": 365,
        "retweets": 10,
        "likes": 50,
        "responses": 5,
        "quotes": 1,
        "followers": 1_000,
    }
    return ev.Post(**{**data, **fields})


def analyzed(post_id: str, relevance: float = 1.0, **fields: Any) -> ev.PostAnalyzed:
    """A good analysis; relevance 0 means that no subnet is relevant."""
    data: dict[str, Any] = {
        "post_id": post_id,
        "content_sha256": "0" * 64,
        "tokens": {"talisman": relevance} if relevance else {},
        "sentiment": 0.5,
        "model": "m",
        "prompt_version": "1",
        "rung": "json_schema",
        "raw_answer": "{}",
        "calls": 1,
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "latency_ms": 700,
    }
    return ev.PostAnalyzed(**{**data, **fields})


def analysis_failed(post_id: str) -> ev.AnalysisFailed:
    """An analysis that failed."""
    return ev.AnalysisFailed(
        post_id=post_id,
        content_sha256="0" * 64,
        kind="timeout",
        reason="no answer within 60 s",
        model="m",
        prompt_version="1",
        raw_answer="",
        calls=1,
        prompt_tokens=0,
        completion_tokens=0,
        latency_ms=60_000,
    )


def accepted(post_id: str, status: str = "new", start_block: int | None = None) -> ev.SubmissionAccepted:
    """A verdict: accepted."""
    return ev.SubmissionAccepted(
        post_id=post_id,
        status=status,
        http_status=200,
        answer="{}",
        start_block=start_block,
        selected_for_validation=None,
        validation_id=None,
        latency_ms=20,
    )


def rejected(post_id: str, http_status: int = 409) -> ev.SubmissionRejected:
    """A verdict: rejected for good."""
    return ev.SubmissionRejected(
        post_id=post_id, http_status=http_status, reason="conflict", answer="{}", latency_ms=20
    )


def failed(post_id: str, attempt: int) -> ev.SubmissionFailed:
    """One attempt failed."""
    return ev.SubmissionFailed(
        post_id=post_id, attempt=attempt, kind="http", reason="500", http_status=500, answer="", latency_ms=20
    )


def limited(post_id: str, start_block: int | None = None) -> ev.RateLimited:
    """429."""
    return ev.RateLimited(
        post_id=post_id,
        answer="",
        reason="rate limit",
        start_block=start_block,
        reset_block=None,
        reset_s=None,
        latency_ms=20,
    )


class Drive:
    """A machine driven by hand: applies events, keeps the time, the records and the states."""

    def __init__(self, policy: ev.Policy | None = None) -> None:
        self.policy = policy or ev.Policy()
        self.at_ms = T0_MS
        self.state: State = INITIAL
        self.records: list[Record] = []
        self.lines: list[bytes] = []
        self.head: Head = GENESIS

    def at(self) -> str:
        """The state's name."""
        return self.state.state

    def on(self, *events: ev.Event, after_s: float = 0.0) -> State:
        """Apply events, ``after_s`` seconds later than the one before."""
        for event in events:
            self.at_ms += round(after_s * 1000)
            after = step(self.state, event, self.at_ms)
            draft = Draft(at_ms=self.at_ms, event=event, source=self.state.state, dest=after.state)
            line, head = seal(draft, self.head)
            self.records.append(parse(line, self.head))
            self.lines.append(line)
            self.state, self.head = after, head
        return self.state

    def create(self) -> Drive:
        """A new journal."""
        self.on(ev.JournalCreated(hotkey=HOTKEY, netuid=45, api_url="http://127.0.0.1:8001"))
        return self

    def start(self, policy: ev.Policy | None = None) -> Drive:
        """A process takes the journal."""
        if self.state.identity is None:
            self.create()
        self.policy = policy or self.policy
        epoch = self.state.epoch + 1
        self.on(ev.ActorStarted(build="0.1.0", epoch=epoch, pid=100 + epoch, policy=self.policy))
        return self

    def window(self, number: int, blocks: int = 100, current_block: int | None = None) -> Drive:
        """The API entered a window."""
        start = number * blocks
        self.on(
            ev.WindowOpened(
                window=number,
                start_block=start,
                current_block=current_block or start,
                blocks_per_window=blocks,
                source="status",
            )
        )
        return self

    def scraped(self, *numbers: int, **fields: Any) -> Drive:
        """The due search brought these posts."""
        window = self.state.window
        assert window is not None
        posts = tuple(post(n, **fields) for n in numbers)
        self.on(
            ev.PostsScraped(
                window=window.number,
                wanted=self.state.to_scrape,
                seed=1,
                candidates=tuple(p.id for p in posts),
                posts=posts,
                posts_read=10,
                users_read=10,
                requests=1,
                unusable=0,
                latency_ms=300,
            )
        )
        return self

    def scrape_failed(self) -> Drive:
        """The due search failed."""
        window = self.state.window
        assert window is not None
        self.on(ev.ScrapeFailed(window=window.number, kind="server", reason="503"))
        return self

    def analyze_all(self, relevance: float = 1.0) -> Drive:
        """Every due analysis came back."""
        for pending in self.state.to_analyze():
            self.on(analyzed(pending.post.id, relevance))
        return self

    def send(self) -> str:
        """Record the intent that is wanted; returns the post's id."""
        (effect,) = [e for e in wanted(self.state) if isinstance(e, ef.StartSubmission)]
        self.on(submission_started(self.state, effect))
        return effect.post_id

    def batch(self, window: int, *numbers: int) -> Drive:
        """A window up to the first submission."""
        return self.window(window).scraped(*numbers).analyze_all()

    def sign(self, **fields: Any) -> Drive:
        """Alice, whose address is HOTKEY, vouches for everything so far; ``fields`` replace parts before she signs."""
        since = self.state.checkpoint_seq
        unsigned = ev.CheckpointSigned(
            since=since,
            seq=self.head.seq,
            head=self.head.hash,
            hashes_sha256=hashes_sha256(record.hash for record in self.records[since:]),
            reducer=REDUCER,
            state_sha256=state_sha256(self.state),
            signature="",
        )
        unsigned = changed(unsigned, **fields)
        signature = Keypair.create_from_uri("//Alice").sign(checkpoint_message(unsigned)).hex()
        self.on(changed(unsigned, signature=signature))
        return self

    def accept_all(self) -> Drive:
        """Send whatever is queued, and have it accepted."""
        while self.state.state == "Submitting":
            self.on(accepted(self.send()))
        return self
