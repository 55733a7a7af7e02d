"""What of a recorded slice matters: everything else is left out as long as what is left goes as it was recorded. Pure.

Nothing is known here about why a record matters. Each post, record and field of the starting state is left out in turn,
and stays out where the machine still makes every kept move and wants the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from actor.machine import INITIAL, State, step, wanted
from actor.testing.scenario import Moment, Scenario, Step, posts_of
from events import catalogue as ev
from events.codec import changed
from events.effects import Effect

__all__ = ["minimal"]

# A reader wants to know whose journal it was and under which settings, whether they mattered or not.
_TOLD: Final = frozenset({"state", "identity", "api_url", "running", "policy", "window"})


def minimal(scenario: Scenario, post_id: str | None = None) -> Scenario:
    """The slice without what does not matter.

    With ``post_id``, without the posts and records that change nothing for that post: what is left makes the recorded
    moves, wants the same of everything that is no single post's, and around each record about the post the machine
    knows the same of it and wants the same for every post that is left.

    Raises:
        DivergenceError: This build does not go as it was recorded.
    """
    slice_ = _Slice(scenario, post_id)
    if post_id is not None:
        slice_.leave_out_posts()
        slice_.leave_out_records()
    slice_.leave_out_fields()
    return slice_.scenario


@dataclass(frozen=True, slots=True)
class _Expected:
    """What was so in the whole slice around one record."""

    moment: Moment
    effects: tuple[Effect, ...]


class _Slice:
    def __init__(self, scenario: Scenario, post_id: str | None) -> None:
        self._whole = scenario
        self._post_id = post_id
        self._expected: Mapping[int, _Expected] = {
            moment.step.seq: _Expected(moment, wanted(moment.after)) for moment in scenario.moments()
        }
        self._posts: frozenset[str] = frozenset()
        self.scenario = replace(scenario, steps=tuple(_without_unchosen(s) for s in scenario.steps))

    def leave_out_posts(self) -> None:
        """Each of the others with all of its records; all of them at once, where that goes."""
        chosen = [p.post.id for p in self._whole.start.posts]
        chosen += [post.id for s in self._whole.steps if isinstance(s.event, ev.PostsScraped) for post in s.event.posts]
        others = [post_id for post_id in chosen if post_id != self._post_id]
        for posts in (others, *([post_id] for post_id in others)):
            if not self._posts.issuperset(posts):
                self._try(_without_posts(self.scenario, frozenset(posts)), self._posts.union(posts))

    def leave_out_records(self) -> None:
        """Each record that is about no post."""
        for found in reversed(self.scenario.steps):
            if not posts_of(found.event):
                steps = tuple(s for s in self.scenario.steps if s.seq != found.seq)
                self._try(replace(self.scenario, steps=steps), self._posts)

    def leave_out_fields(self) -> None:
        """Each field of the starting state."""
        for name in State.__struct_fields__:
            start = self.scenario.start
            if name not in _TOLD and getattr(start, name) != getattr(INITIAL, name):
                less = changed(start, **{name: getattr(INITIAL, name)})
                self._try(replace(self.scenario, start=less), self._posts)

    def _try(self, candidate: Scenario, posts: frozenset[str]) -> None:
        if self._goes_as_recorded(candidate, posts):
            self.scenario, self._posts = candidate, posts

    def _goes_as_recorded(self, candidate: Scenario, posts: frozenset[str]) -> bool:
        """``posts`` are those that are left out: nothing is wanted for them."""
        state = candidate.start
        for found in candidate.steps:
            try:
                after = step(state, found.event, found.at_ms)
                is_same = self._is_same(found, state, after, posts)
            except (ValueError, IndexError):  # refused, or a state to which no history leads
                return False
            if not is_same or (found.source, found.dest) != (state.state, after.state):
                return False
            state = after
        return True

    def _is_same(self, found: Step, before: State, after: State, posts: frozenset[str]) -> bool:
        expected, ours = self._expected[found.seq], wanted(after)
        if self._post_id is None:
            return ours == expected.effects
        if self._post_id not in posts_of(found.event):
            return _of_no_post(ours) == _of_no_post(expected.effects)
        moment = expected.moment
        is_known_as = before.pending(self._post_id) == moment.before.pending(self._post_id)
        is_left_as = after.pending(self._post_id) == moment.after.pending(self._post_id)
        kept = tuple(e for e in expected.effects if getattr(e, "post_id", None) not in posts)
        return is_known_as and is_left_as and ours == kept


def _of_no_post(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    return tuple(effect for effect in effects if not hasattr(effect, "post_id"))


def _without_unchosen(found: Step) -> Step:
    """A search without the candidates that the sample left aside: no decision of the machine reads them."""
    if not isinstance(found.event, ev.PostsScraped):
        return found
    return replace(found, event=changed(found.event, candidates=tuple(post.id for post in found.event.posts)))


def _without_posts(scenario: Scenario, posts: frozenset[str]) -> Scenario:
    start = scenario.start
    kept = tuple(p for p in start.posts if p.post.id not in posts)
    attempt = None if start.open is None or start.open.post_id in posts else start.open
    steps = tuple(_steps_without(scenario.steps, posts))
    return Scenario(start=changed(start, posts=kept, open=attempt), steps=steps)


def _steps_without(steps: Iterable[Step], posts: frozenset[str]) -> Iterable[Step]:
    for found in steps:
        event = found.event
        if isinstance(event, ev.PostsScraped):
            kept = tuple(post for post in event.posts if post.id not in posts)
            yield _without_unchosen(replace(found, event=changed(event, posts=kept)))
        elif not posts.intersection(posts_of(event)):
            yield found
