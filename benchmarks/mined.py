"""A long journal as a miner writes it: whole windows by the real machine, texts and answers of ordinary length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.journal_kit import DRY, new_journal
from events.catalogue import CheckpointSigned, Post, PostsScraped
from events.codec import changed
from events.journal import Draft
from tests.kit import Drive, accepted, analyzed, post

__all__ = ["build_mined", "mined"]

_FIRST_ID: Final = 1_859_000_000_000_000_000
_WINDOW_S: Final = 1_200
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
    for number in range(windows):
        drive.at_ms += _WINDOW_S * 1000
        _work(drive, number)
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
    posts = tuple(_post(_POSTS * number + i, drive.at_ms) for i in range(_POSTS))
    drive.on(
        PostsScraped(
            window=812 + number,
            wanted=_POSTS,
            seed=4_503_599_627_370_496 + number,
            candidates=tuple(p.id for p in posts) + tuple(str(int(p.id) - 100) for p in posts),
            posts=posts,
            posts_read=10,
            users_read=10,
            requests=1,
            unusable=0,
            latency_ms=312,
        )
    )
    for pending in drive.state.to_analyze():
        tokens = {"talisman": 1.0, "chutes": 0.4}
        analysis = analyzed(pending.post.id, raw_answer=_RAW, model="deepseek-ai/DeepSeek-V3-0324", tokens=tokens)
        drive.on(analysis, after_s=1.2)
    while drive.at() == "Submitting":
        drive.on(changed(accepted(drive.send()), answer=_ANSWER), after_s=0.4)
    head = drive.head
    drive.on(
        CheckpointSigned(
            journal="0" * 64,
            since=0,
            seq=head.seq,
            head=head.hash,
            hashes_sha256="0" * 64,
            reducer=1,
            state_sha256="0" * 64,
            signature="0" * 128,
        )
    )


def _post(number: int, at_ms: int) -> Post:
    return post(_FIRST_ID + number, content=_TEXT.format(number), timestamp=at_ms // 1000 - 3600)
