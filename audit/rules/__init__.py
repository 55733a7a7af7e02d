"""The duties of a journal as named rules: the invariants I1 to I9, the rulings on the specification, and what follows.

RULES is the whole list. A user's own file adds to it with ``audit --rules FILE``: classes derived from `Rule`, named in
a list RULES of its own (docs/operators/audit.md).
"""

from __future__ import annotations

from typing import Final

from audit.filters import Recent
from audit.rules.answers import AnswersAsMeant
from audit.rules.begun import Beginning, begun_books
from audit.rules.believed import NoBlockOutOfTheOrdinary, SearchesApart
from audit.rules.blocks import WindowsAscend
from audit.rules.books import Books
from audit.rules.carried import CarriedPosts
from audit.rules.chain import FoldedState, OneHistory, WrittenAsDocumented
from audit.rules.checkpoints import WindowsVouchedFor
from audit.rules.choice import FailedAnalysis, IrrelevantPosts
from audit.rules.content import BodyAsServed, NormalizedText, Score, SentimentCategories
from audit.rules.exposure import NoSecrets, PlainHttp
from audit.rules.judged import JudgedAsAnswered
from audit.rules.paid import AnswersTakenOver, AuthorsTakenOver, PaidOnce
from audit.rules.reading import NothingLeftBehind
from audit.rules.rule import Entry, Finding, Rule
from audit.rules.sample import Sample
from audit.rules.sending import AcceptedInWindow, AttemptsAndWaits, IntentFirst, QuietAfterRateLimit
from audit.rules.usage import MidWindowStart, OutagesPaired, WindowsUsed
from audit.rules.verdicts import NothingAfterVerdict, OneVerdict, PostsProcessed, ValidatorsAgree

__all__ = ["RULES", "Beginning", "Books", "Entry", "Finding", "Recent", "Rule", "begun_books"]

RULES: Final[tuple[type[Rule], ...]] = (
    AcceptedInWindow,
    NothingAfterVerdict,
    PaidOnce,
    AnswersTakenOver,
    AuthorsTakenOver,
    OneVerdict,
    FoldedState,
    QuietAfterRateLimit,
    AttemptsAndWaits,
    OneHistory,
    WindowsUsed,
    NormalizedText,
    Score,
    FailedAnalysis,
    IrrelevantPosts,
    Sample,
    CarriedPosts,
    NothingLeftBehind,
    AnswersAsMeant,
    WindowsAscend,
    MidWindowStart,
    OutagesPaired,
    NoBlockOutOfTheOrdinary,
    SearchesApart,
    PostsProcessed,
    PlainHttp,
    BodyAsServed,
    SentimentCategories,
    JudgedAsAnswered,
    IntentFirst,
    WindowsVouchedFor,
    WrittenAsDocumented,
    NoSecrets,
    ValidatorsAgree,
)
