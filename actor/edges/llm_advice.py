"""Which setting mends a refusal of a language model's server. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from actor.analyzer.port import LLMErrorKind

__all__ = ["advice"]

_PATH: Final = frozenset({404, 405, 410})
_OF_A_MODEL: Final = re.compile(r"(?<![a-z])(models?|engine|deployments?)(?![a-z])|模型|渠道")
_A_PATH: Final = re.compile(r"(?<![\w/])/\S+")
_ADVICE: Final[Mapping[LLMErrorKind, str]] = {
    "auth": "check API_KEY",
    "quota": "top up the account that API_KEY belongs to",
    "context": "set MODEL to one that reads more, or give its server more context",
    "declined": "another MODEL may answer",
    "refused_parameter": "set MODEL or LLM_BASE to one that takes it",
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
    if status not in _PATH or _OF_A_MODEL.search(_A_PATH.sub(" ", said)):
        return "check MODEL: `user-miner doctor` lists what the server has"
    return "check LLM_BASE, which ends in /v1"
