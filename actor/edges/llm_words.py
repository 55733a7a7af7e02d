"""What the refusal of a language model's server is about, by its status and, where that is vague, by its words. Pure.

Servers agree on few statuses: an unknown model is a 400, 404 or 500, a wrong key a 400 or 401, a refused format any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from actor.analyzer.port import FORMAT_TYPE, PARAMETERS, WRONG_PLACE
from actor.edges import llm_phrases as says
from actor.edges.llm_body import status_coded, words_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from actor.analyzer.port import LLMErrorKind

__all__ = ["RefusalReason", "advice", "refusal_kind"]

_KINDS: Final[Mapping[int, LLMErrorKind]] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "model",
    405: "model",  # no such address
    408: "timeout",
    410: "model",
    413: "context",
    424: "server",  # of what it depends on
    425: "server",
    429: "rate_limit",
}
_FINAL: Final = frozenset({402, 408})  # whatever is said
_OF_A_FORMAT: Final = frozenset({400, 403, 404, 413, 415, 422, 501})
_UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429
_NOT_IMPLEMENTED: Final = 501
_SERVER: Final = 500
_MATTERS: Final[tuple[tuple[LLMErrorKind, re.Pattern[str]], ...]] = (
    ("declined", says.DECLINED),
    ("quota", says.NO_CREDIT),
    ("model", says.DENIED_MODEL),
    ("auth", says.KEY),
    ("model", says.MODEL),
    ("request", says.PLACE),
    ("server", says.PASSING),
)
# A router in trouble with a key or an account of its own passes words on that are not about ours.
_NOT_OURS: Final = frozenset({"auth", "quota"})


class RefusalReason(NamedTuple):
    """What a refusal is about; `parameters` are as `LLMError.refused` has them."""

    kind: LLMErrorKind
    parameters: tuple[str, ...] = ()


def refusal_kind(status: int, body: str, *, formatted: bool, sent: Collection[str] = ()) -> RefusalReason:
    """What a refusal is about.

    Args:
        status: Its status.
        body: Its body.
        formatted: The request demanded a response_format.
        sent: The parameters that the request had.
    """
    if status in _FINAL:
        return RefusalReason(_KINDS[status])
    said = words_of(body)
    if status == _TOO_MANY:
        return RefusalReason(_limit(said))
    if status == _UNAUTHORIZED:
        return RefusalReason(_account(said))
    if matter := _matter(said, status):
        return RefusalReason(matter)
    return _part(said, formatted=formatted, sent=sent) or _without_words(status, body, formatted=formatted)


def _without_words(status: int, body: str, *, formatted: bool) -> RefusalReason:
    meant = status if status in _KINDS or status >= _SERVER else status_coded(body) or status
    if meant in _KINDS:
        return RefusalReason(_KINDS[meant])
    if meant >= _SERVER and meant != _NOT_IMPLEMENTED:
        # A server that falls over a schema says no more than this.
        return RefusalReason("server", (FORMAT_TYPE,) if formatted and status == _SERVER else ())
    # It may be about the format: the rungs below it find out.
    return RefusalReason("refused_format" if formatted and status in _OF_A_FORMAT else "request")


def _account(said: str) -> LLMErrorKind:
    """What a 401 is about: some say so of an empty account, or of a model that is not for this key."""
    if says.NO_CREDIT.search(said):
        return "quota"
    return "model" if says.DENIED_MODEL.search(said) else "auth"


def _limit(said: str) -> LLMErrorKind:
    """Whether a limit lifts by itself, is the end of an account, or is one that this request alone exceeds."""
    if says.TOO_LARGE.search(said):
        return "context"
    if says.NO_CREDIT.search(said):
        return "quota"
    a_day = says.PER_DAY.search(said) and not says.PER_MINUTE.search(said)
    is_spent = says.SPENT.search(said) and not says.LIFTING.search(said)
    return "quota" if a_day or is_spent or says.NONE_AT_ALL.search(said) else "rate_limit"


def _matter(said: str, status: int) -> LLMErrorKind | None:
    """What all of a request is refused for, by words."""
    in_trouble = status >= _SERVER and status != _NOT_IMPLEMENTED
    for kind, words in _MATTERS:
        if not (in_trouble and kind in _NOT_OURS) and words.search(said):
            return kind
    if not in_trouble and (says.AWAY.search(said) or says.PATH.search(said)):
        return "model"
    if not (says.LIMITED.search(said) or says.SPENT.search(said)):
        return None
    limit = _limit(said)
    return None if in_trouble and limit in _NOT_OURS else limit


def _part(said: str, *, formatted: bool, sent: Collection[str]) -> RefusalReason | None:
    """Which part of a request is refused, by words."""
    if named := _parameters(said, sent):
        return RefusalReason("refused_parameter", named)
    if says.LONG.search(said):
        return RefusalReason("context")
    if says.FORMAT.search(said):
        about = () if says.SCHEMA.search(said) else (FORMAT_TYPE,)
        return RefusalReason("refused_format", about) if formatted else RefusalReason("request")
    # It insists on a parameter that was left out already: no other request of ours will do.
    return RefusalReason("refused_parameter") if _parameters(said, PARAMETERS) else None


def _parameters(said: str, sent: Collection[str]) -> tuple[str, ...]:
    """The parameters that were sent and that the words complain of."""
    if large := says.LARGE_CAP.search(said):
        return tuple(name for name in sent if says.NAMES[name].search(large[0]))
    if says.LONG.search(said) or not says.COMPLAINT.search(said):
        return ()
    return tuple(name for name in sent if says.NAMES[name].search(said))


_PATH: Final = frozenset({404, 405, 410})
_OF_A_MODEL: Final = re.compile(r"(?<![a-z])(models?|engine|deployments?)(?![a-z])|模型|渠道")
_A_PATH: Final = re.compile(r"(?<![\w/])/\S+")
_ADVICE: Final[Mapping[LLMErrorKind, str]] = {
    "auth": "check API_KEY",
    "quota": "top up the account that API_KEY belongs to",
    "context": "set MODEL to one that reads more, or give its server more context",
    "declined": "another MODEL may answer",
    "refused_parameter": "set MODEL or LLM_BASE to one that takes it",
    "request": "check MODEL and LLM_BASE",
}


def advice(kind: LLMErrorKind, status: int = 0, said: str = "") -> str:
    """The setting to look at, for the end of a reason; empty where none is to blame.

    Args:
        kind: What the refusal is about.
        status: Its status.
        said: Its words, in lower case.
    """
    if kind != "model":
        return _ADVICE.get(kind, "")
    of_an_address = status in _PATH and not _OF_A_MODEL.search(_A_PATH.sub(" ", said))
    if of_an_address or says.PATH.search(said):
        return WRONG_PLACE
    return "check MODEL: `user-miner doctor` lists what the server has"
