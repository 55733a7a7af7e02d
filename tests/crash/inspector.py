"""What must hold after every end of the actor, however it ended: the journal against what was said, sent and paid for.

An inspector goes with one journal through all its lives. It remembers what it has read and what the stand-ins had been
asked, so that it sees when a later life loses, repeats or contradicts something. It finds; it never raises.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from actor.machine import INITIAL, IllegalEventError, State, fold_record
from actor.machine.scoring import norm_text
from events.describe import describe
from events.journal import JournalError, JournalReader, Record, verify_journal
from sandbox import Sandbox

__all__ = ["Inspector"]

_VERDICTS: Final = frozenset({"SubmissionAccepted", "SubmissionRejected", "PostAbandoned"})
_SCRAPES: Final = frozenset({"PostsScraped", "ScrapeFailed"})
_TURNS: Final = 20  # of the stand-ins' loop: what was sent before is entered after a few


class Inspector:
    """Follows one journal and one sandbox.

    Args:
        box: The stand-ins, in this process.
        journal: The journal's own directory; it need not exist yet.

    Attributes:
        records: Everything that was ever read; all of it must stay.
        state: The fold of it.
        findings: What was violated, in the order of discovery.
    """

    def __init__(self, box: Sandbox, journal: Path) -> None:
        self.records: list[Record] = []
        self.state: State = INITIAL
        self.findings: list[str] = []
        self._box = box
        self._journal = journal
        self._reader: JournalReader | None = None
        self._bytes = b""
        self._checked = 0  # records that earlier lives left
        self._texts: dict[str, str] = {}
        self._searches = 0
        self._late = 0  # searches that were wanted when the last life ended and may still arrive
        self._settled_posts: dict[str, int] = {}
        self._settled_texts: dict[str, int] = {}

    @property
    def tail_bytes(self) -> int:
        """Length of the torn tail that was found last."""
        return 0 if self._reader is None else self._reader.tail_bytes

    def names(self) -> list[str]:
        """The records' names."""
        return [record.name for record in self.records]

    def follow(self) -> None:
        """Read what was added. Safe while the actor writes, and cheap."""
        if self._reader is None:
            if not any(self._journal.glob("*.jsonl")):
                return
            self._reader = JournalReader(self._journal)
        try:
            for record in self._reader:
                self._fold(record)
        except JournalError as error:
            self._find(f"a reader refuses the journal: {error}")

    def inherit(self) -> None:
        """Take what is there as the work of earlier lives, at a sandbox that has not seen them."""
        self.follow()
        self._settle()

    def life_ended(self, output: str) -> None:
        """Check everything after a life that printed ``output``, its log as JSON lines."""
        self._wait_until_quiet()
        self.follow()
        self._check_bytes()
        self._check_log(output)
        self._check_sent()
        self._check_paid()
        self._check_verdicts()
        self._settle()

    def finished(self) -> None:
        """Check everything after a life that came to rest by itself."""
        report = verify_journal(self._journal)
        for finding in report.findings:
            self._find(f"verify: {finding.file} at byte {finding.offset}: {finding.reason}")
        if report.tail_bytes:
            self._find(f"verify: {report.tail_bytes} bytes of a torn tail after a clean stop")
        if report.records != len(self.records):
            self._find(f"verify counts {report.records} records, {len(self.records)} were read")
        if self.state.posts:
            self._find(f"posts without a verdict at rest: {[pending.post.id for pending in self.state.posts]}")
        self._check_books()

    def _find(self, text: str) -> None:
        self.findings.append(text)

    def _fold(self, record: Record) -> None:
        before = self.state
        try:
            self.state = fold_record(before, record)
        except (IllegalEventError, ValueError) as error:
            self._find(f"I5: the machine refuses record {record.seq}: {error}")
        if (record.source, record.dest) != (before.state, self.state.state):
            self._find(f"I5: record {record.seq} says {record.source} to {record.dest}, the fold comes to another")
        if record.name == "PostsScraped":
            self._texts.update({post["id"]: norm_text(post["content"]) for post in record.data["posts"]})
        self.records.append(record)

    def _wait_until_quiet(self) -> None:
        """A request that a killed process sent last may still be on its way."""
        self._box._running().call(_turns())

    def _check_bytes(self) -> None:
        """I8: what was read once is there to the byte."""
        content = b"".join(path.read_bytes() for path in sorted(self._journal.glob("*.jsonl")))
        if not content.startswith(self._bytes):
            self._find("I8: bytes of records that a reader had seen are gone or changed")
        self._bytes = content[: len(content) - self.tail_bytes]

    def _check_log(self, output: str) -> None:
        """I8: what the log told was durable before it was told."""
        for line in _json_lines(output):
            seq = line.get("seq")
            if not isinstance(seq, int):
                continue
            if seq > len(self.records):
                self._find(f"I8: record {seq} ({line['kind']}) was acknowledged and is lost")
            elif not _tells(line, self.records[seq - 1]):
                self._find(f"I8: record {seq} was acknowledged as {line['event']!r} and is another one now")

    def _check_sent(self) -> None:
        """Nothing is sent without an intent on record, and nothing after a verdict (I2)."""
        intents = Counter(record.data["post_id"] for record in self.records if record.name == "SubmissionStarted")
        sent = self._sent()
        for post_id, times in sent.items():
            if times > intents[post_id]:
                self._find(f"post {post_id} was sent {times} times for {intents[post_id]} recorded intents")
        for post_id, times in self._settled_posts.items():
            if sent[post_id] > times:
                self._find(f"I2: post {post_id} was sent again after its verdict was recorded")

    def _check_paid(self) -> None:
        """I3: nothing is paid for again whose answer is recorded; what was in flight at the end may be."""
        mine = self.records[self._checked :]
        searches = len(self._box.ledger.x.exchanges("x.search"))
        recorded = sum(record.name in _SCRAPES for record in mine)
        in_flight = bool(self.state.to_scrape)
        spare = recorded + in_flight + self._late - (searches - self._searches)
        if spare < 0:
            self._find(f"I3: {searches - self._searches} searches in a life that recorded {recorded}")
        self._searches = searches
        self._late = int(in_flight and spare > 0)
        calls = self._calls()
        for text, times in self._settled_texts.items():
            if calls[text] > times:
                self._find(f"I3: a post was analyzed again after its answer was recorded: {text!r}")
        for text in calls.keys() - self._texts.values():
            self._find(f"a post was analyzed before the search that found it was recorded: {text!r}")

    def _check_verdicts(self) -> None:
        """I1 and I4, at the server and in the journal; one answer for each window and post in the journal."""
        for window, ids in self._box.ledger.api.accepted_by_window().items():
            if len(ids) > self._box.config.max_submissions:
                self._find(f"I1: {len(ids)} posts were accepted in window {window}")
        new = Counter(item.facts["post_id"] for item in self._box.ledger.api.submits() if item.outcome == "new")
        self._twice("I4: accepted as new by the server", new)
        self._twice("I4: verdicts of post", self._count(_VERDICTS, "post_id"))
        self._twice("I3: recorded analyses of post", self._count({"PostAnalyzed", "AnalysisFailed"}, "post_id"))
        self._twice("I3: recorded scrapes of window", self._count(_SCRAPES, "window"))

    def _check_books(self) -> None:
        """Journal and server agree on what was accepted; an abandoned post's fate may be unknown."""
        ours = set(self._count({"SubmissionAccepted"}, "post_id"))
        theirs = set(self._box.ledger.api.accepted())
        abandoned = set(self._count({"PostAbandoned"}, "post_id"))
        earlier = {post_id for post_id, times in self._settled_posts.items() if not times} - set(self._sent())
        if ours - theirs - earlier or theirs - ours - abandoned:
            self._find(f"I4: accepted in the journal only {ours - theirs - earlier}, at the server {theirs - ours}")

    def _twice(self, what: str, counted: Counter[Any]) -> None:
        for key, times in counted.items():
            if times > 1:
                self._find(f"{what} {key}: {times}")

    def _count(self, names: set[str] | frozenset[str], field: str) -> Counter[Any]:
        return Counter(record.data[field] for record in self.records if record.name in names)

    def _sent(self) -> Counter[str]:
        return Counter(item.facts["post_id"] for item in self._box.ledger.api.submits())

    def _calls(self) -> Counter[str]:
        return Counter(self._box.ledger.llm.posts())

    def _settle(self) -> None:
        """Remember what is settled now and must not be asked again by a later life."""
        sent, calls = self._sent(), self._calls()
        for record in self.records[self._checked :]:
            if record.name in _VERDICTS:
                self._settled_posts[record.data["post_id"]] = sent[record.data["post_id"]]
            elif record.name == "PostAnalyzed":
                text = self._texts[record.data["post_id"]]
                self._settled_texts[text] = calls[text]
        self._checked = len(self.records)


_COSTS: Final = re.compile(r"a post: [^;]*; ")


def _tells(line: Mapping[str, Any], record: Record) -> bool:
    """At a window's end what a post cost stands before what the record says."""
    event = line["event"]
    if record.name == "CheckpointSigned" and (costs := _COSTS.match(event)) is not None:
        event = event[costs.end() :]
    return (line["kind"], event) == (record.name, describe(record.event()))


def _json_lines(output: str) -> Iterator[dict[str, Any]]:
    for text in output.splitlines():
        if text.startswith("{"):
            yield json.loads(text)


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
