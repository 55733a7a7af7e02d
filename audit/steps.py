"""What a step of a journal has to do with: which windows it belongs to, which posts it concerns. Pure."""

from __future__ import annotations

from actor.machine import State
from audit.history import Step
from events import catalogue as ev

__all__ = ["concerns", "is_worked_on", "opens_window", "resumes_window", "windows_of"]


def is_worked_on(state: State) -> bool:
    """Whether the work of ``state.window`` goes on: a search is due, or a post neither has a verdict nor is put off."""
    return state.window is not None and (state.to_scrape > 0 or not all(p.deferred for p in state.posts))


def opens_window(step: Step) -> bool:
    """Whether the work of another window begins with this step."""
    window = step.after.window
    if window is None or window is step.before.window or isinstance(step.event, ev.GapDeclared):
        return False  # behind a gap the newest window counts as spent
    return window != step.before.window


def resumes_window(step: Step) -> bool:
    """Whether the work of a window that had ended goes on with this step, for posts that were held in it."""
    return step.after.window == step.before.window and is_worked_on(step.after) and not is_worked_on(step.before)


def windows_of(step: Step) -> frozenset[int]:
    """Numbers of the windows that a step belongs to: the one it is work of, the one it names, the one it opens."""
    numbers = set()
    before, after, event = step.before.window, step.after.window, step.event
    if before is not None and (is_worked_on(step.before) or isinstance(event, ev.CheckpointSigned)):
        numbers.add(before.number)
    if after is not None and (is_worked_on(step.after) or opens_window(step)):
        numbers.add(after.number)
    if (named := getattr(event, "window", None)) is not None:
        numbers.add(named)
    return frozenset(numbers)


def concerns(step: Step, post_id: str) -> bool:
    """Whether a step names the post, or changes what is known of it."""
    event = step.event
    if isinstance(event, ev.PostsScraped):
        return post_id in event.candidates
    if getattr(event, "post_id", None) == post_id:
        return True
    if isinstance(event, ev.ActorStarted) and step.before.open is not None:
        return step.before.open.post_id == post_id  # the answer to its attempt is lost
    if isinstance(event, ev.GapDeclared) and post_id in event.salvage.settled:
        return True
    return step.before.posts is not step.after.posts and step.before.pending(post_id) != step.after.pending(post_id)
