"""What an operator does about the failures of the LLM's server, which setting to change first. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["LLM_FIXES"]

# By the kinds of LLMError.
LLM_FIXES: Final[Mapping[str, str]] = {
    "auth": "set API_KEY to a key of the LLM's server, whole and without quotes",
    "quota": "top up the account that API_KEY belongs to",
    "model": "set MODEL to a name that the server lists, and LLM_BASE to its address, which usually ends in /v1",
    "refused_format": "set MODEL to one that answers with JSON, and LLM_BASE to an OpenAI-compatible API",
    "refused_parameter": "set MODEL or LLM_BASE to one that takes the parameter which the reason names",
    "request": "set MODEL and LLM_BASE to an OpenAI-compatible API that answers chats",
    "context": "set MODEL to one that reads more, or give its server more context",
    "declined": "set MODEL to another one: this one does not answer such questions",
    "rate_limit": "wait: another program may use this key, too",
    "server": "the LLM's server has a problem of its own: wait, or set LLM_BASE to another",
    "timeout": "wait, raise LLM_TIMEOUT_SECONDS, or set MODEL to a faster one",
    "connection": "look at the network and at LLM_BASE",
    "broken": "look at the network and at LLM_BASE",
    "votes": "set MODEL to one that answers alike when it is asked again, or lower ANALYSIS_VOTES",
    "bug": "report this fault of user-miner, with the file that `user-miner doctor --bundle FILE` makes",
    "malformed": "set MODEL to one that answers with JSON, and LLM_BASE to an OpenAI-compatible API",
}
