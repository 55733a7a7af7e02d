"""What follows an answer or stands beside it, and may undo it: take-backs, other answers, invented posts. Pure."""

from __future__ import annotations

import re
from typing import Final

from actor.analyzer.lead_in import SIGNS, apart
from actor.analyzer.marks import without_marks

__all__ = ["ANSWER_FIELD", "begins_another", "contradicts", "runs_on", "speaks_back", "takes_back"]

_FIELDS: Final = r"(?:about[ _]bittensor|sentiment|subnets)"
ANSWER_FIELD: Final = re.compile(rf"\{{[^{{]{{0,200}}?\b{_FIELDS}\b|[\"']{_FIELDS}[\"']\s*:", re.IGNORECASE)
"""The beginning of another answer, whether it can be read or not."""

# Marks of our own prompt, and of those that servers make of messages.
_RUN_ON: Final = re.compile(
    r"^[\W_]{0,8}(?:input|user|human)\W{0,4}\d{0,2}\W{0,4}:|^\W{0,8}the answer could not be used\b|"
    r"<\|(?:im_start|start|start_header_id)\|>\s*user\b|<\|user\|>|<start_of_turn>\s*user\b|\[INST\]",
    re.IGNORECASE | re.MULTILINE,
)
_NEXT_ONE: Final = re.compile(
    r"^\W*(?:(?:the|next|another|new|second|third|updated|other|different|"
    r"similar|for|an?|\d+)\W+)*"
    r"(?:post|tweet|message|text|question|q|example|case|sample|prompt|task|problem|candidates)\b[^\n]{0,60}(?::|$)",
    re.IGNORECASE | re.MULTILINE,
)
_NO_TAGS: Final = str.maketrans("[]", "()")
_SHUT: Final = re.compile(r"\[/[\w -]{1,40}\]")
_LISTED: Final = re.compile(r"[\s\])}]*(?:[,;|/]|\b(?:and|or)\b)[\s\[({]*", re.IGNORECASE)

_CATEGORY: Final = re.compile(
    r"\b(?P<very>(?:very|extremely|strongly|highly|super|hugely)[\s-]+)?(?P<base>bullish|bearish|neutral)\b",
    re.IGNORECASE,
)
# What it says the answer is not.
_DENIED: Final = re.compile(
    r"(?:\b(?:rather than|instead of|as opposed to|over|than|not|never|no|nothing|without|lacks?|neither|nor)|n't)\s+"
    r"(?:an? |any |simply |just |quite |really )*(?:very\s+)?"
    r"(?:bullish|bearish|neutral|positive|negative|optimistic|pessimistic)\b(?! but)",
    re.IGNORECASE,
)
# What it tells of others: their words, their sorrow, what the post is an example of.
_OF_OTHERS: Final = re.compile(
    r"\b(?:author|poster|writer|tweet|they|he|she)(?: \w+)? "
    r"(?:says?|said|calls?|called|thinks?|claims?|believes?|argues?|admits?|complains?|feels?|felt)\b"
    r"(?:(?!\b(?:above|answer|json|object|output|verdict|i|my|this)\b)[\w', ])*|"
    r"\b(?:is|was|'s|as) an example of (?!(?:an?|the|how|what|answers?|outputs?|formats?|json)\b)\w+",
    re.IGNORECASE,
)
_UP: Final = re.compile(r"\b(?:positive|optimistic|bull)\b", re.IGNORECASE)
_DOWN: Final = re.compile(
    r"\b(?:negative|pessimistic|bear)\b|(?<![\w.])-(?:0?\.\d{1,3}|1(?:\.0)?)(?![\w.%])", re.IGNORECASE
)
# That the post is about something else.
_ELSEWHERE: Final = re.compile(
    r"(?:\b(?:not|never|nothing|none|hardly)|n't)(?! (?:only|just|merely|simply|solely|exclusively)\b)(?: \w+){0,3}? "
    r"(?:about|relat\w+ to|do with|concern\w*|mention\w*|refer\w* to|an?|any) (?:\w+ )?(?:bittensor|tao)\b|"
    r"\b(?:no|(?:unrelated|irrelevant) to(?: \w+)?) (?:bittensor|tao)\b|"
    r"\b(?:bittensor|tao) (?:is|are)(?: not|n't) (?:what|the|mentioned|discussed)\b",
    re.IGNORECASE,
)

_POLITE: Final = re.compile(
    r"\b(?:(?:please )?let me know|feel free|do(?:n't| not) hesitate|(?:if|should) (?:you|there|anything|something))\b"
    r"[^.!?\n]*",
    re.IGNORECASE,
)
_UNSURE: Final = (
    r"(?:not (?:right|correct)|wrong|incorrect|drafts?|examples?|samples?|templates?|placeholders?|hypothetical|"
    r"tentative|preliminary|provisional)"
)
_UNDONE: Final = (
    rf"(?:{_UNSURE}|superseded|rejected|obsolete|deprecated|outdated|discarded|abandoned|withdrawn|old|void|invalid|"
    r"(?:(?:far|much|way|a bit|slightly|somewhat) )?too (?:optimistic|pessimistic|positive|negative|bullish|bearish|"
    r"generous|harsh)|"
    r"(?:over|under)(?:estimated|stated)|overly \w+|not final|backwards?|what (?:an?|some|one)|the opposite)"
)
_WHAT_WAS_SAID: Final = r"(?:this|that|it|above|answer|json|object|output|verdict|sentiment|category)"
# Who explains a verdict speaks of the post. Who speaks of himself, or of what he wrote, mostly takes it back.
_QUOTE: Final = re.compile(r"[\"“][^\"“”\n]{1,300}[\"”]")
_OF_ITSELF: Final = re.compile(
    r"\b(?:i|i'm|i've|i'd|i'll)\b(?! (?:hope|(?:would |did not |didn't )?(?:chose|choose|pick\w*|rate[sd]?|classif\w+|"
    r"label\w*|assess\w*|judged?|consider\w*|interpret\w*|find|found|identif\w+|assign\w*|think|believe|say|call|"
    r"mark\w*|set|gave|list\w*|includ\w+|see no))\b)|"
    r"\b(?:me|my(?! (?:view|opinion|judge?ment|assessment|reading|analysis)\b))\b|"
    r"\b(?:answer|fields|values|verdict|category|classification|prompt)\b(?!\W+(?:(?:is|was|are) )?\W*"
    r"(?:based|because|follows|reflects|given|very|bullish|bearish|neutral)\b)|"
    r"\b(?:this|that|my|above|test|invalid|dummy|model) (?:output|object|json)\b|"
    r"(?:^\W*|[.!?;\n]\W{0,9})(?:please|do (?!not )|treat|ignore|disregard|regenerate|retry|redo|pretend|guess\w*|"
    r"invalid|void)\b|\b(?:above|stub|unverified|not verified|be replaced|no (?:\w+ )?analysis)\b|"
    r"\b(?:generated|written|produced|made) (?:before|without)\b|\b(?:truncated|illegible|not legible)\b|"
    r"\b(?:no idea|at random|(?:not|0 ?%)(?: \w+)? (?:sure|certain|confident))\b",
    re.IGNORECASE,
)
_TAKES_BACK: Final = re.compile(
    rf"^\W*(?:as )?(?:an? |my |the )?(?:first |rough )?{_UNDONE}\b|"
    rf"\b{_WHAT_WAS_SAID}(?: (?:is|was|seems|looks)|'s)(?: \w+)? {_UNDONE}\b|"
    rf"\b{_WHAT_WAS_SAID} (?:should|must|needs? to|ought to) (?:be(?! noted| said| mentioned)|flip|change|go)\b|"
    r"^\W*(?:but|however|yet|unless|though|edit|update|on (?:second|closer|further|a closer)|re\W?(?:evaluat|check)\w+|"
    r"checking|revised|(?-i:is|was|would|could|might))\b|\b(?:critique|reflection)\W*:|<-|"
    r"\b(?:verdict|status|check|test|review|validation|result)(?: result)?\W{0,3}[:=-]\W{0,3}"
    r"(?:fail\w*|rejected|wrong|bad|invalid|incorrect|incomplete|unfinished)\b|"
    r"\b(?:conf(?:idence)?|certainty|prob(?:ability)?|likelihood)(?: \w+)?\W{0,4}(?:is |of )?"
    r"(?:0+(?:\.0*)?(?![\d.]*[1-9])|none\b|zero\b|null\b|nil\b)|\b50/50\b|\bcoin (?:flip|toss)\b|"
    r"\b(?:just )?kidding\b|\blol\b|(?<!\S)/s\b|\btraceback\b|\berror\W{0,3}[:)]|"
    r"\b(?:made[- ]up|invented|random|dummy) (?:\w+ )?(?:values?|answer|data|numbers?)\b|"
    r"\b(?:values?|answer|data|numbers?|this|these)(?: \w+)? (?:is|are|was|were) (?:all )?"
    r"(?:made[- ]up|invented|random)\b|\breplace (?:\w+ )?(?:with|by)\b|"
    r"\b(?:do|should)(?: not|n't) (?:use|trust|rely on|take) (?:this|that|it|the|my)\b|"
    r"\bfails? (?:my|the|this|a) \w*check|\bneeds? (?:\w+ )?(?:review|revision)\b|\btbd\b|"
    r"\bflip (?:it|this|that|the sign)\b|\bthe (?:reverse|opposite) of (?:what|this|that)\b|"
    r"\bgot (?:that|it|this) (?:back|wrong)|\bthe (?:opposite|reverse) (?:is|was|holds|applies)\b|"
    r"(?:^\W*|[.!?\n]\W{0,9}|-\s{1,9}|\b(?:but|well|oh|ah|hmm+|wait)\W{1,9})"
    r"(?:wait|nope|nah|actually|correction|hmm+|hold on|oops|whoops|scratch|strike|wrong|incorrect|instead|"
    r"no(?=\W{0,3}[,.:;!-]|\s*$)|no (?:it|that|this|the|i)|not (?:quite|really|that|this|so))\b|"
    r"\b(?:sorry|apolog\w+|my mistake|(?:made|is|was) a mistake|mistaken(?:ly)?|retract\w*|reconsider\w*|"
    r"second thoughts?|on reflection|or rather|should (?:have )?(?:be(?:en)?(?! noted| said| mentioned)|said|read|say)|"
    r"i (?:meant|mean)|never ?mind|misread|"
    r"(?:ignore|disregard|discard|forget|replace|cancel|undo|redo|skip) "
    r"(?:that|this|it|the|my|all|what|above|previous)|"
    r"let me (?:fix|correct|re\w+|double|try|think|check|verify)|not (?:the|my) (?:final )?answer|"
    r"(?:does|do|did)(?: not|n't) (?:seem|look|fit|match|sound|capture|reflect)|"
    rf"(?:is|was|are|be|'s|just|only|as) (?:an? |the |my )?{_UNSURE}|"
    r"correct(?:ed)? (?:answer|version|json|output)|(?:final|real|revised|updated) (?:answer|verdict|version)\W*:)"
    rf"|[{SIGNS}]",
    re.IGNORECASE,
)


def begins_another(text: str) -> bool:
    """Whether a plain text between two answers says that the second one is no better: of another post, or of a list."""
    return bool(_NEXT_ONE.search(text) or _LISTED.fullmatch(text))


def runs_on(text: str, start: int) -> int:
    """Where, after a place in a plain text, the model goes on with posts of its own; the end when it does not."""
    found = _RUN_ON.search(text, start)
    return found.start() if found else len(text)


def takes_back(tail: str, category: str, *, about: bool) -> bool:
    """Whether what follows an answer takes it back, names another category, or looks like another answer.

    Args:
        tail: The plain text behind it, without objects that can be read.
        category: Of the answer.
        about: The answer says that the post is about Bittensor.
    """
    words = (
        _SHUT.sub("", tail).lstrip("`~ \t\r\n").translate(_NO_TAGS)
    )  # what stands behind a closing fence is no label of one
    words = apart(without_marks(words))
    if ANSWER_FIELD.search(words) or contradicts(words, category, about=about, alone=False):
        return True
    return speaks_back(words)


def speaks_back(words: str) -> bool:
    """Whether words take back what was said before them."""
    words = _POLITE.sub("", words)
    if _OF_ITSELF.search(_QUOTE.sub("", words)):
        return True
    return bool(_TAKES_BACK.search(_OF_OTHERS.sub("", _DENIED.sub("", words))))


def contradicts(words: str, category: str, *, about: bool, alone: bool) -> bool:
    """Whether a text speaks for another answer.

    Args:
        words: A text with the words of its names apart.
        category: Of the answer.
        about: The answer says that the post is about Bittensor.
        alone: To name other categories counts only where that of the answer is not named as well.
    """
    if about and _ELSEWHERE.search(words):
        return True
    ours, theirs = (_UP, _DOWN) if "bullish" in category else (_DOWN, _UP)
    words = _OF_OTHERS.sub("", words)
    if any(_denies(denied[0], category, ours) for denied in _DENIED.finditer(words)):
        return True
    words = _DENIED.sub("", words)
    named = {_category(one) for one in _CATEGORY.finditer(words)}
    if named - {category} and not (alone and category in named):
        return True
    return category != "neutral" and bool(
        theirs.search(words) and not ours.search(words) and not (alone and category in named)
    )


def _category(named: re.Match[str]) -> str:
    base = named["base"].lower()
    return f"very_{base}" if named["very"] and base != "neutral" else base


def _denies(words: str, category: str, ours: re.Pattern[str]) -> bool:
    named = _CATEGORY.search(words)
    return _category(named) == category if named else category != "neutral" and ours.search(words) is not None
