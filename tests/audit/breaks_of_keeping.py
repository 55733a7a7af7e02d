"""Rules of the history itself broken by hand: its records, its runs, its signatures, its secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from actor.analyzer import PROMPT_VERSION, load_registry
from events import catalogue as ev
from tests.audit.breaking import Seqs, breaks, seq, started
from tests.audit.broken import Line, drop, index, insert


@breaks("I5")
def another_state(lines: list[Line]) -> list[Seqs]:
    """From and to are not what the machine makes of the events; the chain of names is whole."""
    place = index(lines, ev.ActorStopped, 2)
    lines[place - 1].dest = lines[place].source = lines[place].dest = "Submitting"
    return [(place,), (place + 1,)]


@breaks("I5", "I8")
def a_jump(lines: list[Line]) -> list[Seqs]:
    """A record that begins where no record ended, behind one that this machine does not follow."""
    place = index(lines, ev.ActorStarted, 2)
    lines[place].change(epoch=1)
    lines[-1].source = "Backoff"
    return [(place + 1,), (len(lines) - 1, len(lines))]


@breaks("I5")
def another_digest(lines: list[Line]) -> list[Seqs]:
    """A checkpoint of a state that the records do not make."""
    place = index(lines, ev.CheckpointSigned)
    story_line = lines[place]
    story_line.change(state_sha256="5" * 64)
    story_line.kept = True
    return [(place, place + 1)]


@breaks("I8")
def an_epoch_again(lines: list[Line]) -> list[Seqs]:
    """Two processes held the journal."""
    place = index(lines, ev.ActorStarted, 2)
    lines[place].change(epoch=1)
    return [(2, place + 1)]


@breaks("I8")
def a_record_of_no_process(lines: list[Line]) -> list[Seqs]:
    """Behind the stop, before the start."""
    place = index(lines, ev.ActorStopped)
    insert(lines, place + 1, ev.BackoffElapsed())
    return [(place + 1, place + 2)]


def _repair(**fields: Any) -> ev.TailRepaired:
    segment, digest = f"{1:020d}", "a" * 64
    whole: dict[str, Any] = {
        "segment": f"{segment}.jsonl",
        "offset": 4_660,
        "length": 30,
        "sha256": digest,
        "quarantine": f"{segment}-{4_660:012d}-{digest}.bin",
    }
    return ev.TailRepaired(**{**whole, **fields})


@breaks("I8")
def repaired_in_mid_run(lines: list[Line]) -> list[Seqs]:
    """A start repairs, and then starts."""
    place = index(lines, ev.WindowOpened, 2)
    insert(lines, place, _repair())
    return [(place + 1, place + 2)]


@breaks("I8")
def repaired_under_another_name(lines: list[Line]) -> list[Seqs]:
    """The file's name says where the bytes stood."""
    place = index(lines, ev.ActorStarted, 2)
    insert(lines, place, _repair(offset=4_661))
    return [(place + 1,)]


@breaks("I8")
def repaired_twice(lines: list[Line]) -> list[Seqs]:
    """The same bytes."""
    place = index(lines, ev.ActorStarted, 2)
    insert(lines, place, _repair(), _repair())
    return [(place + 1, place + 2)]


@breaks("I8")
def a_second_beginning(lines: list[Line]) -> list[Seqs]:
    """Another journal's records behind this one's."""
    place = index(lines, ev.ActorStarted, 2)
    insert(lines, place, lines[0].event)
    return [(place + 1,)]


@breaks("I8")
def a_checkpoint_of_another_record(lines: list[Line]) -> list[Seqs]:
    """It was signed for a history that was cut."""
    place = index(lines, ev.CheckpointSigned, 2)
    lines[place].change(since=22, seq=35, head="9" * 64)
    lines[place].kept = True
    return [(place + 1,)]


@breaks("I8")
def a_list_of_other_hashes(lines: list[Line]) -> list[Seqs]:
    """The checkpoint names its record, and lists others before it."""
    place = index(lines, ev.CheckpointSigned)
    lines[place].change(hashes_sha256="8" * 64)
    lines[place].kept = True
    return [(0, place + 1)]


@breaks("R14")
def one_too_many(lines: list[Line]) -> list[Seqs]:
    """posts_processed."""
    lines[-1].change(posts_processed=8)
    return [(len(lines),)]


@breaks("R16")
def plain_http(lines: list[Line]) -> list[Seqs]:
    """To another machine; a note."""
    lines[0].change(api_url="http://miner.example:8001")
    return [(1,)]


@breaks("answer")
def another_answer(lines: list[Line]) -> list[Seqs]:
    """The model's words are put right afterwards, to those of a rise."""
    for number in (1, 2, 3):
        lines[index(lines, ev.ActorStarted, number)].change(subnets_sha256=load_registry().sha256())
    analysis = lines[index(lines, ev.PostAnalyzed)]
    words = '{"about_bittensor": true, "sentiment": "very_bullish", "subnets": []}'
    analysis.change(raw_answer=words, prompt_version=PROMPT_VERSION)
    return [(seq(lines, ev.PostsScraped), seq(lines, ev.PostAnalyzed))]


@breaks("checkpoints")
def nobody_vouches_before_a_stop(lines: list[Line]) -> list[Seqs]:
    """The work rests for half a minute, and the process ends."""
    place = index(lines, ev.ActorStopped)
    drop(lines, place - 1)
    return [(place - 1, place)]


@breaks("checkpoints")
def nobody_vouches_after_a_start(lines: list[Line]) -> list[Seqs]:
    """The process ended before it could; the next one rests for long and does not."""
    place = index(lines, ev.ActorStopped)
    drop(lines, place - 1)
    lines[place - 1].at_ms = lines[place - 2].at_ms + 1_000
    return [(place + 1, place + 2)]


@breaks("checkpoints")
def nobody_vouches(lines: list[Line]) -> list[Seqs]:
    """For the second window, whose work rests for long; and for one that ended with a 429."""
    drop(lines, index(lines, ev.CheckpointSigned, 1), index(lines, ev.CheckpointSigned, 2))
    limit, told = seq(lines, ev.RateLimited), seq(lines, ev.WindowOpened, 2)
    rest = seq(lines, ev.SubmissionAccepted, post_id="9")
    return [(limit, told), (rest, seq(lines, ev.WindowOpened, 3))]


@breaks("form")
def a_negative_duration(lines: list[Line]) -> list[Seqs]:
    """Of a search, an analysis and a submission."""
    kinds = (ev.PostsScraped, ev.AnalysisFailed, ev.SubmissionRejected)
    for kind in kinds:
        lines[index(lines, kind)].change(latency_ms=-1)
    return [(seq(lines, kind),) for kind in kinds]


SECRETS: Final = (
    "401: Bearer AAAAabcdefghijkl0123",
    "401: bearer\tsome-token_of.36+chars",
    "AAAAAAAAAAAAAAAAAAAAAMLheAAAAAAA0%2BuSeid",
    "key sk-proj-abcdefghijklmnop1234",
    "key cpk_0123456789abcdef.0123",
    f"signature {'0123456789abcdef' * 8}",
    "talisman-ai-auth:1795357925",
    '{"X-Auth-Signature": "abcdef0123456789"}',
    "https://user:secret@miner.example/v2",
    "-----BEGIN EC PRIVATE KEY-----",
)


def _with_secret(secret: str) -> Callable[[list[Line]], list[Seqs]]:
    def told(lines: list[Line]) -> list[Seqs]:
        place = index(lines, ev.ScrapeFailed)
        lines[place].change(reason=secret)
        return [(place + 1,)]

    return told


for _number, _secret in enumerate(SECRETS):
    _told = _with_secret(_secret)
    _told.__name__ = f"a_secret_{_number}"
    breaks("secrets")(_told)


@breaks("secrets")
def a_secret_deep_inside(lines: list[Line]) -> list[Seqs]:
    """In a recorded answer and in a name of a subnet."""
    lines[index(lines, ev.SubmissionRejected)].change(answer=f'{{"echo": "{"fedcba9876543210" * 8}"}}')
    analysis = lines[index(lines, ev.PostAnalyzed, post_id="9")]
    analysis.change(tokens={"Bearer abcdefghijklmnop0": 0.3})
    line = started(lines, "9")
    line.change_body(tokens=analysis.event.tokens)
    places = (seq(lines, ev.SubmissionRejected), lines.index(analysis) + 1, lines.index(line) + 1)
    return [(place,) for place in places]


def _judged(validator: str, post_id: str, *, passed: bool) -> ev.ValidationObserved:
    return ev.ValidationObserved(validator=validator, validation_id="v", post_id=post_id, passed=passed)


@breaks("validators")
def judged_without_being_sent(lines: list[Line]) -> list[Seqs]:
    """Told of once: a post of nobody, twice, and one that was only found."""
    place = index(lines, ev.ActorStopped)
    search = lines[index(lines, ev.PostsScraped)].event
    not_drawn = next(post_id for post_id in search.candidates if post_id not in {post.id for post in search.posts})
    strange = (_judged("5Bob", "999", passed=True), _judged("5Dave", "999", passed=False))
    insert(lines, place, *strange, _judged("5Bob", not_drawn, passed=True))
    return [(place + 1,), (place + 3,)]


@breaks("validators")
def judged_in_two_ways(lines: list[Line]) -> list[Seqs]:
    """By one validator that changes its mind, and by two that agree on another post."""
    place = index(lines, ev.ActorStopped)
    insert(lines, place, _judged("5Bob", "8", passed=True), _judged("5Bob", "9", passed=False))
    insert(lines, place + 2, _judged("5Bob", "8", passed=False), _judged("5Dave", "9", passed=False))
    return [(place + 1, place + 3)]


@breaks("I8")
def a_checkpoint_of_another_journal(lines: list[Line]) -> list[Seqs]:
    """Signed by the same hotkey, perhaps, but for another beginning."""
    place = index(lines, ev.CheckpointSigned, 2)
    lines[place].change(journal="1" * 64)
    lines[place].keeps_journal = True
    return [(1, place + 1)]
