"""Thoughts are not answers: what a model says after it has thought. Pure; it never looks at what was said.

Models put their thoughts between marks of many spellings. Thoughts that were never closed leave nothing: what stands in
them may be a draft, and so may what stands before.
"""

from __future__ import annotations

import re
from typing import Final

from actor.analyzer.marks import plain

__all__ = ["UnfinishedError", "after_thoughts"]

_NAMES: Final = (
    r"(?:\w{1,40}?[:_-])?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflect(?:ions?|ing)?|scratch_?pad|analysis|"
    r"deliberat(?:ion|e)|chain[_-]?of[_-]?thoughts?|cot|monologue|plan(?:ning)?|brain_?storm(?:ing)?|drafts?|drafting|"
    r"rationale|ponder(?:ing)?|contemplat(?:ion|or|ing)|critique|working)(?:[_-](?:process|steps?|trace|out))?"
)
# <think>, </think>, <seed:think>, [THINK], [/THINK], ◁think▷, ◁/think▷, <|START_THINKING|>, <|END_THINKING|>,
# <|begin_of_thought|>, <|thinking_end|>, <|inner_prefix|>, <|inner_suffix|>, and <|channel>thought, which <channel|>
# closes; as `plain` writes them.
_MARK: Final = re.compile(
    rf"<\s*\|?\s*(?P<end>/|END_(?:OF_)?)?(?:(?:START|BEGIN)_(?:OF_)?)?(?P<name>{_NAMES})"
    r"(?:_(?:START|BEGIN|(?P<stop>END)))?(?:\s[^<>]{0,80})?\s*\|?>"
    r"|\[\s*(?P<shut>/|END[ _](?:OF[ _])?)?(?:(?:START|BEGIN)[ _](?:OF[ _])?)?"
    r"(?P<square>think(?:ing)?|thoughts?|reasoning|scratchpad)\s*\]"
    r"|(?P<inner><\|inner_prefix\|>)|(?P<outer><\|inner_suffix\|>)"
    rf"|(?P<channel><\|channel>\s*{_NAMES}\b)|(?P<left><channel\|>)"
    r"|(?P<process>^\s*(?:Here(?:'s| is) my thought process:|Thinking\.\.\.\s*\n))"
    r"|(?P<response>Here(?:'s| is) my response:|\.\.\.done thinking\.?)",
    re.IGNORECASE,
)
_CLOSED_BY: Final = {"outer": "inner", "left": "channel", "response": "process"}
# Answers in channels: only the last channel named "final" speaks to the reader.
_CHANNEL: Final = re.compile(
    r"<\|channel\|>\s*(\w+)[^<]{0,80}(?:<\|constrain\|>[^<]{0,40})?<\|message\|>", re.IGNORECASE
)
_CHANNEL_END: Final = re.compile(r"<\|(?:end|return|call|start)\|>", re.IGNORECASE)
# The same where a server left the marks out.
_BARE_CHANNEL: Final = re.compile(r"\s*(?:assistant)?(?:analysis|commentary)(?=[A-Z]|\s*[{`])")
_BARE_FINAL: Final = "assistantfinal"


class UnfinishedError(Exception):
    """Thoughts that no mark ends."""


def after_thoughts(text: str) -> str:
    """What follows the thoughts; the whole text when there are none.

    Raises:
        UnfinishedError: The thoughts do not end.
    """
    text = text.lstrip("\ufeff \t\r\n")
    if _CHANNEL.search(text) or "<|channel|>" in text:
        return _final_channel(text)
    if _BARE_CHANNEL.match(text):
        _, found, text = text.rpartition(_BARE_FINAL)
        if not found:
            raise UnfinishedError
    return text[_end_of_thoughts(plain(text)) :]


def _final_channel(text: str) -> str:
    channels = list(_CHANNEL.finditer(text))
    if not channels or channels[-1][1].lower() != "final":
        raise UnfinishedError
    return _CHANNEL_END.split(text[channels[-1].end() :])[0]


def _end_of_thoughts(text: str) -> int:
    """Where the last thoughts end. An end without a beginning ends thoughts that the server began for the model."""
    opened: list[str] = []
    end = 0
    for mark in _MARK.finditer(text):
        kind = str(mark.lastgroup)
        named = mark["name"] or mark["square"]
        name = named.lower() if named else _CLOSED_BY.get(kind, kind)
        if not (mark["end"] or mark["stop"] or mark["shut"] or kind in _CLOSED_BY):
            if name not in opened:  # thoughts do not nest in their own kind: the model speaks of the mark
                opened.append(name)
            continue
        if name in opened:
            del opened[opened.index(name) :]
        if not opened:
            end = mark.end()
    if opened:
        raise UnfinishedError
    return end
