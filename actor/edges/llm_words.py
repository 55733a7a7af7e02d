"""What the refusal of a language model's server is about, by its status and, where that is vague, by its words. Pure.

Servers agree on few statuses: an unknown model is a 400, 404 or 500, a wrong key a 400 or 401, a refused format any.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from actor.analyzer.port import FORMAT_TYPE, PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from actor.analyzer.port import LLMErrorKind

__all__ = ["Refused", "refusal_kind", "status_told", "words_of"]

_MAX_CHARS: Final = 20_000
_DEEPEST: Final = 6
_ECHOES: Final = frozenset(
    {"ctx", "input", "url", "request_id"}
)  # fields that repeat the request, or say nothing of it
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")

_KINDS: Final[dict[int, LLMErrorKind]] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "model",
    405: "model",  # no such address
    408: "timeout",
    413: "context",
    429: "rate_limit",
}
_VAGUE: Final = frozenset({400, 403, 404, 413, 415, 422})
_SERVER: Final = 500

_SPENT: Final = re.compile(
    r"insufficient[ _](quota|balance|credit|funds)|exceeded your current quota|credit balance|more credits|"
    r"balance is (insufficient|too low|not enough)|used all available credits|not enough credits|"
    r"payment[ _]required|out of credits?|quota[ _](is )?exceeded|billing|"
    r"budget[ _](has been )?exceeded|credits (are )?depleted|usage limit"
)
_RETRY: Final = re.compile(r"retry_?delay|per[ _-]?(second|minute)")  # a limit that lifts by itself
_KEY: Final = re.compile(
    r"(invalid|incorrect|wrong|missing|no)[ _]api[ _]key|api[ _]key[ _](is )?(not[ _]valid|invalid|missing|required)|"
    r"authentication|unauthori[sz]ed|no connected db"
)
_MODEL: Final = re.compile(
    r"(invalid|unknown|no such|unsupported)[ _]model\b(?! (param|output|resp))|not a valid model|"
    r"\bmodels?\b[^.;]{0,100}?(not[ _](found|exist)|does not exist|do not exist|not available on|no access)|"
    r"not_found_error|model_not_found|access to model"
)
_LONG: Final = re.compile(
    r"context[ _](length|size|window)|maximum context|exceed_context|too many (input )?tokens|reduce the length|"
    r"(prompt|input|messages?|request)s? (is|are) too (long|large)|inputs?\W+tokens|must be at least 1, got -|"
    r"exceeds? the maximum number of tokens|input length"
)
_LARGE_CAP: Final = re.compile(r"(max_tokens|max_completion_tokens)\b[^.]{0,60}too (large|high|big)")
_FORMAT: Final = re.compile(
    r"response_?\s?format|json_?\s?schema|json_?\s?object|\bguided|structured[ _]output|grammar|\bschema\b|"
    r"json[ _]mode|requested parameters"
)
# Complaints of what stands in a schema, not of schemas as such.
_CONTENT: Final = re.compile(
    r"max_?(items|length)|\benum\b|invalid schema|(?<!json_)schema\W.{0,60}(invalid|not (valid|permitted|supported))|"
    r"keyword|additional_?properties|constraint"
)
_FILTERED: Final = re.compile(
    r"content[ _](management[ _]policy|filter)|responsible_?ai|content_policy|moderation|flagged"
)
_COMPLAINT: Final = re.compile(
    r"unsupported|not[ _]support|n.t support|unknown|unrecogni[sz]ed|unexpected|extra|not[ _](permitted|allowed|valid)|"
    r"invalid|forbidden|deprecated|must be|should be|only|no field|not available|cannot|can.t|too (large|high|big)|"
    r"not enabled|must alternate|\bparam ; "
)
_SYSTEM: Final = re.compile(
    r"system (role|message|prompt|instruction)|developer (role|instruction)|role\W{1,4}system|\Wsystem\W{1,4}role|"
    r"'system'|roles must alternate"
)
_TOLD: Final = (
    (429, re.compile(r"rate[ _-]?limit|too many requests|resource_exhausted|overloaded|throttl")),
    (402, _SPENT),
    (401, _KEY),
    (404, _MODEL),
    (
        503,
        re.compile(r"unavailable|internal|server[ _]error|upstream|bad gateway|no instances|provider returned error"),
    ),
)


class Refused(NamedTuple):
    """What a refusal is about; `parameters` are as `LLMError.refused` has them."""

    kind: LLMErrorKind
    parameters: tuple[str, ...] = ()


def refusal_kind(status: int, body: str, *, formatted: bool, sent: Collection[str] = ()) -> Refused:
    """What a refusal is about.

    Args:
        status: Its status.
        body: Its body.
        formatted: The request demanded a response_format.
        sent: The parameters that the request had.
    """
    said = words_of(body)
    if status == 429:  # noqa: PLR2004 - too many requests
        return Refused("quota" if _SPENT.search(said) and not _RETRY.search(said) else "rate_limit")
    if status not in _VAGUE and status < _SERVER:
        return Refused(_KINDS.get(status, "request"))
    found = _by_words(said, formatted=formatted, sent=sent)
    # A router in trouble with a key or an account of its own passes words on that are not about ours.
    if found is not None and not (status >= _SERVER and found.kind in {"auth", "quota"}):
        return found
    if status in _KINDS:
        return Refused(_KINDS[status])
    if status >= _SERVER and status != 501:  # noqa: PLR2004 - not implemented
        return Refused("server")
    # A refusal without a telling word may be about the format: the rungs below it find out.
    return Refused("refused_format" if formatted else "request")


def _by_words(said: str, *, formatted: bool, sent: Collection[str]) -> Refused | None:
    for kind, words in _BY_WORDS:
        if words.search(said):
            return Refused(kind)
    named = _parameters(said, sent)
    if named:
        return Refused("refused_parameter", named)
    if _LONG.search(said):
        return Refused("context")
    if _FORMAT.search(said):
        about = () if _CONTENT.search(said) else (FORMAT_TYPE,)
        return Refused("refused_format", about) if formatted else Refused("request")
    # It insists on a parameter that was left out already: no other request of ours will do.
    return Refused("refused_parameter") if _parameters(said, PARAMETERS) else None


_BY_WORDS: Final[tuple[tuple[LLMErrorKind, re.Pattern[str]], ...]] = (
    ("declined", _FILTERED),
    ("auth", _KEY),
    ("quota", _SPENT),
    ("model", _MODEL),
)


def _parameters(said: str, sent: Collection[str]) -> tuple[str, ...]:
    """The parameters that were sent and that the words complain of."""
    if large := _LARGE_CAP.search(said):
        return tuple(name for name in sent if name in large[0])
    if _LONG.search(said):
        return ()
    if not _COMPLAINT.search(said):
        return ()
    return tuple(
        name
        for name in sent
        if (_SYSTEM.search(said) if name == "system" else re.search(rf"(?<![\w.]){name}(?!\w)", said))
    )


def status_told(error: Any) -> int:
    """The status that an error inside a success means: its number, or what its words stand for; else 400."""
    if isinstance(error, dict):
        for name in ("code", "status", "status_code"):
            value = error.get(name)
            number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
            if type(number) is int and 400 <= number < 600:  # noqa: PLR2004 - the statuses of errors
                return number
    said = words_of(json.dumps(error))
    return next((status for status, words in _TOLD if words.search(said)), 400)


def words_of(body: str) -> str:
    """All words of a body in lower case, with underscores: without those fields in which servers repeat the request."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        said = body
    else:
        said = " ; ".join(_strings(parsed, _DEEPEST))
    return _CAMEL.sub("_", said[:_MAX_CHARS]).lower()


def _strings(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth:
        for name, item in value.items():
            if name not in _ECHOES:
                yield name
                yield from _strings(item, depth - 1)
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _strings(item, depth - 1)
