"""I3, the bills and ruling 21: what was searched and asked, what it cost, and what a refusal holds back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from actor.machine import norm_text
from events import catalogue as ev
from sandbox.services import Chat, Lookup, Search, World
from user_miner.simulation.oracles.oracle import Oracle, Told
from user_miner.simulation.plan import Violation

__all__ = ["ON_THE_WAY_S", "AuthorsOnce", "ChatsOnce", "Held", "SearchesOnce", "is_held"]

_SEARCHES: Final = (ev.PostsScraped, ev.ScrapeFailed, ev.BudgetSpent)
_ANALYSES: Final = (ev.PostAnalyzed, ev.AnalysisFailed)
# A request may still be on its way when the one who sent it gives up, in a world of the usual pace.
ON_THE_WAY_S: Final = 4.0
_HOUR_S: Final = 3_600
# A record comes a while after the answer, should the host have slept.
_SEARCH_S: Final = 60.0
# Billed, and the answer does not tell or cannot be read.
_UNREADABLE: Final = frozenset({"list_body", "null_usage"})


def is_held(event: ev.PostAnalyzed | ev.AnalysisFailed, told: Told) -> bool:
    """Whether it is a refusal that has the post wait, to be asked about again."""
    refused = isinstance(event, ev.AnalysisFailed) and event.kind in ev.CONFIGURATION
    return refused and told.before.policy.on_analysis_error == "hold"


class _Once(Oracle):
    """What is paid for is asked once."""

    def is_repeated(self, arrival: Search | Lookup | Chat, answer: Told) -> bool:
        """Whether a request left after its answer was on record."""
        on_the_way_s = ON_THE_WAY_S * self.world.habits.slowness
        return arrival.life > answer.life or arrival.at_s > answer.at_s + on_the_way_s


class SearchesOnce(_Once):
    """I3 for searches, window by window, and what X billed for them."""

    EVENTS = (*_SEARCHES, ev.EffectCrashed, ev.ActorStarted)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._answers: dict[int, Told] = {}
        self._paid: list[Search] = []

    def searched(self, arrival: Search, last: Told | None) -> Iterator[Violation]:
        """Is the answer on record?"""
        if last is None or arrival.life < last.life:
            return
        self._paid.append(arrival)
        window = last.after.window
        answer = None if window is None else self._answers.get(window.start_block)
        if answer is not None and self.is_repeated(arrival, answer):
            text = f"X was searched again at {arrival.at_s:.1f} s; the answer stands in record {answer.record.seq}"
            yield Violation(rule="I3", text=text, seq=last.record.seq)
        elif window is None or not last.after.to_scrape:
            text = f"X was searched at {arrival.at_s:.1f} s, and no search was due"
            yield Violation(rule="I3", text=text, seq=last.record.seq)

    def told(self, told: Told) -> Iterator[Violation]:
        """An answer spends its window, and tells what it cost."""
        event, window = told.event, told.before.window
        if isinstance(event, _SEARCHES) and window is not None:
            self._answers[window.start_block] = told
        if isinstance(event, ev.PostsScraped):
            answered = [search for search in self._paid if search.delivered_s is not None]
            billed = sum(len(search.posts) for search in answered), sum(search.users for search in answered)
            recorded = event.posts_read, event.users_read
            unreadable = any(search.fault in _UNREADABLE for search in answered)
            if recorded != billed and not (unreadable and recorded <= billed):
                text = (
                    f"X billed {billed[0]} posts and {billed[1]} users, on record are {recorded[0]} and {recorded[1]}"
                )
                yield Violation(rule="bill", text=text, seq=told.record.seq)
        if not isinstance(event, ev.EffectCrashed) or event.effect.startswith("ScrapeWindow"):
            self._paid.clear()


class AuthorsOnce(_Once):
    """I3 for authors: whoever was told is not asked for again within the hours of the policy, through any crash.

    The hours are those by the host's clock, so worlds that disturb it are left out. Nobody is asked for who is not due,
    and what X billed is on record.
    """

    EVENTS = (ev.AuthorsLookedUp, ev.AuthorLookupFailed, ev.PostsScraped, ev.EffectCrashed, ev.ActorStarted)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._told: dict[str, Told] = {}
        self._hours = 0  # of the policy under which the last search chose
        self._paid: list[Lookup] = []
        self._failed: Told | None = None

    def looked_up(self, arrival: Lookup, last: Told | None) -> Iterator[Violation]:
        """Is who that is on record?"""
        if last is None or arrival.life < last.life:
            return
        self._paid.append(arrival)
        failed = self._failed
        if failed is not None and failed.before.window == last.after.window and self.is_repeated(arrival, failed):
            text = f"X was asked for authors again at {arrival.at_s:.1f} s, in the window of the failure of record"
            yield Violation(rule="authors", text=f"{text} {failed.record.seq}", seq=last.record.seq)
        hours = min(self._hours, last.after.policy.author_cache_hours)
        jumped = self._jumped()
        for author_id in arrival.users:
            told = self._told.get(author_id)
            if told is None or jumped or arrival.at_s - told.at_s >= hours * _HOUR_S:
                continue
            if self.is_repeated(arrival, told):
                text = f"X was asked for author {author_id} again at {arrival.at_s:.1f} s"
                yield Violation(
                    rule="I3", text=f"{text}; record {told.record.seq} tells who that is", seq=last.record.seq
                )

    def told(self, told: Told) -> Iterator[Violation]:
        """Who is known now, and what it cost."""
        event = told.event
        if isinstance(event, ev.PostsScraped):
            self._hours = told.before.policy.author_cache_hours
            yield from self._known(event, told)
        elif isinstance(event, ev.AuthorLookupFailed):
            self._failed = told
        elif isinstance(event, ev.AuthorsLookedUp):
            self._told |= dict.fromkeys((author.id for author in event.authors), told)
            answered = [lookup for lookup in self._paid if lookup.delivered_s is not None]
            billed = sum(len(lookup.users) for lookup in answered)
            if event.users_read != billed:
                text = f"X billed {billed} users, on record are {event.users_read}"
                yield Violation(rule="bill", text=text, seq=told.record.seq)
        if not isinstance(event, ev.EffectCrashed) or event.effect.startswith("LookUpAuthors"):
            self._paid.clear()

    def _known(self, event: ev.PostsScraped, told: Told) -> Iterator[Violation]:
        """Whoever is named in a search without authors was told within the hours."""
        for post in event.posts if self._hours and not event.users_read else ():
            known = self._told.get(post.author_id)
            if not post.author or self._jumped():
                continue
            if known is None or told.at_s - known.at_s > self._hours * _HOUR_S + _SEARCH_S:
                text = f"post {post.id} names author {post.author_id}, whom X did not tell of in {self._hours} hours"
                yield Violation(rule="authors", text=text, seq=told.record.seq)

    def _jumped(self) -> bool:
        return any(d.place == "clock" for d in self.world.weather.happened)


class ChatsOnce(_Once):
    """I3 for analyses, text by text, and what the model billed for them. No two posts of a world have the same text."""

    EVENTS = (ev.PostsScraped, *_ANALYSES, ev.EffectCrashed, ev.ActorStarted)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._posts: dict[str, str] = {}
        self._chosen: set[str] = set()
        self._answers: dict[str, Told] = {}
        self._paid: dict[str, list[Chat]] = {}

    def asked_model(self, arrival: Chat, last: Told | None) -> Iterator[Violation]:
        """Is the answer on record?"""
        if last is None or arrival.life < last.life:
            return
        post_id = self._posts.get(arrival.text)
        if post_id is None:
            yield Violation(rule="I3", text=f"the model was asked about an unknown text: {arrival.text[:60]!r}")
            return
        self._paid.setdefault(post_id, []).append(arrival)
        answer = self._answers.get(post_id)
        if answer is not None and self.is_repeated(arrival, answer):
            text = f"the model was asked again about post {post_id} at {arrival.at_s:.1f} s"
            text += f"; the answer stands in record {answer.record.seq}"
            yield Violation(rule="I3", text=text, seq=last.record.seq)

    def told(self, told: Told) -> Iterator[Violation]:
        """An answer settles its text, and tells what it cost."""
        event = told.event
        if isinstance(event, ev.PostsScraped):
            for post in event.posts:
                original = self.world.ledger.original(post.id)
                if original in self._chosen:
                    yield Violation(rule="I2", text=f"post {post.id} was chosen a second time", seq=told.record.seq)
                self._chosen.add(original)
                self._posts[norm_text(post.content)] = post.id
        elif isinstance(event, _ANALYSES):
            if not is_held(event, told):
                self._answers[event.post_id] = told
            yield from self._bill(event, told)
        elif isinstance(event, ev.EffectCrashed) and event.post_id is not None:
            self._paid.pop(event.post_id, None)
        elif isinstance(event, ev.ActorStarted):
            self._paid.clear()

    def _bill(self, event: ev.PostAnalyzed | ev.AnalysisFailed, told: Told) -> Iterator[Violation]:
        answered = [chat for chat in self._paid.pop(event.post_id, ()) if chat.delivered_s is not None]
        billed = sum(chat.prompt_tokens for chat in answered), sum(chat.completion_tokens for chat in answered)
        recorded = event.prompt_tokens, event.completion_tokens
        partly = isinstance(event, ev.AnalysisFailed) or any(chat.fault in _UNREADABLE for chat in answered)
        if recorded != billed and not (partly and recorded[0] <= billed[0] and recorded[1] <= billed[1]):
            text = f"the model billed {billed} tokens for post {event.post_id}, on record are {recorded}"
            yield Violation(rule="bill", text=text, seq=told.record.seq)


# A post may be carried into 3 later windows, and another one may open during the work on each.
_LONGEST_WINDOWS: Final = 9


class Held(Oracle):
    """Nothing is sent unjudged or forgotten, and a first refusal keeps a window's others from being asked about."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._waits: dict[str, int] = {}  # posts without a judgement: windows begun since a refusal, -1 before one
        self._asked = False  # an answer came since the work on the window, or the process, began
        self._refused: Told | None = None  # the first answer since then

    def asked_model(self, arrival: Chat, last: Told | None) -> Iterator[Violation]:
        """Did the server refuse already?"""
        refused = self._refused
        if last is None or refused is None or arrival.life != last.life:
            return
        if arrival.at_s > refused.at_s + ON_THE_WAY_S * self.world.habits.slowness:
            text = f"the model was asked at {arrival.at_s:.1f} s, after the refusal of record {refused.record.seq}"
            yield Violation(rule="hold", text=text, seq=last.record.seq)

    def told(self, told: Told) -> Iterator[Violation]:
        """Refusals, and what becomes of the posts."""
        event = told.event
        if isinstance(event, ev.PostsScraped):
            self._waits |= dict.fromkeys((post.id for post in event.posts), -1)
        elif isinstance(event, ev.PostAnalyzed | ev.AnalysisFailed):
            self._answer(event, told)
        elif isinstance(event, ev.SubmissionStarted) and event.post_id in self._waits:
            text = f"post {event.post_id} is sent without an analysis"
            yield Violation(rule="hold", text=text, seq=told.record.seq)
        elif isinstance(event, ev.SettingsChanged):
            # What was asked about under other settings may have been asked about at the same time.
            self._asked, self._refused = told.before.state != "WaitingForWindow", None
        if isinstance(event, ev.ActorStarted) or told.after.window != told.before.window:
            self._asked, self._refused = False, None
        if told.after.window != told.before.window:
            yield from self._pass_on(told)

    def _answer(self, event: ev.PostAnalyzed | ev.AnalysisFailed, told: Told) -> None:
        held = is_held(event, told)
        if held:
            self._waits = {post_id: max(0, windows) for post_id, windows in self._waits.items()}
            self._waits[event.post_id] = 0
        else:
            self._waits.pop(event.post_id, None)
        if isinstance(event, ev.AnalysisFailed) or event.reused_from is None:
            self._refused = told if held and not self._asked else self._refused
            self._asked = True

    def _pass_on(self, told: Told) -> Iterator[Violation]:
        """A held post is asked about again, or given up, in as many windows as any post may be carried into."""
        pending = {post.post.id for post in told.after.posts}
        self._waits = {i: windows + (windows >= 0) for i, windows in self._waits.items() if i in pending}
        for post_id, windows in self._waits.items():
            if windows > _LONGEST_WINDOWS:
                text = f"post {post_id} is held, and nothing became of it in {windows} windows"
                yield Violation(rule="hold", text=text, seq=told.record.seq)
