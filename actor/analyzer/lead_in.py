"""What the words before an object make of it: a draft, an example, something wrong. Pure.

Words that nobody knows say nothing against an answer: models introduce theirs in many ways.
"""

from __future__ import annotations

import re
from typing import Final

from actor.analyzer.marks import is_neutral, without_marks

__all__ = ["SIGNS", "announces", "apart", "is_led_away", "is_strange_label", "speaks_against"]

SIGNS: Final = "❌✗✘✖✕⛔👎🙅🚮🚫💭🤔"
"""Characters that say by themselves that something is wrong, or no more than thought."""

_MOST_CHARS: Final = 600
_HEADING_CHARS: Final = 60
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
_KEY: Final = re.compile(r"([\"'`])(?P<key>[^\"'`\n]{1,60})\1\s*:[\s\[]*$")
_SENTENCE: Final = re.compile(r"(?<=[^.\s][.!?])\s+(?=\S)")
_BETWEEN: Final = re.compile(rf"(?:[^\w.!?/{SIGNS}]|\b(?:and|or)\b)*", re.IGNORECASE)
_SAID: Final = re.compile(rf"[\w/{SIGNS}]")
# A line that is taken out, as in a diff, or by a remark.
_TAKEN_OUT: Final = re.compile(r"(?:^|\n)[ \t>]*(?:-{1,3}|[\u2212~;%x]|\#+|rem|\(x\))[ \t`]*$", re.IGNORECASE)

# Examples that are the question's own.
_AS_ASKED: Final = re.compile(
    r"\b(?:following|as in|as shown in|based on|according to|like|per|matching|in line with|"
    r"(?:format|style) of|follows) "
    r"(?:(?:the|your|these|those|given|provided|above|previous|format|style|of|in|same|as) )*examples?\b|"
    r"\bas (?:in )?(?:the|your|these|those)(?: (?:given|provided|above|previous))* examples?\b",
    re.IGNORECASE,
)
# Neither do words that say that there is none, or what a name means.
_HARMLESS: Final = re.compile(
    r"\b(?:no|without(?: an?| any)?|any) (?:\w+ )?(?:examples?|samples?|placeholders?|templates?)\b(?!\W*$)|"
    r"\bassum(?:e|ing)\b[^,.:;\n]{0,60}\b(?:refers?|means?|stands? for|denotes?)\b",
    re.IGNORECASE,
)
_ANSWER: Final = r"(?:answers?|outputs?|responses?|results?|repl(?:y|ies)|json|objects?|verdicts?|final)"
_NOUN: Final = (
    rf"(?:{_ANSWER}|versions?|attempts?|tr(?:y|ies)|guess(?:es)?|ideas?|impressions?|pass|thoughts?|instinct|take|"
    r"readings?|assessments?|classifications?|analys[ie]s|judge?ments?|ratings?|labels?|formats?|ones?|options?|"
    r"candidates?|alternatives?|glance|sight)"
)
_WRONG: Final = (
    r"(?:wrong|incorrect|inaccurate|bad|poor|invalid|false|faulty|flawed|mistaken|erroneous|unacceptable|undesired|"
    r"unwanted|naive|rejected|discarded|abandoned|fake|worst|worse|bogus|superseded|(?:less|least|un)[ -]?likely)"
)
_OTHER: Final = (
    r"(?:first|initial|original|early|rough|quick|possible|potential|plausible|alternative|alternate|opposite|other|"
    r"another(?! (?:attempt|try))|default|baseline|intermediate|interim|temporary|working|proposed|suggested|candidate)"
)
_SAY: Final = r"(?:answer|say|write|return|output|reply|respond|use|give|choose|go|accept|submit|send|pick|think)"
# Never the answer, whatever else is said.
_NEVER: Final = re.compile(
    r"\b(?:examples?|e\.g|for instance|exemplar|few[ -]?shots?|templates?|placeholders?|samples?|mock|dummy|"
    r"hypothe\w+|suppos(?:e|ing)|imagin(?:e|ing)|pretend\w*|assum(?:e|ing)|counter ?examples?|illustrat\w+|what if|"
    r"on purpose|deliberate(?:ly)?|intentional(?:ly)?|exemple|ejemplo|beispiel|esempio)\b|"
    rf"[{SIGNS}]|示例|例如|例子|草稿|错误|假设|//\s*$|\\(?:st|\w*(?:sout|xout|strike|cancel)\w*)\s*\{{\s*$|"
    r"(?:\b(?:not|never)|n't)(?: be)?\W*$|^\W*no\W*$|^\W*(?:not|never) \w+\W*$|^\W*not (?:this|that|these|like|so)\b|"
    rf"\b(?:not|n't) (?:be )?(?:the|my|an?|this|that|correct|right|final) (?:\w+ ){{0,2}}{_ANSWER}\b|"
    rf"\b(?:do|should|would|must|wo|ca|can|i)\s*(?:not|n't|never) (?:\w+ ){{0,2}}{_SAY}\b|\bnever {_SAY}\b|"
    rf"\bavoid\w*\W*$|\b(?:would|should|must|will|i|be|to be) avoid|\bavoid(?:ing)? (?:this|these|{_SAY})|"
    r"\bif\b.{0,120}\b(?:were|was|had|would)\b|^\W*(?:if|in case|were)\b.{0,60}:\W*$|"
    # Somebody else's words.
    r"\b(?:inject\w*|embedded|ignor(?:e|ed|ing)|disregard\w*|stranger's|forc(?:e|ed|ing)|quot(?:e|ed|ing)|demanded)\b"
    r"[^.!?,\n]{0,80}$|"
    rf"\b(?:might|could|may) (?:\w+ )?{_SAY}\b|\b(?:some(?:one|body)?|others|people|they) (?:\w+ )?would\b|"
    r"\b(?:says?|contains?|includes?|wants?|asks?|tells?|instructs?|demands?|quotes?|claims?|requests?)"
    rf"(?: (?:that|me|us|you|this|the|following|to|with|json|object|{_SAY}))*\W*$|"
    rf"^\W*{_WRONG}(?:\W+\w+){{0,2}}\W*$|\b(?:wrong|incorrect|inaccurate|invalid)[)\]*\s]*[:-]?\s*$",
    re.IGNORECASE,
)
# Not the answer, unless the same sentence comes to it.
_NOT_YET: Final = re.compile(
    r"\b(?:drafts?|drafting|tentative(?:ly)?|preliminar(?:y|ily)|provisional(?:ly)?|initially|at first|could have|"
    r"(?:would|should) have|alternatively|i(?:'ve| have)? considered|(?:was|am) considering|tempt(?:ed|ing)|"
    r"almost (?:said|answered|wrote)|(?:i|was) (?:first |initially )?(?:thought|thinking)|previously|formerly|"
    r"retract\w*|scratch ?pad|so far|wip|to ?do|for comparison|confused with|"
    r"work in progress|to be (?:revised|verified|checked)|"
    r"let(?: us|'s| me) (?:try|draft|guess|sketch|consider)|going to (?:say|answer)|borrador|brouillon|entwurf)\b|"
    r"\b(?:instead of|rather than|considered)(?: (?:the|this|that|my))?\W*$|^\W*(?:instead of|rather than)\b|"
    r"^\W*(?:maybe|perhaps|possibly)\b|\b(?:maybe|perhaps|possibly|(?:might|could|may) be)\W*$|"
    r"^\W*(?:previous|prior|earlier|old|older|original)(?: \w+)?\W*$|^\W*(?:thoughts?|thinking)\s*:|"
    r"^\W*(?:first|before|think|thinking|thoughts?|reasoning|brainstorm\w*|input|user|human|option|attempt|version|v)"
    r"\W*\w?\W*$|"
    rf"\b(?:{_WRONG}|{_OTHER})[\s-]+(?:\w+\s+)?{_NOUN}\b",
    re.IGNORECASE,
)
_COMES_TO_IT: Final = re.compile(
    r"(?:^|[,;:-]\s*|\b(?:so|now|and|but|then)\s+)\W*(?:(?:here(?:'s| is| are)|this is|below is|it is|is)\s+)?"
    r"(?:(?:the|my|a|an|your)\s+)?(?:final|corrected|correct|revised|updated|actual|fixed|proper|clean)\b"
    r"[^,;:.]{0,40}\W*$|\b(?:chose|settled (?:on|for)|decided (?:on|for)|went with)\b[^,;:.]{0,40}\W*$",
    re.IGNORECASE,
)
_ANNOUNCES: Final = re.compile(
    r"\W*(?:(?:so|thus|therefore|hence|and|but|however|now|then|ok(?:ay)?|sorry|wait|no|yes|actually)\b\W*)*"
    r"(?:(?:here|this|below|it)(?:'s| is| are)\W+)?(?:(?:the|my|a|an|your|our)\W+)*"
    r"(?:final|finally|corrected|correction|revised|revision|updated|correct)\b"
    rf"(?:\W+(?:and|corrected|revised|updated|{_ANSWER}|versions?|classification|analysis|assessment|judge?ment))*"
    r"(?:\W+(?:is|as follows))?\W*",
    re.IGNORECASE,
)
# A label of a few words has to have one of these; a longer one is prose, which may say anything.
_LABEL_WORDS: Final = 3
_LABEL: Final = re.compile(r"\s*(?:(?:#|\*\*|--|==|~~|__)[^.!?,{}]*|[^.!?,{}]*[:=]\W*)")
_NEUTRAL: Final = re.compile(
    r"\b(?:answers?|outputs?|results?|responses?|repl(?:y|ies)|json|objects?|verdict|final|analysis|assessment|summary|"
    r"conclusion|conclude|classification|evaluation|judge?ment|rating|decision|prediction|solution|completion|data|"
    r"assistant|model|ai|bot|function|tool|call|sentiment|subnets|bullish|bearish|neutral|here|there|this|is|it|as|so|thus|hence|therefore|sure|"
    r"ok(?:ay)?|yes|certainly|understood|done|note|step|short|take|view|return|print|correct(?:ion|ed)|"
    r"revised|updated|fixed|improved|actual|retry|(?:second|next|new) (?:attempt|try)|label(?:led|s)?|categor(?:y|ies)|"
    r"report|annotat(?:ion|ed)|extract(?:ed|ion)|processed|below|find|of course|absolutely|al?right|got it|yep|"
    r"no (?:problem|explanation|markdown|extra \w+|other \w+|comments?|prose|candidates?)|"
    r"nothing else|minified|compact|overall|"
    r"further ado|enjoy|"
    # In other languages.
    r"antwort|ergebnis(?:se)?|urteil|bewertung|antwoord|resultaat|respuesta|resultado|salida|resposta|sa[ií]da|risposta|"
    r"risultato|ecco|voil[aà]|voici|r[eé]ponse|r[eé]sultat|sortie|odpowied[zź]|wynik|svar|resultat|vastaus|jawaban|"
    r"hasil\w*|berikut|cevap|sonu[cç]|odpov[eě][dď]|v[aá]lasz)\b|[^\x00-\x7f]",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[^\W\d_]+")


def is_led_away(gap: str, *, before: bool) -> bool:
    """Whether what stands before an object says that it is not the answer.

    Args:
        gap: The plain text between the object and the one before it, or the beginning.
        before: Whether the one before was led away: nothing but "and" between them says the same of both.
    """
    if key := _KEY.search(gap):
        return not is_neutral(key["key"])  # a part of something that cannot be read
    gap = apart(without_marks(gap[-_MOST_CHARS:]))
    if _TAKEN_OUT.search(gap):
        return True
    if _BETWEEN.fullmatch(gap):
        return before
    lines = [line for line in gap.splitlines() if _SAID.search(line)] or [gap]
    *others, last = [_HARMLESS.sub("", _AS_ASKED.sub("", _last_sentence(line))) for line in lines]
    if any(len(line) < _HEADING_CHARS and _NEVER.search(line) for line in others) and not _COMES_TO_IT.search(last):
        return True
    return speaks_against(last) or _is_strange(last)


def announces(gap: str) -> bool:
    """Whether what stands before an object says, and says no more, that it is the final or a corrected answer."""
    lines = [line for line in apart(without_marks(gap)).splitlines() if _SAID.search(line)]
    return bool(lines and _ANNOUNCES.fullmatch(_last_sentence(lines[-1])))


def speaks_against(words: str) -> bool:
    """Whether these words call something a draft, an example or wrong."""
    words = _HARMLESS.sub("", words)
    return bool(_NEVER.search(words) or (_NOT_YET.search(words) and not _COMES_TO_IT.search(words)))


def is_strange_label(gap: str) -> bool:
    """Whether what stands before an object is a label that neither speaks against it nor says that it is the answer."""
    lines = [line for line in apart(without_marks(gap[-_MOST_CHARS:])).splitlines() if _SAID.search(line)]
    return bool(lines) and _is_strange(_last_sentence(lines[-1])) and not speaks_against(_last_sentence(lines[-1]))


def _is_strange(words: str) -> bool:
    return 0 < len(_WORD.findall(words)) <= _LABEL_WORDS and bool(
        _LABEL.fullmatch(words) and not _NEUTRAL.search(words)
    )


def apart(text: str) -> str:
    """The text with the words of its names apart, as in wrong_answer and wrongAnswer."""
    return _CAMEL.sub(" ", text)


def _last_sentence(line: str) -> str:
    sentences = [one for one in _SENTENCE.split(line.replace("e.g.", "e.g,")) if _SAID.search(one)]
    return sentences[-1].strip() if sentences else line
