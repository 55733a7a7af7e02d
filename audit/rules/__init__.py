"""The duties of a journal as named rules: the invariants I1 to I9, the rulings on the specification, and what follows.

RULES is the whole list. A user's own file adds to it with ``audit --rules FILE``: classes derived from `Rule`, named in
a list RULES of its own (docs/audit.md).
"""

from __future__ import annotations

from typing import Final

from audit.recent import Recent
from audit.rules.accepted import AcceptedInWindow
from audit.rules.answers import AnswersAsMeant
from audit.rules.believed import NoBlockOutOfTheOrdinary, SearchesApart
from audit.rules.blocks import WindowsAscend
from audit.rules.books import Books
from audit.rules.carried import CarriedPosts
from audit.rules.chain import OneHistory
from audit.rules.checkpoints import WindowsVouchedFor
from audit.rules.choice import FailedAnalysis, IrrelevantPosts
from audit.rules.content import BodyAsServed, NormalizedText, SentimentCategories
from audit.rules.exposure import NoSecrets, PlainHttp
from audit.rules.feedback import ValidatorsAgree
from audit.rules.finding import Finding
from audit.rules.fold import FoldedState
from audit.rules.form import WrittenAsDocumented
from audit.rules.outage import OutagesPaired
from audit.rules.paid import PaidOnce
from audit.rules.reuse import AnswersTakenOver
from audit.rules.rule import Entry, Rule
from audit.rules.sample import Sample
from audit.rules.score import Score
from audit.rules.sending import AttemptsAndWaits, IntentFirst, QuietAfterRateLimit
from audit.rules.totals import PostsProcessed
from audit.rules.usage import MidWindowStart, WindowsUsed
from audit.rules.verdicts import NothingAfterVerdict, OneVerdict

__all__ = ["RULES", "Books", "Entry", "Finding", "Recent", "Rule"]

RULES: Final[tuple[type[Rule], ...]] = (
    AcceptedInWindow,
    NothingAfterVerdict,
    PaidOnce,
    AnswersTakenOver,
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
    IntentFirst,
    WindowsVouchedFor,
    WrittenAsDocumented,
    NoSecrets,
    ValidatorsAgree,
)
