"""What the words before and after an object make of it: a draft, an example, an answer taken back. Pure.

Words that nobody knows say nothing against an answer: models introduce theirs in many ways. What tells of an example or
of something wrong does, and so does whatever follows an answer and may be another one.
"""

from __future__ import annotations

import re
from typing import Final

from actor.analyzer.marks import is_neutral, without_marks

__all__ = ["begins_another", "is_led_away", "runs_on", "takes_back"]

_LED_IN_CHARS: Final = 600
_HEADING_CHARS: Final = 60
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
_KEY: Final = re.compile(r"([\"'`])(?P<key>[^\"'`\n]{1,60})\1\s*:[\s\[]*$")
_SIGNS: Final = "❌✗✘🚫"
_SENTENCE: Final = re.compile(r"(?<=[^.\s][.!?])\s+(?=\S)")
_BETWEEN: Final = re.compile(rf"(?:[^\w.!?/{_SIGNS}]|\b(?:and|or)\b)*", re.IGNORECASE)
_SAID: Final = re.compile(rf"[\w/{_SIGNS}]")

_NOUN: Final = (
    r"(?:answers?|outputs?|responses?|results?|repl(?:y|ies)|json|objects?|versions?|verdicts?|attempts?|tries|try|"
    r"guess(?:es)?|ideas?|impressions?|pass|thoughts?|instinct|take|reading|readings|assessments?|classifications?|"
    r"analys[ie]s|judge?ments?|ratings?|labels?|formats?|ones?|options?|candidates?|alternatives?|glance|sight)"
)
_WRONG: Final = (
    r"(?:wrong|incorrect|inaccurate|bad|poor|invalid|false|faulty|flawed|mistaken|erroneous|unacceptable|undesired|"
    r"unwanted|naive|rejected|discarded|abandoned|fake)"
)
_OTHER: Final = (
    r"(?:first|initial|previous|prior|earlier|old|older|original|early|rough|quick|possible|potential|plausible|"
    r"alternative|alternate|another|other|opposite|second|default|baseline|intermediate|interim|temporary|working|"
    r"proposed|suggested|candidate)"
)
_SAY: Final = r"(?:answer|say|write|return|output|reply|respond|use|give|choose|go|accept|submit|send|pick)"
# Never the answer, whatever else is said.
_NEVER: Final = re.compile(
    r"\b(?:examples?|e\.g|for instance|exemplar|few[ -]?shots?|templates?|placeholders?|samples?|mock|dummy|"
    r"hypothe\w+|suppos(?:e|ing)|imagin(?:e|ing)|pretend\w*|assum(?:e|ing)|counter ?examples?|illustrat\w+|what if|"
    rf"exemple|ejemplo|beispiel|esempio)\b|[{_SIGNS}]|示例|例如|例子|草稿|错误|假设|//\s*$|"
    r"(?:\b(?:not|never)|n't)(?: be)?\W*$|^\W*no\W*$|^\W*(?:not|never) \w+\W*$|^\W*not (?:this|that|these|like|so)\b|"
    rf"\b(?:not|n't) (?:be )?(?:the|my|an?|this|that|valid|correct|right|final) (?:\w+ ){{0,2}}{_NOUN}\b|"
    rf"\b(?:do|should|would|must|wo|ca|can|i)\s*(?:not|n't|never) (?:\w+ ){{0,2}}{_SAY}\b|\bnever {_SAY}\b|"
    rf"\bavoid\w*\W*$|\b(?:would|should|must|will|i|be|to be) avoid|\bavoid(?:ing)? (?:this|these|{_SAY})|"
    rf"\bif\b.{{0,120}}\b(?:were|was|had|would)\b|^\W*{_WRONG}(?:\W+\w+){{0,2}}\W*$",
    re.IGNORECASE,
)
# Not the answer, unless the same sentence comes to it.
_NOT_YET: Final = re.compile(
    r"\b(?:drafts?|drafting|tentative(?:ly)?|preliminar(?:y|ily)|provisional(?:ly)?|initially|at first|instead of|"
    r"rather than|could have|(?:would|should) have|alternatively|considered|(?:was|am) considering|tempted|almost|"
    r"(?:i|was) (?:first |initially )?(?:thought|thinking)|previously|formerly|retract\w*|scratch ?pad|"
    r"going to (?:say|answer)|borrador|brouillon|entwurf)\b|"
    r"^\W*(?:maybe|perhaps|possibly)\b|\b(?:might|could|may) be\W*$|"
    r"^\W*(?:first|before|old|original|thinking|thoughts?|reasoning|brainstorm\w*|input|user|human|option|attempt|"
    r"version|v)\W*\w?\W*$|"
    rf"\b(?:{_WRONG}|{_OTHER})[\s-]+(?:\w+\s+)?{_NOUN}\b",
    re.IGNORECASE,
)
_COMES_TO_IT: Final = re.compile(
    r"(?:^|[,;:-]\s*|\b(?:so|now|and|but|then)\s+)\W*(?:(?:here(?:'s| is| are)|this is|below is|it is|is)\s+)?"
    r"(?:(?:the|my|a|an|your)\s+)?(?:final|corrected|correct|revised|updated|actual|fixed|proper|clean)\b"
    r"[^,;:.]{0,40}\W*$",
    re.IGNORECASE,
)

_RUN_ON: Final = re.compile(
    r"^[\W_]{0,8}(?:input|user|human)\W{0,4}\d{0,2}\W{0,4}:|<\|(?:im_start|start|start_header_id)\|>\s*user\b|"
    r"<\|user\|>|<start_of_turn>\s*user\b|\[INST\]",
    re.IGNORECASE | re.MULTILINE,
)
_NEXT_ONE: Final = re.compile(
    r"^\W*(?:(?:the|next|another|new|second|third|\d+)\W+)*"
    r"(?:post|tweet|message|text|question|q|example|case|sample|prompt|task|problem|candidates)\b[^\n]{0,40}:",
    re.IGNORECASE | re.MULTILINE,
)

_LISTED: Final = re.compile(r"[\s\])}]*(?:[,;|/]|\b(?:and|or)\b)[\s\[({]*", re.IGNORECASE)

_CATEGORY: Final = re.compile(
    r"\b(?P<very>(?:very|extremely|strongly|highly|super|hugely)[\s-]+)?(?P<base>bullish|bearish|neutral)\b",
    re.IGNORECASE,
)
_FIELDS: Final = r"(?:about bittensor|sentiment|subnets)"
_ANSWER_FIELD: Final = re.compile(rf"\{{[^{{]{{0,200}}?\b{_FIELDS}\b|[\"'`]{_FIELDS}[\"'`]\s*:", re.IGNORECASE)
_POLITE: Final = re.compile(
    r"\b(?:(?:please )?let me know|feel free|do(?:n't| not) hesitate|(?:if|should) (?:you|there|anything|something))\b"
    r"[^.!?\n]*",
    re.IGNORECASE,
)
_TAKES_BACK: Final = re.compile(
    r"(?:^\W*|[.!?\n]\W*|-\s+|\b(?:but|well|oh|ah|hmm+|wait)\W+)"
    r"(?:wait|nope|nah|actually|correction|hmm+|hold on|oops|whoops|scratch|strike|wrong|incorrect|instead|"
    r"no(?=\W*[,.:;!-]|\s*$)|no (?:it|that|this|the|i)|not (?:quite|really|that|this|so))\b|"
    r"\b(?:sorry|apolog\w+|(?:a|my) mistake|mistaken(?:ly)?|retract\w*|reconsider\w*|second thoughts?|on reflection|"
    r"should (?:have )?(?:be(?:en)?|said|read|say)|or rather|i (?:meant|mean)|chang\w+ my mind|never ?mind|misread|"
    r"(?:ignore|disregard|discard|forget|replace|cancel|undo|redo|skip) "
    r"(?:that|this|it|the|my|all|what|above|previous)|"
    r"let me (?:fix|correct|re\w+|double|try|think|check)|not (?:the|my) (?:final )?answer|"
    r"(?:is|was|are|be|'s|just|only|as) (?:an? |the |my )?(?:not (?:right|correct)|wrong|incorrect|drafts?|examples?|"
    r"samples?|templates?|placeholders?|hypothetical|tentative|preliminary|provisional)|"
    r"correct(?:ed)? (?:answer|version|json|output)|(?:final|real|revised|updated) (?:answer|verdict|version)\W*:)"
    rf"|[{_SIGNS}]",
    re.IGNORECASE,
)


def is_led_away(gap: str, *, before: bool) -> bool:
    """Whether what stands before an object says that it is not the answer.

    Args:
        gap: The plain text between the object and the one before it, or the beginning.
        before: Whether the one before was led away: nothing but "and" between them says the same of both.
    """
    if key := _KEY.search(gap):
        return not is_neutral(key["key"])  # a part of something that cannot be read
    gap = _CAMEL.sub(" ", without_marks(gap[-_LED_IN_CHARS:]))
    if _BETWEEN.fullmatch(gap):
        return before
    last, *others = [_last_sentence(line) for line in reversed(gap.splitlines()) if _SAID.search(line)] or [gap]
    if _NEVER.search(last):
        return True
    if _COMES_TO_IT.search(last):
        return False
    return bool(_NOT_YET.search(last)) or any(len(line) < _HEADING_CHARS and _NEVER.search(line) for line in others)


def _last_sentence(line: str) -> str:
    sentences = [one for one in _SENTENCE.split(line.replace("e.g.", "e.g,")) if _SAID.search(one)]
    return sentences[-1].strip()


def begins_another(text: str) -> bool:
    """Whether a plain text between two answers says that the second one is no better: of another post, or of a list."""
    return bool(_NEXT_ONE.search(text) or _LISTED.fullmatch(text))


def runs_on(text: str, start: int) -> int:
    """Where, after a place in a plain text, the model goes on with posts of its own; the end when it does not."""
    found = _RUN_ON.search(text, start)
    return found.start() if found else len(text)


def takes_back(tail: str, category: str) -> bool:
    """Whether what follows an answer takes it back, names another category, or looks like another answer.

    Args:
        tail: The plain text behind it, without objects that can be read.
        category: Of the answer.
    """
    tail = _CAMEL.sub(" ", tail)
    if _ANSWER_FIELD.search(tail) or any(_category(named) != category for named in _CATEGORY.finditer(tail)):
        return True
    return bool(_TAKES_BACK.search(_POLITE.sub("", without_marks(tail))))


def _category(named: re.Match[str]) -> str:
    base = named["base"].lower()
    return f"very_{base}" if named["very"] and base != "neutral" else base
