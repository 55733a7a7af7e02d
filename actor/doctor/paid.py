"""What only a paid question can tell: one real search of X, and one real question to the LLM with the rung it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from actor.analyzer import AnalysisError, make_strategy
from actor.compose import Model, build_analyzer
from actor.doctor.check import Check, failure, ok, warning
from actor.doctor.x import X_FIXES
from actor.edges.clock import SystemClock
from actor.edges.text import Redactor
from actor.edges.threads import in_daemon_thread
from actor.edges.x import PostScraper
from actor.llm_fixes import LLM_FIXES
from actor.ports import ScrapeError
from actor.settings import Settings
from events.prices import page_size, usd

__all__ = ["announcement", "llm_answer_checks", "x_search_checks"]

# About Bittensor, and about a subnet's work without its name: the model has something to choose from.
_POST: Final = "Upscaling and compression of video on Bittensor keeps getting better. Great work by its miners."
_POSTS: Final = page_size(1)


def announcement(settings: Settings) -> str:
    """What the paid questions cost at most, in one line."""
    search = usd(settings.prices().x_uusd(_POSTS, _POSTS))
    return (
        f"--paid asks X once, for up to {_POSTS} posts with their authors (up to ${search:.2f}), "
        f"and {settings.model} about one post (some 900 tokens, three times that where it answers badly or thinks)"
    )


async def x_search_checks(settings: Settings, *, timeout_s: float, redact: Callable[[str], str]) -> list[Check]:
    """The search that each window makes, as small as X allows."""
    scraper = PostScraper(
        bearer_token=settings.x_bearer_token.get_secret_value(),
        api_base=settings.x_api_base,
        clock=SystemClock(),
        timeout_s=timeout_s,
        total_timeout_s=timeout_s,
        redact=redact,
    )
    try:
        found = await scraper.scrape_posts(
            1, keywords=settings.search_keywords, max_pages=1, is_seen=lambda _post: False
        )
    except ScrapeError as error:
        return [failure("x-search", error.reason, X_FIXES.get(error.kind, "look at the network and at X_API_BASE"))]
    cost = usd(settings.prices().x_uusd(found.posts_read, found.users_read))
    read = f"read {found.posts_read} posts and {found.users_read} users, {found.unusable} without what is needed"
    if not found.posts:
        fix = "choose other SEARCH_KEYWORDS: these match nothing of the last three days that could be submitted"
        return [warning("x-search", f"{read} (${cost:.2f})", fix)]
    return [ok("x-search", f"{read} (${cost:.2f})")]


async def llm_answer_checks(settings: Settings, *, redact: Redactor) -> list[Check]:
    """One post analyzed as `run` does it, and the rung of the ladder of answer formats that the model stands on."""
    model = Model(
        base_url=settings.llm_base,
        api_key=settings.api_key.get_secret_value(),
        name=settings.model,
        timeout_s=settings.llm_timeout_seconds,
    )
    strategy = make_strategy(settings.analyzer, settings.registry())
    # In a thread: openai takes most of a second to import, in which nothing else could go on.
    analyzer = await in_daemon_thread(lambda: build_analyzer(strategy, model, redact), name="openai")
    try:
        answer = await analyzer.analyze(_POST)
    except AnalysisError as error:
        fix = LLM_FIXES.get(error.kind, "set MODEL and LLM_BASE to a model that answers questions with JSON")
        return [failure("llm-answer", error.reason, fix)]
    finally:
        await analyzer.aclose()
    calls = f"{1 + answer.failed_calls} request(s)" if answer.failed_calls else "one request"
    tokens = f"{answer.prompt_tokens} + {answer.completion_tokens} tokens"
    rung = f"{answer.rung} without {', '.join(answer.dropped)}" if answer.dropped else answer.rung
    return [ok("llm-answer", f"{settings.model} answers on the rung {rung} ({calls}, {tokens})")]
