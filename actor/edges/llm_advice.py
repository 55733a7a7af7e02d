"""What a refusal of a language model's server is about, by its words, and which setting mends it. Pure.

Servers agree neither on the status for a wrong key, an unknown model or an empty account, nor on the words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from actor.analyzer.port import LLMErrorKind

__all__ = ["advice", "meaning"]

_KEY: Final = re.compile(
    r"(invalid|incorrect|wrong|missing)[ _](x-)?api[ _-]?key|api[ _-]?key[ _](is )?(not valid|invalid)"
)
_SPENT: Final = re.compile(
    r"insufficient[ _](quota|balance|credit|funds)|exceeded[ _]your[ _]current[ _]quota|exceeded_current_quota"
    r"|balance is (insufficient|too low|not enough)|credit balance|(out of|no|not enough) credits|billing_hard_limit"
)
_SOON: Final = re.compile(r"per[ _-]?(second|minute)|retry[ _]?delay")  # a limit that lifts by itself
_MODEL: Final = re.compile(
    r"model[ _]not[ _](found|exist)|(unknown|invalid|no such|not a valid) model\b(?! (param|output|resp))"
    r"|\bmodel\b.{0,120}(does not exist|not found|not exist|is not available|no longer available|decommissioned)"
)
_PATH: Final = frozenset({404, 405})


def meaning(said: str) -> LLMErrorKind | None:
    """What its words say that a refusal is about; None where they do not tell.

    Args:
        said: All of the body, in lower case.
    """
    if _SPENT.search(said) and not _SOON.search(said):
        return "quota"
    if _KEY.search(said):
        return "auth"
    return "model" if _MODEL.search(said) else None


def advice(kind: LLMErrorKind, status: int, said: str) -> str:
    """The setting to look at, for the end of a reason; empty where none is to blame."""
    if kind == "auth":
        return "check API_KEY"
    if kind == "quota":
        return "top up the account that API_KEY belongs to"
    if kind != "model":
        return ""
    if "model" in said or status not in _PATH:
        return "check MODEL: `user-miner doctor` lists what the server has"
    return "check LLM_BASE, which ends in /v1"
