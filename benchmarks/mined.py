"""A long journal as a miner writes it: whole windows by the real machine, texts and answers of ordinary length.

It breaks no rule of the audit. Its checkpoints are unsigned and name an older reducer, so that nobody compares states.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from actor.machine import content_sha256
from actor.machine.facts import sample
from benchmarks.journal_kit import DRY, new_journal
from events.catalogue import CheckpointSigned, Post, PostsScraped
from events.codec import changed
from events.journal import Draft
from events.journal.record import hashes_sha256
from tests.kit import Drive, accepted, analyzed, post

__all__ = ["build_mined", "mined"]

_FIRST_ID: Final = 1_859_000_000_000_000_000
_WINDOW_S: Final = 1_200
_FOUND: Final = 10
_POSTS: Final = 5
_TEXT: Final = (
    "Bittensor SN45 keeps shipping, part {}: what the subnet does, told at some length, with a link "
    "https://t.co/abcdefghij and tags #bittensor $TAO; who else is watching this? 🚀"
)
_RAW: Final = (
    '{"about_bittensor":true,"sentiment":"positive","subnets":[{"id":45,"functions":["rates posts"],'
    '"terms":["bittensor","subnet"]},{"id":64,"functions":[],"terms":["bittensor"]}]}'
)
_ANSWER: Final = (
    '{"status":"new","message":"accepted","selected_for_validation":false,"validation_id":null,'
    '"current_block":81234,"window_start_block":81200,"blocks_per_window":100}'
)


def mined(windows: int) -> Iterator[Draft]:
    """The records of so many windows of five accepted posts, and of one start: 18 a window."""
    drive = Drive().start()
    first, listed = drive.records[0].hash, list[str]()
    for number in range(windows):
        drive.at_ms += _WINDOW_S * 1000
        _work(drive, number)
        listed += [record.hash for record in drive.records]
        _vouch(drive, first, listed)
        listed = [drive.head.hash]
        for record in drive.records:
            yield Draft(at_ms=record.at_ms, event=record.event(), source=record.source, dest=record.dest)
        drive.records.clear()
        drive.lines.clear()


async def build_mined(directory: Path, windows: int) -> int:
    """Write such a journal, without syncs; returns how many records it has."""
    journal = await new_journal(directory, DRY)
    count = 0
    for draft in mined(windows):
        await journal.append(draft)
        count += 1
    await journal.release()
    return count


def _work(drive: Drive, number: int) -> None:
    drive.window(812 + number)
    found = tuple(_post(_FOUND * number + i, drive.at_ms) for i in range(_FOUND))
    seed = 4_503_599_627_370_496 + number
    drive.on(
        PostsScraped(
            window=812 + number,
            wanted=_POSTS,
            seed=seed,
            candidates=tuple(p.id for p in found),
            posts=sample(found, _POSTS, seed),
            posts_read=_FOUND,
            users_read=_FOUND,
            requests=1,
            unusable=0,
            latency_ms=312,
        )
    )
    for pending in drive.state.to_analyze():
        text = content_sha256(pending.post.content)
        answer: dict[str, Any] = {"raw_answer": _RAW, "model": "deepseek-ai/DeepSeek-V3-0324", "content_sha256": text}
        drive.on(analyzed(pending.post.id, tokens={"talisman": 1.0, "chutes": 0.4}, **answer), after_s=1.2)
    while drive.at() == "Submitting":
        told = {"answer": _ANSWER, "selected_for_validation": False}
        drive.on(changed(accepted(drive.send()), **told), after_s=0.4)


def _vouch(drive: Drive, first: str, listed: list[str]) -> None:
    drive.on(
        CheckpointSigned(
            journal=first,
            since=drive.state.checkpoint_seq,
            seq=drive.head.seq,
            head=drive.head.hash,
            hashes_sha256=hashes_sha256(listed),
            reducer=1,
            state_sha256="0" * 64,
            signature="0" * 128,
        )
    )


def _post(number: int, at_ms: int) -> Post:
    return post(_FIRST_ID + number, content=_TEXT.format(number), timestamp=at_ms // 1000 - 3600)
