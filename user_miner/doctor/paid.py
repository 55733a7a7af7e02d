"""What only a paid question can tell: one real search of X, and one real question to the LLM.

The question's answer is known, so it also tells what the model makes of a plain post.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from actor.analyzer import Analysis, AnalysisError, Study, make_strategy
from actor.analyzer.labelled import LabelledPost
from actor.analyzer.quality import PostOutcome, modelled
from actor.compose import Model, build_analyzer
from actor.edges.clock import SystemClock
from actor.edges.llm import import_client
from actor.edges.text import Redactor, place
from actor.edges.threads import in_daemon_thread
from actor.edges.x import PostScraper
from actor.machine.alarms import LLM_FIXES, X_FIXES
from actor.ports import ScrapeError
from actor.settings.model import Settings
from events.prices import page_size, usd
from user_miner.doctor.report import Check, failure, ok, warning

__all__ = ["announcement", "llm_answer_checks", "x_search_checks"]

# About Bittensor, and about a subnet's work without its name: the model has something to choose from.
_POST: Final = "Upscaling and compression of video on Bittensor keeps getting better. Great work by its miners."
_DISCUSSED: Final = {"vidaio": 0.7}
_SENTIMENT: Final = "bullish"
_POSTS: Final = page_size(1)


def announcement(settings: Settings, *, search: bool) -> str:
    """What the paid questions cost, in one line."""
    asked = (
        f"{settings.model} about one post (some 900 tokens, three times that where it answers badly, more if it thinks)"
    )
    if not search:
        return f"--llm asks {asked}"
    most = usd(settings.prices().x_uusd(_POSTS, _POSTS))
    return f"--paid asks X once, for up to {_POSTS} posts with their authors (up to ${most:.2f}), and {asked}"


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
        return [failure("x-search", error.reason, X_FIXES.get(error.kind, "check the network and X_API_BASE"))]
    cost = usd(settings.prices().x_uusd(found.posts_read, found.users_read))
    read = f"read {found.posts_read} posts and {found.users_read} users, {found.unusable} without what is needed"
    if not found.posts:
        fix = "choose other SEARCH_KEYWORDS: these match nothing of the last three days that could be submitted"
        return [warning("x-search", f"{read} (${cost:.2f})", fix)]
    return [ok("x-search", f"{read} (${cost:.2f})")]


async def llm_answer_checks(settings: Settings, *, redact: Redactor) -> list[Check]:
    """One post analyzed as `run` does it: how it was asked, what it took, and whether the answer is the known one."""
    model = Model(
        base_url=settings.llm_base,
        api_key=settings.api_key.get_secret_value(),
        name=settings.model,
        timeout_s=settings.llm_timeout_seconds,
    )
    strategy = make_strategy(settings.analyzer, settings.registry())
    analyzer = build_analyzer(strategy, model, redact)
    # In a thread: openai takes most of a second to import, in which nothing else could go on.
    await in_daemon_thread(import_client, name="openai")
    began_s = time.monotonic()
    try:
        answer = await analyzer.analyze(_POST)
    except AnalysisError as error:
        return [failure("llm-answer", f"{place(settings.llm_base)}: {error.reason}", LLM_FIXES[error.kind])]
    finally:
        await analyzer.aclose()
    took = ", ".join(_effort(settings, answer, time.monotonic() - began_s))
    found = f"{settings.model} answers on the rung {answer.way} ({took})"
    return [ok("llm-answer", found), _agreement(strategy.study(_POST), answer)]


def _effort(settings: Settings, answer: Analysis, latency_s: float) -> Iterator[str]:
    """What the answer took, and what a post will: its last request is how each later one begins."""
    unpaid = 1 + answer.failed_calls - answer.calls
    called = "one call" if answer.calls == 1 else f"{answer.calls} calls"
    yield f"{called} and {unpaid} unpaid request(s)" if unpaid else called
    yield f"{latency_s:.1f} s"
    if answer.unmeasured_calls:
        yield "no token counts, so costs and budgets cannot be computed"
        return
    yield f"{answer.prompt_tokens} + {answer.completion_tokens} tokens"
    calls = answer.calls / settings.analysis_votes
    cost = settings.prices().llm_uusd(round(answer.prompt_tokens / calls), round(answer.completion_tokens / calls))
    yield "no prices of tokens are set" if cost is None else f"${usd(cost):.6f} a post"


def _agreement(study: Study, answer: Analysis) -> Check:
    """The answer against the known one, compared as validators compare.

    Of another list of subnets, and where no topics are asked for, only the sentiment is known.
    """
    is_known = _DISCUSSED.keys() <= {subnet.name for subnet in study.candidates}
    post = LabelledPost(
        line=1,
        kind="",
        text=_POST,
        direct=frozenset(subnet.name for subnet in study.direct),
        discussed=_DISCUSSED if is_known else answer.tokens,
        sentiment=_SENTIMENT,
    )
    found = modelled([PostOutcome(post=post, study=study, analysis=answer)])
    differences = found.disagreements if found is not None else ()
    if not differences:
        return ok("llm-known", "relevance and sentiment equal the known answer")
    told = "; ".join(f"{one.what} is {one.found}, expected {one.expected}" for one in differences)
    fix = "test it on more posts (`user-miner evaluate FILE --live`); where it is weak, set MODEL to a better one"
    return warning("llm-known", f"the answer differs from the known one: {told}", fix)
