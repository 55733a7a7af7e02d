"""Two models, deterministic both; neither pretends to understand. One counts words, the other takes a digest.

A question is the last user message when it holds, on the line after a line `INPUT:`, a JSON object
{"candidates": [{"name": str, "functions": [str, ...]}, ...], "post": str}.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

import msgspec

__all__ = ["Candidate", "Question", "answer", "guess", "read_question"]

_WORD = re.compile(r"[$#@]?[\w']+")
_STOP = frozenset(
    {
        "about", "and", "are", "based", "bittensor", "decentralized", "for", "from", "into", "its", "model", "models",
        "network", "over", "platform", "provide", "provides", "providing", "subnet", "subnets", "system", "that",
        "the", "their", "this", "used", "user", "users", "using", "via", "with", "within",
    }
)  # fmt: skip
_TERMS = (
    "bittensor", "$tao", "tao", "subnet", "subnets", "dtao", "alpha", "validator", "validators", "miner", "miners",
    "emission", "emissions", "staking", "yuma", "root network", "halving",
)  # fmt: skip
_ABOUT = re.compile(r"\bbittensor\b|(?<!\w)\$tao\b|\bdtao\b|\bsubnets?\b|\bsn ?\d{1,3}\b", re.IGNORECASE)
_GOOD = frozenset(
    {
        "announced", "awesome", "best", "bullish", "demand", "excellent", "gain", "good", "great", "grow", "growing",
        "grows", "huge", "improved", "leads", "like", "live", "love", "milestone", "partnership", "progress", "record",
        "shipped", "strong", "up", "value", "win", "works", "🚀", "🔥", "💎", "📈",
    }
)  # fmt: skip
_BAD = frozenset(
    {
        "awful", "bearish", "broken", "brutal", "bug", "concern", "crash", "deregistered", "down", "dump", "exploit",
        "fail", "failing", "gamed", "hack", "lost", "overvalued", "problem", "scam", "silent", "terrible", "weak",
        "worried", "worst", "😡", "🙄", "📉",
    }
)  # fmt: skip
_STRONG = 2


class Candidate(msgspec.Struct, frozen=True):
    """A subnet on offer and what it does."""

    name: str
    functions: tuple[str, ...]


class Question(msgspec.Struct, frozen=True):
    """What the analyzer asks."""

    post: str
    candidates: tuple[Candidate, ...]


_QUESTION: Final = msgspec.json.Decoder(Question)
_SENTIMENTS: Final = ("very_bullish", "bullish", "neutral", "bearish", "very_bearish")


def read_question(text: str) -> Question | None:
    """The question within a message, or None when it does not follow the protocol."""
    lines = text.split("\n")  # not splitlines(): JSON may hold U+2028 as it is
    for at in range(len(lines) - 1, 0, -1):
        if lines[at - 1].strip() == "INPUT:":
            return _question(lines[at])
    return None


def answer(question: Question) -> dict[str, Any]:
    """The analysis: {about_bittensor, sentiment, subnets: [{name, functions, bittensor_terms}]}."""
    text = question.post.replace("\u200b", "")
    words = _words(text)
    about = _ABOUT.search(text) is not None
    terms = _terms(text)
    named = [_entry(candidate, text, words, terms) for candidate in question.candidates] if about else []
    return {
        "about_bittensor": about,
        "sentiment": _sentiment(text, words),
        "subnets": [entry for entry in named if entry is not None],
    }


def guess(question: Question) -> dict[str, Any]:
    """The same by the post's digest: any answer is as likely as another, and the same question has it for ever."""
    digest = hashlib.sha256(question.post.encode("utf-8", "replace")).digest()
    subnets = [
        {
            "name": candidate.name,
            "functions": list(range(min(digest[at % 32] % 3, 2))),
            "bittensor_terms": ["bittensor"],
        }
        for at, candidate in enumerate(question.candidates)
        if digest[(at + 7) % 32] % 2
    ]
    sentiment = _SENTIMENTS[digest[0] % len(_SENTIMENTS)]
    return {"about_bittensor": digest[1] > 20, "sentiment": sentiment, "subnets": subnets}  # noqa: PLR2004


def _question(line: str) -> Question | None:
    try:
        return _QUESTION.decode(line)
    except (ValueError, msgspec.DecodeError):
        return None


def _entry(candidate: Candidate, text: str, words: frozenset[str], terms: list[str]) -> dict[str, Any] | None:
    functions = [index for index, function in enumerate(candidate.functions) if _discussed(function, words)]
    if functions or _names(candidate.name, text):
        return {"name": candidate.name, "functions": functions, "bittensor_terms": terms}
    return None


def _discussed(function: str, words: frozenset[str]) -> bool:
    """Whether two telling words of a function occur, or its only one."""
    telling = {_stem(word) for word in _words(function) if len(word) > 3 and word not in _STOP}  # noqa: PLR2004
    if not telling:
        return False
    return len(telling & {_stem(word) for word in words}) >= min(2, len(telling))


def _names(name: str, text: str) -> bool:
    spelled = re.escape(name).replace("_", "[ _-]?")
    return re.search(rf"(?<!\w){spelled}(?!\w)", text, re.IGNORECASE) is not None


def _terms(text: str) -> list[str]:
    return [term for term in _TERMS if re.search(rf"(?<![\w$]){re.escape(term)}(?!\w)", text, re.IGNORECASE)]


def _sentiment(text: str, words: frozenset[str]) -> str:
    marks = {mark for mark in _GOOD | _BAD if not mark.isalpha() and mark in text}
    balance = len((words | marks) & _GOOD) - len((words | marks) & _BAD)
    if balance >= _STRONG:
        return "very_bullish"
    if balance <= -_STRONG:
        return "very_bearish"
    return {1: "bullish", 0: "neutral", -1: "bearish"}[balance]


def _words(text: str) -> frozenset[str]:
    return frozenset(word.lstrip("$#@") for word in _WORD.findall(text.casefold()))


def _stem(word: str) -> str:
    for ending in ("ization", "ations", "ation", "ings", "ing", "ers", "ies", "ed", "es", "er", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:  # noqa: PLR2004
            return word[: -len(ending)]
    return word
