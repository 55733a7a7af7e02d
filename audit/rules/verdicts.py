"""I2 and I4: a post is sent until it has its verdict, and it gets exactly one."""

from __future__ import annotations

from collections.abc import Iterator

from audit.feedback import Feedback
from audit.filters import RECENT_POSTS, Recent
from audit.rules.begun import Beginning
from audit.rules.book_entries import PostBook
from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev

__all__ = ["NothingAfterVerdict", "OneVerdict", "PostsProcessed", "ValidatorsAgree"]


class NothingAfterVerdict(Rule):
    """I2. R6 and R7 judge posts that were left out."""

    name = "I2"
    demands = "nothing is sent for a post after its final verdict, nor for another version of it"
    lacks = "posts that the miner had forgotten by then"
    events = (ev.SubmissionStarted,)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Is the post settled?"""
        event = entry.event
        if not isinstance(event, ev.SubmissionStarted):
            return
        books = entry.books
        post = books.pending.get(event.post_id)
        others = (books.versions.get(event.post_id, ""), *(() if post is None else post.post.edits))
        for version in dict.fromkeys((event.post_id, *others)):
            settled = books.settled.get(version)
            if settled is not None and settled.verdict != "left out":
                other = "" if version == event.post_id else f" as {version}"
                found = f"a submission of a post that is {settled.verdict}{other}"
                yield self.finding(entry, settled.seq, found=found, expected="none")
                return


class OneVerdict(Rule):
    """I4. Accepted, rejected, abandoned or left out; or pending, but not for ever and not without its analysis."""

    name = "I4"
    demands = "every scraped post gets exactly one verdict, or is pending"
    lacks = "how long posts waited before"
    events = (
        ev.SubmissionAccepted,
        ev.SubmissionRejected,
        ev.PostAbandoned,
        ev.PostsScraped,
        ev.ScrapeFailed,
        ev.AuthorsLookedUp,
        ev.AuthorLookupFailed,
        ev.BudgetSpent,
        ev.SubmissionStarted,
    )

    def __init__(self) -> None:
        self._said: Recent[str, int] = Recent(RECENT_POSTS)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """A verdict, or work on a window that leaves earlier posts behind."""
        event = entry.event
        if isinstance(event, ev.SubmissionAccepted | ev.SubmissionRejected | ev.PostAbandoned):
            yield from self._verdict(entry, event.post_id)
        elif (number := getattr(event, "window", None)) is not None:
            window = entry.books.windows.get(number)
            if window is not None and window is not entry.books.worked:
                for post_id, post in entry.books.pending.items():
                    yield from self._left_behind(entry, post_id, post)

    def _verdict(self, entry: Entry, post_id: str) -> Iterator[Finding]:
        books = entry.books
        if post_id in books.pending:
            return
        settled = books.settled.get(post_id)
        if settled is None:
            yield self.finding(
                entry,
                found=f"{entry.record.name} of a post that no search chose",
                expected="a verdict of a chosen post",
            )
        else:
            yield self.finding(
                entry,
                settled.seq,
                found=f"{entry.record.name} of a post that is {settled.verdict}",
                expected="one verdict",
            )

    def _left_behind(self, entry: Entry, post_id: str, post: PostBook) -> Iterator[Finding]:
        """Find a post that waits too long, or without an analysis.

        It is put off at most max_carried_windows + 1 times before it is abandoned. Each time it may miss two windows,
        for a newer one may open in the middle of the work on one; the window that it was chosen for counts as well.
        """
        books = entry.books
        limit = 2 * (books.policy.max_carried_windows + 1) + 1
        passed = books.worked_count - post.worked + 1
        waits = post.held if post.post.author else post.seq  # without an author nothing is analyzed
        judged = post.analysis or waits
        if post_id in self._said or (judged is not None and passed <= limit):
            return
        self._said[post_id] = post.seq
        last = post.attempts[-1].seq if post.attempts else judged or post.seq
        what = "no analysis" if judged is None else f"no verdict after work on {passed} later windows"
        yield self.finding(
            entry,
            post.seq,
            last,
            found=f"{what}, and work on another window begins",
            expected="an analysis" if judged is None else f"a verdict within {limit} windows",
            post_id=post_id,
        )


class PostsProcessed(Rule):
    """R14."""

    name = "R14"
    demands = "posts_processed at a stop is the number of accepted posts since the journal began"
    lacks = ""
    events = (ev.ActorStopped,)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Compare with the count of verdicts."""
        event, accepted = entry.event, entry.books.accepted
        if isinstance(event, ev.ActorStopped) and event.posts_processed != accepted:
            yield self.finding(entry, found=f"posts_processed {event.posts_processed}", expected=f"{accepted}")


class ValidatorsAgree(Rule):
    """A judged post that was never sent from here may mean that somebody else sends under the same hotkey."""

    name = "validators"
    demands = "validators judge posts that were sent, and agree on them"
    lacks = "whether a post was sent before, and what was told of it before"
    events = (ev.SubmissionStarted, ev.GapDeclared, ev.ValidationObserved)

    def __init__(self) -> None:
        self._feedback = Feedback(whole=True)
        self._said: Recent[str, None] = Recent(RECENT_POSTS)

    def begin(self, begun: Beginning) -> None:
        """Which posts were sent before is not known."""
        super().begin(begun)
        self._feedback = Feedback()

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Each post is told of once."""
        event = entry.event
        if event is None:
            return
        if isinstance(event, ev.ValidationObserved) and event.post_id not in self._said:
            for finding in self._judge(entry, event):
                self._said[event.post_id] = None
                yield finding
        self._feedback.take(entry.record, event)

    def _judge(self, entry: Entry, event: ev.ValidationObserved) -> Iterator[Finding]:
        if self._feedback.is_strange(event.post_id):
            found = "a judgement of a post that this journal never sent"
            yield self.finding(entry, found=found, expected="one of a post that was sent", kind="note")
        elif (known := self._feedback.posts.get(event.post_id)) is not None:
            other = next((told for told in known.judgements.values() if told.event.passed != event.passed), None)
            if other is not None:
                whose = "the same validator" if other.event.validator == event.validator else "another validator"
                now, before = ("confirmed", "refused") if event.passed else ("refused", "confirmed")
                found = f"a post is {now} that {whose} {before}"
                yield self.finding(entry, other.seq, found=found, expected="one judgement", kind="note")
