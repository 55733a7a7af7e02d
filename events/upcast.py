"""Versions of event schemas, and the pure functions that read old ones. Bytes on disk stay as they were written.

When an event's fields change, its number in VERSIONS goes up by one and UPCASTERS gains the function that turns the
old ``data`` into the next version's. Readers apply them one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from events.catalogue import EVENTS

__all__ = ["UPCASTERS", "VERSIONS", "Upcaster", "upcast"]

Upcaster: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]

VERSIONS: Final[Mapping[str, int]] = {
    **dict.fromkeys(EVENTS, 1),
    "ActorStarted": 6,
    "AnalysisFailed": 4,
    "CheckpointSigned": 3,
    "GapDeclared": 2,
    "PostAnalyzed": 4,
    "PostsScraped": 4,
    "RateLimited": 2,
    "SettingsChanged": 4,
    "WindowsRevised": 2,
}


def _checkpoint_signed_1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 signed the chain's end without a list of hashes; the fold was at version 1."""
    return {"since": None, "hashes_sha256": None, "reducer": 1, **data}


def _actor_started_1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had neither budgets nor prices, and did not record how many pages a search might read: one."""
    prices = {
        "x_usd_per_post": 0.005,
        "x_usd_per_user": 0.010,
        "llm_usd_per_million_prompt_tokens": None,
        "llm_usd_per_million_completion_tokens": None,
    }
    budgets = {"max_search_pages": 1, "prices": prices, "max_x_usd_per_day": None, "max_llm_usd_per_day": None}
    return {**data, "policy": {**data["policy"], **budgets}}


def _checkpoint_signed_2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 did not name the journal that its list of hashes is of."""
    return {"journal": None, **data}


def _actor_started_2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 recorded neither the keywords nor the list of subnets; samples were random."""
    policy = {**data["policy"], "search_keywords": [], "sampling": "random"}
    return {**data, "policy": policy, "subnets_sha256": None}


def _policy_3(data: dict[str, Any]) -> dict[str, Any]:
    """ActorStarted version 3 and SettingsChanged version 1 had no ``block_s``; 12 s is the default."""
    return {**data, "policy": {**data["policy"], "block_s": 12.0}}


def _policy_4(data: dict[str, Any]) -> dict[str, Any]:
    """ActorStarted version 4 and SettingsChanged version 2: every search brought the authors."""
    return {**data, "policy": {**data["policy"], "author_cache_hours": 0}}


def _policy_5(data: dict[str, Any]) -> dict[str, Any]:
    """ActorStarted version 5 and SettingsChanged version 3: a search took what its window had room for, by time."""
    saving = {"posts_per_search": None, "search_since_newest": False}
    return {**data, "policy": {**data["policy"], **saving}}


def _gap_declared_1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 did not record what was paid for behind the gap."""
    return {**data, "salvage": {**data["salvage"], "spent": {}}}


def _post_analyzed_1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 reused no answers, and did not count the requests that failed."""
    return {**data, "failed_calls": 0, "reused_from": None}


def _analysis_failed_1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 did not count the requests that failed."""
    return {**data, "failed_calls": 0}


def _analyzed_2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 of both had no ``unmeasured_calls``: none of them if any tokens were counted, else every call."""
    measured = data["prompt_tokens"] or data["completion_tokens"]
    return {**data, "unmeasured_calls": 0 if measured else data["calls"]}


def _analyzed_3(data: dict[str, Any]) -> dict[str, Any]:
    """Version 3 of both had no ``repairs``, ``server`` and ``dropped``; the model was shown the whole text."""
    return {**data, "repairs": 0, "server": "", "dropped": [], "shown_chars": None}


def _posts_scraped_1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 did not count the pages that were lost after the first one."""
    return {**data, "lost_pages": 0}


def _posts_scraped_2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 checked no dates, and knew no other versions of a post: ``Post.edits`` is empty by default."""
    return {**data, "since": None}


def _posts_scraped_3(data: dict[str, Any]) -> dict[str, Any]:
    """Version 3 took no posts for later windows, and asked by time alone."""
    return {**data, "spare": 0, "since_id": None, "newest_id": None}


def _rate_limited_1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 ended with its wait, even where the window that ended it was none."""
    return {**data, "full": []}


def _windows_revised_1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 left places where they had been counted, though the window there was none."""
    return {**data, "taken": None}


UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {
    ("ActorStarted", 1): _actor_started_1,
    ("ActorStarted", 2): _actor_started_2,
    ("ActorStarted", 3): _policy_3,
    ("ActorStarted", 4): _policy_4,
    ("ActorStarted", 5): _policy_5,
    ("AnalysisFailed", 1): _analysis_failed_1,
    ("AnalysisFailed", 2): _analyzed_2,
    ("AnalysisFailed", 3): _analyzed_3,
    ("CheckpointSigned", 1): _checkpoint_signed_1,
    ("CheckpointSigned", 2): _checkpoint_signed_2,
    ("GapDeclared", 1): _gap_declared_1,
    ("PostAnalyzed", 1): _post_analyzed_1,
    ("PostAnalyzed", 2): _analyzed_2,
    ("PostAnalyzed", 3): _analyzed_3,
    ("PostsScraped", 1): _posts_scraped_1,
    ("PostsScraped", 2): _posts_scraped_2,
    ("PostsScraped", 3): _posts_scraped_3,
    ("RateLimited", 1): _rate_limited_1,
    ("SettingsChanged", 1): _policy_3,
    ("SettingsChanged", 2): _policy_4,
    ("SettingsChanged", 3): _policy_5,
    ("WindowsRevised", 1): _windows_revised_1,
}


def upcast(
    name: str,
    version: int,
    data: dict[str, Any],
    *,
    versions: Mapping[str, int] = VERSIONS,
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
) -> dict[str, Any]:
    """Lift ``data`` of event ``name`` from ``version`` to the current one.

    Raises:
        ValueError: The event or its version is unknown to this build, for example written by a newer one.
    """
    current = versions.get(name)
    if current is None:
        raise ValueError(f"unknown event {name!r}: was this journal written by a newer build?")
    if not 1 <= version <= current:
        raise ValueError(f"{name} version {version} is unknown, this build reads 1 to {current}: update user-miner")
    for step in range(version, current):
        data = upcasters[name, step](data)
    return data
