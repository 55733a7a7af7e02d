"""How the journals under recorded/ were made. A new one gets a new directory; what is there is never written again.

    python -m tests.journal.recording whole tests/journal/recorded/v1/NAME

The history is one that the machine allows, so that it can be folded, with every event in it at least once.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from actor.testing.made import polled
from events import catalogue as ev
from events.codec import changed
from events.journal import Draft, FileJournal, Record
from events.prices import Prices
from tests.kit import HOTKEY, Drive, accepted, analysis_failed, analyzed, failed, limited, rejected

_SEGMENT_BYTES = 7_000
_TORN = b'{"seq":16,"at":"2026-11-22T14:'


def history() -> Drive:
    """Every event but TailRepaired, which only a torn tail brings."""
    saving: dict[str, Any] = {"posts_per_search": 10, "search_since_newest": True}
    policy = ev.Policy(max_search_pages=2, block_s=0.25, chain_poll_s=1800.0, **saving)
    drive = Drive(policy).start(subnets_sha256="5" * 64)
    drive.on(ev.ConfigMismatched(setting="MAX_SUBMISSIONS_PER_WINDOW", configured=5, served=4))
    drive.on(ev.ApiUnreachable(reason="no answer within 10 s"), after_s=12)
    drive.on(ev.ApiRecovered(), after_s=24)
    drive.on(ev.DiskFilled(free_bytes=3 << 20, needed_bytes=4 << 20))
    drive.on(ev.DiskFreed(free_bytes=9 << 20), after_s=12)
    drive.on(ev.SettingsChanged(policy=changed(drive.state.policy, sampling="top"), names=("SAMPLING", "LOG_LEVEL")))
    drive.window(811).scraped(20, newest_id="20", edits=("18", "19")).analyze_all()
    drive.on(ev.PostAbandoned(post_id="20", reason="too old"))
    drive.window(812).scraped(1, 2, 3, 4, lost_pages=1, content='two\nlines, "quotes", \u2028 and \U0001f600')
    tokens = {"talisman": 0.9, "chutes": 1.0}
    asked: dict[str, Any] = {
        "server": "llm.example:8000",
        "dropped": ("max_tokens", "seed"),
        "rung": "json_object",
        "shown_chars": 800,
    }
    many: dict[str, Any] = {"calls": 2, "failed_calls": 1, "unmeasured_calls": 1, "repairs": 1}
    drive.on(analyzed("1", tokens=tokens, **many, **asked), analyzed("2", 0.0), after_s=1.5)
    free = {"calls": 0, "prompt_tokens": 0, "completion_tokens": 0, "latency_ms": 0}
    reused = analyzed("4", tokens=tokens, rung="recorded", raw_answer="", reused_from="1", **free)
    drive.on(analysis_failed("3"), reused)
    post_id = drive.send()
    drive.on(failed(post_id, 1), after_s=0.02)
    drive.on(ev.BackoffElapsed(), after_s=3)
    drive.on(accepted(drive.send(), start_block=81_200), after_s=0.02)
    drive.on(rejected(drive.send(), 422), after_s=0.02)
    drive.on(limited(drive.send(), start_block=81_200, full=(81_200,)), after_s=0.02)
    for pending in drive.state.posts:
        drive.on(ev.PostAbandoned(post_id=pending.post.id, reason="too old"))
    drive.on(
        ev.ScoreObserved(validator=HOTKEY, start_block=81_100, end_block=81_199, score=0.25, rewards=3, penalties=1)
    )
    drive.on(polled(), ev.ChainPollFailed(kind="timeout", reason="finney: no answer within 60 s"))
    drive.on(ev.ChainPolled(block=7_300_150, miners=190, tao_per_alpha=0.004), after_s=60)
    judged = {"validator": HOTKEY, "validation_id": "v-1", "post_id": "1"}
    drive.on(ev.ValidationObserved(**judged, passed=True))
    drive.on(ev.ValidationObserved(**judged, passed=False, code="text_mismatch", reason="the text differs"))
    drive.sign().window(813).scrape_failed()
    drive.sign().window(9_000).scrape_failed()
    told = {"window": 813, "start_block": 81_300, "current_block": 81_360, "blocks_per_window": 100}
    drive.on(
        ev.WindowsRevised(**told, believed_start_block=900_000, answers=26, agreed_s=300.012, taken=0), after_s=720
    )
    drive.on(ev.EffectCrashed(effect="PollStatus", post_id=None, error="KeyError: 'block'"))
    drive.on(ev.BackoffElapsed(), after_s=12)
    drive.sign()
    _look_up(drive)
    drive.on(ev.ActorStopped(reason="SIGTERM", posts_processed=1))
    drive.on(ev.ApiMoved(api_url="http://127.0.0.1:9001"), after_s=60)
    drive.on(_gap())
    prices = Prices(llm_usd_per_million_prompt_tokens=0.27, llm_usd_per_million_completion_tokens=1.1)
    drive.start(ev.Policy(prices=prices, max_x_usd_per_day=0.4, max_llm_usd_per_day=1.0)).window(817)
    assert drive.state.unaffordable is not None
    drive.on(drive.state.unaffordable)
    return drive


def _look_up(drive: Drive) -> None:
    """Searches bring no authors. X does not tell one; in the next window it tells that one, and knows no other."""
    hours = changed(drive.state.policy, author_cache_hours=24)
    drive.on(ev.SettingsChanged(policy=hours, names=("AUTHOR_CACHE_HOURS",)))
    nobody: dict[str, Any] = {"author": "", "account_created": 0, "account_age": 0, "followers": 0}
    drive.window(814).scraped(21, author_id="901", **nobody)
    drive.on(ev.AuthorLookupFailed(window=814, asked=("901",), kind="server", reason="503", http_status=503))
    drive.sign().window(815).scraped(22, author_id="902", **nobody)
    told = ev.Author(id="901", username="author_901", created=1_700_000_000, followers=250)
    found = ev.AuthorsLookedUp(window=815, asked=("901", "902"), authors=(told,), users_read=1, latency_ms=210)
    drive.on(found, after_s=0.21)
    drive.analyze_all().accept_all().sign()


def _gap() -> ev.GapDeclared:
    salvage = ev.Salvage(
        records=2,
        seen={20_779: ("8", "9"), 20_780: ("10",)},
        settled=("9",),
        accepted=1,
        counted={81_300: 1},
        window=814,
        start_block=81_400,
        blocks_per_window=100,
        epoch=3,
        spent={20_779: ev.Spent(posts=10, users=9, prompt_tokens=520, completion_tokens=40)},
    )
    return ev.GapDeclared(
        reason="the hash does not continue record 30",
        segment=f"{1:020d}.jsonl",
        offset=12_345,
        lost_bytes=678,
        witnessed_seq=33,
        salvage=salvage,
    )


async def _write(directory: Path, records: Sequence[Record]) -> None:
    journal = FileJournal(directory, segment_bytes=_SEGMENT_BYTES, on_warning=print)
    await journal.take(reducer=1)
    for r in records:
        draft = Draft(at_ms=r.at_ms, event=r.event(), source=r.source, dest=r.dest)
        await journal.append(draft, witness=r.name == "SubmissionStarted")
    await journal.release()


def _tear(directory: Path) -> None:
    segment = max(directory.glob("*.jsonl"))
    segment.write_bytes(segment.read_bytes() + _TORN)


async def _repair(directory: Path, drive: Drive) -> None:
    """A start moves the torn tail away and declares it."""
    journal = FileJournal(directory, segment_bytes=_SEGMENT_BYTES, on_warning=print)
    lease = await journal.take(reducer=1)
    for repair in lease.repairs:
        drive.on(repair, after_s=5)
        record = drive.records[-1]
        await journal.append(Draft(at_ms=record.at_ms, event=record.event(), source=record.source, dest=record.dest))
    await journal.release()


def _whole(directory: Path) -> None:
    asyncio.run(_write(directory, history().records))


def _repaired(directory: Path) -> None:
    drive = Drive().start().batch(812, 1, 2).accept_all()
    asyncio.run(_write(directory, drive.records))
    _tear(directory)
    asyncio.run(_repair(directory, drive))


if __name__ == "__main__":
    make, target = {"whole": _whole, "repaired": _repaired}[sys.argv[1]], Path(sys.argv[2])
    if target.exists():
        sys.exit(f"{target} exists: a recorded journal is never written again")
    make(target)
    (target / "LOCK").unlink()
