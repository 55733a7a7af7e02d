"""What validators told: scores by stretch of blocks, judgements by post. From events alone, in one pass, flat memory.

All of it is their word: nothing in a journal can check it. A validator that tells something else about the same matter
corrects itself, so its last word counts; what two validators tell stands side by side. Judgements of posts that this
journal never sent are only counted.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Literal, TypeAlias

from audit.filters import RECENT_POSTS, RECENT_WINDOWS, Recent
from events import catalogue as ev
from events.journal import JournalDamagedError, Record

__all__ = ["Feedback", "FeedbackTotals", "PostFeedback", "ValidatorWord", "Verdict", "WindowScores", "told_in"]

# What a matter's validators are together. "disputed" means that one confirmed the post and another one refused it.
Verdict: TypeAlias = Literal["confirmed", "refused", "disputed"]

# A subnet has at most 64 validators; whoever invents more is heard no further.
_VALIDATORS_OF_ONE_MATTER: Final = 64
_VALIDATORS: Final = 1_024
_CODES: Final = 64
_OTHER_CODES: Final = "other"
_NO_CODE: Final = "no reason told"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorWord:
    """A validator's word on a post: what it told, in which record, and when (unix milliseconds)."""

    event: ev.ValidationObserved
    seq: int
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Score:
    event: ev.ScoreObserved
    seq: int
    at_ms: int


@dataclass(slots=True, kw_only=True, eq=False)
class WindowScores:
    """What validators scored for one stretch of blocks.

    Attributes:
        start_block: Its first block.
        end_block: As the validators count; the last one told.
        by_validator: The last word of each.
    """

    start_block: int
    end_block: int
    by_validator: Recent[str, _Score] = field(default_factory=lambda: Recent(_VALIDATORS_OF_ONE_MATTER))

    @property
    def mean(self) -> float:
        """Mean over validators."""
        scores = [told.event.score for told in self.by_validator.values()]
        return math.fsum(score / len(scores) for score in scores)  # divided first: two of 1e308 have a mean

    @property
    def seq(self) -> int:
        return max(told.seq for told in self.by_validator.values())


@dataclass(slots=True, kw_only=True, eq=False)
class PostFeedback:
    """What validators told of one post.

    Attributes:
        post_id: The post.
        judgements: The last word of each validator.
    """

    post_id: str
    judgements: Recent[str, ValidatorWord] = field(default_factory=lambda: Recent(_VALIDATORS_OF_ONE_MATTER))

    def take(self, record: Record, event: ev.ValidationObserved) -> None:
        self.judgements[event.validator] = ValidatorWord(event=event, seq=record.seq, at_ms=record.at_ms)

    @property
    def verdict(self) -> Verdict:
        passed = {told.event.passed for told in self.judgements.values()}
        if len(passed) > 1:
            return "disputed"
        return "confirmed" if True in passed else "refused"

    @property
    def confirmed(self) -> int:
        return sum(told.event.passed for told in self.judgements.values())

    @property
    def refused(self) -> int:
        return len(self.judgements) - self.confirmed

    @property
    def refusal(self) -> ev.ValidationObserved | None:
        """The last refusal, None without one."""
        refusals = [told for told in self.judgements.values() if not told.event.passed]
        return max(refusals, key=lambda told: told.seq).event if refusals else None


@dataclass(slots=True, kw_only=True)
class FeedbackTotals:
    """Sums over a journal.

    Attributes:
        scores: Scores told.
        windows: Stretches of blocks with a score.
        earned: Sum over these of the mean over validators.
        validations: Judgements told.
        posts: Posts with a judgement, by what their validators are together.
        refusals: Refusals told of these, by code.
        strange: Judgements told of posts that were not sent.
        validators: Who told anything; at most 1,024 are counted.
    """

    scores: int = 0
    windows: int = 0
    earned: float = 0.0
    validations: int = 0
    posts: Counter[Verdict] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    strange: int = 0
    validators: int = 0

    def copy(self) -> FeedbackTotals:
        return replace(self, posts=self.posts.copy(), refusals=self.refusals.copy())


class Feedback:
    """Takes the records of a journal in order; only those named in ``TELLING`` matter.

    Args:
        whole: They begin with the first one, so that a post that was never sent is known for that.
        keep_all: Forget nothing, for readers that ask about old posts too.

    Attributes:
        scores: By first block; the last 2,000, or all.
        posts: By post id; the last 20,000, or all.
        totals: Of all that was told.
    """

    TELLING: ClassVar = frozenset({"ScoreObserved", "ValidationObserved", "SubmissionStarted", "GapDeclared"})

    def __init__(self, *, whole: bool = False, keep_all: bool = False) -> None:
        self.scores: Recent[int, WindowScores] = Recent(sys.maxsize if keep_all else RECENT_WINDOWS)
        self.posts: Recent[str, PostFeedback] = Recent(sys.maxsize if keep_all else RECENT_POSTS)
        self.totals = FeedbackTotals()
        self._whole = whole
        self._sent: Recent[str, None] = Recent(sys.maxsize if keep_all else RECENT_POSTS)
        self._validators: set[str] = set()

    def take(self, record: Record, event: ev.Event) -> None:
        """Note one more record; most tell nothing here."""
        match event:
            case ev.ScoreObserved():
                self._score(record, event)
            case ev.ValidationObserved():
                self._judge(record, event)
            case ev.SubmissionStarted():
                self._sent[event.post_id] = None
            case ev.GapDeclared():
                for post_id in event.salvage.settled:
                    self._sent[post_id] = None

    def is_strange(self, post_id: str) -> bool:
        """Whether this journal never sent the post, as far as it is known."""
        return self._whole and post_id not in self._sent

    def _score(self, record: Record, event: ev.ScoreObserved) -> None:
        totals = self.totals
        scores = self.scores.get(event.start_block)
        if scores is None:
            scores = WindowScores(start_block=event.start_block, end_block=event.end_block)
            totals.windows += 1
        else:
            totals.earned -= scores.mean
        self.scores[event.start_block] = scores
        scores.end_block = event.end_block
        scores.by_validator[event.validator] = _Score(event=event, seq=record.seq, at_ms=record.at_ms)
        totals.scores += 1
        totals.earned += scores.mean
        self._count(event.validator)

    def _judge(self, record: Record, event: ev.ValidationObserved) -> None:
        totals = self.totals
        totals.validations += 1
        self._count(event.validator)
        if self.is_strange(event.post_id):
            totals.strange += 1
            return
        post = self.posts.get(event.post_id)
        if post is None:
            post = PostFeedback(post_id=event.post_id)
        else:
            totals.posts[post.verdict] -= 1
        self.posts[event.post_id] = post
        post.take(record, event)
        totals.posts[post.verdict] += 1
        if not event.passed:
            code = event.code or _NO_CODE
            known = code in totals.refusals or len(totals.refusals) < _CODES
            totals.refusals[code if known else _OTHER_CODES] += 1

    def _count(self, validator: str) -> None:
        if len(self._validators) < _VALIDATORS:
            self._validators.add(validator)
            self.totals.validators = len(self._validators)


def told_in(records: Iterable[Record]) -> Feedback:
    """What validators told in a whole journal, nothing forgotten; up to the damage, where it is damaged."""
    feedback = Feedback(whole=True, keep_all=True)
    with suppress(JournalDamagedError, ValueError):  # whoever reads the journal for itself says what is wrong with it
        for record in records:
            if record.name in Feedback.TELLING:
                feedback.take(record, record.event())
    return feedback
