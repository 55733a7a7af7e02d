"""Words by which a model says that it did not judge the post: that it saw none, cannot, or shows a form. Pure."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["declines"]

_POST: Final = r"(?:post|tweet|text|message|input|content)\b(?! of\b)"
_JUDGE: Final = (
    r"(?:analy[sz]e|judge|assess|determine|evaluate|help|assist|provide|process|access|read|classify|rate|comply|complete|"
    r"answer|respond|fulfil+|continue|engage)\b"
)
_CANNOT: Final = r"(?:cannot|can ?not|can't|could not|couldn't|unable to|not able to)"
_DECLINES: Final = re.compile(
    rf"\b(?:i|we)(?: am|'m| are|'re)? {_CANNOT} (?:\w+ )?{_JUDGE}|"
    rf"\b(?:{_CANNOT}|do not|don't|did not|didn't) (?:see|find|have|open) "
    rf"(?:an?|any|the|your|access to) (?:\w+ )?{_POST}|"
    rf"\b(?:unable|impossible|not able|not possible|failed) to {_JUDGE}|"
    rf"\b{_CANNOT} be (?:determined|read|opened|judged|assessed|analy[sz]ed|classified|evaluated)\b|"
    rf"(?:^|[.!?]\s|\b(?:please|kindly|you|you to)\s)\W{{0,8}}(?:provide|send|share|paste|supply|give|insert|enter) "
    rf"(?:me |us )?(?:the |a |your )?(?:(?!next|another|other|more)\w+ )?{_POST}|"
    rf"\bno {_POST} (?:was|is|has been|to)\b|\b(?:i|we)(?:'d| would| will|'ll)? need (?:the|a|your) (?:\w+ )?{_POST}|"
    r"\b(?:post|tweet|text|input)(?: field)? (?:is|was|seems|appears) (?:to be )?"
    r"(?:missing|empty|blank|not (?:given|provided|included))\b|"
    r"\bby default\W*$|\bdefault(?:s|ed|ing)? to\b|"
    r"\b(?:default|fallback|dummy) (?:answer|values?|output|response|verdict)\b|"
    r"\bnothing to (?:read|judge|analy[sz]e|assess|classify)\b|\bi lack\b|\bi (?:must|have to) (?:decline|refuse)\b|"
    r"\bi (?:won't|will not) (?:judge|analy[sz]e|assess|classify|rate|help)\b|"
    r"^\W*insufficient (?:information|context|data)\b|"
    r"\b(?:use|follow|fill) this (?:structure|format|schema|template|pattern|form)\W*$|\bblank form\b|"
    r"\bfill in\b|\breplace (?:the|these|all) (?:placeholders?|values?|fields?)\b|\bskeleton\b|"
    r"\b(?:structure|format|schema|template|shape|form|layout) (?:(?:will|would|should|must) be|is)"
    r"(?: like this| as follows| this)?\W*$|\b(?:will|would|should|must) look(?: something)? like(?: this)?\W*$|"
    r"\b(?:reply|answer|respond)(?: \w+){0,2} (?:like so|like this|in this form(?:at)?)\b",
    re.IGNORECASE,
)


def declines(text: str) -> bool:
    """Whether a plain text says that there is no verdict in it, whatever object stands in it."""
    return any(_DECLINES.search(line) for line in text.splitlines())
