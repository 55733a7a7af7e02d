"""Why a model's answer ended, and what in a message is no answer, in the many spellings of servers. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

from actor.edges.told import told

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["THOUGHT_FIELDS", "End", "end_of", "has_thought", "is_error", "refusal_in", "text_of"]

End = Literal["", "cut off", "filtered", "broken"]
"""Whole as far as the server says; at a limit; by a filter; by a failure of the server."""

_REASONS: Final = ("finish_reason", "native_finish_reason", "finishReason", "stop_reason", "finish_details")
# Looked for in a reason without case and separators, in this order: ERROR_TOXIC is a filter, ERROR_LIMIT a limit.
_ENDS: Final[tuple[tuple[End, re.Pattern[str]], ...]] = (
    (
        "filtered",
        re.compile(
            r"filter|safety|prohibit|recitation|block(ed|list)|refus|declin|sensitive|spii|toxic|moderat|policy|violat|guardrail|"
            r"flagged|censor|harm|copyright|jailbreak|^language$"
        ),
    ),
    (
        "cut off",
        re.compile(r"length|limit|max(imum)?(new|output|completion)?token|truncat|incomplete|contextwindow|maxtime"),
    ),
    (
        "broken",
        re.compile(r"error|abort|cancel|timeout|timedout|interrupt|insufficient|fail|disconnect|malformed|preempt"),
    ),
)
_MAX_REASON_CHARS: Final = 60
_SEPARATORS: Final = re.compile(r"[\W_]+")
_TEXT_PARTS: Final = frozenset({"none", "text", "output_text"})
_THOUGHT: Final = re.compile(r"thought|think|reason", re.IGNORECASE)
_OWN_ROLES: Final = frozenset({"assistant", "model", "ai", "bot", "chatbot", "none", ""})
_ASIDE: Final = frozenset({"analysis", "commentary", "thought", "thoughts", "thinking", "reasoning"})
_THOUGHT_MARK: Final = re.compile(r"(is_?)?(thoughts?|thinking|reasoning)", re.IGNORECASE)  # no signature of thoughts
THOUGHT_FIELDS: Final = ("reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks")
_FINE: Final = frozenset({"", "success", "ok", "none", "no error", "null"})
_FINE_CODES: Final = frozenset({"success", "ok", "200"})


def end_of(choice: dict[str, Any]) -> tuple[End, str | None]:
    """How the answer ended, and the reason that says so: as the server put it, None when it gave none."""
    reasons = list(_reasons(choice))
    for end, words in _ENDS:
        for reason in reasons:
            if words.search(_SEPARATORS.sub("", reason).lower()):
                return end, reason
    return "", reasons[0] if reasons else None


def _reasons(choice: dict[str, Any]) -> Iterator[str]:
    """A router's own word first, then that of the server behind it."""
    for name in _REASONS:
        reason = choice.get(name)
        reason = reason.get("type") if isinstance(reason, dict) else reason
        if isinstance(reason, str) and reason.strip():
            yield " ".join(reason.split())[:_MAX_REASON_CHARS]


def text_of(message: dict[str, Any]) -> str:
    """What the model itself says in a message, which some servers send in parts; thoughts are none of it."""
    if not _speaks(message):
        return ""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in _parts(message) if _is_text(part)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _speaks(message: dict[str, Any]) -> bool:
    """Whether a message is the model's own answer, by its role and its marks."""
    role = str(message.get("role")).strip().lower()
    return role in _OWN_ROLES and not _is_marked(message, any_value=False)


def has_thought(message: dict[str, Any]) -> bool:
    """Whether a message tells thoughts apart, in a field or in a part."""
    if _is_marked(message, any_value=False):
        return True
    return any(message.get(name) for name in THOUGHT_FIELDS) or any(map(_is_thought, _parts(message)))


def refusal_in(message: dict[str, Any]) -> bool:
    """Whether the model says, in the field or in a part, that it will not answer."""
    return bool(message.get("refusal")) or any(
        _type(part) == "refusal" or (part.get("refusal") and part.get("type") is None) for part in _parts(message)
    )


def is_error(value: Any) -> bool:
    """Whether what stands in a field `error` beside an answer tells of one; some servers write that all is well."""
    if not value or value is True:
        return value is True
    found = told(value)
    if found.words:
        return found.words.strip(" .!").lower() not in _FINE
    return any(code.lower() not in _FINE_CODES for code in found.codes)


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _type(part: dict[str, Any]) -> str:
    return str(part.get("type")).strip().lower()


def _is_text(part: dict[str, Any]) -> bool:
    return _type(part) in _TEXT_PARTS and not _is_thought(part)


def _is_thought(part: dict[str, Any]) -> bool:
    """By its type, or by a mark."""
    return bool(_THOUGHT.search(_type(part))) or _is_marked(part, any_value=True)


def _is_marked(said: dict[str, Any], *, any_value: bool) -> bool:
    """Whether a mark on a message or a part calls it a thought, such as "thought": true or "channel": "analysis".

    Args:
        said: The message or part.
        any_value: A field of such a name is one whatever it holds; in a message it may hold thoughts beside an answer.
    """
    if any(str(said.get(name)).strip().lower() in _ASIDE for name in ("channel", "phase")):
        return True
    extra = said.get("extra_content")
    marks = (
        [said, *(inner for inner in extra.values() if isinstance(inner, dict))] if isinstance(extra, dict) else [said]
    )
    return any(
        (value is True or (any_value and value)) and _THOUGHT_MARK.fullmatch(name)
        for found in marks
        for name, value in found.items()
    )
