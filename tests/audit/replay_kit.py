"""What the tests of replay share: a hand-driven story with everything that can go wrong, and where it is written to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from actor.machine.history import steps
from audit.filters import Filters, parse_filters
from audit.replay.timeline import Timeline
from events import catalogue as ev
from events.codec import changed
from events.journal import Disk, JournalReader, Record
from events.journal.head import HeadFile
from tests.kit import Drive, accepted, analysis_failed, analyzed, failed, limited, rejected

__all__ = ["SAMPLE", "SEGMENT", "STEERING", "begun", "hostile_story", "sample", "story", "timeline", "write"]

SAMPLE = Path(__file__).resolve().parents[2] / "journal" / "sample"
SEGMENT = f"{1:020d}.jsonl"
# Colours, a C1 control, a direction override, a bell, a line end, a delete: what could steer or deceive a terminal.
STEERING = "\x1b[31m \x9b32m \u202e \x07 \r\n \x7f"


def begun(directory: Path) -> Path:
    """A journal without a record, as a start leaves it: HEAD is there before the first segment is."""
    directory.mkdir(parents=True, exist_ok=True)
    HeadFile.create(Disk(), directory)
    return directory


def write(directory: Path, drive: Drive) -> Path:
    """The drive's records as a journal's only segment."""
    (begun(directory) / SEGMENT).write_bytes(b"".join(drive.lines))
    return directory


def story() -> Drive:
    """A good window; one with a failed attempt, a crash and a 429; a stop; one that takes up what was put off."""
    drive = Drive().start()
    drive.batch(60_000, 1, 2)
    drive.at_ms += 2_000
    drive.accept_all()
    drive.sign()
    drive.on(ev.ApiUnreachable(reason="no route"), after_s=600)
    drive.on(ev.ApiRecovered(), after_s=60)
    drive.batch(60_002, 3, 4, 5)
    first = drive.send()
    drive.on(failed(first, 1))
    drive.on(ev.BackoffElapsed(), after_s=3)
    drive.send()
    drive.at_ms += 5_000
    drive.start()  # without a stop: the process was killed with an attempt open
    drive.on(accepted(drive.send(), "duplicate"))
    drive.on(limited(drive.send(), 6_000_200, (6_000_200,)))
    drive.sign()
    drive.on(ev.ActorStopped(reason="SIGTERM", posts_processed=3))
    drive.at_ms += 1_300_000
    drive.start()
    drive.window(60_003).scraped(6, 7, 8)
    drive.analyze_all()
    drive.accept_all()
    drive.sign()
    return drive


def hostile_story() -> Drive:
    """Every text of every event tries to steer the terminal."""
    drive = Drive()
    drive.on(ev.JournalCreated(hotkey=STEERING, netuid=45, api_url=f"http://{STEERING}"))
    drive.on(ev.ActorStarted(build=STEERING, epoch=1, pid=1, policy=ev.Policy()))
    drive.window(60_000)
    drive.scraped(1, 2, 3, 4, content=f"SN45 {STEERING}", author=STEERING, author_id=STEERING)
    texts: dict[str, Any] = {"model": STEERING, "prompt_version": STEERING, "rung": STEERING, "raw_answer": STEERING}
    for number in (1, 2, 3):
        drive.on(analyzed(str(number), content_sha256=STEERING, tokens={STEERING: 0.5, f"a{STEERING}": 0.4}, **texts))
    drive.on(changed(analysis_failed("4"), reason=STEERING, kind=STEERING, model=STEERING, raw_answer=STEERING))
    answer = {"answer": STEERING}
    drive.on(changed(failed(drive.send(), 1), reason=STEERING, kind=STEERING, **answer))
    drive.on(ev.BackoffElapsed())
    drive.on(changed(accepted(drive.send()), status=STEERING, validation_id=STEERING, **answer))
    drive.on(changed(rejected(drive.send()), reason=STEERING, **answer))
    drive.on(ev.EffectCrashed(effect=f"PollStatus{STEERING}", post_id=STEERING, error=STEERING))
    drive.on(ev.BackoffElapsed(), ev.ApiUnreachable(reason=STEERING))
    drive.send()
    drive.on(ev.TailRepaired(segment=STEERING, offset=1, length=1, sha256=STEERING, quarantine=STEERING))
    drive.start()
    drive.on(changed(limited(drive.send()), reason=STEERING, **answer))
    drive.on(ev.ActorStopped(reason=STEERING, posts_processed=1))
    drive.on(ev.ApiMoved(api_url=STEERING))
    salvage = ev.Salvage(
        records=1,
        seen={1: (STEERING,)},
        settled=(STEERING,),
        accepted=0,
        counted={},
        window=None,
        start_block=None,
        blocks_per_window=None,
        epoch=1,
    )
    drive.on(
        ev.GapDeclared(reason=STEERING, segment=STEERING, offset=1, lost_bytes=1, witnessed_seq=None, salvage=salvage)
    )
    return drive


def timeline(records: Iterable[Record], filters: Filters | None = None) -> str:
    """All that the timeline says."""
    told = Timeline(filters or parse_filters())
    lines = [line for step in steps(records) for line in told.take(step)]
    text = "".join([*lines, *told.finish()])
    assert told.shown == text.count("\n") - text.count("\n\n")
    return text


def sample() -> list[Record]:
    """The recorded sample."""
    return list(JournalReader(SAMPLE))
